"""The same styles meet every skin tone."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from tests.train.evaluation.models import nothing
from tryon.train.evaluation.tones import measure
from tryon.train.metrics import ita_bin


@pytest.fixture
def toned(cache):
    """The cache with three skin tones among its bare test people."""
    test = cache.indices("test")
    ita = cache.ita.clone()
    ita[test] = torch.tensor([60.0, 20.0, -45.0]).repeat(len(test))[: len(test)]
    made_up = cache.made_up.clone()
    made_up[test] = False
    return replace(cache, ita=ita, made_up=made_up)


def test_each_style_has_one_person_of_each_tone(toned):
    items = measure(toned, nothing, "test", 3)
    assert Counter(ita_bin(item.ita) for item in items) == {
        "very light": 3, "tan": 3, "dark": 3,
    }  # fmt: skip
    for item in items:
        assert item.face == pytest.approx(item.face_nothing, rel=1e-3)


def test_they_are_the_same_at_each_call(toned):
    first, second = (measure(toned, nothing, "test", 2) for _ in range(2))
    assert [item.face for item in first] == [item.face for item in second]


def test_one_tone_is_no_comparison(toned):
    assert measure(replace(toned, ita=torch.full_like(toned.ita, 20.0)), nothing, "test", 2) == ()


def test_nobody_who_looks_away_stands_for_a_tone(toned):
    dark = [int(i) for i in toned.indices("test") if ita_bin(float(toned.ita[i])) == "dark"]
    texture = toned.texture.clone()
    texture[dark, 3, :, : toned.size // 2] = 0
    items = measure(replace(toned, texture=texture), nothing, "test", 2)
    assert {ita_bin(item.ita) for item in items} == {"very light", "tan"}
