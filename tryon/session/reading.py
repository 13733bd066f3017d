"""What a session knows of a frame between finding its faces and painting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tryon.layer.ahead import Draft
from tryon.session.parsing import Parsed


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A frame, its faces, and what each of them is to wear going by this frame alone."""

    parsed: Parsed
    picture: Any  # the frame, of the kernels in use
    drafts: tuple[Draft, ...]

    @property
    def seconds(self) -> float:
        """Time of the frame."""
        return self.parsed.seconds

    @property
    def shot(self) -> int:
        """Number that changes at a cut."""
        return self.parsed.shot
