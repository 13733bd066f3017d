"""All that painted pairs tell is measured on the same faces, model and split."""

import torch

from tests.train.evaluation.models import nothing
from tryon.models.student import TryOnModel
from tryon.train.evaluation import exact


def test_every_measure_gets_the_same_faces_and_each_result_its_place(monkeypatch):
    asked = {}

    def stub(name):
        def measure(cache, model, split, pairs, lpips=None):
            asked[name] = (cache, model, split, pairs)
            return name

        return measure

    for name in ("painted", "rewearing", "arrival", "light", "tones"):
        monkeypatch.setattr(getattr(exact, name), "measure", stub(name))
    told = []
    found = exact.measure("faces", nothing, "val", 40, told.append)
    assert (found.painted, found.rewearing, found.arrival) == ("painted", "rewearing", "arrival")
    assert (found.light, found.toned) == ("light", "tones")
    assert {name: given[3] for name, given in asked.items()} == {
        "painted": 40, "rewearing": 40, "arrival": exact.MOST_ARRIVALS,
        "light": exact.MOST_ARRIVALS, "tones": 40,
    }  # fmt: skip
    assert {given[:3] for given in asked.values()} == {("faces", nothing, "val")}
    assert len(told) == 4
    assert "40 pairs of val" in told[0]


def test_the_sheet_shows_eight_pairs(cache):
    torch.manual_seed(0)
    sheet = exact.sheet(cache, TryOnModel().eval(), "test")
    assert sheet.ndim == 3
    assert sheet.shape[0] % 8 == 0
    assert sheet.std() > 10
