"""The memory and all units that speak to it, one cycle at a time, in the order they must step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hw.spec.regs import Counter
from sim.timing.ctrl import (
    fetch,
    run_control,
)
from sim.timing.ctrl.decode_check import Commands
from sim.timing.mem import (
    dram,
    load_unit,
    read_channel,
    store_unit,
)
from sim.timing.state import (
    R_BEAT,
    R_LOAD,
    STOP,
    W_BEAT,
    compiled,
)

READ_BEATS = int(Counter.READ_BEATS)
WRITE_BEATS = int(Counter.WRITE_BEATS)
FETCH_BEATS = int(Counter.FETCH_BEATS)


class MemorySide(NamedTuple):
    """State of the memory and the units next to it; every member an int64 array."""

    dram: np.ndarray
    reader: np.ndarray
    fetch: np.ndarray
    load: np.ndarray
    store: np.ndarray
    parameters: np.ndarray
    opcodes: np.ndarray
    fields: np.ndarray
    beats: np.ndarray
    codes: np.ndarray
    loads: np.ndarray
    stores: np.ndarray
    starts: np.ndarray
    """Cycle in which each LOAD and STORE starts, by command index; -1 before."""
    ends: np.ndarray
    """Cycle in which each LOAD and STORE is complete; -1 before."""


def state(parameters: np.ndarray, commands: Commands) -> MemorySide:
    """Everything as it is in cycle 2 of a run, except what ``begin`` does."""
    count = len(commands.opcodes)
    return MemorySide(
        dram.state(),
        read_channel.state(),
        fetch.state(),
        load_unit.state(),
        store_unit.state(),
        parameters,
        commands.opcodes,
        commands.fields,
        commands.beats,
        commands.codes,
        commands.loads,
        commands.stores,
        np.full(count, -1),
        np.full(count, -1),
    )


@compiled
def begin(s):
    """Present the first request."""
    fetch.present(s.fetch, s.parameters)
    s.fetch[fetch.KNOWN] = 1


@compiled
def wakes(cycle, s, now):
    """First cycle from ``cycle`` on in which anything may change, if until then no EXECUTE is taken
    or completed."""
    dr, rd, fe, ld, st, p, opcodes, fields, _, codes, _, _, _, _ = s
    if (
        now[STOP] == 0
        and run_control.asleep(now, fields, fe)
        and read_channel.asleep(rd, now, fe, ld)
        and fetch.asleep(fe, p, now, opcodes, codes)
        and load_unit.asleep(ld, now, fields)
        and store_unit.asleep(st, now, fields)
    ):
        return dram.wakes(cycle, dr, rd, st, now)
    return cycle


@compiled
def tick(cycle, s, now, nxt, counters):
    """Advance ``s`` (MemorySide) by one cycle; returns the events (bits of ``sim.timing.state``).

    ``nxt`` must equal ``now`` beforehand. The execute unit's parts step afterwards: STORE_READ says
    that the scratchpad's read port is taken.
    """
    dr, rd, fe, ld, st, p, opcodes, fields, beats, codes, loads, stores, starts, ends = s
    run_control.tick(now, nxt, fields, fe, rd, ld, st)
    events = dram.tick(cycle, dr, p, now, rd, ld, st)
    events = read_channel.tick(rd, now, fe, ld, events)
    fetch.tick(fe, p, now, nxt, opcodes, beats, codes, events, counters)
    load_unit.tick(cycle, ld, p, now, nxt, fields, loads, events, starts, ends)
    events = store_unit.tick(cycle, st, p, now, nxt, fields, stores, events, starts, ends)
    if events & R_BEAT:
        counters[READ_BEATS] += 1
        if events & R_LOAD == 0:
            counters[FETCH_BEATS] += 1
    elif events & W_BEAT:
        counters[WRITE_BEATS] += 1
    return events
