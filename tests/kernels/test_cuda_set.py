"""A frame painted on the device is the frame painted on the CPU, on real faces."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.kernels.cpp_device import compile_cpp, compiler
from tryon.face.parse_fast import FastParser
from tryon.face.parser import ParserConfig
from tryon.face.unwrap import unwrap_faces
from tryon.kernels.cuda_device import Device
from tryon.kernels.cuda_set import CudaSet
from tryon.kernels.sets import CPU, KernelSet
from tryon.layer.composite import composite_layer
from tryon.layer.gate import gate_layer
from tryon.types import Face, MakeupLayer

SIDE = 128
INTENSITIES = (0.2, 1.0, 0.0, 0.7, 1.5, 1.0)


@pytest.fixture(scope="module")
def cuda(device: Device) -> CudaSet:
    return CudaSet(device)


@pytest.fixture(scope="module")
def faces(pair: NDArray[np.uint8]) -> tuple[Face, ...]:
    parser = FastParser(ParserConfig(max_faces=2))
    found = parser.detect(pair)
    parser.close()
    assert len(found) == 2
    return tuple(found)


def moved(face: Face, dx: float, dy: float) -> Face:
    return replace(face, landmarks=face.landmarks + np.array([dx, dy, 0], np.float32))


def layer_of(seed: int) -> NDArray[np.float32]:
    """Makeup in soft patches, with the identity between them."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform([0.3] * 3 + [-0.1] * 3, [1.2] * 3 + [0.3] * 3, (8, 8, 6))
    coarse[rng.random((8, 8)) < 0.3] = (1, 1, 1, 0, 0, 0)
    return np.repeat(np.repeat(coarse, SIDE // 8, 0), SIDE // 8, 1).astype(np.float32)


def worn(
    kernels: KernelSet,
    image: NDArray[np.uint8],
    faces: tuple[Face, ...],
    *,
    expected: tuple[Face, ...] = (),
    visible: float = 1.0,
    share: float = 1.0,
) -> tuple[Any, NDArray[np.uint8]]:
    """Textures, and the painted picture."""
    up = kernels.device.upload if isinstance(kernels, CudaSet) else np.asarray
    picture = kernels.picture(image, [face.landmarks for face in expected])
    textures = unwrap_faces(picture, faces, SIDE, kernels)
    canvas = kernels.canvas(picture, [face.landmarks for face in faces])
    for k, face in enumerate(faces):
        seen = textures[k, ..., 3] if visible else up(np.zeros((SIDE, SIDE), np.float32))
        layer = gate_layer(MakeupLayer(up(layer_of(k))), seen, INTENSITIES, share, kernels)
        composite_layer(canvas, face, layer, kernels)
    return textures, kernels.store(canvas)


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
@pytest.mark.parametrize("told", [False, True], ids=["by surprise", "expected"])
def test_it_is_the_cpu(
    cuda: CudaSet,
    pair: NDArray[np.uint8],
    faces: tuple[Face, ...],
    shifts: list[tuple[float, float]],
    told: bool,
) -> None:
    image = np.ascontiguousarray(pair[:701, :1277])  # odd sides
    chosen = tuple(moved(f, *shift) for f, shift in zip(faces, shifts, strict=False))
    textures, painted = worn(cuda, image, chosen, expected=chosen if told else ())
    wanted_textures, wanted = worn(CPU, image, chosen)
    np.testing.assert_allclose(cuda.device.download(textures), wanted_textures, atol=1 / 255)
    assert np.abs(painted.astype(int) - wanted).max() <= 1
    assert (painted != wanted).mean() < 1e-3
    outside = np.abs(np.array(shifts)).min() > 1000
    assert (painted != image).any() != outside


def test_frames_of_other_sizes_follow_each_other(
    cuda: CudaSet, pair: NDArray[np.uint8], faces: tuple[Face, ...]
) -> None:
    for image in (pair, np.ascontiguousarray(pair[:600, :900]), pair):
        painted, wanted = (worn(kernels, image, faces)[1] for kernels in (cuda, CPU))
        assert np.abs(painted.astype(int) - wanted).max() <= 1


def test_the_frame_is_copied_while_the_device_is_at_work(
    cuda: CudaSet, pair: NDArray[np.uint8], faces: tuple[Face, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy begins before anything is painted, and the painted box comes back into it."""
    copied: list[NDArray[np.uint8]] = []
    copyto = np.copyto
    monkeypatch.setattr(np, "copyto", lambda to, of: copied.append(to) or copyto(to, of))
    canvas = cuda.canvas(cuda.picture(pair, []), [face.landmarks for face in faces])
    image = cuda.store(canvas)
    np.testing.assert_array_equal(image, pair)
    assert [array is image for array in copied] == [True]


def test_a_coming_face_asks_for_few_sizes_of_memory(
    device: Device,
    pair: NDArray[np.uint8],
    faces: tuple[Face, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pool of a GPU never joins blocks: each size that is new is kept beside all others."""
    sizes: set[int] = set()
    empty = device.empty

    def asked(shape: tuple[int, ...], dtype: Any) -> Any:
        sizes.add(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        return empty(shape, dtype)

    monkeypatch.setattr(device, "empty", asked)
    face, kernels = faces[0], CudaSet(device)
    middle = face.landmarks.mean(0)
    for zoom in np.linspace(0.3, 1.3, 60, dtype=np.float32):
        worn(kernels, pair, (replace(face, landmarks=(face.landmarks - middle) * zoom + middle),))
    assert len(sizes) < 30  # 158 where each box had its own


@pytest.mark.parametrize("shown", [{"share": 0.0}, {"visible": 0.0}])
def test_closed_gates_and_hidden_faces_keep_every_byte(
    cuda: CudaSet, pair: NDArray[np.uint8], faces: tuple[Face, ...], shown: dict[str, float]
) -> None:
    np.testing.assert_array_equal(worn(cuda, pair, faces, **shown)[1], pair)


def test_nothing_that_is_given_is_written_to(cuda: CudaSet) -> None:
    """Layers of a frame are kept, for faces whose student rests and for films."""
    device = cuda.device
    own, other = device.upload(layer_of(1)), device.upload(layer_of(2))
    seen = device.upload(np.ones((SIDE, SIDE), np.float32))
    cuda.follow(own, other, seen, 0.2, 0.25)
    cuda.average(own, seen, [0.5], [other], [seen], 0.25)
    cuda.gate(own, np.ones((SIDE, SIDE, 1), np.float32), np.full(1, 0.5, np.float32), seen)
    np.testing.assert_array_equal(device.download(own), layer_of(1))
    np.testing.assert_array_equal(device.download(other), layer_of(2))
    assert (device.download(seen) == 1).all()


def test_what_is_free_fades_as_on_the_cpu_and_is_not_kept_as_a_table(cuda: CudaSet) -> None:
    rng = np.random.default_rng(4)
    weights, gates = rng.random((SIDE, SIDE, 2), np.float32), np.array([1.4, 0.9], np.float32)
    own, seen = layer_of(1), rng.random((SIDE, SIDE), np.float32)
    device = cuda.device
    kept = []
    for _ in range(3):
        free = rng.random((SIDE, SIDE), np.float32)
        gated = cuda.gate(device.upload(own), weights, gates, device.upload(seen), free)
        wanted = CPU.gate(own, weights, gates, seen, free)
        np.testing.assert_allclose(device.download(gated), wanted, atol=1e-5)
        assert np.abs(wanted - CPU.gate(own, weights, gates, seen)).max() > 0.01
        kept.append(len(cuda._tables))
    assert kept[0] == kept[2]


def test_torch_shares_the_arrays(open_device: Any) -> None:
    import torch

    kernels = CudaSet(open_device("cpp"))
    texture = kernels.textures(1, 4)
    tensor = torch.from_dlpack(texture)
    tensor.fill_(3)
    assert (texture == 3).all()
    layer = torch.zeros(4, 4, 6)
    adopted = kernels.device.adopt(layer)
    layer += 2
    assert (adopted == 2).all()


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
    kernels.average(sheets[0], f32(side, side), [0.5], [sheets[1]], [f32(side, side)], 1.0)
    seen = device.upload(f32(side, side, 4))[..., 3]
    weights, gates = device.upload(f32(side, side, 2)), device.upload(f32(2))
    free = device.upload(f32(side, side))
    launch.gate(device, device.upload(sheets[0]), weights, gates, seen, free)
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
