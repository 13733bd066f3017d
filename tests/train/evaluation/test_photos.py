"""Who wears what: read from a folder, spread, crossed, or told by a list."""

from pathlib import Path

import pytest

from tryon.errors import ImageError
from tryon.train.evaluation.photos import Photo, choose_photos, read_pairs, read_photos

INDEX = """file\talready_made_up\tnotes
a.jpg\t0\t
b.jpg\t1\t
c.jpg\t0\tsunglasses
d.jpg\t0\tprofile or near profile
e.jpg\t0\t
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "unlisted.png", "text.txt"):
        (tmp_path / name).touch()
    (tmp_path / "INDEX.tsv").write_text(INDEX)
    return tmp_path


def names(photos):
    return [photo.path.name for photo in photos]


def test_a_folder_is_read_with_what_its_index_says(folder):
    photos = {photo.path.name: photo for photo in read_photos(folder)}
    assert list(photos) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "unlisted.png"]
    assert [n for n, p in photos.items() if p.made_up] == ["b.jpg"]
    assert [n for n, p in photos.items() if p.notes] == ["c.jpg", "d.jpg"]
    assert [n for n, p in photos.items() if not p.usable] == ["d.jpg"]


def test_plain_portraits_wear_made_up_ones(folder):
    chosen = choose_photos(read_photos(folder), sources=9, references=9, bare=9)
    assert names(chosen.references) == ["b.jpg"]
    assert names(chosen.sources) == names(chosen.bare) == ["a.jpg", "e.jpg", "unlisted.png"]
    assert names(chosen.awkward) == ["c.jpg"]
    assert [(s.path.name, r.path.name) for s, r in chosen.pairs] == [
        ("a.jpg", "b.jpg"), ("e.jpg", "b.jpg"), ("unlisted.png", "b.jpg"),
    ]  # fmt: skip
    assert chosen
    assert not choose_photos((), 3, 3, 3)


def test_few_wearers_are_spread_over_the_folder():
    photos = [Photo(Path(f"{index:03}.jpg")) for index in range(100)]
    chosen = choose_photos(photos, sources=4, references=2, bare=5)
    assert names(chosen.sources) == ["000.jpg", "025.jpg", "050.jpg", "075.jpg"]
    assert len(chosen.bare) == 5


def test_a_list_names_pairs_and_keeps_what_is_known(folder):
    (folder / "pairs.tsv").write_text("a.jpg\tb.jpg\n\nsub/x.jpg\tb.jpg\n")
    pairs = read_pairs(folder / "pairs.tsv", read_photos(folder))
    assert [[p.path.name for p in pair] for pair in pairs] == [
        ["a.jpg", "b.jpg"],
        ["x.jpg", "b.jpg"],
    ]
    assert pairs[0][1].made_up
    assert pairs[1][0].path == (folder / "sub" / "x.jpg").resolve()


@pytest.mark.parametrize("text", ["a.jpg b.jpg", "a.jpg\t", "a\tb\tc", "", "\n \n"])
def test_a_broken_list_is_refused(tmp_path, text):
    (tmp_path / "pairs.tsv").write_text(text)
    with pytest.raises(ImageError, match="source<TAB>reference"):
        read_pairs(tmp_path / "pairs.tsv")


def test_a_missing_or_empty_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="no folder"):
        read_photos(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="portraits"):
        read_photos(tmp_path)
    with pytest.raises(ImageError, match="cannot read"):
        read_pairs(tmp_path / "nowhere.tsv")
