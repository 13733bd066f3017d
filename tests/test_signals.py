"""Ctrl-C and SIGTERM end a program as Python says, whatever networks were opened and freed."""

import subprocess
import sys

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
