"""Starts the command line of ``python -m hw``."""

import sys

from hw.command_line import main

if __name__ == "__main__":
    sys.exit(main())
