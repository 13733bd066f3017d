"""Names for the landmark indices of the face mesh: contours and anchor points, left and right.

Right (`R`) is the wearer's right side, which a camera shows on the left of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

LIPS_OUTER = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
LIPS_INNER = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
NOSTRIL_R = (75, 166, 79, 239, 238, 20, 60)
NOSTRIL_L = (305, 392, 309, 459, 458, 250, 290)
NOSTRILS = (NOSTRIL_R, NOSTRIL_L)
NOSE = (
    168, 193, 245, 188, 174, 217, 126, 142, 129, 102, 64, 98, 97, 2, 326, 327, 294, 331, 358, 371,
    355, 437, 399, 412, 465, 417,
)  # fmt: skip
CHEEK_R = (116, 117, 118, 101, 36, 206, 216, 207, 187, 147, 123)
CHEEK_L = (345, 346, 347, 330, 266, 426, 436, 427, 411, 376, 352)


@dataclass(frozen=True, slots=True)
class EyeLandmarks:
    """Contours of one eye; every polyline runs from the outer corner to the inner one."""

    upper: tuple[int, ...]  # lash line of the upper lid
    lower: tuple[int, ...]  # lash line of the lower lid
    brow_lower: tuple[int, ...]
    brow_upper: tuple[int, ...]
    under: tuple[int, ...]  # crease below the lower lid, the lower end of the shadow area
    iris: int

    @property
    def outer(self) -> int:
        """Outer corner."""
        return self.upper[0]

    @property
    def inner(self) -> int:
        """Inner corner."""
        return self.upper[-1]

    @property
    def opening(self) -> tuple[int, ...]:
        """Closed contour of the eye opening."""
        return self.upper + self.lower[-2:0:-1]

    @property
    def brow(self) -> tuple[int, ...]:
        """Closed contour of the brow."""
        return self.brow_upper + self.brow_lower[::-1]


EYE_R = EyeLandmarks(
    upper=(33, 246, 161, 160, 159, 158, 157, 173, 133),
    lower=(33, 7, 163, 144, 145, 153, 154, 155, 133),
    brow_lower=(46, 53, 52, 65, 55),
    brow_upper=(70, 63, 105, 66, 107),
    under=(226, 31, 228, 229, 230, 231, 232, 233, 244),
    iris=468,
)
EYE_L = EyeLandmarks(
    upper=(263, 466, 388, 387, 386, 385, 384, 398, 362),
    lower=(263, 249, 390, 373, 374, 380, 381, 382, 362),
    brow_lower=(276, 283, 282, 295, 285),
    brow_upper=(300, 293, 334, 296, 336),
    under=(446, 261, 448, 449, 450, 451, 452, 453, 464),
    iris=473,
)
EYES = (EYE_R, EYE_L)
EYE_OPENINGS = (EYE_R.opening, EYE_L.opening)
