"""What TensorRT would be given is right without a GPU, and every obstacle to it is told."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engines.test_engines import look, textures, wear
from tryon.engines import __main__ as command
from tryon.engines import tensorrt_build as build
from tryon.engines.base import stack_texture
from tryon.engines.cache import EngineCache, EngineKey
from tryon.engines.choose import choose
from tryon.engines.gpu import gpu_state
from tryon.engines.serving import example_inputs, serving_module
from tryon.engines.tensorrt import TensorRtEngine
from tryon.errors import EngineError
from tryon.models.student import TryOnModel

no_gpu = pytest.mark.skipif(bool(gpu_state().gpus), reason="a GPU is at hand")


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


def test_pytorch_does_not_complain_of_the_name_of_the_file(
    cache: EngineCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("torch")  # which hands nothing on to the root
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(2),))
    key = EngineKey("", "", "", "", "", "2", "f32")
    path = cache.store(key, lambda path: torch.export.save(program, str(path)))
    assert torch.export.load(str(path)).module()(-torch.ones(2)).tolist() == [0, 0]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@no_gpu
def test_without_a_gpu_every_door_tells_the_remedy(
    cache: EngineCache, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tensorrt", "torch-cuda"):
        with pytest.raises(EngineError, match=rf"Engine {name} cannot be used here: .*driver"):
            choose(name)
    with pytest.raises(EngineError, match="driver"):
        TensorRtEngine()
    assert command.main(["build"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: TensorRT cannot be used here: ")
    assert err.count("\n") == 1
    assert not cache.root.exists()


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
