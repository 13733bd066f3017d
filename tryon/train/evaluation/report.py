"""Results -> one table with goals, one JSON object, and a Markdown report for the model card.

It decides nothing about how a figure is measured; what was not measured is said, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from tryon.train.evaluation.arrival import ArrivalResult
from tryon.train.evaluation.fairness import FairnessResult
from tryon.train.evaluation.figures import GROUPS, LINES
from tryon.train.evaluation.light import LightResult
from tryon.train.evaluation.occlusion import OcclusionResult
from tryon.train.evaluation.painted import PaintedResult
from tryon.train.evaluation.real import RealResult
from tryon.train.evaluation.rewearing import RewearResult
from tryon.train.evaluation.video import VideoResult
from tryon.train.metrics import ITA_BINS

NO_LPIPS = (
    "LPIPS needs an image network that does not ship; make the file and give --lpips (see "
    "tryon.train.evaluation.perceptual)"
)
NO_SAMPLES = "nothing to measure it on"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured; None for a group that was left out."""

    painted: PaintedResult | None = None
    rewearing: RewearResult | None = None
    arrival: ArrivalResult | None = None
    light: LightResult | None = None
    real: RealResult | None = None
    video: VideoResult | None = None
    fairness: FairnessResult | None = None
    occlusion: OcclusionResult | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)  # group -> why
    about: Mapping[str, str] = field(default_factory=dict)  # model, data, sizes


def scalars(result: object) -> dict[str, float | None]:
    """The numbers of a result by name; None for what could not be measured."""
    values = {f.name: getattr(result, f.name) for f in fields(result)}  # type: ignore[arg-type]
    return {n: _plain(v) for n, v in values.items() if isinstance(v, (int, float))}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)


def to_json(evaluation: Evaluation) -> dict[str, object]:
    """The whole as plain values for `json.dumps`; a None has its reason in `not_measured`."""
    reasons = dict(evaluation.left_out)
    out: dict[str, object] = {}
    for name in GROUPS:
        result = getattr(evaluation, name)
        if result is None:
            out[name] = None
            continue
        group: dict[str, object] = dict(scalars(result))
        if name == "painted" and group["lpips"] is None:
            reasons["painted.lpips"] = NO_LPIPS
        for figure, value in group.items():
            if value is None:
                reasons.setdefault(f"{name}.{figure}", NO_SAMPLES)
        out[name] = group | _details(result)
    return {**out, "not_measured": reasons, "about": dict(evaluation.about)}


def _details(result: object) -> dict[str, object]:
    """The parts of a result that are more than one number."""
    if isinstance(result, FairnessResult):
        return {
            row.name: {
                **{one.tone: _plain(one.value) for one in row.bins},
                "samples": {one.tone: one.samples for one in row.bins},
                "worst_to_best": _plain(row.worst_to_best),
            }
            for row in result.rows
        }
    if isinstance(result, VideoResult):
        return {"films": {film.name: scalars(film) for film in result.films}}
    if isinstance(result, OcclusionResult):
        return {"occluders": {one.occluder: scalars(one) for one in result.occluders}}
    if isinstance(result, RealResult):
        return {"intensity": [scalars(step) for step in result.steps]}
    return {}


def rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Group, figure, meaning, value, goal and whether it is reached, for every line."""
    out: list[tuple[str, ...]] = []
    for line in LINES:
        result = getattr(evaluation, line.group)
        if result is None:
            continue
        value = scalars(result).get(line.figure)
        goal = "" if line.goal is None else f"{'≥' if line.high else '≤'} {line.goal:g}"
        shown = "not measured" if value is None else f"{value:.4g}"
        out.append((line.group, line.figure, line.meaning, shown, goal, line.verdict(value)))
    return out


HEAD = ("group", "figure", "what", "value", "goal", "reached")


def text(evaluation: Evaluation) -> str:
    """The table for a terminal, with what was left out below it."""
    lines = [HEAD, *rows(evaluation)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEAD))]
    out = [
        "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([*out, *(f"{n}: not measured: {why}" for n, why in _reasons(evaluation))])


def _reasons(evaluation: Evaluation) -> list[tuple[str, str]]:
    reasons = list(evaluation.left_out.items())
    unmeasured = evaluation.painted is not None and math.isnan(evaluation.painted.lpips)
    return [*reasons, ("painted.lpips", NO_LPIPS)] if unmeasured else reasons


def markdown(evaluation: Evaluation, pictures: Sequence[str] = ()) -> str:
    """The report, with headings of the third level so that a model card can take it in.

    Args:
        evaluation: what was measured.
        pictures: names of plot files next to the report.
    """
    parts = ["\n".join(f"- {name}: {value}" for name, value in evaluation.about.items())]
    parts.append(_table(HEAD, rows(evaluation)))
    if evaluation.fairness:
        parts += ["### By skin tone", _TONES, _fairness(evaluation.fairness)]
    if evaluation.occlusion:
        parts += ["### Things in front of the face", _table(
            ("occluder", "of all paint", "of what it hides", "pictures"),
            [(o.occluder, _number(o.leak), _number(o.kept), str(o.pictures))
             for o in evaluation.occlusion.occluders],
        )]  # fmt: skip
    if evaluation.video:
        parts += ["### Films", _table(
            ("film", "frames", "with a face", "flicker", "makeup alone", "eye paint"),
            [(f.name, str(f.frames), str(f.faces), _number(f.flicker), _number(f.layer_flicker),
              _number(f.eye_paint)) for f in evaluation.video.films],
        )]  # fmt: skip
    if evaluation.real and evaluation.real.steps:
        names = ("intensity", "change", "lip_de", "lid_de", "drift", "gradient")
        steps = [tuple(_number(getattr(s, n)) for n in names) for s in evaluation.real.steps]
        parts += ["### Quality against intensity", _table(names, steps)]
    parts += [f"![{name.rpartition('.')[0]}]({name})" for name in pictures]
    missing = [f"- {name}: {why}." for name, why in _reasons(evaluation)]
    if missing:
        parts += ["### Not measured", "\n".join(missing)]
    return "\n\n".join(part for part in parts if part) + "\n"


_TONES = (
    "By the wearer's individual typology angle, which a photo's exposure is mixed into; samples in "
    "brackets. Worst over best counts bins of 8 samples and more."
)


def _fairness(result: FairnessResult) -> str:
    found = {one.tone for row in result.rows for one in row.bins}
    tones = [tone for tone, _ in ITA_BINS if tone in found]
    body = []
    for row in result.rows:
        cells = {one.tone: f"{_number(one.value)} ({one.samples})" for one in row.bins}
        ratio = _number(row.worst_to_best)
        body.append(
            (row.name, *(cells.get(tone, "") for tone in tones), ratio, _number(row.chance))
        )
    return _table(("figure", *tones, "worst / best", "by chance"), body)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *body))
