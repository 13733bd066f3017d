import pytest

from tryon.errors import WeightsError
from tryon.face import bundle


def test_networks_are_tflite_files():
    for name in ("face_detector", "face_landmarks_detector", "face_blendshapes"):
        assert bundle.network(name)[4:8] == b"TFL3"


def test_notice_names_the_bundle_and_its_licence():
    notice = bundle.bundle_path().with_name("NOTICE").read_text()
    assert bundle.SHA256 in notice
    assert "Apache License, Version 2.0" in notice


def test_missing_bundle_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(WeightsError, match="pip install"):
        bundle.verify(tmp_path / "face_landmarker.task")


def test_damaged_bundle_is_refused_with_a_remedy(tmp_path):
    data = bytearray(bundle.bundle_path().read_bytes())
    data[1000] ^= 1
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"damaged.*pip install"):
        bundle.verify(path)
