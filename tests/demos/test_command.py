"""`python -m demos.gradio_live`: what it refuses, in one line and before anything loads."""

from __future__ import annotations

import socket
import sys

import pytest

from demos.gradio_live.__main__ import main


def test_help_names_the_flags(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for flag in ("--host", "--port", "--people", "--certificate", "--turn"):
        assert flag in text


def test_a_taken_port_is_named(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"port {port}" in err
    assert "--port" in err


@pytest.mark.parametrize("flags", [["--people", "0"], ["--threads", "99"], ["--port", "99999"]])
def test_numbers_out_of_range_are_refused(flags, capsys):
    assert main(flags) == 1
    assert flags[0] in capsys.readouterr().err


def test_a_missing_package_is_told_with_the_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["--port", "0"]) == 1
    assert "pip install 'tryon[demo]'" in capsys.readouterr().err
