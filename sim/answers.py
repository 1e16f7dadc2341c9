"""Answers of a classifier: the classes with the largest values, by name."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import InputError
from compiler.quantities import whole

if TYPE_CHECKING:
    import numpy as np

    from sim.program import Program

TOP = 5
"""Classes shown without --top."""


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Add --labels and --top."""
    parser.add_argument(
        "--labels",
        metavar="FILE",
        type=Path,
        help="names of the classes, a line each: show the answer",
    )
    parser.add_argument("--top", metavar="N", help=f"classes of an answer (default: {TOP})")


@dataclass(frozen=True)
class BestClasses:
    """The ``count`` best of the classes of the network's first output, by name if any."""

    tensor: Mapping[str, Any]
    output: str
    count: int
    labels: Sequence[str] | None

    def answers(
        self, names: Sequence[str], runs: Sequence[Mapping[str, np.ndarray]]
    ) -> list[dict[str, Any]]:
        """The best classes of each run, fit for JSON; ``names`` are those of its inputs."""
        return [
            {"input": name, "top": self._top(run[self.output])}
            for name, run in zip(names, runs, strict=True)
        ]

    def _top(self, stored: np.ndarray) -> list[dict[str, Any]]:
        from golden.declared import to_declared

        values = to_declared(stored, self.tensor).ravel()
        order = ranking(values)[: self.count]
        return [
            {
                "class": int(index),
                **({} if self.labels is None else {"label": self.labels[index]}),
                "value": values[index].item(),
            }
            for index in order
        ]


def ranking(values: np.ndarray) -> np.ndarray:
    """Classes from the largest of ``values`` ``[classes]`` on; of equal ones the first."""
    import numpy as np

    return np.argsort(-values.astype(np.float64), kind="stable")


def best_classes(program: Program, arguments: argparse.Namespace) -> BestClasses | None:
    """The answers that --labels and --top ask for, None without both. Raises InputError."""
    if arguments.labels is None and arguments.top is None:
        return None
    output = program.graph["outputs"][0]
    tensor = program.graph["tensors"][output]
    classes = math.prod(tensor["shape"])
    count = TOP if arguments.top is None else whole(arguments.top, "--top", 1, classes)
    labels = None if arguments.labels is None else read_labels(arguments.labels, classes)
    return BestClasses(tensor, output, count, labels)


def read_labels(path: Path, classes: int) -> list[str]:
    """Names of ``classes`` classes, a line each. Raises InputError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise InputError(f"{path}: {reason}") from None
    if len(lines) != classes:
        raise InputError(f"{path}: {len(lines)} lines; {classes}, one for each class, are accepted")
    return lines


def print_answers(answers: Iterable[Mapping[str, Any]]) -> None:
    """Print the classes of each input with their values."""
    for answer in answers:
        print(f"{answer['input']}:")
        for found in answer["top"]:
            name = found.get("label", f"class {found['class']}")
            print(f"  {found['value']:10.4f}  {name}")
