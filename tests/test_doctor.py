"""The doctor tells what is there, the remedy for what is not, and fails only for what is needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from tests.kernels.fake_cupy import installed
from tryon.doctor import cameras, command, gpu, software
from tryon.doctor.finding import ABSENT, BROKEN, OK, Check, Finding
from tryon.engines.gpu import Gpu, GpuState
from tryon.models.weights import STUDENT_DIR
from tryon.streaming.cameras import CameraInfo


def findings(check: Check) -> dict[str, Finding]:
    return {finding.name: finding for finding in check()}


def only(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(command, "CHECKS", checks)


def test_this_machine_is_healthy_and_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    for name in ("python", "numba", "cpu", "student weights", "face networks", "CPU kernels"):
        assert f"\nok      {name}" in f"\n{text}"
    (chosen,) = (line for line in lines if "taken by default" in line)
    assert chosen.endswith(("with cpu kernels", "with cuda kernels"))
    for name in ("gpu", "TensorRT", "CuPy", "engine tensorrt", "camera", "virtual camera"):
        assert any(line[8:].startswith(name) for line in lines), name
    for line in lines:
        assert line.startswith(("ok      ", "-       "))
        if line.startswith("-"):
            assert ": " in line, f"no remedy: {line}"


def test_json_is_one_object_with_the_same_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, software.python, gpu.gpu, cameras.virtual_camera)
    assert command.main(["--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert {"python", "gpu"} <= {check["name"] for check in report["checks"]}
    for check in report["checks"]:
        assert set(check) == {"name", "state", "text", "remedy"}
        assert (check["state"] == "ok") == (check["remedy"] == "")


def test_changed_weights_are_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(STUDENT_DIR, tmp_path / "student")
    graph = next((tmp_path / "student").glob("*.bin"))
    graph.write_bytes(graph.read_bytes()[:-1])
    monkeypatch.setattr("tryon.models.weights.STUDENT_DIR", tmp_path / "student")
    only(monkeypatch, software.weights)
    assert command.main([]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("BROKEN  student weights")
    assert "SHA-256" in first
    assert "reinstall" in first
    assert second.startswith("ok      face networks")
    assert command.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_missing_package_is_broken_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "NEEDED", {"numpy": "numpy", "no-such-thing": "no_such_thing"})
    found = findings(software.packages)
    assert found["numpy"].state == OK
    assert found["no-such-thing"].state == BROKEN
    assert found["no-such-thing"].text == "not installed"
    assert found["no-such-thing"].remedy.endswith("pip install --force-reinstall no-such-thing")


def test_a_package_that_cannot_load_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_thing.py").write_text("raise ImportError('libGL.so.1: cannot open')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(software, "NEEDED", {"broken-thing": "broken_thing"})
    found = findings(software.packages)["broken-thing"]
    assert found.state == BROKEN
    assert "libGL.so.1" in found.text


def test_cuda_kernels_are_tried(monkeypatch: pytest.MonkeyPatch, cpp_library: Path) -> None:
    fake = installed(cpp_library, monkeypatch)
    assert findings(gpu.cupy)["CUDA kernels"].state == OK
    lent = SimpleNamespace(cuda_stream=41)
    monkeypatch.setattr("tryon.engines.gpu.why_no_torch_gpu", lambda: None)
    monkeypatch.setattr("torch.cuda.Stream", lambda: lent)  # as the engines' is, on a GPU
    opened = fake.cuda.ExternalStream = mock.Mock(return_value=fake.cuda.Stream(non_blocking=True))
    assert findings(gpu.cupy)["CUDA kernels"].state == OK
    opened.assert_called_once_with(41)
    fake.broken = "paint"
    wrong = findings(gpu.cupy)["CUDA kernels"]
    assert (wrong.state, wrong.text) == (ABSENT, "paint is not what the reference computes")
    assert wrong.remedy


def test_kernels_that_paint_wrongly_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(software.kernels)["CPU kernels"].state == OK
    monkeypatch.setattr("tryon.kernels.cpu.composite", lambda *arguments: None)
    assert findings(software.kernels)["CPU kernels"].state == BROKEN


def test_a_gpu_and_its_driver_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    state = GpuState((Gpu("Some Board", "8.9", 24 * 2**30),), "13.0", None)
    monkeypatch.setattr("tryon.engines.gpu.gpu_state", lambda: state)
    found = findings(gpu.gpu)
    assert found["gpu"].text == "Some Board, compute capability 8.9, 24 GiB"
    assert found["driver"].text == "runs CUDA up to 13.0"


def test_no_engine_at_all_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryon.engines.choose.why_not", lambda name: f"{name} is gone: get it")
    found = findings(gpu.engines)
    assert found["engine torch"] == Finding("engine torch", "absent", "torch is gone", "get it")
    assert found["engines"].state == BROKEN


def test_looking_starts_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is said of TensorRT is said once the engines that are stored were tried."""

    class Stored(SimpleNamespace):
        name, stream = "torch-cuda-f32 (TensorRT being loaded)", None

        def wait_ready(self) -> None:
            self.name = "torch-cuda-f32 (TensorRT not built)"

    def choose(name: str, *, build: bool = True) -> Stored:
        assert (name, build) == ("tensorrt", False)
        return Stored(close=lambda: None)

    monkeypatch.setattr("tryon.engines.choose.why_not", lambda name: None)
    monkeypatch.setattr("tryon.engines.choose.choose", choose)
    text = findings(gpu.engines)["engine tensorrt"].text
    assert text.startswith("torch-cuda-f32 (TensorRT not built), runs; taken by default")


def test_cameras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    two = (CameraInfo(0, "Front"), CameraInfo(2, "Desk"))
    monkeypatch.setattr("tryon.streaming.cameras.list_cameras", lambda: two)
    assert {n: f.text for n, f in findings(cameras.cameras).items()} == {
        "camera 0": "Front",
        "camera 2": "Desk",
    }
    monkeypatch.setattr("tryon.streaming.cameras.list_cameras", lambda: ())
    assert findings(cameras.cameras)["cameras"].state == ABSENT


def test_the_virtual_camera_needs_a_package_and_on_linux_a_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cameras, "LOOPBACKS", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(cameras, "version_of", lambda package: "")
    assert "pip install" in findings(cameras.virtual_camera)["virtual camera"].remedy
    monkeypatch.setattr(cameras, "version_of", lambda package: "0.15.0")
    assert "modprobe" in findings(cameras.virtual_camera)["virtual camera"].remedy
    (tmp_path / "video7").mkdir()
    assert findings(cameras.virtual_camera)["virtual camera"].state == OK


def test_a_check_that_fails_is_a_finding_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def odd_part():
        raise ZeroDivisionError("by zero")
        yield

    only(monkeypatch, odd_part, software.python)
    assert command.main([]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("BROKEN  odd part")
    assert "ZeroDivisionError" in first
    assert second.startswith("ok      python")
