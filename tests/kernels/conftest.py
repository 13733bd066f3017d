"""Both kernel modules under one name: every behaviour test runs on each of them."""

from __future__ import annotations

from types import ModuleType

import pytest

from tryon.kernels import cpu, reference


@pytest.fixture(params=[reference, cpu], ids=["reference", "cpu"])
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module
