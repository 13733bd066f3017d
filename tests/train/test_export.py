from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.test_distill import student_run
from tryon.engines.base import empty_face
from tryon.engines.choose import choose
from tryon.models.student import StudentConfig
from tryon.models.weights import MANIFEST, load_model, read_manifest
from tryon.train.export import main
from tryon.train.pairs import PairSource

TINY = StudentConfig(size=32, widths=(8, 8, 8, 8), look_widths=(8, 8, 8, 8), position=4)


def test_a_run_becomes_a_model_folder_with_its_averaged_weights(
    tmp_path: Path, pairs: PairSource
) -> None:
    run = student_run(tmp_path / "run", pairs, TINY, "32:1", steps=3)
    scores = run()
    assert (
        main([str(tmp_path / "run"), "--to", str(tmp_path / "model"), "--data", "painted pairs"])
        == 0
    )

    manifest = read_manifest(tmp_path / "model")
    assert manifest.data == ("painted pairs",)
    assert manifest.metrics[0]["psnr"] == pytest.approx(scores["groups"][0]["psnr"])
    assert {p.name for p in (tmp_path / "model").iterdir()} == {*manifest.files, MANIFEST}
    loaded = dict(load_model(tmp_path / "model").named_parameters())
    for name, value in run.average.items():
        assert torch.equal(loaded[name], value.half().float()), name
    engine = choose("openvino", tmp_path / "model", threads=1)
    layer = engine(np.zeros((1, 32, 32, 4), np.float32), engine.prepare(empty_face(32)))
    assert layer.shape == (1, 32, 32, 6)


def test_a_folder_without_a_checkpoint_is_one_line_of_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--to", str(tmp_path / "model")]) == 1
    assert capsys.readouterr().err.startswith("error: No student in")
    assert not (tmp_path / "model").exists()
