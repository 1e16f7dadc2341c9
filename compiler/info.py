"""A model at a glance: what would run where, without a schedule or a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler import driver
from compiler.errors import located
from compiler.estimator.placeholder_weights import with_standins
from compiler.ir.counts import node_macs, node_parameters, parameters
from compiler.ir.graph import Graph, Node
from compiler.lru_cache import LruCache
from hw.spec.config import AccelConfig, title
from sim.report import console, short_names


@dataclass(frozen=True)
class LayerInfo:
    """A node of the model: ``place`` is ``array`` or ``host``, ``reason`` why it is the host."""

    name: str
    op: str
    output_shape: tuple[int, ...]
    macs: int
    parameters: int
    place: str
    reason: str


@dataclass(frozen=True)
class ModelInfo:
    """A model that maps: its layers in execution order, and its segments, runs of the machine."""

    network: str
    parameters: int
    segments: int
    layers: tuple[LayerInfo, ...]

    def macs(self, place: str) -> int:
        """Multiply-accumulates of the layers at a place, as the file has them."""
        return sum(layer.macs for layer in self.layers if layer.place == place)


def model_info(graph: Graph, config: AccelConfig, source: str) -> ModelInfo:
    """The places of a model's layers on the machine, and their sizes.

    Raises CompilerError, which begins with ``source``, for a model that ``map`` refuses for its
    operators or sizes.
    """
    with located(source):
        whole = with_standins(graph, 0, LruCache(64))
        network = driver.lower(whole, config)
    reasons = {found.node.name: found.reason for found in network.host}
    layers = tuple(_layer(graph, node, reasons.get(node.name)) for node in graph.nodes)
    return ModelInfo(graph.name, parameters(graph), network.segments, layers)


def _layer(graph: Graph, node: Node, reason: str | None) -> LayerInfo:
    return LayerInfo(
        node.name,
        node.op,
        graph.tensors[node.outputs[0]].shape,
        node_macs(graph, node),
        node_parameters(graph, node),
        "array" if reason is None else "host",
        reason or "",
    )


def as_data(info: ModelInfo, config: AccelConfig) -> dict[str, Any]:
    """The same fit for JSON."""
    return {
        "network": info.network,
        "preset": title(config),
        "maps": True,
        "model_macs": info.macs("array") + info.macs("host"),
        "host_macs": info.macs("host"),
        "parameters": info.parameters,
        "segments": info.segments,
        "layers": [dataclasses.asdict(layer) for layer in info.layers],
    }


def print_info(info: ModelInfo, config: AccelConfig) -> None:
    """The layers as a table, the host's reasons, and the sums."""
    out = console()
    table = Table(title=info.network, box=SIMPLE)
    for name in ("layer", "operator", "output"):
        table.add_column(name, no_wrap=True)
    for name in ("MACs", "parameters"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("place", no_wrap=True)
    for name, layer in zip(short_names([x.name for x in info.layers]), info.layers, strict=True):
        shape = "x".join(map(str, layer.output_shape[1:]))
        table.add_row(
            name, layer.op, shape, f"{layer.macs:,}", f"{layer.parameters:,}", layer.place
        )
    out.print(table)
    for reason in dict.fromkeys(layer.reason for layer in info.layers if layer.reason):
        names = [f"{x.name} ({x.op})" for x in info.layers if x.reason == reason]
        out.print(f"On the host: {_some(names)}: {reason}.")
    total, host = info.macs("array") + info.macs("host"), info.macs("host")
    runs = "one run" if info.segments == 1 else f"{info.segments} runs"
    out.print(
        f"{info.network} maps onto {title(config)} in {runs} of the machine: "
        f"{total:,} multiply-accumulates ({host:,} on the host), {info.parameters:,} parameters"
    )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")
