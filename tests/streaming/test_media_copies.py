"""Subtitles that a container holds only in another form, and tags of the old file."""

from __future__ import annotations

import av
import pytest

from tests import media_factory as make


@pytest.fixture
def titled(tmp_path):
    video = make.write_video(tmp_path / "v.mp4", audio=True)
    return make.with_subtitles(tmp_path / "in.mkv", video)


def words(path):
    """(start ms, duration ms, text) of every subtitle that says something, as it is shown."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            if packet.size and (subtitle := stream.decode2(packet)):
                for rect in subtitle:
                    text = rect.ass.decode().split(",", 8)[8]
                    base = packet.time_base * 1000
                    found.append((packet.pts * base, packet.duration * base, text))
        return stream.codec_context.name, found


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_text_subtitles_change_their_form_and_keep_words_and_times(titled, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    _, writer = make.copy(titled, out)
    assert words(out) == ("mov_text", words(titled)[1])
    assert [text for _, _, text in words(out)[1]] == ["lips", "eyes"]
    assert writer.notices == ["subtitle stream 2 converted to mov_text"]


def test_and_back_again(titled, tmp_path):
    make.copy(titled, tmp_path / "a.mp4")
    make.copy(tmp_path / "a.mp4", tmp_path / "b.mkv")
    name, said = words(tmp_path / "b.mkv")
    assert name in ("srt", "subrip")
    assert said == words(titled)[1]


def test_a_part_moves_the_subtitles_too(titled, tmp_path):
    from fractions import Fraction

    from tryon.streaming.media import VideoReader
    from tryon.streaming.media_writer import VideoWriter

    start = Fraction(3, 25)
    with VideoReader(titled, start=start) as reader:
        with VideoWriter(tmp_path / "o.mp4", like=reader.info, start=start) as writer:
            for frame in reader.frames():
                writer.write(frame.image, frame.pts)
    at, long, text = words(titled)[1][1]
    assert words(tmp_path / "o.mp4")[1] == [(at - 120, long, text)]


def test_damaged_subtitles_are_left_out_and_the_film_goes_on(titled, tmp_path, monkeypatch):
    from tryon.streaming.media_copies import Copies

    add = Copies._add_text

    class Broken:
        def __init__(self, encoder):
            self._encoder, self._count = encoder, 0

        def encode_subtitle(self, subtitle):
            self._count += 1
            if self._count == 1:
                raise ValueError("bad text")
            return self._encoder.encode_subtitle(subtitle)

    def broken(self, source, codec):
        target = add(self, source, codec)
        self._encoders[source.index] = Broken(self._encoders[source.index])
        return target

    monkeypatch.setattr(Copies, "_add_text", broken)
    _, writer = make.copy(titled, tmp_path / "o.mp4")
    assert words(tmp_path / "o.mp4")[1] == words(titled)[1][1:]
    assert "subtitles that cannot be read were left out" in writer.notices
    assert len(make.pixels(tmp_path / "o.mp4")[0]) == 10
