"""TensorRT's part in a session without a GPU: PyTorch's tracer stands in for its engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import turn_is_taken
from tests.engines.test_engines import TINY, look, textures, wear
from tryon.engines import tensorrt_build as build
from tryon.engines.cache import EngineCache, EngineKey
from tryon.engines.choose import choose
from tryon.engines.gpu import why_no_torch_gpu
from tryon.engines.tensorrt import NAME, TensorRtEngine
from tryon.engines.tensorrt_build import build_missing
from tryon.engines.torch import TorchEngine
from tryon.errors import EngineError
from tryon.models.student import TryOnModel
from tryon.models.weights import (
    WEIGHTS,
    Manifest,
    read_manifest,
    save_weights,
    sha256,
    write_manifest,
)  # fmt: skip

pytestmark = [  # the tracer that stands in for TensorRT is an old one
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Traced:
    """PyTorch's tracer on the CPU in the place of TensorRT: real modules, files and shapes."""

    device = "cpu"

    def __init__(self) -> None:
        self.gate = threading.Event()  # builds wait for it
        self.gate.set()
        self.asked = threading.Event()
        self.broken = False
        self.runs = 0
        self.in_use = threading.Lock()
        self.captures = self.started = False

    def keys(self, folder: Path) -> dict[int, EngineKey]:
        weights = read_manifest(folder).files[WEIGHTS]
        return {n: EngineKey(weights, "CPU", "0", "0", "0", str(n), "f16") for n in range(1, 5)}

    def build(self, module, example, path: Path) -> None:
        self.asked.set()
        assert self.gate.wait(60)
        if self.broken:
            raise EngineError("TensorRT cannot build the student: no memory")
        torch.jit.trace(module, example, check_trace=False).save(str(path))

    def start(self) -> None:
        assert not turn_is_taken(), "frames would wait for an import of seconds"
        self.started = True

    def load(self, path: Path):
        assert self.started
        assert turn_is_taken(), "a graph may be captured while an engine is loaded"
        module = torch.jit.load(str(path))
        fresh = True

        def run(*inputs):
            nonlocal fresh
            assert not (fresh and self.captures), "the very first run is captured"
            fresh = False
            self.runs += 1
            assert self.in_use.acquire(blocking=False), "two threads share the fixed buffers"
            try:
                return module(*inputs)
            finally:
                self.in_use.release()

        return run

    def capture(self, on: bool) -> None:
        assert turn_is_taken()
        self.captures = on


def write_model(model: TryOnModel, folder: Path) -> None:
    save_weights(folder, model)
    digest = sha256((folder / WEIGHTS).read_bytes())
    write_manifest(folder, Manifest(model.config.to_json(), {WEIGHTS: digest}))


@pytest.fixture(scope="module")
def folder(model: TryOnModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_model(model, folder)
    return folder


def start(folder: Path, traced: Traced) -> tuple[TensorRtEngine, list[str]]:
    """An engine whose builder is this process, and what it says."""

    def build(model: Path) -> Iterator[str]:
        lines: list[str] = []
        build_missing(model, EngineCache(), lines.append, runtime=traced)
        yield from lines

    said: list[str] = []
    return TensorRtEngine(folder, builder=build, say=said.append, runtime=traced), said


def test_pytorch_serves_until_the_engines_are_built(folder: Path) -> None:
    traced = Traced()
    traced.gate.clear()
    engine, said = start(folder, traced)
    plain = TorchEngine(folder)
    wanted = plain(textures(5), plain.prepare(look()))
    prepared = engine.prepare(look())
    assert traced.asked.wait(60)
    assert engine.name == "torch-cpu-f32 (TensorRT being built)"
    np.testing.assert_allclose(engine(textures(5), prepared), wanted, atol=1e-5)
    assert traced.runs == 0
    traced.gate.set()
    engine.wait_ready()
    assert engine.name == NAME
    for faces in range(6):  # five are four and one
        sources = textures(faces)
        layers = engine(sources, prepared)  # the look prepared before still fits
        assert (
            np.abs(wear(sources, layers) - wear(sources, wanted[:faces])).max(initial=0) <= 1 / 255
        )
    assert traced.captures
    assert len(said) == 8
    assert "engine 1 of 4: building, because none was built for 1 yet" in said[0]
    assert "engine 4 of 4: built in" in said[-1]
    engine.close()


def test_threads_take_turns_and_looks_do_not_leak(folder: Path) -> None:
    engine, _ = start(folder, traced := Traced())
    engine.wait_ready()
    jobs = [(textures(1 + k % 4, seed=k), engine.prepare(look(seed=k))) for k in range(6)]
    wanted = [engine(*job) for job in jobs]
    found: dict[int, list[np.ndarray]] = {k: [] for k in range(6)}

    def call(k: int) -> None:
        for _ in range(4):
            found[k].append(engine(*jobs[k]))

    threads = [threading.Thread(target=call, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for k in range(6):
        assert len(found[k]) == 4
        for layers in found[k]:
            np.testing.assert_array_equal(layers, wanted[k])
    assert traced.runs >= 24
    engine.close()


def test_stored_engines_are_used_again_and_others_built_anew(
    folder: Path, model: TryOnModel, tmp_path: Path
) -> None:
    first, _ = start(folder, Traced())
    first.wait_ready()
    first.close()
    second, said = start(folder, Traced())
    second.wait_ready()
    assert (second.name, said) == (NAME, [])
    second.close()
    other = tmp_path / "model"
    changed = TryOnModel(TINY)
    changed.load_state_dict(model.state_dict())
    torch.nn.init.constant_(changed.student.head.gain, 0.1)
    write_model(changed.eval(), other)
    third, said = start(other, Traced())
    third.wait_ready()
    old, new = (read_manifest(f).files[WEIGHTS][:12] for f in (folder, other))
    assert f"building, because weights {old} is now {new};" in said[0]
    third.close()


def test_an_engine_serves_as_soon_as_it_is_built(folder: Path, cache: EngineCache) -> None:
    names: list[str] = []
    opened = threading.Event()

    def build(model: Path) -> Iterator[str]:
        assert opened.wait(60)
        for faces in (1, 4):
            names.append(engine.name)
            build_missing(model, cache, lambda line: None, faces, runtime=Traced())
            yield f"{faces} of 4"

    said: list[str] = []
    engine = TensorRtEngine(folder, builder=build, say=said.append, runtime=Traced())
    opened.set()
    engine.wait_ready()
    assert names == ["torch-cpu-f32 (TensorRT being built)", NAME]
    assert said == ["1 of 4", "4 of 4"]
    engine.close()


def test_sessions_of_a_process_have_each_engine_built_once(folder: Path) -> None:
    engines = [start(folder, Traced()) for _ in range(3)]
    for engine, _ in engines:
        engine.wait_ready()
        assert engine.name == NAME
        engine.close()
    assert sorted(len(said) for _, said in engines) == [0, 0, 8]


def test_without_a_builder_it_serves_what_is_stored(folder: Path, cache: EngineCache) -> None:
    for name in ("torch-cpu-f32 (TensorRT not built)", NAME):
        engine = TensorRtEngine(folder, builder=None, say=pytest.fail, runtime=Traced())
        engine.wait_ready()
        assert engine.name == name
        assert engine(textures(1), engine.prepare(look())).shape == (1, 64, 64, 6)
        engine.close()
        assert bool(cache.entries()) == (name == NAME)
        build_missing(folder, cache, lambda line: None, runtime=Traced())


@pytest.mark.parametrize("fault", [OSError(28, "No space left"), TypeError("no"), AssertionError()])
def test_whatever_fails_pytorch_goes_on(folder: Path, fault: Exception) -> None:
    traced = Traced()

    def build(*arguments: object) -> None:
        raise fault

    traced.build = build  # type: ignore[method-assign]
    engine, said = start(folder, traced)
    engine.wait_ready()
    assert engine.name == "torch-cpu-f32 (TensorRT failed)"
    assert said[-1].startswith(f"PyTorch goes on serving on the GPU: {type(fault).__name__}: ")
    assert engine(textures(1), engine.prepare(look())).shape == (1, 64, 64, 6)
    engine.close()


def test_a_failed_build_is_told_and_pytorch_goes_on(folder: Path) -> None:
    traced = Traced()
    traced.broken = True
    engine, said = start(folder, traced)
    engine.wait_ready()
    assert engine.name == "torch-cpu-f32 (TensorRT failed)"
    assert said[-1] == (
        "PyTorch goes on serving on the GPU: TensorRT cannot build the student: no memory"
    )
    assert engine(textures(2), engine.prepare(look())).shape == (2, 64, 64, 6)
    engine.close()


def test_an_engine_that_does_not_run_is_not_served(folder: Path) -> None:
    traced = Traced()

    def load(path: Path):
        def fail(*inputs):
            raise RuntimeError("CUDA error: operation not permitted")

        return fail

    traced.load = load  # type: ignore[method-assign]
    engine, said = start(folder, traced)
    engine.wait_ready()
    assert engine.name == "torch-cpu-f32 (TensorRT failed)"
    assert "not permitted" in said[-1]
    assert traced.captures  # those of other sessions go on
    assert engine(textures(1), engine.prepare(look())).shape == (1, 64, 64, 6)
    engine.close()


def test_it_closes_during_a_build_and_twice(folder: Path, cache: EngineCache) -> None:
    traced = Traced()
    traced.gate.clear()
    engine, said = start(folder, traced)
    prepared = engine.prepare(look())
    assert traced.asked.wait(60)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine(textures(1), prepared)
    traced.gate.set()
    engine.wait_ready()
    assert not [line for line in said if "goes on" in line]
    assert len(cache.entries()) == 4  # ready for the next start


@pytest.mark.gpu
def test_tensorrt_wears_what_pytorch_wears(folder: Path) -> None:
    if reason := build.why_not():
        pytest.skip(reason)
    said: list[str] = []
    engine = TensorRtEngine(folder, say=said.append)
    prepared = engine.prepare(look())
    engine.wait_ready()
    assert engine.name == NAME, said
    plain = TorchEngine(folder)
    for faces in (1, 2, 3, 4, 5, 1):
        sources = textures(faces, seed=faces)
        wanted = plain(sources, plain.prepare(look()))
        assert (
            np.abs(wear(sources, engine(sources, prepared)) - wear(sources, wanted)).max()
            <= 1 / 255
        )
    engine.close()


@pytest.mark.gpu
def test_pytorch_on_the_gpu_wears_what_it_wears_on_the_cpu(folder: Path) -> None:
    if reason := why_no_torch_gpu():
        pytest.skip(reason)
    fast, plain = choose("torch-cuda", folder), TorchEngine(folder)
    layers = [engine(textures(3), engine.prepare(look())) for engine in (fast, plain)]
    assert np.abs(wear(textures(3), layers[0]) - wear(textures(3), layers[1])).max() <= 1 / 255
