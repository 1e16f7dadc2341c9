"""The command ``golden latency``: its options, and its answer as text or JSON."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import torch

from compiler.errors import ConfigError, show
from compiler.load import load_given
from compiler.notes import note
from compiler.quantities import clock, real, whole
from golden.bench import peaks
from golden.bench.benchmark import (
    Options,
    benchmark,
)
from golden.bench.caches import cold
from golden.bench.device import (
    chosen,
    describe,
)
from golden.bench.measure import CLOCKS
from golden.bench.modes import (
    MODES,
    PRECISIONS,
)
from golden.bench.table import lines
from hw.spec.config import PRESETS, preset
from sim.progress import reporting

MAX_BATCH = 4096
#: Accepted peaks in 10^12 operations per second, and seconds for a measurement.
PEAKS, SECONDS = (1e-6, 1e6), (1e-6, 1e6)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print. Raises CompilerError for a fault of model or options."""
    options = options_of(arguments)
    graph = load_given(arguments)
    if options.timer == "clock":
        warning = busy_warning(os.getloadavg()[0], os.cpu_count() or 1)
        if warning:
            note(warning)
    with reporting("measuring") as progress:
        report = benchmark(graph, options, progress)
    report = stamped(report, ["golden", *sys.argv[1:]])
    if arguments.json:
        print(json.dumps(report, indent=2, allow_nan=False))
    else:
        print("\n".join(lines(report)))


def busy_warning(load: float, processors: int) -> str:
    """A line about other work on the machine, empty while half of the processors are free.

    ``load`` is the number of processes that ran or waited in the last minute, on average.
    """
    if load <= processors / 2:
        return ""
    return (
        f"warning: the machine is busy (load {load:.1f} on {processors} processors), so times by "
        "the clock are too long; --processor-time leaves other work out"
    )


def stamped(report: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """The report with the date (UTC) and the command line of the module and its arguments."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": date, "command": f"python -m {shlex.join(words)}", **report}


def options_of(arguments: argparse.Namespace) -> Options:
    """The options of a command line. Raises ConfigError."""
    device = chosen(arguments.device)
    timer = _timer(device, arguments.processor_time)
    if arguments.preset not in PRESETS:
        raise ConfigError(f"--preset {show(arguments.preset)}; accepted: {', '.join(PRESETS)}")
    return Options(
        device=device,
        timer=timer,
        config=preset(arguments.preset),
        batch=whole(arguments.batch, "--batch", 1, MAX_BATCH),
        precisions=_some(arguments.precision, PRECISIONS[device], "--precision"),
        modes=_some(arguments.mode, MODES[device], "--mode"),
        clocks=[clock(text) for text in arguments.clock or ("200", "1000")],
        seconds=real(arguments.seconds, "--seconds", *SECONDS, "seconds"),
        peak=_peak(arguments.peak, device, timer),
        cold=cold(device) if arguments.cold else None,
    )


def _timer(device: str, processor: bool) -> str:
    """Clock for timing calls; processor time is that of one thread, to which PyTorch is kept."""
    if device == "cuda":
        if processor:
            raise ConfigError("--processor-time: a GPU has none; --device cpu is accepted")
        return "device events"
    if processor:
        torch.set_num_threads(1)
        return "processor time, one thread"
    return "clock"


def _peak(text: str | None, device: str, timer: str) -> peaks.Peak | None:
    if text is not None:
        tops = real(text, "--peak", *PEAKS, "TOPS (10^12 operations per second)")
        return peaks.given_peak(tops, PRECISIONS[device])
    if device == "cpu":
        return peaks.measured_cpu_peak(PRECISIONS[device], CLOCKS[timer])
    return peaks.published_peak(describe(device)["name"])


def _some(text: str | None, offered: Sequence[str], option: str) -> list[str]:
    """The values between commas, or all that the device offers."""
    values = list(offered) if text is None else text.split(",")
    for value in values:
        if value not in offered:
            raise ConfigError(f"{option} {show(value)}; accepted: {', '.join(offered)}")
    return values
