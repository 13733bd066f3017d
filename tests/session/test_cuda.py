"""A session on the GPU wears what one on the CPU wears, and moves each frame there and back once.

It runs whole over a stand-in for CuPy that executes the .cu files as C++, and on a GPU where there
is one. Both sessions of a pair have the same student, so only kernels and copies can differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import difference, frames, turn_is_taken
from tests.kernels.fake_cupy import FakeCupy, installed
from tryon import Face, Frame, SessionConfig, TryOnSession
from tryon.engines.choose import why_not
from tryon.engines.torch import TorchEngine
from tryon.errors import ConfigError, EngineError
from tryon.kernels.cuda import why_not as why_no_cupy
from tryon.kernels.cuda_set import CudaSet
from tryon.layer.refresh import RefreshConfig
from tryon.session import session, workplace
from tryon.streaming.live import run_live
from tryon.streaming.sinks import CallSink

EVERY_FRAME = RefreshConfig(fps=0)
Pair = Callable[..., Any]


class InOrder(TorchEngine):
    """PyTorch on the CPU that reads and writes a device's arrays when the stream comes to it."""

    cupy: FakeCupy

    def on_device(self, textures: Any, prepared: Any) -> Any:
        self.cupy.run()
        return super().on_device(textures, prepared)


@pytest.fixture
def cupy(cpp_library: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    """A machine with a GPU, or so it seems to the session."""
    fake = installed(cpp_library, monkeypatch)
    monkeypatch.setattr(InOrder, "cupy", fake, raising=False)
    for module in (workplace, session):
        monkeypatch.setattr(module, "on_gpu", lambda engine: isinstance(engine, InOrder))
    monkeypatch.setattr(
        session,
        "choose",
        lambda name, model, threads: (InOrder if name != "torch" else TorchEngine)(threads=threads),
    )
    return fake


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def pair_of(request: pytest.FixtureRequest) -> Pair:
    """`with pair_of(look, ...) as (cuda, cpu)`: two sessions, the settings are SessionConfig's."""
    if request.param == "stand-in":
        request.getfixturevalue("cupy")
        backends = "auto", "torch"
    else:
        if reason := why_not("torch-cuda") or why_no_cupy():
            pytest.skip(reason)
        backends = "torch-cuda", "torch-cuda"

    @contextmanager
    def opened(look: Any, **settings: Any) -> Iterator[tuple[TryOnSession, TryOnSession]]:
        common = {"threads": 1, "refresh": EVERY_FRAME, **settings}
        there = SessionConfig(backend=backends[0], kernels="cuda", **common)
        here = SessionConfig(backend=backends[1], kernels="cpu", **common)
        with TryOnSession(look, there) as cuda, TryOnSession(look, here) as cpu:
            yield cuda, cpu

    return opened


def agree(cuda: np.ndarray, cpu: np.ndarray) -> None:
    """One level at most, and that only where a value lies at the border between two."""
    error = difference(cuda, cpu)
    assert error.max() <= 1
    assert (error > 0).mean() <= 2e-3


def moving(scene: Any, count: int, size: tuple[int, int] = (480, 360)) -> list[Frame]:
    """A face of 150 px that walks to the right and turns."""
    return [
        Frame(scene(200 + 9 * k, 180, 150, 2 * k, size=size), k, Fraction(k, 30))
        for k in range(count)
    ]


def covered(frame: Frame) -> Frame:
    """The frame with something grey over mouth and chin."""
    image = frame.image.copy()
    image[190:280, 150:300] = 90
    return Frame(image, frame.index, frame.pts)


# --- what is worn ------------------------------------------------------------------------


def test_a_stream_is_worn_alike(pair_of: Pair, look: Any, bare_look: Any, scene: Any) -> None:
    stream = moving(scene, 9)
    stream[5] = covered(stream[5])
    with pair_of(look) as sessions:
        assert [s.backend.split(" + ")[1] for s in sessions] == ["cuda kernels", "cpu kernels"]
        for k, frame in enumerate(stream):
            for session in sessions:
                if k == 2:
                    session.set_intensity("lips", 0.3)
                if k == 3:
                    session.set_intensity("skin", 1.5)
                if k == 4:
                    session.set_look(bare_look)
                if k == 6:
                    session.set_look(look)
            cuda, cpu = (session.process(frame) for session in sessions)
            assert difference(cpu.image, frame.image).max() > 3
            agree(cuda.image, cpu.image)


def test_a_lost_face_fades_alike_and_no_face_is_the_same_object(
    pair_of: Pair, look: Any, scene: Any, wall: np.ndarray
) -> None:
    stream = moving(scene, 3)
    with pair_of(look) as sessions:
        for session in sessions:
            assert session.process(wall).image is wall
        for frame in stream:
            agree(*(session.process(frame).image for session in sessions))
        for session in sessions:
            session._parsing.parser = Blind(session._parsing.parser, 0)
        for k in (3, 4, 12):
            frame = Frame(stream[2].image, k, Fraction(k, 30))
            cuda, cpu = (session.process(frame).image for session in sessions)
            assert (cpu is frame.image) == (cuda is frame.image) == (k == 12)
            agree(cuda, cpu)


class Blind:
    """A parser that finds at most so many."""

    def __init__(self, parser: Any, most: int) -> None:
        self.name, self.close, self.reset = parser.name, parser.close, parser.reset
        self._parse, self._most = parser.parse, most

    def parse(self, frame: Frame) -> tuple[Face, ...]:
        return self._parse(frame)[: self._most] if self._most else ()


def test_a_stream_whose_faces_are_found_ahead_is_worn_alike(
    pair_of: Pair, look: Any, scene: Any, wall: np.ndarray
) -> None:
    stream = moving(scene, 5)
    stream[3] = Frame(wall, 3, stream[3].pts)
    with pair_of(look) as (cuda, cpu):
        images: list[np.ndarray] = []
        sink = CallSink(lambda _, result: images.append(result.image))
        source: Any = SimpleNamespace(live=True, frames=lambda: iter(stream), close=lambda: None)
        run_live(source, cuda.stages, [sink], every_frame=True)
        for frame, image in zip(stream, images, strict=True):
            agree(image, cpu.process(frame).image)


def test_two_faces_wear_looks_of_their_own(
    pair_of: Pair, look: Any, bare_look: Any, pair: np.ndarray
) -> None:
    with pair_of(look, max_faces=2) as sessions:
        for k, frame in enumerate(frames(pair, 3)):
            if k == 2:
                for session in sessions:
                    session.set_look(bare_look, face=1)
                    session.set_intensity("eyes", 0.5, face=0)
            cuda, cpu = (session.process(frame) for session in sessions)
            assert len(cuda.faces) == 2
            agree(cuda.image, cpu.image)


def test_stills_of_any_size_and_layout(pair_of: Pair, look: Any, scene: Any) -> None:
    pictures = [
        scene(60, 300, 220, size=(641, 479)),  # cut by the border
        scene(32, 32, 60, size=(64, 64)),
        scene(200, 150, 120, size=(480, 360))[:, ::-1],  # mirrored, not contiguous
        np.asfortranarray(scene(300, 260, 240, size=(640, 480))),
    ]
    with pair_of(look, stills=True) as sessions:
        for image in pictures:
            cuda, cpu = (session.process(image).image for session in sessions)
            assert (cpu != image).any()
            agree(cuda, cpu)


def test_a_student_that_rests_leaves_the_same_makeup(pair_of: Pair, look: Any, scene: Any) -> None:
    image = scene(200, 180, 150, size=(480, 360))
    with pair_of(look, refresh=RefreshConfig(fps=1000, most=3)) as sessions:
        ran = []
        for frame in frames(image, 8):
            cuda, cpu = (session.process(frame) for session in sessions)
            ran.append((cuda.timings.student > 0, cpu.timings.student > 0))
            agree(cuda.image, cpu.image)
    assert (False, False) in ran
    assert all(there == here for there, here in ran)


def test_a_film_is_worn_alike(pair_of: Pair, look: Any, scene: Any, wall: np.ndarray) -> None:
    film = moving(scene, 7)
    film[3] = Frame(np.full_like(film[3].image, 128), 3, film[3].pts)  # missed for a frame
    film[5] = covered(film[5])
    with pair_of(look) as sessions:
        both = [[result for _, result in s.process_all(iter(film))] for s in sessions]
    for frame, cuda, cpu in zip(film, *both, strict=True):
        agree(cuda.image, cpu.image)
        assert (cpu.image is frame.image) == (cuda.image is frame.image)
    assert (both[1][4].image != film[4].image).any()


def test_broken_texels_stay_as_they_are(pair_of: Pair, look: Any, scene: Any) -> None:
    image = scene(200, 180, 150, size=(480, 360))
    with pair_of(look, stills=True) as (cuda, _):
        whole = cuda.process(image).image
        engine, predict = cuda._workplace.engine, type(cuda._workplace.engine).on_device

        def broken(self: Any, textures: Any, prepared: Any) -> Any:
            with torch.cuda.stream(self.stream):
                layers = predict(self, textures, prepared).clone()
                layers[:, :128] = torch.nan  # the upper half of the atlas
            return layers

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(engine), "on_device", broken)
            part = cuda.process(image).image
    kept, painted = (part == image).all(-1), (whole != image).any(-1)
    assert (kept & painted).sum() > 0.2 * painted.sum()
    assert (~kept & painted).sum() > 0.2 * painted.sum()


# --- copies and waits --------------------------------------------------------------------


def test_a_frame_goes_up_once_and_comes_down_once(
    cupy: FakeCupy, look: Any, pair: np.ndarray, wall: np.ndarray
) -> None:
    config = SessionConfig(max_faces=2, threads=1, kernels="cuda", refresh=EVERY_FRAME)
    with TryOnSession(look, config) as session:
        stream = frames(pair, 4)
        session.process(stream[0])  # brings the tables of the atlas
        for frame in stream[1:]:
            cupy.counts.clear()
            result = session.process(frame)
            assert len(result.faces) == 2
            once = {what: cupy.counts[what] for what in ("up box", "down box", "wait")}
            assert once == {"up box": 1, "down box": 1, "wait": 1}
            assert cupy.counts["download"] == cupy.counts["down"] == 0
            assert cupy.counts["unwrap"] == cupy.counts["gate"] == cupy.counts["paint"] == 2
            assert cupy.counts["up"] <= 2 * 8  # points, visibility, contours, edges, gate, free
        session._parsing.parser = Blind(session._parsing.parser, 1)  # the other face fades out
        cupy.counts.clear()
        session.process(Frame(pair, 4, Fraction(9, 60)))
        assert (cupy.counts["up box"], cupy.counts["unwrap"], cupy.counts["paint"]) == (1, 1, 2)
        session.set_intensity("all", 0)
        cupy.counts.clear()
        session.process(Frame(pair, 5, Fraction(5, 30)))
        session.process(wall)
        assert not cupy.counts  # who wears nothing costs the GPU nothing


def test_a_film_goes_up_once_and_comes_down_once(cupy: FakeCupy, look: Any, scene: Any) -> None:
    with TryOnSession(look, SessionConfig(threads=1, kernels="cuda")) as session:
        cupy.counts.clear()
        results = [result for _, result in session.process_all(iter(moving(scene, 8)))]
    assert len(results) == 8
    assert (cupy.counts["up box"], cupy.counts["down box"]) == (8, 8)
    assert cupy.counts["download"] == cupy.counts["down"] == 0


def test_only_the_box_of_the_faces_is_copied(cupy: FakeCupy, look: Any, scene: Any) -> None:
    moved = []
    copy_box = cupy.cuda.runtime.memcpy2DAsync
    cupy.cuda.runtime.memcpy2DAsync = lambda *a: (moved.append(a[4] * a[5]), copy_box(*a))
    image = scene(640, 360, 150)
    with TryOnSession(look, SessionConfig(threads=1, stills=True)) as session:
        moved.clear()
        session.process(image)
    assert len(moved) == 2
    assert max(moved) < image.nbytes / 10


def test_a_frame_has_the_gpu_to_itself(
    cupy: FakeCupy, look: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No graph is captured while a frame allocates, however many sessions there are."""
    taken = []
    store = CudaSet.store

    def stored(self: CudaSet, canvas: Any) -> Any:
        taken.append(turn_is_taken())
        return store(self, canvas)

    monkeypatch.setattr(CudaSet, "store", stored)
    with TryOnSession(look, SessionConfig(threads=1, stills=True)) as session:
        assert taken == [True]  # while the kernels are tried
        session.process(scene(200, 180, 150, size=(480, 360)))
    assert taken == [True, True]
    assert not turn_is_taken()


# --- which kernels -----------------------------------------------------------------------

LAUNCHED = (
    "unwrap", "follow", "average", "gate", "set_up_triangles", "bin_triangles", "cross_polygons",
    "paint",
)  # fmt: skip


def test_auto_takes_cuda_with_a_student_on_the_gpu(
    cupy: FakeCupy, caplog: pytest.LogCaptureFixture
) -> None:
    with TryOnSession(config=SessionConfig(threads=1)) as session:
        assert session.backend == "torch-cpu-f32 + cuda kernels + fast"
        assert session.stages == (session.parse, session.wear)  # the CPU is free to go ahead
    assert not caplog.records
    assert set(LAUNCHED) <= set(cupy.counts)


@pytest.mark.parametrize("kernel", LAUNCHED)
def test_a_gpu_that_computes_wrongly_is_found_out_and_told(
    cupy: FakeCupy, kernel: str, caplog: pytest.LogCaptureFixture
) -> None:
    cupy.broken = kernel
    engine = InOrder(threads=1)
    place = workplace.open_workplace("auto", engine)
    assert place.kernels.name == "cpu"
    (record,) = caplog.records
    assert record.getMessage().startswith("CUDA kernels cannot be used: ")
    assert "the CPU kernels are used" in record.getMessage()
    with pytest.raises(EngineError, match="not what the reference computes: update"):
        workplace.open_workplace("cuda", engine)


def test_a_student_read_out_of_order_is_found_out(
    cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The student runs before its textures are there.
    monkeypatch.setattr(InOrder, "on_device", TorchEngine.on_device)
    with pytest.raises(EngineError, match="the student's layers are"):
        workplace.open_workplace("cuda", InOrder(threads=1))


def test_without_cupy_auto_says_so_and_cuda_is_refused(
    cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with TryOnSession(config=SessionConfig(threads=1)) as session:
        assert "cpu kernels" in session.backend
    (record,) = caplog.records
    assert "pip install 'tryon[gpu]'" in record.getMessage()
    with pytest.raises(EngineError, match="pip install") as caught:
        TryOnSession(config=SessionConfig(threads=1, kernels="cuda"))
    assert "\n" not in str(caught.value)


def test_a_compiler_that_does_not_start_is_told_with_a_remedy(
    cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**settings: Any) -> None:
        raise RuntimeError("Failed to auto-detect CUDA root directory. Please specify\nit.")

    monkeypatch.setattr(cupy, "RawModule", fail)
    assert workplace.open_workplace("auto", InOrder(threads=1)).kernels.name == "cpu"
    (record,) = caplog.records
    assert "Please specify: update the NVIDIA driver, then pip install" in record.getMessage()


def test_a_student_on_the_cpu_has_kernels_there(
    live_session: TryOnSession, caplog: pytest.LogCaptureFixture
) -> None:
    assert " + cpu kernels + " in live_session.backend
    engine = TorchEngine(threads=1)
    assert workplace.open_workplace("auto", engine).kernels.name == "cpu"
    assert not caplog.records
    with pytest.raises(EngineError, match="use backend tensorrt or torch-cuda"):
        workplace.open_workplace("cuda", engine)
    with pytest.raises(ConfigError, match="auto, cuda, cpu"):
        SessionConfig(kernels="opencl")
