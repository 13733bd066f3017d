"""A training checkpoint -> a model folder: float16 weights, runtime graphs, manifest.

`python -m tryon.train.export runs/x --to FOLDER --faces CACHE`; the folder is written only if the
runtime's graphs wear the same as PyTorch within a level of 255, and int8 as well on held-out pairs.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tryon._openvino import load_openvino
from tryon.console import run_main
from tryon.engines.openvino import ENCODER, INT8_FILES, STUDENT, OpenVinoEngine
from tryon.engines.torch import TorchEngine
from tryon.errors import WeightsError
from tryon.models.student import LookEncoder, LookFeatures, Student, TryOnModel
from tryon.models.weights import (
    MANIFEST,
    STUDENT_DIR,
    Manifest,
    load_model,
    read_manifest,
    save_weights,
    sha256,
    write_manifest,
)
from tryon.train.faces import FaceCache
from tryon.train.losses import composite
from tryon.train.pairs import PairSource
from tryon.train.quantise import quality, quantise
from tryon.types import FaceTexture

TOLERANCE = 1.0 / 255.0  # of the worn texture, sRGB 0..1
# What must lie within the tolerance: every value in float32; in bfloat16, where the CPU has it, all
# but the few that its eight bits of precision push to the next level.
CHECKS = (("f32", 1.0), ("bf16", 0.999))
BATCHES, CALIBRATED = 25, 4  # batches and pairs of each, from which the ranges of int8 are learnt
HELD_OUT = 64  # pairs on which it is measured


class _EncoderGraph(nn.Module):
    """The encoder with the runtime's layout: channels last in and out."""

    def __init__(self, encoder: LookEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, reference: Tensor) -> LookFeatures:
        features: LookFeatures = self.encoder(reference.permute(0, 3, 1, 2))
        return tuple(feature.permute(0, 2, 3, 1) for feature in features)


class _StudentGraph(nn.Module):
    """The student with the runtime's layout: channels last, texels in blocks in reading order.

    The order of the blocks' channels is put into the weights, so that `kernels.blocks` moves whole
    texels; done by the runtime, moves and colour conversion took a quarter of the student's time.
    """

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = copy.deepcopy(student)
        half, quarter, answer = _texels_last(4, 2), _texels_last(4, 4), _texels_last(6, 2)
        for conv, order in ((self.student.fine, half), (self.student.trunk.stem, quarter)):
            conv.weight = nn.Parameter(conv.weight[:, order])
        head = self.student.head
        for name in ("weight", "bias", "gain"):
            setattr(head, name, nn.Parameter(getattr(head, name)[answer]))

    def forward(
        self, fine: Tensor, coarse: Tensor, look2: Tensor, look4: Tensor, look8: Tensor,
        look16: Tensor, film: Tensor,
    ) -> Tensor:  # fmt: skip
        inputs = (fine, coarse, look2, look4, look8, look16, film)
        small, large, *features = (t.permute(0, 3, 1, 2) for t in inputs)
        return self.student.residuals(small, large, tuple(features)).permute(0, 2, 3, 1)


def _texels_last(channels: int, side: int) -> Tensor:
    """Channels of a block of texels, texel by texel, as `pixel_unshuffle` numbers them."""
    order = torch.arange(channels * side * side).reshape(channels, side, side)
    return order.permute(1, 2, 0).reshape(-1)


def export(
    model: TryOnModel,
    folder: Path,
    *,
    pairs: PairSource | None = None,
    data: Sequence[str] = (),
    metrics: Sequence[Mapping[str, Any]] = (),
    commit: str = "",
) -> Manifest:
    """Write a model folder.

    Args:
        model: the trained model.
        folder: made, or its model files replaced, after the check passed.
        pairs: of people, to make an int8 student with; without them there is none.
        data: what it was trained on, one line each.
        metrics: held-out scores.
        commit: of the training code.

    Returns:
        The manifest written.

    Raises:
        WeightsError: the runtime's graphs do not agree with PyTorch, or int8 costs too much.
        MissingExtraError: there are pairs, but nncf is not installed.
    """
    with tempfile.TemporaryDirectory() as name:
        staging = Path(name)
        save_weights(staging, model)
        write_graphs(rounded(model), staging)
        manifest = Manifest(
            model.config.to_json(), {}, commit=commit, data=tuple(data), metrics=tuple(metrics)
        )
        manifest = _list_files(staging, manifest)
        for precision, share in CHECKS:
            error = disagreement(staging, precision, share)
            if error > TOLERANCE:
                raise WeightsError(
                    f"OpenVINO {precision} differs from PyTorch by {error * 255:.2f} levels of 255."
                )
        if pairs is not None:
            quantise(staging, [pairs.batch(manifest.size, CALIBRATED) for _ in range(BATCHES)])
            manifest = _list_files(staging, manifest)
            held_out = list(pairs.held_out(manifest.size))
            manifest = _list_files(staging, replace(manifest, int8=quality(staging, held_out)))
        folder.mkdir(parents=True, exist_ok=True)
        for file in (*manifest.files, MANIFEST):
            shutil.copyfile(staging / file, folder / file)
        for file in {*INT8_FILES} - {*manifest.files}:
            (folder / file).unlink(missing_ok=True)  # of another model
    return manifest


def _list_files(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of all files of a folder."""
    paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    manifest = replace(manifest, files={path.name: sha256(path.read_bytes()) for path in paths})
    write_manifest(folder, manifest)
    return manifest


def rounded(model: TryOnModel) -> TryOnModel:
    """The model as the weights file will hold it: parameters through float16."""
    result = TryOnModel(model.config)
    result.load_state_dict({k: v.cpu().half().float() for k, v in model.state_dict().items()})
    return result.eval()


def write_graphs(model: TryOnModel, folder: Path) -> None:
    """Write both towers as OpenVINO graphs with float16 constants and static shapes."""
    ov = load_openvino()

    side = model.config.size
    texture = torch.rand(1, side, side, 4)
    with torch.inference_mode():
        features = _EncoderGraph(model.encoder)(texture)
    # Clones, because tracing refuses tensors made in inference mode.
    blocks = torch.rand(1, side // 2, side // 2, 16), torch.rand(1, side // 4, side // 4, 64)
    inputs = (*blocks, *(f.clone() for f in features))
    for module, example, name in (
        (_EncoderGraph(model.encoder), (texture,), ENCODER),
        (_StudentGraph(model.student), inputs, STUDENT),
    ):
        shapes = [list(tensor.shape) for tensor in example]
        graph = ov.convert_model(module.eval(), example_input=example, input=shapes)
        ov.save_model(graph, folder / f"{name}.xml", compress_to_fp16=True)


def disagreement(folder: Path, precision: str = "f32", share: float = 1.0) -> float:
    """Difference of worn textures between OpenVINO and PyTorch that a share of values stays below.

    The textures are blocks of a complexion with noise: flat areas and hard edges, like skin and
    liner. White noise of full contrast would amplify rounding far beyond any face.

    Args:
        folder: the model folder.
        precision: of the OpenVINO engine.
        share: 1 for the largest difference, 0.999 for all but one value of a thousand.

    Returns:
        The difference in sRGB, of 1.
    """
    slow, fast = TorchEngine(folder), OpenVinoEngine(folder, precision)
    random, side = np.random.default_rng(0), slow.size
    differences = []
    for _ in range(4):
        complexion = random.uniform(0.2, 0.8, (2, 1, 1, 4))
        blocks = random.uniform(-0.2, 0.2, (2, 16, 16, 4))
        blocks = blocks.repeat(side // 16, 1).repeat(side // 16, 2)
        grain = 0.02 * random.standard_normal(blocks.shape)
        texture = np.clip(complexion + blocks + grain, 0.0, 1.0).astype(np.float32)
        look = FaceTexture(texture[1, ..., :3], texture[1, ..., 3])
        source = torch.from_numpy(texture[:1]).permute(0, 3, 1, 2)
        worn = [
            composite(source, torch.from_numpy(e(texture[:1], e.prepare(look))).permute(0, 3, 1, 2))
            for e in (slow, fast)
        ]
        differences.append((worn[0] - worn[1]).abs().numpy())
    return float(np.quantile(differences, share))


def _commit() -> str:
    """The checked-out commit; empty outside a repository."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _painted(faces: Path) -> PairSource:
    from tryon.train.data import PaintedPairs  # the painter, only when painting
    from tryon.train.variety import LIVED_IN

    return PaintedPairs(FaceCache.load(faces), replace(LIVED_IN, held_out=HELD_OUT))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tryon.train.export", description=__doc__)
    parser.add_argument("run", type=Path, help="run folder of tryon.train.distill")
    parser.add_argument("--to", type=Path, default=STUDENT_DIR, help="model folder")
    parser.add_argument("--data", action="append", default=[], help="a line of the data list")
    parser.add_argument("--faces", type=Path, help="face cache to make the int8 student with")
    return run_main(parser, _run, arguments)


def _run(given: argparse.Namespace) -> None:
    trained = given.run / "student"
    if not trained.is_dir():
        raise WeightsError(
            f"No student in {given.run}; end its run: tryon.train.distill --resume --minutes 0"
        )
    model, scores = load_model(trained), read_manifest(trained).metrics[0]["groups"]
    about = {"data": given.data, "metrics": scores, "commit": _commit()}
    manifest = export(model, given.to, pairs=given.faces and _painted(given.faces), **about)
    print(f"{given.to}: {', '.join(manifest.files)}")
    cost = "{psnr_f32:.2f} dB in float32, {psnr_int8:.2f} dB in int8, {faces} held-out faces"
    print(cost.format(**manifest.int8) if manifest.int8 else "no int8 student: give --faces")


if __name__ == "__main__":
    sys.exit(main())
