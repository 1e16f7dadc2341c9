"""Starts the command line of ``python -m compiler``."""

import sys

from compiler.process import run_command


def main() -> int:
    """The exit status of the command, imported here: an interruption may come meanwhile."""
    from compiler import command_line

    return command_line.main()


if __name__ == "__main__":
    sys.exit(run_command(main))
