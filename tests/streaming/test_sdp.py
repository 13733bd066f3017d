"""What is changed in a session description, and that nothing else is."""

from __future__ import annotations

from tryon.streaming.sdp import with_rates, without_names

CANDIDATE = "a=candidate:1 1 udp 2113937151 {} 55555 typ host generation 0"


def test_hidden_names_become_this_machine_so_that_nobody_is_asked_for_them():
    hidden = CANDIDATE.format("0a1b-22.local")
    shown = [CANDIDATE.format("192.0.2.7"), CANDIDATE.format("fd00::1"), "a=x hidden.local y"]
    out = without_names("\r\n".join([hidden, *shown])).split("\r\n")
    assert out == [CANDIDATE.format("127.0.0.1"), *shown]


def test_rates_are_told_for_video_codecs_and_not_for_retransmission():
    sdp = (
        "m=video 9 UDP/TLS/RTP/SAVPF 97 98 99\r\n"
        "a=rtpmap:97 VP8/90000\r\n"
        "a=rtpmap:98 rtx/90000\r\n"
        "a=fmtp:98 apt=97\r\n"
        "a=rtpmap:99 H264/90000\r\n"
        "a=fmtp:99 packetization-mode=1\r\n"
    )
    words = "x-google-min-bitrate=1;x-google-start-bitrate=2;x-google-max-bitrate=3"
    assert with_rates(sdp, (1, 2, 3)).split("\r\n") == [
        "m=video 9 UDP/TLS/RTP/SAVPF 97 98 99",
        "a=rtpmap:97 VP8/90000",
        f"a=fmtp:97 {words}",
        "a=rtpmap:98 rtx/90000",
        "a=fmtp:98 apt=97",
        "a=rtpmap:99 H264/90000",
        f"a=fmtp:99 packetization-mode=1;{words}",
        "",
    ]


def test_an_answer_without_video_stays_as_it_is():
    sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\n"
    assert with_rates(sdp, (1, 2, 3)) == sdp
