"""The photo command, in this process and with the real networks."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.conftest import mesh_pixels
from tryon import photo
from tryon.errors import ImageError


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, portrait, painted_portrait, look, wall):
    """A folder of inputs: faces, a look, and things that are none."""
    folder = tmp_path_factory.mktemp("shelf")
    Image.fromarray(portrait).save(folder / "face.png")
    Image.fromarray(painted_portrait).save(folder / "ref.png")
    Image.fromarray(wall).save(folder / "wall.png")
    (folder / "page.png").write_text("<!DOCTYPE html>")
    (folder / "junk.look").write_bytes(b"junk" * 100)
    look.save(folder / "red.look")
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch):
    """The working directory: a copy of the shelf."""
    shutil.copytree(shelf, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*argv):
    return photo.main([str(a) for a in argv])


def read(path):
    return np.asarray(Image.open(path))


def test_a_photo_wears_the_makeup_of_another(here, portrait, portrait_face, capsys):
    assert run("face.png", "--ref", "ref.png", "-o", "out.png") == 0
    out, err = capsys.readouterr()
    assert out.startswith("out.png: 1 made up (openvino")
    assert err == ""
    image, inside = read("out.png"), mesh_pixels(portrait, portrait_face)
    np.testing.assert_array_equal(image[~inside], portrait[~inside])
    assert np.abs(image[inside].astype(int) - portrait[inside]).mean() > 1


def test_a_look_file_does_the_same_as_its_photo(here):
    assert run("face.png", "--ref", "ref.png", "-o", "a.png") == 0
    assert run("face.png", "--look", "red.look", "-o", "b.png") == 0
    np.testing.assert_array_equal(read("a.png"), read("b.png"))


def test_intensities_reach_the_picture_and_exif_is_applied(here, portrait):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(portrait)))
    lying.save("lying.png", exif=exif)
    assert run("lying.png", "--look", "red.look", "--intensity", "all=0", "-o", "out.png") == 0
    np.testing.assert_array_equal(read("out.png"), portrait)


FAULTS = {
    "missing photo": (["none.png", "--ref", "ref.png", "-o", "o.png"], "none.png"),
    "missing reference": (["face.png", "--ref", "none.png", "-o", "o.png"], "none.png"),
    "missing look": (["face.png", "--look", "none.look", "-o", "o.png"], "none.look"),
    "html photo": (["page.png", "--ref", "ref.png", "-o", "o.png"], "give a PNG, JPEG or WebP"),
    "html reference": (["face.png", "--ref", "page.png", "-o", "o.png"], "page.png is not"),
    "junk look": (["face.png", "--look", "junk.look", "-o", "o.png"], "make it from the photo"),
    "photo as look": (["face.png", "--look", "ref.png", "-o", "o.png"], "not a look file"),
    "no face": (["wall.png", "--look", "red.look", "-o", "o.png"], "no face found in wall.png"),
    "reference without a face": (["face.png", "--ref", "wall.png", "-o", "o.png"], "no face found"),
    "suffix": (["face.png", "--look", "red.look", "-o", "o.gif"], "end the name in .png"),
    "folder": (["face.png", "--look", "red.look", "-o", "no/o.png"], "cannot write no"),
    "no makeup": (["face.png", "-o", "o.png"], "--ref PHOTO or --look FILE"),
    "no photo": (["--ref", "ref.png", "-o", "o.png"], "name a photo"),
    "pairs and photo": (["face.png", "--pairs", "p.tsv", "-o", "o"], "leave the others out"),
    "missing pairs": (["--pairs", "p.tsv", "-o", "o"], "cannot read p.tsv: No such file"),
    "pairs of bytes": (["--pairs", "face.png", "-o", "o"], "save it as UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_leave_nothing(here, fault, capsys):
    argv, words = FAULTS[fault]
    before = sorted(here.rglob("*"))
    assert run(*argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert words in err
    assert sorted(here.rglob("*")) == before


def test_a_face_too_small_to_paint_is_said_not_written(here, scene, capsys):
    Image.fromarray(scene(32, 32, 40, size=(64, 64))).save("far.png")
    assert run("far.png", "--look", "red.look", "-o", "o.png") == 1
    assert "too small" in capsys.readouterr().err
    assert not (here / "o.png").exists()


def test_wrong_usage_is_2(here, capsys):
    assert run("face.png", "--ref", "ref.png") == 2
    assert run("face.png", "--ref", "a", "--look", "b", "-o", "o.png") == 2
    assert run("face.png", "--ref", "ref.png", "-o", "o.png", "--intensity", "hair=1") == 2
    assert "hair" in capsys.readouterr().err


def test_pairs_are_named_after_both_and_one_bad_line_does_not_stop_the_rest(
    here, capsys, monkeypatch
):
    opened = []
    from tryon import arguments

    real = arguments.open_session
    monkeypatch.setattr(
        arguments, "open_session", lambda *a, **k: opened.append(1) or real(*a, **k)
    )
    (here / "sub").mkdir()
    (here / "face.png").rename(here / "sub" / "face.png")
    lines = ["sub/face.png\tref.png", "", "wall.png\tref.png", "sub/face.png\tred.look"]
    (here / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run("--pairs", here / "pairs.tsv", "-o", "out/deep") == 1
    out, err = capsys.readouterr()
    assert "2 written, 1 failed" in out
    assert err.splitlines() == [
        "wall.png with ref.png: no face found in wall.png; nothing was written",
        "error: 1 of 3 pairs failed; the reasons are above",
    ]
    names = sorted(p.name for p in (here / "out" / "deep").iterdir())
    assert names == ["face__red.png", "face__ref.png"]
    np.testing.assert_array_equal(*(read(here / "out" / "deep" / name) for name in names))
    assert len(opened) == 1  # the networks are loaded once


def test_each_pair_wears_its_own_look_at_the_intensity_asked_for(here, portrait, bare_look):
    bare_look.save(here / "bare.look")
    (here / "pairs.tsv").write_text("face.png\tred.look\nface.png\tbare.look\n")
    assert run("--pairs", "pairs.tsv", "-o", "full") == 0
    assert run("--pairs", "pairs.tsv", "-o", "none", "--intensity", "all=0") == 0
    assert not np.array_equal(read("full/face__red.png"), read("full/face__bare.png"))
    for path in (here / "none").iterdir():
        np.testing.assert_array_equal(read(path), portrait)
    assert run("face.png", "--look", "bare.look", "-o", "alone.png") == 0
    np.testing.assert_array_equal(read("full/face__bare.png"), read("alone.png"))


def test_pairs_that_would_overwrite_each_other_are_refused(here, capsys):
    (here / "p.tsv").write_text("a/face.png\tref.png\nb/face.png\tref.png\n")
    assert run("--pairs", "p.tsv", "-o", "out") == 1
    assert "face__ref.png" in capsys.readouterr().err
    assert not (here / "out").exists()


def test_an_output_folder_that_is_a_file_is_told(here, capsys):
    (here / "p.tsv").write_text("face.png\tref.png\n")
    assert run("--pairs", "p.tsv", "-o", "ref.png") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "cannot make the folder ref.png" in err


def test_lists_are_read_from_where_they_are(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_bytes("\ufeffa b.png\tü.png\r\n\r\n/x/y.png\tz.look\r\n".encode())
    assert photo.read_pairs(path) == [
        (tmp_path / "a b.png", tmp_path / "ü.png"),
        ((tmp_path / "/x/y.png"), tmp_path / "z.look"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is empty"), ("\n\n", "is empty"), ("a.png\n", "line 1: give"),
     ("a\tb\n\na\tb\tc\n", "line 3: give"), ("a\t\n", "line 1: give"), ("a,b\n", "line 1")],
)  # fmt: skip
def test_lists_of_another_form_are_refused_with_the_line(tmp_path, text, words):
    path = tmp_path / "p.tsv"
    path.write_text(text)
    with pytest.raises(ImageError, match=words):
        photo.read_pairs(path)
