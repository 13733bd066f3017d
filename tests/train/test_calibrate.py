"""The reflectance curve: found again from faces whose light is known, and steady once it fits."""

import numpy as np

from tryon.cosmetics.substrate import ITA_KNOTS, REFLECTANCE, SKIN_TRUST
from tryon.train.calibrate import fitted, main, sclera_line
from tryon.train.paint_speed import synthetic_faces


def test_too_bright_a_reading_at_one_tone_raises_the_curve_there_until_it_shows_as_itself():
    rng = np.random.default_rng(0)
    ita = rng.uniform(-50, 80, 4000)
    true = np.array(REFLECTANCE) * np.where(np.array(ITA_KNOTS) < 0, 1.2, 1.0)
    read, should = (np.exp(np.interp(ita, ITA_KNOTS, np.log(c))) for c in (REFLECTANCE, true))
    found = fitted(ita, (should / read) ** SKIN_TRUST)
    np.testing.assert_allclose(found, true, rtol=0.02)


def test_the_usual_white_of_the_eyes_is_found_though_every_fifth_face_hides_it():
    rng = np.random.default_rng(0)
    ita = rng.uniform(-50, 80, 2000)
    white = 0.2 * np.exp(ita / 70) * rng.lognormal(0, 0.1, len(ita))
    white[::5] *= 0.02  # closed, or behind glasses
    at_zero, rise = sclera_line(ita, white)
    np.testing.assert_allclose((at_zero, rise), (0.2, 70), rtol=0.1)


def test_it_prints_the_curve_and_looks_at_training_faces_only(tmp_path, capsys):
    path = tmp_path / "faces.safetensors"
    synthetic_faces(64).save(path)
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert "on 8 training faces" in out  # of 16; the others are held out
    assert out.count("deg:") == len(ITA_KNOTS)
