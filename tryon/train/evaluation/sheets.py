"""Contact sheets: what was worn, laid out for the eye.

They show people. A sheet of photographs that may not be published stays where it was written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tryon.look.look import Look
from tryon.train.evaluation.occluders import OCCLUDERS
from tryon.train.evaluation.photos import Photo, PhotoSet
from tryon.train.evaluation.wearing import Dresser, Worn, read_picture
from tryon.types import Face, UInt8

SIDE = 224  # px of a cell


def face_cell(image: UInt8, face: Face | None, side: int = SIDE) -> UInt8:
    """The face of a picture with a margin around it, (side, side, 3)."""
    import cv2

    height, width = image.shape[:2]
    x0, y0, x1, y1 = face.box if face else (0.0, 0.0, float(width), float(height))
    reach = 0.68 * max(x1 - x0, y1 - y0)
    # A map from cell to picture; what lies outside the picture becomes paper.
    scale = 2 * reach / side
    shift = ((x0 + x1) / 2 - reach, (y0 + y1) / 2 - reach)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    area = cv2.INTER_LINEAR
    if scale > 1.5:  # bilinear sampling would alias
        image = cv2.GaussianBlur(image, (0, 0), scale / 3)
    cell = cv2.warpAffine(
        image, matrix, (side, side), flags=area | cv2.WARP_INVERSE_MAP, borderValue=(235,) * 3
    )
    return np.asarray(cell, np.uint8)


def grid(rows: Sequence[Sequence[UInt8]]) -> UInt8:
    """Cells of one size as one picture; short rows are filled up with paper."""
    width = max(len(row) for row in rows)
    paper = np.full_like(rows[0][0], 235)
    full = [np.concatenate([*row, *[paper] * (width - len(row))], 1) for row in rows]
    return np.concatenate(full, 0)


def real_sheet(photos: PhotoSet, dresser: Dresser, sources: int = 6, looks: int = 6) -> UInt8:
    """References across, wearers down; the first column is the wearer bare."""
    references = list(dict.fromkeys(reference for _, reference in photos.pairs))[:looks]
    wearers = list(dict.fromkeys(source for source, _ in photos.pairs))[:sources]
    pictures = {p.path: read_picture(p.path) for p in (*references, *wearers)}
    head = [np.full((SIDE, SIDE, 3), 235, np.uint8)]
    head += [face_cell(pictures[p.path], dresser.face(pictures[p.path])) for p in references]
    rows = [head]
    for wearer in wearers:
        image = pictures[wearer.path]
        row = [face_cell(image, dresser.face(image))]
        for reference in references:
            look = dresser.look(reference)
            worn = dresser.wear(image, look) if look else None
            row.append(face_cell(worn.after if worn else image, worn.face if worn else None))
        rows.append(row)
    return grid(rows)


def occlusion_sheet(
    image: UInt8, look: Look, awkward: Sequence[Photo], dresser: Dresser, rows: int = 8
) -> UInt8:
    """Drawn occluders on one face, then awkward photos: before and after, two pairs a row."""
    cells: list[tuple[UInt8, UInt8]] = []
    worn = dresser.wear(image, look)
    if worn is not None:
        for draw in OCCLUDERS.values():
            hidden = draw(image, worn.face).image
            cells.append(_pair(dresser.wear(hidden, look), hidden, worn.face))
    count = max(0, 2 * rows - len(cells))
    for photo in awkward[:: max(1, -(-len(awkward) // max(count, 1)))][:count]:
        picture = read_picture(photo.path)
        cells.append(_pair(dresser.wear(picture, look), picture, dresser.face(picture)))
    if not cells:
        cells.append(_pair(None, image, None))
    return grid([[c for pair in cells[i : i + 2] for c in pair] for i in range(0, len(cells), 2)])


def _pair(worn: Worn | None, image: UInt8, face: Face | None) -> tuple[UInt8, UInt8]:
    return face_cell(image, face), face_cell(worn.after if worn else image, face)


def film_sheet(shown: Sequence[Sequence[UInt8]]) -> UInt8:
    """Frames of each film in a column of its own, bare and worn side by side."""
    height = max(picture.shape[0] for film in shown for picture in film)
    padded = [
        np.concatenate([
            np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0)), constant_values=235)
            for p in film
        ])
        for film in shown
    ]  # fmt: skip
    tall = max(column.shape[0] for column in padded)
    return np.concatenate(
        [np.pad(c, ((0, tall - c.shape[0]), (0, 8), (0, 0)), constant_values=235) for c in padded],
        1,
    )
