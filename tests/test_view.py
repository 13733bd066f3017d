from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.hud import draw_lines
from tryon.types import REGIONS, Face, Frame, Pose, TryOnResult
from tryon.view import KEYS, ViewState, compose, drag, frame_face, press, status

FULL = ViewState(base=(1.0,) * len(REGIONS))
BEFORE = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3) // 2
AFTER = BEFORE + 100


def type_keys(keys, state=FULL, now=0.0):
    for key in keys:
        state = press(state, key, now)
    return state


def shown(state, now=10.0, faces=()):
    return compose(state, Frame(BEFORE), TryOnResult(AFTER, faces), now)


def test_digits_switch_regions_off_and_on():
    lips = REGIONS.index("lips")
    state = type_keys("6")
    assert state.intensities[lips] == 0
    assert sum(state.intensities) == len(REGIONS) - 1
    assert type_keys("66").intensities == FULL.intensities
    assert type_keys("0789") == FULL


def test_brackets_change_the_strength_within_bounds():
    assert type_keys("[[").intensities == (0.8,) * len(REGIONS)
    assert type_keys("]" * 30).intensities == (1.5,) * len(REGIONS)
    assert type_keys("[" * 30).intensities == (0.0,) * len(REGIONS)
    assert type_keys("[" * 30 + "]" * 10).intensities == FULL.intensities
    half = replace(FULL, base=(0.5,) * len(REGIONS))
    assert type_keys("]", half).intensities == (0.55,) * len(REGIONS)


def test_tab_chooses_the_region_that_brackets_change():
    lips = type_keys(["tab"] * 6 + ["]", "]"])
    assert lips.intensities == (1, 1, 1, 1, 1, 1.2)
    assert type_keys(["tab"] * 7 + ["["]).intensities == (0.9,) * len(REGIONS)
    assert type_keys(["tab", "["]).intensities == (0.9, 1, 1, 1, 1, 1)


def test_the_split_line_moves_by_keyboard_too():
    state = type_keys("s,,")
    assert state.split == pytest.approx(0.4)
    assert type_keys("s" + "." * 20).split == 1.0
    assert type_keys(",.") == FULL


@pytest.mark.parametrize("mirror", [False, True])
def test_the_chosen_face_is_framed_where_it_is_shown(mirror):
    points = np.full((478, 3), 30.0, np.float32)
    points[0], points[1] = (20, 10, 0), (50, 40, 0)
    face = Face(points, Pose(0, 0, 0), 1.0)
    image = np.zeros((60, 100, 3), np.uint8)
    frame_face(image, face, mirror)
    y, x = np.nonzero(image[..., 0])
    left, right = (50, 80) if mirror else (20, 50)
    assert (x.min(), y.min()) == (left, 10)
    assert (x.max(), y.max()) == (right + 1, 41)
    assert image[25, (left + right) // 2].max() == 0
    frame_face(image, Face(points * 1000, Pose(0, 0, 0), 1.0), mirror)  # far outside: no error


@pytest.mark.parametrize("key", ["q", "esc"])
def test_quit(key):
    assert press(FULL, key, 0).quit


def test_toggles_and_pictures():
    state = type_keys("mhdlcw")
    assert (state.mirror, state.hud, state.debug, state.strip) == (True, False, True, False)
    assert (state.pictures, state.saves) == (1, 1)
    assert type_keys("mhdl", state) == replace(FULL, pictures=1, saves=1)


def test_n_and_p_step_through_the_looks():
    state = ViewState(base=(1.0,) * 6)
    assert press(state, "n", 0.0).look == 1
    assert press(press(state, "p", 0.0), "n", 0.0).look == 0


def test_the_help_lists_every_key_that_does_something_and_no_other():
    listed = {"esc"}  # what closing the window gives
    for keys, _ in KEYS:
        listed |= set("123456") if keys == "1-6" else set(keys.replace("space", "  ").split())
        listed |= {" "} if keys == "space" else set()
    split = replace(FULL, split=0.5)
    acting = {
        key for key in [*map(chr, range(32, 127)), "tab", "esc"] if press(split, key, 1) != split
    }
    assert acting == listed


def test_r_starts_and_stops_a_recording():
    state = press(FULL, "r", 10.0)
    assert state.recording == 10.0
    assert status(state, 75.4) == "REC 1:05"
    assert press(state, "r", 80.0) == FULL


def test_unknown_keys_change_nothing():
    assert type_keys(["x", "é", "\r", "²", ""]) == FULL


def test_space_compares_while_it_is_held_and_no_longer():
    state = press(FULL, " ", 10.0)
    assert np.array_equal(shown(state, 10.3), BEFORE)
    for step in range(20):  # repeats begin after the system's delay
        state = press(state, " ", 10.5 + step * 0.04)
    assert np.array_equal(shown(state, 11.3), BEFORE)
    assert np.array_equal(shown(state, 11.6), AFTER)


def test_split_shows_the_original_left_of_the_line_and_follows_the_mouse():
    state = press(FULL, "s", 0)
    image = shown(state)
    assert np.array_equal(image[:, :4], BEFORE[:, :4])
    assert (image[:, 4:6] == 255).all()
    assert np.array_equal(image[:, 6:], AFTER[:, 6:])
    assert np.array_equal(shown(drag(state, 0.8))[:, :7], BEFORE[:, :7])
    assert np.array_equal(shown(drag(state, -3.0)), AFTER)
    assert np.array_equal(shown(drag(state, 9.0))[:, :9], BEFORE[:, :9])
    assert drag(FULL, 0.3) == FULL
    assert press(state, "s", 0).split is None


def test_mirror_flips_the_picture_and_keeps_the_original_on_the_left():
    state = drag(type_keys("ms"), 0.3)
    image = shown(state)
    assert np.array_equal(image[:, :2], BEFORE[:, ::-1][:, :2])
    assert np.array_equal(image[:, 4:], AFTER[:, ::-1][:, 4:])
    assert np.array_equal(shown(type_keys("m")), AFTER[:, ::-1])


def test_the_picture_is_new_so_that_it_may_be_drawn_on():
    for state in (FULL, type_keys("s"), type_keys("m"), type_keys(" ")):
        image = shown(state, 0.0)
        assert not np.shares_memory(image, AFTER)
        assert not np.shares_memory(image, BEFORE)


def test_debug_marks_landmarks_and_ignores_broken_ones():
    points = np.full((478, 3), 3.5, np.float32)
    points[0] = np.nan
    points[1] = (-50, 900, 0)
    face = Face(points, Pose(0, 0, 0), 1.0)
    image = shown(type_keys("d"), faces=(face,))
    assert (image[3, 3] == (0, 255, 0)).all()
    assert (image != AFTER).any(-1).sum() == 4


def test_status_tells_what_was_chosen():
    assert status(FULL, 1.0) == ""
    assert status(type_keys("6"), 1.0) == "off: lips"
    assert status(type_keys(["tab"] * 6 + ["["]), 1.0) == "lips x0.9  [ ] change: lips"
    assert status(type_keys("]s"), 1.0) == "original | with makeup  intensity x1.1"
    assert status(press(press(FULL, "s", 1.0), " ", 1.0), 1.1) == "original"


@pytest.mark.parametrize("size", [(720, 1280), (64, 64), (2160, 3840)])
def test_hud_text_is_readable_on_white_and_leaves_the_rest_alone(size):
    image = np.full((*size, 3), 255, np.uint8)
    draw_lines(image, ("openvino | 29.9 fps", "", "camera lost"))
    assert image.min() < 100  # 255 on 89 and below is 7 : 1
    assert (image[-size[0] // 3 :] == 255).all()
    same = np.full((*size, 3), 255, np.uint8)
    draw_lines(same, ("", ""))
    assert (same == 255).all()
