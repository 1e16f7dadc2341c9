"""The size and the exact latency of a network, and how far its outputs are from another's."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto

from compiler.errors import InputError
from compiler.estimator import Estimator
from compiler.ir.counts import macs, parameters
from compiler.ir.graph import Graph
from compiler.quantize import Runner
from compiler.quantize.samples import Sample
from hw.spec.regs import Counter


@dataclass(frozen=True)
class Figures:
    """Figures of a network on a machine: ``macs`` are those of the model."""

    macs: int
    parameters: int
    cycles: int
    utilization: float
    dram_read_bytes: int
    dram_write_bytes: int

    def as_data(self) -> dict[str, Any]:
        """The figures fit for JSON."""
        return dataclasses.asdict(self)


def figures(graph: Graph, estimator: Estimator) -> Figures:
    """The figures of a graph. Raises CompilerError for one that ``map`` refuses."""
    found, bus = estimator.latency(graph), estimator.config.bus_bytes
    return Figures(
        sum(macs(graph).values()),
        parameters(graph),
        found.cycles,
        found.utilization,
        found.counters[Counter.READ_BEATS.name.lower()] * bus,
        found.counters[Counter.WRITE_BEATS.name.lower()] * bus,
    )


@dataclass(frozen=True)
class Fidelity:
    """Float outputs of the rewritten model beside the model's own, over ``inputs`` inputs: the
    signal to noise ratio of each output in decibels, None for equal values, and the share of inputs
    with the same greatest value of the first output."""

    inputs: int
    sqnr_db: dict[str, float | None]
    agreement: float


def fidelity(before: ModelProto, after: ModelProto, samples: Sequence[Sample]) -> Fidelity:
    """Run both models in onnxruntime. Raises InputError for values that are not finite."""
    names = [value.name for value in before.graph.output]
    runners = Runner(before, names), Runner(after, names)
    signal, noise, same = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0), 0
    for sample in samples:
        old, new = (runner.run(sample) for runner in runners)
        for name in names:
            wanted = old[name].astype(np.float64)
            signal[name] += float(np.square(wanted).sum())
            noise[name] += float(np.square(new[name] - wanted).sum())
            if not math.isfinite(signal[name] + noise[name]):
                raise InputError(f"output {name!r} is not finite for a calibration input")
        same += int(old[names[0]].argmax() == new[names[0]].argmax())
    ratios = {name: _decibels(signal[name], noise[name]) for name in names}
    return Fidelity(len(samples), ratios, same / len(samples))


def _decibels(signal: float, noise: float) -> float | None:
    if not noise:
        return None
    return 10 * math.log10(max(signal, np.finfo(float).tiny) / noise)
