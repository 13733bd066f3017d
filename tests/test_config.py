from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from tryon.config import add_arguments, from_arguments
from tryon.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    folder: Path
    batch_size: int = 8
    rate: float | None = None
    fast: bool = True
    pair: tuple[int, int] = (1, 2)
    names: tuple[str, ...] = ("a",)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ConfigError(f"batch_size = {self.batch_size}: use 1 or more.")


def parse(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_arguments(parser, Settings)
    return from_arguments(parser.parse_args(arguments), Settings)


def test_defaults_are_the_dataclass_own() -> None:
    assert parse("--folder", "x") == Settings(Path("x"))


def test_every_kind_of_field_is_a_flag() -> None:
    given = parse(
        *("--folder", "x", "--batch-size", "3", "--rate", "0.5", "--no-fast"),
        *("--pair", "4", "5", "--names", "b", "c", "d"),
    )
    assert given == Settings(Path("x"), 3, 0.5, False, (4, 5), ("b", "c", "d"))


@pytest.mark.parametrize(
    "wrong", [(), ("--folder", "x", "--pair", "1"), ("--folder", "x", "--rate", "y")]
)
def test_what_does_not_parse_is_refused(wrong: tuple[str, ...], capsys) -> None:
    with pytest.raises(SystemExit):
        parse(*wrong)
    assert "error" in capsys.readouterr().err


def test_the_dataclass_checks_its_values() -> None:
    with pytest.raises(ConfigError, match="batch_size"):
        parse("--folder", "x", "--batch-size", "0")
