"""Packets in, whole frames out: in order, out of order, late, padded and without markers."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")

from aiortc.rtp import RtpPacket

from tryon.streaming.rtc_tuning import _prompt_buffer, give_frames_at_once


def packets(*frames, first=65_530, marked=True):
    """A packet for each word of each frame, numbered from `first` on, past 65535."""
    out = []
    for index, words in enumerate(frames):
        for place, word in enumerate(words, 1):
            packet = RtpPacket(sequence_number=(first + len(out)) % 65_536, timestamp=3000 * index)
            packet.marker = int(marked and place == len(words))
            packet._data = word
            out.append(packet)
    return out


def given(arriving):
    """What each packet makes the buffer give out, without the Nones."""
    buffer = _prompt_buffer(64)
    frames = [(place, buffer.add(packet)[1]) for place, packet in enumerate(arriving)]
    return [(place, frame.data, frame.timestamp) for place, frame in frames if frame is not None]


TWO = ([b"a", b"b", b"c"], [b"d"], [b"e", b"f"])


def test_each_frame_comes_with_its_last_packet():
    assert given(packets(*TWO)) == [(2, b"abc", 0), (3, b"d", 3000), (5, b"ef", 6000)]


def test_without_markers_a_frame_ends_where_the_next_begins():
    assert given(packets(*TWO, marked=False)) == [(3, b"abc", 0), (4, b"d", 3000)]


def test_packets_out_of_order_are_put_in_order():
    a, b, c, *later = packets(*TWO)
    assert given([a, c, b, *later]) == [(2, b"abc", 0), (3, b"d", 3000), (5, b"ef", 6000)]


def test_a_frame_with_a_missing_packet_waits_for_it():
    a, b, c, d, e, f = packets(*TWO)
    got = given([a, c, d, e, b, f])
    assert [data for _, data, _ in got] == [b"abc", b"d"]  # one a packet, in order
    assert got[0][0] == 4


def test_padding_is_no_frame():
    words = packets([b"a"], [b"", b""], [b"b"])
    for packet in words[1:3]:
        packet.timestamp, packet.marker = 0, 0
    assert [data for _, data, _ in given(words)] == [b"a", b"b"]


@pytest.mark.parametrize("seed", range(5))
def test_however_packets_are_mixed_up_frames_come_whole_and_in_order(seed):
    dice = random.Random(seed)
    whole = [b"%03d" % n for n in range(40)]
    first, *arriving = packets(*([w[:1], w[1:2], w[2:]] for w in whole))
    for _ in range(40):
        place = dice.randrange(len(arriving) - 1)
        arriving[place : place + 2] = arriving[place : place + 2][::-1]
    got = [data for _, data, _ in given([first, *arriving])]
    assert got == whole[: len(got)]
    assert len(got) >= 38


def test_a_receiver_of_another_release_is_left_as_it_is():
    class Other:
        pass

    give_frames_at_once(Other())
