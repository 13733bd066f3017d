"""Session descriptions of WebRTC, as text in and text out: what must be changed in them.

It knows no connection and opens nothing.
"""

from __future__ import annotations

import re


def without_names(sdp: str) -> str:
    """The offer with host names in its candidates replaced by this machine's address.

    A browser may hide its address behind a `.local` name, for which aiortc would ask the whole
    network. It need not: the browser calls us, and its address shows when it does.
    """
    return re.sub(r"(?m)^(a=candidate:(?:\S+ ){4})\S+\.local ", r"\g<1>127.0.0.1 ", sdp)


def with_rates(sdp: str, kbit: tuple[int, int, int]) -> str:
    """The answer with bit rates that Chromium keeps to; others ignore the words.

    Without them its estimate starts low and stays there, with blurred frames and fewer of them.
    """
    words = ";".join(
        f"x-google-{name}-bitrate={rate}"
        for name, rate in zip(("min", "start", "max"), kbit, strict=True)
    )
    codecs = r"(?m)^(a=rtpmap:(\d+) (?:VP8|H264)/90000\r?)$"
    told = {number for _, number in re.findall(codecs, sdp)}
    for number in told:
        line = rf"(?m)^(a=fmtp:{number} [^\r\n]*)"
        if re.search(line, sdp):
            sdp = re.sub(line, rf"\g<1>;{words}", sdp)
        else:
            rtpmap = rf"(?m)^(a=rtpmap:{number} [^\r\n]*)"
            sdp = re.sub(rtpmap, rf"\g<1>\r\na=fmtp:{number} {words}", sdp)
    return sdp
