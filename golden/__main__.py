"""Starts the command line of ``python -m golden``."""

import sys

from golden.command_line import main

if __name__ == "__main__":
    sys.exit(main())
