"""The makeup encoder: vectors of length 1, features of the chosen layers, words by their pieces."""

from dataclasses import replace

import pytest
import torch

from tests.models.tiny_teacher import CLIP, TOWER, write_clip
from tryon.errors import ConfigError
from tryon.models.encoder import (
    CLIP_VIT_L,
    PIECES,
    TOWERS,
    WORDS,
    CompactTower,
    new_encoder,
    pieces_of,
)


@pytest.fixture(params=["compact", "clip"])
def encoder(request, tmp_path):
    torch.manual_seed(0)
    return new_encoder(TOWER if request.param == "compact" else write_clip(tmp_path)).eval()


def test_pictures_and_words_come_to_one_place(encoder):
    pictures = torch.rand(3, encoder.config.channels, 40, 40)
    seen, read = encoder(pictures, ["rose lips", "plum", "pale"])
    assert seen.shape == read.shape == (3, encoder.config.embedding)
    for vectors in (seen, read):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)
    assert not torch.allclose(seen[0], seen[1])
    assert not torch.allclose(read[0], read[1])
    assert encoder(pictures, ())[1] is None


def test_features_are_the_patches_of_the_chosen_layers(encoder):
    features = encoder.image.features(torch.rand(2, encoder.config.channels, 32, 32))
    assert features.shape == (2, encoder.config.features, encoder.config.width)


def test_features_of_one_layer_are_those_of_that_layer():
    tower = CompactTower(TOWER).eval()
    pictures = torch.rand(1, 4, 32, 32)
    both = tower.features(pictures)
    tower.config = replace(TOWER, hidden=(2,))
    assert torch.allclose(tower.features(pictures), both[:, both.shape[1] // 2 :], atol=1e-6)


def test_only_the_last_layers_of_clip_learn_and_start_as_they_were(tmp_path):
    config = write_clip(tmp_path)
    plain, corrected = new_encoder(replace(config, rank=0)), new_encoder(config)
    pictures = torch.rand(2, 3, 40, 40)
    assert torch.allclose(plain.image.pooled(pictures), corrected.image.pooled(pictures), atol=1e-6)
    learning = {n for n, p in corrected.named_parameters() if p.requires_grad}
    assert learning
    assert all(".lora." in n or n == "style.weight" for n in learning)
    assert CLIP.depth == 4
    assert CLIP_VIT_L.features == 4 * 256


def test_a_word_shares_pieces_with_its_kin():
    red, reddish, plum = (set(pieces_of(w, 4096)[0]) - {0} for w in ("red", "reddish", "plum"))
    assert red & reddish
    assert not red & plum


def test_a_caption_has_one_shape_and_stays_in_the_buckets():
    for caption in ("", "one", "Brick-red lips, " * 40):
        rows = pieces_of(caption, 50)
        assert len(rows) == WORDS
        assert all(len(row) == PIECES and 0 <= min(row) and max(row) < 50 for row in rows)
    assert pieces_of("Brick-Red", 50) == pieces_of("brick red", 50)
    assert pieces_of("", 50) == pieces_of("nothing", 50)


def test_settings_that_do_not_fit_are_named():
    with pytest.raises(ConfigError, match="hidden"):
        replace(TOWER, hidden=(3,))
    with pytest.raises(ConfigError, match="kind"):
        replace(TOWER, kind="dino")
    with pytest.raises(ConfigError, match="patch"):
        replace(TOWER, patch=12)
    assert all(config.features > 0 for config in TOWERS.values())
