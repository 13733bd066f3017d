"""The evidence program: what it measures is told apart from a painter that fails it."""

from dataclasses import replace

import pytest
import torch

from tryon.cosmetics.brushes import brush_fields
from tryon.train import evidence
from tryon.train.paint_speed import synthetic_faces


@pytest.fixture(scope="module")
def cache():
    return synthetic_faces(64)


def test_a_full_matte_swatch_shows_as_itself_and_a_sheer_one_does_not(cache):
    rows = evidence.fidelity(cache, torch.arange(len(cache.names)), ("#a5122a", "#107474"))
    assert sum(row.faces for row in rows) == len(cache.names)
    for row in rows:
        assert row.under_light < 3
        assert row.sheer > 2 * row.under_light
        assert row.shown <= row.worst


def test_a_painter_of_another_colour_is_found_out(cache, monkeypatch):
    which = torch.arange(len(cache.names))
    true = evidence.fidelity(cache, which, ("#a5122a",))
    paint = evidence.worn_colours

    def too_blue(substrate, lips, fields):
        shown, lit = paint(substrate, replace(lips, color="#1222a5"), fields)
        return shown, lit

    monkeypatch.setattr(evidence, "worn_colours", too_blue)
    false = evidence.fidelity(cache, which, ("#a5122a",))
    assert min(row.shown for row in false) > 10 + max(row.shown for row in true)


def test_texture_is_kept_under_foundation_and_a_blur_is_found_out(cache):
    grain = torch.randint(-12, 13, cache.texture.shape, generator=torch.Generator().manual_seed(2))
    grain[:, 3] = 0  # visibility
    rough = (cache.texture.int() + grain).clamp(0, 255).to(torch.uint8)
    pored = replace(cache, texture=rough)
    assert evidence.texture_kept(pored, torch.arange(4)).min() > 0.85
    skin = (brush_fields(64).face > 0.9)[0, 0]
    face = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(evidence.gradient_correlation(face, face, skin), torch.ones(2))
    soft = torch.nn.functional.avg_pool2d(face, 5, 1, 2)
    assert evidence.gradient_correlation(face, soft, skin).max() < 0.5


def test_the_program_prints_a_row_for_each_bin_and_the_spread(cache, tmp_path, capsys):
    cache.save(tmp_path / "faces.safetensors")
    assert evidence.main([str(tmp_path / "faces.safetensors"), "--split", "train"]) == 0
    out = capsys.readouterr().out
    assert "bins differ by at most" in out
    assert "gradient correlation" in out
