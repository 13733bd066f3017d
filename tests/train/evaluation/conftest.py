"""What the tests of the evaluation share: one session for stills, and a film as a list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tryon.train.evaluation.wearing import Dresser


@pytest.fixture(scope="session")
def dresser() -> Iterator[Dresser]:
    """The real path, loaded once."""
    with Dresser(threads=1) as opened:
        yield opened
