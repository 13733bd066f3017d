"""MS-SSIM and GMSD: exact where they must be, like an independent library where one exists."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tryon.train.evaluation.structure import gmsd, ms_ssim, ssim_maps

WHOLE = torch.ones(1, 1, 192, 192)


@pytest.fixture
def photo(portrait):
    crop = portrait[:192, 130:322].astype(np.float32) / 255
    return torch.from_numpy(crop).permute(2, 0, 1)[None]


def noisy(picture, sigma, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return picture + sigma * torch.randn(picture.shape, generator=generator)


def test_one_scale_is_that_of_scikit_image(photo):
    from skimage.metrics import structural_similarity

    a, b = photo[:, :1].double(), noisy(photo, 0.05)[:, :1].double()
    _, wanted = structural_similarity(
        a[0, 0].numpy(), b[0, 0].numpy(), data_range=1.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert np.abs(ssim_maps(a, b)[0][0, 0].numpy() - wanted[5:-5, 5:-5]).max() < 1e-5


@pytest.mark.parametrize("figure", [ms_ssim, gmsd])
def test_equal_pictures_are_perfect_and_more_noise_is_worse(photo, figure):
    values = [float(figure(noisy(photo, s), photo, WHOLE)) for s in (0.0, 0.02, 0.05, 0.1)]
    assert values[0] == pytest.approx(1.0 if figure is ms_ssim else 0.0, abs=1e-4)
    assert values == sorted(values, reverse=figure is ms_ssim)
    assert abs(values[-1] - values[0]) > 0.02


@pytest.mark.parametrize("figure", [ms_ssim, gmsd])
def test_what_lies_outside_the_mask_does_not_count(photo, figure):
    wide = F.interpolate(photo, scale_factor=3)
    whole = torch.ones_like(wide[:, :1])
    other, mask = wide.clone(), whole.clone()
    other[..., 320:] = 0
    mask[..., 144:] = 0  # further from the change than the coarsest scale's window reaches
    assert figure(other, wide, mask) == pytest.approx(float(figure(wide, wide, mask)), abs=1e-4)
    assert abs(float(figure(other, wide, whole) - figure(wide, wide, whole))) > 0.05


def test_a_batch_is_scored_picture_by_picture(photo):
    both = torch.cat([photo, noisy(photo, 0.1)])
    for figure in (ms_ssim, gmsd):
        values = figure(both, photo.expand(2, -1, -1, -1), WHOLE.expand(2, -1, -1, -1))
        assert values[1] == pytest.approx(float(figure(both[1:], photo, WHOLE)), abs=1e-5)
        assert values[0] != values[1]
