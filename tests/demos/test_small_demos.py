"""The small demos, run as a reader would run them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import media_factory as make
from tests.conftest import difference
from tryon import Look

DEMOS = Path(__file__).parents[2] / "demos"


@pytest.fixture
def folder(tmp_path, monkeypatch, portrait, painted_portrait):
    Image.fromarray(portrait).save(tmp_path / "face.png")
    Image.fromarray(painted_portrait).save(tmp_path / "red.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, name, *argv):
    monkeypatch.setattr(sys, "argv", [name, *argv])
    return runpy.run_path(str(DEMOS / name), run_name="__main__")


def test_each_region_comes_from_its_photo_and_the_rest_stays_bare(
    folder, monkeypatch, portrait, portrait_face
):
    run(monkeypatch, "mix_regions.py", "face.png", "out.png", "lips=red.png")
    change = difference(np.asarray(Image.open("out.png")), portrait).max(-1)
    lips = portrait_face.landmarks[[61, 291, 0, 17], :2]  # corners, top and bottom
    (x0, y0), (x1, y1) = lips.min(0).astype(int) - 12, lips.max(0).astype(int) + 12
    assert change[y0:y1, x0:x1].max() > 40
    change[y0:y1, x0:x1] = 0
    assert change.max() == 0
    run(monkeypatch, "mix_regions.py", "face.png", "out.png", "lips=red.png", "eyes=face.png")
    look = Look.load("out.look")
    assert look.intensities == (0, 0, 0, 0, 1, 1)
    assert len(look.parts) == 2


def test_the_embedding_example_has_fifteen_lines_and_works(folder, monkeypatch, portrait):
    import cv2

    source = (DEMOS / "embed_minimal.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 15
    make.write_video(folder / "in.mp4", [portrait] * 3)
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda ms: -1)  # a test has no screen
    run(monkeypatch, "embed_minimal.py", "red.png", "in.mp4")
    assert len(shown) == 3
    assert difference(shown[-1][..., ::-1], portrait).max() > 40
