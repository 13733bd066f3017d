"""The wheel: one top-level name, every module and asset of the tree, and nothing else."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "tryon": "tryon",
    "kernels": "tryon/kernels",
    "streaming": "tryon/streaming",
    "demos": "tryon/demos",
}
NEEDED = ("pyproject.toml", "README.md", "LICENSE", *FOLDERS)
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel, from a copy of the tree, offline, with the installed build tools."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", "77")
    copy = tmp_path_factory.mktemp("tree")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=JUNK)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", "dist", str(copy)]
    done = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def files_of_the_tree():
    """Name in the wheel -> file, for everything that is not junk."""
    found = {}
    for folder, name in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            inner = path.relative_to(ROOT / folder)
            hidden = any(part.startswith((".", "__pycache__")) for part in inner.parts)
            if path.is_file() and not hidden and path.suffix != ".pyc":
                found[f"{name}/{inner.as_posix()}"] = path
    return found


def test_the_only_top_level_name_is_tryon(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"tryon"}
    assert len(tops) == 2


def test_it_holds_every_file_of_the_tree_and_no_other(wheel):
    inside = {name for name in wheel.namelist() if name.startswith("tryon/")}
    tree = set(files_of_the_tree())
    assert tree - inside == set(), "left out: see packages and package-data in pyproject.toml"
    assert inside - tree == set()


def test_the_networks_are_inside_byte_for_byte(wheel):
    names = {"tryon/face/assets/face_landmarker.task", "tryon/face/assets/face_mesh.safetensors"}
    names |= {name for name in files_of_the_tree() if "/assets/" in name}
    for name in names:
        packed = hashlib.sha256(wheel.read(name)).hexdigest()
        assert packed == hashlib.sha256(files_of_the_tree()[name].read_bytes()).hexdigest(), name


def test_the_student_and_the_demo_are_inside(wheel):
    names = wheel.namelist()
    student = [name for name in names if name.startswith("tryon/models/assets/student/")]
    if not (ROOT / "tryon" / "models" / "assets" / "student").exists():
        pytest.skip("the student has no weights in this tree yet")
    assert any(name.endswith(".safetensors") for name in student)
    assert any(name.endswith(".json") for name in student), "the manifest"
    assert any(name.startswith("tryon/streaming/assets/demo_face") for name in names)


def test_the_notices_and_the_type_marker_are_inside(wheel):
    names = wheel.namelist()
    assert "tryon/py.typed" in names
    assert "tryon/face/assets/NOTICE" in names
    assert sum(name.endswith("licenses/tryon/face/assets/NOTICE") for name in names) == 1


def test_the_metadata_name_the_program_and_the_python(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    head = message_from_bytes(wheel.read(metadata))
    assert head["Name"] == "tryon"
    assert head["Requires-Python"] == ">=3.10"
    assert head["License-Expression"] == "Apache-2.0"
    assert set(head.get_all("Provides-Extra")) >= {"gpu", "demo", "train", "batch", "test"}
    (entry,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "tryon = tryon.cli:main" in wheel.read(entry).decode()
