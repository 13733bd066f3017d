"""A training checkpoint -> a model folder: float16 weights, runtime graphs, manifest.

`python -m tryon.train.export runs/x --to FOLDER`; the folder is written only if the runtime's
graphs wear the same as PyTorch within a level of 255.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tryon._openvino import load_openvino
from tryon.engines.openvino import ENCODER, STUDENT, OpenVinoEngine
from tryon.engines.torch import TorchEngine
from tryon.errors import TryOnError, WeightsError
from tryon.models.student import LookEncoder, LookFeatures, Student, StudentConfig, TryOnModel
from tryon.models.weights import (
    MANIFEST,
    STUDENT_DIR,
    WEIGHTS,
    Manifest,
    save_weights,
    sha256,
    write_manifest,
)
from tryon.train.losses import composite
from tryon.types import FaceTexture

TOLERANCE = 1.0 / 255.0  # of the worn texture, sRGB 0..1
# What must lie within the tolerance: every value in float32; in bfloat16, where the CPU runs that
# faster, all but the few that its eight bits of precision push to the next level.
CHECKS = (("f32", 1.0), ("auto", 0.999))


class _EncoderGraph(nn.Module):
    """The encoder with the runtime's layout: channels last in and out."""

    def __init__(self, encoder: LookEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, reference: Tensor) -> LookFeatures:
        features: LookFeatures = self.encoder(reference.permute(0, 3, 1, 2))
        return tuple(feature.permute(0, 2, 3, 1) for feature in features)


class _StudentGraph(nn.Module):
    """The student with the runtime's layout: channels last in and out.

    Texels are packed into blocks and unpacked while channels are last, where that is one move of
    memory; done channels first, a sixth of the student's time went into changes of layout.
    """

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(
        self, source: Tensor, look2: Tensor, look4: Tensor, look8: Tensor, look16: Tensor,
        film: Tensor,
    ) -> Tensor:  # fmt: skip
        features = tuple(t.permute(0, 3, 1, 2) for t in (look2, look4, look8, look16, film))
        layer = self.student.of_blocks(_blocks(source, 2), _blocks(source, 4), features)
        n, channels, height, width = layer.shape
        texels = layer.permute(0, 2, 3, 1).reshape(n, height, width, channels // 4, 2, 2)
        return texels.permute(0, 1, 4, 2, 5, 3).reshape(n, 2 * height, 2 * width, channels // 4)


def _blocks(texture: Tensor, side: int) -> Tensor:
    """`pixel_unshuffle` of (N, A, A, C): (N, C * side^2, A / side, A / side)."""
    n, height, width, channels = texture.shape
    rows, columns = height // side, width // side
    split = texture.reshape(n, rows, side, columns, side, channels).permute(0, 1, 3, 5, 2, 4)
    return split.reshape(n, rows, columns, channels * side * side).permute(0, 3, 1, 2)


def averaged_model(checkpoint: Path) -> TryOnModel:
    """The model of a training checkpoint, with its averaged weights.

    Raises:
        WeightsError: the checkpoint is missing or damaged.
    """
    try:
        with safe_open(checkpoint, framework="pt") as file:
            architecture = json.loads(file.metadata()["architecture"])
            names = [key for key in file.keys() if key.startswith("average.")]
            weights = {name.removeprefix("average."): file.get_tensor(name) for name in names}
        model = TryOnModel(StudentConfig(**architecture))
        model.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise WeightsError(f"No usable checkpoint at {checkpoint}; train first.") from error
    return model.eval()


def export(
    model: TryOnModel,
    folder: Path,
    *,
    data: Sequence[str] = (),
    metrics: Sequence[Mapping[str, Any]] = (),
    commit: str = "",
) -> Manifest:
    """Write a model folder.

    Args:
        model: the trained model.
        folder: made, or its model files replaced, after the check passed.
        data: what it was trained on, one line each.
        metrics: held-out scores.
        commit: of the training code.

    Returns:
        The manifest written.

    Raises:
        WeightsError: the runtime's graphs do not agree with PyTorch.
    """
    with tempfile.TemporaryDirectory() as name:
        staging = Path(name)
        save_weights(staging, model)
        write_graphs(rounded(model), staging)
        files = {p.name: sha256(p.read_bytes()) for p in sorted(staging.iterdir())}
        manifest = Manifest(
            model.config.to_json(), files, commit=commit, data=tuple(data), metrics=tuple(metrics)
        )
        write_manifest(staging, manifest)
        for precision, share in CHECKS:
            error = disagreement(staging, precision, share)
            if error > TOLERANCE:
                raise WeightsError(
                    f"OpenVINO {precision} differs from PyTorch by {error * 255:.2f} levels of 255."
                )
        folder.mkdir(parents=True, exist_ok=True)
        for file in (*files, MANIFEST):
            shutil.copyfile(staging / file, folder / file)
    return manifest


def rounded(model: TryOnModel) -> TryOnModel:
    """The model as the weights file will hold it: parameters through float16."""
    copy = TryOnModel(model.config)
    copy.load_state_dict({k: v.cpu().half().float() for k, v in model.state_dict().items()})
    return copy.eval()


def write_graphs(model: TryOnModel, folder: Path) -> None:
    """Write both towers as OpenVINO graphs with float16 constants and static shapes."""
    ov = load_openvino()

    side = model.config.size
    texture = torch.rand(1, side, side, 4)
    with torch.inference_mode():
        features = _EncoderGraph(model.encoder)(texture)
    # Clones, because tracing refuses tensors made in inference mode.
    inputs = (texture, *(f.clone() for f in features))
    for module, example, name in (
        (_EncoderGraph(model.encoder), inputs[:1], ENCODER),
        (_StudentGraph(model.student), inputs, STUDENT),
    ):
        shapes = [list(tensor.shape) for tensor in example]
        graph = ov.convert_model(module.eval(), example_input=example, input=shapes)
        ov.save_model(graph, folder / f"{name}.xml", compress_to_fp16=True)


def disagreement(folder: Path, precision: str = "auto", share: float = 1.0) -> float:
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


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tryon.train.export", description=__doc__)
    parser.add_argument("run", type=Path, help="run folder of tryon.train.distill")
    parser.add_argument("--to", type=Path, default=STUDENT_DIR, help="model folder")
    parser.add_argument("--data", action="append", default=[], help="a line of the data list")
    given = parser.parse_args(arguments)
    try:
        curve = given.run / "curve.jsonl"
        lines = curve.read_text(encoding="utf-8").splitlines() if curve.is_file() else []
        scores = json.loads(lines[-1])["scores"] if lines else []
        model = averaged_model(given.run / "checkpoint.safetensors")
        manifest = export(model, given.to, data=given.data, metrics=scores, commit=_commit())
    except TryOnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{given.to}: {', '.join((WEIGHTS, *manifest.files))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
