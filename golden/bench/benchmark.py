"""The whole measurement: agreement, every precision and mode, layers, and the accelerator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from compiler.errors import UnsupportedError
from compiler.ir.counts import macs
from compiler.ir.graph import Graph
from golden.bench.accelerator import (
    machine,
    machine_values,
)
from golden.bench.agreement import (
    Agreement,
    agreement,
    precision_bound_db,
    snr_db,
)
from golden.bench.caches import Cold
from golden.bench.device import (
    NO_INT8,
    describe,
    left_out,
    versions,
)
from golden.bench.measure import (
    CLOCKS,
    Spread,
    measured,
)
from golden.bench.modes import (
    arithmetic,
    moved,
    moved_inputs,
    prepared,
)
from golden.bench.module import (
    Network,
    as_numpy,
    as_torch,
    check_batch,
    stored_inputs,
)
from golden.bench.parts import part_of
from golden.bench.peaks import Peak
from hw.spec.config import AccelConfig

Progress = Callable[[int, int], None]

SEED = 0
#: Precision and mode in which layers are timed alone, by device.
LAYERS = {"cpu": ("fp32", "eager"), "cuda": ("fp16", "graph")}


@dataclass(frozen=True)
class Options:
    """Selection of what to measure, each for about ``seconds``.

    ``timer`` is a key of ``CLOCKS``; ``precisions`` and ``modes`` are some of the device's in
    ``golden/bench/modes.py``; ``clocks`` of the accelerator are in MHz; ``peak`` is the device's,
    None where unknown. ``cold`` empties the caches before each call; None leaves them as they are.
    """

    device: str
    timer: str
    config: AccelConfig
    batch: int
    precisions: Sequence[str]
    modes: Sequence[str]
    clocks: Sequence[float]
    peak: Peak | None
    seconds: float
    cold: Cold | None = None


def benchmark(
    graph: Graph, options: Options, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """The report of ``golden latency --json``, except date and command.

    ``progress`` is called before each measurement with those done and those in all.
    Golden's tensors are read from the simulated accelerator, which stores the same bits in a
    fraction of the time. Raises CompilerError for a network that the accelerator or PyTorch cannot
    run, AssertionError where PyTorch's module is not golden's network.
    """
    form = graph.to_dict()
    check_batch(form, options.batch)
    network = Network(form)
    mapped = machine(graph, options.config)
    hosted = [node.name for node in mapped.host]
    if len(hosted) == len(network.names):
        raise UnsupportedError(
            f"{graph.name}: all operators run on the host; a network with one of the array's is "
            "accepted"
        )
    bench = _Bench(form, network, options, 2 * mapped.macs * options.batch, hosted)
    values = machine_values(graph, options.config, bench.first_inputs())
    cases = [
        case
        for case in itertools.product(options.precisions, options.modes)
        if case[0] not in left_out(options.device)
    ]
    counts, runs = macs(graph), []
    with torch.inference_mode():
        agreed = bench.check(values)
        bench.split()
        for done, case in enumerate(cases):
            progress(done, len(cases) + 1)
            runs.append(bench.run(*case))
        progress(len(cases), len(cases) + 1)
        layers = bench.layers(counts, mapped.layers)
    return {
        "network": graph.name,
        "random_weights": graph.random_weights,
        "macs": mapped.macs,
        "model_macs": sum(n for name, n in counts.items() if name not in hosted),
        "operations": bench.operations,
        "batch": options.batch,
        "device": describe(options.device),
        "timer": options.timer,
        "versions": versions(),
        "peak": _peak(options),
        "caches": "cold" if options.cold else "warm",
        "flushed_bytes": options.cold.nbytes if options.cold else None,
        "agreement": agreed.as_data(),
        "runs": runs,
        "host": [asdict(node) for node in mapped.host],
        "left_out": {**left_out(options.device), "int8": NO_INT8[options.device]},
        "layers": layers,
        "accelerator": [mapped.figures(mhz, options.batch) for mhz in options.clocks],
    }


def _peak(options: Options) -> dict[str, Any] | None:
    if options.peak is None:
        return None
    rates = {p: options.peak.of(p) for p in options.precisions}
    return {"source": options.peak.source, "operations_per_second": rates}


class _Bench:
    """A network and its inputs, batched, in float64 on the CPU."""

    def __init__(
        self,
        form: Mapping[str, Any],
        network: Network,
        options: Options,
        operations: int,
        hosted: Sequence[str],
    ) -> None:
        self.form, self.network, self.options = form, network, options
        self.operations, self.hosted = operations, hosted
        self._parts: dict[str, tuple[Network, list[torch.Tensor]]] = {}
        self._stored = dict(
            zip(form["inputs"], stored_inputs(form, options.batch, SEED), strict=True)
        )
        self._inputs = [as_torch(x, form["tensors"][name]) for name, x in self._stored.items()]
        self._reference: list[np.ndarray] = []

    def first_inputs(self) -> dict[str, np.ndarray]:
        """Stored integers of the batch's first inputs, by name."""
        return {name: self._first(name, x) for name, x in self._stored.items()}

    def check(self, values: Mapping[str, np.ndarray]) -> Agreement:
        """Compare with golden's tensors for the first inputs, and keep the outputs."""
        agreed = agreement(self.form, self.network, values)
        agreed.check()
        tensors = self.form["tensors"]
        first = [as_torch(x, tensors[name]) for name, x in self.first_inputs().items()]
        self._reference = [as_numpy(y) for y in self.network(*first)]
        return agreed

    def split(self) -> None:
        """Make networks of what the array and what the host runs, if both do."""
        if not self.hosted:
            return
        array = set(self.network.names).difference(self.hosted)
        for where, names in (("array", array), ("host", self.hosted)):
            form, layers = part_of(self.form, names), self.network.by_name()
            source = Network({**self.form, "outputs": form["inputs"]}, layers)
            self._parts[where] = Network(form, layers), list(source(*self._inputs))

    def run(self, precision: str, mode: str) -> dict[str, Any]:
        """Time the array's operators, and where the host has some these and all together.

        The figures are the array's. The whole network's first outputs are compared with float64's.
        Raises AssertionError where full float32 is off by more than its roundings explain.
        """
        options = self.options
        with arithmetic(precision):
            whole, outputs = self._timed(self.network, self._inputs, precision, mode)
            parts = {
                where: self._timed(*part, precision, mode)[0] for where, part in self._parts.items()
            }
        spread = parts.get("array", whole)
        found = [
            self._first(name, y) for name, y in zip(self.network.outputs, outputs, strict=True)
        ]
        snr = snr_db(self._reference, found)
        bound = precision_bound_db(precision, len(self.network.layers))
        agrees = snr is None or snr >= bound
        assert agrees or precision != "fp32", (
            f"fp32 {mode}: {snr:.1f} dB to float64; its roundings explain {bound:.1f} dB"
        )
        return {
            "device": options.device,
            "precision": precision,
            "mode": mode,
            "batch": options.batch,
            **spread.as_data(),
            **self._rates(self.operations, spread.median, precision),
            "host": parts["host"].as_data() if parts else None,
            "whole": whole.as_data() if parts else None,
            "snr_db": snr,
            "snr_bound_db": bound,
            "agrees": agrees,
        }

    def _timed(
        self, network: Network, inputs: Sequence[torch.Tensor], precision: str, mode: str
    ) -> tuple[Spread, list[np.ndarray]]:
        """The time of a network or a part on the device, and its outputs in the graph's layout."""
        device = self.options.device
        call = prepared(
            moved(network, device, precision), moved_inputs(inputs, device, precision), mode
        )
        spread = self._measured(call, self.options.seconds)
        return spread, [as_numpy(y) for y in call()]

    def _measured(self, call: Callable[[], object], seconds: float) -> Spread:
        return measured(call, CLOCKS[self.options.timer], seconds, self.options.cold)

    def layers(self, counts: Mapping[str, int], cycles: Mapping[str, int]) -> list[dict[str, Any]]:
        """Time every layer alone on its own inputs; ``cycles`` are the accelerator's by layer.

        A layer that the accelerator fuses into another, or leaves to the host, has none (None).
        """
        device = self.options.device
        precision, mode = LAYERS[device]
        rows = []
        with arithmetic(precision):
            module = moved(self.network, device, precision)
            values = dict(
                zip(self.network.inputs, moved_inputs(self._inputs, device, precision), strict=True)
            )
            for node, layer, reads in zip(
                self.form["nodes"], module.layers, self.network.reads, strict=True
            ):
                inputs = [values[name] for name in reads]
                values[node["outputs"][0]] = layer(*inputs)
                call = prepared(layer, inputs, mode)
                budget = self.options.seconds / len(module.layers)
                spread = self._measured(call, budget)
                done = 2 * counts[node["name"]] * self.options.batch
                rows.append(
                    {
                        "name": node["name"],
                        "kind": node["op"],
                        "macs": counts[node["name"]],
                        "on": "host" if node["name"] in self.hosted else "array",
                        "device": device,
                        "precision": precision,
                        "mode": mode,
                        **spread.as_data(),
                        **self._rates(done, spread.median, precision),
                        "accelerator_cycles": cycles.get(node["name"]),
                    }
                )
        return rows

    def _rates(self, operations: int, milliseconds: float, precision: str) -> dict[str, Any]:
        """latency = operations / (efficiency x peak), solved for the efficiency."""
        rate = operations / (milliseconds * 1e-3)
        peak = self.options.peak.of(precision) if self.options.peak else None
        return {"operations_per_second": rate, "efficiency": rate / peak if peak else None}

    def _first(self, name: str, batched: np.ndarray) -> np.ndarray:
        """The part of a batched tensor that belongs to the first inputs."""
        return batched[: self.form["tensors"][name]["shape"][0]]
