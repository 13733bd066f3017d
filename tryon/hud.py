"""Draws lines of text on a picture: white on a darkened band, readable on any background.

It changes the picture it is given and knows nothing of what the words mean.
"""

from __future__ import annotations

from collections.abc import Sequence

from tryon.types import UInt8

_DARKEN = 0.35  # a white background becomes (89, 89, 89): contrast 7 : 1 with white text


def draw_lines(image: UInt8, lines: Sequence[str]) -> None:
    """Write lines into the top left corner, in place.

    Args:
        image: (H, W, 3) uint8 RGB, contiguous; changed.
        lines: What to write; empty ones are left out, other scripts than ASCII show as "?".
    """
    import cv2

    height, width = image.shape[:2]
    scale = max(0.4, min(height / 720, width / 1280) * 0.6)
    thick = max(1, round(scale * 1.6))
    font = cv2.FONT_HERSHEY_SIMPLEX
    step, margin = round(34 * scale), round(12 * scale)
    texts = [line for line in lines if line]
    if not texts:
        return
    wide = max(cv2.getTextSize(text, font, scale, thick)[0][0] for text in texts)
    band = image[: step * len(texts) + margin, : wide + 2 * margin]
    band[:] = (band * _DARKEN).astype(image.dtype)
    for number, text in enumerate(texts, start=1):
        place = margin, step * number - round(step * 0.2)
        cv2.putText(image, text, place, font, scale, (255, 255, 255), thick, cv2.LINE_AA)
