"""Writing files: what is copied beside the pictures, odd sizes, and the promise about the name."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests import media_factory as make
from tryon.errors import MediaError
from tryon.streaming.media import VideoReader
from tryon.streaming.media_files import check_output
from tryon.streaming.media_writer import VideoWriter

TICK = Fraction(1, 90_000)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make.write_video(tmp_path_factory.mktemp("media") / "plain.mp4", audio=True)


def test_audio_is_copied_packet_by_packet_in_step(plain, tmp_path):
    make.copy(plain, tmp_path / "out.mp4")
    assert make.packets(plain, "audio") == make.packets(tmp_path / "out.mp4", "audio")
    assert make.pixels(plain)[0] == make.pixels(tmp_path / "out.mp4")[0]


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path):
    """Players read on from where they are: all the sound at the end would not play."""
    images = [make.picture(i) for i in range(100)]
    source = make.write_video(tmp_path / "a.mp4", images, audio=True, time_base=Fraction(1, 4))
    make.copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        order = sorted(
            (p.pos, float(p.dts * p.time_base)) for p in out.demux() if p.dts is not None
        )
    times = np.array([seconds for _, seconds in order])
    assert times[-1] > 20
    assert (np.maximum.accumulate(times) - times).max() < 2


def test_an_audio_offset_is_kept(tmp_path):
    source = make.write_video(tmp_path / "a.mp4", audio=True, audio_start=0.2)
    make.copy(source, tmp_path / "out.mp4")
    stamps = [[p[:2] for p in make.packets(x, "audio")] for x in (source, tmp_path / "out.mp4")]
    assert stamps[0] == stamps[1]


def test_several_audio_tracks_and_subtitles(tmp_path):
    two = make.write_video(tmp_path / "two.mp4", audio=True, audio_tracks=2)
    source = make.with_subtitles(tmp_path / "in.mkv", two)
    make.copy(source, tmp_path / "out.mkv")
    for kind in ("audio", "subtitle"):
        assert make.packets(source, kind) == make.packets(tmp_path / "out.mkv", kind)
    _, writer = make.copy(source, tmp_path / "out.mp4")
    assert ["subtitle" in n and "converted" in n for n in writer.notices] == [True]
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert [s.type for s in out.streams] == ["video", "audio", "audio", "subtitle"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_data_stream_is_left_out_and_said(tmp_path, suffix):
    source = tmp_path / "in.ts"
    with av.open(str(source), "w", format="mpegts") as out:
        stream, data = out.add_stream("libx264", rate=25), out.add_data_stream("klv")
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(make.picture(index))))
            packet = av.Packet(b"telemetry")
            packet.stream, packet.time_base = data, Fraction(1, 25)
            packet.pts = packet.dts = index
            out.mux(packet)
        out.mux(stream.encode(None))
    with av.open(str(source)) as container:
        assert [s.type for s in container.streams] == ["video", "data"]
    _, writer = make.copy(source, tmp_path / f"out{suffix}")
    assert any("data stream" in note and "dropped" in note for note in writer.notices)
    assert len(make.pixels(tmp_path / f"out{suffix}")[0]) == 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_part_starts_at_zero_with_its_audio(plain, tmp_path, suffix):
    start, end = Fraction(3, 25), Fraction(7, 25)
    out = tmp_path / f"o{suffix}"
    with VideoReader(plain, start=0.12, end=0.28) as reader:
        with VideoWriter(out, like=reader.info, start=start, end=end) as writer:
            for frame in reader.frames():
                writer.write(frame.image, frame.pts)
    assert make.pixels(out)[0] == [Fraction(i, 25) for i in range(4)]
    rate = 48_000 if suffix == ".mp4" else 1000
    sound = [p[0] / rate for p in make.packets(out, "audio")]
    assert 0 <= sound[0] < 0.03
    assert 0.1 < sound[-1] < 0.16


@pytest.mark.parametrize("size", [(65, 49), (64, 49), (1, 1), (2, 2)])
def test_odd_sizes_are_kept_and_said(tmp_path, size):
    images = [make.picture(i, *size) for i in range(3)]
    source = make.write_video(tmp_path / "odd.mkv", images, codec="ffv1", pix_fmt="yuv444p")
    _, writer = make.copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        context = out.streams.video[0].codec_context
        assert (context.width, context.height) == size
        odd = size[0] % 2 or size[1] % 2
        assert context.pix_fmt == ("yuv444p" if odd else "yuv420p")
    assert bool(writer.notices) == bool(odd)


def test_pixel_aspect_is_kept_and_turned_with_the_picture(tmp_path):
    source = make.write_video(tmp_path / "sar.mp4", aspect=Fraction(4, 3))
    make.copy(source, tmp_path / "a.mp4")
    make.copy(make.set_matrix(source, "90"), tmp_path / "b.mp4")
    for name, aspect in (("a", Fraction(4, 3)), ("b", Fraction(3, 4))):
        with av.open(str(tmp_path / f"{name}.mp4")) as out:
            assert out.streams.video[0].sample_aspect_ratio == aspect


def test_a_picture_of_another_size_is_scaled_to_the_first(tmp_path):
    with VideoWriter(tmp_path / "o.mp4") as writer:
        writer.write(make.picture(0), Fraction(0))
        writer.write(make.picture(1, 128, 96), Fraction(1, 30))
    assert [i.shape for i in make.pixels(tmp_path / "o.mp4")[1]] == [(48, 64, 3)] * 2
    assert "scaled" in writer.notices[0]


def test_time_stamps_that_do_not_increase_are_moved(tmp_path):
    with VideoWriter(tmp_path / "o.mp4") as writer:
        for pts in (0, Fraction(1, 30), Fraction(1, 30), Fraction(1, 60)):
            writer.write(make.picture(0), Fraction(pts))
    stamps = make.pixels(tmp_path / "o.mp4")[0]
    assert stamps == [0, Fraction(1, 30), Fraction(1, 30) + TICK, Fraction(1, 30) + 2 * TICK]


@pytest.mark.parametrize("name", ["目标 é.mp4", "with space.mp4", "-dash.mp4", "take:2.mp4"])
def test_names_that_trip_other_tools(tmp_path, monkeypatch, plain, name):
    if ":" in name and os.name == "nt":
        pytest.skip("Windows has no such names")
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(plain.read_bytes())
    make.copy(name, f"out {name}")
    assert len(make.pixels(tmp_path / f"out {name}")[0]) == 10


def test_the_longest_name_and_a_symbolic_link(tmp_path, plain):
    out = tmp_path / ("x" * 251 + ".mp4")
    make.copy(plain, out)
    assert out.exists()
    if os.name != "nt":
        (tmp_path / "link.mp4").symlink_to(plain)
        make.copy(tmp_path / "link.mp4", tmp_path / "out.mp4")
        assert len(make.pixels(tmp_path / "out.mp4")[0]) == 10


# --- the promise about the output file --------------------------------------------------


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_nothing_has_the_name_until_the_file_is_complete(tmp_path):
    out = tmp_path / "o.mp4"
    with VideoWriter(out) as writer:
        writer.write(make.picture(0), Fraction(0))
        assert not out.exists()
    assert left(tmp_path) == ["o.mp4"]


@pytest.mark.parametrize("fault", [RuntimeError("stage"), KeyboardInterrupt()])
def test_an_error_or_interrupt_leaves_nothing(tmp_path, fault):
    def work():
        with VideoWriter(tmp_path / "o.mp4") as writer:
            for i in range(5):
                writer.write(make.picture(i), Fraction(i, 30))
            raise fault

    with pytest.raises(type(fault)):
        work()
    assert left(tmp_path) == []


def test_an_error_keeps_the_older_file(tmp_path):
    out = tmp_path / "o.mp4"
    out.write_bytes(b"older")
    writer = VideoWriter(out, overwrite=True)
    writer.write(make.picture(0), Fraction(0))
    writer.abort()
    assert out.read_bytes() == b"older"
    assert left(tmp_path) == ["o.mp4"]


def test_no_picture_leaves_no_file(tmp_path):
    VideoWriter(tmp_path / "o.mp4").close()
    assert left(tmp_path) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    with VideoWriter(tmp_path / "o.mp4") as writer:
        writer.write(make.picture(0), Fraction(0))

        def full(packets):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer, "_encode", full)
        with pytest.raises(MediaError, match=r"No space left.*check the free space"):
            writer.write(make.picture(1), Fraction(1, 30))
        with pytest.raises(MediaError, match="No space left"):
            writer.close()
        monkeypatch.undo()
    assert left(tmp_path) == []


def test_outputs_are_refused_before_any_work(tmp_path, plain, monkeypatch):
    existing = tmp_path / "there.mp4"
    existing.write_bytes(b"x")
    link = tmp_path / "link.mp4"
    link.hardlink_to(plain)
    (tmp_path / "folder.mp4").mkdir()
    info = VideoReader(plain).info
    for path, words in (
        (plain, "the input itself"),
        (link, "the input itself"),
        (existing, "--overwrite"),
        (tmp_path / "no" / "o.mp4", "does not exist"),
        (tmp_path / "o.gif", "suffix"),
        (tmp_path / "o", "suffix"),
        (tmp_path / "folder.mp4", "is a folder"),
    ):
        with pytest.raises(MediaError, match=words):
            VideoWriter(path, like=info)
    with pytest.raises(MediaError, match="the input itself"):
        VideoWriter(plain, like=info, overwrite=True)
    assert check_output(existing, overwrite=True) == existing

    def denied(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(MediaError, match="Permission denied"):
        VideoWriter(tmp_path / "o.mp4")


def test_use_after_close_is_refused(tmp_path):
    writer = VideoWriter(tmp_path / "o.mp4")
    writer.close()
    writer.close()
    with pytest.raises(MediaError, match="closed"):
        writer.write(make.picture(0), Fraction(0))
