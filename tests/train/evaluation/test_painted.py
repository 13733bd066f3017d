"""Painted pairs: the exact layer scores perfectly, doing nothing scores as nothing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.train.evaluation.models import nothing
from tryon.cosmetics.pigment import to_linear
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import painted
from tryon.train.variety import HARD

SIZE = 256


@pytest.fixture(scope="module")
def batches(cache):
    pairs = PaintedPairs(cache, replace(HARD, held_out=8), foundation=False)
    return list(pairs.held_out(SIZE, "test"))


def items(batches, worn):
    return [item for batch in batches for item in painted.items_of(batch, worn(batch))]


def test_the_target_itself_is_perfect(batches):
    found = items(batches, lambda batch: batch.target)
    assert len(found) == 8
    for item in found:
        assert item.face == item.lips == item.lids == 0
        assert item.ms_ssim == pytest.approx(1, abs=1e-4)
        assert item.gmsd == pytest.approx(0, abs=1e-4)
    gaps = [item.lip_de for item in found if not np.isnan(item.lip_de)]
    assert gaps
    assert max(gaps) == 0


def test_the_untouched_source_measures_as_doing_nothing(batches):
    found = items(batches, lambda batch: batch.source[:, :3])
    assert any(item.lips > 1e-3 for item in found)
    for item in found:
        assert (item.face, item.lips, item.lids) == (
            item.face_nothing, item.lips_nothing, item.lids_nothing,
        )  # fmt: skip
        assert np.isnan(item.lip_de) or item.lip_de > 0.5


def test_only_regions_that_a_style_paints_have_a_colour_error(batches):
    bare = [replace(batch, target=batch.source[:, :3]) for batch in batches]
    found = items(bare, lambda batch: batch.target)
    assert np.isnan([[item.lip_de, item.lid_de] for item in found]).all()


def test_errors_in_hidden_texels_do_not_count(batches):
    hidden = []
    for batch in batches:
        source = batch.source.clone()
        source[:, 3, :128] = 0
        hidden.append(replace(batch, source=source))

    def wrong_above(batch):
        worn = batch.target.clone()
        worn[:, :, :128] = 0
        return worn

    assert all(item.face == 0 for item in items(hidden, wrong_above))


def test_a_model_that_does_nothing_gains_nothing_and_harms_nothing(cache):
    result = painted.measure(cache, nothing, "test", 4)
    assert result.pairs == len(result.items) == 4
    assert result.psnr_face == pytest.approx(result.psnr_face_nothing, abs=0.01)
    assert result.psnr_lips == pytest.approx(result.psnr_lips_nothing, abs=0.01)
    assert result.psnr_made_up == pytest.approx(result.psnr_made_up_nothing, abs=0.01)
    assert result.bare_change == pytest.approx(0, abs=1e-3)


def test_who_copies_its_reference_is_perfect_once_that_is_the_answer(cache):
    def copied(source, reference):
        layer = nothing(source, reference)
        layer[:, :3] = 0
        layer[:, 3:] = to_linear(reference[:, :3])
        return layer

    result = painted.measure(cache, copied, "test", 4)
    assert min(result.answer_face, result.answer_lips, result.answer_lids) > 50
    assert result.psnr_face < 40


def test_the_mean_of_pairs_forgives_one_that_fails(batches):
    good, bad = (replace(items(batches, lambda b: b.target)[0], face=e) for e in (1e-4, 1e-2))
    assert painted._each([good, bad], "face") == pytest.approx(30.0)
    assert painted._psnr([good, bad], "face") == pytest.approx(22.97, abs=0.01)
    unpainted = replace(bad, lip_de=float("nan"))
    assert painted._each([replace(good, lips=1e-3, lip_de=1.0), unpainted], "lips") == (
        pytest.approx(30.0)
    )


def test_exact_paint_differs_from_its_reference_by_the_skin_below(batches):
    """Sheer paint shows the wearer: what is asked of a student as shown has this for a floor."""
    gaps = [item.lip_shown for item in items(batches, lambda batch: batch.target)]
    gaps = [gap for gap in gaps if not np.isnan(gap)]
    assert gaps
    assert 0.5 < np.mean(gaps) < 40
