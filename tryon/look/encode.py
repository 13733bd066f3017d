"""Photo -> look: find the one face, unwrap it, complete what it hides by symmetry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tryon.errors import ImageError, ReferencePhotoError
from tryon.face.atlas import atlas
from tryon.face.occlusion import uncovered
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.kernels.colour import linear_to_srgb, srgb_to_linear
from tryon.look.look import MAX_NAME, Look
from tryon.look.photo import read_photo
from tryon.types import Face, FaceTexture, Float32, UInt8

if TYPE_CHECKING:
    from tryon.face.parser import FaceParser

MAX_YAW = 45.0  # deg; beyond it one side of the makeup is not in the photo
MIN_WIDTH = 64.0  # px of the landmark box
BLOWN_OUT, PALE = 0.6, 0.36  # median luminance of skin, linear: over-exposed; pale, in good light
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear RGB, Rec. 709
COVERED = 0.25  # visibility that a thing takes from a texel whose colour is then not believed
SEEN = 0.5  # visibility from which the mirrored side is good enough
RIM = 5  # texels of a 256 atlas; so wide is the border of what is hidden
BYSTANDER = 0.45  # a face narrower than this share of the widest one is background


def encode_photo(photo: str | Path | bytes | UInt8, parser: FaceParser | None = None) -> Look:
    """Make a look from a reference photo; see `Look.from_photo`."""
    if isinstance(photo, np.ndarray):
        image, name = photo, "look"
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ImageError(
                f"the reference is {image.dtype} {image.shape}; give (H, W, 3) uint8 RGB"
            )
    else:
        image = read_photo(photo)
        name = "look" if isinstance(photo, bytes) else _printable(Path(photo).stem)
    face = _the_face(image, parser)
    texture = less_exposed(_completed(unwrap_face(image, face)))
    return Look(
        colour=np.round(255 * texture.colour).astype(np.uint8),
        visibility=np.round(255 * texture.visibility).astype(np.uint8),
        name=name,
    )


def complete_by_symmetry(texture: FaceTexture) -> FaceTexture:
    """Fill what a turned head hides with the mirrored other side, where that is seen better."""
    seen, other = texture.visibility, texture.visibility[:, ::-1]
    take = np.clip((other - seen) / 0.5, 0, 1)
    mirrored = texture.colour[:, ::-1]
    colour = texture.colour + take[..., None] * (mirrored - texture.colour)
    return FaceTexture(
        np.ascontiguousarray(colour, np.float32),
        np.ascontiguousarray(seen + take * (other - seen), np.float32),
    )


def _completed(texture: FaceTexture) -> FaceTexture:
    """Fill what is turned away or behind a thing by symmetry, else by what is around it."""
    free = uncovered(texture)
    completed = complete_by_symmetry(free)
    thing = texture.visibility - free.visibility > COVERED
    lost = (thing | thing[:, ::-1]) & (completed.visibility < SEEN)
    colour = _filled(completed, lost) if lost.any() else completed.colour
    return FaceTexture(colour, np.maximum(completed.visibility, texture.visibility))


def _filled(texture: FaceTexture, lost: NDArray[np.bool_]) -> Float32:
    """Continue the colours (A, A, 3) of a face into what is lost: means of what is seen around.

    What a thing shows would pass for face paint: a flower before the jaw, for a pink spot.
    """
    import cv2

    # Beside a thing texels show a mixture of it and the face.
    mask = cv2.dilate(lost.astype(np.uint8), np.ones((RIM, RIM), np.uint8)) > 0
    weight = texture.visibility * atlas(len(mask)).inside * ~mask
    known = np.dstack([texture.colour * weight[..., None], weight])
    # From near to far: where something near is seen it counts, else what is farther away.
    near = sum(cv2.GaussianBlur(known, (0, 0), s) / s**4 for s in (RIM / 2, 2 * RIM, 8 * RIM))
    found = near[..., :3] / np.maximum(near[..., 3:], 1e-9)
    return np.where(mask[..., None], found, texture.colour).astype(np.float32)


def less_exposed(texture: FaceTexture) -> FaceTexture:
    """Darken an over-exposed reference: blown-out skin would pass for white paint.

    Its light is scaled so that the skin's median luminance is PALE; others stay as they are.
    """
    weights = region_masks(len(texture.visibility))
    skin = weights.of("skin") + weights.of("cheeks") > 0.5
    light = srgb_to_linear(texture.colour)
    seen = (light @ LUMINANCE)[skin & (texture.visibility > 0.5)]
    if not seen.size or np.median(seen) <= BLOWN_OUT:
        return texture
    darker = linear_to_srgb(light * np.float32(PALE / np.median(seen)))
    return FaceTexture(np.asarray(darker, np.float32), texture.visibility)


def _printable(text: str) -> str:
    """A file's name as the name of a look; a file may be called nearly anything."""
    return "".join(c if c.isprintable() else "_" for c in text)[:MAX_NAME]


def _the_face(image: UInt8, parser: FaceParser | None) -> Face:
    """The one face of a reference photo, or a refusal that says why."""
    if parser is None:
        from tryon.face.parse_fast import FastParser

        parser = FastParser()
        try:
            faces = parser.detect(image)
        finally:
            parser.close()
    else:
        faces = parser.detect(image)
    if not faces:
        raise ReferencePhotoError(
            "no face found in the reference; use a sharp photo of one face, seen from the front"
        )
    ordered = sorted(faces, key=lambda face: face.width, reverse=True)
    face = ordered[0]
    people = [item for item in ordered if item.width >= BYSTANDER * face.width]
    if len(people) > 1:
        raise ReferencePhotoError(
            f"{len(people)} faces in the reference; crop the photo to the one whose makeup you want"
        )
    if face.width < MIN_WIDTH:
        raise ReferencePhotoError(
            f"the face in the reference is {face.width:.0f} px wide; it needs {MIN_WIDTH:.0f} px"
        )
    if abs(face.pose.yaw) > MAX_YAW:
        raise ReferencePhotoError(
            f"the reference shows a profile (turned {abs(face.pose.yaw):.0f} deg); "
            f"use one turned less than {MAX_YAW:.0f} deg"
        )
    return face
