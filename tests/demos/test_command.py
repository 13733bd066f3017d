"""`python -m demos.gradio_live`: what it refuses, in one line and before anything loads."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.request import urlopen

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


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to a process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_while_a_look_is_being_painted_ends_quietly_with_the_usual_code(name):
    pytest.importorskip("gradio", reason="needs gradio: pip install 'tryon[demo]'")
    pytest.importorskip("aiortc", reason="needs aiortc: pip install 'tryon[demo]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "demos.gradio_live", "--port", str(port)]
    address = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            for _ in range(600):
                with suppress(OSError):
                    urlopen(address, timeout=10).close()
                    break
                time.sleep(0.1)

            def look_at_a_portrait():
                with suppress(OSError), urlopen(f"{address}live/looks/orchid-large.jpg"):
                    pass

            looking = threading.Thread(target=look_at_a_portrait)
            looking.start()
            time.sleep(0.3)
            demo.send_signal(getattr(signal, name))
            _, err = demo.communicate(timeout=60)
            looking.join(10)
        finally:
            demo.kill()
    assert (demo.returncode, err) == (130, "interrupted\n")
