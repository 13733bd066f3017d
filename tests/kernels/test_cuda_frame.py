"""A frame painted on the device is the frame painted by the CPU path, on real faces."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.kernels.cpp_device import compile_cpp, compiler
from tryon import Look
from tryon.engines.base import stack_texture
from tryon.engines.serving import serving_module
from tryon.engines.torch import TorchEngine
from tryon.face import landmarks as lm
from tryon.face.atlas import atlas, vertex_visibility
from tryon.face.curves import catmull_rom
from tryon.face.parse_fast import FastParser
from tryon.face.parser import ParserConfig
from tryon.face.regions import region_masks
from tryon.face.unwrap import mesh_points, unwrap_face
from tryon.kernels import reference
from tryon.kernels.cuda_device import Device
from tryon.kernels.cuda_frame import CudaFrame
from tryon.layer.composite import composite_layer
from tryon.layer.gate import gate_layer
from tryon.models.weights import load_model
from tryon.types import Face, MakeupLayer

SIDE = 128
INTENSITIES = np.array([0.2, 1.0, 0.0, 0.7, 1.5, 1.0], np.float32)


def open_frame(device: Device) -> CudaFrame:
    table, masks = atlas(SIDE), region_masks(SIDE)
    return CudaFrame(
        device,
        uv=table.uv,
        triangles=table.triangles,
        texel_triangle=table.texel_triangle,
        texel_barycentric=table.texel_barycentric,
        weights=masks.weights,
        rim=masks.rim,
        sheet_sources=masks.sheet_sources,
    )


@pytest.fixture(scope="module")
def faces(pair: NDArray[np.uint8]) -> tuple[Face, ...]:
    parser = FastParser(ParserConfig(max_faces=2))
    found = parser.detect(pair)
    parser.close()
    assert len(found) == 2
    return tuple(found)


def moved(face: Face, dx: float, dy: float) -> Face:
    return replace(face, landmarks=face.landmarks + np.array([dx, dy, 0], np.float32))


def contours(face: Face) -> list[NDArray[np.float32]]:
    """Lips, then what stays bare; the curves of tryon.layer.composite."""
    named = (lm.LIPS_OUTER, lm.LIPS_INNER, *lm.NOSTRILS, *lm.EYE_OPENINGS)
    return [catmull_rom(face.landmarks[list(c), :2], 6, closed=True) for c in named]


def stride_of(face: Face) -> int:
    return max(1, round(face.width / (1.2 * SIDE)))


def layer_of(seed: int) -> NDArray[np.float32]:
    """Makeup in soft patches, with the identity between them."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform([0.3] * 3 + [-0.1] * 3, [1.2] * 3 + [0.3] * 3, (8, 8, 6))
    coarse[rng.random((8, 8)) < 0.3] = (1, 1, 1, 0, 0, 0)
    return np.repeat(np.repeat(coarse, SIDE // 8, 0), SIDE // 8, 1).astype(np.float32)


def on_device(
    frame: CudaFrame, image: NDArray[np.uint8], faces: tuple[Face, ...]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Textures and the painted picture."""
    device, points = frame.device, [mesh_points(face) for face in faces]
    frame.load(image, max(stride_of(face) for face in faces), *points)
    textures = frame.textures(len(faces))
    for k, face in enumerate(faces):
        seen = vertex_visibility(points[k])
        frame.unwrap(points[k], seen, stride_of(face), textures[k])
    for k, face in enumerate(faces):
        lips, *holes = contours(face)
        layer = device.upload(layer_of(k))
        frame.paint(points[k], lips, holes, layer, textures[k], INTENSITIES)
    painted = image.copy()
    frame.store(painted)
    return device.download(textures), painted


def on_cpu(
    image: NDArray[np.uint8], faces: tuple[Face, ...]
) -> tuple[list[NDArray[np.float32]], NDArray[np.uint8]]:
    painted, textures = image.copy(), []
    for k, face in enumerate(faces):
        texture = unwrap_face(image, face, SIDE)
        textures.append(np.concatenate([texture.colour, texture.visibility[..., None]], -1))
        layer = gate_layer(MakeupLayer(layer_of(k)), texture.visibility, INTENSITIES, 1.0)
        composite_layer(painted, face, layer)
    return textures, painted


@pytest.mark.parametrize(
    "shifts",
    [
        [(0, 0), (0, 0)],
        [(-250, -300)],  # cut by the corner
        [(0, 0), (450, 330)],
        [(0.5, 0), (140.25, 20)],  # one face over the other
        [(0, 0), (3000, 0)],  # one face outside
        [(-5000, 9000)],
    ],
    ids=["two", "corner", "two, one cut", "overlap", "one outside", "outside"],
)
def test_it_is_the_cpu_path(
    device: Device,
    pair: NDArray[np.uint8],
    faces: tuple[Face, ...],
    shifts: list[tuple[float, float]],
) -> None:
    image = np.ascontiguousarray(pair[:701, :1277])  # odd sides
    chosen = tuple(moved(f, *shift) for f, shift in zip(faces, shifts, strict=False))
    textures, painted = on_device(open_frame(device), image, chosen)
    wanted_textures, wanted = on_cpu(image, chosen)
    np.testing.assert_allclose(textures, wanted_textures, atol=1 / 255)
    assert np.abs(painted.astype(int) - wanted).max() <= 1
    assert (painted != wanted).mean() < 1e-3
    outside = np.abs(np.array(shifts)).min() > 1000
    assert (painted != image).any() != outside


def test_frames_of_other_sizes_follow_each_other(
    device: Device, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    frame = open_frame(device)
    for image in (pair, np.ascontiguousarray(pair[:600, :900]), pair):
        _, painted = on_device(frame, image, faces)
        assert np.abs(painted.astype(int) - on_cpu(image, faces)[1]).max() <= 1


def test_closed_gates_and_hidden_faces_keep_every_byte(
    device: Device, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    frame, points = open_frame(device), mesh_points(faces[0])
    shown = points[:, :2].copy()
    for gates, visible in ((INTENSITIES * 0, 1.0), (INTENSITIES, 0.0)):
        frame.load(pair, 1, points)
        texture = frame.textures(1)[0]
        frame.unwrap(points, np.full(len(points), visible, np.float32), 1, texture)
        frame.paint(points, shown[:3], [], device.upload(layer_of(0)), texture, gates)
        painted = pair.copy()
        frame.store(painted)
        np.testing.assert_array_equal(painted, pair)


def test_layers_are_smoothed_in_place(
    device: Device, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    frame, points = open_frame(device), mesh_points(faces[0])
    frame.load(pair, 1, points)
    texture = frame.textures(1)[0]
    frame.unwrap(points, vertex_visibility(points), 1, texture)
    memory = device.upload(layer_of(1))
    frame.follow(memory, device.upload(layer_of(2)), texture, 0.2, 0.25)
    seen = device.download(texture)[..., 3]
    wanted = reference.follow(layer_of(1), layer_of(2), np.ascontiguousarray(seen), 0.2, 0.25)
    np.testing.assert_allclose(device.download(memory), wanted, atol=1e-6)


def test_a_frame_goes_up_once_and_launches_once_for_each_step(
    open_device, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    device = open_device("cpp")
    frame = open_frame(device)
    device.launched.clear()
    on_device(frame, pair, faces)
    painting = ["set_up_triangles", "bin_triangles", "cross_polygons", "gate", "paint"]
    assert device.launched == ["unwrap"] * 2 + painting * 2


def test_torch_shares_the_arrays(open_device) -> None:
    import torch

    device = open_device("cpp")
    texture = device.empty((1, 4, 4, 4), np.float32)
    tensor = torch.from_dlpack(texture)
    tensor.fill_(3)
    assert (texture == 3).all()
    layer = torch.zeros(4, 4, 6)
    adopted = device.adopt(layer)
    layer += 2
    assert (adopted == 2).all()


def test_a_real_look_is_worn_without_leaving_the_device(
    open_device, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    """Frame, atlas, network and frame again, with no array on the host in between."""
    import torch

    device, size = open_device("cpp"), 256
    table, masks = atlas(size), region_masks(size)
    frame = CudaFrame(
        device,
        uv=table.uv,
        triangles=table.triangles,
        texel_triangle=table.texel_triangle,
        texel_barycentric=table.texel_barycentric,
        weights=masks.weights,
        rim=masks.rim,
        sheet_sources=masks.sheet_sources,
    )
    model, engine = load_model(), TorchEngine(threads=1)
    look = Look.load(files("tryon.look") / "assets" / "crimson.look")
    prepared = engine.prepare(look.texture)
    points = [mesh_points(face) for face in faces]
    strides = [max(1, round(face.width / (1.2 * size))) for face in faces]
    frame.load(pair, max(strides), *points)
    textures = frame.textures(len(faces))
    for k in range(len(faces)):
        frame.unwrap(points[k], vertex_visibility(points[k]), strides[k], textures[k])
    with torch.no_grad():
        features = [torch.from_numpy(feature) for feature in prepared.features]
        layers = device.adopt(serving_module(model.student)(torch.from_dlpack(textures), *features))
    gates = np.ones(6, np.float32)
    for k, face in enumerate(faces):
        lips, *holes = contours(face)
        frame.paint(points[k], lips, holes, layers[k], textures[k], gates)
    painted = pair.copy()
    frame.store(painted)

    wanted = pair.copy()
    for face in faces:
        texture = unwrap_face(pair, face, size)
        layer = MakeupLayer(engine(stack_texture(texture, size), prepared)[0])
        composite_layer(wanted, face, gate_layer(layer, texture.visibility, gates, 1.0))
    assert (wanted != pair).mean() > 0.01
    assert np.abs(painted.astype(int) - wanted).max() <= 1


SANITIZED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from tests.kernels.cpp_device import CppDevice
from tryon.kernels.cuda_kernels import CudaKernels
from tryon.kernels import cuda_launch as launch

class Exact(CppDevice):
    def empty(self, shape, dtype):
        return np.empty(shape, dtype)  # malloc ends where the array ends

device = Exact(Path({library!r}))
kernels = CudaKernels(device)
rng = np.random.default_rng(3)
f32 = lambda *shape: rng.uniform(-9, 40, shape).astype("float32")
for side in (1, 2, 17):
    frame = rng.integers(0, 256, (side, side + 3, 3), dtype="uint8")
    triangles = rng.integers(0, 9, (37, 3), dtype="int32")
    owner = rng.integers(-1, 37, (side, side), dtype="int32")
    for stride in (1, 3):
        kernels.unwrap(frame, f32(9, 3), f32(9), triangles, owner, f32(side, side, 3), stride)
    sheets, uv, lips = f32(2, side, side, 6), f32(9, 2), f32(7, 2)
    index = rng.integers(0, side * side, (2, side, side), dtype="int32")
    layer = sheets[0], index
    kernels.facing(f32(9, 3), triangles, 0.1, 0.4)
    for origin in ((0, 0), (-5, 3), (15, 15)):
        box = origin, (side, 2 * side + 1)
        texels = kernels.rasterise(f32(9, 3), triangles, uv, *box)
        cover = kernels.polygon_coverage(lips, *box)
        kernels.composite(frame, texels, origin, *layer, cover, cover)
        kernels.paint(frame, f32(9, 3), triangles, uv, *box, *layer, lips, [lips[:5], lips[:2]])
    kernels.gate(sheets[0], f32(side, side, 2), f32(2), f32(side, side))
    kernels.ema(sheets[0], sheets[1], f32(side, side))
    kernels.follow(sheets[0], sheets[1], f32(side, side), 0.5, 1.0)
    seen = device.upload(f32(side, side, 4))[..., 3]
    weights, gates = device.upload(f32(side, side, 2)), device.upload(f32(2))
    launch.gate(device, device.upload(sheets[0]), weights, gates, seen)
if {overrun}:
    far, box = device.upload(index + 9**9 % 77 * side * side), ((0, 0), (1, 1))
    spot, mask = device.upload(np.ones((1, 1, 2), "f4")), device.upload(np.ones((1, 1), "f4"))
    picture, maps = device.upload(frame), device.upload(sheets[0])
    launch.composite(device, picture, spot, (0, 0), maps, far, mask, mask)
print("ran to the end")
"""


@pytest.mark.parametrize("overrun", [False, True])
def test_no_kernel_reads_or_writes_outside_its_arrays(tmp_path: Path, overrun: bool) -> None:
    """Under the address sanitizer; that it sees an overrun is checked by making one."""
    if compiler() is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C++ compiler on Linux")
    ask = subprocess.run(
        [compiler(), "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    runtime = ask.stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the compiler has no address sanitizer")
    library = compile_cpp(tmp_path, "-fsanitize=address")
    root = str(Path(__file__).parents[2])
    program = SANITIZED.format(root=root, library=str(library), overrun=overrun)
    settings = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=settings,
        cwd=root,
    )
    assert ("ran to the end" in done.stdout) != overrun, done.stdout + done.stderr
    assert ("AddressSanitizer" in done.stderr) == overrun, done.stderr
