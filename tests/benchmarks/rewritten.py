"""``python -m tests.benchmarks.rewritten``: SqueezeNet 1.1 with trained weights, rewritten.

The weights are read by a Python of an environment of its own::

    python3 -m venv DIR && DIR/bin/pip install h5py
    python -m tests.benchmarks.rewritten --python DIR/bin/python

Rules change the 3x3 layers of the modules; ``channel_svd`` after each has the ranks that the search
finds for the same cycles. There is no labelled set to train with. So an epoch is one pass over
crops of every other photo of mvtb-data, and its targets are the answers of the network as it was.
``agreement`` is the share of crops of the other photos with that network's answer, ``labelled``
right answers on foolbox's 20 pictures, float in PyTorch; both without training, and after it.
"""

from __future__ import annotations

import argparse
import tempfile
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
from compiler.training import OnnxModule, load
from hw.spec.config import preset
from sim.progress import reporting
from tests.benchmarks.measure import print_command
from tests.support.assets import imagenet_pictures, load_picture
from tests.support.float_networks import photo_crops
from tests.support.squeezenet import pixels, squeezenet

RULES = ("depthwise_svd=1", "depthwise_svd=2", "depthwise_svd=4")
BESIDE, LAYERS = "channel_svd", "@*/expand3x3"
CALIBRATION, BATCH, RATE = 64, 20, 2e-4
HEAD = (
    *("rule", "MACs", "parameters", "cycles", "utilisation"),
    *("labelled", "agreement", "SQNR", "labelled, trained", "agreement, trained", "SQNR, trained"),
)


@dataclass(frozen=True)
class Pictures:
    """Inputs float32 ``[N, 3, 224, 224]``, and the labels of some."""

    training: torch.Tensor
    crops: torch.Tensor
    labelled: torch.Tensor
    labels: np.ndarray


class Experiment:
    """The network in a folder, pictures, and the answers of the network as it is."""

    def __init__(self, folder: Path, python: str, training: int, crops: int) -> None:
        self._folder, self._model = folder, folder / "squeezenet.onnx"
        self._model.write_bytes(squeezenet(python))
        self._samples = folder / "samples.npy"
        known = pixels(photo_crops(CALIBRATION + training, 0, slice(0, None, 2)))
        np.save(self._samples, known[:CALIBRATION])
        photos = imagenet_pictures()
        self._pictures = Pictures(
            torch.from_numpy(known[CALIBRATION:]),
            torch.from_numpy(pixels(photo_crops(crops, 1, slice(1, None, 2)))),
            torch.from_numpy(pixels(np.concatenate([load_picture(path) for path, _ in photos]))),
            np.array([label for _, label in photos]),
        )
        self._estimator = Estimator(preset("edge256"))
        self._teacher = load(self._model)
        self._expected = _logits(self._teacher, self._pictures.crops)

    def unchanged(self) -> tuple[str, ...]:
        """The row of the network as it is."""
        found = figures(load_model(self._model, self._samples), self._estimator)
        return (*_cells("(none)", found), self._hits(self._teacher), *[""] * 5)

    def rewritten(self, rule: str, limit: int | None = None) -> tuple[tuple[str, ...], int]:
        """The row of a rule, at most ``limit`` cycles if given; its cycles. Raises InputError."""
        source = Source(str(self._model), self._samples, {})
        bound = None if limit is None else Limit(None, limit)
        rules = [wanted(rule + LAYERS)]
        found = rewrite(read(source), source, rules, self._estimator, bound)
        out = self._folder / f"{rule}.onnx"
        write(out, found.model, self._model, found.applied.changes)
        module = load(out)
        plain = self._answers(module)
        self._train(module)
        return (*_cells(rule, found.after), *plain, *self._answers(module)), found.after.cycles

    def _answers(self, module: OnnxModule) -> tuple[str, str, str]:
        found = _logits(module, self._pictures.crops)
        agreement = (found.argmax(1) == self._expected.argmax(1)).mean()
        noise = np.square(found - self._expected).sum() / np.square(self._expected).sum()
        shown = f"{100 * agreement:.1f} %", f"{-10 * np.log10(noise):.1f} dB"
        return (self._hits(module), *shown)

    def _hits(self, module: OnnxModule) -> str:
        right = _logits(module, self._pictures.labelled).argmax(1) == self._pictures.labels
        return f"{right.sum()} of {right.size}"

    def _train(self, module: OnnxModule) -> None:
        """One epoch towards the answers of the network as it was."""
        torch.manual_seed(0)
        pictures = self._pictures.training
        steps = len(pictures) // BATCH
        optimiser = torch.optim.Adam(module.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        module.train().to(memory_format=torch.channels_last)
        with reporting("training") as progress:
            for step, batch in enumerate(pictures.split(BATCH)[:steps]):
                progress(step, steps)
                batch = batch.contiguous(memory_format=torch.channels_last)
                with torch.inference_mode():
                    target = self._teacher(batch)
                loss = torch.nn.functional.mse_loss(module(batch), target.clone())
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        module.eval()


def _cells(rule: str, found: Figures) -> tuple[str, ...]:
    return (
        f"`{rule}`",
        f"{found.macs / 1e6:.1f} M",
        f"{found.parameters:,}",
        f"{found.cycles:,}",
        f"{100 * found.utilization:.1f} %",
    )


def _logits(module: OnnxModule, inputs: torch.Tensor) -> np.ndarray:
    module.eval()
    with torch.inference_mode():
        return np.concatenate([module(part).numpy() for part in inputs.split(BATCH)])


def main() -> int:
    """Print the table: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("--python", required=True, metavar="FILE", help="a Python with h5py")
    parser.add_argument("--training", type=int, default=1500, metavar="N", help="crops")
    parser.add_argument("--crops", type=int, default=300, metavar="N", help="crops to compare")
    parser.add_argument("--rules", nargs="+", metavar="RULE", default=RULES)
    arguments = parser.parse_args()
    print_command()
    # The order of additions depends on it.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        sizes = arguments.training, arguments.crops
        experiment = Experiment(Path(name), arguments.python, *sizes)
        _print(HEAD)
        _print(["---"] * len(HEAD))
        _print(experiment.unchanged())
        for rule in arguments.rules:
            row, cycles = experiment.rewritten(rule)
            _print(row)
            try:
                _print(experiment.rewritten(BESIDE, cycles)[0])
            except InputError as reason:
                _print([BESIDE, f"none: {reason}"])
    return 0


def _print(cells: tuple[str, ...] | list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
