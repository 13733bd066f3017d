"""Videos in pieces: joined they are as if written at once, also when a run was interrupted."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import pytest

from tests import media_factory as make
from tryon.errors import MediaError
from tryon.streaming.media import VideoReader
from tryon.streaming.media_pieces import PieceWriter
from tryon.streaming.media_writer import VideoWriter

TICK = Fraction(1, 90_000)
COUNT, LENGTH = 35, 10


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """35 frames at uneven times from 0.15 s on, with two sound tracks."""
    stamps = [13_500 + 3000 * i + 37 * (i % 7) ** 2 for i in range(COUNT)]
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    images = [make.picture(i) for i in range(COUNT)]
    return make.write_video(path, images, pts=stamps, time_base=TICK, audio=True, audio_tracks=2)


@pytest.fixture(scope="module")
def frames(clip):
    with VideoReader(clip) as reader:
        return reader.info, list(reader.frames())


@pytest.fixture(scope="module")
def whole(frames, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out.mp4"
    write(frames, out)
    return out


def write(frames, out, *, until=COUNT, end="close", key="a", **options):
    """Write the frames that are still missing, up to `until`; gives how many were there."""
    info, pictures = frames
    writer = PieceWriter(out, like=info, key=key, length=LENGTH, **options)
    done = writer.done
    for frame in pictures[done:until]:
        writer.write(frame.image, frame.pts)
    getattr(writer, end)()
    return done


def assert_same(a, b):
    """Same time stamps, order of decoding, sound, and pictures (x264 does not promise bytes)."""
    for kind in ("video", "audio"):
        assert [p[:2] for p in make.packets(a, kind)] == [p[:2] for p in make.packets(b, kind)]
    assert make.packets(a, "audio") == make.packets(b, "audio")
    for one, other in zip(make.pixels(a)[1], make.pixels(b)[1], strict=True):
        assert abs(one.astype(int) - other).mean() < 1


def left(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_pieces_joined_are_as_if_written_at_once(clip, frames, whole, tmp_path):
    with VideoWriter(tmp_path / "once.mp4", like=frames[0]) as writer:
        for frame in frames[1]:
            writer.write(frame.image, frame.pts)
    stamps, images = make.pixels(whole)
    assert stamps == make.pixels(tmp_path / "once.mp4")[0] == [f.pts for f in frames[1]]
    assert all(
        abs(a.astype(int) - b.image).mean() < 3 for a, b in zip(images, frames[1], strict=True)
    )
    assert make.packets(whole, "audio") == make.packets(clip, "audio")
    assert left(whole.parent) == ["out.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_pictures_are_decoded_in_order_and_before_they_are_shown(frames, tmp_path, suffix):
    write(frames, tmp_path / f"o{suffix}")
    packets = make.packets(tmp_path / f"o{suffix}", "video")
    decoded = [dts for _, dts, _ in packets]
    assert decoded == sorted(set(decoded))
    assert all(dts <= pts for pts, dts, _ in packets)
    assert any(a[0] > b[0] for a, b in pairwise(packets))  # B-frames


@pytest.mark.parametrize("stopped_at", [10, 25, 34])
def test_an_interrupted_run_goes_on_to_the_same_result(frames, whole, tmp_path, stopped_at):
    out = tmp_path / "out.mp4"
    assert write(frames, out, until=stopped_at, end="abort") == 0
    assert not out.exists()
    assert write(frames, out) == stopped_at // LENGTH * LENGTH
    assert_same(out, whole)
    assert left(tmp_path) == ["out.mp4"]


def test_a_killed_run_goes_on_too(frames, whole, tmp_path):
    """Nothing is tidied up after SIGKILL or a power cut: the half piece lies there."""
    out = tmp_path / "out.mp4"
    write(frames, out, until=25, end="abort")
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    (folder / "000002.mp4").write_bytes(b"half")
    (folder / ".tryon-1-2.mp4").write_bytes(b"half")
    assert write(frames, out) == 20
    assert_same(out, whole)
    assert left(tmp_path) == ["out.mp4"]


def test_a_damaged_piece_is_written_again_with_those_after_it(frames, whole, tmp_path):
    out = tmp_path / "out.mp4"
    write(frames, out, until=31, end="abort")
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    piece = folder / "000001.mp4"
    piece.write_bytes(piece.read_bytes()[:-300])
    assert write(frames, out) == 10
    assert_same(out, whole)


def test_pieces_of_another_wish_or_input_are_not_used(frames, clip, tmp_path):
    out = tmp_path / "out.mp4"
    write(frames, out, until=25, end="abort")
    assert write(frames, out, until=25, end="abort", key="b") == 0
    assert write(frames, out, until=25, end="abort", key="b", start=Fraction(1, 5)) == 0
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    with VideoReader(copy) as reader:
        other = reader.info, list(reader.frames())
    assert write(other, out, until=25, end="abort", key="b", start=Fraction(1, 5)) == 0


def test_a_part_starts_at_zero_with_its_sound(frames, clip, tmp_path):
    out, start, end = tmp_path / "o.mp4", Fraction(1, 2), Fraction(1)
    chosen = [f for f in frames[1] if start <= f.pts < end]
    for stop, ending in ((12, "abort"), (COUNT, "close")):
        writer = PieceWriter(out, like=frames[0], key="a", length=LENGTH, start=start, end=end)
        for frame in chosen[writer.done : stop]:
            writer.write(frame.image, frame.pts)
        getattr(writer, ending)()
    assert make.pixels(out)[0] == [f.pts - start for f in chosen]
    sound = [p[0] for p in make.packets(out, "audio")]
    assert 0 <= sound[0] < 1100
    assert max(sound) < 24_000


def test_nothing_is_left_without_a_finished_piece(frames, tmp_path):
    write(frames, tmp_path / "a.mp4", until=9, end="abort")
    write(frames, tmp_path / "b.mp4", until=0, end="close")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_while_joining_keeps_the_pieces(frames, whole, tmp_path, monkeypatch):
    def full(self, output, base):
        raise OSError(28, "No space left on device")

    out = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(PieceWriter, "_copy_pictures", full)
        with pytest.raises(MediaError, match="No space left"):
            write(frames, out)
    assert not out.exists()
    assert write(frames, out) == COUNT
    assert_same(out, whole)
    assert left(tmp_path) == ["out.mp4"]


def test_two_runs_cannot_write_one_output(frames, tmp_path):
    first = PieceWriter(tmp_path / "o.mp4", like=frames[0], key="a")
    with pytest.raises(MediaError, match="another run is writing"):
        PieceWriter(tmp_path / "o.mp4", like=frames[0], key="a")
    first.abort()
    PieceWriter(tmp_path / "o.mp4", like=frames[0], key="a").abort()


def test_what_was_said_of_earlier_pieces_is_said_at_the_end(tmp_path):
    images = [make.picture(i, 65, 49) for i in range(12)]
    source = make.write_video(tmp_path / "odd.mkv", images, codec="ffv1", pix_fmt="yuv444p")
    with VideoReader(source) as reader:
        info, pictures = reader.info, list(reader.frames())
    write((info, pictures), tmp_path / "o.mp4", until=11, end="abort")
    writer = PieceWriter(tmp_path / "o.mp4", like=info, key="a", length=LENGTH)
    for frame in pictures[writer.done :]:
        writer.write(frame.image, frame.pts)
    writer.close()
    assert [n for n in writer.notices if "odd size" in n]
    assert len(writer.notices) == 1
    with av.open(str(tmp_path / "o.mp4")) as out:
        assert out.streams.video[0].codec_context.pix_fmt == "yuv444p"


def test_the_longest_name_and_any_letters_work(frames, tmp_path):
    for name in ("é 目标 %d" + "x" * 60 + ".mp4", "n" * 251 + ".mp4", "-x.mp4"):
        write(frames, tmp_path / name, until=12)
        assert len(make.pixels(tmp_path / name)[0]) == 12


def test_use_after_the_end_is_refused(frames, tmp_path):
    writer = PieceWriter(tmp_path / "o.mp4", like=frames[0], key="a")
    writer.close()
    writer.close()
    writer.abort()
    with pytest.raises(MediaError, match="closed"):
        writer.write(frames[1][0].image, Fraction(0))
