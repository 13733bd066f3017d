"""Painted pairs: exact targets, people kept apart, and the same held-out pairs each time."""

from dataclasses import fields, replace

import pytest
import torch
from torch.nn import functional as F

from tryon.cosmetics.brushes import brush_fields
from tryon.cosmetics.pigment import to_linear, to_srgb
from tryon.cosmetics.style import Eyeshadow, Lips, MakeupStyle
from tryon.cosmetics.substrate import skin_tone
from tryon.errors import ConfigError
from tryon.face.regions import region_masks
from tryon.train.data import BARE, GROUP, REMOVED, PaintedPairs
from tryon.train.faces import FaceCache
from tryon.train.pairs import PairBatch, concatenate
from tryon.train.variety import CALM, DataConfig
from tryon.types import REGIONS, REMOVAL

SIZE, PEOPLE = 64, 14
TRAIN, MADE_UP = range(9), (2, 5, 11)


def code(person):
    """A visibility that nobody else has, so that a person is known in any batch."""
    return 255 - 8 * person


@pytest.fixture(scope="module")
def cache():
    """People of smooth random skin; the visibility of a person is its number."""
    generator = torch.Generator().manual_seed(4)
    inside = brush_fields(SIZE).inside
    tones = torch.tensor([200.0, 170, 150]) - torch.rand(PEOPLE, 1, generator=generator) * 110
    waves = F.interpolate(torch.randn(PEOPLE, 1, 6, 6, generator=generator), (SIZE, SIZE))
    colour = ((tones[:, :, None, None] + 8 * waves).clamp(20, 250) * inside).round()
    seen = torch.tensor([code(i) for i in range(PEOPLE)]).float()
    visibility = seen[:, None, None, None].expand(-1, 1, SIZE, SIZE)
    return FaceCache(
        texture=torch.cat([colour, visibility], 1).to(torch.uint8),
        skin=(255 * inside).expand(PEOPLE, -1, -1, -1).to(torch.uint8),
        ita=skin_tone(to_linear(tones / 255)),
        made_up=torch.tensor([i in MADE_UP for i in range(PEOPLE)]),
        names=tuple(f"{i}.png" for i in range(PEOPLE)),
        splits=tuple("train" if i in TRAIN else "val" for i in range(PEOPLE)),
    )


def people(textures):
    """Who is in each texture (B, 4, A, A)."""
    return [round((255 - 255 * one[3].median().item()) / 8) for one in textures]


def equal(a, b):
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(PairBatch))


@pytest.mark.parametrize("size", [64, 32])
def test_the_target_is_the_source_wearing_the_layer(cache, size):
    batch = PaintedPairs(cache).batch(size, GROUP + 2)
    assert len(batch) == GROUP + 2
    worn = to_srgb(batch.affine[:, :3] * to_linear(batch.source[:, :3]) + batch.affine[:, 3:])
    assert torch.equal(batch.target, worn)


def test_batches_have_the_promised_shapes_and_ranges(cache):
    batch = PaintedPairs(cache, DataConfig(noise=1.0, blur=8, jitter=5)).batch(SIZE, 6)
    assert batch.source.shape == batch.reference.shape == (6, 4, SIZE, SIZE)
    assert batch.affine.shape == (6, 6, SIZE, SIZE)
    assert batch.target.shape == (6, 3, SIZE, SIZE)
    assert batch.ita.shape == (6,)
    outside = brush_fields(SIZE).inside[0, 0] == 0
    for picture in (batch.source, batch.reference, batch.target):
        assert picture.dtype == torch.float32
        assert 0 <= picture.min() <= picture.max() <= 1
    for picture in (batch.source, batch.reference):
        assert not picture[:, :3][..., outside].any()
    assert batch.affine[:, :3].min() >= 0
    assert torch.isfinite(batch.affine).all()
    weights = torch.as_tensor(region_masks(SIZE).weights).permute(2, 0, 1)
    assert torch.equal(batch.regions, weights)


def test_the_reference_is_somebody_else_who_came_bare(cache):
    source = PaintedPairs(cache, DataConfig(turned=0))  # it would hide who is who
    batches = [source.batch(32, 4) for _ in range(12)]
    pairs = [
        pair
        for batch in batches
        for pair in zip(people(batch.source), people(batch.reference), strict=True)
    ]
    assert all(a != b for a, b in pairs)
    assert not {b for _, b in pairs} & set(MADE_UP)
    assert {a for a, _ in pairs} & set(MADE_UP)  # as sources they are welcome


def test_splits_never_mix(cache):
    source = PaintedPairs(cache, DataConfig(held_out=16, turned=0))

    def everyone(batches):
        return {who for b in batches for who in people(b.source) + people(b.reference)}

    trained = everyone(source.batch(32, 4) for _ in range(12))
    held = everyone(source.held_out(32))
    assert trained <= set(TRAIN)
    assert not held & set(TRAIN)
    assert len(trained) >= 6
    assert len(held) >= 4


def test_skin_tone_belongs_to_the_source(cache):
    batch = PaintedPairs(cache, replace(CALM, morph=0.5)).batch(32, 8)
    assert torch.equal(batch.ita, cache.ita[people(batch.source)])


def test_held_out_pairs_are_the_same_at_each_call_and_for_each_seed(cache):
    config = DataConfig(held_out=6)
    source = PaintedPairs(cache, config, seed=1)
    first = list(source.held_out(32))
    source.batch(32, 2)
    again = list(source.held_out(32))
    other = list(PaintedPairs(cache, config, seed=2).held_out(32))
    assert [len(batch) for batch in first] == [2, 2, 2]
    assert all(map(equal, first, again))
    assert all(map(equal, first, other))


def test_a_seed_gives_one_sequence_of_batches(cache):
    one, same, other = (PaintedPairs(cache, seed=seed) for seed in (5, 5, 6))
    first = one.batch(32, 3)
    assert equal(first, same.batch(32, 3))
    assert not equal(first, other.batch(32, 3))
    assert not equal(first, one.batch(32, 3))


def test_both_people_of_a_pair_wear_the_same_style(cache):
    # One layer at a time: where the source is changed most, the reference shows the same colour.
    source = PaintedPairs(cache, CALM, seed=3)
    batch = source.batch(SIZE, 64)
    change = (batch.target - batch.source[:, :3]).abs().sum(1, keepdim=True)
    covered = (batch.affine[:, :3].mean(1, keepdim=True) < 0.25) & (change > 0.3)
    compared = [i for i in range(len(batch)) if covered[i].sum() > 20]
    assert compared, "some style covers the skin"
    gaps, changes = [], []
    for i in compared:
        texels = covered[i, 0]
        target, reference, bare = (
            picture[i, :3][:, texels] for picture in (batch.target, batch.reference, batch.source)
        )
        gaps.append((target - reference).abs().mean())
        changes.append((target - bare).abs().mean())
    assert sum(gaps) < 0.6 * sum(changes)


def test_without_disturbance_the_source_is_the_cached_face(cache):
    batch = PaintedPairs(cache, CALM).batch(SIZE, 4)
    for one, who in zip(batch.source, people(batch.source), strict=True):
        bare = cache.texture[who].float() / 255
        nearest = min((one - face).abs()[:3].max() for face in (bare, bare.flip(-1)))
        assert nearest < 0.02


def test_something_in_front_stays_unpainted(cache):
    hidden = PaintedPairs(cache, replace(CALM, occluded=1.0), seed=9).batch(SIZE, GROUP)
    free = PaintedPairs(cache, CALM, seed=9).batch(SIZE, GROUP)
    cover = (hidden.source[:, :3] - free.source[:, :3]).abs().amax(1) > 0.1
    assert 0.02 < cover.float().mean() < 0.4
    identity = torch.tensor([1.0, 1, 1, 0, 0, 0])[None, :, None, None]
    painted, bare = ((batch.affine - identity).abs().amax(1) for batch in (free, hidden))
    assert painted[cover].mean() > 0.02
    assert bare[cover].mean() < 0.15 * painted[cover].mean()
    assert (bare <= painted + 1e-5).all()
    assert (bare[~cover] == painted[~cover]).float().mean() > 0.8


def test_a_source_that_wears_the_style_already_gets_nothing_more(cache):
    worn = PaintedPairs(cache, replace(CALM, worn=1.0), seed=3).batch(SIZE, 8)
    bare = PaintedPairs(cache, CALM, seed=3).batch(SIZE, 8)
    identity = torch.tensor([1.0, 1, 1, 0, 0, 0])[None, :, None, None].expand_as(worn.affine)
    torch.testing.assert_close(worn.affine, identity)
    assert (bare.affine - identity).abs().amax((1, 2, 3)).max() > 0.1
    torch.testing.assert_close(worn.source[:, :3], bare.target, atol=1e-3, rtol=0)


def test_rematched_pairs_wear_the_same_style_on_other_people(cache):
    source = PaintedPairs(cache, CALM, seed=7)
    batch = source.batch(32, 4 * GROUP)
    again = [batch.rematched(torch.Generator().manual_seed(i)) for i in range(8)]
    shown = {int(w): reference for w, reference in zip(batch.wearer, batch.reference, strict=True)}
    pairs = set()
    for other in again:
        assert torch.equal(other.source, batch.source)
        assert (other.person != other.wearer).all()
        for i, wearer in enumerate(other.wearer.tolist()):
            same = batch.style[batch.wearer == wearer]
            assert other.style[i] in same
            if len(same.unique()) == 1:
                assert torch.equal(other.reference[i], shown[wearer])
            pairs.add((int(other.style[i]), int(other.person[i]), wearer))
    assert len(pairs) > len(batch)


def test_rare_skin_tones_are_drawn_more_often_than_they_occur(cache):
    tones = torch.where(torch.arange(PEOPLE) == 1, 60.0, 0.0)  # one light face among brown ones
    source = PaintedPairs(replace(cache, ita=tones))
    drawn = [who for _ in range(40) for who in source.batch(16, GROUP).person.tolist()]
    assert drawn.count(1) > 1.5 * len(drawn) / len(TRAIN)


def test_batches_join_and_move(cache):
    source = PaintedPairs(cache)
    one, two = source.batch(32, 1), source.batch(32, 2)
    joined = concatenate([one, two])
    assert len(joined) == 3
    assert torch.equal(joined.target[1:], two.target)
    assert torch.equal(joined.regions, one.regions)
    assert equal(joined.to("cpu"), joined)


def test_bad_settings_and_poor_caches_are_refused(cache):
    with pytest.raises(ConfigError, match="noise"):
        DataConfig(noise=-0.1)
    with pytest.raises(ConfigError, match="bare faces in each"):
        PaintedPairs(replace(cache, splits=("train",) * PEOPLE))
    with pytest.raises(ConfigError, match="bare faces in each"):
        PaintedPairs(replace(cache, made_up=torch.ones(PEOPLE, dtype=torch.bool)))


def test_a_style_number_gives_the_style_its_vector_and_its_caption(cache):
    source = PaintedPairs(cache, CALM, seed=2)
    batch = source.batch(32, 2 * GROUP)
    told, again = source.describe(batch), PaintedPairs(cache, seed=77).describe(batch)
    assert told.captions == again.captions
    assert torch.equal(told.vectors, again.vectors)
    assert told.vectors.shape[0] == len(told.captions) == 2 * GROUP
    first, second = batch.style.unique().tolist()
    assert source.style_of(first) == source.style_of(first) != source.style_of(second)
    same = batch.style == batch.style[0]
    assert (told.vectors[same] == told.vectors[0]).all()
    assert all(text.strip() for text in told.captions)


def test_morphs_change_people_and_nothing_else(cache):
    plain = PaintedPairs(cache, CALM, seed=4).batch(SIZE, 8)
    mixed = PaintedPairs(cache, replace(CALM, morph=1.0), seed=4).batch(SIZE, 8)
    assert torch.equal(plain.person, mixed.person)
    assert torch.equal(plain.source[:, 3], mixed.source[:, 3])
    assert (plain.source - mixed.source).abs().max() > 0.02


def test_a_style_replaces_its_like_and_leaves_the_rest_of_what_was_worn(cache, monkeypatch):
    red = MakeupStyle(lips=Lips(opacity=1, color="#c01020", finish="matte"))
    under = MakeupStyle(
        lips=Lips(opacity=1, color="#2040c0", finish="matte"),
        eyeshadow=Eyeshadow(opacity=0.9, lid="#20a040"),
    )
    styles = iter([red, under, red])
    monkeypatch.setattr(PaintedPairs, "style_of", lambda self, number: next(styles))
    over = PaintedPairs(cache, replace(CALM, other=1)).batch(SIZE, GROUP)
    plain = PaintedPairs(cache, CALM).batch(SIZE, GROUP)
    assert torch.equal(over.person, plain.person)
    lips = over.regions[REGIONS.index("lips")] > 0.99
    eyes = over.regions[REGIONS.index("eyes")] > 0.5
    assert (over.source[:, :3] - plain.source[:, :3]).abs()[..., lips].mean() > 0.1
    assert (over.target - plain.target).abs()[..., lips].max() < 0.02
    assert (over.source[:, :3] - plain.source[:, :3]).abs()[..., eyes].mean() > 0.02
    assert (over.target - over.source[:, :3]).abs()[..., eyes].max() < 2e-3
    assert torch.equal(over.reference, plain.reference)


def test_a_source_in_the_same_style_or_asked_for_nothing_stays_as_it_is(cache):
    batch = PaintedPairs(cache, replace(CALM, other=1, bare=1)).batch(SIZE, GROUP)
    assert batch.style.tolist() == [BARE] * GROUP
    assert (batch.target - batch.source[:, :3]).abs().max() < 2e-3


def test_removal_gives_bare_skin_back_and_asks_with_a_black_picture(cache):
    config = replace(CALM, other=1, removed=1)
    batch = PaintedPairs(cache, config, seed=5).batch(SIZE, GROUP)
    bare = to_srgb(PaintedPairs(cache, config)._stored(batch.person, SIZE)[0])
    inside = brush_fields(SIZE).inside[0, 0] > 0
    mirrored = torch.minimum(
        (batch.target - bare).abs().amax(1)[:, inside].amax(1),
        (batch.target - bare.flip(-1)).abs().amax(1)[:, inside].amax(1),
    )
    assert mirrored.max() < 0.02  # sources go through square roots instead of the curve
    assert (batch.source[:, :3] - batch.target).abs().amax() > 0.05  # something was worn
    assert batch.reference.equal(torch.tensor(REMOVAL)[:, None, None].expand(GROUP, 4, SIZE, SIZE))
    assert batch.style.tolist() == [REMOVED] * GROUP


def test_removal_pairs_are_never_matched_with_a_persons_picture(cache):
    batch = PaintedPairs(cache, replace(CALM, other=1, removed=0.5), seed=1)
    mixed = concatenate([batch.batch(SIZE, 8) for _ in range(3)])
    off = mixed.style == REMOVED
    assert 0 < off.sum() < len(off)
    again = mixed.rematched(torch.Generator().manual_seed(0))
    black = again.reference[:, :3].flatten(1).amax(1) == 0
    assert torch.equal(black, off)
