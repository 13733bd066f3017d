"""The `tryon` command hands on what it is given, and loads nothing before."""

from __future__ import annotations

import subprocess
import sys

from tryon import __version__, cli


def test_an_unknown_command_or_none_is_wrong_usage(capsys):
    assert cli.main(["nonsense"]) == 2
    assert cli.main([]) == 2
    capsys.readouterr()


def test_version_and_help_name_every_command(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"tryon {__version__}"
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)


def test_the_arguments_reach_the_subcommand_as_they_are(capsys):
    assert cli.main(["webcam", "--help"]) == 0
    assert "usage: tryon webcam" in capsys.readouterr().out
    assert cli.main(["video", "--ref", "a.png"]) == 2
    assert "usage: tryon video" in capsys.readouterr().err


def test_starting_loads_nothing_heavy():
    """The help and every usage error come at once: heavy packages load when they are used."""
    script = (
        "import sys, tryon.cli, tryon.webcam, tryon.video; tryon.cli.main(['webcam', '--help']);"
        "heavy = {'av', 'cv2', 'torch', 'openvino', 'mediapipe', 'numba', 'PIL', 'tqdm'};"
        "sys.exit(f'loaded: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
