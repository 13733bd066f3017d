"""Small video files made on the spot, each with one property that files in the wild have."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tryon.streaming.media import VideoReader
from tryon.streaming.media_writer import VideoWriter

UInt8 = NDArray[np.uint8]
PATCHES = (
    (200, 30, 40),
    (30, 180, 60),
    (40, 60, 210),
    (220, 220, 40),
    (128, 128, 128),
    (240, 240, 240),
    (16, 16, 16),
    (180, 120, 100),
)


def picture(index: int, width: int = 64, height: int = 48) -> UInt8:
    """A smooth gradient that differs by frame and has no symmetry, so that a flip shows."""
    y, x = np.mgrid[0:height, 0:width]
    red = 40 + 160 * x / max(1, width - 1)
    green = 30 + 180 * y / max(1, height - 1)
    blue = np.full_like(red, 20 + 10 * (index % 20))
    return np.stack((red, green, blue), -1).astype(np.uint8)


def patches(width: int = 192, height: int = 96) -> UInt8:
    """Eight upright bars of the colours in `PATCHES`."""
    bars = np.repeat(np.array(PATCHES, np.uint8), width // len(PATCHES), 0)
    return np.broadcast_to(bars, (height, *bars.shape)).copy()


def write_video(
    path: Path,
    images: Sequence[UInt8] | None = None,
    *,
    pts: Sequence[int | None] | None = None,
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: int = 2,
    full_range: bool = False,
    transfer: int = 2,
    primaries: int = 2,
    aspect: Fraction | None = None,
    audio: bool = False,
    audio_start: float = 0.0,
    audio_tracks: int = 1,
) -> Path:
    """Encode images (default: ten gradients) with exactly the given properties."""
    images = [picture(i) for i in range(10)] if images is None else images
    stamps = range(len(images)) if pts is None else pts
    if options is None:
        options = {"crf": "1", "preset": "veryfast"} if codec == "libx264" else {}
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        stream.time_base = context.time_base = time_base
        context.colorspace, context.color_trc, context.color_primaries = matrix, transfer, primaries
        context.color_range = 2 if full_range else (1 if matrix != 2 else 0)
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        tracks = [_audio_stream(out) for _ in range(audio_tracks if audio else 0)]
        for image, stamp in zip(images, stamps, strict=True):
            if pix_fmt == "yuv420p":
                frame = _yuv420(image, matrix, full_range)
            else:
                frame = av.VideoFrame.from_ndarray(image).reformat(
                    format=pix_fmt, dst_colorspace=9 if matrix == 9 else 5, dst_color_range=1
                )
            frame.time_base, frame.pts = time_base, stamp
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for track in tracks:
            _write_tone(out, track, float((stamps[-1] or 0) * time_base) + 0.04, audio_start)
    return path


def _yuv420(image: UInt8, matrix: int, full_range: bool) -> av.VideoFrame:
    """RGB -> 4:2:0 by the standards' formulas (an oracle that shares no code with the library)."""
    red, blue = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(matrix, (0.299, 0.114))
    r, g, b = np.moveaxis(image.astype(float), -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    u, v = (c.reshape(c.shape[0] // 2, 2, c.shape[1] // 2, 2).mean((1, 3)) for c in (u, v))
    if not full_range:
        y, u, v = 16 + y * 219 / 255, u * 224 / 255, v * 224 / 255
    planes = (np.clip(np.rint(p), 0, 255).astype(np.uint8).ravel() for p in (y, u + 128, v + 128))
    height, width = image.shape[:2]
    return av.VideoFrame.from_ndarray(
        np.concatenate(list(planes)).reshape(height * 3 // 2, width), format="yuv420p"
    )


def _audio_stream(out: av.container.OutputContainer) -> av.AudioStream:
    return out.add_stream("aac", rate=48_000, layout="mono")


def _write_tone(
    out: av.container.OutputContainer, track: av.AudioStream, seconds: float, start: float
) -> None:
    total = max(1024, int(seconds * 48_000))
    wave = 0.3 * np.sin(np.arange(total) * 2 * np.pi * 440 / 48_000)
    for at in range(0, total, 1024):
        block = wave[at : at + 1024].astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = at + int(start * 48_000)
        out.mux(track.encode(frame))
    out.mux(track.encode(None))


def audio_only(path: Path) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as out:
        _write_tone(out, _audio_stream(out), 0.5, 0.0)
    return path


def with_subtitles(path: Path, source: Path) -> Path:
    """The source's streams in a Matroska file, with two lines of SubRip text added."""
    srt = path.with_suffix(".srt")
    srt.write_text(
        "1\n00:00:00,040 --> 00:00:00,160\nlips\n\n2\n00:00:00,200 --> 00:00:00,320\neyes\n"
    )
    with av.open(str(source)) as video, av.open(str(srt)) as text, av.open(str(path), "w") as out:
        targets = {
            container: [out.add_stream_from_template(s) for s in container.streams]
            for container in (video, text)
        }
        for container, streams in targets.items():
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    out.mux_one(packet)
    return path


def hdr10(path: Path, size: tuple[int, int] = (64, 48)) -> Path:
    """Ten-bit HEVC tagged PQ, BT.2020."""
    return write_video(
        path,
        [picture(i, *size) for i in range(10)],
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
        matrix=9,
        transfer=16,
        primaries=9,
    )


# Display matrices (a, b, c, d) of the four turns and two flips, as `tkhd` stores them.
UPRIGHT = {
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "hflip": (-1, 0, 0, 1),
    "vflip": (1, 0, 0, -1),
}


def set_matrix(path: Path, name: str) -> Path:
    """Patch the display matrix of the (single) video track's `tkhd` box in place."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    assert at > 0
    assert data.find(b"tkhd", at + 4) < 0, "one track expected"
    offset = at + 4 + (40 if data[at + 4] == 0 else 52)  # version 0 or 1
    a, b, c, d = UPRIGHT[name]
    one = 1 << 16
    matrix = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, offset, *matrix)
    path.write_bytes(data)
    return path


def truncated(path: Path, source: Path, share: float) -> Path:
    """The first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def bit_flips(path: Path, source: Path, count: int = 12, seed: int = 5) -> Path:
    """The file with single bits flipped inside its `mdat` box."""
    data = bytearray(source.read_bytes())
    at = data.find(b"mdat") + 64
    size = int.from_bytes(data[data.find(b"mdat") - 4 : data.find(b"mdat")], "big")
    rng = np.random.default_rng(seed)
    for position in rng.integers(at, data.find(b"mdat") + size - 8, count):
        data[position] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    return path


def packets(path: Path, kind: str) -> list[tuple[int | None, int | None, bytes]]:
    """(pts, dts, payload) of every packet of the streams of one kind."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        found = container.demux(streams) if streams else ()  # no stream would mean every stream
        return [(p.pts, p.dts, bytes(p)) for p in found if p.dts is not None]


def pixels(path: Path) -> tuple[list[Fraction], list[UInt8]]:
    """Time stamps (s) and RGB pictures as stored (not turned), through PyAV alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.time_base is not None
        return (
            [f.pts * stream.time_base for f in frames],
            [f.to_ndarray(format="rgb24", interpolation=0x42010) for f in frames],
        )


def copy(
    source: Path | str, out: Path | str, *, tone_map: bool = False
) -> tuple[VideoReader, VideoWriter]:
    """Run a file through the library's reader and writer unchanged; gives both, closed."""
    with (
        VideoReader(source, tone_map=tone_map) as reader,
        VideoWriter(out, like=reader.info) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame.image, frame.pts or Fraction(0))
    return reader, writer
