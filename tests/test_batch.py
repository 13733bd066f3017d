"""A folder through real workers: what is made, skipped and told, and what a dead worker costs."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from tests import media_factory as make
from tryon import batch
from tryon.batch_files import JOURNAL, Job, Journal, Outcome, find_jobs
from tryon.batch_workers import ProcessLane, Worker, WorkerLostError, run_all
from tryon.errors import ConfigError, ImageError
from tryon.offline import Wish
from tryon.session import SessionConfig
from tryon.streaming.demo_clip import DemoClip


@pytest.fixture
def folder(tmp_path, portrait, wall):
    """Good and bad files in a tree, with letters of all kinds in their names."""
    inside = tmp_path / "in"
    (inside / "sub" / "目标 é").mkdir(parents=True)
    Image.fromarray(portrait).save(inside / "sub" / "目标 é" / "face.png")
    Image.fromarray(wall).save(inside / "wall.png")
    (inside / "page.jpg").write_text("<html>")
    (inside / "junk.mp4").write_bytes(b"junk" * 100)
    (inside / "notes.txt").write_text("no picture")
    (inside / ".hidden.png").write_bytes(b"x")
    demo = DemoClip(320, 240)
    make.write_video(inside / "sub" / "clip.avi", [demo.frame(i).image for i in range(6)])
    return inside


@pytest.fixture
def photos(tmp_path, portrait):
    """Three jobs on copies of the portrait."""
    jobs = []
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(portrait).save(tmp_path / name)
        jobs.append(Job(name, tmp_path / name, tmp_path / "out" / name, name, False))
    return jobs


@pytest.fixture
def wish(look):
    return Wish(look, (("lips", 0.5),), SessionConfig(threads=1))


def records(out):
    lines = (out / JOURNAL).read_text(encoding="utf-8").splitlines()
    return {r["name"]: r for r in map(json.loads, lines)}


# --- the command -------------------------------------------------------------------------


def test_a_folder_is_made_up_and_the_next_run_does_only_what_is_left(
    folder, look, tmp_path, capsys, portrait
):
    look.save(tmp_path / "red.look")
    out = tmp_path / "out"
    argv = [str(folder), "--look", str(tmp_path / "red.look"), "-o", str(out), "--workers", "1"]
    assert batch.main(argv) == 1
    said, err = capsys.readouterr()
    assert "2 ok, 0 done before, 3 failed, 1 other files" in said
    assert err.strip().endswith("error: 3 of 5 files failed; the reasons are above")
    assert "failed  page.jpg: page.jpg is not a picture" in said
    assert "failed  wall.png: no face found" in said
    made = np.asarray(Image.open(out / "sub" / "目标 é" / "face.png"))
    assert (made != portrait).any()
    assert len(make.pixels(out / "sub" / "clip.avi.mp4")[0]) == 6
    known = records(out)
    assert {name: r["status"] for name, r in known.items()} == {
        "junk.mp4": "failed",
        "page.jpg": "failed",
        "wall.png": "failed",
        "sub/clip.avi": "ok",
        "sub/目标 é/face.png": "ok",
    }
    assert known["sub/clip.avi"]["frames"] == 6
    files = sorted(p.name for p in out.rglob("*") if p.is_file())
    assert files == ["clip.avi.mp4", "face.png", JOURNAL]

    for name in ("junk.mp4", "page.jpg", "wall.png"):
        (folder / name).unlink()
    assert batch.main(argv) == 0
    assert "0 ok, 2 done before, 0 failed" in capsys.readouterr().out

    face = out / "sub" / "目标 é" / "face.png"
    whole = face.read_bytes()
    face.write_bytes(whole[:-100])  # damaged since: existence is not enough
    assert batch.main(argv) == 0
    assert "1 ok, 1 done before, 0 failed" in capsys.readouterr().out
    assert face.read_bytes() == whole


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["none"], "is not a folder"),
        (["empty"], "holds no photo or video"),
        (["full", "--ref", "none.png"], "none.png"),
    ],
)
def test_faults_before_any_work_are_one_line(argv, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.png").write_bytes(b"x")
    (tmp_path / "l.look").write_bytes(b"junk")
    makeup = [] if "--ref" in argv else ["--look", "l.look"]
    assert batch.main([*argv, *makeup, "-o", "out"]) == 1
    stdout, err = capsys.readouterr()
    assert stdout == ""
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_ours_is_not_replaced(tmp_path, look, portrait, capsys):
    (tmp_path / "in").mkdir()
    Image.fromarray(portrait).save(tmp_path / "in" / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    look.save(tmp_path / "l.look")
    argv = [str(tmp_path / "in"), "--look", str(tmp_path / "l.look"), "-o", str(tmp_path / "out")]
    assert batch.main(argv) == 1
    assert "pass --overwrite" in capsys.readouterr().out
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"


# --- jobs and the journal ----------------------------------------------------------------


def test_the_output_folder_inside_the_input_is_passed_over(tmp_path):
    for name in ("a.jpg", "out/b.jpg", "sub/c.MP4", ".git/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    jobs, others = find_jobs(tmp_path, tmp_path / "out")
    assert [(j.name, j.target, j.video) for j in jobs] == [
        ("a.jpg", "a.jpg", False),
        ("sub/c.MP4", "sub/c.MP4", True),
    ]
    assert others == 0


def test_two_files_for_one_output_are_refused(tmp_path):
    for name in ("a.avi", "a.avi.mp4"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"a\.avi and a\.avi\.mp4 would both"):
        find_jobs(tmp_path, tmp_path / "out")


def test_the_journal_believes_only_what_is_unchanged(tmp_path, photos):
    from tryon.batch_files import digest, stamp

    job, out = photos[0], tmp_path / "out"
    journal = Journal(out, "key")
    job.output.write_bytes(b"picture")
    assert journal.finished(job) is None
    assert not journal.ours(job)
    done = Outcome(
        job.name, "ok", job.target, key="key", source=stamp(job.source), digest=digest(job.output)
    )
    journal.add(done)
    with journal.path.open("a") as file:
        file.write('{"name": "half a li')  # killed in the middle
    again = Journal(out, "key")
    assert again.finished(job).status == "skipped"
    again.add(done)  # begins a line of its own
    assert Journal(out, "key").finished(job) is not None
    assert Journal(out, "other").finished(job) is None
    assert Journal(out, "other").ours(job)
    os.utime(job.source, ns=(1, 1))
    assert Journal(out, "key").finished(job) is None


def test_an_output_folder_that_cannot_be_is_one_error(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ImageError, match="cannot write into"):
        Journal(tmp_path / "file", "key")


# --- workers -----------------------------------------------------------------------------


def test_a_worker_reads_photos_and_videos_with_one_session(wish, photos, tmp_path, portrait):
    demo = DemoClip(320, 240)
    clip = make.write_video(tmp_path / "c.mp4", [demo.frame(i).image for i in range(4)])
    video = Job("c.mp4", clip, tmp_path / "out" / "c.mp4", "c.mp4", True)
    worker = Worker(wish, False)
    outcomes = [worker.work(job) for job in (photos[0], video, photos[1])]
    session = worker._session
    missing = Job("n.png", tmp_path / "n.png", tmp_path / "out" / "n.png", "n.png", False)
    assert worker.work(missing).reason.startswith("cannot read")
    assert worker._session is session
    worker.close()
    assert [o.status for o in outcomes] == ["ok"] * 3
    one, other = (np.asarray(Image.open(photos[i].output)) for i in (0, 1))
    np.testing.assert_array_equal(one, other)  # the video in between left nothing behind
    assert (one != portrait).any()


def killed_soon(lane, pid):
    """Kill the lane's worker while it is at work on its first file."""
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    return lane


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL to send")
def test_a_killed_worker_is_replaced_and_its_file_done_once_more(wish, photos):
    lanes = []

    def start():
        lane = ProcessLane(wish, False)
        lanes.append(lane)
        return killed_soon(lane, lane._process.pid) if len(lanes) == 1 else lane

    outcomes = {o.name: o for o in run_all(photos[:2], start, 1)}
    assert [o.status for o in outcomes.values()] == ["ok", "ok"]
    assert outcomes["a.png"].notes == ("its worker died (signal 9) and it was given to another",)
    assert outcomes["b.png"].notes == ()
    assert len(lanes) == 2
    assert not any(lane._process.is_alive() for lane in lanes)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL to send")
def test_a_file_that_kills_two_workers_is_given_up_and_told(wish, photos):
    lanes = []

    def start():
        lanes.append(ProcessLane(wish, False))
        return killed_soon(lanes[-1], lanes[-1]._process.pid)

    (outcome,) = run_all(photos[:1], start, 1)
    assert (outcome.status, len(lanes)) == ("failed", 2)
    assert outcome.reason.startswith("its worker died (signal 9) and so did a second one")


def test_leaving_early_ends_the_workers(wish, photos):
    lanes = []

    def start():
        lanes.append(ProcessLane(wish, False))
        return lanes[-1]

    outcomes = run_all(photos, start, 1)
    next(outcomes)
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 12
    assert not lanes[0]._process.is_alive()


def test_a_worker_that_cannot_start_ends_the_batch_with_its_error(photos):
    def start():
        raise ConfigError("no such machine")

    with pytest.raises(ConfigError, match="no such machine"):
        list(run_all(photos, start, 2))


# --- on Ray ------------------------------------------------------------------------------


def test_without_ray_the_extra_is_named(monkeypatch):
    import sys

    from tryon import batch_ray
    from tryon.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"tryon\[batch\]"):
        batch_ray.connect("auto")


def test_on_ray_a_killed_actor_is_replaced_too(wish, photos):
    ray = pytest.importorskip("ray", reason="the extra `batch` is not installed")
    from tryon.batch_ray import RayLane, connect, disconnect

    lanes = []

    def start():
        lane = RayLane(wish, False)
        lanes.append(lane)
        if len(lanes) == 1:
            pid = ray.get(lane._actor.__ray_call__.remote(lambda worker: os.getpid()))
            killed_soon(lane, pid)
        return lane

    os.environ.pop("RAY_ADDRESS", None)
    assert connect("auto") >= 1
    try:
        outcomes = {o.name: o for o in run_all(photos[:2], start, 1)}
        assert [o.status for o in outcomes.values()] == ["ok", "ok"]
        assert outcomes["a.png"].notes[0].startswith("its worker died (ActorDiedError)")
        lanes[-1].close()
        with pytest.raises(WorkerLostError):
            lanes[-1].run(photos[2])
    finally:
        disconnect()
