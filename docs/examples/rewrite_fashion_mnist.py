"""``python -m docs.examples.rewrite_fashion_mnist DIR``: accuracy of a trained network rewritten.

DIR holds what ``docs.examples.train_fashion_mnist --regular`` wrote. Each rule of ``compiler
rewrite`` is applied to that network, and to all its regular convolutions. ``channel_svd`` chooses
its ranks for the cycles of the rule before it. A row has the exact cycles and the right answers of
the float network on the test pictures, without training and after it; the network itself, trained
as long, is the first row. The rewritten networks are written to DIR/RULE, in which
``docs.examples.evaluate_fashion_mnist`` takes them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from compiler.errors import InputError
from compiler.estimator import Estimator
from compiler.load import load_model
from compiler.rewrite.figures import Figures, figures
from compiler.rewrite.files import Source, read, write
from compiler.rewrite.rewrite import rewrite
from compiler.rewrite.rules import wanted
from compiler.rewrite.search import Limit
from compiler.training import OnnxModule, save
from compiler.training import load as load_module
from docs.examples.fashion_mnist import CALIBRATION, MODEL, load, prepare
from docs.examples.train_fashion_mnist import train
from hw.spec.config import PRESETS, preset

RULES = ("depthwise_svd=1", "depthwise_svd=2", "depthwise_svd=4", "bsconv_u")
BESIDE = "channel_svd"
RATE = 5e-4
"""Of Adam after a rewrite: batch normalisation is folded, and the factors of a layer have gradients
of other sizes, with which SGD diverges."""
CHUNK = 500
"""Test pictures that the module takes at a time."""
HEAD = ("rule", "MACs", "parameters", "cycles", "utilisation", "without training", "trained")


@dataclass(frozen=True)
class Row:
    """A network by the rule that made it, its figures, and shares of right answers."""

    rule: str
    figures: Figures
    plain: float
    trained: float

    def __str__(self) -> str:
        cells = (
            self.rule,
            f"{self.figures.macs / 1e6:.2f} M",
            f"{self.figures.parameters:,}",
            f"{self.figures.cycles:,}",
            f"{100 * self.figures.utilization:.1f} %",
            f"{100 * self.plain:.2f} %",
            f"{100 * self.trained:.2f} %",
        )
        return f"| {' | '.join(cells)} |"


class Experiment:
    """A trained network in a folder, a machine, and pictures to train with and to test."""

    def __init__(self, folder: Path, config: str, training: int, test: int, epochs: int) -> None:
        self._folder, self._epochs = folder, epochs
        self._estimator = Estimator(preset(config))
        self._training = tuple(part[:training] for part in load("train"))
        pictures, self._labels = (part[:test] for part in load("t10k"))
        self._inputs = torch.from_numpy(prepare(pictures))

    def unchanged(self) -> Row:
        """The network as it is."""
        path = self._folder / MODEL
        same = figures(load_model(path, self._folder / CALIBRATION), self._estimator)
        plain = self._right(load_module(path))
        return Row("(none)", same, plain, self._right(self._trained(path)))

    def rewritten(self, rule: str, limit: int | None = None) -> Row:
        """The network after a rule, at most ``limit`` cycles if given."""
        path, out = self._folder / MODEL, self._folder / rule
        bound = None if limit is None else Limit(None, limit)
        source = Source(str(path), self._folder / CALIBRATION, {})
        found = rewrite(read(source), source, [wanted(rule)], self._estimator, bound)
        out.mkdir(exist_ok=True)
        shutil.copy(self._folder / CALIBRATION, out)
        write(out / MODEL, found.model, path, found.applied.changes)
        plain = self._right(load_module(out / MODEL))
        module = self._trained(out / MODEL)
        save(module, out / MODEL)
        return Row(rule, found.after, plain, self._right(module))

    def _trained(self, path: Path) -> OnnxModule:
        # A row does not depend on the rows before.
        torch.manual_seed(0)
        module = load_module(path)
        optimiser = torch.optim.Adam(module.parameters(), RATE)
        train(module, *self._training, self._epochs, optimiser)
        return module

    def _right(self, module: OnnxModule) -> float:
        module.eval()
        with torch.inference_mode():
            answers = [module(part).argmax(1).numpy() for part in self._inputs.split(CHUNK)]
        return float((np.concatenate(answers) == self._labels).mean())


def main() -> int:
    """Print the table: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument("--epochs", metavar="N", type=int, default=1)
    parser.add_argument("--training", metavar="N", type=int, default=60_000, help="pictures")
    parser.add_argument("--test", metavar="N", type=int, default=10_000, help="pictures")
    parser.add_argument("--rules", nargs="+", metavar="RULE", default=RULES)
    arguments = parser.parse_args()
    for name in (MODEL, CALIBRATION):
        if not (arguments.folder / name).is_file():
            parser.error(
                f"{arguments.folder / name}: no such file; "
                "docs.examples.train_fashion_mnist --regular writes it"
            )
    # The order of additions depends on it.
    torch.set_num_threads(1)
    experiment = Experiment(
        arguments.folder, arguments.preset, arguments.training, arguments.test, arguments.epochs
    )
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    print(experiment.unchanged(), flush=True)
    for rule in arguments.rules:
        row = experiment.rewritten(rule)
        print(row, flush=True)
        try:
            print(experiment.rewritten(BESIDE, row.figures.cycles), flush=True)
        except InputError as reason:
            print(f"| {BESIDE} | none: {reason} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
