"""Reading and writing files: every kind in the wild that can go wrong, made on the spot."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tryon.streaming.media import FULL, VideoReader
from tryon.streaming.media_writer import VideoWriter, check_output

from tests import media_factory as make
from tryon.errors import MediaError

TICK = Fraction(1, 90_000)
ODD_STAMPS = (0, 3003, 5000, 9009, 9500, 20_000, 30_000, 30_001, 41_000, 90_000)


def copy(source, out, **options):
    """Run a file through reader and writer unchanged; gives both, closed."""
    with VideoReader(source) as reader, VideoWriter(out, like=reader.info, **options) as writer:
        for frame in reader.frames():
            writer.write(frame.image, frame.pts)
    return reader, writer


def mean_difference(a, b):
    return np.abs(a.astype(int) - b).mean()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make.write_video(tmp_path_factory.mktemp("media") / "plain.mp4", audio=True)


# --- what is read -----------------------------------------------------------------------


def test_every_frame_is_read_once_with_its_stamp(plain):
    with VideoReader(plain) as reader:
        frames = list(reader.frames())
    assert [f.pts for f in frames] == [Fraction(i, 25) for i in range(10)]
    assert [f.index for f in frames] == list(range(10))
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8
    assert all(mean_difference(f.image, make.picture(i)) < 3 for i, f in enumerate(frames))
    assert reader.info.frame_count == 10
    assert "64x48 at 25" in reader.description
    assert (reader.damaged, reader.repaired) == (0, 0)


def test_variable_frame_rate_is_kept_exactly(tmp_path):
    source = make.write_video(tmp_path / "vfr.mp4", pts=ODD_STAMPS, time_base=TICK)
    copy(source, tmp_path / "out.mp4")
    assert make.pixels(tmp_path / "out.mp4")[0] == [p * TICK for p in ODD_STAMPS]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_late_start_is_kept_to_the_tick(tmp_path, suffix):
    stamps = [137 + 10 * i * i for i in range(10)]
    source = make.write_video(tmp_path / "late.mkv", pts=stamps, time_base=Fraction(1, 1000))
    kept = make.pixels(source)[0]
    assert kept[0] == Fraction(137, 1000)
    copy(source, tmp_path / f"out{suffix}")
    assert make.pixels(tmp_path / f"out{suffix}")[0] == kept


def test_time_stamps_that_repeat_or_go_back_are_moved_to_the_next_tick(tmp_path):
    source = make.write_video(tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuv444p")
    with VideoReader(source) as reader:
        raw = reader._raw()

        def repeated():
            for i, frame in enumerate(raw):
                frame.pts = {3: 80, 4: None, 5: 10}.get(i, frame.pts)
                yield frame

        reader._raw = repeated
        reader._decoded = reader._decode()
        reader._peeked = next(reader._decoded)
        stamps = [f.pts for f in reader.frames()]
    assert all(a < b for a, b in pairwise(stamps))
    assert reader.repaired == 3


@pytest.mark.parametrize("name", make.UPRIGHT)
def test_a_turned_video_is_read_upright_once(tmp_path, name):
    stored = make.write_video(tmp_path / "a.mp4")
    upright = {
        "90": lambda image: np.rot90(image, -1),
        "180": lambda image: np.rot90(image, 2),
        "270": np.rot90,
        "hflip": np.fliplr,
        "vflip": np.flipud,
    }[name](make.picture(0))
    make.set_matrix(stored, name)
    reader, _ = copy(stored, tmp_path / "out.mp4")
    first = next(iter(VideoReader(stored).frames())).image
    assert first.shape == upright.shape == (reader.info.height, reader.info.width, 3)
    assert mean_difference(first, upright) < 3
    written = make.pixels(tmp_path / "out.mp4")[1][0]  # as stored: no matrix may turn it again
    assert mean_difference(written, upright) < 4
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert next(out.decode(video=0)).rotation == 0


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 2, 6, 9])
def test_colours_survive_reading_and_a_round_trip(tmp_path, matrix, full):
    source = make.write_video(
        tmp_path / "c.mp4", [make.patches()] * 3, matrix=matrix, full_range=full
    )
    reader, _ = copy(source, tmp_path / "out.mp4")
    for path in (source, tmp_path / "out.mp4"):
        image = next(iter(VideoReader(path).frames())).image
        assert np.abs(image[8::16, 12::24].astype(int) - np.array(make.PATCHES)).max() <= 2
    written = VideoReader(tmp_path / "out.mp4").info.colour
    assert written.range != FULL  # untagged means limited
    assert replace(written, range=0) == replace(reader.info.colour, range=0)


def test_an_untouched_pixel_comes_back_as_it_was(tmp_path):
    """Without the encoder's own loss, reading and writing change nothing that can be seen."""
    with VideoReader(make.write_video(tmp_path / "a.mp4", matrix=1)) as reader:
        image = next(iter(reader.frames())).image
        with VideoWriter(tmp_path / "o.mp4", like=reader.info) as writer:
            writer.write(image, Fraction(0))
            back = writer._to_yuv(image)
    with av.open(str(tmp_path / "a.mp4")) as container:
        first = next(container.decode(video=0))
    for mine, theirs in zip(back.planes, first.planes, strict=True):
        a, b = (
            np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width].astype(int)
            for p in (mine, theirs)
        )
        assert np.abs(a - b).mean() < 0.05


def test_ten_bit_and_alpha_are_read_and_said(tmp_path):
    deep = make.write_video(tmp_path / "d.mkv", codec="ffv1", pix_fmt="yuv420p10le")
    alpha = make.write_video(tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuva444p")
    grey = make.write_video(tmp_path / "g.mkv", codec="ffv1", pix_fmt="gray")
    assert "8 bits" in VideoReader(deep).notices[0]
    assert "transparency" in VideoReader(alpha).notices[0]
    assert VideoReader(grey).notices == ()
    for path in (deep, alpha):
        assert mean_difference(next(iter(VideoReader(path).frames())).image, make.picture(0)) < 3


def test_part_of_a_video(plain, tmp_path):
    with VideoReader(plain, start=0.12, end=0.28) as reader:
        assert [f.pts for f in reader.frames()] == [Fraction(i, 25) for i in (3, 4, 5, 6)]
    with pytest.raises(MediaError, match="start"):
        VideoReader(plain, start=3, end=2)
    with pytest.raises(MediaError, match="no frame"):
        VideoReader(plain, start=100)


def test_close_ends_reading_and_is_harmless_twice(plain):
    reader = VideoReader(plain)
    frames = reader.frames()
    next(frames)
    reader.close()
    assert list(frames) == []
    reader.close()
    unread = VideoReader(plain)
    unread.close()
    assert list(unread.frames()) == []


# --- what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\x07junk" * 500, "cannot be read"), (b"<html>404</html>", "cannot be")],
)
def test_what_is_no_video_is_refused(tmp_path, content, words):
    path = tmp_path / "in.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=words):
        VideoReader(path)


def test_truncated_header_no_picture_and_audio_only(tmp_path, plain):
    with pytest.raises(MediaError, match="cannot be read"):
        VideoReader(make.truncated(tmp_path / "t.mp4", plain, 0.3))
    with pytest.raises(MediaError, match="no video stream"):
        VideoReader(make.audio_only(tmp_path / "a.m4a"))
    with pytest.raises(MediaError, match="does not exist"):
        VideoReader(tmp_path / "missing.mp4")
    with pytest.raises(MediaError, match="not a file"):
        VideoReader(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "http://host/in.mp4",
        "https://host/a",
        "concat:a.mp4|b.mp4",
        "rtsp://cam",
        "pipe:0",
        "data:x",
    ],
)
def test_only_local_files_are_opened(text):
    with pytest.raises(MediaError, match="not a local file"):
        VideoReader(text)


def test_a_playlist_cannot_reach_out(tmp_path):
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    began = time.monotonic()
    with pytest.raises(MediaError, match="cannot be read"):
        VideoReader(path)
    assert time.monotonic() - began < 2  # it did not even try


def test_hdr_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(MediaError, match=r"HDR video \(PQ\).*SDR"):
        VideoReader(make.hdr10(tmp_path / "hdr.mp4"))
    hlg = make.write_video(tmp_path / "hlg.mp4", matrix=9, transfer=18, primaries=9)
    with pytest.raises(MediaError, match="HLG"):
        VideoReader(hlg)


def test_too_many_pixels_are_refused_before_decoding(tmp_path, plain, monkeypatch):
    monkeypatch.setattr("tryon.streaming.media.MAX_PIXELS", 64 * 47)
    with pytest.raises(MediaError, match="64x48, above the limit"):
        VideoReader(plain)


# --- what is damaged --------------------------------------------------------------------


def test_a_cut_off_tail_plays_up_to_the_cut(tmp_path):
    whole = make.write_video(tmp_path / "w.mkv", [make.picture(i) for i in range(40)])
    copy(make.truncated(tmp_path / "t.mkv", whole, 0.6), tmp_path / "out.mp4")
    shown = make.pixels(tmp_path / "out.mp4")[0]
    assert 5 < len(shown) < 40


@pytest.mark.parametrize("seed", range(4))
def test_bit_flips_never_crash_and_the_output_is_valid(tmp_path, seed):
    images = [make.picture(i) for i in range(25)]
    whole = make.write_video(tmp_path / "w.mp4", images, options={"crf": "1", "g": "3"})
    copy(make.bit_flips(tmp_path / "f.mp4", whole, seed=seed), tmp_path / "out.mp4")
    assert len(make.pixels(tmp_path / "out.mp4")[0]) > 0


def test_undecodable_packets_are_counted(tmp_path):
    whole = make.write_video(tmp_path / "w.mkv", codec="ffv1", pix_fmt="yuv444p")
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = os.urandom(400)
    (tmp_path / "f.mkv").write_bytes(data)
    reader = VideoReader(tmp_path / "f.mkv")
    frames = list(reader.frames())
    assert reader.damaged >= 1
    assert len(frames) >= 3


# --- what is written --------------------------------------------------------------------


def test_audio_is_copied_packet_by_packet_in_step(plain, tmp_path):
    copy(plain, tmp_path / "out.mp4")
    assert make.packets(plain, "audio") == make.packets(tmp_path / "out.mp4", "audio")
    assert make.pixels(plain)[0] == make.pixels(tmp_path / "out.mp4")[0]


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path):
    """Players read on from where they are: all the sound at the end would not play."""
    images = [make.picture(i) for i in range(100)]
    source = make.write_video(tmp_path / "a.mp4", images, audio=True, time_base=Fraction(1, 4))
    copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        order = sorted(
            (p.pos, float(p.dts * p.time_base)) for p in out.demux() if p.dts is not None
        )
    times = np.array([seconds for _, seconds in order])
    assert times[-1] > 20
    assert (np.maximum.accumulate(times) - times).max() < 2


def test_an_audio_offset_is_kept(tmp_path):
    source = make.write_video(tmp_path / "a.mp4", audio=True, audio_start=0.2)
    copy(source, tmp_path / "out.mp4")
    stamps = [[p[:2] for p in make.packets(x, "audio")] for x in (source, tmp_path / "out.mp4")]
    assert stamps[0] == stamps[1]


def test_several_audio_tracks_and_subtitles(tmp_path):
    two = make.write_video(tmp_path / "two.mp4", audio=True, audio_tracks=2)
    source = make.with_subtitles(tmp_path / "in.mkv", two)
    copy(source, tmp_path / "out.mkv")
    for kind in ("audio", "subtitle"):
        assert make.packets(source, kind) == make.packets(tmp_path / "out.mkv", kind)
    _, writer = copy(source, tmp_path / "out.mp4")
    assert ["subtitle" in n and "dropped" in n for n in writer.notices] == [True]
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert [s.type for s in out.streams] == ["video", "audio", "audio"]


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
    _, writer = copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        context = out.streams.video[0].codec_context
        assert (context.width, context.height) == size
        odd = size[0] % 2 or size[1] % 2
        assert context.pix_fmt == ("yuv444p" if odd else "yuv420p")
    assert bool(writer.notices) == bool(odd)


def test_pixel_aspect_is_kept_and_turned_with_the_picture(tmp_path):
    source = make.write_video(tmp_path / "sar.mp4", aspect=Fraction(4, 3))
    copy(source, tmp_path / "a.mp4")
    copy(make.set_matrix(source, "90"), tmp_path / "b.mp4")
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
    copy(name, f"out {name}")
    assert len(make.pixels(tmp_path / f"out {name}")[0]) == 10


def test_the_longest_name_and_a_symbolic_link(tmp_path, plain):
    out = tmp_path / ("x" * 251 + ".mp4")
    copy(plain, out)
    assert out.exists()
    if os.name != "nt":
        (tmp_path / "link.mp4").symlink_to(plain)
        copy(tmp_path / "link.mp4", tmp_path / "out.mp4")
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

        monkeypatch.setattr(writer, "_mux", full)
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
