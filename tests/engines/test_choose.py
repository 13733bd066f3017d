"""The best engine this machine can run is taken, and no other in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tryon.engines import choose as module
from tryon.engines.choose import ENGINE_NAMES, choose, why_not
from tryon.errors import ConfigError, EngineError

BEST_FIRST = ("tensorrt", "torch-cuda", "openvino", "torch")


class Made:
    def __init__(self, name: str) -> None:
        self.name, self.warm = name, False

    def warm_up(self) -> None:
        self.warm = True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """`machine("openvino", ...)`: a machine that can run these engines and no others."""

    def can_run(*names: str, broken: str = "") -> None:
        def choice(name: str) -> module._Choice:
            def make(folder: Path, threads: int | None, build: bool) -> Made:
                if name == broken:
                    raise EngineError(f"{name} does not load")
                return Made(name)

            reason = None if name in names else f"{name} is missing: install it"
            return module._Choice(name, lambda: reason, make)

        monkeypatch.setattr(module, "_ENGINES", tuple(choice(name) for name in BEST_FIRST))

    return can_run


def test_the_order_is_gpu_first() -> None:
    assert ENGINE_NAMES == ("auto", *BEST_FIRST)


@pytest.mark.parametrize("best", BEST_FIRST)
def test_auto_takes_the_best_there_is(machine, best: str) -> None:
    machine(*BEST_FIRST[BEST_FIRST.index(best) :])
    engine = choose("auto")
    assert engine.name == best
    assert engine.warm


def test_an_engine_asked_for_is_never_replaced(machine) -> None:
    machine("openvino", "torch")
    assert choose("torch").name == "torch"
    with pytest.raises(EngineError, match="tensorrt cannot be used here: tensorrt is missing"):
        choose("tensorrt")
    assert why_not("tensorrt") == "tensorrt is missing: install it"
    assert why_not("openvino") is None


def test_an_engine_that_fails_to_load_is_an_error_even_for_auto(machine) -> None:
    machine(*BEST_FIRST, broken="tensorrt")
    with pytest.raises(EngineError, match="tensorrt does not load"):
        choose("auto")


def test_a_machine_without_any_engine_and_unknown_names_are_refused(machine) -> None:
    machine()
    with pytest.raises(EngineError, match="torch is missing: install it"):
        choose("auto")
    with pytest.raises(ConfigError, match="abacus"):
        choose("abacus")
