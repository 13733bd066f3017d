"""`python -m tryon.bench`: how fast this machine is, stage by stage, told honestly.

Everything is measured in one run, so that figures can be compared with each other even on a noisy
machine; nothing is asserted.
"""

from tryon.bench.command import main

__all__ = ["main"]
