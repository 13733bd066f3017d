"""Stills from strangers: upright sRGB pixels, or a refusal in words before anything is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tryon.errors import ImageError
from tryon.look import photo
from tryon.look.photo import read_photo, write_photo

ORIENTATION = 0x0112  # EXIF tag


def picture(height=24, width=40) -> np.ndarray:
    """Smooth colours, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([250 * x / width, 250 * y / height, 90 + 0 * x], -1).astype(np.uint8)


def encoded(image, kind="PNG", **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body
    return head + struct.pack(">I", zlib.crc32(body)) + b"\0\0\0\0IDAT5\xaf\x06\x1e"


def close(a, b, levels=3):
    assert a.shape == b.shape
    assert a.dtype == np.uint8
    assert np.abs(a.astype(int) - b).mean() <= levels


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"quality": 95})]
)
def test_the_three_formats(tmp_path, kind, options):
    path = tmp_path / "a.bin"  # the bytes tell the format, not the name
    path.write_bytes(encoded(picture(), kind, **options))
    close(read_photo(path), picture())
    close(read_photo(str(path)), picture())
    close(read_photo(path.read_bytes()), picture())
    assert read_photo(path).flags.c_contiguous


TURNS = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: lambda a: np.rot90(a),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exif_rotation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {} if kind == "PNG" else {"quality": 95}
    data = encoded(picture(), kind, exif=exif, **options)
    close(read_photo(data), TURNS[orientation](picture()))


@pytest.mark.filterwarnings("error")
def test_damaged_exif_is_left_out():
    data = encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 40)
    close(read_photo(data), picture())


def test_cmyk_grey_and_one_bit():
    close(read_photo(encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG")), picture(), 6)
    grey = np.asarray(Image.fromarray(picture()).convert("L"))
    close(read_photo(encoded(grey)), np.repeat(grey[..., None], 3, 2))
    dots = Image.fromarray(picture()).convert("1")
    assert set(np.unique(read_photo(encoded(dots)))) == {0, 255}


def test_palette_with_and_without_transparency():
    palette = Image.fromarray(picture()).convert("P", palette=Image.Palette.ADAPTIVE)
    close(read_photo(encoded(palette)), np.asarray(palette.convert("RGB")), 0)
    seen = read_photo(encoded(palette, transparency=bytes(range(256))))  # alpha 0..255 by index
    assert seen.shape == (24, 40, 3)
    assert seen.mean() > np.asarray(palette.convert("RGB")).mean()  # over white


def test_alpha_lies_over_white():
    rgba = np.dstack([picture(), np.full((24, 40), 255, np.uint8)])
    rgba[:, :20, 3] = 0
    rgba[:, 20:30, 3] = 128
    for mode in ("RGBA", "LA"):
        image = Image.fromarray(rgba).convert(mode)
        seen = read_photo(encoded(image))
        opaque = np.asarray(image.convert("RGB"))
        assert (seen[:, :20] == 255).all()
        close(seen[:, 20:30], (opaque[:, 20:30] / 2 + 127).astype(np.uint8), 2)
        close(seen[:, 30:], opaque[:, 30:], 0)


@pytest.mark.parametrize("top", [65535, 200])
def test_16_bit_grey_keeps_its_scale(top):
    deep = np.linspace(0, top, 40 * 24).reshape(24, 40).astype(np.uint16)
    seen = read_photo(encoded(Image.fromarray(deep)))
    close(seen, np.repeat((deep / 257).round()[..., None], 3, 2).astype(np.uint8), 0.5)


def linear_profile() -> bytes:
    """An ICC profile like sRGB but with a straight tone curve, so that it changes every colour."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for k in range(count):
        name, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * k)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(8)  # a curve of no points: identity
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_profiles_are_applied(mode):
    image = Image.new(mode, (16, 16), (55, 55, 55, 255)[: len(mode)])
    seen = read_photo(encoded(image, icc_profile=linear_profile()))
    assert abs(int(seen[0, 0, 0]) - 128) <= 2  # 0.216 of linear light


@pytest.mark.parametrize("profile", [b"junk", linear_profile()[:200]])
def test_a_broken_profile_is_left_out(profile):
    close(read_photo(encoded(picture(), icc_profile=profile)), picture(), 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(kind):
    frames = [Image.fromarray(np.full((24, 40, 3), v, np.uint8)) for v in (200, 10, 20)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert (read_photo(data) == 200).all()


@pytest.mark.filterwarnings("error")  # a warning would be a second line on the screen
@pytest.mark.parametrize("size", [(7072, 7072), (12_000, 8_000), (100_000, 100_000)])
def test_pixel_bombs_are_refused_by_their_header(size, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match="pixels; the limit is 50 megapixels"):
        read_photo(png_header(*size))


def test_the_limit_can_be_lowered():
    assert read_photo(encoded(picture()), max_pixels=24 * 40).shape == (24, 40, 3)
    with pytest.raises(ImageError, match="40x24 pixels"):
        read_photo(encoded(picture()), max_pixels=24 * 40 - 1)


def test_huge_files_are_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr(photo, "MAX_BYTES", 100)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture()))
    with pytest.raises(ImageError, match=r"a\.png has .* MB; the limit"):
        read_photo(path)
    with pytest.raises(ImageError, match="limit"):
        read_photo(bytes(101))


HTML = b"<!DOCTYPE html><html><body>404</body></html>"


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"junk" * 100, HTML, encoded(picture(), "GIF"), encoded(picture(), "BMP"),
     encoded(picture(), "TIFF"), b"%!PS-Adobe-3.0 EPSF-3.0\n"],
    ids=["empty", "zero", "junk", "html", "gif", "bmp", "tiff", "eps"],
)  # fmt: skip
def test_what_is_no_png_jpeg_or_webp_is_refused(tmp_path, data):
    path = tmp_path / "page.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"page\.png is not a picture; give a PNG, JPEG or WebP"):
        read_photo(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_refused(kind):
    data = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), kind)
    with pytest.raises(ImageError, match=r"damaged|not a picture"):
        read_photo(data[: len(data) // 2])


SAMPLES = [encoded(picture(), kind) for kind in ("PNG", "JPEG", "WEBP")]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
)
@pytest.mark.filterwarnings("error")
def test_flipped_bytes_raise_nothing_else(data, flips):
    damaged = bytearray(data)
    for place, value in flips:
        damaged[place % len(damaged)] = value
    with suppress(ImageError):
        assert read_photo(bytes(damaged)).dtype == np.uint8


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"cannot read .*none\.png: No such file"):
        read_photo(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot read"):
        read_photo(tmp_path)


@pytest.mark.parametrize(
    "name", ["ünïcødé 彩妆 💄.png", " a b .png", "-rf.png", "x" * 200 + ".webp"]
)
def test_names_of_any_kind(tmp_path, name):
    write_photo(tmp_path / name, picture())
    close(read_photo(tmp_path / name), picture())
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("suffix", "kind", "levels"),
    [(".png", "PNG", 0), (".PNG", "PNG", 0), (".jpg", "JPEG", 3), (".jpeg", "JPEG", 3),
     (".webp", "WEBP", 3)],
)  # fmt: skip
def test_the_suffix_decides_what_is_written(tmp_path, suffix, kind, levels):
    path = tmp_path / f"a{suffix}"
    write_photo(path, picture())
    assert Image.open(path).format == kind
    close(read_photo(path), picture(), levels)


def test_other_suffixes_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ImageError, match=r"end the name in \.png"):
        write_photo(tmp_path / "a.gif", picture())
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_older_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"older")

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ImageError, match="No space left on device"):
        write_photo(path, picture())
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none" / "a.png", tmp_path / "file" / "a.png"):
        with pytest.raises(ImageError, match="cannot write"):
            write_photo(path, picture())
