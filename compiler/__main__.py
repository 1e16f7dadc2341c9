"""Starts the command line of ``python -m compiler``."""

import sys

from compiler.command_line import main

if __name__ == "__main__":
    sys.exit(main())
