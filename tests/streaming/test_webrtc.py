"""One peer against aiortc's own client, on this machine."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")

from tests.streaming.rtc_client import Client
from tryon.errors import ConfigError, MediaError
from tryon.streaming.webrtc import RtcConfig, RtcPeer
from tryon.types import TryOnResult

GREY = np.full((240, 320, 3), 100, np.uint8)


def brighter(frame):
    return TryOnResult(frame.image + np.uint8(60))


def peer_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("tryon-peer")]


async def closed(peer, seconds=60):
    await asyncio.wait_for(peer.wait_closed(), seconds)


def test_frames_come_back_made_up_and_all_is_freed_when_the_browser_goes():
    async def run():
        peer = RtcPeer(brighter)
        async with Client(GREY, peer.answer) as client:
            image = await client.picture(after=5)
            assert image.shape == GREY.shape
            assert abs(image.mean() - 160) < 6
        await closed(peer)
        assert peer.error is None
        assert peer.stats.frames >= 5
        assert 0 < peer.stats.age_ms < 10_000

    asyncio.run(run())
    assert peer_threads() == []


def test_a_frame_is_given_out_when_it_is_whole_not_when_the_next_one_comes():
    """The only frame that is ever sent: nothing comes after it to tell that it has ended."""

    async def run():
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def compute(frame):
            loop.call_soon_threadsafe(done.set)
            return brighter(frame)

        peer = RtcPeer(compute)
        client = Client(GREY, peer.answer)
        (sender,) = client.pc.getSenders()
        camera, sent = sender.track.recv, []

        async def once():
            if sent:
                await asyncio.sleep(60)
            sent.append(await camera())
            return sent[0]

        sender.track.recv = once
        async with client:
            await asyncio.wait_for(done.wait(), 20)
        await peer.close()

    asyncio.run(run())


def test_a_slow_function_drops_frames_and_never_falls_behind():
    seen = []

    def slow(frame):
        seen.append(time.monotonic_ns() - frame.captured_at)
        time.sleep(0.25)
        return TryOnResult(frame.image)

    async def run():
        peer = RtcPeer(slow)
        async with Client(GREY, peer.answer) as client:
            await client.picture(after=16)
        await peer.close()
        return peer.stats

    stats = asyncio.run(run())
    assert stats.drops > 16  # 30 a second came, 4 a second were used
    # A queue would make each frame wait longer than the one before.
    assert max(seen[8:]) < 2e9
    assert stats.report().frame_age_ms.p50 < 3000


def test_what_the_function_raises_ends_the_connection_and_is_kept():
    def broken(frame):
        raise MediaError("it broke; mend it")

    async def run():
        peer = RtcPeer(broken)
        async with Client(GREY, peer.answer):
            await closed(peer)
        return peer.error

    assert "mend it" in str(asyncio.run(run()))
    assert peer_threads() == []


def test_a_silent_browser_is_noticed():
    async def run():
        peer = RtcPeer(brighter, RtcConfig(stall_s=1.0))
        async with Client(GREY, peer.answer) as client:
            await client.picture(after=2)
            (sender,) = client.pc.getSenders()
            sender.replaceTrack(None)
            await closed(peer)
        return str(peer.error)

    assert "no frame" in asyncio.run(run())


def test_frames_above_the_limit_are_refused_with_the_remedy():
    async def run():
        peer = RtcPeer(brighter, RtcConfig(max_pixels=1000))
        async with Client(GREY, peer.answer):
            await closed(peer)
        return str(peer.error)

    assert "1280x720" in asyncio.run(run())


@pytest.mark.parametrize("offer", ["", "nonsense", "v=0\r\n", "m=video\r\n" * 50])
def test_an_offer_that_is_none_is_refused_in_one_line(offer):
    async def run():
        peer = RtcPeer(brighter)
        with pytest.raises(MediaError, match="offer cannot be used"):
            await peer.answer(offer)
        await closed(peer)
        await peer.close()

    asyncio.run(run())
    assert peer_threads() == []


def test_no_server_is_asked_and_only_this_machine_answers():
    answers = []

    async def run():
        peer = RtcPeer(brighter)

        async def answer(offer):
            answers.append(await peer.answer(offer))
            return answers[0]

        async with Client(GREY, answer):
            pass
        await peer.close()

    asyncio.run(run())
    kinds = [line.split(" typ ")[1] for line in answers[0].splitlines() if "candidate:" in line]
    assert kinds
    assert all(kind.startswith("host") for kind in kinds)
    assert "x-google-max-bitrate=6000" in answers[0]


def test_rates_out_of_order_are_refused():
    with pytest.raises(ConfigError, match="kbit"):
        RtcConfig(kbit=(5, 1, 9))
