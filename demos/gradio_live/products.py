"""Colours chosen on the page -> a look: a style painted on the built-in portrait.

It knows only names of the `MakeupStyle` JSON; how a style is painted is the painter's business.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

from tryon import Face, Look, SessionConfig, TryOnSession
from tryon.cosmetics.style import FINISHES, MakeupStyle
from tryon.look.products import look_of_style, paint_face
from tryon.streaming.demo_clip import DemoClip
from tryon.types import UInt8

__all__ = ["FINISHES", "painted_model", "product_look"]

NAME = "My colours"


def product_look(style: Mapping[str, Any]) -> Look:
    """The look of a style.

    Args:
        style: `MakeupStyle` as JSON, such as {"lips": {"opacity": 0.9, "color": "#b03045"}}.

    Raises:
        ConfigError: the style has an unknown name or a value outside its range.
    """
    return look_of_style(MakeupStyle.from_json(style), NAME)


def painted_model(style: Mapping[str, Any]) -> bytes:
    """A JPEG of the portrait in a style; raises as `product_look` does."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_painted(style)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _painted(style: Mapping[str, Any]) -> UInt8:
    image, face = _model()
    image = image.copy()
    paint_face(image, face, MakeupStyle.from_json(style))
    return image


@cache
def _model() -> tuple[UInt8, Face]:
    """A bare portrait and its face: paint does not move the landmarks."""
    image = DemoClip(640, 640).frame(0).image
    with TryOnSession(config=SessionConfig(stills=True)) as session:
        (face,) = session.process(image).faces
    return image, face
