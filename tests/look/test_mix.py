"""Mixing: each region comes from the look named for it, and from no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import difference
from tryon import REGIONS, Look
from tryon.errors import ConfigError, LookFormatError
from tryon.face.regions import region_masks
from tryon.face.unwrap import unwrap_face
from tryon.look.mix import interpolate, mix_looks, share_maps
from tryon.look.store import decode_look

MASKS = region_masks(256)
MAX_LEAK = 0.01  # of the energy of what a region was to change


@pytest.fixture(scope="module")
def big(scene):
    """A face as wide as the atlas, so that few of its pixels belong to two regions."""
    return scene(360, 360, 320, size=(720, 720))


def worn(session, look, image):
    """What a look makes of the picture, in the atlas: (256, 256, 3) float32, 0..255."""
    session.set_look(look)
    result = session.process(image)
    return 255 * unwrap_face(result.image, result.faces[0]).colour


def energy(change, region_weight):
    return float((np.square(change).sum(-1) * region_weight * MASKS.paintable).sum())


def beside(region: str) -> np.ndarray:
    """1 where a region is not, nor the two texels at its rim that share its pixels in the frame."""
    import cv2

    wide = cv2.dilate((MASKS.of(region) >= 0.01).astype(np.uint8), np.ones((5, 5), np.uint8))
    return (wide == 0).astype(np.float32)


@pytest.fixture(scope="module")
def other_look(portrait) -> Look:
    """Another makeup: violet lips, green lids, brown brows."""
    from tryon.cosmetics.style import Eyeshadow, Lips, MakeupStyle
    from tryon.look.products import paint_photo

    style = MakeupStyle(
        lips=Lips(0.9, "#602080", "matte"), eyeshadow=Eyeshadow(0.9, "#20a040", height=0.7)
    )
    return replace(Look.from_photo(paint_photo(portrait, style)), name="other")


@pytest.mark.parametrize("region", ["lips", "eyes"])
def test_a_region_comes_from_its_look_and_the_rest_from_the_other(
    still_session, big, look, other_look, region
):
    mixed = mix_looks({"all": look, region: other_look})
    base, part, both = (worn(still_session, it, big) for it in (look, other_look, mixed))
    inside, outside = MASKS.of(region), beside(region)
    wanted = energy(part - base, inside)
    assert wanted > 0
    assert energy(both - part, inside) < 0.05 * wanted
    assert energy(both - base, outside) < MAX_LEAK * wanted


def test_lips_do_not_leak_into_eyes_of_another_look(still_session, big, look, other_look):
    """Only the lips differ between the two mixes."""
    first = worn(still_session, mix_looks({"lips": look, "eyes": other_look}), big)
    second = worn(still_session, mix_looks({"lips": other_look, "eyes": other_look}), big)
    wanted = energy(first - second, MASKS.of("lips"))
    assert wanted > 1000
    assert energy(first - second, MASKS.of("eyes")) < MAX_LEAK * wanted


def test_regions_nobody_named_stay_bare(still_session, big, look, other_look):
    mixed = mix_looks({"lips": look, "eyes": other_look})
    assert mixed.intensities == (0, 0, 0, 0, 1, 1)
    still_session.set_look(mixed)
    result = still_session.process(big)
    change = difference(result.image, big)
    changed = np.where(change > 0, np.uint8(255), np.uint8(0))
    changed = unwrap_face(changed, result.faces[0]).colour[..., 0]
    # A texel or two beside lips and lids shares a pixel of the frame with them, and the edge of the
    # lips is soft by a pixel more.
    assert changed[MASKS.of("skin") > 0.99].mean() < 0.02
    assert changed[MASKS.of("lips") > 0.99].mean() > 0.5


def test_mixing_a_look_with_itself_changes_nothing(still_session, big, look):
    assert mix_looks({"all": look, "lips": look}) is look
    copy = replace(look, colour=look.colour.copy(), name="copy")
    mixed = mix_looks({"all": look, "lips": copy, "eyes": copy})
    assert mixed.parts == ()
    np.testing.assert_array_equal(worn(still_session, mixed, big), worn(still_session, look, big))


def test_intensities_come_with_the_region(look, other_look):
    strong, weak = look.with_intensity("all", 1.5), other_look.with_intensity("all", 0.5)
    mixed = mix_looks({"all": strong, "lips": weak})
    assert mixed.intensities == (1.5, 1.5, 1.5, 1.5, 1.5, 0.5)
    assert mix_looks({"lips": weak}).intensities == (0, 0, 0, 0, 0, 0.5)


def test_a_mixed_look_shows_each_region_and_says_what_it_is(look, other_look):
    mixed = mix_looks({"all": look, "lips": other_look})
    lips, skin = MASKS.of("lips") == 1, MASKS.of("skin") == 1
    np.testing.assert_array_equal(mixed.colour[lips], other_look.colour[lips])
    np.testing.assert_array_equal(mixed.colour[skin], look.colour[skin])
    assert mixed.name == f"{look.name} (all) + other (lips)"
    assert mixed.provenance == "mix"


def test_a_mix_of_mixes_keeps_every_region(look, other_look, bare_look):
    inner = mix_looks({"all": look, "eyes": other_look})
    outer = mix_looks({"all": inner, "lips": bare_look})
    eyes, lips = REGIONS.index("eyes"), REGIONS.index("lips")
    by_pixels = {part.colour.tobytes(): part.shares for part in outer.parts}
    assert by_pixels[other_look.colour.tobytes()][eyes] == 1
    assert by_pixels[bare_look.colour.tobytes()][lips] == 1
    assert by_pixels[look.colour.tobytes()] == (1, 1, 1, 1, 0, 0)


def test_interpolation_goes_from_one_look_to_the_other(still_session, big, look, other_look):
    assert interpolate(look, other_look, 0) is look
    assert interpolate(look, other_look, 1) is other_look
    lips = MASKS.of("lips") * MASKS.paintable > 0.9
    colours = []
    for t in (0, 0.25, 0.5, 0.75, 1):
        between = interpolate(look, other_look, t)
        colours.append(worn(still_session, between, big)[lips].mean(0))
    way = colours[-1] - colours[0]
    steps = np.array([(c - colours[0]) @ way / (way @ way) for c in colours])
    np.testing.assert_allclose(steps, [0, 0.25, 0.5, 0.75, 1], atol=0.1)
    halved = interpolate(look.with_intensity("lips", 0), look.with_intensity("lips", 1), 0.5)
    assert halved.intensities[-1] == 0.5
    assert halved.parts == ()


def test_scaling_changes_all_regions_and_stops_at_the_largest(look):
    scaled = look.with_intensity("lips", 0.5).scaled(2)
    assert scaled.intensities == (1.5, 1.5, 1.5, 1.5, 1.5, 1.0)
    assert look.scaled(0).intensities == (0,) * 6
    for factor in (-1, float("nan")):
        with pytest.raises(ConfigError, match="scaled"):
            look.scaled(factor)


def test_a_mixed_look_is_saved_whole(tmp_path, still_session, big, look, other_look):
    mixed = mix_looks({"all": look, "lips": other_look})
    mixed.save(tmp_path / "mixed.look")
    again = Look.load(tmp_path / "mixed.look")
    assert again.digest == mixed.digest
    assert [part.shares for part in again.parts] == [part.shares for part in mixed.parts]
    np.testing.assert_array_equal(worn(still_session, again, big), worn(still_session, mixed, big))


def test_shares_sum_to_one_everywhere(look, other_look, bare_look):
    for mixed in (
        mix_looks({"lips": look, "eyes": other_look, "all": bare_look}),
        mix_looks({"lips": look, "eyes": other_look}),
        interpolate(look, other_look, 0.3),
        look,
    ):
        maps = share_maps(mixed)
        np.testing.assert_allclose(maps.texels.sum(0), 1, atol=1e-5)
        assert sum(maps.whole) == pytest.approx(1)
        assert maps.texels.shape == (len(mixed.references), 256, 256)


def test_what_cannot_be_mixed_is_refused(look):
    small = Look(look.colour[:128, :128], look.visibility[:128, :128])
    for parts, words in (
        ({}, "nothing to mix"),
        ({"hair": look}, "no region 'hair'"),
        ({"all": look, "lips": small}, "different sizes"),
    ):
        with pytest.raises(ConfigError, match=words):
            mix_looks(parts)
    for t in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="0 to 1"):
            interpolate(look, small, t)
    with pytest.raises(LookFormatError, match="sum to 1"):
        replace(look, parts=(replace(look.references[0], shares=(0.5,) * 6),))
    with pytest.raises(LookFormatError, match="one share"):
        replace(look.references[0], shares=(0.5,))


def test_a_damaged_mixed_file_is_refused(tmp_path, look, other_look):
    mix_looks({"all": look, "lips": other_look}).save(tmp_path / "mixed.look")
    data = (tmp_path / "mixed.look").read_bytes()
    random = np.random.default_rng(5)
    for place in (*range(0, 900, 9), *random.integers(0, len(data), 60)):
        damaged = bytearray(data)
        damaged[place] ^= int(random.integers(1, 256))
        try:
            again = decode_look(bytes(damaged))
        except LookFormatError:
            continue
        assert again.digest == mix_looks({"all": look, "lips": other_look}).digest
    for other in (
        b"[1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1]",
        b"[9, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0]",
    ):
        spoilt = data.replace(b"[1.0, 1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]",
                              other.ljust(62), 1)  # fmt: skip
        assert spoilt != data
        with pytest.raises(LookFormatError):
            decode_look(spoilt)
