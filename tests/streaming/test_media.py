"""Reading files: every kind in the wild that can go wrong, made on the spot."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from tests import media_factory as make
from tryon.errors import MediaError
from tryon.streaming.media import VideoReader
from tryon.streaming.media_pixels import FULL, to_yuv
from tryon.streaming.media_writer import VideoWriter

TICK = Fraction(1, 90_000)
ODD_STAMPS = (0, 3003, 5000, 9009, 9500, 20_000, 30_000, 30_001, 41_000, 90_000)


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
    make.copy(source, tmp_path / "out.mp4")
    assert make.pixels(tmp_path / "out.mp4")[0] == [p * TICK for p in ODD_STAMPS]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_late_start_is_kept_to_the_tick(tmp_path, suffix):
    stamps = [137 + 10 * i * i for i in range(10)]
    source = make.write_video(tmp_path / "late.mkv", pts=stamps, time_base=Fraction(1, 1000))
    kept = make.pixels(source)[0]
    assert kept[0] == Fraction(137, 1000)
    make.copy(source, tmp_path / f"out{suffix}")
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
    reader, _ = make.copy(stored, tmp_path / "out.mp4")
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
    reader, _ = make.copy(source, tmp_path / "out.mp4")
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
            back = to_yuv(image, 64, 48, "yuv420p", writer._colour)
    with av.open(str(tmp_path / "a.mp4")) as container:
        first = next(container.decode(video=0))
    for mine, theirs in zip(back.planes, first.planes, strict=True):
        a, b = (
            np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width].astype(int)
            for p in (mine, theirs)
        )
        assert np.abs(a - b).mean() < 0.05


def test_ten_bit_and_alpha_are_read_and_said(tmp_path):
    images = [make.picture(0, 160, 128)]
    deep = make.write_video(tmp_path / "d.mkv", images, codec="ffv1", pix_fmt="yuv420p10le")
    alpha = make.write_video(tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuva444p")
    grey = make.write_video(tmp_path / "g.mkv", codec="ffv1", pix_fmt="gray")
    assert VideoReader(deep).notices == ()
    assert VideoReader(deep).info.deep == "yuv420p10le"
    assert "transparency" in VideoReader(alpha).notices[0]
    assert VideoReader(grey).notices == ()
    for path, image in ((deep, images[0]), (alpha, make.picture(0))):
        assert mean_difference(next(iter(VideoReader(path).frames())).image, image) < 3


def test_a_palette_is_looked_up(tmp_path):
    colours = np.array([(200, 30, 40), (20, 200, 10), (250, 250, 250), (128, 128, 128)], np.uint8)
    index = (np.arange(64 * 48).reshape(48, 64) // 16 % 4).astype(np.uint8)
    argb = np.full((256, 4), 255, np.uint8)
    argb[:4, 1:] = colours
    path = tmp_path / "p.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "pal8"
        frame = av.VideoFrame.from_ndarray((index, argb), format="pal8")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).format.name == "pal8"
    with VideoReader(path) as reader:
        assert np.array_equal(next(iter(reader.frames())).image, colours[index])


@pytest.mark.parametrize("side", [1, 2])
def test_the_smallest_pictures_there_are(tmp_path, side):
    images = [np.full((side, side, 3), 90, np.uint8)] * 3
    source = make.write_video(tmp_path / "s.mkv", images, codec="ffv1", pix_fmt="yuv444p")
    make.copy(source, tmp_path / "out.mp4")
    pictures = make.pixels(tmp_path / "out.mp4")[1]
    assert [p.shape for p in pictures] == [(side, side, 3)] * 3
    assert all(mean_difference(p, images[0]) < 3 for p in pictures)


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
    with pytest.raises(MediaError, match=r"HDR video \(PQ\).*--tone-map.*SDR"):
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
    make.copy(make.truncated(tmp_path / "t.mkv", whole, 0.6), tmp_path / "out.mp4")
    shown = make.pixels(tmp_path / "out.mp4")[0]
    assert 5 < len(shown) < 40


@pytest.mark.parametrize("seed", range(4))
def test_bit_flips_never_crash_and_the_output_is_valid(tmp_path, seed):
    images = [make.picture(i) for i in range(25)]
    whole = make.write_video(tmp_path / "w.mp4", images, options={"crf": "1", "g": "3"})
    make.copy(make.bit_flips(tmp_path / "f.mp4", whole, seed=seed), tmp_path / "out.mp4")
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
