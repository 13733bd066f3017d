"""Reading a still safely: bytes are checked before anything is decoded.

Only PNG, JPEG and WebP are opened; size and pixel count are limited first, EXIF rotation is
applied, and the result is plain sRGB pixels. Nothing else about the file is kept.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tryon.errors import ImageError
from tryon.look.files import write_whole
from tryon.types import UInt8

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 64 << 20
MAX_PIXELS = 50_000_000


def read_photo(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> UInt8:
    """Read a picture.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: limit checked before decoding.

    Returns:
        (H, W, 3) uint8 RGB, upright, sRGB.

    Raises:
        ImageError: missing, not PNG, JPEG or WebP, damaged, or above a limit.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    label, data = _bytes_of(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks; what matters is raised
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > max_pixels:
                    raise ImageError(
                        f"{label} has {width}x{height} pixels; the limit is "
                        f"{max_pixels // 10**6} megapixels: make it smaller"
                    )
                picture.load()
                return _to_srgb(ImageOps.exif_transpose(picture))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{label} is not a picture; give a PNG, JPEG or WebP file") from None
    except Image.DecompressionBombError:  # a header so absurd that Pillow refuses it by itself
        raise ImageError(
            f"{label} has too many pixels; the limit is {max_pixels // 10**6} megapixels: "
            "make it smaller"
        ) from None
    except Exception as error:  # damaged bytes make decoders raise nearly anything
        raise ImageError(f"{label} is damaged ({error}); save it again as PNG or JPEG") from None


def write_photo(path: str | Path, image: UInt8) -> None:
    """Write (H, W, 3) uint8 RGB as PNG, JPEG or WebP by the suffix, in one piece."""
    from PIL import Image

    target = Path(path)
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    kind = kinds.get(target.suffix.lower())
    if kind is None:
        raise ImageError(f"cannot write {target.name}; end the name in .png, .jpg or .webp")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, quality=95)
    try:
        write_whole(target, buffer.getvalue())
    except OSError as error:
        raise ImageError(f"cannot write {target}: {error.strerror or error}") from None


def _bytes_of(source: str | Path | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        label, data = "the picture", source
        size = len(data)
    else:
        path = Path(source)
        label = path.name
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size <= MAX_BYTES else b""
        except OSError as error:
            raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
    if size > MAX_BYTES:
        raise ImageError(f"{label} has {size >> 20} MB; the limit is {MAX_BYTES >> 20} MB")
    return label, data


def _to_srgb(picture: Image.Image) -> UInt8:
    """Any Pillow image to sRGB: 16-bit, palette, CMYK, alpha (over white) and ICC profiles."""
    from PIL import Image, ImageCms

    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to 8 bit
        grey = (np.asarray(picture, np.float32) / 257).round().clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    if picture.mode in ("P", "LA", "RGBA", "PA"):
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        picture = Image.alpha_composite(white, rgba).convert("RGB")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            wide = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, wide, srgb, outputMode="RGB")
            picture = converted if converted is not None else picture
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile says nothing about the colours: take them as sRGB
    return np.ascontiguousarray(picture.convert("RGB"), np.uint8)
