"""Starts the command line of ``python -m compiler``."""

import sys

from compiler.process import run_command


def start() -> int:
    """The exit status of the command; what it needs is imported here, as an interruption may come
    then."""
    from compiler.command_line import main

    return main()


if __name__ == "__main__":
    sys.exit(run_command(start))
