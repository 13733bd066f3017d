"""Pictures and looks that many tests share, all made from the public-domain astronaut portrait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tryon import Face, Frame, Look, SessionConfig, TryOnSession
from tryon.engines import choose as engines
from tryon.engines.gpu import TURN

MIDDLE = (226.0, 112.0)  # px, middle of the face in the portrait
WIDTH = 96.0  # px, of the face there
LIPSTICK = "#d00818"  # what the painted portrait wears

Scene = Callable[..., np.ndarray]

# A shell's background job ignores Ctrl-C and so would every program that a test starts and stops.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _auto_is_the_cpu() -> Iterator[None]:
    """Tests mean the same on a machine with a GPU, where they name it if they want it."""
    on_gpu = ("tensorrt", "torch-cuda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "_ENGINES", sorted(engines._ENGINES, key=lambda e: e.name in on_gpu))
        yield


@cache
def _astronaut() -> np.ndarray:
    from skimage.data import astronaut

    image: np.ndarray = astronaut()
    image.flags.writeable = False
    return image


@cache
def _scene(x: float, y: float, face: float, degrees: float, width: int, height: int) -> np.ndarray:
    import cv2

    zoom = face / WIDTH
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, zoom)
    matrix[:, 2] += (x - MIDDLE[0], y - MIDDLE[1])
    image = cv2.warpAffine(_astronaut(), matrix, (width, height), flags=cv2.INTER_LINEAR)
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """The astronaut, (512, 512, 3) uint8 RGB, read-only; one face, `WIDTH` px wide."""
    return _astronaut()


@pytest.fixture(scope="session")
def cpp_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernels, compiled as C++; skips where there is no compiler."""
    from tests.kernels.cpp_device import compile_cpp, compiler

    if compiler() is None:
        pytest.skip("no C++ compiler to run the .cu files with")
    return compile_cpp(tmp_path_factory.mktemp("cpp"))


@pytest.fixture(scope="session")
def wall() -> np.ndarray:
    """A small picture without a face."""
    y, x = np.mgrid[0:120, 0:200]
    return np.stack([x, y, 255 - x], -1).astype(np.uint8)


@pytest.fixture(scope="session")
def scene() -> Scene:
    """`scene(x, y, face, degrees, size)`: the portrait with its face there, `face` px wide."""

    def make(
        x: float = 640,
        y: float = 360,
        face: float = 300,
        degrees: float = 0,
        size: tuple[int, int] = (1280, 720),
    ) -> np.ndarray:
        return _scene(x, y, face, degrees, *size)

    return make


@pytest.fixture(scope="session")
def pair(scene: Scene) -> np.ndarray:
    """A 720p frame with the face twice: at the left large, at the right smaller and turned."""
    left = scene(360, 360, 260, size=(640, 720))
    right = scene(300, 330, 200, 12, size=(640, 720))
    return np.concatenate([left, right], axis=1)


@pytest.fixture(scope="session")
def portrait_face(portrait: np.ndarray) -> Face:
    """The face of the portrait, as the fast parser finds it."""
    return parse_still(portrait)


@pytest.fixture(scope="session")
def painted_portrait(portrait: np.ndarray) -> np.ndarray:
    """The portrait with strongly red lips and blue lids, by the painter; read-only."""
    from tryon.cosmetics.style import Eyeshadow, Lips, MakeupStyle
    from tryon.look.products import paint_photo

    lips, lids = Lips(1.0, LIPSTICK, "matte"), Eyeshadow(0.9, "#2040c0", height=0.7)
    image = paint_photo(portrait, MakeupStyle(lips=lips, eyeshadow=lids))
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def look(painted_portrait: np.ndarray) -> Look:
    """What the painted portrait wears."""
    return Look.from_photo(painted_portrait)


@pytest.fixture(scope="session")
def bare_look(portrait: np.ndarray) -> Look:
    """The portrait's own face as a look."""
    return Look.from_photo(portrait)


@pytest.fixture(scope="session")
def _one_session() -> Iterator[TryOnSession]:
    # Networks take long to load: one session serves every test that needs nothing special.
    with TryOnSession(config=SessionConfig(stills=True, threads=1)) as session:
        yield session


@pytest.fixture
def still_session(_one_session: TryOnSession, look: Look) -> TryOnSession:
    """A session for stills that wears `look`."""
    _one_session.set_look(look)
    _one_session.reset()
    return _one_session


@pytest.fixture(scope="session")
def _one_stream() -> Iterator[TryOnSession]:
    with TryOnSession(config=SessionConfig(threads=1)) as session:
        yield session


@pytest.fixture
def live_session(_one_stream: TryOnSession, look: Look) -> TryOnSession:
    """A session for a stream, that remembers faces and layers, wearing `look`."""
    _one_stream.set_look(look)
    _one_stream.reset()
    return _one_stream


def frames(image: np.ndarray, count: int, start: int = 0) -> list[Frame]:
    """A still as a stream of 30 frames a second."""
    return [Frame(image, k, start + Fraction(k, 30)) for k in range(count)]


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Absolute difference in levels."""
    return np.abs(a.astype(int) - b)


def mesh_pixels(image: np.ndarray, *faces: Face) -> np.ndarray:
    """(H, W) bool: pixels that the meshes of the faces cover; makeup may lie nowhere else."""
    from tryon.face.atlas import atlas
    from tryon.face.unwrap import mesh_points
    from tryon.kernels import cpu

    table, inside = atlas(), np.zeros(image.shape[:2], bool)
    for face in faces:
        points = mesh_points(face)
        texels = cpu.rasterise(points, table.triangles, table.uv, (0, 0), inside.shape)
        inside |= (texels >= 0).all(-1)
    return inside


def without_gpu() -> dict[str, str]:
    """Surroundings of a program whose "auto" is to be the CPU."""
    return {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


def turn_is_taken() -> bool:
    """Whether another thread would have to wait for the GPU."""
    free: list[bool] = []

    def ask() -> None:
        free.append(TURN.acquire(timeout=0.05))
        if free[0]:
            TURN.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return not free[0]


def parse_still(image: np.ndarray) -> Face:
    """The face of a picture."""
    from tryon.face.parse_fast import FastParser

    parser = FastParser()
    (face,) = parser.detect(image)
    parser.close()
    return face
