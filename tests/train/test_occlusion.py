"""The occlusion network is taught what is in front of a face, and leaves a graph of what it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tryon._openvino import open_core
from tryon.cosmetics.brushes import brush_fields
from tryon.errors import ConfigError
from tryon.train.covered import Covered
from tryon.train.occlusion import OcclusionTask, OcclusionTraining, judge
from tryon.train.occlusion_net import OcclusionNet, export_graph
from tryon.train.run import Run
from tryon.train.run_config import RunConfig


@pytest.fixture(scope="module")
def faces() -> Covered:
    """Plain faces, every second with a bright bar in front."""
    rng = torch.Generator().manual_seed(0)
    inside = brush_fields(128).inside
    tone = 0.2 + 0.3 * torch.rand(16, 3, 1, 1, generator=rng)
    hidden = torch.zeros(16, 1, 128, 128)
    for index in range(0, 16, 2):
        hidden[index, :, 60 + index : 80 + index] = 1
    hidden = hidden * inside
    colour = torch.lerp(tone.expand(-1, -1, 128, 128), torch.tensor(0.9), hidden) * inside
    texture = torch.cat([colour, inside.expand(16, -1, -1, -1)], 1)
    kind = torch.tensor([1, 0] * 8)
    split = torch.tensor([0] * 8 + [1] * 8)
    parts = (texture, hidden, inside.expand(16, -1, -1, -1))
    packed = (torch.round(255 * part).to(torch.uint8) for part in parts)
    return Covered(*packed, kind, torch.zeros(16), split)


def test_training_lowers_the_loss_and_leaves_a_graph(faces, tmp_path):
    faces.save(tmp_path / "covered.safetensors")
    torch.manual_seed(0)
    config = OcclusionTraining(data=tmp_path / "covered.safetensors", batch=4)
    settings = RunConfig(out=tmp_path, steps=12, rate=3e-3, threads=1, bf16=False)
    run = Run(settings, OcclusionTask(config, settings, OcclusionNet()))
    losses = [run.step(3e-3)["total"] for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    scores = run.evaluate(last=True)
    assert {"found_hand", "sure_hand", "lips_lost_bare"} <= scores.keys()
    assert (tmp_path / "occlusion.bin").stat().st_size < 1_000_000


def test_the_judge_tells_what_is_found_and_what_is_lost(faces):
    class Oracle(torch.nn.Module):
        def forward(self, texture):
            return 20 * (texture[:, :1] - 0.75)

    class Blind(torch.nn.Module):
        def forward(self, texture):
            return torch.full_like(texture[:, :1], 9.0)

    good, bad = judge(Oracle(), faces), judge(Blind(), faces)
    assert good["found_hand"] > 0.99
    assert good["sure_hand"] > 0.99
    assert good["skin_lost_bare"] == good["lips_lost_free"] == 0
    assert bad["skin_lost_bare"] > 0.99
    assert bad["sure_hand"] < 0.5


def test_the_graph_answers_as_the_network(faces, tmp_path):
    torch.manual_seed(0)
    network = OcclusionNet().eval()
    export_graph(network, tmp_path)
    texture = faces.texture[:1].float() / 255
    wide = F.interpolate(texture, scale_factor=2.0)
    with torch.no_grad():
        wanted = network(texture).sigmoid().numpy()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    graph = open_core().compile_model(tmp_path / "occlusion.xml", "CPU", settings)
    answer = graph(wide.permute(0, 2, 3, 1).contiguous().numpy())[0]
    assert np.abs(answer - wanted)[..., 4:-4, 4:-4].max() < 0.02  # in half precision


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="batch"):
        OcclusionTraining(batch=0)
