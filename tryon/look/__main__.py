"""`python -m tryon.look`: the command of `tryon.look_cli`."""

import sys

from tryon.look_cli import main

sys.exit(main())
