"""Lips from one photo, eyes from another, on a face of your own.

    python demos/mix_regions.py face.jpg out.png lips=a.png eyes=b.png

Each region is one of skin, cheeks, nose, brows, eyes, lips, or `all` for those not named; regions
nobody named stay bare. The mix is also saved beside the picture as a .look file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tryon import Look, SessionConfig, TryOnSession


def main(face: str, out: str, parts: Sequence[str]) -> Look:
    """Mix looks and put them on a photo; returns the mixed look."""
    photos = dict(part.split("=", 1) for part in parts)
    mixed = Look.mix({region: Look.from_photo(photo) for region, photo in photos.items()})
    image = np.asarray(Image.open(face).convert("RGB"))
    with TryOnSession(mixed, SessionConfig(stills=True)) as session:
        Image.fromarray(session.process(image).image).save(out)
    mixed.save(Path(out).with_suffix(".look"))
    return mixed


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
