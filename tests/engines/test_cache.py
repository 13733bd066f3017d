"""An engine is used only for exactly what it was built for; everything else says why not."""

from __future__ import annotations

import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

from tryon.engines import __main__ as command
from tryon.engines.cache import ENGINE, PARTIAL, EngineCache, EngineKey, default_root

KEY = EngineKey(
    weights="a" * 64,
    gpu="NVIDIA H200",
    capability="9.0",
    tensorrt="11.0.0.114",
    torch_tensorrt="2.13.0",
    shape="1x256x256x4",
    precision="f16",
)


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


def put(cache: EngineCache, key: EngineKey, data: bytes = b"engine") -> Path:
    return cache.store(key, lambda path: path.write_bytes(data) and None)


def test_an_engine_comes_back(cache: EngineCache) -> None:
    stored = put(cache, KEY)
    assert cache.find(KEY) == (stored, "")
    assert stored.read_bytes() == b"engine"
    (entry,) = EngineCache(cache.root).entries()
    assert (entry.key, entry.size) == (KEY, 6)


@pytest.mark.parametrize("field", [field.name for field in fields(EngineKey)])
def test_any_difference_means_another_engine(cache: EngineCache, field: str) -> None:
    put(cache, KEY)
    other = replace(KEY, **{field: "other"})
    assert other.digest != KEY.digest
    path, reason = cache.find(other)
    assert path is None
    if field == "shape":
        assert reason == "none was built for other yet"
    else:
        assert reason.startswith(f"{field} {getattr(KEY, field)[:12]}")
        assert reason.endswith(" is now other")


def test_the_reason_names_what_changed_since_the_nearest(cache: EngineCache) -> None:
    put(cache, replace(KEY, gpu="NVIDIA T4", capability="7.5", weights="b" * 64))
    put(cache, replace(KEY, weights="b" * 64))
    put(cache, replace(KEY, shape="2x256x256x4"))
    new = replace(KEY, tensorrt="11.1")
    assert cache.find(new) == (
        None,
        "weights bbbbbbbbbbbb is now aaaaaaaaaaaa, tensorrt 11.0.0.114 is now 11.1",
    )
    assert EngineCache(cache.root / "empty").find(KEY)[1] == "none was built for 1x256x256x4 yet"


def test_damaged_and_half_written_engines_are_not_used(cache: EngineCache) -> None:
    stored = put(cache, KEY)
    stored.write_bytes(b"engin")
    assert cache.find(KEY) == (None, "the stored engine is missing or damaged")
    stored.unlink()
    assert cache.find(KEY) == (None, "the stored engine is missing or damaged")
    assert put(cache, KEY, b"new").read_bytes() == b"new"  # and it can be built again
    assert cache.find(KEY)[1] == ""
    (stored.parent / "key.json").write_text("{")
    assert cache.entries() == ()


def test_an_engine_of_another_name_is_built_again(cache: EngineCache) -> None:
    """As those are that were called engine.ep once."""
    stored = put(cache, KEY)
    stored.rename(stored.with_suffix(".ep"))
    assert cache.find(KEY) == (None, "the stored engine is missing or damaged")
    put(cache, KEY)
    assert [path.name for path in sorted(stored.parent.iterdir())] == [ENGINE, "key.json"]


def test_a_failed_build_leaves_nothing(cache: EngineCache) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        cache.store(KEY, write)
    assert list(cache.root.iterdir()) == []


def test_one_builds_and_sweeps_up_what_a_killed_build_left(cache: EngineCache) -> None:
    said: list[str] = []
    built: list[str] = []

    def wait_for_the_other() -> None:
        with cache.building(said.append):
            built.append("second")

    with cache.building(said.append):
        left = cache.root / (PARTIAL + "x")
        left.mkdir()
        other = threading.Thread(target=wait_for_the_other)
        other.start()
        until = time.monotonic() + 60
        while not said:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert (built, left.exists()) == ([], True)
        built.append("first")
    other.join(60)
    assert (built, left.exists()) == (["first", "second"], False)
    assert said == ["TensorRT: another process builds engines here; waiting for it"]


def test_clearing_takes_ours_and_nothing_else(cache: EngineCache) -> None:
    put(cache, KEY)
    put(cache, replace(KEY, shape="2x256x256x4"))
    (cache.root / ".partial-x").mkdir()
    (cache.root / "holiday").mkdir()
    assert cache.clear() == (2, 12)
    assert [path.name for path in cache.root.iterdir()] == ["holiday"]
    assert EngineCache(cache.root / "nowhere").clear() == (0, 0)


def test_the_folder_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("TRYON_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "tryon" / "engines"
    monkeypatch.setenv("TRYON_CACHE", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine" / "engines"


def test_the_command_lists_and_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRYON_CACHE", str(tmp_path))
    put(EngineCache(), KEY)
    assert command.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "openvino    ok" in out
    assert "1x256x256x4   f16       0.0 MiB  NVIDIA H200 (9.0), TensorRT 11.0.0.114" in out
    assert command.main(["clear"]) == 0
    assert "deleted 1 engines" in capsys.readouterr().out
    assert not (tmp_path / "engines" / KEY.digest / ENGINE).exists()
    assert command.main(["list"]) == 0
    assert capsys.readouterr().out.endswith("none\n")
    assert command.main(["polish"]) == 2
    capsys.readouterr()
