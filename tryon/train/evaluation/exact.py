"""Everything that is measured on painted pairs, whose exact answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tryon.models.student import TryOnModel
from tryon.train.data import PaintedPairs
from tryon.train.evaluation import arrival, light, painted, rewearing, tones
from tryon.train.evaluation.arrival import ArrivalResult
from tryon.train.evaluation.light import LightResult
from tryon.train.evaluation.painted import PaintedItem, PaintedResult
from tryon.train.evaluation.perceptual import Lpips
from tryon.train.evaluation.rewearing import RewearResult
from tryon.train.faces import FaceCache
from tryon.train.pairs import concatenate
from tryon.train.validation import sample_sheet
from tryon.train.variety import HARD
from tryon.types import UInt8

MOST_ARRIVALS = 24  # pairs of each known style: they differ little


@dataclass(frozen=True, slots=True)
class Exact:
    """What was measured; None where there were no faces to paint."""

    painted: PaintedResult | None = None
    rewearing: RewearResult | None = None
    arrival: ArrivalResult | None = None
    light: LightResult | None = None
    toned: tuple[PaintedItem, ...] = ()  # the same styles on every skin tone


def measure(
    cache: FaceCache,
    model: TryOnModel,
    split: str,
    pairs: int,
    say: Callable[[str], None],
    lpips: Lpips | None = None,
) -> Exact:
    """Score a model on painted pairs.

    Args:
        cache: the faces.
        model: both towers.
        split: train, val or test.
        pairs: how many of each kind.
        say: called with what is being done.
        lpips: tells how unalike two pictures look; None leaves that out.
    """
    say(f"painted: {pairs} pairs of {split}, seven times")
    result = painted.measure(cache, model, split, pairs, lpips)
    again = rewearing.measure(cache, model, split, pairs)
    say("arrival: four styles of eye makeup, on and off")
    eyes = arrival.measure(cache, model, split, min(pairs, MOST_ARRIVALS))
    say("light: two lipsticks in less and less light")
    dim = light.measure(cache, model, split, min(pairs, MOST_ARRIVALS))
    say(f"painted: {pairs} styles, each on every skin tone")
    return Exact(result, again, eyes, dim, tones.measure(cache, model, split, pairs))


def sheet(cache: FaceCache, model: TryOnModel, split: str) -> UInt8:
    """A picture of a few pairs: source, reference, exact and predicted."""
    few = PaintedPairs(cache, replace(HARD, held_out=8), foundation=False)
    return sample_sheet(model, concatenate(list(few.held_out(256, split))))
