"""Latencies of networks on one machine, without programs, values or files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler.errors import located
from compiler.estimator import Estimator, Latency
from compiler.ir.counts import macs
from compiler.ir.graph import Graph
from compiler.load import load_network
from compiler.passes.host import host_reason
from compiler.report.clocks import Clock
from hw.spec.config import AccelConfig, title
from sim.report import console, reporting
from sim.simulation import LayerTimes

SCALES = {
    "model": "the model's own scales: the cycles are those of `map`",
    "random": "quantised with seeded random inputs: other scales may take other cycles where "
    "inputs of a concatenation or an addition differ in scale",
    "assumed": "no weights: scales are seeded random ones",
}
"""Origins of a network's scales, and what they mean for its cycles."""


@dataclass(frozen=True)
class LatencyRow:
    """The latency of one network; ``scales`` is a key of SCALES, ``host`` has the operators by name
    that run on the host, which no cycle counts."""

    latency: Latency
    model_macs: int
    scales: str
    host: Mapping[str, str]


def latencies(names: Sequence[str], config: AccelConfig) -> Iterator[LatencyRow]:
    """The latencies of model files and built-in networks on one machine, in their order.

    Raises CompilerError, which names the network.
    """
    estimator = Estimator(config)
    with reporting("timing") as progress:
        for number, name in enumerate(names):
            progress(number, len(names))
            graph = load_network(name)
            with located(name):
                found = estimator.latency(graph)
            host = {node.name: node.op for node in graph.nodes if host_reason(graph, node)}
            yield LatencyRow(found, sum(macs(graph).values()), scales_of(graph), host)


def scales_of(graph: Graph) -> str:
    """The key of SCALES for a graph."""
    if graph.random_calibration:
        return "random"
    whole = all(
        tensor.quant is not None for tensor in graph.tensors.values() if tensor.dtype == "int8"
    )
    return "assumed" if graph.random_weights or not whole else "model"


def as_data(rows: Sequence[LatencyRow], config: AccelConfig, clock: Clock) -> dict[str, Any]:
    """The latencies fit for JSON."""
    return {
        "preset": title(config),
        "mac_units": config.mac_units,
        "clock_mhz": clock.mhz,
        "clock": clock.source,
        "networks": [
            {
                "network": row.latency.network,
                "macs": row.latency.macs,
                "model_macs": row.model_macs,
                "cycles": row.latency.cycles,
                "utilization": row.latency.utilization,
                "milliseconds": clock.milliseconds(row.latency.cycles),
                "scales": row.scales,
                "host": dict(row.host),
                "counters": row.latency.counters,
                "layers": [_layer(layer) for layer in row.latency.layers],
            }
            for row in rows
        ],
    }


def _layer(times: LayerTimes) -> dict[str, Any]:
    """A layer's figures without the causes of its cycles, which `map --json` has."""
    return {key: value for key, value in vars(times).items() if key != "causes"}


def print_latencies(rows: Sequence[LatencyRow], config: AccelConfig, clock: Clock) -> None:
    """A line a network, and what is assumed."""
    out = console()
    table = Table(title=f"{title(config)}, {config.mac_units} MAC units, batch 1", box=SIMPLE)
    table.add_column("network", overflow="fold")
    for name in ("MACs, M", "cycles", "utilisation", "ms", "pictures/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        found = row.latency
        time = clock.milliseconds(found.cycles)
        table.add_row(
            found.network,
            f"{found.macs / 1e6:,.1f}",
            f"{found.cycles:,}",
            f"{found.utilization:.1%}",
            f"{time:,.3f}",
            f"{1e3 / time:,.1f}",
        )
    out.print(table)
    out.print(f"{clock}.")
    for scales, meaning in SCALES.items():
        names = [row.latency.network for row in rows if row.scales == scales]
        if names and scales != "model":
            out.print(f"{', '.join(names)}: {meaning}.")
    for row in rows:
        if row.host:
            counts = Counter(row.host.values())
            text = ", ".join(f"{count} {op}" for op, count in counts.items())
            out.print(f"{row.latency.network}: on the host, in no cycle: {text}.")
