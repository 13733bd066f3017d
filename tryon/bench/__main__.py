"""Runs the command `tryon bench`."""

import sys

from tryon.bench.command import main

sys.exit(main())
