"""The report of a teacher: every table is there, parts switch off and come back on."""

import pytest
import torch

from tests.models.tiny_teacher import alive, faces, layer_teacher
from tryon.errors import ConfigError
from tryon.models.teacher_files import save_teacher
from tryon.train import teacher_report
from tryon.train.teacher_eval import condition_of, wear
from tryon.train.teacher_report import FEATURES, Report, leak_table, no_ops, report, switched_off


@pytest.fixture
def teacher():
    return alive(layer_teacher())


@torch.no_grad()
def denoised(teacher, pairs):
    batch = pairs.__class__().batch(32, 2)
    noisy = torch.rand(2, 96, 8, 8, generator=torch.Generator().manual_seed(1))
    time, one = torch.tensor([300, 900]), torch.ones(2)
    makeup = teacher.look(batch.reference)
    return teacher.denoise(noisy, time, condition_of(teacher, batch), makeup, one)


def test_a_part_is_off_inside_only(teacher, pairs):
    whole = denoised(teacher, pairs)
    for part in (FEATURES, "source", "mesh", "reference"):
        with switched_off(teacher, part):
            assert not torch.allclose(denoised(teacher, pairs), whole)
        assert torch.equal(denoised(teacher, pairs), whole)
    with pytest.raises(ConfigError, match="mesh"), switched_off(teacher, "nose"):
        pass


def test_a_muted_condition_is_not_heard(teacher):
    condition, reference = faces(teacher)
    with torch.no_grad(), switched_off(teacher, "mesh"):
        noisy, time = torch.rand(2, 96, 8, 8), torch.tensor([1, 2])
        empty, look = teacher.prompts[1].expand(2, -1, -1), teacher.look(reference)
        one, two = (
            teacher.control(noisy, time, empty, [condition.source, mesh, look.picture])[1]
            for mesh in (condition.mesh, 1 - condition.mesh)
        )
    assert torch.equal(one, two)


@torch.no_grad()
def test_what_must_change_nothing_is_measured(teacher, pairs):
    rows = no_ops(teacher, pairs.batch(32, 2), 2).splitlines()[2:]
    largest = [float(row.split("|")[2]) for row in rows]
    assert largest[:2] == [0, 0]
    assert largest[2] > 0  # of a teacher that was never taught to keep


@torch.no_grad()
def test_a_mask_keeps_makeup_in_its_region(teacher, pairs):
    alone, masked = (
        [float(cell) for cell in row.split("|")[2:-1]]
        for row in leak_table(teacher, [pairs.batch(32, 2)], 1).splitlines()[2:]
    )
    assert max(masked) == 0  # the regions of these pairs have hard borders
    assert min(alone) > 1


def test_a_report_has_every_table_and_sheet(teacher, pairs, tmp_path):
    config = Report(out=tmp_path, steps=(1, 2), pairs=2, off_steps=1)
    text = report(config, teacher, list(pairs.held_out(32)))
    assert text.startswith("test: 2 pairs")
    for head in ("| steps |", "| switched off at inference |", "| one region", "| what must"):
        assert head in text
    parts = [line.split(" | ")[0] for line in text.splitlines()]
    assert [f"| {name}" for name in ("nothing", FEATURES, "source", "mesh", "reference")] == [
        part for part in parts if part[2:] in ("nothing", FEATURES, "source", "mesh", "reference")
    ][1:]
    assert (tmp_path / "samples.png").exists()
    assert (tmp_path / "attention.png").exists()


def test_the_command_writes_its_report(teacher, pairs, tmp_path, monkeypatch, capsys):
    save_teacher(tmp_path / "t", teacher)
    monkeypatch.setattr(teacher_report, "held_out", lambda *_: list(pairs.held_out(32)))
    argv = ["--teacher", str(tmp_path / "t"), "--out", str(tmp_path / "o"), "--pairs", "2"]
    argv += ["--steps", "1", "--off-steps", "0", "--threads", "1"]
    assert teacher_report.main(argv) == 0
    assert (tmp_path / "o" / "report.md").read_text() in capsys.readouterr().out
    assert teacher_report.main([*argv[:2], "--split", "all"]) == 1
    assert "train, val, test" in capsys.readouterr().err


def test_a_face_keeps_what_it_does_not_take(teacher, pairs):
    batch = pairs.batch(32, 2)
    with torch.no_grad():
        look = teacher.look(batch.reference)
        lips = wear(teacher, batch, look, 1, {"lips": 1.0})
    rest = batch.regions[5] == 0
    torch.testing.assert_close(lips[..., rest], batch.source[:, :3][..., rest])
