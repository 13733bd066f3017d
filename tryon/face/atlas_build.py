"""The program that made the atlas: the canonical mesh flattened into the unit square.

`python -m tryon.face.atlas_build -o DIR` writes DIR/face_mesh.safetensors. The library reads the
result that ships and never runs this; it needs scipy.

Every triangle has a rest shape: its own shape in 3-D, scaled by the density of texels wanted there,
more at lips and eyes. With J the linear map from the rest shape to the flat one, this minimises the
area-weighted sum of |J|^2 + |J^-1|^2, the symmetric Dirichlet energy (Smith & Schaefer 2015,
"Bijective Parameterization with Free Boundaries"). It is least where J is a rotation, so both
angles and the wanted sizes are kept as well as a plane allows, and it grows without bound as a
triangle collapses. From a start without a fold (Tutte 1963) a descent that refuses to cross that
wall ends without a fold. A density of 3.5 asked for gives about 2.3: the neighbours resist.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tryon.face import landmarks as lm
from tryon.face.mesh import VERTEX_COUNT, FaceMesh, face_mesh

if TYPE_CHECKING:
    from torch import Tensor

Float64 = NDArray[np.float64]
Int = NDArray[np.int32]
Bool = NDArray[np.bool_]

LIPS_DENSITY, LIPS_REACH = 3.5, 1.6  # asked for, times that of the cheeks; cm over which it ends
EYES_DENSITY, EYES_REACH = 3.1, 1.8
RIM_DENSITY, RIM_REACH = 0.7, 3.5  # the outline of the face matters less
HOLE_WEIGHT, MOUTH_WEIGHT, FEATURE_WEIGHT = 0.1, 0.6, 1.5  # of the distortion of a triangle
THINNEST = 0.12  # least height of a rest shape over its base: no slivers
MARGIN = 0.012  # of the unit square, left free around the face
STEPS = 12_000
RATE = 0.02  # cm a step, at the start


@dataclass(frozen=True, slots=True, eq=False)
class Flattening:
    """What is minimised: the mesh, its mirror symmetry, and the rest shapes."""

    triangles: Int  # (T, 3), so wound that areas are positive with y down
    mirror: NDArray[np.intp]  # (468,) each vertex's partner on the other half
    from_rest: Float64  # (T, 2, 2) inverse of the edge vectors of the rest shapes
    rest_area: Float64  # (T,) cm2
    weight: Float64  # (T,) sums to 1


def flattening(mesh: FaceMesh) -> Flattening:
    """Set up the rest shapes and weights of the canonical mesh."""
    vertices, triangles = mesh.vertices.astype(np.float64), mesh.triangles[:, [0, 2, 1]]
    mirror = mirror_partners(vertices)
    lips = {*lm.LIPS_OUTER, *lm.LIPS_INNER, *_within(vertices[:, :2], vertices, lm.LIPS_OUTER)}
    lips = {i for i in lips if vertices[i, 2] > 2.5}  # not the throat behind them
    # One brow's lower edge is enough: averaged with its mirror image below it counts half on
    # both sides, so the density fades out towards the brows.
    eyes = set(lm.EYE_R.brow_lower)
    for eye in lm.EYES:
        lid = eye.upper + eye.brow_lower[::-1]
        eyes |= {*eye.upper, *eye.lower, *_within(vertices[:, :2], vertices, lid)}

    density = 1 + (LIPS_DENSITY - 1) * _near(mesh, lips, LIPS_REACH)
    density += (EYES_DENSITY - 1) * _near(mesh, eyes, EYES_REACH)
    density *= 1 - (1 - RIM_DENSITY) * _near(mesh, lm.FACE_OVAL, RIM_REACH)
    density = (density + density[mirror]) / 2
    scale = density[triangles].mean(1)

    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    base = np.linalg.norm(b - a, axis=1)
    foot = ((c - a) * (b - a)).sum(1) / base
    height = np.sqrt(np.maximum(((c - a) ** 2).sum(1) - foot**2, 0))
    height = np.maximum(height, THINNEST * base.clip(0.3))
    rest = np.zeros((len(triangles), 2, 2))
    rest[:, 0, 0], rest[:, 0, 1], rest[:, 1, 1] = base * scale, foot * scale, height * scale
    area = np.asarray(rest[:, 0, 0] * rest[:, 1, 1] / 2, np.float64)

    centre = vertices[triangles].mean(1)[:, :2]
    hole = np.zeros(len(triangles), bool)
    for eye in lm.EYES:
        hole[_within(centre, vertices, eye.opening)] = True
    mouth = of_vertices(triangles, lm.LIPS_INNER)
    weight = area.copy()
    weight[hole] *= HOLE_WEIGHT
    weight[mouth] *= MOUTH_WEIGHT
    weight[of_vertices(triangles, lips | eyes) & ~mouth & ~hole] *= FEATURE_WEIGHT
    weight = np.asarray(weight / weight.sum())
    return Flattening(triangles, mirror, np.asarray(np.linalg.inv(rest)), area, weight)


def mirror_partners(vertices: Float64) -> NDArray[np.intp]:
    """The vertex nearest to the mirror image of each vertex: (468,)."""
    image = vertices * [-1, 1, 1]
    return np.asarray(((image[:, None] - vertices) ** 2).sum(-1).argmin(1))


def of_vertices(triangles: Int, vertices: Iterable[int]) -> Bool:
    """(T,) triangles that have all three corners in a set of vertices."""
    return np.asarray(np.isin(triangles, list(vertices)).all(1))


def signed_area(flat: Float64, triangles: Int) -> Float64:
    """(T,) areas of the triangles; > 0 when none is folded over."""
    a, b, c = (flat[triangles[:, i]] for i in range(3))
    return np.asarray(
        ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2
    )


def tutte_embedding(mesh: FaceMesh, problem: Flattening) -> Float64:
    """A start without a fold: the outline on a circle, every other vertex amid its neighbours.

    Returns:
        (468, 2), y down, scaled to the area of all rest shapes.
    """
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    outline = list(lm.FACE_OVAL)
    around = mesh.vertices[[*outline, outline[0]], :2].astype(np.float64)
    length = np.linalg.norm(np.diff(around, axis=0), axis=1)
    angle = 2 * np.pi * np.concatenate([[0], np.cumsum(length)[:-1]]) / length.sum()
    flat = np.zeros((VERTEX_COUNT, 2))
    flat[outline] = np.stack([np.sin(angle), -np.cos(angle)], 1)  # from the top, clockwise
    neighbours = _edge_matrix(mesh, np.ones(len(_edges(mesh))))
    laplacian = sparse.csgraph.laplacian(neighbours).tocsr()
    inner = np.setdiff1d(np.arange(VERTEX_COUNT), outline)
    pull = laplacian[inner][:, outline] @ flat[outline]
    flat[inner] = spsolve(laplacian[inner][:, inner].tocsc(), -pull)
    flat = (flat + flat[problem.mirror] * [-1, 1]) / 2
    wanted, area = problem.rest_area.sum(), signed_area(flat, problem.triangles).sum()
    return np.asarray(flat * np.sqrt(wanted / area))


def minimise(problem: Flattening, start: Float64, steps: int = STEPS) -> tuple[Float64, float]:
    """Descend from a start without a fold.

    Args:
        problem: what is minimised.
        start: (468, 2) with positive areas.
        steps: of Adam; the rate falls to nothing over them.

    Returns:
        (468, 2) mirror symmetric positions in cm, y down, and their energy (least possible: 4).
    """
    import torch

    from_rest, weight = torch.tensor(problem.from_rest), torch.tensor(problem.weight)
    triangles, mirror = torch.tensor(problem.triangles), torch.tensor(problem.mirror)
    flip = torch.tensor([[-1.0, 1.0]], dtype=torch.double)

    def symmetric(flat: Tensor) -> Tensor:
        return (flat + flat[mirror] * flip) / 2

    def energy(flat: Tensor) -> tuple[Tensor, Tensor]:
        p = symmetric(flat)[triangles]
        jacobian = torch.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], -1) @ from_rest
        (a, b), (c, d) = jacobian[:, 0].unbind(-1), jacobian[:, 1].unbind(-1)
        det, norm2 = a * d - b * c, (jacobian**2).sum((1, 2))
        return (weight * (norm2 + norm2 / det**2)).sum(), det.min()

    flat = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([flat], lr=RATE)
    for step in range(steps):
        optimizer.zero_grad()
        energy(flat)[0].backward()  # type: ignore[no-untyped-call]
        before = flat.detach().clone()
        optimizer.step()
        with torch.no_grad():
            for _ in range(12):  # energy is infinite at a fold, but a step can jump across
                value, least = energy(flat)
                if least > 0 and torch.isfinite(value):
                    break
                flat.copy_(before + 0.5 * (flat - before))
            else:
                flat.copy_(before)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps) ** 2 + 1e-5
    with torch.no_grad():
        return symmetric(flat).numpy(), float(energy(flat)[0])


def fit_square(flat: Float64) -> Float64:
    """Stretch positions to fill the unit square up to the margin."""
    low, high = flat.min(0), flat.max(0)
    return np.asarray((flat - (low + high) / 2) * (1 - 2 * MARGIN) / (high - low) + 0.5)


def _edges(mesh: FaceMesh) -> Int:
    """(E, 2) edges of the mesh, each once."""
    pairs = np.concatenate(
        [mesh.triangles[:, [0, 1]], mesh.triangles[:, 1:], mesh.triangles[:, ::2]]
    )
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _edge_matrix(mesh: FaceMesh, values: Float64) -> Any:
    """Symmetric sparse (468, 468) with one value an edge."""
    from scipy import sparse

    i, j = _edges(mesh).T
    where = (np.concatenate([i, j]), np.concatenate([j, i]))
    return sparse.csr_matrix((np.tile(values, 2), where), shape=(VERTEX_COUNT, VERTEX_COUNT))


def _near(mesh: FaceMesh, vertices: Iterable[int], reach: float) -> Float64:
    """(468,) 1 at some vertices .. 0 at `reach` cm from them, along the edges of the mesh."""
    from scipy.sparse.csgraph import dijkstra

    ends = mesh.vertices.astype(np.float64)[_edges(mesh)]
    lengths = np.maximum(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1), 1e-3)
    network = _edge_matrix(mesh, lengths)
    distance = dijkstra(network, indices=sorted(set(vertices)), min_only=True)
    t = np.clip(1 - distance / reach, 0, 1)
    return np.asarray(t**2 * (3 - 2 * t))


def _within(points: Float64, vertices: Float64, contour: Sequence[int]) -> list[int]:
    """Which of some points (N, 2) lie strictly inside a contour, seen from the front."""
    inside = np.zeros(len(points), bool)
    corners = vertices[list(contour), :2]
    x, y = points.T
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    on_contour = (points[:, None] == corners).all(-1).any(1)
    return np.flatnonzero(inside & ~on_contour).tolist()


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(
        prog="python -m tryon.face.atlas_build", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args(argv)
    mesh = face_mesh()
    problem = flattening(mesh)
    flat, energy = minimise(problem, tutte_embedding(mesh, problem), arguments.steps)
    uv = fit_square(flat).astype(np.float32)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "face_mesh.safetensors"
    tensors = {"vertices": mesh.vertices, "triangles": mesh.triangles, "atlas_uv": uv}
    save_file(tensors, path)
    print(f"energy {energy:.6f}, {np.abs(uv - mesh.atlas_uv).max():.1e} from the shipped: {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
