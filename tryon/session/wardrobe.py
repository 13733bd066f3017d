"""Which look each face wears, and how strongly; changed by any thread, read once a frame.

It has looks encoded when they are put on, so that nothing about them runs per frame.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tryon.engines.base import Engine, PreparedLook
from tryon.engines.blend import blend_looks
from tryon.layer.gate import check_intensity
from tryon.look.look import FULL, Look
from tryon.look.mix import share_maps
from tryon.types import REGIONS

_MANY = 32  # faces with an outfit of their own; ids are not given twice, so old ones can go


@dataclass(frozen=True, slots=True, eq=False)
class Outfit:
    """A look ready to wear."""

    look: Look | None = None  # None: bare
    prepared: PreparedLook | None = None
    intensities: tuple[float, ...] = FULL  # one for each of REGIONS

    @property
    def digest(self) -> str:
        """The look's digest."""
        return self.look.digest if self.look else ""

    @property
    def visible(self) -> bool:
        """Whether wearing it changes anything."""
        return self.look is not None and any(self.intensities)

    def with_intensity(self, region: str, value: float) -> Outfit:
        """The same with another intensity of a region, or of `all`."""
        values = tuple(
            value if region in (name, "all") else old
            for name, old in zip(REGIONS, self.intensities, strict=True)
        )
        return replace(self, intensities=values)


@dataclass(frozen=True, slots=True, eq=False)
class Wearing:
    """Everybody's outfits at one moment."""

    common: Outfit = field(default_factory=Outfit)
    own: Mapping[int, Outfit] = field(default_factory=dict)  # by track id

    def of(self, face: int | None) -> Outfit:
        """The outfit of a face, by its track id; the common one for None."""
        return self.common if face is None else self.own.get(face, self.common)


class Wardrobe:
    """The outfits of a session."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._wearing = Wearing()

    @property
    def wearing(self) -> Wearing:
        """What is worn now; it does not change any more, so one frame sees one state."""
        return self._wearing

    def set_look(self, look: Look | None, face: int | None = None) -> None:
        """Put a look on one face, or on everybody; takes the look's intensities."""
        outfit = Outfit() if look is None else Outfit(look, self._prepare(look), look.intensities)
        with self._lock:
            if face is None:
                self._wearing = Wearing(outfit)
            else:
                self._put_on(face, outfit)

    def set_intensity(self, region: str, value: float, face: int | None = None) -> None:
        """Set the intensity of a region, or of `all`, for one face or for everybody.

        Raises:
            ConfigError: unknown region or value out of range.
        """
        value = check_intensity(region, value)
        with self._lock:
            if face is not None:
                self._put_on(face, self._wearing.of(face).with_intensity(region, value))
                return
            self._wearing = Wearing(
                self._wearing.common.with_intensity(region, value),
                {
                    name: outfit.with_intensity(region, value)
                    for name, outfit in self._wearing.own.items()
                },
            )

    def _put_on(self, face: int, outfit: Outfit) -> None:
        own = {name: old for name, old in self._wearing.own.items() if name != face}
        while len(own) >= _MANY:
            del own[min(own)]
        self._wearing = replace(self._wearing, own={**own, face: outfit})

    def _prepare(self, look: Look) -> PreparedLook:
        maps = share_maps(look)
        encoded = [self._engine.prepare(part.texture) for part in look.references]
        return blend_looks(encoded, maps.texels, maps.whole)
