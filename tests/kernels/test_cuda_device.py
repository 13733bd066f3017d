"""The class that talks to CuPy, over a stand-in: nothing is read before it is there, or too late.

On a GPU the same behaviours run through the real CuPy.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.kernels.fake_cupy import installed
from tryon.kernels import cuda
from tryon.kernels.cuda import CudaDevice
from tryon.kernels.cuda_check import fault_of
from tryon.kernels.cuda_set import TABLES, CudaSet, Picture

RNG = np.random.default_rng(8)


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CudaDevice]:
    if request.param == "stand-in":
        installed(request.getfixturevalue("cpp_library"), monkeypatch)
    elif reason := cuda.why_not():
        pytest.skip(reason)
    return CudaDevice()


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def test_what_goes_up_comes_down(gpu: CudaDevice) -> None:
    for array in (RNG.random((5, 7), np.float32), RNG.random((4, 6))[::2, ::-1], noise(3)):
        np.testing.assert_array_equal(gpu.download(gpu.upload(array)), array)
    assert gpu.download(gpu.upload(np.zeros((0, 2), np.float32))).shape == (0, 2)


def test_an_array_may_be_forgotten_once_it_is_on_its_way(gpu: CudaDevice) -> None:
    arrays = [noise(1000) for _ in range(8)]
    wanted = [array.copy() for array in arrays]
    there = []
    for array in arrays:
        there.append(gpu.upload(array))
        array[:] = 0
        gc.collect()
    for array, before in zip(there, wanted, strict=True):
        np.testing.assert_array_equal(gpu.download(array), before)


def test_boxes_land_where_they_were(gpu: CudaDevice) -> None:
    image, box = noise(23, 31, 3), ((4, 6), (11, 17))
    target = gpu.upload(np.zeros(image.shape, np.uint8))
    gpu.upload_box(image, target, box)
    inside = np.zeros(image.shape, bool)
    inside[6:17, 4:21] = True
    np.testing.assert_array_equal(gpu.download(target), image * inside)
    back = np.full(image.shape, 9, np.uint8)
    gpu.download_box(target, back, ((5, 7), (3, 2)))
    part = np.s_[7:10, 5:7]
    np.testing.assert_array_equal(back[part], image[part])
    back[part] = 9
    assert (back == 9).all()


def test_pictures_of_other_sizes_may_be_under_way(gpu: CudaDevice) -> None:
    """As in a film, which is read ahead of what is painted."""
    pictures = [noise(20 + 9 * k, 50 - 8 * k, 3) for k in (0, 0, 3, 1, 0, 2)]
    boxes = [((2, 1), (picture.shape[0] - 3, picture.shape[1] - 5)) for picture in pictures]
    there = []
    for picture, box in zip(pictures, boxes, strict=True):
        there.append(gpu.empty(picture.shape, np.uint8))
        gpu.upload_box(picture, there[-1], box)
    for picture, box, array in reversed(list(zip(pictures, boxes, there, strict=True))):
        (x, y), (height, width) = box
        back = np.zeros_like(picture)
        gpu.download_box(array, back, box)
        np.testing.assert_array_equal(
            back[y : y + height, x : x + width], picture[y : y + height, x : x + width]
        )


def test_the_check_passes_again_and_again(gpu: CudaDevice) -> None:
    kernels = CudaSet(gpu)
    assert [fault_of(kernels) for _ in range(3)] == [None] * 3


def test_tables_stay_and_those_of_old_intensities_go(gpu: CudaDevice) -> None:
    kernels, maps = CudaSet(gpu), gpu.upload(np.full((4, 4, 6), 0.5, np.float32))
    seen, gates = gpu.upload(np.ones((4, 4), np.float32)), np.ones(1, np.float32)
    for k in range(3 * TABLES):
        gated = kernels.gate(maps, np.full((4, 4, 1), k / 200, np.float32), gates, seen)
        np.testing.assert_allclose(gpu.download(gated)[0, 0, 0], 1 - k / 400, atol=1e-6)
    assert len(kernels._tables) == TABLES


def test_a_face_that_was_not_expected_is_brought_later(gpu: CudaDevice) -> None:
    kernels, image = CudaSet(gpu), noise(200, 300, 3)
    corners = np.array([[10, 10], [40, 10], [10, 40]], np.float32)
    picture = kernels.picture(image, [corners])
    assert isinstance(picture, Picture)
    for x in (0, 220):  # the second is outside the first box and its margin
        table = np.zeros((4, 4), np.int32), np.full((4, 4, 3), 1 / 3, np.float32)
        texture = kernels.textures(1, 4)
        face, seen = corners + np.float32([x, 0]), np.ones(3, np.float32)
        triangle = np.array([[0, 1, 2]], np.int32)
        kernels.unwrap(picture, face, seen, triangle, *table, 2, texture[0])
        found = gpu.download(texture)[0, 0, 0, :3]
        np.testing.assert_allclose(found, image[19:21, x + 19 : x + 21].mean((0, 1)) / 255, 1e-4)
    canvas = kernels.canvas(picture, [corners + np.float32([120, 0]), corners * np.float32(np.nan)])
    np.testing.assert_array_equal(kernels.store(canvas), image)


@pytest.mark.parametrize("lacks", ["", "from_external", "__cuda_stream__"])
def test_the_stream_of_another_library_is_taken_and_kept(
    monkeypatch: pytest.MonkeyPatch, cpp_library: Path, lacks: str
) -> None:
    """CuPy before 14 and PyTorch before 2.10 do not know of `__cuda_stream__`."""

    class Torch:
        cuda_stream = 41

        def __cuda_stream__(self) -> tuple[int, int]:
            return 0, 41

    fake = installed(cpp_library, monkeypatch)
    if lacks:
        monkeypatch.delattr(Torch if lacks == "__cuda_stream__" else fake.cuda.Stream, lacks)
    fake.cuda.ExternalStream = lambda ptr: SimpleNamespace(ptr=ptr)
    stream = Torch()
    owner = weakref.ref(stream)
    device = CudaDevice(stream)
    del stream
    gc.collect()
    assert device.stream.ptr == 41
    assert owner() is not None


def test_reasons_have_remedies(monkeypatch: pytest.MonkeyPatch, cpp_library: Path) -> None:
    fake = installed(cpp_library, monkeypatch)
    fake.cuda.runtime.getDeviceCount = lambda: 0
    with pytest.raises(RuntimeError, match="CUDA_VISIBLE_DEVICES"):
        CudaDevice()

    def broken() -> int:
        raise RuntimeError("cudaErrorInsufficientDriver")

    fake.cuda.runtime.getDeviceCount = broken
    with pytest.raises(RuntimeError, match="update the NVIDIA driver"):
        CudaDevice()
