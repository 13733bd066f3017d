"""The array types and shapes every kernel takes, declared once for all its twins.

It turns a wrong argument into a ValueError before compiled code reads past an array; it never
converts or copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast
from weakref import ref

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

# name: (dtype, dimensions); a letter stands for the same length wherever it occurs in a kernel.
# Atlases (A) and pictures (H, W) are never empty.
SHAPES: dict[str, dict[str, tuple[str, str]]] = {
    "rasterise": {
        "points": ("float32", "V 3"),
        "triangles": ("int32", "T 3"),
        "uv": ("float32", "V 2"),
    },
    "polygon_coverage": {"polygon": ("float32", "N 2")},
    "facing": {"points": ("float32", "V 3"), "triangles": ("int32", "T 3")},
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
        "affine": ("float32", "A A 6"),
        "sources": ("int32", "2 A A"),
        "lips": ("float32", "h w"),
        "cover": ("float32", "h w"),
    },
    "paint": {
        "image": ("uint8", "H W 3"),
        "points": ("float32", "V 3"),
        "triangles": ("int32", "T 3"),
        "uv": ("float32", "V 2"),
        "affine": ("float32", "A A 6"),
        "sources": ("int32", "2 A A"),
        "lips": ("float32", "N 2"),
    },
    "ema": {
        "previous": ("float32", "A A C"),
        "current": ("float32", "A A C"),
        "weight": ("float32", "A A"),
    },
    "follow": {
        "previous": ("float32", "A A C"),
        "current": ("float32", "A A C"),
        "visibility": ("float32", "A A"),
    },
}


def check(kernel: str, *arrays: NDArray[Any]) -> None:
    """Compare the arrays of a call, in declared order, with SHAPES.

    Raises:
        ValueError: An array has another dtype or shape than declared; the message names it.
    """
    lengths: dict[str, int] = {}
    for (name, dtype, wanted), array in zip(_WANTED[kernel], arrays, strict=True):
        found = array.shape
        if array.dtype != dtype or len(found) != len(wanted):
            _refuse(kernel, name, array)
        for letter, length in zip(wanted, found, strict=True):
            fixed = letter if isinstance(letter, int) else lengths.setdefault(letter, length)
            if length != fixed or (length == 0 and letter in _NEVER_EMPTY):
                _refuse(kernel, name, array)


_NEVER_EMPTY = ("A", "H", "W")
_WANTED: dict[str, tuple[tuple[str, np.dtype[Any], tuple[str | int, ...]], ...]] = {
    kernel: tuple(
        (
            name,
            np.dtype(dtype),
            tuple(int(letter) if letter.isdigit() else letter for letter in pattern.split()),
        )
        for name, (dtype, pattern) in arrays.items()
    )
    for kernel, arrays in SHAPES.items()
}
"""SHAPES as `check` reads them, in every frame."""


def check_indices(kernel: str, name: str, indices: NDArray[np.int32], low: int, stop: int) -> None:
    """Refuse indices outside low <= index < stop; a table that is read-only is looked at once.

    Raises:
        ValueError: An index is outside the range.
    """
    least, most = of_table(indices, _range)
    if least < low or most >= stop:
        raise ValueError(f"{kernel}: {name} has indices outside {low}..{stop - 1}.")


def of_table(table: NDArray[Any], work: Callable[[NDArray[Any]], Result]) -> Result:
    """work(table); of a table that is read-only it is done once."""
    if table.flags.writeable:
        return work(table)
    key = id(table), work
    known = _KNOWN.get(key)
    if known is None or known[0]() is not table:
        known = _KNOWN[key] = ref(table, lambda _: _KNOWN.pop(key, None)), work(table)
    return cast(Result, known[1])


_KNOWN: dict[tuple[int, Callable[..., Any]], tuple[ref[NDArray[Any]], Any]] = {}
"""What was made of tables that are read-only."""


def _range(indices: NDArray[np.int32]) -> tuple[int, int]:
    """Least and largest; of none a range within any other."""
    return (int(indices.min()), int(indices.max())) if indices.size else (2**31, -(2**31))


def check_box(kernel: str, origin: tuple[int, int], shape: tuple[int, ...]) -> None:
    """Refuse a box that is not whole pixels.

    Raises:
        ValueError: A number is not an integer, or a length is negative.
    """
    whole = all(isinstance(number, (int, np.integer)) for number in (*origin, *shape))
    if not whole or len(origin) != 2 or len(shape) != 2 or min(shape) < 0:
        raise ValueError(
            f"{kernel}: the box is origin {origin}, shape {shape}; give whole px (x0, y0), (h, w)."
        )


def check_soft(kernel: str, soft: float) -> None:
    """Refuse a softness outside 0 .. 1/3.

    Raises:
        ValueError: It is, or is no number.
    """
    if not 0.0 <= soft <= np.float32(1 / 3):
        raise ValueError(f"{kernel}: soft is {soft}; give 0 (sharp) to 1/3 (three pixels wide).")


def softness(
    kernel: str, holes: Sequence[NDArray[np.float32]], soft: Sequence[float]
) -> NDArray[np.float32]:
    """Of the lips' edge and those of holes, (1 + holes,) float32; zeros if none is given.

    Raises:
        ValueError: There are too few or too many, or one is outside 0 .. 1/3.
    """
    edges = np.array(soft if len(soft) else [0.0] * (1 + len(holes)), np.float32)
    if len(edges) != 1 + len(holes):
        raise ValueError(f"{kernel}: {len(edges)} soft edges; give one for lips and each hole.")
    for edge in soft:
        check_soft(kernel, edge)
    return edges


def check_stride(stride: int, points: NDArray[np.float32]) -> None:
    """Refuse what the shapes of `unwrap` cannot say.

    Raises:
        ValueError: The stride is not a whole number from 1, or points lack x and y.
    """
    if not isinstance(stride, (int, np.integer)) or stride < 1 or points.shape[1] < 2:
        raise ValueError("unwrap: give a whole stride from 1, and points with x and y.")


def check_writable(kernel: str, name: str, array: NDArray[Any]) -> None:
    """Refuse an array that cannot be changed in place.

    Raises:
        ValueError: The array is read-only.
    """
    if not array.flags.writeable:
        raise ValueError(f"{kernel}: {name} is read-only; give a copy, it is changed in place.")


def _refuse(kernel: str, name: str, array: NDArray[Any]) -> None:
    dtype, pattern = SHAPES[kernel][name]
    raise ValueError(
        f"{kernel}: {name} is {array.dtype.name} {array.shape}; give {dtype} ({pattern}), "
        "where equal letters are equal lengths."
    )
