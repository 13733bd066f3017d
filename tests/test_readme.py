"""The README tells the truth: its commands parse, and its first one wears a look."""

import json
import re
import shlex
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    re.split(r"\s#", line)[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in re.split(r"\n|&&", block.replace("\\\n", " "))
    if "python -m tryon." in line
]


def parts(command):
    """Module and arguments of a README command."""
    words = shlex.split(command)
    return words[words.index("-m") + 1], words[words.index("-m") + 2 :]


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_shown_exists(command, capsys):
    module, arguments = parts(command)
    module = {"tryon.look": "tryon.look_cli", "tryon.engines": "tryon.engines.__main__"}.get(
        module, module
    )
    names = arguments[:1] if module in ("tryon.look_cli", "tryon.engines.__main__") else []
    with_help = [*names, "--help"]
    with suppress(SystemExit):  # training commands leave --help to argparse
        assert import_module(module).main(with_help) == 0
    text = capsys.readouterr().out
    for flag in (a for a in arguments if a.startswith("-")):
        assert re.search(rf"(^|[\s,\[]){re.escape(flag)}\b", text), f"{module} has no {flag}"


def test_the_first_command_wears_a_look(monkeypatch, capsys):
    from tryon.webcam import main

    monkeypatch.chdir(ROOT)
    module, arguments = parts(COMMANDS[0])
    assert module == "tryon.webcam"
    assert main([*arguments, "--no-window", "--frames", "20", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["frames"] == 20
    assert figures["stages_ms"]["composite"]["p50"] > 0
