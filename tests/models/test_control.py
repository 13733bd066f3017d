"""ControlNet Union: nothing at the start, every condition heard after training."""

import pytest
import torch

from tests.models.tiny_teacher import LAYERS, alive, faces, layer_teacher
from tryon.errors import ConfigError
from tryon.models.control import ControlConfig


def answer(teacher, condition, makeup):
    noisy = torch.rand(2, 96, 8, 8, generator=torch.Generator().manual_seed(5))
    time = torch.tensor([10, 900])
    return teacher.control(
        noisy, time, teacher.prompts[1].expand(2, -1, -1),
        [{"source": condition.source, "mesh": condition.mesh, "reference": makeup.picture}[m]
         for m in teacher.config.modes],
    )  # fmt: skip


def test_an_untrained_control_adds_nothing():
    teacher = layer_teacher()
    condition, reference = faces(teacher)
    down, middle = answer(teacher, condition, teacher.look(reference))
    assert len(down) > 3
    assert all(bool((x == 0).all()) for x in (*down, middle))


def test_an_untrained_control_still_learns():
    teacher = layer_teacher()
    condition, reference = faces(teacher)
    down, middle = answer(teacher, condition, teacher.look(reference))
    (sum(x.sum() for x in down) + middle.sum()).backward()
    gradients = [p.grad for n, p in teacher.control.named_parameters() if "controlnet_" in n]
    assert all(float(g.abs().sum()) > 0 for g in gradients if g.ndim == 1)


@pytest.mark.parametrize("name", ["source", "mesh", "reference"])
def test_a_trained_control_hears_each_condition(name):
    teacher = alive(layer_teacher())
    condition, reference = faces(teacher)
    makeup = teacher.look(reference)
    before = answer(teacher, condition, makeup)[1]
    picture = {"source": condition.source, "mesh": condition.mesh, "reference": makeup.picture}
    picture[name].mul_(0.5)
    assert not torch.allclose(answer(teacher, condition, makeup)[1], before)


def test_the_fusion_weighs_a_condition_by_the_others():
    control = alive(layer_teacher()).control
    means = torch.rand(1, 4, 32)
    changed = means.clone()
    changed[:, 0] = 10 * torch.randn(32, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        assert not torch.allclose(control.fusion(means)[:, 1], control.fusion(changed)[:, 1])


def test_a_missing_condition_is_refused_by_name():
    teacher = layer_teacher()
    condition, _ = faces(teacher)
    empty = teacher.prompts[1].expand(2, -1, -1)
    with pytest.raises(ConfigError, match="mesh"):
        teacher.control(torch.rand(2, 96, 8, 8), torch.tensor([1, 2]), empty, [condition.source])


def test_a_condition_shrinks_to_the_latents():
    assert ControlConfig((("source", 3),), 1, (16, 32, 96, 256)).stride == 8
    assert LAYERS.control.stride == 4
    with pytest.raises(ConfigError, match="at least one mode"):
        ControlConfig((), 1, (4,))
