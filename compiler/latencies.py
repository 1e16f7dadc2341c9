"""Latencies of networks on one machine, without programs, values or files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from compiler import remembered
from compiler.clocks import Clock
from compiler.errors import CompilerError, located
from compiler.notes import note
from hw.spec.config import AccelConfig, title

if TYPE_CHECKING:
    from compiler.estimator import Estimator
    from compiler.ir.graph import Graph
    from sim.simulation import LayerTimes

Row = dict[str, Any]
"""Figures of one network, fit for JSON: ``scales`` is a key of SCALES, ``host`` has the
operators by name that run on the host, which no cycle counts. ``rescaled``, where scales are not
the model's and there are concatenations, has what other scales make of the cycles."""

SCALES = {
    "model": "the model's own scales: the cycles are those of `map`",
    "random": "quantised with seeded random inputs: other scales may take other cycles where "
    "inputs of a concatenation or an addition differ in scale",
    "assumed": "no weights: scales are seeded random ones",
}
"""Origins of a network's scales, and what they mean for its cycles."""

NAMED = 3
"""Array operations that a line names."""


def latencies(names: Sequence[str], config: AccelConfig, cached: bool = True) -> list[Row]:
    """The latencies of model files and built-in networks on one machine, in their order.

    With ``cached``, answers are looked up and kept. Raises CompilerError, which names the network.
    """
    keys = [_key(name, config) if cached else None for name in names]
    found = {key: remembered.fetch(key) for key in keys if key is not None}
    rows = [found.get(key) if key is not None else None for key in keys]
    known = [name for name, row in zip(names, rows, strict=True) if row is not None]
    if known:
        note(f"{', '.join(known)}: timed before, from the cache (--no-cache)")
    missing = [number for number, row in enumerate(rows) if row is None]
    timed = _timed([names[number] for number in missing], config) if missing else iter(())
    for number, row in zip(missing, timed, strict=True):
        rows[number] = row
        key = keys[number]
        if key is not None:
            remembered.keep(key, row)
    return [row for row in rows if row is not None]


def _key(name: str, config: AccelConfig) -> str | None:
    """The key of a question, None for a file that cannot be read."""
    try:
        return remembered.answer_key(name, config)
    except (OSError, ValueError):
        return None


def _timed(names: Sequence[str], config: AccelConfig) -> Iterator[Row]:
    """The rows of networks, one after another."""
    # Imported when needed: what is remembered needs none of it.
    from compiler.estimator import Estimator
    from compiler.load import load_network
    from sim.progress import reporting

    estimator = Estimator(config)
    with reporting("timing") as progress:
        for number, name in enumerate(names):
            progress(number, len(names))
            graph = load_network(name)
            with located(name):
                row = _row(estimator, graph)
            yield row


def _row(estimator: Estimator, graph: Graph) -> Row:
    from compiler.ir.counts import macs
    from compiler.passes.host import host_reason

    found, scales = estimator.latency(graph), scales_of(graph)
    return {
        "network": found.network,
        "macs": found.macs,
        "model_macs": sum(macs(graph).values()),
        "cycles": found.cycles,
        "utilization": found.utilization,
        "scales": scales,
        "rescaled": None if scales == "model" else _rescaled(graph, estimator),
        "host": {node.name: node.op for node in graph.nodes if host_reason(graph, node)},
        "counters": found.counters,
        "layers": [_layer(layer) for layer in found.layers],
    }


def _rescaled(graph: Graph, estimator: Estimator) -> dict[str, Any] | None:
    """Cycles with equal and with different scales at concatenations, and the operations that only
    different ones need, or the reason why another operator accepts no other scales."""
    from compiler.estimator.other_scales import rescaled

    try:
        found = rescaled(graph, estimator)
    except CompilerError as fault:
        return {"reason": str(fault)}
    return None if found is None else vars(found)


def scales_of(graph: Graph) -> str:
    """The key of SCALES for a graph."""
    if graph.random_calibration:
        return "random"
    whole = all(
        tensor.quant is not None for tensor in graph.tensors.values() if tensor.dtype == "int8"
    )
    return "assumed" if graph.random_weights or not whole else "model"


def _layer(times: LayerTimes) -> dict[str, Any]:
    """A layer's figures without the causes of its cycles, which `map --json` has."""
    return {key: value for key, value in vars(times).items() if key != "causes"}


def as_data(rows: Sequence[Row], config: AccelConfig, clock: Clock) -> dict[str, Any]:
    """The latencies fit for JSON."""
    return {
        "preset": title(config),
        "mac_units": config.mac_units,
        "clock_mhz": clock.mhz,
        "clock": clock.source,
        "networks": [{**row, "milliseconds": clock.milliseconds(row["cycles"])} for row in rows],
    }


def print_latencies(rows: Sequence[Row], config: AccelConfig, clock: Clock) -> None:
    """A line a network, and what is assumed."""
    from sim.fitted_table import Column, fitted_table, output_width

    clocked = [clock.milliseconds(row["cycles"]) for row in rows]
    columns = [
        Column("network", [row["network"] for row in rows], False),
        Column("MACs", [f"{row['macs']:,}" for row in rows], True, 1),
        Column("cycles", [f"{row['cycles']:,}" for row in rows]),
        Column("utilisation", [f"{row['utilization']:.1%}" for row in rows]),
        Column("ms", [f"{time:,.3f}" for time in clocked]),
        Column("pictures/s", [f"{1e3 / time:,.1f}" for time in clocked]),
    ]
    print(f"{title(config)}, {config.mac_units} MAC units, batch 1")
    print(*fitted_table(columns, output_width()), sep="\n")
    print(f"\n{clock}.")
    for scales, meaning in SCALES.items():
        names = [row["network"] for row in rows if row["scales"] == scales]
        if names and scales != "model":
            print(f"{', '.join(names)}: {meaning}.")
    for row in rows:
        if row["rescaled"]:
            print(f"{row['network']}: {_bounds(row['rescaled'])}.")
        if row["host"]:
            counts = Counter(row["host"].values())
            text = ", ".join(f"{count} {op}" for op, count in counts.items())
            print(f"{row['network']}: on the host, in no cycle: {text}.")


def _bounds(found: dict[str, Any]) -> str:
    """Text: the cycles with other scales at concatenations."""
    if "reason" in found:
        return f"the cycles of other scales at concatenations are not known: {found['reason']}"
    names = found["operations"]
    if not names:
        return f"concatenations rescale nothing: {found['different']:,} cycles with any scales"
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{found['equal']:,} cycles if scales at concatenations are equal, {found['different']:,} "
        f"if all differ, for {len(names)} array operations: {', '.join(names[:NAMED])}{rest}"
    )
