"""The run of a program as a timeline in the Trace Event format, for Perfetto and chrome://tracing.

The format: "Trace Event Format", Google, the JSON object form with complete events ("ph": "X") and
metadata events ("M"), flows ("s", "f"), counters ("C") and instants ("i"). One cycle is shown as
one microsecond.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hw.spec.config import AccelConfig, title
from hw.spec.isa import Opcode
from sim.program import Command, Program
from sim.scratchpad_use import scratchpad_use
from sim.simulation import Timing
from sim.traffic import bus_bytes

UNITS = (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)
PROCESS = 1
"""The process id of all events."""
MODES = ("maximum", "ones", "residual", "table", "network")
"""Bits of an EXECUTE that a reader wants to see."""


@dataclass(frozen=True)
class _Slice:
    """A named stretch of cycles, the first and the last included; an instant ends before it
    begins."""

    name: str
    first: int
    last: int
    args: dict[str, Any] = field(default_factory=dict)


def timeline(program: Program, timing: Timing, host_cost: float | None = None) -> dict[str, Any]:
    """The Trace Event object of a run, fit for JSON.

    A thread for the layers, then one for each unit, and the host's, if it has work. Slices of one
    thread never overlap: where a unit begins a command before the one before it is complete, the
    unit gets further threads. The host's nodes take no time without ``host_cost``, an estimate of
    its cycles for each value that it makes; with it the segments move apart.
    """
    host, timing = _host(program, timing, host_cost)
    threads = [("layers", _layers(program, timing))]
    for opcode in UNITS:
        lanes = _lanes(_commands(program, timing, opcode)) or [[]]
        names = (f"{opcode.name} {n}" if n else opcode.name for n in range(len(lanes)))
        threads += zip(names, lanes, strict=True)
    if host:
        threads.append(("host" if host_cost is None else "host (estimate)", host))
    process = f"{program.network} on {title(program.config)}"
    events = [_metadata("process_name", 0, name=process)]
    for number, (name, slices) in enumerate(threads, 1):
        events.append(_metadata("thread_name", number, name=name))
        events.append(_metadata("thread_sort_index", number, sort_index=number))
        events += [_event(piece, number) for piece in slices]
    places = {
        piece.args["command"]: (number, piece)
        for number, (_, slices) in enumerate(threads, 1)
        for piece in slices
        if "command" in piece.args
    }
    events += _arrows(program, places)
    events += _traffic([piece for _, piece in places.values()])
    for cycle, words in scratchpad_use(program.segments, timing.spans, program.config).items():
        events.append(_counter("scratchpad in use", cycle, bytes=words * program.config.word_bytes))
    other = {
        "network": program.network,
        "preset": title(program.config),
        "cycles": timing.cycles,
        "clock": "1 us stands for 1 cycle; 0 is the cycle of the start write",
    }
    if host_cost is not None:
        other["host"] = f"an estimate: {host_cost:g} cycles for each value that the host makes"
    return {"displayTimeUnit": "ms", "otherData": other, "traceEvents": events}


def _host(program: Program, timing: Timing, cost: float | None) -> tuple[list[_Slice], Timing]:
    """The host's nodes after each segment, and the times with the segments moved apart by them."""
    slices, spans, start = [], [], 0
    for segment, cycles in zip(program.segments, timing.segments, strict=True):
        moved = start - sum(timing.segments[: program.segments.index(segment)])
        for command in segment.commands:
            first, last, busy = timing.spans[command.index]
            spans.append((first + moved, last + moved, busy))
        start += cycles
        for node in segment.host:
            args = {"op": node.op, "reason": node.reason, "values": node.elements}
            length = 0 if cost is None else max(1, round(cost * node.elements))
            slices.append(_Slice(node.name, start, start + length - 1, args))
            start += length
    return slices, dataclasses.replace(timing, spans=tuple(spans))


def _arrows(program: Program, places: Mapping[int, tuple[int, _Slice]]) -> Iterator[dict[str, Any]]:
    """Flow events from the LOADs that EXECUTEs wait for, and from the EXECUTEs of STOREs: those
    that no earlier command of the unit waited for."""
    number = 0
    for segment in program.segments:
        for later, earlier in ((Opcode.EXECUTE, Opcode.LOAD), (Opcode.STORE, Opcode.EXECUTE)):
            sources = [c for c in segment.commands if c.opcode == earlier]
            met = 0
            for command in segment.commands:
                waits = command.fields[f"wait_{earlier.name.lower()}"]
                if command.opcode != later or waits <= met:
                    continue
                met, number = waits, number + 1
                thread, source = places[sources[waits - 1].index]
                yield _arrow("s", thread, source.last, number)
                thread, target = places[command.index]
                yield _arrow("f", thread, target.first, number) | {"bp": "e"}


def _arrow(phase: str, thread: int, cycle: int, number: int) -> dict[str, Any]:
    head = {"name": "waits", "cat": "waits", "ph": phase, "id": number}
    return head | {"ts": cycle, "pid": PROCESS, "tid": thread, "args": {}}


def _traffic(commands: Iterable[_Slice]) -> list[dict[str, Any]]:
    """The counter of bytes per cycle that LOADs and STOREs move, each its mean from its first cycle
    to its last."""
    changes: dict[int, list[float]] = {0: [0.0, 0.0]}
    for piece in commands:
        if "bytes" in piece.args:
            rate = piece.args["bytes"] / (piece.last - piece.first + 1)
            side = int(piece.args["opcode"] == Opcode.STORE.name)
            for cycle, change in ((piece.first, rate), (piece.last + 1, -rate)):
                changes.setdefault(cycle, [0.0, 0.0])[side] += change
    events, rates = [], [0.0, 0.0]
    for cycle in sorted(changes):
        rates = [rate + change for rate, change in zip(rates, changes[cycle], strict=True)]
        args = {
            name: round(rate, 3) + 0.0
            for name, rate in zip(("read", "written"), rates, strict=True)
        }
        events.append(_counter("bytes per cycle", cycle, **args))
    return events


def _counter(name: str, cycle: int, **values: float) -> dict[str, Any]:
    return {"name": name, "ph": "C", "ts": cycle, "pid": PROCESS, "tid": 0, "args": values}


def _metadata(kind: str, thread: int, **args: Any) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "ts": 0, "pid": PROCESS, "tid": thread, "args": args}


def _event(piece: _Slice, thread: int) -> dict[str, Any]:
    if piece.last < piece.first:
        head = {"name": piece.name, "ph": "i", "s": "t", "ts": piece.first}
        return head | {"pid": PROCESS, "tid": thread, "args": piece.args}
    return {
        "name": piece.name,
        "ph": "X",
        "ts": piece.first,
        "dur": piece.last - piece.first + 1,
        "pid": PROCESS,
        "tid": thread,
        "args": piece.args,
    }


def _lanes(slices: Iterable[_Slice]) -> list[list[_Slice]]:
    """The slices on as few lanes as keep those of a lane apart, in order of time."""
    lanes: list[list[_Slice]] = []
    for piece in sorted(slices, key=lambda piece: piece.first):
        lane = next((lane for lane in lanes if lane[-1].last < piece.first), None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(piece)
    return lanes


def _layers(program: Program, timing: Timing) -> list[_Slice]:
    """Each layer from the end of the EXECUTE before its first one to the end of its last.

    A layer whose EXECUTEs alternate with another's has several slices.
    """
    owner = {i: number for number, layer in enumerate(program.layers) for i in layer.commands}
    stretches: list[list[int]] = []
    before = -1
    starts = {segment.first for segment in program.segments}
    for command in program.commands:
        number, (first, last, _) = owner.get(command.index), timing.spans[command.index]
        if command.index in starts:
            before = max(before, first - 1)
        if command.opcode != Opcode.EXECUTE or number is None:
            continue
        if not stretches or stretches[-1][0] != number:
            stretches.append([number, before + 1, last])
        stretches[-1][2] = before = last
    return [_layer(program, timing, *stretch) for stretch in stretches]


def _layer(program: Program, timing: Timing, number: int, first: int, last: int) -> _Slice:
    layer, times = program.layers[number], timing.layers[number]
    args = {
        "kind": layer.kind,
        "macs": layer.macs,
        "any unit": f"cycles {times.start_cycle} to {times.end_cycle}",
        "busy_cycles": times.busy_cycles,
        "cycles by cause": {cause: count for cause, count in times.causes.items() if count},
        "residency": layer.residency,
        "notes": list(layer.notes),
    }
    return _Slice(layer.name, first, last, args)


def _commands(program: Program, timing: Timing, opcode: Opcode) -> list[_Slice]:
    """The commands of a unit."""
    owner = {index: layer for layer in program.layers for index in layer.commands}
    regions = _regions(program)
    slices = []
    for command in program.commands:
        first, last, busy = timing.spans[command.index]
        if command.opcode != opcode:
            continue
        layer = owner.get(command.index)
        kind = layer.kind if layer else "execute"
        args: dict[str, Any] = {"command": command.index, "opcode": opcode.name}
        if opcode == Opcode.EXECUTE:
            what = kind
            args |= _execute_args(command, program.config) | {"busy_cycles": busy}
        else:
            what = f"{opcode.name.lower()} {_region(regions, command)}"
            args |= _transfer_args(command, program.config)
        slices.append(_Slice(f"{layer.name}: {what}" if layer else what, first, last, args))
    return slices


def _regions(program: Program) -> list[tuple[range, str]]:
    """Ranges of bytes in memory with their content: tensors, the smallest first, then unnamed
    ranges."""
    cols, base = program.config.cols, program.address_ranges.write_base
    places = ((range(p.address, p.address + p.nbytes(cols)), n) for n, p in program.places.items())
    tensors = sorted(places, key=lambda region: len(region[0]))
    return [
        *tensors,
        (range(base), "constants"),
        (range(program.address_ranges.write_limit), "map"),
    ]


def _region(regions: list[tuple[range, str]], command: Command) -> str:
    """Name of the data that a LOAD or STORE moves."""
    return next(name for where, name in regions if command.fields["dram_addr"] in where)


def _transfer_args(command: Command, config: AccelConfig) -> dict[str, Any]:
    f = command.fields
    names = ("row_count", "row_length", "channels", "dram_addr", "scratchpad_addr")
    shown = {name: f[name] for name in names if f.get(name) or name != "channels"}
    return {"bytes": bus_bytes(command, config), **shown}


def _execute_args(command: Command, config: AccelConfig) -> dict[str, Any]:
    f = command.fields
    shape = f["array_shape"]
    columns = (f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"]
    return {
        "pixels": f["pixels"],
        "out_width": f["out_width"],
        "planes": (f["out_blocks"] - 1 << shape) + f["last_planes"],
        "in_blocks": f["in_blocks"],
        "kernel": f"{f['kernel_rows']}x{columns}",
        "array": f"{config.rows >> shape} pixels x {config.cols << shape} channels",
        "group_width": config.cols >> f["split"],
        "modes": [name for name in MODES if f[name]],
    }
