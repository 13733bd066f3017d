"""Quality mode: the teacher on photos, by region and strength, and each mistake in one line."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.conftest import mesh_pixels, without_gpu
from tests.models.tiny_teacher import alive, layer_teacher
from tryon import photo
from tryon.errors import ConfigError, MissingExtraError, WeightsError
from tryon.face.landmarks import LIPS_OUTER
from tryon.kernels import cpu
from tryon.models.teacher_files import save_teacher
from tryon.quality import QualityConfig, QualitySession, bare_look


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A teacher that has learnt nothing, but paints something."""
    folder = tmp_path_factory.mktemp("teacher")
    save_teacher(folder, alive(layer_teacher()))
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, portrait, painted_portrait, look, wall):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(portrait).save("face.png")
    Image.fromarray(painted_portrait).save("ref.png")
    Image.fromarray(wall).save("wall.png")
    look.save("red.look")
    return tmp_path


def run(*argv):
    return photo.main([str(a) for a in argv])


def read(path):
    return np.asarray(Image.open(path))


def teach(weights, *argv):
    return run("face.png", *argv, "--teacher", "--teacher-weights", weights, "--steps", "2")


def test_a_photo_is_made_up_by_the_teacher(here, weights, portrait, portrait_face, capsys):
    assert teach(weights, "--ref", "ref.png", "-o", "out.png") == 0
    out, err = capsys.readouterr()
    assert out.startswith("out.png: 1 made up (teacher compact-small on")
    assert err == ""
    image, inside = read("out.png"), mesh_pixels(portrait, portrait_face)
    np.testing.assert_array_equal(image[~inside], portrait[~inside])
    assert (image[inside] != portrait[inside]).any()
    assert teach(weights, "--look", "red.look", "-o", "again.png") == 0
    np.testing.assert_array_equal(read("again.png"), image)  # one seed, one picture


def test_the_teacher_that_ships_paints_and_says_how_good_it_is(
    here, portrait, portrait_face, capsys
):
    assert run("face.png", "--ref", "ref.png", "--teacher", "-o", "out.png") == 0
    out, err = capsys.readouterr()
    assert "1 made up (teacher compact-tiny on" in out
    assert "the student is still better" in err
    change = read("out.png").astype(int) - portrait
    contour = portrait_face.landmarks[list(LIPS_OUTER), :2]
    lips = cpu.polygon_coverage(contour, (0, 0), portrait.shape[:2]) > 0.5
    red, green = change[lips].mean(0)[:2]
    assert red - green > 8  # the reference wears red
    assert np.abs(change[~lips]).mean() < 1


def test_intensity_zero_is_the_photo_itself(here, weights, portrait):
    assert teach(weights, "--ref", "ref.png", "--intensity", "all=0", "-o", "o.png") == 0
    np.testing.assert_array_equal(read("o.png"), portrait)


def test_a_region_of_its_own_reference_leaves_the_others(here, weights, portrait):
    assert teach(weights, "--ref", "lips=ref.png", "-o", "lips.png") == 0
    assert teach(weights, "--ref", "all=ref.png", "--ref", "lips=face.png", "-o", "mix.png") == 0
    changed = (read("lips.png") != portrait).any(-1)
    assert changed.any()
    assert np.ptp(np.nonzero(changed)[0]) < 60  # rows: the mouth only
    assert not np.array_equal(read("mix.png"), read("lips.png"))


def test_makeup_can_be_removed(here, weights, portrait):
    assert teach(weights, "--remove", "-o", "bare.png") == 0
    assert (read("bare.png") != portrait).any()
    assert bare_look().name == "bare"


def test_pairs_are_made_up_too(here, weights, capsys):
    (here / "p.tsv").write_text("face.png\tref.png\nwall.png\tref.png\n")
    argv = ["--pairs", "p.tsv", "--teacher", "--teacher-weights", weights, "--steps", "1"]
    assert run(*argv, "-o", "out") == 1
    out, err = capsys.readouterr()
    assert "1 written, 1 failed" in out
    assert "no face found in wall.png" in err
    assert [path.name for path in (here / "out").iterdir()] == ["face__ref.png"]


def test_progress_is_told_step_by_step(weights, portrait, look):
    told = []
    config = QualityConfig(weights, steps=3)
    with QualitySession(config, lambda *step: told.append(step)) as session:
        assert session.process(portrait).image is portrait
        session.set_look(look)
        assert session.process(portrait).image is not portrait
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_each_face_wears_the_look(weights, pair, look):
    with QualitySession(QualityConfig(weights, steps=1, max_faces=2)) as session:
        session.set_look(look)
        result = session.process(pair)
    assert len(result.faces) == 2
    changed = (result.image != pair).any(-1)
    assert changed[:, :640].any()
    assert changed[:, 640:].any()


FAULTS = {
    "no teacher": (["face.png", "--ref", "ref.png", "--teacher"], "--teacher-weights"),
    "no folder": (
        ["face.png", "--ref", "ref.png", "--teacher", "--teacher-weights", "none"], "none holds no"
    ),
    "steps alone": (["face.png", "--ref", "ref.png", "--steps", "4"], "add --teacher"),
    "remove and wear": (["face.png", "--remove", "--ref", "ref.png", "--teacher"], "name regions"),
    "backend": (
        ["face.png", "--ref", "ref.png", "--teacher", "--backend", "openvino"], "auto, torch"
    ),
    "nothing to wear": (["face.png", "--teacher"], "name the makeup"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_leave_nothing(here, fault, capsys, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", here / "none")
    argv, words = FAULTS[fault]
    before = sorted(here.rglob("*"))
    assert run(*argv, "-o", "o.png") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert "unexpected" not in err
    assert words in err
    assert sorted(here.rglob("*")) == before


def test_a_changed_file_of_weights_is_refused(weights, tmp_path):
    import shutil

    folder = shutil.copytree(weights, tmp_path / "t")
    shard = next(folder.glob("shard-*"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="SHA-256"):
        QualitySession(QualityConfig(folder))


@pytest.mark.parametrize("library", ["torch", "diffusers"])
def test_a_missing_library_is_named_with_its_remedy(weights, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"tryon\[train\]"):
        QualitySession(QualityConfig(weights))


def test_settings_out_of_range_are_named():
    for values in ({"steps": 0}, {"backend": "tensorrt"}, {"parser": "slow"}):
        with pytest.raises(ConfigError):
            QualityConfig(**values)


def test_without_the_teacher_a_photo_needs_no_torch(here):
    code = (
        "import sys; from tryon import photo; "
        "code = photo.main(['face.png', '--look', 'red.look', '-o', 'o.png']); "
        "print(code, 'torch' in sys.modules, 'diffusers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=without_gpu(),
    )
    assert done.stdout.splitlines()[-1] == "0 False False"
