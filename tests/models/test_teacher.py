"""The teacher: both presets of the same classes, dropped makeup, mixed looks."""

from dataclasses import replace

import pytest
import torch

from tests.models.tiny_teacher import (
    LAYERS,
    PICTURES,
    alive,
    faces,
    layer_teacher,
    write_base,
    write_clip,
)
from tryon.errors import ConfigError
from tryon.models.teacher import Makeup, Splice, new_teacher
from tryon.models.teacher_config import COMPACT, PRESETS, SD21, TeacherConfig
from tryon.models.teacher_files import pretrained_teacher


@pytest.fixture
def teacher():
    return alive(layer_teacher())


def denoised(teacher, reference, keep=(1, 1, 1)):
    condition, _ = faces(teacher)
    side, channels = teacher.config.unet.side, teacher.config.unet.channels
    noisy = torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(6))
    flags = tuple(torch.full((2,), float(k)) for k in keep)
    with torch.no_grad():
        return teacher(noisy, torch.tensor([10, 900]), condition, reference, flags)


def test_presets_are_what_they_say():
    assert SD21.control.modes == (("source", 3), ("mesh", 3))
    assert (SD21.tokens.count, SD21.unet.context, SD21.unet.side) == (64, 1024, 64)
    assert SD21.tower.features == 1024
    for name, config in PRESETS.items():
        assert config.preset == name
        assert TeacherConfig.from_json(config.to_json()) == config


def test_the_large_compact_teacher_fits_its_files():
    with torch.device("meta"):
        teacher = new_teacher(COMPACT)
    assert 2 * sum(p.numel() for p in teacher.parameters()) < 60e6  # bytes in bfloat16


def test_prediction_and_maps_have_the_latents_shapes(teacher):
    _, reference = faces(teacher)
    predicted, maps = denoised(teacher, reference)
    assert predicted.shape == (2, 96, 8, 8)
    assert set(maps) == {8, 4}


def test_a_new_teacher_first_guesses_nothing():
    teacher = layer_teacher()
    assert not denoised(teacher, faces(teacher)[1])[0].any()


def test_dropped_makeup_is_the_same_for_every_reference(teacher):
    _, reference = faces(teacher)
    one, two = (denoised(teacher, r, keep=(1, 0, 0))[0] for r in (reference, 1 - reference))
    assert torch.equal(one, two)
    assert not torch.equal(one, denoised(teacher, reference)[0])


def test_makeup_without_any_is_what_the_resampler_makes_of_zeros(teacher):
    _, reference = faces(teacher)
    none = teacher.look(reference, torch.zeros(2))
    zeros = torch.zeros(2, teacher.config.tower.features, teacher.config.tower.width)
    assert torch.equal(none.tokens, teacher.resampler(zeros))
    assert not none.picture.any()


def test_tokens_alone_tell_of_the_makeup(teacher):
    _, reference = faces(teacher)
    one, two = (denoised(teacher, r, keep=(1, 1, 0))[0] for r in (reference, 1 - reference))
    assert not torch.allclose(one, two)


def test_the_prompt_is_heard(teacher):
    _, reference = faces(teacher)
    assert not torch.equal(
        denoised(teacher, reference)[0], denoised(teacher, reference, keep=(0, 1, 1))[0]
    )


def test_a_look_mixed_with_itself_or_with_no_strength_is_itself(teacher):
    _, reference = faces(teacher)
    regions = torch.rand(6, 32, 32).softmax(0)
    with torch.no_grad():
        look, other = teacher.look(reference), teacher.look(1 - reference)
    for mixed in (
        look.mixed({"lips": (look, 1.0), "eyes": (look, 1.0)}, regions),
        look.mixed({"lips": (other, 0.0)}, regions),
    ):
        assert torch.equal(mixed.tokens, look.tokens)
        assert torch.equal(mixed.picture, look.picture)
    lips = look.mixed({"lips": (other, 1.0)}, regions)
    assert torch.equal(lips.tokens[:, :-2], look.tokens[:, :-2])
    assert torch.equal(lips.tokens[:, -2:], other.tokens[:, -2:])


def test_a_splice_takes_groups_of_tokens_and_places_of_the_picture():
    one, two = (Makeup(torch.randn(2, 8, 5), torch.rand(2, 4, 8, 8)) for _ in range(2))
    groups = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0]])
    where = torch.zeros(2, 1, 8, 8)
    where[0, ..., :4] = 1
    mixed = Splice(groups, where).of(one, two)
    torch.testing.assert_close(mixed.tokens[0, [0, 1, 6, 7]], two.tokens[0, [0, 1, 6, 7]])
    torch.testing.assert_close(mixed.tokens[0, 2:6], one.tokens[0, 2:6])
    torch.testing.assert_close(mixed.picture[0, ..., :4], two.picture[0, ..., :4])
    torch.testing.assert_close(mixed.picture[0, ..., 4:], one.picture[0, ..., 4:])
    torch.testing.assert_close(mixed.tokens[1], one.tokens[1])
    torch.testing.assert_close(mixed.picture[1], one.picture[1])


def test_conditions_can_be_left_out_for_an_ablation():
    teacher = alive(new_teacher(LAYERS.with_modes("source")))
    assert teacher.config.modes == ("source",)
    assert denoised(teacher, faces(teacher)[1])[0].shape == (2, 96, 8, 8)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"size": 64}, "size"),
        ({"prediction": "layer"}, "use epsilon, v_prediction, sample"),
        ({"prediction": "epsilon"}, "zero_snr"),
        ({"control": replace(LAYERS.control, fold=8)}, "stride"),
    ],
)
def test_settings_that_do_not_fit_are_named(change, word):
    with pytest.raises(ConfigError, match=word):
        replace(LAYERS, **change)


def test_a_preset_on_pretrained_weights_is_not_made_from_nothing():
    with pytest.raises(ConfigError, match="pretrained"):
        new_teacher(SD21)


def test_on_pretrained_weights_only_what_fram_trains_is_trained(tmp_path):
    config = replace(PICTURES, tower=write_clip(tmp_path / "clip"))
    teacher = pretrained_teacher(write_base(tmp_path / "base"), config=config)
    trained = {n for n, p in teacher.named_parameters() if p.requires_grad}
    parts = {n.split(".")[0] for n in trained}
    assert parts == {"control", "unet", "resampler"}
    assert all(".processor." in n for n in trained if n.startswith("unet."))
    predicted, maps = denoised(teacher.eval(), faces(teacher)[1])
    assert predicted.shape == (2, 4, 8, 8)
    assert set(maps) == {8, 4}  # the finest level, and the middle
    assert teacher.prompts.shape == (2, 8, 32)
    assert not torch.equal(teacher.prompts[0], teacher.prompts[1])
