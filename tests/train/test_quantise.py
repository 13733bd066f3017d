"""The int8 student is made from painted pairs, measured on others, refused where it is worse."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.train.conftest import SyntheticPairs
from tryon.engines.openvino import INT8_FILES, OpenVinoEngine
from tryon.engines.precision import VNNI
from tryon.errors import WeightsError
from tryon.kernels.compiled import cpu_features
from tryon.models.student import StudentConfig, TryOnModel
from tryon.models.weights import MANIFEST, Manifest, read_manifest
from tryon.train import export as module
from tryon.train.export import export
from tryon.train.quantise import quality

pytest.importorskip("nncf", reason="pip install 'tryon[train]'")
pytestmark = pytest.mark.skipif(VNNI.isdisjoint(cpu_features()), reason="this CPU has no VNNI")

TINY = StudentConfig(size=32, widths=(8, 8, 16, 16), look_widths=(8, 8, 16, 16), position=4)


@pytest.fixture(scope="module")
def model() -> TryOnModel:
    torch.manual_seed(3)
    model = TryOnModel(TINY)
    torch.nn.init.constant_(model.student.head.gain, 0.2)  # a layer far from the identity
    return model.eval()


@pytest.fixture(scope="module")
def quantised(model: TryOnModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCHES", 3)
        return folder, export(model, folder, pairs=SyntheticPairs())


def test_it_is_exported_with_its_quality_and_used(quantised: tuple[Path, Manifest]) -> None:
    folder, manifest = quantised
    assert {*INT8_FILES} < {*manifest.files}
    assert {p.name for p in folder.iterdir()} == {*manifest.files, MANIFEST}
    assert read_manifest(folder).int8 == manifest.int8
    assert manifest.int8["faces"] == 4
    assert abs(manifest.int8["psnr_f32"] - manifest.int8["psnr_int8"]) < 0.3
    assert manifest.int8["psnr_f32"] != manifest.int8["psnr_int8"]
    # By its name: with matrix units bf16 would be chosen.
    assert OpenVinoEngine(folder, "int8", threads=1).name == "openvino-int8"
    for path in folder.glob("*int8.xml"):
        assert str(Path.home()) not in path.read_text(encoding="utf-8")


def test_without_pairs_the_int8_files_of_another_model_go(
    quantised: tuple[Path, Manifest], model: TryOnModel, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(quantised[0], folder)
    manifest = export(model, folder)
    assert not manifest.int8
    assert {p.name for p in folder.iterdir()} == {*manifest.files, MANIFEST}
    assert OpenVinoEngine(folder, threads=1).name != "openvino-int8"


def test_one_that_is_worse_is_refused(
    quantised: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = quantised
    lost = manifest.int8["psnr_f32"] - manifest.int8["psnr_int8"]
    monkeypatch.setattr("tryon.train.quantise.MOST_LOST", lost - 1e-6)
    with pytest.raises(WeightsError, match="leave out --faces"):
        quality(folder, list(SyntheticPairs().held_out(32)))


def test_the_quantiser_reports_to_nobody() -> None:
    program = (
        "import sys; from tryon._openvino import load_nncf; load_nncf();"
        "assert not any('openvino_telemetry' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
