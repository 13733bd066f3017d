"""TensorRT without a GPU: what would be exported is right, and every obstacle is told."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engines.test_engines import TINY, look, textures, wear
from tryon.engines import __main__ as command
from tryon.engines import tensorrt_build as build
from tryon.engines.base import stack_texture
from tryon.engines.cache import EngineCache, EngineKey
from tryon.engines.choose import choose
from tryon.engines.gpu import gpu_state, why_no_torch_gpu
from tryon.engines.serving import example_inputs, serving_module
from tryon.engines.tensorrt import NAME, TensorRtEngine
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
no_gpu = pytest.mark.skipif(bool(gpu_state().gpus), reason="a GPU is at hand")


@pytest.fixture(scope="module")
def model() -> TryOnModel:
    torch.manual_seed(3)
    model = TryOnModel(TINY)
    torch.nn.init.constant_(model.student.head.gain, 0.2)
    return model.eval()


def run(
    model: TryOnModel, module: torch.nn.Module, faces: int, dtype: torch.dtype
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Textures, the model's layers, and the module's."""
    sources = textures(faces)
    with torch.no_grad():
        reference = torch.from_numpy(stack_texture(look(), 64)).permute(0, 3, 1, 2)
        features = model.encoder(reference)
        source = torch.from_numpy(sources)
        wanted = model.student(source.permute(0, 3, 1, 2), features).permute(0, 2, 3, 1)
        found = module(source, *(f.to(dtype) for f in features))
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    return sources, wanted.numpy(), found.numpy()


@pytest.mark.parametrize("faces", [1, 2, 4])
def test_the_serving_module_is_the_student(model: TryOnModel, faces: int) -> None:
    serving = serving_module(model.student)
    _, wanted, found = run(model, serving, faces, torch.float32)
    np.testing.assert_array_equal(found, wanted)
    assert {type(m) for m in serving.modules() if isinstance(m, torch.nn.Conv2d)} == {
        torch.nn.Conv2d
    }
    assert any(type(m) is not torch.nn.Conv2d for m in model.student.modules())  # untouched


def test_half_precision_wears_the_same(model: TryOnModel) -> None:
    serving = serving_module(model.student).half()
    sources, wanted, found = run(model, serving, 2, torch.float16)
    assert np.abs(wanted - [1, 1, 1, 0, 0, 0]).mean() > 0.02
    assert np.abs(wear(sources, found) - wear(sources, wanted)).max() <= 1 / 255


class Traced:
    """PyTorch's tracer on the CPU in the place of TensorRT: real modules, files and shapes."""

    device = "cpu"

    def __init__(self) -> None:
        self.gate = threading.Event()  # builds wait for it
        self.gate.set()
        self.broken = False
        self.runs = 0
        self.in_use = threading.Lock()

    def keys(self, folder: Path) -> dict[int, EngineKey]:
        weights = read_manifest(folder).files[WEIGHTS]
        return {n: EngineKey(weights, "CPU", "0", "0", "0", str(n), "f16") for n in range(1, 5)}

    def build(self, module, example, path: Path) -> None:
        assert self.gate.wait(60)
        if self.broken:
            raise EngineError("TensorRT cannot build the student: no memory")
        torch.jit.trace(module, example, check_trace=False).save(str(path))

    def load(self, path: Path):
        module = torch.jit.load(str(path))

        def run(*inputs):
            self.runs += 1
            assert self.in_use.acquire(blocking=False), "two threads share the fixed buffers"
            try:
                return module(*inputs)
            finally:
                self.in_use.release()

        return run


def write_model(model: TryOnModel, folder: Path) -> None:
    save_weights(folder, model)
    digest = sha256((folder / WEIGHTS).read_bytes())
    write_manifest(folder, Manifest(model.config.to_json(), {WEIGHTS: digest}))


@pytest.fixture(scope="module")
def folder(model: TryOnModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_model(model, folder)
    return folder


def start(folder: Path, tmp_path: Path, traced: Traced) -> tuple[TensorRtEngine, list[str]]:
    said: list[str] = []
    cache = EngineCache(tmp_path / "engines")
    return TensorRtEngine(folder, cache=cache, say=said.append, runtime=traced), said


def test_pytorch_serves_until_the_engines_are_built(folder: Path, tmp_path: Path) -> None:
    traced = Traced()
    traced.gate.clear()
    engine, said = start(folder, tmp_path, traced)
    plain = TorchEngine(folder)
    wanted = plain(textures(5), plain.prepare(look()))
    prepared = engine.prepare(look())
    assert engine.name == "torch-cpu-f32 (TensorRT being built)"
    np.testing.assert_allclose(engine(textures(5), prepared), wanted, atol=1e-5)
    assert traced.runs == 0
    traced.gate.set()
    engine._builder.join(60)
    assert engine.name == NAME
    for faces in range(6):  # five are four and one
        sources = textures(faces)
        layers = engine(sources, prepared)  # the look prepared before still fits
        assert (
            np.abs(wear(sources, layers) - wear(sources, wanted[:faces])).max(initial=0) <= 1 / 255
        )
    assert len(said) == 8
    assert "engine 1 of 4: building, because none was built for 1 yet" in said[0]
    assert "engine 4 of 4: built in" in said[-1]
    engine.close()


def test_threads_take_turns_and_looks_do_not_leak(folder: Path, tmp_path: Path) -> None:
    engine, _ = start(folder, tmp_path, traced := Traced())
    engine._builder.join(60)
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
    first, _ = start(folder, tmp_path, Traced())
    first._builder.join(60)
    first.close()
    second, said = start(folder, tmp_path, Traced())
    second._builder.join(60)
    assert (second.name, said) == (NAME, [])
    second.close()
    other = tmp_path / "model"
    changed = TryOnModel(TINY)
    changed.load_state_dict(model.state_dict())
    torch.nn.init.constant_(changed.student.head.gain, 0.1)
    write_model(changed.eval(), other)
    third, said = start(other, tmp_path, Traced())
    third._builder.join(60)
    old, new = (read_manifest(f).files[WEIGHTS][:12] for f in (folder, other))
    assert f"building, because weights {old} is now {new};" in said[0]
    third.close()


def test_a_failed_build_is_told_and_pytorch_goes_on(folder: Path, tmp_path: Path) -> None:
    traced = Traced()
    traced.broken = True
    engine, said = start(folder, tmp_path, traced)
    engine._builder.join(60)
    assert engine.name == "torch-cpu-f32 (TensorRT failed)"
    assert said[-1] == (
        "PyTorch goes on serving on the GPU: TensorRT cannot build the student: no memory"
    )
    assert engine(textures(2), engine.prepare(look())).shape == (2, 64, 64, 6)
    engine.close()


def test_an_engine_that_does_not_run_is_not_served(folder: Path, tmp_path: Path) -> None:
    traced = Traced()

    def load(path: Path):
        def fail(*inputs):
            raise RuntimeError("CUDA error: operation not permitted")

        return fail

    traced.load = load  # type: ignore[method-assign]
    engine, said = start(folder, tmp_path, traced)
    engine._builder.join(60)
    assert engine.name == "torch-cpu-f32 (TensorRT failed)"
    assert "not permitted" in said[-1]
    assert engine(textures(1), engine.prepare(look())).shape == (1, 64, 64, 6)
    engine.close()


def test_it_closes_during_a_build_and_twice(folder: Path, tmp_path: Path) -> None:
    traced = Traced()
    traced.gate.clear()
    engine, said = start(folder, tmp_path, traced)
    prepared = engine.prepare(look())
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine(textures(1), prepared)
    traced.gate.set()
    engine._builder.join(60)
    assert not [line for line in said if "goes on" in line]
    assert len(EngineCache(tmp_path / "engines").entries()) == 4  # ready for the next start


def test_it_exports_with_a_fixed_shape_and_constant_kernels(
    model: TryOnModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tryon.engines.serving.load_model", lambda folder: model)
    example = example_inputs(tmp_path, 3, "cpu", torch.float16)
    assert example[0].shape == (3, 64, 64, 4)
    serving = serving_module(model.student).half()
    program = torch.export.export(serving, example)
    operations = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.conv2d.default" in operations
    assert not {op for op in operations if "rsqrt" in op or "sum" in op}  # training's arithmetic
    np.testing.assert_array_equal(program.module()(*example), serving(*example))
    with pytest.raises((RuntimeError, AssertionError)):
        program.module()(example[0][:1], *example[1:])


@no_gpu
def test_without_a_gpu_every_door_tells_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRYON_CACHE", str(tmp_path))
    for name in ("tensorrt", "torch-cuda"):
        with pytest.raises(EngineError, match=rf"Engine {name} cannot be used here: .*driver"):
            choose(name)
    with pytest.raises(EngineError, match="driver"):
        TensorRtEngine(cache=EngineCache(tmp_path))
    assert command.main(["build"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: TensorRT cannot be used here: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "why_no_torch_gpu", lambda: "no driver")
    assert build.why_not() == "no driver"
    monkeypatch.setattr(build, "why_no_torch_gpu", lambda: None)
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    assert build.why_not() == f"torch-tensorrt is not installed: {build.REMEDY}"
    monkeypatch.setattr(build, "find_spec", lambda name: object())
    monkeypatch.setattr(build, "TENSORRT_WHEELS", ("no-such-wheel",))
    assert build.why_not() == f"TensorRT is not installed: {build.REMEDY}"
    monkeypatch.setattr(build, "TENSORRT_WHEELS", ("no-such-wheel", "numpy"))
    assert build.why_not() is None
    assert build.tensorrt_version() == np.__version__


def test_a_broken_torch_tensorrt_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It raises a bare Exception where a library of TensorRT is missing.
    package = tmp_path / "torch_tensorrt"
    package.mkdir()
    (package / "__init__.py").write_text('raise Exception("no libnvinfer.so.11\\nmany lines")')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "torch_tensorrt", raising=False)
    with pytest.raises(EngineError, match=r"no libnvinfer.so.11\); pip install") as caught:
        build.import_torch_tensorrt()
    assert "\n" not in str(caught.value)


@pytest.mark.gpu
def test_tensorrt_wears_what_pytorch_wears(folder: Path, tmp_path: Path) -> None:
    if reason := build.why_not():
        pytest.skip(reason)
    said: list[str] = []
    engine = TensorRtEngine(folder, cache=EngineCache(tmp_path / "engines"), say=said.append)
    prepared = engine.prepare(look())
    engine._builder.join(1800)
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
