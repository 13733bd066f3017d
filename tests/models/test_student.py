from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tryon.cosmetics.pigment import to_linear
from tryon.errors import ConfigError
from tryon.models.student import StudentConfig, TryOnModel

TINY = StudentConfig(
    size=64, widths=(8, 8, 8, 8), look_widths=(8, 8, 8, 8), blocks=(1, 1, 1), look_blocks=(1, 1, 1)
)


@pytest.fixture(scope="module")
def full() -> TryOnModel:
    torch.manual_seed(0)
    return TryOnModel().eval()


def test_fits_the_budget_of_parameters_and_flops(full: TryOnModel) -> None:
    size = full.config.size
    texture = torch.rand(1, 4, size, size)
    with torch.no_grad():
        features = full.encoder(texture)
        with FlopCounterMode(display=False) as counter:
            full.student(texture, features)
    assert size == 256
    assert sum(p.numel() for p in full.parameters()) <= 3e6
    assert counter.get_total_flops() <= 4e9


def test_a_cached_look_gives_the_same_layer_bit_for_bit(full: TryOnModel) -> None:
    source, reference = torch.rand(2, 1, 4, 256, 256)
    with torch.inference_mode():
        features = full.encoder(reference)
        again = full.student(source, features)
        assert torch.equal(full(source, reference), again)
        assert torch.equal(full.student(source, features), again)


def test_starts_near_the_identity_but_not_on_it(full: TryOnModel) -> None:
    with torch.inference_mode():
        layer = full(torch.rand(1, 4, 256, 256), torch.rand(1, 4, 256, 256))
    off = layer - torch.tensor([1.0, 1, 1, 0, 0, 0]).view(1, 6, 1, 1)
    assert 1e-4 < off.abs().mean() < 0.3


def test_every_parameter_has_a_gradient_from_the_first_step() -> None:
    torch.manual_seed(0)
    model = TryOnModel(TINY)
    model(torch.rand(2, 4, 64, 64), torch.rand(2, 4, 64, 64)).square().sum().backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_output_stays_in_its_range_whatever_the_weights() -> None:
    torch.manual_seed(0)
    model = TryOnModel(TINY).eval()
    torch.nn.init.constant_(model.student.head.gain, 30.0)
    source = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        layer = model(source, torch.rand(1, 4, 64, 64))
    gain, offset = layer[:, :3], layer[:, 3:]
    assert gain.min() == 0
    assert gain.max() == 4
    assert offset.min() >= -4
    assert offset.max() <= 1
    light = gain * to_linear(source[:, :3]) + offset
    assert light.min() > -1e-3
    assert light.max() < 1 + 1e-3


@pytest.mark.parametrize("side", [32, 64, 128])
def test_runs_at_other_sides_and_one_look_serves_many_faces(side: int) -> None:
    model = TryOnModel(TINY).eval()
    with torch.inference_mode():
        features = model.encoder(torch.rand(1, 4, side, side))
        source = torch.rand(3, 4, side, side)
        layers = model.student(source, features)
        alone = model.student(source[1:2], features)
    assert layers.shape == (3, 6, side, side)
    torch.testing.assert_close(layers[1:2], alone, atol=1e-5, rtol=0)


def test_the_layer_depends_on_the_reference(full: TryOnModel) -> None:
    source, one, two = torch.rand(3, 1, 4, 256, 256)
    with torch.inference_mode():
        assert not torch.equal(full(source, one), full(source, two))


@pytest.mark.parametrize(
    "wrong",
    [{"size": 100}, {"widths": (8, 8)}, {"blocks": (1, 1, -1)}, {"position": 0}],
)
def test_a_wrong_shape_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        StudentConfig(**wrong)  # type: ignore[arg-type]
