"""`python -m tryon.train.evaluate`: how good a student is, on everything that is at hand, once.

Groups whose data is not given are left out and say so; nothing is downloaded, trained or changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tryon.console import run_main
from tryon.errors import ConfigError, ImageError
from tryon.look.look import Look
from tryon.models.weights import STUDENT_DIR, load_model, read_manifest
from tryon.streaming.demo_clip import DemoClip
from tryon.train.evaluation import (
    exact,
    fairness,
    occlusion,
    photos,
    plots,
    real,
    report,
    sheets,
    video,
)
from tryon.train.evaluation.perceptual import Lpips
from tryon.train.evaluation.photos import PhotoSet
from tryon.train.evaluation.report import Evaluation
from tryon.train.evaluation.wearing import Dresser, read_picture
from tryon.train.faces import FaceCache
from tryon.types import UInt8


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; every field is a flag."""

    painted: int = 96  # painted pairs of each kind
    sources: int = 12  # photos that wear each reference
    references: int = 12  # made-up photos
    bare: int = 12  # photos without makeup as references
    swept: int = 4  # pairs on which every region and intensity is tried
    covered: int = 6  # photos on which things are drawn
    frames: int = 120  # of each film
    threads: int = 2  # CPU threads

    def __post_init__(self) -> None:
        for item in fields(self):
            if not 1 <= getattr(self, item.name) <= 1000:
                value = getattr(self, item.name)
                raise ConfigError(f"{item.name} = {value}: use a whole number in 1..1000")


QUICK = Sizes(painted=6, sources=2, references=2, bare=2, swept=1, covered=1, frames=24)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is at hand."""

    data: Path | None = None  # face cache
    model: Path | None = None  # model folder; None is the one that ships
    pairs: Path | None = None  # TSV of source and reference photos
    photos: Path | None = None  # folder of portraits
    clips: Path | None = None  # folder of videos
    split: str = "test"  # of the face cache
    lpips: Path | None = None  # image network, see tryon.train.evaluation.perceptual


def run(
    inputs: Inputs, sizes: Sizes, out: Path | None = None, say: Callable[[str], None] = print
) -> Evaluation:
    """Measure every group that there is data for.

    Args:
        inputs: what is at hand.
        sizes: how much of it is used.
        out: folder for the report, plots and sheets; None writes nothing.
        say: told about progress.

    Returns:
        The results.

    Raises:
        TryOnError: an input cannot be used.
    """
    torch.set_num_threads(sizes.threads)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    left_out: dict[str, str] = {}
    known = exact.Exact()
    if inputs.data is None:
        left_out |= dict.fromkeys(
            ("painted", "rewearing", "arrival", "light"), "no face cache; give --data"
        )
    else:
        cache, model = FaceCache.load(inputs.data), load_model(inputs.model or STUDENT_DIR)
        lpips = Lpips.load(inputs.lpips) if inputs.lpips else None
        known = exact.measure(cache, model, inputs.split, sizes.painted, say, lpips)
        _save(out, "painted-pairs.png", lambda: exact.sheet(cache, model, inputs.split))
    chosen = _photo_set(inputs, sizes)
    with Dresser(inputs.model, sizes.threads) as dresser:
        shown = None
        if chosen:
            say(f"real: {len(chosen.pairs)} pairs")
            shown = real.measure(chosen, dresser, sizes.swept)
            _save(out, "real-photos.png", lambda: sheets.real_sheet(chosen, dresser))
        else:
            left_out["real"] = "no photographs; give --photos or --pairs"
        look = _built_in_look()
        pictures = _to_cover(chosen, sizes, dresser, look)
        say(f"occlusion: {len(pictures)} faces")
        looks = [found for p in chosen.references[:2] if (found := dresser.look(p))]
        covered = occlusion.measure(pictures, chosen.awkward[: 4 * sizes.covered], looks, dresser)
        _save(
            out, "occlusion.png",
            lambda: sheets.occlusion_sheet(*pictures[0], chosen.awkward, dresser),
        )  # fmt: skip
        backend = dresser.backend
    clips = video.clips_in(inputs.clips) if inputs.clips else ()
    say(f"video: {1 + len(clips)} films")
    films = video.measure(clips, look, sizes.frames, inputs.model, sizes.threads)
    _save(out, "films.png", lambda: sheets.film_sheet([film.shown for film in films.films]))
    fair = None
    if known.toned or shown:
        fair = fairness.measure(known.toned, shown.items if shown else ())
    else:
        left_out["fairness"] = "it needs the figures of painted pairs or photographs"
    evaluation = Evaluation(
        known.painted,
        known.rewearing,
        known.arrival,
        known.light,
        shown,
        films,
        fair,
        covered,
        left_out,
        _about(inputs, sizes, backend),
    )
    if out is not None:
        _write_report(evaluation, out)
    return evaluation


def _photo_set(inputs: Inputs, sizes: Sizes) -> PhotoSet:
    known = photos.read_photos(inputs.photos) if inputs.photos else ()
    chosen = photos.choose_photos(known, sizes.sources, sizes.references, sizes.bare)
    if inputs.pairs is None:
        return chosen
    pairs = photos.read_pairs(inputs.pairs, known)
    sources, references = (tuple(dict.fromkeys(p[side] for p in pairs)) for side in (0, 1))
    return replace(chosen, sources=sources, references=references, pairs=pairs)


def _to_cover(
    chosen: PhotoSet, sizes: Sizes, dresser: Dresser, look: Look
) -> list[tuple[UInt8, Look]]:
    """Faces to draw things in front of; each wears the built-in look or a reference in turn."""
    looks = [look, *(found for p in chosen.references if (found := dresser.look(p)))]
    worn = [
        (read_picture(photo.path), looks[index % len(looks)])
        for index, photo in enumerate(chosen.sources[: sizes.covered])
    ]
    return worn or [(DemoClip(640, 640).frame(0).image, look)]


def _built_in_look() -> Look:
    with as_file(files("tryon.look") / "assets" / "crimson.look") as path:
        return Look.load(path)


def _save(out: Path | None, name: str, draw: Callable[[], UInt8]) -> None:
    if out is not None:
        Image.fromarray(np.ascontiguousarray(draw())).save(out / name)


def _write_report(evaluation: Evaluation, out: Path) -> None:
    made = []
    if evaluation.real and evaluation.real.steps:
        plots.plot_intensity(evaluation.real.steps, out / "intensity.png")
        made.append("intensity.png")
    if evaluation.fairness:
        plots.plot_fairness(evaluation.fairness, out / "skin-tones.png")
        made.append("skin-tones.png")
    if evaluation.video:
        plots.plot_flicker(evaluation.video.films, out / "flicker.png")
        made.append("flicker.png")
    (out / "report.md").write_text(report.markdown(evaluation, made), encoding="utf-8")
    values = json.dumps(report.to_json(evaluation), indent=1, ensure_ascii=False)
    (out / "report.json").write_text(values + "\n", encoding="utf-8")


def _about(inputs: Inputs, sizes: Sizes, backend: str) -> dict[str, str]:
    manifest = read_manifest(inputs.model or STUDENT_DIR)
    weights = manifest.files.get("student.safetensors", "")[:12]
    return {
        "model": f"{weights or 'unknown'} (trained at {manifest.commit[:12] or 'unknown'})",
        "run by": f"{backend}; painted pairs by PyTorch in float32",
        "split": inputs.split,
        "sizes": ", ".join(f"{f.name} {getattr(sizes, f.name)}" for f in fields(sizes)),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tryon.train.evaluate", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FACES", help="face cache (tryon.train.faces)")
    add("--model", type=Path, metavar="DIR", help="model folder (default: the one that ships)")
    add("--pairs", type=Path, metavar="TSV", help="source<TAB>reference photos in each line")
    add("--photos", type=Path, metavar="DIR", help="portraits; INDEX.tsv may describe them")
    add("--clips", type=Path, metavar="DIR", help="videos of one face each")
    add("--split", choices=("train", "val", "test"), default="test", help="(default: test)")
    add("--lpips", type=Path, metavar="FILE", help="see tryon.train.evaluation.perceptual")
    add("--json", action="store_true", help="print everything as JSON in the last line")
    add("--quick", action="store_true", help="a few samples of everything: under a minute")
    add("-o", "--out", type=Path, metavar="DIR", help="write report.md, plots and sheets there")
    for item in fields(Sizes):
        add(f"--{item.name}", type=int, metavar="N", help=f"(default: {item.default!r})")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    return run_main(_parser(), _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    given = {f.name: getattr(parsed, f.name) for f in fields(Sizes)}
    if parsed.clips is not None and not parsed.clips.is_dir():
        raise ImageError(f"no folder {parsed.clips}; name one with videos")
    wanted = {name: value for name, value in given.items() if value is not None}
    sizes = replace(QUICK if parsed.quick else Sizes(), **wanted)
    inputs = Inputs(**{f.name: getattr(parsed, f.name) for f in fields(Inputs)})
    evaluation = run(inputs, sizes, parsed.out, lambda text: print(text, file=sys.stderr))
    print(report.text(evaluation))
    if parsed.json:
        print(json.dumps(report.to_json(evaluation), ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
