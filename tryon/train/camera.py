"""What lamps and cheap cameras do to a picture that covered faces are made in.

Linear light here is the square of sRGB: near enough for pictures that are disturbed anyhow.
"""

from __future__ import annotations

import numpy as np

from tryon.types import Float32, UInt8


def square(image: UInt8) -> Float32:
    """Linear light, 0..1, of sRGB bytes."""
    return _LIGHT[image]


def lamps(linear: Float32, landmarks: Float32, rng: np.random.Generator) -> Float32:
    """Another light on a face: from a side, in another colour, with shadows and spots in it.

    Args:
        linear: (H, W, 3).
        landmarks: (N, 2) px.
        rng: random numbers.
    """
    height, width = linear.shape[:2]
    low, wide = landmarks.min(0), np.ptp(landmarks, 0)
    x = ((np.arange(width) + 0.5 - low[0]) / wide[0] - 0.5).astype(np.float32)
    y = ((np.arange(height) + 0.5 - low[1]) / wide[1] - 0.5).astype(np.float32)
    steep = rng.uniform(0, 1.2) if rng.random() < 0.5 else 0.0
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * x[None] + 0.7 * np.sin(angle) * y[:, None]
    if rng.random() < 0.3:  # hard, as from a window at one side
        ramp = np.tanh(ramp * rng.uniform(2, 8)) / 2
    light = np.exp(np.float32(steep) * ramp)
    if rng.random() < 0.15:  # an edge of shadow or sun
        offset = np.cos(angle + 1) * x[None] + np.sin(angle + 1) * y[:, None] - rng.normal(0, 0.3)
        edge = np.clip(offset * rng.uniform(4, 60) + 0.5, 0, 1)
        light = light * (1 + edge * (rng.uniform(0.3, 2.0) - 1))
    cast = np.exp(rng.normal(0, 0.06, 3)) * 2 ** rng.normal(0, 0.45)
    return np.asarray(linear * (light[..., None] * cast.astype(np.float32)), np.float32)


def as_filmed(
    linear: Float32, cover: Float32, scale: float, rng: np.random.Generator
) -> tuple[UInt8, Float32]:
    """A picture as a camera delivers it: exposed, faded, small, blurred, noisy and compressed.

    Args:
        linear: (H, W, 3) linear light.
        cover: (H, W), made as small.
        scale: the size it is seen at, 0..1 of this one.
        rng: random numbers.

    Returns:
        (h, w, 3) uint8 sRGB, and the cover (h, w).
    """
    import cv2

    size = tuple(max(8, round(side * scale)) for side in linear.shape[1::-1])
    linear = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
    over = np.clip(linear - 0.7, 0, 0.6)  # rolled off, as cameras do, instead of clipped
    seen = np.sqrt(np.clip(np.minimum(linear, 0.7) + over - over * over / 1.2, 0, 1))
    if rng.random() < 0.5:
        grey = seen.mean(-1, keepdims=True)
        seen = seen + np.float32(rng.uniform(0, 0.85)) * (grey - seen)
    if rng.random() < 0.5:
        seen = rng.uniform(0.25, 0.6) + np.float32(rng.uniform(0.5, 1.0)) * (seen - np.float32(0.5))
    chance = rng.random()
    if chance < 0.3:
        sigma = rng.uniform(0.4, 1.6)
        seen, cover = (cv2.GaussianBlur(t, (0, 0), sigma) for t in (seen, cover))
    elif chance < 0.4:
        seen, cover = _moved(seen, cover, rng)
    noise = np.float32(0.05 * rng.random() ** 2) * rng.standard_normal(seen.shape, np.float32)
    image = np.clip(np.round(255 * (seen + noise)), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        image = cv2.bilateralFilter(image, 5, rng.uniform(10, 40), 2)  # as webcams denoise
    if rng.random() < 0.7:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return np.asarray(image), np.asarray(cover)


def _moved(seen: Float32, cover: Float32, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Blurred by movement."""
    import cv2

    side = 2 * int(rng.integers(1, 4)) + 1
    kernel = np.zeros((side, side), np.float32)
    angle = rng.uniform(0, np.pi)
    for t in np.linspace(-0.5, 0.5, 4 * side):
        x, y = (round(side // 2 + t * (side - 1) * f(angle)) for f in (np.cos, np.sin))
        kernel[y, x] = 1
    kernel /= kernel.sum()
    return cv2.filter2D(seen, -1, kernel), cv2.filter2D(cover, -1, kernel)


_LIGHT = ((np.arange(256) / 255) ** 2).astype(np.float32)
