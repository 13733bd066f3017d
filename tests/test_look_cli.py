"""`tryon look`: make, show and paint, each mistake in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import mesh_pixels
from tryon import Look, look_cli
from tryon.cosmetics.style import Lips, MakeupStyle
from tryon.look.style_file import load_style


@pytest.fixture
def here(tmp_path, monkeypatch, painted_portrait, portrait, wall, look):
    """The working directory, with a made-up face, a bare one, a wall and a look."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(painted_portrait).save("red.png")
    Image.fromarray(portrait).save("bare.png")
    Image.fromarray(wall).save("wall.png")
    (tmp_path / "style.json").write_text(json.dumps(MakeupStyle(lips=Lips(1.0)).to_json()))
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "odd.json").write_text('{"hair": {}}')
    look.save("given.look")
    return tmp_path


def run(*argv):
    return look_cli.main([str(a) for a in argv])


def test_make_writes_the_look_of_a_photo(here, look, capsys):
    assert run("make", "red.png", "-o", "my.look") == 0
    out, err = capsys.readouterr()
    made = Look.load("my.look")
    assert out.startswith("my.look: red, 256")
    assert made.digest[:12] in out
    assert err == ""
    assert made.name == "red"
    np.testing.assert_array_equal(made.colour, look.colour)


def test_show_writes_a_contact_sheet(here, capsys):
    from tryon.look.sheet import contact_sheet

    assert run("show", "given.look", "-o", "sheet.png") == 0
    assert Look.load("given.look").digest[:12] in capsys.readouterr().out
    np.testing.assert_array_equal(
        np.asarray(Image.open("sheet.png")), contact_sheet(Look.load("given.look"))
    )


def test_show_without_a_name_never_overwrites_the_photo(here, capsys):
    assert run("make", "red.png", "-o", "red.look") == 0
    photo = (here / "red.png").read_bytes()
    assert run("show", "red.look") == 0
    assert (here / "red.png").read_bytes() == photo
    assert (here / "red_sheet.png").exists()
    capsys.readouterr()


def test_paint_puts_a_style_on_a_photo(here, portrait, portrait_face, capsys):
    assert run("paint", "style.json", "--on", "bare.png", "-o", "out.png") == 0
    painted = np.asarray(Image.open("out.png"))
    inside = mesh_pixels(portrait, portrait_face)
    np.testing.assert_array_equal(painted[~inside], portrait[~inside])
    assert (painted != portrait).any(-1).sum() > 200
    capsys.readouterr()


def test_product_writes_a_look_or_its_style(here, capsys):
    flags = ["--lips", "#a5122a:matte:0.9", "--lids", "#b07a3a:metallic"]
    assert run("product", *flags, "-o", "red.look") == 0
    assert "crimson" in capsys.readouterr().out
    assert Look.load("red.look").provenance == "product"
    assert run("product", *flags, "-o", "red.json") == 0
    again = load_style(here / "red.json")
    assert again.lips == Lips(0.9, "#a5122a", "matte")
    assert Look.load("red.json").digest == Look.load("red.look").digest
    assert run("product", "--from", "red.json", "--blush", "#d0606a", "-o", "more.json") == 0
    assert load_style(here / "more.json").worn() == ("blush", "eyeshadow", "lips")
    capsys.readouterr()


def test_palette_needs_no_face_and_repeats(here, capsys):
    assert run("palette", "wall.png", "-o", "a.json") == 0
    assert run("palette", "wall.png", "-o", "b.json") == 0
    assert run("palette", "wall.png", "--seed", "5", "-o", "c.json") == 0
    capsys.readouterr()
    first, second, third = ((here / f"{n}.json").read_text() for n in "abc")
    assert first == second
    assert first != third
    assert load_style(here / "a.json").worn()


def test_text_takes_words_as_named_and_needs_no_encoder(here, capsys, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", here)
    words = "soft matte brick-red lips, taupe smoky eyes"
    assert run("text", words, "-o", "t.look") == 0
    assert run("text", words, "-o", "t.json") == 0
    out, err = capsys.readouterr()
    assert "brick red" in out
    assert err == ""
    assert Look.load("t.look").provenance == "text"
    assert load_style(here / "t.json").lips.finish == "matte"
    bare, worn = Look.load("t.look").colour, Look.load("style.json").colour
    assert (bare != worn).any()


def test_text_says_which_words_it_did_not_understand(here, capsys, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", here)
    assert run("text", "a glamorous gala, red lips", "-o", "t.json") == 0
    out, err = capsys.readouterr()
    assert "red" in out
    assert err.startswith("not understood: glamorous, gala")
    assert "tryon.train.encoder" in err
    assert load_style(here / "t.json").worn() == ("lips",)


def test_text_may_call_a_look_of_the_gallery(here, capsys, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", here)
    assert run("text", "old Hollywood, but with hot pink lips", "-o", "t.json") == 0
    assert "old_hollywood" in capsys.readouterr().err
    worn = load_style(here / "t.json")
    given = load_style(Path(__file__).parents[1] / "demos" / "looks" / "old_hollywood.json")
    assert worn.liner == given.liner
    assert worn.lips.color == "#ee3c90"
    assert worn.lips.finish == given.lips.finish


@pytest.fixture
def encoder(here):
    import torch

    from tests.models.tiny_teacher import TOWER
    from tryon.models.encoder import new_encoder
    from tryon.models.teacher_files import save_encoder

    torch.manual_seed(0)
    save_encoder(here / "enc", new_encoder(TOWER))
    return here / "enc"


def test_text_searches_for_what_words_leave_open(here, encoder, capsys, monkeypatch):
    from tryon.look import from_text

    monkeypatch.setattr(from_text.SearchConfig.__init__, "__defaults__", (3, 1, 2, 0.1, 0))
    argv = ["text", "glamorous, red lips", "--encoder", "enc", "-o"]
    assert run(*argv, "a.json") == 0
    assert run(*argv, "b.json") == 0
    assert (here / "a.json").read_text() == (here / "b.json").read_text()
    assert load_style(here / "a.json").lips.color == "#c0182a"
    assert capsys.readouterr().err == ""


def test_similar_ranks_by_makeup_and_tells_what_it_could_not_use(here, encoder, capsys):
    assert run("make", "red.png", "-o", "same.look") == 0
    capsys.readouterr()
    argv = ["similar", "red.png", "bare.png", "same.look", "style.json", "--encoder", "enc"]
    assert run(*argv) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[0][1:] == ["1.000", "same.look"]
    assert run(*argv, "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [item["look"] for item in listed] == [row[2] for row in rows]
    assert listed[0]["similarity"] >= listed[1]["similarity"] >= listed[2]["similarity"]
    assert run(*argv[:2], "wall.png", *argv[2:]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith("wall.png: no face found")


def test_gallery_writes_a_small_picture_beside_each_style(here, capsys):
    (here / "looks").mkdir()
    (here / "looks" / "one.json").write_text(json.dumps({"lips": {"opacity": 1.0}}))
    assert run("gallery", "looks", "--on", "bare.png", "--height", "64") == 0
    assert Image.open(here / "looks" / "one.jpg").size == (51, 64)
    assert "lips" in capsys.readouterr().out


def test_every_look_of_the_gallery_reads(capsys):
    folder = Path(__file__).parents[1] / "demos" / "looks"
    styles = {path.stem: load_style(path) for path in folder.glob("*.json")}
    assert len(styles) == 24
    assert {"crimson", "orchid", "apricot"} <= set(styles)
    assert len({repr(style) for style in styles.values()}) == 24
    for name in styles:
        assert (folder / f"{name}.jpg").stat().st_size < 40_000


FAULTS = {
    "missing photo": (["make", "none.png", "-o", "o.look"], "cannot read none.png"),
    "no face": (["make", "wall.png", "-o", "o.look"], "no face found"),
    "no picture": (["make", "style.json", "-o", "o.look"], "not a picture"),
    "suffix": (["make", "red.png", "-o", "o.png"], "end the name in .look"),
    "no folder": (["make", "red.png", "-o", "no/o.look"], "cannot write no"),
    "missing look": (["show", "none.look"], "cannot read none.look"),
    "photo as look": (["show", "red.png"], "red.png is not a look file"),
    "sheet suffix": (["show", "given.look", "-o", "o.txt"], "end the name in .png"),
    "sheet folder": (["show", "given.look", "-o", "no/o.png"], "cannot write no"),
    "missing style": (["paint", "no.json", "--on", "bare.png", "-o", "o.png"], "no.json"),
    "style of bytes": (["paint", "red.png", "--on", "bare.png", "-o", "o.png"], "red.png"),
    "style as list": (["paint", "list.json", "--on", "bare.png", "-o", "o.png"], "no MakeupStyle"),
    "unknown layer": (["paint", "odd.json", "--on", "bare.png", "-o", "o.png"], "no layer 'hair'"),
    "product suffix": (["product", "--lips", "#a5122a", "-o", "o.png"], "end the name in .look or"),
    "no product": (["product", "-o", "o.look"], "no product given"),
    "odd product": (["product", "--lips", "#a5122a:wet", "-o", "o.look"], "--lips has 'wet'"),
    "missing base": (["product", "--from", "no.json", "-o", "o.json"], "cannot read no.json"),
    "palette of words": (["palette", "style.json", "-o", "o.look"], "not a picture"),
    "empty gallery": (["gallery", "nowhere", "--on", "bare.png"], "no .json file in nowhere"),
    "text of nothing": (["text", "a glamorous gala", "-o", "o.json"], "names no product"),
    "text suffix": (["text", "red lips", "-o", "o.png"], "end the name in .look or"),
    "no encoder": (["similar", "red.png", "bare.png", "--encoder", "none"], "none holds no"),
    "paint no face": (["paint", "style.json", "--on", "wall.png", "-o", "o.png"], "no face found"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_leave_nothing(here, fault, capsys, monkeypatch):
    monkeypatch.setattr("tryon.models.shipped.ASSETS", here / "none")
    argv, words = FAULTS[fault]
    before = sorted(here.rglob("*"))
    assert run(*argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert words in err
    assert "unexpected" not in err
    assert sorted(here.rglob("*")) == before


def test_wrong_usage_is_2(capsys):
    for argv in ([], ["make"], ["make", "a.png"], ["sell", "a.look"]):
        assert run(*argv) == 2
    assert run("--help") == 0
    capsys.readouterr()


def test_python_m_tryon_look_is_the_same_command(here):
    done = subprocess.run(
        [sys.executable, "-m", "tryon.look", "show", "none.look"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot read none.look")
    assert "Warning" not in done.stderr
