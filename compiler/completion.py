"""Completion of command lines of ``convsim`` in a shell, by argcomplete.

The shell gives the line in ``COMP_LINE``, and takes the words that may follow.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

import argcomplete

from hw.spec.config import PRESETS

MODELS = ("MODEL|NAME", "NETWORK")
"""Names in the help of arguments that may be built-in networks."""


def complete(groups: Mapping[str, str]) -> None:
    """Answer the shell, and end the process; ``groups`` are commands with commands of their own."""
    line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    words = line.split()
    if line.endswith(" "):
        words.append("")
    if len(words) > 2 and words[1] in groups:
        # The group's name stands before its commands as the script's name does.
        os.environ["_ARGCOMPLETE"] = str(int(os.environ["_ARGCOMPLETE"]) + 1)
        parser = import_module(f"{words[1]}.command_line").parser(words[1])
    else:
        parser = import_module("compiler.command_line").parser("convsim", groups)
    for action in _actions(parser):
        if "--preset" in action.option_strings:
            _complete_with(action, _presets)
        elif action.metavar in MODELS:
            _complete_with(action, _networks)
    argcomplete.autocomplete(parser)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The options and arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _complete_with(action: Any, completer: Callable[..., Iterable[str]]) -> None:
    action.completer = completer


def _presets(prefix: str, **_: object) -> list[str]:
    """Names of machines."""
    return [name for name in PRESETS if name.startswith(prefix)]


def _networks(prefix: str, **_: object) -> list[str]:
    """Names of built-in networks; without any, argcomplete offers files."""
    from compiler import zoo

    return [name for name in zoo.names() if name.startswith(prefix)]
