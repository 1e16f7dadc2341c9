"""The report of a measurement as lines of text, each with the device it ran on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_RUN = "{:28} {:>10} {:>23} {:>12} {:>10} {:>9}  {}"
_LAYER = "{:32} {:18} {:>10} {:>10} {:>12} {:>10} {:>12}"


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report, a line each, all beginning with the device."""
    device = report["device"]
    label = "CPU" if device["type"] == "cpu" else device["name"]
    return [f"[{label}] {line}".rstrip() for line in _body(report)]


def _body(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(report)
    yield _RUN.format("", "median, ms", "half between, ms", "Gop/s", "efficiency", "SNR, dB", "")
    for run in report["runs"]:
        yield from _run(run)
    for precision, reason in report["left_out"].items():
        yield f"{precision}: left out: {reason}"
    for row in report["accelerator"]:
        yield _RUN.format(
            f"{row['preset']}, {row['clock_mhz']:g} MHz",
            f"{row['milliseconds']:.3f}",
            "",
            f"{row['operations_per_second'] / 1e9:,.1f}",
            f"{row['efficiency']:.1%}",
            "",
            f"accelerator, simulated: {row['cycles']:,} cycles",
        )
    yield "latency = operations / (efficiency x peak), in every row that has an efficiency"
    yield from _conditions(report)
    yield from _layers(report)


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    device, versions, agreed = report["device"], report["versions"], report["agreement"]
    threads = f", {device['threads']} threads" if "threads" in device else ""
    load = f", load average {device['load_average']}" if "load_average" in device else ""
    cuda = f", CUDA {versions['cuda']}" if versions["cuda"] else ""
    timer = f"timed by {report['timer']}"
    yield f"{device['name']}{threads}{load}; {timer}; PyTorch {versions['torch']}{cuda}"
    weights = ", random weights" if report["random_weights"] else ""
    yield (
        f"{report['network']}{weights}, batch {report['batch']}: "
        f"{report['operations'] / 1e9:,.3f} G operations, two for each multiply-accumulate"
    )
    peak = report["peak"]
    yield f"peak: {peak['source']}" if peak else "peak: unknown (--peak states it); no efficiency"
    snr = "none" if agreed["snr_db"] is None else f"{agreed['snr_db']:.1f} dB"
    yield (
        f"golden: {agreed['layers']} layers within {agreed['worst_steps']:.2f} steps, outputs {snr}"
        f" (rounding explains {agreed['bound_db']:.1f} dB)"
    )


def _conditions(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines on the conditions that the two sides share, and those that they do not."""
    if report["flushed_bytes"]:
        yield (
            f"caches cold: {report['flushed_bytes'] >> 20} MiB are read and written before each "
            "call, out of its time; the accelerator reads all from memory too"
        )
    else:
        yield (
            "caches warm: repeats find in the device's caches what the accelerator reads from "
            "memory (--cold empties them)"
        )
    idle = report["model_macs"] - report["macs"]
    if idle:
        yield (
            f"{idle:,} multiply-accumulates of these operators reach no output: PyTorch "
            "may compute them, and they count on neither side (by layer they do)"
        )
    hosted = report["host"]
    if not hosted:
        yield "all operators run on the accelerator's array: both sides cover the network"
        return
    macs = sum(node["macs"] for node in hosted)
    runs = "runs" if len(hosted) == 1 else "run"
    yield (
        f"{len(hosted)} of {len(report['layers'])} operators {runs} on the accelerator's host, "
        f"with {macs / 1e6:,.2f} M multiply-accumulates: rows with an efficiency, PyTorch's and "
        "the accelerator's, leave them out; what the host takes in the accelerator's system is "
        "unknown"
    )
    for (op, reason), count in Counter((n["op"], n["reason"]) for n in hosted).items():
        yield f"  on the host: {op} ({reason}), {count}"


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    """The line of a run, and those of the host's operators and the whole network."""
    name = f"{run['precision']} {run['mode']}"
    snr = "none" if run["snr_db"] is None else f"{run['snr_db']:.1f}"
    doubt = "" if run["agrees"] else f"below {run['snr_bound_db']:.1f} dB: more than rounding"
    yield _RUN.format(
        name,
        f"{run['milliseconds']:.3f}",
        _spread(run),
        f"{run['operations_per_second'] / 1e9:,.1f}",
        _share(run["efficiency"]),
        snr,
        doubt,
    )
    for part, label in (("host", "on the host"), ("whole", "whole network")):
        if run[part]:
            milliseconds = f"{run[part]['milliseconds']:.3f}"
            cells = f"  {label}", milliseconds, _spread(run[part]), "", "", "", ""
            yield _RUN.format(*cells)


def _spread(times: Mapping[str, Any]) -> str:
    return f"{times['low']:.3f} .. {times['high']:.3f}"


def _layers(report: Mapping[str, Any]) -> Iterator[str]:
    rows = report["layers"]
    yield f"layers alone, {rows[0]['precision']} {rows[0]['mode']}:"
    yield _LAYER.format("layer", "kind", "MACs, M", "median, ms", "Gop/s", "efficiency", "cycles")
    for row in rows:
        cycles = row["accelerator_cycles"]
        yield _LAYER.format(
            row["name"][-32:],
            row["kind"],
            f"{row['macs'] / 1e6:.2f}",
            f"{row['milliseconds']:.4f}",
            f"{row['operations_per_second'] / 1e9:,.1f}",
            _share(row["efficiency"]),
            row["on"] if row["on"] == "host" else _cycles(cycles),
        )


def _cycles(cycles: int | None) -> str:
    return "" if cycles is None else f"{cycles:,}"


def _share(efficiency: float | None) -> str:
    return "" if efficiency is None else f"{efficiency:.1%}"
