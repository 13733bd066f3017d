"""A student of a few thousand parameters, and a cache of engines that is not the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engines.test_engines import TINY
from tryon.engines.cache import EngineCache
from tryon.models.student import TryOnModel


@pytest.fixture(scope="session")
def model() -> TryOnModel:
    torch.manual_seed(3)
    model = TryOnModel(TINY)
    torch.nn.init.constant_(model.student.head.gain, 0.2)
    return model.eval()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineCache:
    monkeypatch.setenv("TRYON_CACHE", str(tmp_path / "cache"))
    return EngineCache()
