"""Where a training run's pairs come from: painted by processes, or on the training device itself.

It only composes: who paints, replays and fetches ahead is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tryon.errors import ConfigError
from tryon.train.ahead import Ahead
from tryon.train.faces import FaceCache
from tryon.train.pairs import PairSource
from tryon.train.prefetch import Prefetch
from tryon.train.replay import Replay
from tryon.train.variety import DataConfig


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """How pairs are made; every field is a flag."""

    data: Path = Path("cache")  # face cache
    workers: int = 1  # processes that paint; 0: paint on the training device
    fresh: float = 0.3  # painted pairs for each pair of a step; the others are replayed

    def __post_init__(self) -> None:
        if not 0 <= self.workers <= 1024:
            raise ConfigError(f"workers = {self.workers}: use 0..1024.")
        if not 0 < self.fresh <= 1:
            raise ConfigError(f"fresh = {self.fresh}: use a share above 0, to 1.")


@contextmanager
def open_source(
    config: SourceConfig,
    device: str,
    seed: int,
    variety: DataConfig | None = None,
    blend: Callable[[PairSource], PairSource] | None = None,
) -> Iterator[PairSource]:
    """The pairs of a run, on its device, one batch ahead; what paints them ends with the `with`.

    Args:
        config: where they come from.
        device: of torch.
        seed: of what is drawn at random.
        variety: how much pictures vary; None as `DataConfig()` says.
        blend: puts other pairs between the painted ones.

    Raises:
        ConfigError: there is no face cache.
    """
    from tryon.train.data import PaintedPairs  # the painter, only when painting

    variety = variety or DataConfig()

    painters: Prefetch | None = None
    painted: PairSource
    if config.workers:
        painters = Prefetch(partial(_open, config.data, seed, variety), config.workers)
        painted = painters
    else:
        painted = PaintedPairs(FaceCache.load(config.data), variety, seed, device)
    if blend:
        painted = blend(painted)
    if config.fresh < 1:
        painted = Replay(painted, config.fresh, seed=seed)
    ahead = Ahead(painted, device)
    try:
        yield ahead
    finally:
        ahead.close()
        if painters:
            painters.close()


def _open(data: Path, base: int, variety: DataConfig, number: int) -> PairSource:
    """The pairs of one painting process, different from those of any other."""
    from tryon.train.data import open_pairs

    return open_pairs(data, 1009 * base + number, variety)
