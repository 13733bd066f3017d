"""The array types and shapes every kernel takes, declared once for all its twins.

It turns a wrong argument into a ValueError before compiled code reads past an array; it never
converts or copies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# name: (dtype, dimensions); a letter stands for the same length wherever it occurs in a kernel.
SHAPES: dict[str, dict[str, tuple[str, str]]] = {
    "rasterise": {
        "points": ("float32", "V 3"),
        "triangles": ("int32", "T 3"),
        "uv": ("float32", "V 2"),
    },
    "polygon_coverage": {"polygon": ("float32", "N 2")},
    "unwrap": {
        "frame": ("uint8", "H W 3"),
        "points": ("float32", "V _"),
        "vertex_visibility": ("float32", "V"),
        "triangles": ("int32", "T 3"),
        "texel_triangle": ("int32", "A A"),
        "texel_barycentric": ("float32", "A A 3"),
    },
    "gate": {
        "affine": ("float32", "A A 6"),
        "weights": ("float32", "A A R"),
        "gates": ("float32", "R"),
        "visibility": ("float32", "A A"),
    },
    "composite": {
        "image": ("uint8", "H W 3"),
        "texels": ("float32", "h w 2"),
        "sheets": ("float32", "2 A A 6"),
        "lips": ("float32", "h w"),
        "cover": ("float32", "h w"),
    },
    "ema": {
        "previous": ("float32", "A A C"),
        "current": ("float32", "A A C"),
        "weight": ("float32", "A A"),
    },
    "extend": {"affine": ("float32", "A A 6"), "source_index": ("int32", "... A A")},
}


def check(kernel: str, *arrays: NDArray[Any]) -> None:
    """Compare the arrays of a call, in declared order, with SHAPES.

    Raises:
        ValueError: An array has another dtype or shape than declared; the message names it.
    """
    lengths: dict[str, int] = {}
    for (name, (dtype, pattern)), array in zip(SHAPES[kernel].items(), arrays, strict=True):
        wanted = pattern.split()
        found = array.shape
        if wanted[0] == "...":
            wanted = wanted[1:]
            found = found[-len(wanted) :]
        if array.dtype.name != dtype or len(found) != len(wanted):
            _refuse(kernel, name, array, dtype, pattern)
        for letter, length in zip(wanted, found, strict=True):
            fixed = int(letter) if letter.isdigit() else lengths.setdefault(letter, length)
            if letter != "_" and length != fixed:
                _refuse(kernel, name, array, dtype, pattern)


def check_indices(kernel: str, name: str, indices: NDArray[np.int32], low: int, stop: int) -> None:
    """Refuse indices outside low <= index < stop.

    Raises:
        ValueError: An index is outside the range.
    """
    if indices.size and (int(indices.min()) < low or int(indices.max()) >= stop):
        raise ValueError(f"{kernel}: {name} has indices outside {low}..{stop - 1}.")


def check_stride(stride: int, frame: NDArray[np.uint8], points: NDArray[np.float32]) -> None:
    """Refuse what the shapes of `unwrap` cannot say.

    Raises:
        ValueError: The stride is below 1, the frame has no pixel, or points lack x and y.
    """
    if stride < 1 or frame.size == 0 or points.shape[1] < 2:
        raise ValueError("unwrap: give stride >= 1, a frame with pixels, and points with x and y.")


def _refuse(kernel: str, name: str, array: NDArray[Any], dtype: str, pattern: str) -> None:
    raise ValueError(
        f"{kernel}: {name} is {array.dtype.name} {array.shape}; give {dtype} ({pattern}), "
        "where equal letters are equal lengths."
    )
