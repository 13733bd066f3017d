"""A rigged hand bends at its joints, keeps its bones, and has an arm."""

import numpy as np
import pytest

from tests.train.rig_file import write_hand
from tryon.errors import ConfigError
from tryon.train import rig
from tryon.train.rig import CHAINS, HandRig


@pytest.fixture(scope="module")
def hand_rig(tmp_path_factory):
    return HandRig(write_hand(tmp_path_factory.mktemp("rig") / "hand.glb"))


def reach(hand_rig, monkeypatch, pose):
    """(5,) mean distance of the fingertips from the wrist, cm."""
    monkeypatch.setattr(rig, "POSES", {pose: rig.POSES[pose]})
    rng = np.random.default_rng(0)
    tips = [hand_rig.pose(rng).tips for _ in range(10)]
    return np.linalg.norm(tips, axis=-1).mean(0)


def test_a_fist_is_shorter_than_an_open_hand(hand_rig, monkeypatch):
    opened = reach(hand_rig, monkeypatch, "open")
    monkeypatch.undo()
    assert (reach(hand_rig, monkeypatch, "fist")[1:] < 0.75 * opened[1:]).all()


def test_fingers_bend_to_the_palm_never_to_the_back(hand_rig, monkeypatch):
    monkeypatch.setattr(rig, "POSES", {"cupped": rig.POSES["cupped"]})
    for seed in range(5):
        tips = hand_rig.pose(np.random.default_rng(seed)).tips
        assert (tips[1:, 1] < -1).all()  # y is the back of the hand


def test_bones_keep_their_form(hand_rig):
    boxes = 1 + sum(len(chain) for chain in CHAINS)
    for seed in range(5):
        points = hand_rig.pose(np.random.default_rng(seed)).points[: 8 * boxes].reshape(-1, 8, 3)
        sides = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
        assert sides == pytest.approx(1.6, abs=1e-3)


def test_an_arm_goes_on_behind_the_wrist(hand_rig):
    hand = hand_rig.pose(np.random.default_rng(3))
    beyond = hand.points @ hand.arm
    assert beyond.max() == pytest.approx(rig.ARM, abs=3)
    assert (hand.tips @ hand.arm < 0).all()


def test_what_is_no_hand_is_refused(tmp_path):
    path = tmp_path / "hand.glb"
    for data in (b"", b"glTF" + bytes(100)):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match="webxr-input-profiles"):
            HandRig(path)
    with pytest.raises(ConfigError, match="no rigged hand"):
        HandRig(tmp_path / "nothing.glb")
