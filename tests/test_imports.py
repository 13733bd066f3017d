"""The house has rooms, and doors only where the table says so; `import tryon` is light.

The source is read, not run: an import counts wherever it stands (in a function, for type checkers,
or as a module's name in a string that is imported later).
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "tryon": "tryon",
    "kernels": "tryon.kernels",
    "streaming": "tryon.streaming",
    "demos": "tryon.demos",
}

GROUND = "types errors config"
BELOW_SESSION = f"{GROUND} _openvino kernels face cosmetics layer look models engines"
MAY_IMPORT = {
    # room        what it may import besides itself
    "types": "",
    "errors": "",
    "config": "errors",
    "console": "errors",
    "_openvino": "errors",
    "kernels": "",
    "streaming": "types errors",
    "face": f"{GROUND} _openvino kernels",
    "cosmetics": f"{GROUND} kernels face",
    "layer": f"{GROUND} kernels face",
    "models": f"{GROUND} kernels",
    "engines": f"{GROUND} _openvino kernels models",
    "look": f"{GROUND} kernels face cosmetics layer models",
    "session": f"{GROUND} kernels face look engines layer",
    "public": f"{GROUND} look session",
    "train": f"{BELOW_SESSION} console session public streaming",
    "commands": f"{BELOW_SESSION} console session public streaming demos",
    # The live page paints own colours, which the public API does not (yet).
    "demos": "types console public streaming look cosmetics",
}
COMMANDS = (
    "arguments batch batch_files batch_ray batch_workers bench cli doctor hud look_cli offline "
    "photo preview quality recording settings strip video view webcam"
).split()
ARRAY_LIBRARIES = {"numpy", "numba", "cupy"}
ONLY_DOOR = {"openvino": "tryon._openvino", "mediapipe": "tryon.face.parse"}


@dataclass(frozen=True)
class Import:
    importer: str  # module
    target: str  # module
    line: int
    runs: bool  # False when only type checkers see it

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, Path]:
    """Every module of ours -> its file."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *parts]).removesuffix(".__init__")
            found[name] = path
    return found


def room(module: str) -> str:
    """The room a module stands in."""
    first, *rest = module.split(".")
    if first == "demos":
        return "demos"
    if not rest:
        return "public"
    if rest[0] in COMMANDS or rest[-1] == "__main__":
        return "commands"
    return rest[0]


def imports_of(module: str) -> Iterator[Import]:
    """What a module imports, ours or not."""
    path = modules()[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {id(node) for block in _type_checking_blocks(tree) for node in ast.walk(block)}
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        for target in _targets(node, package):
            yield Import(module, target, node.lineno, id(node) not in unseen)


def _type_checking_blocks(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from node.body


def _targets(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
        for name in node.names:
            inner = f"{base}.{name.name}"
            yield inner if inner in modules() else str(base)
    elif isinstance(node, ast.Constant) and node.value in modules() and node.value != "tryon":
        yield node.value


def ours(target: str) -> bool:
    return target.split(".")[0] in ("tryon", "demos", "kernels", "streaming", "tests")


@pytest.mark.parametrize("module", modules())
def test_imports_stay_within_the_table(module):
    here = room(module)
    assert here in MAY_IMPORT, f"{module} is a new room: give it a line in MAY_IMPORT"
    allowed = {here, *MAY_IMPORT[here].split()}
    forbidden = {
        f"{edge} ({room(edge.target)})"
        for edge in imports_of(module)
        if ours(edge.target) and room(edge.target) not in allowed
    }
    assert not forbidden, f"{here} may import {sorted(allowed)}, but " + "; ".join(
        sorted(forbidden)
    )


@pytest.mark.parametrize("here", MAY_IMPORT)
def test_the_table_leads_downward_and_never_to_training(here):
    below, ahead = set(), MAY_IMPORT[here].split()
    while ahead:
        other = ahead.pop()
        if other not in below:
            below.add(other)
            ahead += MAY_IMPORT[other].split()
    assert here not in below
    assert "train" not in below


@pytest.mark.parametrize("module", [m for m in modules() if room(m) == "kernels"])
def test_kernels_know_only_arrays(module):
    for edge in imports_of(module):
        top = edge.target.split(".")[0]
        known = ours(edge.target) or top in sys.stdlib_module_names or top in ARRAY_LIBRARIES
        assert known, f"{edge}: kernels take arrays and give arrays"


@pytest.mark.parametrize("library", ONLY_DOOR)
def test_one_file_imports_what_reports_to_its_vendor(library):
    for module in modules():
        for edge in imports_of(module):
            if edge.runs and edge.target.split(".")[0] == library:
                assert module == ONLY_DOOR[library], f"{edge}; use {ONLY_DOOR[library]}"


def test_the_reader_sees_every_kind_of_import():
    source = """
import tryon.face.mesh
from tryon.face import mesh as other, nothing
from . import atlas
from ..types import Face
import_module("tryon.face.mesh")
def later():
    from tryon.face.mesh import face_mesh
"""
    found = [t for n in ast.walk(ast.parse(source)) for t in _targets(n, "tryon.face")]
    wanted = {"tryon.face.mesh": 4, "tryon.face": 1, "tryon.face.atlas": 1, "tryon.types": 1}
    assert {name: found.count(name) for name in found} == wanted


def in_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = """
import sys
before = set(sys.modules)
import {module}
tops = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(*sorted(tops - set(sys.stdlib_module_names) - {{"tryon"}}))
"""


def test_import_tryon_loads_numpy_only():
    assert in_new_process(LOADED.format(module="tryon")).split() == ["numpy"]


def test_the_session_starts_without_the_heavy_libraries():
    loaded = set(in_new_process(LOADED.format(module="tryon.session")).split())
    assert not loaded & {"torch", "cv2", "av", "openvino", "mediapipe", "PIL", "numba", "scipy"}


def test_import_tryon_is_quick():
    # Seconds of work, not of waiting: the machine may be busy. Best of three: disks may be cold.
    code = (
        "import time; start = time.process_time(); import tryon; print(time.process_time() - start)"
    )
    assert min(float(in_new_process(code)) for _ in range(3)) < 0.5


def test_public_names_exist_and_stay_few():
    import tryon

    assert len(tryon.__all__) <= 16
    for name in tryon.__all__:
        assert getattr(tryon, name) is not None
    assert not hasattr(tryon, "no_such_name")


def texts() -> Iterator[Path]:
    """Every text file of the repository."""
    folders = [ROOT / name for name in (*FOLDERS, "tests", ".ci")]
    files = [path for folder in folders for path in folder.rglob("*")] + list(ROOT.glob("*"))
    kinds = {".py", ".cu", ".md", ".toml", ".txt", ".json", ""}
    return (p for p in files if p.is_file() and p.suffix in kinds and "__pycache__" not in p.parts)


def test_no_file_names_a_machine():
    paths = re.compile(r"(?<![\w.}])/(work|tmp|home|root|Users)/\w|[A-Z]:\\\\?Users")
    for path in texts():
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            assert not paths.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_no_file_is_long():
    long = {
        str(path.relative_to(ROOT)): count
        for path in texts()
        if path.suffix == ".py"
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long, f"one idea a file: {long}"
