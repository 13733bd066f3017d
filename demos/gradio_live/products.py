"""Colours chosen on the page -> a look: a style painted on the built-in portrait.

It knows only names of the `MakeupStyle` JSON; how a style is painted is the painter's business.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tryon import Face, Frame, Look, SessionConfig, TryOnSession
from tryon.cosmetics.style import FINISHES, MakeupStyle
from tryon.look.products import paint_face
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
    look = Look.from_photo(_painted(style), parser=_model())
    return replace(look, name=NAME, provenance="product")


def painted_model(style: Mapping[str, Any]) -> bytes:
    """A JPEG of the portrait in a style; raises as `product_look` does."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_painted(style)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _painted(style: Mapping[str, Any]) -> UInt8:
    model = _model()
    image = model.image.copy()
    paint_face(image, model.face, MakeupStyle.from_json(style))
    return image


@dataclass(slots=True, eq=False)  # not frozen: a parser's name is a plain attribute
class _Model:
    """A bare face whose landmarks are known: paint does not move them."""

    image: UInt8
    face: Face
    name: str = "model"

    def detect(self, image: UInt8) -> tuple[Face, ...]:
        return (self.face,)

    def parse(self, frame: Frame) -> tuple[Face, ...]:
        return (self.face,)

    def reset(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing is open."""


@cache
def _model() -> _Model:
    image = DemoClip(640, 640).frame(0).image
    with TryOnSession(config=SessionConfig(stills=True)) as session:
        (face,) = session.process(image).faces
    return _Model(image, face)
