"""The .look file: exact there and back; from a stranger it can be refused and do nothing else."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tryon import REGIONS, Look
from tryon.errors import LookFormatError
from tryon.look import store
from tryon.look.store import LOOK_VERSION, MAX_HEADER, decode_look

SIZE = 128


def plain(size=SIZE, **changes) -> Look:
    random = np.random.default_rng(3)
    colour = random.integers(0, 256, (size, size, 3), np.uint8)
    return Look(colour, random.integers(0, 256, (size, size), np.uint8), **changes)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("look") / "a.look"
    plain().save(path)
    return path.read_bytes()


def parts(data):
    """Header as a dict, settings as a dict, pixels."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["look"]), data[8 + length :]


def joined(header, found, pixels) -> bytes:
    """The file of a header, with settings as a dict or as text."""
    header["__metadata__"]["look"] = found if isinstance(found, str) else json.dumps(found)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + pixels


def changed(data, **values) -> bytes:
    """The file with other values of some settings."""
    header, found, pixels = parts(data)
    return joined(header, {**found, **values}, pixels)


def refused(data, match=None):
    with pytest.raises(LookFormatError, match=match) as caught:
        decode_look(data, "a.look")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("size", [128, 256, 512])
def test_round_trip_is_exact(tmp_path, size):
    look = plain(size, name="ünï 💄", provenance="mix").with_intensity("lips", 0.3)
    look.save(tmp_path / "ünï 💄.look")
    again = Look.load(str(tmp_path / "ünï 💄.look"))
    np.testing.assert_array_equal(again.colour, look.colour)
    np.testing.assert_array_equal(again.visibility, look.visibility)
    assert again.colour.dtype == again.visibility.dtype == np.uint8
    assert (again.name, again.intensities, again.provenance) == ("ünï 💄", look.intensities, "mix")
    assert again.digest == look.digest
    assert [p.name for p in tmp_path.iterdir()] == ["ünï 💄.look"]


def test_the_same_look_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        plain().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_holds_pixels_and_settings_and_no_path(data):
    header, found, pixels = parts(data)
    assert set(header) == {"__metadata__", "colour", "visibility"}
    assert set(found) == {"version", "name", "intensities", "provenance", "digest"}
    assert len(pixels) == 4 * SIZE * SIZE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
@example(b"")
@example(b"\xff" * 8)
@example(struct.pack("<Q", 2) + b"{}")
@example(struct.pack("<Q", 4) + b"null")
@example(struct.pack("<Q", 50_000) + b"[" * 50_000)
@example(struct.pack("<Q", 2**63) + b"{}" * 20)
def test_random_bytes_raise_nothing_else(junk):
    with pytest.raises(LookFormatError):
        decode_look(junk)


@settings(max_examples=200, deadline=None)
@given(text=st.binary(max_size=400))
def test_random_headers_raise_nothing_else(text):
    with pytest.raises(LookFormatError):
        decode_look(struct.pack("<Q", len(text)) + text + bytes(4 * SIZE * SIZE))


WORD = st.text(max_size=8)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(["version", "name", "intensities", "provenance", "digest"]),
    value=ANYTHING | st.fixed_dictionaries({region: ANYTHING for region in REGIONS}),
)
@example(name="intensities", value=dict.fromkeys(REGIONS, 10**400))
@example(name="intensities", value=dict.fromkeys(REGIONS, "nan"))
@example(name="name", value="\ud800")
def test_random_settings_raise_nothing_else(data, name, value):
    try:
        look = decode_look(changed(data, **{name: value}))
    except LookFormatError:
        return
    assert look.digest == plain().digest  # it says the same in other words, as 1.0 for 1


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_flipped_byte_is_always_noticed(data, place, flip):
    damaged = bytearray(data)
    damaged[place % len(data)] ^= flip
    try:
        look = decode_look(bytes(damaged))
    except LookFormatError:
        return
    # Only what means the same may pass, such as another kind of white space.
    assert look.digest == plain().digest
    assert place % len(data) < len(data) - 4 * SIZE * SIZE


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9999])
def test_a_truncated_file_is_refused(data, share):
    refused(data[: int(share * len(data))], "make it from the photo again")
    refused(data + b"\0", "truncated")


def test_changed_pixels_or_settings_do_not_match_the_digest(data):
    damaged = bytearray(data)
    damaged[-1] ^= 1
    refused(bytes(damaged), "does not match its digest")
    refused(changed(data, name="other"), "does not match its digest")
    refused(changed(data, digest="0" * 64), "does not match its digest")
    refused(changed(data, digest=None), "does not match its digest")


@pytest.mark.parametrize("version", [LOOK_VERSION + 1, 0, "1", None, [1]])
def test_another_version_is_named(data, version):
    refused(changed(data, version=version), r"format version .*; update tryon or make")


TENSORS = {
    "another name": lambda h: h.update(color=h.pop("colour")),
    "one more": lambda h: h.update(code={**h["visibility"]}),
    "one less": lambda h: h.pop("visibility"),
    "another type": lambda h: h["colour"].update(dtype="F32"),
    "another shape": lambda h: h["visibility"].update(shape=[SIZE * SIZE]),
    "another size": lambda h: h["colour"].update(shape=[64, 64, 3]),
    "huge": lambda h: h["colour"].update(shape=[2**40, 2**40, 3]),
    "negative": lambda h: h["colour"].update(shape=[-SIZE, SIZE, 3]),
    "no shape": lambda h: h["colour"].pop("shape"),
    "shape of words": lambda h: h["colour"].update(shape="128"),
    "overlapping": lambda h: h["visibility"].update(data_offsets=[0, SIZE * SIZE]),
    "no tensor": lambda h: h.update(colour=5),
}


@pytest.mark.parametrize("change", TENSORS)
def test_tensors_of_another_name_shape_or_type_are_refused(data, change):
    header, found, pixels = parts(data)
    TENSORS[change](header)
    refused(joined(header, found, pixels))


def test_an_oversized_header_is_refused_unread(data, monkeypatch):
    header, found, pixels = parts(data)
    header["__metadata__"]["padding"] = " " * MAX_HEADER
    huge = joined(header, found, pixels)
    monkeypatch.setattr(json, "loads", lambda text: pytest.fail("it was read"))
    refused(huge, "no header")


def test_settings_that_are_no_object_are_refused(data):
    header, _, pixels = parts(data)
    for text in ("null", "[]", "5", "{", "[" * 20_000):
        refused(joined(header, text, pixels), "unreadable header")


@pytest.mark.parametrize(
    "bad",
    [
        {"intensities": dict.fromkeys(REGIONS, 2.0)},
        {"intensities": dict.fromkeys(REGIONS, -1)},
        {"intensities": {"lips": 1.0}},
        {"name": "x" * 201},
        {"name": "\x1b[2J"},
        {"name": 5},
    ],
)
def test_bad_settings_are_refused(data, bad):
    refused(changed(data, **bad))


def test_unknown_provenance_is_refused(tmp_path):
    plain(provenance="http://host/x").save(tmp_path / "a.look")
    with pytest.raises(LookFormatError, match="bad provenance"):
        Look.load(tmp_path / "a.look")


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_pickles_and_archives_are_refused_and_not_opened(tmp_path):
    trap = tmp_path / "trap"
    path = tmp_path / "a.look"
    path.write_bytes(pickle.dumps(Payload(str(trap))))
    with pytest.raises(LookFormatError, match="not a look file"):
        Look.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../trap", b"out of the folder")
    with pytest.raises(LookFormatError, match="not a look file"):
        Look.load(path)
    assert not trap.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.look"]


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MAX_FILE", 1000)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    path = tmp_path / "a.look"
    plain().save(path)
    with pytest.raises(LookFormatError, match=r"a\.look is above"):
        Look.load(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(LookFormatError, match=r"cannot read .*none\.look: No such file"):
        Look.load(tmp_path / "none.look")
    with pytest.raises(LookFormatError, match="cannot read"):
        Look.load(tmp_path)


def test_a_failed_write_leaves_the_older_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.look"
    path.write_bytes(b"older")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LookFormatError, match="No space left on device"):
        plain().save(path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none" / "a.look", tmp_path / "file" / "a.look"):
        with pytest.raises(LookFormatError, match="cannot write"):
            plain().save(path)
