"""Runs the command `tryon doctor`."""

import sys

from tryon.doctor.command import main

sys.exit(main())
