"""How every command ends: exit codes, one line for a fault, files put away."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

import pytest

from tests import media_factory as make
from tryon import console
from tryon.errors import CameraError, MediaError


def command(run):
    return lambda argv=(): console.run_main(argparse.ArgumentParser(prog="x"), run, argv)


def test_success_is_zero_and_silent(capsys):
    assert command(lambda arguments: None)() == 0
    assert capsys.readouterr() == ("", "")


def test_a_fault_is_one_line_and_exit_code_one(capsys):
    def run(arguments):
        raise CameraError("camera 0\ndoes not open;\n  close other programs")

    assert command(run)() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: camera 0 does not open; close other programs\n"


def test_debug_adds_the_traceback(capsys):
    def run(arguments):
        raise MediaError("broken; mend it")

    assert command(run)(["--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_is_one_line_too_and_says_what_to_do(capsys):
    assert command(lambda arguments: {}["key"])() == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "KeyError" in err
    assert "--debug" in err


def test_interrupt_is_130(capsys):
    def run(arguments):
        raise KeyboardInterrupt

    assert command(run)() == 130
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_usage_is_two_and_help_is_zero(capsys):
    assert command(lambda arguments: None)(["--nonsense"]) == 2
    assert command(lambda arguments: None)(["--help"]) == 0
    capsys.readouterr()


INTERRUPTED = """
import argparse, sys, time
from tryon.console import run_main
import signal
# A test run in the background starts with SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from tryon.streaming.demo_clip import DemoClip
from tryon.streaming.live import run_live
from tryon.streaming.media_writer import VideoWriter
from tryon.streaming.sinks import Background, CallSink, RecorderSink
from tryon.types import TryOnResult

def run(arguments):
    writer = VideoWriter(sys.argv[1])
    sink = Background(RecorderSink(writer, keep_partial=sys.argv[2] == "keep"), every_frame=True)
    say = CallSink(lambda frame, result: print(frame.index, flush=True))
    run_live(DemoClip(64, 64), [lambda f: TryOnResult(f.image)], [sink, say], every_frame=True)

sys.exit(run_main(argparse.ArgumentParser(), run, []))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("keep", ["keep", "drop"])
def test_ctrl_c_ends_with_130_and_a_playable_file_or_none(tmp_path, keep):
    out = tmp_path / "o.mp4"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(out), keep],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 20:
            break
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert time.monotonic() - began < 5
    assert [p.name for p in tmp_path.iterdir()] == (["o.mp4"] if keep == "keep" else [])
    if keep == "keep":
        assert len(make.pixels(out)[0]) >= 10


def test_a_reader_that_leaves_early_is_no_fault():
    writer = "\n".join((
        "import argparse",
        "from tryon.console import run_main",
        "def run(arguments):",
        "    for line in range(100_000):",
        "        print('line', line)",
        "raise SystemExit(run_main(argparse.ArgumentParser(), run, []))",
    ))  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", writer], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout.readline() == b"line 0\n"
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(30) == 0


def test_another_broken_pipe_is_a_fault(capsys):
    def run(arguments):
        raise BrokenPipeError("the encoder is gone")

    assert console.run_main(argparse.ArgumentParser(), run, []) == 1
    assert "error: " in capsys.readouterr().err
