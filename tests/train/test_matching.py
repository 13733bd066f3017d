"""Teacher matching: answers are sampled once, gone on from after a stop, and taught as pairs."""

import json

import pytest
import torch

from tests.models.tiny_teacher import PICTURES, layer_teacher
from tests.train.test_distill import student_run
from tryon.cosmetics.brushes import brush_fields
from tryon.errors import ConfigError
from tryon.models.teacher_files import save_teacher
from tryon.train import endpoints as command
from tryon.train.endpoints import EndpointConfig, draw_pairs, sample_endpoints, write
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.matching import EndpointPairs, Endpoints, Mixed, faces_digest
from tryon.train.pairs import PairBatch
from tryon.train.variety import CALM

SIZE, PEOPLE, MADE_UP, TRAIN = 64, 8, (1, 4, 7), range(6)


@pytest.fixture(scope="module")
def cache():
    """Plain people; each is known by its colour."""
    inside = brush_fields(SIZE).inside
    tone = torch.linspace(60, 220, PEOPLE)[:, None, None, None]
    colour = (tone * inside).expand(-1, 3, -1, -1)
    seen = (255 * inside).expand(PEOPLE, -1, -1, -1)
    return FaceCache(
        texture=torch.cat([colour, seen], 1).to(torch.uint8),
        skin=seen.to(torch.uint8),
        ita=torch.linspace(-50, 60, PEOPLE),
        made_up=torch.tensor([i in MADE_UP for i in range(PEOPLE)]),
        names=tuple(f"{i}.png" for i in range(PEOPLE)),
        splits=tuple("train" if i in TRAIN else "test" for i in range(PEOPLE)),
    )


@pytest.fixture(scope="module")
def settings(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("endpoints")
    cache.save(folder / "faces.safetensors")
    save_teacher(folder / "teacher", layer_teacher())
    return EndpointConfig(
        folder / "faces.safetensors", folder / "teacher", folder / "out.safetensors", 6, 1,
        threads=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(settings):
    return write(settings)


def test_references_are_made_up_people_of_the_train_split_and_never_the_source(cache):
    source, reference = draw_pairs(cache, 200, 0)
    assert set(reference.tolist()) == {1, 4}
    assert set(source.tolist()) == set(TRAIN)
    assert not (source == reference).any()
    nobody = FaceCache(
        cache.texture, cache.skin, cache.ita, cache.made_up & False, cache.names, cache.splits
    )
    with pytest.raises(ConfigError, match="made up"):
        draw_pairs(nobody, 1, 0)


def test_a_stopped_sampling_goes_on_to_the_same_answers(settings, found):
    whole = found.layer.clone()
    short = Endpoints(found.source[:4], found.reference[:4], found.layer[:4], found.about)
    short.save(settings.out)
    again = write(settings)
    torch.testing.assert_close(again.layer, whole)
    assert torch.equal(Endpoints.load(settings.out).layer, again.layer)


def test_answers_of_other_settings_are_not_gone_on_from(settings, found, capsys):
    flags = [f"--{n}={getattr(settings, n)}" for n in ("data", "teacher", "out", "count")]
    assert command.main([*flags, "--steps=2", "--threads=1"]) == 1
    assert "move it away" in capsys.readouterr().err


def test_pairs_wear_the_teachers_layer_at_the_students_size(cache, found):
    pairs = EndpointPairs(cache, found, CALM)
    batch = pairs.batch(SIZE, 5)
    assert isinstance(batch, PairBatch)
    assert batch.affine.shape == (5, 6, SIZE, SIZE)
    torch.testing.assert_close(batch.target, composite(batch.source, batch.affine))
    levels = cache.texture[batch.person, 0].float() / 255
    torch.testing.assert_close(batch.source[:, 0], levels, atol=0.01, rtol=0)
    levels = cache.texture[batch.wearer, 0].float() / 255
    torch.testing.assert_close(batch.reference[:, 0], levels, atol=0.01, rtol=0)
    again = batch.rematched()
    assert torch.equal(again.wearer, batch.wearer)  # a style is one reference


def test_answers_for_other_faces_are_refused(cache, found, tmp_path):
    other = Endpoints(found.source, found.reference, found.layer, "another" + found.about)
    with pytest.raises(ConfigError, match="another face cache"):
        EndpointPairs(cache, other)
    (tmp_path / "x.safetensors").write_text(json.dumps({}))
    with pytest.raises(ConfigError, match=r"tryon\.train\.endpoints"):
        Endpoints.load(tmp_path / "x.safetensors")
    assert faces_digest(cache) in found.about


def test_a_teacher_of_pictures_is_refused(cache, monkeypatch):
    teacher = layer_teacher()
    monkeypatch.setattr(teacher, "config", PICTURES)
    with pytest.raises(ConfigError, match="compact"):
        sample_endpoints(teacher, cache, draw_pairs(cache, 2, 0), 1, 0)


def test_the_share_of_a_teachers_batches_is_the_one_asked_for(cache, found, pairs):
    matched = EndpointPairs(cache, found, CALM)
    mixed = Mixed(pairs, matched, 0.25)
    styles = [int(mixed.batch(48, 1).style[0]) for _ in range(200)]
    assert 0.15 < sum(style < 0 for style in styles) / 200 < 0.35
    assert (next(iter(mixed.held_out(48))).style >= 0).all()


def test_a_student_learns_a_teachers_answers(cache, found, tmp_path, pairs):
    matched = EndpointPairs(cache, found, CALM)
    run = student_run(tmp_path, Mixed(pairs, matched, 1.0))
    losses = [run.step(3e-3)["total"] for _ in range(60)]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
