"""`python -m tryon.doctor`: what this machine can do, a line each, and the remedy where it cannot.

It looks, and runs the networks once; it changes nothing, opens no camera and asks no server.
"""

from tryon.doctor.command import main

__all__ = ["main"]
