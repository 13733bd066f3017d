"""Searching for a style by a tiny encoder: names hold, seeds repeat, better is found."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.tiny_teacher import TOWER
from tryon.cosmetics.colours import NAMES
from tryon.cosmetics.style import LAYERS, Lips, MakeupStyle
from tryon.errors import ConfigError, WeightsError
from tryon.look.from_text import SearchConfig, _changed, search_style
from tryon.look.makeup_vectors import MakeupVectors
from tryon.look.products import look_of_style
from tryon.look.words import read_description
from tryon.models.encoder import new_encoder
from tryon.models.teacher_files import save_encoder

SMALL = SearchConfig(ideas=4, rounds=2, tries=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("encoder")
    save_encoder(path, new_encoder(TOWER))
    return path


@pytest.fixture(scope="module")
def vectors(folder):
    return MakeupVectors(folder)


def test_vectors_are_unit_and_tell_looks_apart(vectors):
    bare, red = (look_of_style(s) for s in (MakeupStyle(), MakeupStyle(lips=Lips(1.0))))
    found = vectors.of_looks([bare, red, bare])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)
    assert not np.allclose(found[0], found[1], atol=1e-6)
    painted = vectors.of_styles([MakeupStyle(lips=Lips(1.0))])[0]
    np.testing.assert_allclose(painted, found[1], atol=1e-6)
    assert vectors.of_texts(["red lips", "plum"]).shape == (2, TOWER.embedding)


def test_names_hold_whatever_is_found(vectors):
    text = "a wild night in matte brick red lips, no blush"
    described = read_description(text)
    style = search_style(text, described, vectors, config=SMALL)
    assert style.lips.color == NAMES["brick red"]
    assert style.lips.finish == "matte"
    assert style.blush.opacity == 0


def test_a_seed_repeats_and_another_differs(vectors):
    def found(seed):
        described = read_description("something for a gala")
        config = replace(SMALL, seed=seed)
        return search_style("something for a gala", described, vectors, config=config)

    assert found(1) == found(1)
    assert found(1) != found(2)


def test_searching_on_is_never_worse_than_the_ideas(vectors):
    text = "something for a gala"

    def score(config):
        style = search_style(text, read_description(text), vectors, config=config)
        from tryon.cosmetics.captions import caption

        both = vectors.of_styles([style]) + vectors.of_texts([caption(style)])
        return float((both @ vectors.of_texts([text])[0])[0])

    assert score(SMALL) >= score(replace(SMALL, rounds=0))
    assert score(replace(SMALL, rounds=6)) > score(replace(SMALL, rounds=0))


def test_a_changed_style_wears_the_same_layers():
    style = MakeupStyle(lips=Lips(0.06, "#a5122a", "matte"))
    for seed in range(20):
        other = _changed(style, np.random.default_rng(seed), 0.5)
        assert other.worn() == ("lips",)
        assert other.lips != style.lips
        assert other.lips.finish == "matte"
    assert set(LAYERS) > {"lips"}


def test_without_weights_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", tmp_path)
    with pytest.raises(WeightsError, match=r"tryon\.train\.encoder"):
        MakeupVectors()
    with pytest.raises(WeightsError, match="give the folder of a makeup encoder"):
        MakeupVectors(tmp_path)
    with pytest.raises(ConfigError, match="ideas"):
        SearchConfig(ideas=-1)
