"""Ten bits in, ten bits out: what nobody touched keeps its samples, the rest gets the change."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from tests import media_factory as make
from tryon.streaming.media import VideoReader
from tryon.streaming.media_deep import DeepFrame, made_up
from tryon.streaming.media_pieces import PieceWriter
from tryon.streaming.media_pixels import to_rgb
from tryon.streaming.media_writer import VideoWriter


def ramps(height, width, index, most):
    """A smooth plane that takes values between the 8-bit levels."""
    y, x = np.mgrid[0:height, 0:width]
    middle = (most + 1) // 2
    return (middle + (most // 5) * np.sin(x / 17 + index) + y % 5).astype(np.uint16)


def deep_video(path, pix_fmt="yuv420p10le", *, size=(160, 128), full=False, matrix=1, count=6):
    """A lossless clip of ramps in a deep format, with uneven time stamps."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        stream.time_base = context.time_base = Fraction(1, 1000)
        context.colorspace, context.color_range = matrix, 2 if full else 1
        bits = stream.format.components[0].bits
        for index in range(count):
            frame = av.VideoFrame(*size, pix_fmt)
            for plane in frame.planes:
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = ramps(plane.height, plane.width, index, (1 << bits) - 1)
                plane.update(rows)
            frame.time_base, frame.pts = Fraction(1, 1000), 40 * index + index * index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def samples(frame):
    return [
        np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, : p.width].astype(int)
        for p in frame.planes
    ]


def stored(path):
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def convert(source, out, change=lambda image: image):
    """The file with a change made to each 8-bit picture, as the video command does it."""
    with VideoReader(source) as reader, VideoWriter(out, like=reader.info) as writer:
        for frame in reader.frames():
            writer.write(made_up(frame, change(frame.image)), frame.pts)
    return reader, writer


def redder(image):
    image = image.copy()
    image[11:31, 9:40] = np.clip(image[11:31, 9:40] + np.array([30.0, -12, 8]), 0, 255)
    return image


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("yuv420p10le", "yuv420p10le"),
        ("yuv422p10le", "yuv422p10le"),
        ("yuv444p10le", "yuv444p10le"),
        ("yuv420p12le", "yuv420p12le"),
        ("yuv420p9le", "yuv420p10le"),
        ("yuv444p16le", "yuv444p12le"),
    ],
)
def test_depth_chroma_range_and_matrix_are_kept(tmp_path, source, written, full):
    path = deep_video(tmp_path / "in.mkv", source, full=full)
    reader, writer = convert(path, tmp_path / "out.mp4")
    frames = stored(tmp_path / "out.mp4")
    assert {f.format.name for f in frames} == {written}
    assert {int(f.color_range) for f in frames} == {2 if full else 1}
    assert {int(f.colorspace) for f in frames} == {1}
    assert [f.pts * f.time_base for f in frames] == [
        Fraction(40 * i + i * i, 1000) for i in range(6)
    ]
    assert "H.265" in writer.notices[0]
    assert reader.notices == (
        ("more than 12 bits a channel are written as 12",) if "16" in source else ()
    )
    if source == written:  # what the encoder loses is below one 8-bit level
        most = 1 << int(written[-4:-2])
        for before, after in zip(stored(path), frames, strict=True):
            for a, b in zip(samples(before), samples(after), strict=True):
                assert np.abs(a - b).mean() < most / 256


def test_samples_that_nobody_touched_reach_the_encoder_as_they_were(tmp_path):
    path = deep_video(tmp_path / "in.mkv")
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    for frame, source in zip(frames, stored(path), strict=True):
        made = made_up(frame, redder(frame.image))
        for plane, (now, before) in enumerate(
            zip(samples(made.frame()), samples(source), strict=True)
        ):
            step = 1 if plane == 0 else 2
            same = np.ones_like(now, bool)
            same[10 // step : 32 // step, 8 // step : 40 // step] = False
            assert np.array_equal(now[same], before[same])
            assert (now[~same] != before[~same]).mean() > 0.8
        bare = made_up(frame, frame.image)
        assert all(map(np.array_equal, samples(bare.frame()), samples(source)))


@pytest.mark.parametrize("matrix", [1, 2, 6, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p10le", "yuv420p12le"])
def test_the_change_is_the_one_that_the_8_bit_picture_shows(tmp_path, pix_fmt, full, matrix):
    path = deep_video(tmp_path / "in.mkv", pix_fmt, full=full, matrix=matrix, count=1)
    with VideoReader(path) as reader:
        (frame,) = reader.frames()
    image = np.full_like(frame.image, 0)  # a change that is even, so that chroma is no matter
    image[:] = frame.image
    image[8:40, 8:56] = np.clip(image[8:40, 8:56] + np.array([22.0, -9, 5]), 0, 255)
    shown = to_rgb(made_up(frame, image).frame(), reader.info.colour)
    inside = (image[8:40, 8:56] > 0) & (image[8:40, 8:56] < 255)  # not clipped
    wanted = np.abs(shown[8:40, 8:56].astype(int) - image[8:40, 8:56])[inside]
    assert wanted.max() <= 2
    assert wanted.mean() < 0.6


def test_the_made_up_part_has_the_steps_of_the_source_and_not_of_8_bits(tmp_path):
    path = deep_video(tmp_path / "in.mkv", size=(256, 128))
    with VideoReader(path) as reader:
        frame = next(iter(reader.frames()))
    image = frame.image // 2 + 40
    luma = samples(made_up(frame, image).frame())[0]
    assert len(np.unique(luma % 4)) == 4


@pytest.mark.parametrize("name", ["90", "180", "270", "hflip"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le"])
def test_deep_samples_are_turned_with_the_picture(tmp_path, name, pix_fmt):
    plain = tmp_path / "a.mp4"
    images = [make.picture(i, 160, 128) for i in range(3)]
    make.write_video(plain, images, pix_fmt=pix_fmt, matrix=1)
    make.set_matrix(plain, name)
    convert(plain, tmp_path / "out.mp4")
    with VideoReader(plain) as before, VideoReader(tmp_path / "out.mp4") as after:
        a, b = next(iter(before.frames())).image, next(iter(after.frames())).image
    assert a.shape == b.shape
    assert np.abs(a.astype(int) - b).mean() < 4
    assert stored(tmp_path / "out.mp4")[0].rotation == 0


def test_odd_sizes_are_written_with_chroma_for_every_pixel(tmp_path):
    path = deep_video(tmp_path / "in.mkv", "yuv420p10le", size=(161, 129))
    _, writer = convert(path, tmp_path / "out.mp4", redder)
    first = stored(tmp_path / "out.mp4")[0]
    assert (first.width, first.height, first.format.name) == (161, 129, "yuv444p10le")
    assert any("odd size" in note for note in writer.notices)


def test_pieces_of_deep_video_are_joined_and_a_stopped_run_goes_on(tmp_path):
    path = deep_video(tmp_path / "in.mkv", count=10)
    out = tmp_path / "out.mp4"
    with VideoReader(path) as reader:
        frames = list(reader.frames())

    def write(part):
        writer = PieceWriter(out, like=reader.info, key="k", length=4)
        done = writer.done
        for frame in part[done:]:
            writer.write(made_up(frame, redder(frame.image)), frame.pts)
        return writer, done

    writer, _ = write(frames[:6])
    writer.abort()
    writer, done = write(frames)
    writer.close()
    assert done == 4
    made = stored(out)
    assert [f.pts * f.time_base for f in made] == [f.pts for f in frames]
    assert {f.format.name for f in made} == {"yuv420p10le"}
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".m4v"])
def test_every_container_takes_it_whole_and_in_pieces(tmp_path, suffix):
    path = deep_video(tmp_path / "in.mkv", count=3)
    convert(path, tmp_path / f"whole{suffix}")
    with VideoReader(path) as reader:
        writer = PieceWriter(tmp_path / f"pieces{suffix}", like=reader.info, key="k", length=2)
        for frame in reader.frames():
            writer.write(made_up(frame, frame.image), frame.pts)
        writer.close()
    assert len(stored(tmp_path / f"whole{suffix}")) == 3
    assert len(stored(tmp_path / f"pieces{suffix}")) == 3


def test_grey_and_rgb_of_many_bits_stay_8_bit_and_say_so(tmp_path):
    for kind in ("gray10le", "gbrp10le"):
        reader = VideoReader(make.write_video(tmp_path / f"{kind}.mkv", codec="ffv1", pix_fmt=kind))
        assert reader.info.deep == ""
        assert "written as 8" in reader.notices[0]
        assert not isinstance(next(iter(reader.frames())), DeepFrame)


def test_transparency_of_deep_video_is_dropped_and_its_depth_kept(tmp_path):
    path = make.write_video(
        tmp_path / "a.mkv", [make.picture(0, 160, 128)], codec="ffv1", pix_fmt="yuva444p10le"
    )
    reader, _ = convert(path, tmp_path / "out.mp4")
    assert reader.notices == ("transparency is dropped",)
    assert stored(tmp_path / "out.mp4")[0].format.name == "yuv444p10le"


def test_small_deep_video_is_written_with_8_bits_and_says_so(tmp_path):
    # The deep encoder writes past its memory in some pictures of less than 128 px.
    path = deep_video(tmp_path / "in.mkv", size=(48, 128))
    reader, _ = convert(path, tmp_path / "out.mp4")
    assert any("written as 8: it is small" in note for note in reader.notices)
    assert stored(tmp_path / "out.mp4")[0].format.name == "yuv420p"


MANY = """
import sys
from pathlib import Path
from tests.streaming.test_media_deep import convert, deep_video
for k, size in enumerate([(48, 64), (128, 128), (64, 256), (130, 144), (100, 66), (256, 128)]):
    for pix_fmt in ("yuv420p10le", "yuv422p10le", "yuv444p12le"):
        path = deep_video(Path(sys.argv[1]) / f"{k}.mkv", pix_fmt, size=size, count=3)
        convert(path, Path(sys.argv[1]) / f"{k}-{pix_fmt}.mp4")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the checking allocator of glibc")
def test_deep_video_of_many_sizes_does_not_write_past_its_memory(tmp_path):
    checked = {"MALLOC_CHECK_": "3", "LD_PRELOAD": "libc_malloc_debug.so.0"}
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path)], env={**os.environ, **checked},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-300:]
