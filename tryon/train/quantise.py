"""The exported student and painted pairs -> its int8 graph, and what that costs in quality.

It refuses an int8 graph that is visibly worse; it never changes the float graph.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tryon._openvino import load_nncf, load_openvino, open_core
from tryon.engines.base import Engine
from tryon.engines.openvino import ANSWER, QUANTISED, STUDENT, OpenVinoEngine, fixed_answer
from tryon.errors import WeightsError
from tryon.kernels import blocks
from tryon.train.pairs import PairBatch
from tryon.train.validation import Predict, evaluate
from tryon.types import FaceTexture, Float32

MOST_LOST = 0.3  # dB
Inputs = tuple[Float32, ...]  # of the student's graph


def quantise(folder: Path, pairs: Sequence[PairBatch]) -> None:
    """Write the int8 graph beside the float32 one, and the answer by which a CPU is checked.

    Convolutions take and give 8 bits. Sums stay in float32: residual blocks then lose nothing, and
    it is faster, too. Ranges are the largest seen, not typical ones: what a typical range cuts off
    are the strongest makeups.

    Args:
        folder: model folder with a manifest and the float32 graphs; two graph files and the answer
            are written.
        pairs: of people of the training split; some 100.
    """
    nncf = load_nncf()
    nncf.set_log_level(logging.WARNING)
    engine = OpenVinoEngine(folder, "f32")
    seen = [
        _inputs(engine, *textures)
        for batch in pairs
        for textures in zip(_rows(batch.source), _rows(batch.reference), strict=True)
    ]
    graph = open_core().read_model(folder / f"{STUDENT}.xml")
    largest = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    quantised = nncf.quantize(
        graph,
        nncf.Dataset(seen),
        subset_size=len(seen),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(types=["Add"]),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.DISABLE,  # such CPUs are refused
            activations_range_estimator_params=largest,
        ),
    )
    load_openvino().save_model(quantised, folder / f"{QUANTISED}.xml", compress_to_fp16=True)
    np.save(folder / ANSWER, fixed_answer(folder).astype(np.float16))


def quality(folder: Path, pairs: Sequence[PairBatch]) -> dict[str, float]:
    """Measure the float32 and the int8 student of a folder on held-out pairs.

    Returns:
        For the manifest: `psnr_f32` and `psnr_int8`, dB in the makeup mask, and `faces`.

    Raises:
        WeightsError: int8 costs more than MOST_LOST.
        EngineError: this CPU cannot compute int8.
    """
    exact, rough = (
        evaluate(_predict(OpenVinoEngine(folder, precision)), pairs)[0]
        for precision in ("f32", "int8")
    )
    lost = exact.psnr - rough.psnr
    if lost > MOST_LOST:
        raise WeightsError(f"int8 costs {lost:.2f} dB, more than {MOST_LOST}: leave out --faces.")
    return {"psnr_f32": exact.psnr, "psnr_int8": rough.psnr, "faces": exact.faces}


def _inputs(engine: Engine, source: Float32, reference: Float32) -> Inputs:
    """What the student's graph takes for a source and a reference, each (A, A, 4)."""
    side = engine.size
    fine = np.empty((1, side // 2, side // 2, blocks.FINE), np.float32)
    coarse = np.empty((1, side // 4, side // 4, blocks.COARSE), np.float32)
    blocks.pack(source, fine[0], coarse[0])
    return fine, coarse, *engine.prepare(_face(reference)).features


def _predict(engine: Engine) -> Predict:
    def predict(source: Tensor, reference: Tensor) -> Tensor:
        layers = [
            engine(texture[None], engine.prepare(_face(look)))
            for texture, look in zip(_rows(source), _rows(reference), strict=True)
        ]
        return torch.from_numpy(np.concatenate(layers)).permute(0, 3, 1, 2)

    return predict


def _rows(textures: Tensor) -> Float32:
    """(B, 4, A, A) to (B, A, A, 4) contiguous."""
    rows: Float32 = textures.permute(0, 2, 3, 1).contiguous().numpy()
    return rows


def _face(texture: Float32) -> FaceTexture:
    return FaceTexture(texture[..., :3], texture[..., 3])
