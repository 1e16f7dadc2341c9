"""``python -m docs.examples.train_fashion_mnist -o DIR``: train a network on Fashion-MNIST.

Writes ``model.onnx`` (BSConv-U MobileNetV1, width 1/4, float) and ``calibration.npy`` (training
pictures to quantise it with) into DIR, for ``docs.examples.evaluate_fashion_mnist``. With
``--regular`` the network has regular convolutions, for ``docs.examples.rewrite_fashion_mnist``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from docs.examples.bsconv import (
    SMALL_STRIDES,
    bsconv_u_mobilenet_v1,
    export,
    regular_mobilenet_v1,
)
from docs.examples.fashion_mnist import (
    CALIBRATION,
    CLASSES,
    MODEL,
    SIZE,
    load,
    prepare,
)
from sim.progress import reporting

BATCH = 128
MAX_RATE = 0.1
CALIBRATION_PICTURES = 256


def main() -> int:
    """Train and write the files: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("-o", dest="folder", metavar="DIR", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regular", action="store_true", help="regular convolutions")
    arguments = parser.parse_args()
    # The order of additions depends on it.
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    pictures, labels = load("train")
    make = regular_mobilenet_v1 if arguments.regular else bsconv_u_mobilenet_v1
    network = make(CLASSES, SMALL_STRIDES)
    train(network, pictures, labels, arguments.epochs)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    export(network, SIZE, arguments.folder / MODEL)
    np.save(arguments.folder / CALIBRATION, prepare(pictures[:CALIBRATION_PICTURES]))
    return 0


def train(
    network: nn.Module,
    pictures: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    optimiser: torch.optim.Optimizer | None = None,
) -> None:
    """One cycle of the learning rate, SGD with Nesterov momentum unless another ``optimiser`` is
    given; half the pictures mirrored."""
    steps = epochs * (len(pictures) // BATCH)
    if optimiser is None:
        optimiser = torch.optim.SGD(
            network.parameters(), lr=MAX_RATE, momentum=0.9, nesterov=True, weight_decay=1e-4
        )
    rate = optimiser.defaults["lr"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    loss_of = nn.CrossEntropyLoss()
    network.train().to(memory_format=torch.channels_last)
    batches = _batches(pictures, labels, epochs)
    with reporting("training") as progress:
        for step, (batch, target) in enumerate(batches):
            progress(step, steps)
            loss = loss_of(network(batch), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def _batches(
    pictures: np.ndarray, labels: np.ndarray, epochs: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Whole batches of inputs and labels, in a new order in each epoch."""
    for _ in range(epochs):
        order = torch.randperm(len(pictures))
        for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
            batch = torch.from_numpy(prepare(pictures[chosen.numpy()]))
            batch = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, batch.flip(3), batch)
            target = torch.from_numpy(labels[chosen.numpy()].astype(np.int64))
            yield batch.contiguous(memory_format=torch.channels_last), target


if __name__ == "__main__":
    sys.exit(main())
