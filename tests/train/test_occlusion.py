"""The occlusion network is taught what is in front of a face, and leaves a graph of what it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tryon._openvino import open_core
from tryon.cosmetics.brushes import brush_fields
from tryon.face.unwrap import unwrap_face
from tryon.train.covered import KINDS, CoveredFaces
from tryon.train.faces import FaceCache
from tryon.train.occlusion import OcclusionTask, OcclusionTraining
from tryon.train.occlusion_net import OcclusionNet, export_graph
from tryon.train.run import Run
from tryon.train.run_config import RunConfig


@pytest.fixture(scope="module")
def cache(portrait, portrait_face) -> FaceCache:
    texture = unwrap_face(portrait, portrait_face)
    packed = np.dstack([texture.colour, texture.visibility])
    one = torch.from_numpy((255 * packed).astype(np.uint8)).permute(2, 0, 1)
    inside = (255 * brush_fields(256).inside).to(torch.uint8)
    return FaceCache(
        texture=one.expand(8, -1, -1, -1).contiguous(),
        skin=inside.expand(8, -1, -1, -1).contiguous(),
        ita=torch.full((8,), 40.0),
        made_up=torch.zeros(8, dtype=torch.bool),
        names=tuple("abcdefgh"),
        splits=("train",) * 4 + ("val",) * 4,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_faces_are_covered_by_what_is_asked_for(cache, kind):
    batch = CoveredFaces(cache)(torch.arange(4), torch.Generator().manual_seed(1), kind=kind)
    assert batch.texture.shape == (4, 4, 128, 128)
    assert batch.hidden.amax() > 0.9
    assert ((batch.known >= 0) & (batch.known <= 1)).all()


def test_makeup_is_not_called_hidden(cache):
    rng = torch.Generator().manual_seed(1)
    batch = CoveredFaces(cache)(torch.arange(4), rng, kind="none", painted=1.0)
    assert not batch.hidden.any()
    assert (batch.known * brush_fields(128).lips).sum() > 0


def test_training_lowers_the_loss_and_leaves_a_graph(cache, tmp_path):
    path = tmp_path / "faces.safetensors"
    cache.save(path)
    torch.manual_seed(0)
    config = OcclusionTraining(data=path, batch=8, fresh=4, kept=8)
    settings = RunConfig(out=tmp_path, steps=12, rate=3e-3, threads=1, bf16=False)
    run = Run(settings, OcclusionTask(config, settings, OcclusionNet()))
    losses = [run.step(3e-3)["total"] for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    scores = run.evaluate(last=True)
    assert {f"iou_{kind}" for kind in KINDS} <= scores.keys()
    assert (tmp_path / "occlusion.bin").stat().st_size < 1_000_000


def test_the_graph_answers_as_the_network(cache, tmp_path):
    torch.manual_seed(0)
    network = OcclusionNet().eval()
    export_graph(network, tmp_path)
    texture = cache.texture[:1].float() / 255
    with torch.no_grad():
        wanted = network(F.avg_pool2d(texture, 2)).sigmoid().numpy()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    graph = open_core().compile_model(tmp_path / "occlusion.xml", "CPU", settings)
    answer = graph(texture.permute(0, 2, 3, 1).contiguous().numpy())[0]
    assert np.abs(answer - wanted)[..., 4:-4, 4:-4].max() < 0.01
