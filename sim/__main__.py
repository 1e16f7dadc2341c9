"""Starts the command line of ``python -m sim``."""

import sys

from sim.command_line import main

if __name__ == "__main__":
    sys.exit(main())
