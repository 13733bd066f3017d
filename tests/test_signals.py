"""Ctrl-C and SIGTERM end a program as Python says, whatever networks were opened and freed."""

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import os, signal, sys, threading, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
from tryon import TryOnSession
from tryon.face.parse_fast import FastParser

def open_and_close():
    FastParser().close()
    TryOnSession().close()

open_and_close()
other = threading.Thread(target=open_and_close)
other.start()
other.join()
try:
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_after_networks_were_freed_interrupts_and_does_not_crash(name):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr


SLOW_IMPORT = """
import argparse, sys, time
from tryon.console import run_main

def run(_):
    print("ready", flush=True)
    import slow_to_import
    print("imported", flush=True)
    time.sleep(20)

sys.exit(run_main(argparse.ArgumentParser(), run, []))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="terminate ends the process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_waits_for_an_import_to_end(name, tmp_path):
    """Raised inside one it can leave a lock of Python closed for ever."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(1)\n")
    default = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", default + SLOW_IMPORT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (130, "imported\n", "interrupted\n")
