"""What aiortc does not let one set: its encoders' rates, and how soon it gives a frame out.

It changes aiortc's own objects, whose insides another release may name otherwise: then nothing is
changed, and frames come as aiortc gives them.
"""

from __future__ import annotations

from typing import Any


def set_encoder_rates(kbit: tuple[int, int, int]) -> None:
    """Lowest, first and highest rate of what is sent, kbit/s.

    aiortc has one setting for all connections, too low for a face.
    """
    from aiortc.codecs import h264, vpx

    codecs: tuple[Any, ...] = vpx, h264
    for codec in codecs:
        codec.MIN_BITRATE, codec.DEFAULT_BITRATE, codec.MAX_BITRATE = (1000 * k for k in kbit)


def give_frames_at_once(receiver: Any) -> None:
    """Let a video receiver give each frame out with its last packet.

    aiortc takes a frame for whole when the next one begins, which makes every picture a whole
    frame older: 33 ms at 30 frames a second.

    Args:
        receiver: An `RTCRtpReceiver` that has received nothing yet.
    """
    name = "_RTCRtpReceiver__jitter_buffer"
    if hasattr(receiver, name):
        setattr(receiver, name, _prompt_buffer(getattr(receiver, name).capacity))


def _prompt_buffer(capacity: int) -> Any:
    from aiortc.jitterbuffer import JitterBuffer, JitterFrame

    class PromptBuffer(JitterBuffer):  # type: ignore[misc]  # aiortc loads late
        def _remove_frame(self, sequence_number: int) -> Any:
            """The first frame in the buffer if it is whole, or None.

            It ends with the packet that bears the marker (RFC 7741, RFC 6184), or where another
            time stamp follows, as for senders that set none.
            """
            while (first := self._packets[self._origin % self.capacity]) and not first._data:
                self.remove(1)  # padding; to the decoder nothing would mean the end
            packets: list[Any] = []
            for count in range(self.capacity):
                packet = self._packets[(self._origin + count) % self.capacity]
                if packet is None:
                    return None
                ended = bool(packets) and packet.timestamp != packets[0].timestamp
                packets += [] if ended else [packet]
                if ended or packet.marker:
                    self.remove(len(packets))
                    return JitterFrame(b"".join(p._data for p in packets), packets[0].timestamp)
            return None

    return PromptBuffer(capacity, is_video=True)
