from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import turn_is_taken, without_gpu
from tryon.engines import openvino
from tryon.engines.base import Engine, PreparedLook
from tryon.engines.choose import choose
from tryon.engines.openvino import ANSWER, OpenVinoEngine, fixed_answer
from tryon.engines.torch import TorchEngine, gpu_turn
from tryon.errors import ConfigError, EngineError, WeightsError
from tryon.look.look import Look
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import (
    MANIFEST,
    STUDENT_DIR,
    read_manifest,
    sha256,
    write_manifest,
)
from tryon.train.export import CHECKS, disagreement, export
from tryon.types import FaceTexture, Float32

TINY = StudentConfig(size=64, widths=(8, 8, 16, 16), look_widths=(8, 8, 16, 16), position=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    model = TryOnModel(TINY)
    # Strong enough that layers differ much from the identity and reach their limits.
    torch.nn.init.constant_(model.student.head.gain, 0.2)
    folder = tmp_path_factory.mktemp("model")
    export(model.eval(), folder)
    return folder


@pytest.fixture(params=["openvino", "torch"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Engine:
    return choose(request.param, folder, threads=1)


def textures(count: int, side: int = 64, seed: int = 0) -> Float32:
    return np.random.default_rng(seed).random((count, side, side, 4), np.float32)


def look(side: int = 64, seed: int = 9) -> FaceTexture:
    texture = textures(1, side, seed)[0]
    return FaceTexture(texture[..., :3], texture[..., 3])


def wear(texture: Float32, layer: Float32) -> Float32:
    colour = texture[..., :3]
    light = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    light = np.clip(layer[..., :3] * light + layer[..., 3:], 0, 1)
    return np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    )


def test_engines_agree_within_a_level(folder: Path) -> None:
    faces = textures(3)
    slow, fast = TorchEngine(folder), OpenVinoEngine(folder, threads=1)
    layers = [e(faces, e.prepare(look())) for e in (slow, fast)]
    assert np.abs(layers[0] - [1, 1, 1, 0, 0, 0]).mean() > 0.02
    assert np.abs(wear(faces, layers[0]) - wear(faces, layers[1])).max() <= 1 / 255


def test_a_batch_is_its_faces_one_by_one_and_runs_repeat(engine: Engine) -> None:
    faces, prepared = textures(3), engine.prepare(look())
    together = engine(faces, prepared)
    assert together.shape == (3, 64, 64, 6)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together, engine(faces, prepared))
    for index in range(3):
        alone = engine(faces[index : index + 1], prepared)[0]
        np.testing.assert_allclose(alone, together[index], atol=1e-5)
    assert engine(faces[:0], prepared).shape == (0, 64, 64, 6)


def test_looks_do_not_leak_into_each_other(engine: Engine) -> None:
    faces, one, two = textures(1), engine.prepare(look(seed=1)), engine.prepare(look(seed=2))
    first = engine(faces, one)
    assert not np.array_equal(first, engine(faces, two))
    np.testing.assert_array_equal(first, engine(faces, one))


def test_results_are_not_overwritten_by_the_next_call(engine: Engine) -> None:
    prepared = engine.prepare(look())
    first = engine(textures(1, seed=1), prepared)
    kept = first.copy()
    engine(textures(1, seed=2), prepared)
    np.testing.assert_array_equal(first, kept)


def test_layers_are_in_range(engine: Engine) -> None:
    layer = engine(textures(2), engine.prepare(look()))
    assert layer[..., :3].min() >= 0
    assert layer[..., :3].max() <= 4
    assert layer[..., 3:].min() >= -4
    assert layer[..., 3:].max() <= 1


def test_wrong_inputs_are_refused(engine: Engine) -> None:
    prepared = engine.prepare(look())
    with pytest.raises(EngineError, match="64"):
        engine(textures(1, side=32), prepared)
    with pytest.raises(EngineError, match="unwrap"):
        engine.prepare(look(side=32))
    with pytest.raises(EngineError, match="prepare"):
        engine(textures(1), PreparedLook(prepared.features, "another"))


def test_a_closed_engine_says_so(engine: Engine) -> None:
    prepared = engine.prepare(look())
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine(textures(1), prepared)
    with pytest.raises(EngineError, match="closed"):
        engine.prepare(look())


def test_names_say_runtime_and_precision(folder: Path) -> None:
    assert OpenVinoEngine(folder, precision="f32").name == "openvino-f32"
    assert OpenVinoEngine(folder).name in ("openvino-f32", "openvino-bf16")  # it has no int8 graph
    assert TorchEngine(folder).name == "torch-cpu-f32"
    with pytest.raises(EngineError, match="precision"):
        OpenVinoEngine(folder, precision="int4")


def test_unknown_engines_are_refused_and_auto_takes_openvino(folder: Path) -> None:
    assert choose("auto", folder).name.startswith("openvino")
    with pytest.raises(ConfigError, match="engine"):
        choose("abacus", folder)


def test_float32_on_a_gpu_is_float32_and_has_the_gpu_to_itself(folder: Path) -> None:
    cudnn = torch.backends.cudnn
    before = cudnn.conv.fp32_precision
    for chosen in (before, "ieee", "tf32"):  # "ieee" sets it apart from the other networks
        cudnn.conv.fp32_precision = chosen
        with gpu_turn():
            assert cudnn.conv.fp32_precision != "tf32"
            assert turn_is_taken()
        assert cudnn.conv.fp32_precision == chosen
    cudnn.conv.fp32_precision = before
    with gpu_turn():
        assert cudnn.allow_tf32 is False  # others may ask for it meanwhile
    engine, turns = TorchEngine(folder), []
    engine._turn = lambda: nullcontext(turns.append("turn"))
    prepared = engine.prepare(look())
    engine(textures(1), prepared)
    engine.on_device(textures(1), prepared)
    assert len(turns) == 3


@pytest.mark.parametrize("name", ["encoder.xml", "student.bin"])
def test_a_tampered_graph_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(WeightsError, match="SHA-256"):
        choose("openvino", tmp_path)


def test_the_openvino_engine_never_imports_torch(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tryon.engines.choose import choose;"
        f"choose('auto', Path({str(folder)!r}), threads=1); assert 'torch' not in sys.modules"
    )
    # With a GPU, "auto" asks PyTorch.
    subprocess.run([sys.executable, "-c", program], check=True, env=without_gpu())


def test_exported_files_name_no_folder_of_this_machine(folder: Path) -> None:
    for file in (*folder.glob("*.xml"), folder / MANIFEST):
        text = file.read_text(encoding="utf-8")
        assert str(Path.home()) not in text
        assert str(Path(__file__).parents[2]) not in text
        assert ".py" not in text


@pytest.fixture
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any CPU with VNNI; most others compute this student's int8 rightly enough for these tests."""
    monkeypatch.setattr(openvino, "cpu_features", lambda: frozenset({"avx2", "avx512vnni"}))


def with_answer(folder: Path, answer: Float32) -> Path:
    """A copy of the shipped model in which int8 is checked against another answer."""
    shutil.copytree(STUDENT_DIR, folder)
    np.save(folder / ANSWER, answer)
    manifest = read_manifest(folder)
    hashes = {**manifest.files, ANSWER: sha256((folder / ANSWER).read_bytes())}
    write_manifest(folder, replace(manifest, files=hashes))
    return folder


def shipped_look(name: str) -> FaceTexture:
    with as_file(files("tryon.look") / "assets" / f"{name}.look") as path:
        look = Look.load(path)
    return FaceTexture(look.colour / np.float32(255), look.visibility / np.float32(255))


def test_int8_without_a_graph_or_vnni_is_refused(
    folder: Path, vnni: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match="has no int8 student"):
        OpenVinoEngine(folder, "int8")
    monkeypatch.setattr(openvino, "cpu_features", lambda: frozenset({"avx2"}))
    with pytest.raises(EngineError, match="no VNNI"):
        OpenVinoEngine(STUDENT_DIR, "int8")
    assert OpenVinoEngine(STUDENT_DIR).name == "openvino-f32"


def test_auto_takes_int8_and_says_so_where_the_check_passes(vnni: None) -> None:
    assert OpenVinoEngine(STUDENT_DIR).name == "openvino-int8"


def test_a_cpu_that_computes_int8_wrongly_is_found_out_and_told(
    tmp_path: Path, vnni: None, caplog: pytest.LogCaptureFixture
) -> None:
    right = fixed_answer(STUDENT_DIR)
    wrong = with_answer(tmp_path / "wrong", right[::-1].copy())
    with pytest.raises(EngineError, match="wrongly"):
        OpenVinoEngine(wrong, "int8")
    with caplog.at_level("WARNING", "tryon"):
        assert OpenVinoEngine(wrong).name == "openvino-f32"
    assert "wrongly" in caplog.text
    assert "f32 is used" in caplog.text


def test_int8_wears_nearly_what_float32_wears(vnni: None) -> None:
    """Of a real face: a level on average, and no speckles."""
    bare, crimson = shipped_look("bare"), shipped_look("crimson")
    face = np.dstack((bare.colour, bare.visibility))
    worn = []
    for precision in ("f32", "int8"):
        engine = OpenVinoEngine(STUDENT_DIR, precision)
        worn.append(wear(face, engine(face[None], engine.prepare(crimson))[0]))
    difference = np.abs(worn[0] - worn[1])
    assert np.abs(worn[0] - face[..., :3]).mean() > 2 / 255
    assert difference.mean() < 1 / 255
    assert np.quantile(difference, 0.999) < 8 / 255


@pytest.mark.skipif(not (STUDENT_DIR / MANIFEST).is_file(), reason="no trained student yet")
def test_the_shipped_student_agrees_between_engines_and_is_small() -> None:
    manifest = read_manifest(STUDENT_DIR)
    assert {p.name for p in STUDENT_DIR.iterdir()} == {*manifest.files, MANIFEST}
    assert (STUDENT_DIR / "student.safetensors").stat().st_size <= 8e6
    for precision, share in CHECKS:
        assert disagreement(STUDENT_DIR, precision, share) <= 1 / 255
