"""A face cache <-> a file an eighth its size, to be carried to a machine that takes little.

`python -m tryon.train.pack faces.safetensors -o small.safetensors`, and with `--unpack` back.
Colours are JPEG, so they change by about a level; masks lose nothing that training would notice.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tryon.console import run_main
from tryon.errors import ConfigError
from tryon.train.faces import FaceCache

QUALITY = 92
PARTS = ("colour", "visibility", "skin")


def pack(cache: FaceCache, path: Path, quality: int = QUALITY) -> None:
    """Write a cache with its pictures as JPEG files, end to end.

    Raises:
        ConfigError: the quality is not in 1..100.
    """
    from safetensors.torch import save_file

    if not 1 <= quality <= 100:
        raise ConfigError(f"quality = {quality}: use 1..100.")
    pictures = {
        "colour": cache.texture[:, :3],
        "visibility": cache.texture[:, 3:],
        "skin": cache.skin,
    }
    tensors: dict[str, Tensor] = {"ita": cache.ita, "made_up": cache.made_up}
    for name, faces in pictures.items():
        files = [_encode(face.permute(1, 2, 0).numpy(), quality) for face in faces]
        tensors[name] = torch.frombuffer(bytearray(b"".join(files)), dtype=torch.uint8)
        tensors[f"{name}_ends"] = torch.tensor([len(f) for f in files]).cumsum(0)
    lists = {"names": json.dumps(cache.names), "splits": json.dumps(cache.splits)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=lists)


def unpack(path: Path) -> FaceCache:
    """Read what `pack` wrote.

    Raises:
        ConfigError: there is no such file, or it is none of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            lists = file.metadata()
        parts = {name: _decode(tensors[name], tensors[f"{name}_ends"]) for name in PARTS}
        names, splits = (tuple(json.loads(lists[key])) for key in ("names", "splits"))
    except (OSError, SafetensorError, KeyError) as error:
        raise ConfigError(
            f"no packed face cache at {path}; write one with python -m tryon.train.pack"
        ) from error
    texture = torch.cat((parts["colour"], parts["visibility"]), 1)
    return FaceCache(texture, parts["skin"], tensors["ita"], tensors["made_up"], names, splits)


def _encode(picture: NDArray[np.uint8], quality: int) -> bytes:
    file = io.BytesIO()
    plain = picture[..., 0] if picture.shape[-1] == 1 else picture
    Image.fromarray(np.ascontiguousarray(plain)).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def _decode(data: Tensor, ends: Tensor) -> Tensor:
    """(N, C, A, A) uint8 from files laid end to end."""
    whole, start, faces = data.numpy().tobytes(), 0, []
    for end in ends.tolist():
        picture = np.array(Image.open(io.BytesIO(whole[start:end])))
        faces.append(torch.from_numpy(picture.reshape(*picture.shape[:2], -1)).permute(2, 0, 1))
        start = end
    return torch.stack(faces)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tryon.train.pack", description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quality", type=int, default=QUALITY, help="of JPEG, 1..100")
    parser.add_argument("--unpack", action="store_true", help="the other way round")
    return run_main(parser, _run, arguments)


def _run(parsed: argparse.Namespace) -> None:
    if parsed.unpack:
        unpack(parsed.cache).save(parsed.output)
    else:
        pack(FaceCache.load(parsed.cache), parsed.output, parsed.quality)
    print(f"{parsed.output}: {parsed.output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    raise SystemExit(main())
