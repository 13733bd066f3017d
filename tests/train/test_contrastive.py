"""Contrastive losses, views and retrieval: what belongs together is near, colour is left alone."""

import math

import pytest
import torch
from torch.nn import functional as F

from tryon.train.augment import bent_view
from tryon.train.contrastive import TEMPERATURE, match_loss, style_loss, views_loss
from tryon.train.retrieval import colour_histogram, retrieve


def axes(*which: int, width: int = 8) -> torch.Tensor:
    return F.one_hot(torch.tensor(which), width).float()


def test_views_that_agree_cost_little_and_those_that_do_not_much():
    good = views_loss(axes(0, 1, 2), axes(0, 1, 2))
    assert float(good) < 0.01
    assert float(views_loss(axes(0, 1, 2), axes(1, 2, 0))) > 5


def test_views_loss_is_the_mean_of_the_written_out_terms():
    torch.manual_seed(0)
    first, second = (F.normalize(torch.randn(3, 4), dim=1) for _ in range(2))
    both = torch.cat((first, second))
    terms = []
    for i in range(6):
        near = [math.exp(float(both[i] @ both[j]) / TEMPERATURE) for j in range(6)]
        terms.append(-math.log(near[(i + 3) % 6] / (sum(near) - near[i])))
    assert float(views_loss(first, second)) == pytest.approx(sum(terms) / 6, rel=1e-4)


def test_pictures_match_every_caption_of_their_style():
    belong = torch.tensor([[True, True, False], [False, False, True], [False, False, False]])
    good = match_loss(axes(0, 1, 2), axes(0, 0, 1), belong)
    # The first is right twice, and its two captions share the chance; the second is right once.
    assert float(good) == pytest.approx(math.log(2) / 2, abs=0.01)
    assert float(match_loss(axes(1, 0, 2), axes(0, 0, 1), belong)) > 5


def test_one_style_draws_together():
    style = torch.tensor([1, 1, 2, 2])
    assert float(style_loss(axes(0, 0, 1, 1), style)) < float(style_loss(axes(0, 1, 0, 1), style))
    assert float(style_loss(axes(0, 1), torch.tensor([1, 2]))) == 0


def picture(side: int = 48) -> torch.Tensor:
    """A disc of colour on grey; the colours must survive any bending."""
    ramp = torch.linspace(-1, 1, side)
    disc = (ramp[None] ** 2 + ramp[:, None] ** 2 < 0.4).float()
    red = torch.tensor([0.8, 0.1, 0.2, 1.0])[:, None, None]
    return (0.5 + disc * (red - 0.5)).expand(8, -1, -1, -1)


def test_a_view_bends_shapes_and_leaves_colours():
    pictures, rng = picture(), torch.Generator().manual_seed(0)
    views = bent_view(pictures, rng)
    assert views.shape == pictures.shape
    assert (views - pictures).abs().mean((1, 2, 3)).min() > 0.01
    for view in views:
        red = (view[0] - view[1]) > 0.6
        assert red.float().mean() > 0.02
        assert torch.allclose(view[:3, red].mean(1), torch.tensor([0.8, 0.1, 0.2]), atol=0.03)
    assert not torch.allclose(views, bent_view(pictures, rng))


def test_an_amount_of_nothing_bends_nothing_but_mirrors():
    pictures = picture()
    views = bent_view(pictures, torch.Generator().manual_seed(0), amount=0.0)
    assert torch.allclose(views, pictures, atol=1e-4)


def test_vectors_of_makeup_are_found_and_tell_nobody():
    style = torch.arange(4).repeat_interleave(3)
    person = torch.arange(3).repeat(4)
    perfect = retrieve(F.one_hot(style).float(), style, person)
    assert (perfect.knn, perfect.recall) == (1.0, 1.0)
    assert perfect.identity < 0.5
    leaking = retrieve(F.one_hot(person).float(), style, person)
    assert (leaking.recall, leaking.identity) == (0.0, 1.0)
    assert leaking.chance == pytest.approx(1 / 3)
    assert leaking.queries == 12


def test_the_histogram_tells_colours_by_region():
    regions = torch.zeros(2, 8, 8)
    regions[0, :4], regions[1, 4:] = 1, 1
    first, second, third = torch.full((3, 1, 4, 8, 8), 0.2)
    second[:, :3, :4], third[:, :3, 4:] = 0.9, 0.9
    a, b, c = (colour_histogram(x, regions)[0] for x in (first, second, third))
    assert torch.equal(a.view(2, -1)[1], b.view(2, -1)[1])
    assert not torch.equal(a.view(2, -1)[0], b.view(2, -1)[0])
    assert float(F.cosine_similarity(b, c, dim=0)) < float(F.cosine_similarity(a, b, dim=0))


def test_other_pictures_of_a_style_are_not_told_apart():
    style = torch.tensor([0, 0, 1, 1])
    alike = F.normalize(torch.eye(2).repeat_interleave(2, 0), dim=1)  # one vector a style
    assert views_loss(alike, alike, style) < 1e-4
    assert views_loss(alike, alike) > 1
    wrong = alike[[2, 3, 0, 1]]
    assert views_loss(alike, wrong, style) > 5
    first, second = (F.normalize(torch.randn(4, 3), dim=1) for _ in range(2))
    own = torch.arange(4)
    torch.testing.assert_close(views_loss(first, second, own), views_loss(first, second))
