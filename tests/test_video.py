"""The video command with the real session: a face that moves, sound, and every fault in words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from tests import media_factory as make
from tests.conftest import without_gpu
from tryon import video
from tryon.streaming.demo_clip import DemoClip
from tryon.streaming.media_pieces import PieceWriter


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    from PIL import Image
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("look") / "ref.png"
    Image.fromarray(astronaut()).save(path)
    return str(path)


@pytest.fixture(scope="module")
def painted_photo(painted_portrait, tmp_path_factory):
    from PIL import Image

    path = tmp_path_factory.mktemp("look") / "painted.png"
    Image.fromarray(painted_portrait).save(path)
    return str(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve frames of a face at uneven times, with sound."""
    demo = DemoClip(320, 240)
    images = [demo.frame(i).image for i in range(12)]
    return make.write_video(
        tmp_path_factory.mktemp("clip") / "in.mp4",
        images,
        pts=[i * 3000 + 7 * i * i for i in range(12)],
        time_base=Fraction(1, 90_000),
        audio=True,
    )


def run(*argv):
    return video.main([str(a) for a in argv])


def test_every_frame_is_made_up_and_time_and_sound_are_kept(clip, photo, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert run(clip, "--ref", photo, "-o", out, "--json") == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith(f"{out}: 12 frames")
    done = json.loads(lines[-1])
    assert (done["frames"], done["frames_with_face"], done["notes"]) == (12, 12, [])
    assert make.pixels(out)[0] == make.pixels(clip)[0]
    assert make.packets(out, "audio") == make.packets(clip, "audio")
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_faces_found_ahead_are_made_up_as_well(clip, photo, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert run(clip, "--ref", photo, "-o", out, "--overlap", "on", "--json") == 0
    done = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (done["frames"], done["frames_with_face"], done["notes"]) == (12, 12, [])
    assert make.pixels(out)[0] == make.pixels(clip)[0]


def test_intensity_zero_gives_the_same_pictures(clip, photo, tmp_path):
    out = tmp_path / "out.mp4"
    assert run(clip, "--ref", photo, "-o", out, "--intensity", "all=0", "--quiet") == 0
    for a, b in zip(make.pixels(clip)[1], make.pixels(out)[1], strict=True):
        assert np.abs(a.astype(int) - b).mean() < 2.5  # H.264 at CRF 18


def test_a_part_begins_at_zero(clip, photo, tmp_path):
    out = tmp_path / "out.mp4"
    assert run(clip, "--ref", photo, "-o", out, "--start", "0.1", "--end", "0.3", "--quiet") == 0
    stamps = [t for t in make.pixels(clip)[0] if Fraction(1, 10) <= t < Fraction(3, 10)]
    assert make.pixels(out)[0] == [t - Fraction(1, 10) for t in stamps]


def test_a_video_without_a_face_passes_through_and_says_so(photo, tmp_path, capsys):
    source = make.write_video(tmp_path / "in.mp4", [make.picture(i, 96, 64) for i in range(5)])
    assert run(source, "--ref", photo, "-o", tmp_path / "out.mp4") == 0
    assert "note: no face was found" in capsys.readouterr().out
    assert len(make.pixels(tmp_path / "out.mp4")[0]) == 5


@pytest.mark.parametrize(
    ("make_input", "words"),
    [
        (lambda p: p, "does not exist"),
        (lambda p: (p.write_bytes(b"") and p) or p, "is empty"),
        (lambda p: p.write_text("<html>") and p, "cannot be read"),
        (make.hdr10, "--tone-map"),
        (make.audio_only, "no video stream"),
        (lambda p: make.write_video(p, [make.picture(i, 32, 32) for i in range(3)]), "64 to 8192"),
        (lambda p: "https://host/in.mp4", "not a local file"),
    ],
)
def test_inputs_that_cannot_be_used_are_one_line(make_input, words, photo, tmp_path, capsys):
    source = make_input(tmp_path / "in.mp4")
    out = tmp_path / "out" / "o.mp4"
    out.parent.mkdir()
    assert run(source, "--ref", photo, "-o", out) == 1
    stdout, err = capsys.readouterr()
    assert stdout == ""
    assert err.count("\n") == 1
    assert words in err
    assert list(out.parent.iterdir()) == []


def test_outputs_that_must_not_be_written(clip, photo, tmp_path, capsys):
    data = clip.read_bytes()
    existing = tmp_path / "there.mp4"
    existing.write_bytes(b"older")
    for argv, words in (
        ([clip, "-o", clip, "--overwrite"], "the input itself"),
        ([clip, "-o", existing], "--overwrite"),
        ([clip, "-o", tmp_path / "no" / "o.mp4"], "does not exist"),
        ([clip, "-o", tmp_path / "o.gif"], "suffix"),
    ):
        assert run(*argv, "--ref", photo) == 1
        assert words in capsys.readouterr().err
    assert clip.read_bytes() == data
    assert existing.read_bytes() == b"older"


def test_a_bad_reference_leaves_no_output(clip, tmp_path, capsys):
    assert run(clip, "--ref", tmp_path / "none.png", "-o", tmp_path / "o.mp4") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_fault_in_the_middle_leaves_no_output(clip, photo, tmp_path, capsys, monkeypatch):
    from tryon.errors import EngineError
    from tryon.session.intake import Intake

    read = Intake.frame

    def failing(self, frame):
        if frame.index == 7:
            raise EngineError("out of memory; use --faces 1")
        return read(self, frame)

    monkeypatch.setattr(Intake, "frame", failing)
    assert run(clip, "--ref", photo, "-o", tmp_path / "o.mp4") == 1
    assert capsys.readouterr().err == "error: out of memory; use --faces 1\n"
    assert list(tmp_path.iterdir()) == []


def test_hdr_is_made_up_when_asked_to_tone_map(photo, tmp_path, capsys):
    source = make.hdr10(tmp_path / "in.mp4", size=(96, 64))
    assert run(source, "--ref", photo, "-o", tmp_path / "o.mp4", "--tone-map") == 0
    assert "note: HDR (PQ) is tone-mapped" in capsys.readouterr().out
    assert len(make.pixels(tmp_path / "o.mp4")[0]) == 10


def test_ten_bit_video_is_made_up_and_stays_ten_bit(painted_photo, tmp_path, capsys, monkeypatch):
    demo = DemoClip(320, 240)
    source = make.write_video(
        tmp_path / "in.mkv",
        [demo.frame(i).image for i in range(8)],
        codec="ffv1",
        pix_fmt="yuv420p10le",
        matrix=6,
        audio=True,
    )
    out, written, write = tmp_path / "out.mkv", [], PieceWriter.write

    def watched(self, image, pts):
        written.append(image.frame().to_ndarray()[:240].astype(int))
        write(self, image, pts)

    monkeypatch.setattr(PieceWriter, "write", watched)
    assert run(source, "--ref", painted_photo, "-o", out, "--json") == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["frames"], done["frames_with_face"]) == (8, 8)
    assert done["notes"] == ["written as H.265, which keeps the 10 bits a channel"]
    assert make.packets(out, "audio") == make.packets(source, "audio")

    def luma(path):
        with av.open(str(path)) as container:
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
            return [frame.to_ndarray()[:240].astype(int) for frame in container.decode(video=0)]

    for before, made, after in zip(luma(source), written, luma(out), strict=True):
        assert np.array_equal(made[:40], before[:40])  # above the face, to the last bit
        assert np.percentile(np.abs(made - before), 99.5) > 20  # lips and lids
        assert np.abs(after - made).mean() < 6  # what the encoder loses


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr("tryon.streaming.media_pieces.LENGTH", 5)


def test_a_stopped_run_goes_on_and_gives_the_same(
    clip, photo, tmp_path, capsys, monkeypatch, short_pieces
):
    from tryon.session.intake import Intake

    assert run(clip, "--ref", photo, "-o", tmp_path / "whole.mp4") == 0
    read = Intake.frame

    def stopped(self, frame):
        if frame.index == 11:
            raise KeyboardInterrupt
        return read(self, frame)

    out = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(Intake, "frame", stopped)
        assert run(clip, "--ref", photo, "-o", out) == 130
    err = capsys.readouterr().err
    assert err == "interrupted: 5 frames are kept; the same command goes on from there\n"
    assert not out.exists()
    assert run(clip, "--ref", photo, "-o", out, "--json") == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["frames"], done["resumed"]) == (12, 5)
    for kind in ("video", "audio"):
        assert [p[:2] for p in make.packets(out, kind)] == [
            p[:2] for p in make.packets(tmp_path / "whole.mp4", kind)
        ]
    for a, b in zip(make.pixels(out)[1], make.pixels(tmp_path / "whole.mp4")[1], strict=True):
        assert np.abs(a.astype(int) - b).mean() < 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "whole.mp4"]


def test_another_wish_starts_anew(clip, photo, tmp_path, capsys, monkeypatch, short_pieces):
    from tryon.session.intake import Intake

    read = Intake.frame

    def stopped(self, frame):
        if frame.index == 11:
            raise KeyboardInterrupt
        return read(self, frame)

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "frame", stopped)
        assert run(clip, "--ref", photo, "-o", tmp_path / "o.mp4") == 130
    other = ("--intensity", "lips=0.5", "--json")
    assert run(clip, "--ref", photo, "-o", tmp_path / "o.mp4", *other) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["resumed"] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_sigterm_puts_everything_away_and_exits_130(clip, look, tmp_path):
    worn, folder = tmp_path / "a.look", tmp_path / "out"
    look.save(worn)
    folder.mkdir()
    out = folder / "out.mp4"
    command = [sys.executable, "-m", "tryon.video", str(clip), "--look", str(worn), "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=without_gpu()) as process:
        try:
            while process.poll() is None and not list(folder.glob(".tryon-*/plan.json")):
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()  # if it did not end, it does not stay either
    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("argv", [["--start", "-1"], ["--end", "x"], ["--intensity", "hair=1"]])
def test_wrong_usage(argv, clip, photo, tmp_path, capsys):
    assert run(clip, "--ref", photo, "-o", tmp_path / "o.mp4", *argv) == 2
    capsys.readouterr()
