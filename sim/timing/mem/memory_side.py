"""The memory and all units that speak to it, one cycle at a time, in the order they must step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hw.spec.regs import Counter
from sim.timing import commands
from sim.timing.ctrl import command_queue, fetch, run_control
from sim.timing.ctrl.decode_check import Commands
from sim.timing.mem import (
    dram,
    load_unit,
    read_channel,
    read_width,
    store_unit,
    write_width,
)
from sim.timing.state import R_BEAT, R_FETCH, W_BEAT, compiled

READ_BEATS = int(Counter.READ_BEATS)
WRITE_BEATS = int(Counter.WRITE_BEATS)
FETCH_BEATS = int(Counter.FETCH_BEATS)


class MemorySide(NamedTuple):
    """State of the memory and the units next to it: one record for a unit, or for each of its
    parts."""

    dram: np.ndarray
    reads: np.ndarray
    writes: np.ndarray
    channel: np.ndarray
    fetch: np.ndarray
    load: load_unit.Load
    store: store_unit.Store
    setup: np.ndarray
    """Parameters of the run (``sim.timing.state.SETUP``)."""
    program: commands.Program


def state(parameters: np.ndarray, program: Commands) -> MemorySide:
    """Everything as it is in cycle 2 of a run, except what ``begin`` does."""
    return MemorySide(
        dram.state(),
        read_width.state(),
        write_width.state(),
        read_channel.state(),
        fetch.state(),
        load_unit.state(),
        store_unit.state(),
        parameters,
        commands.program(program),
    )


@compiled
def begin(side):
    """Present the first request."""
    fetch.present(side.fetch[0], side.setup[0])
    side.fetch[0].known = 1


@compiled
def asleep(side, now):
    """Whether nothing changes before the memory does something, or a command is complete, but for
    what LOAD does with its data."""
    return (
        now.stop == 0
        and now.noticed == 0
        and command_queue.settled(now)
        and run_control.asleep(now, side.program, side.fetch[0])
        and read_channel.asleep(side, now)
        and fetch.asleep(side.fetch[0], side.setup[0], now, side.program)
        and store_unit.asleep(side.store, now, side.program)
    )


@compiled
def wakes(cycle, side, now):
    """First cycle from ``cycle`` on in which anything may change, if until then no EXECUTE is taken
    or completed."""
    if asleep(side, now) and load_unit.asleep(side.load, now, side.program):
        return dram.wakes(cycle, side, now)
    return cycle


@compiled
def tick(cycle, side, now, nxt, counters):
    """Advance by one cycle; returns the events (bits of ``sim.timing.state``).

    ``nxt`` must equal ``now`` beforehand. The execute unit's parts step afterwards: STORE_READ says
    that the scratchpad's read port is taken.
    """
    setup, program = side.setup[0], side.program
    run_control.tick(side, now, nxt)
    events = dram.tick(cycle, side, now)
    events = read_width.tick(side, now, events)
    events = write_width.tick(side, events)
    events = read_channel.tick(side, now, events)
    fetch.tick(side, now, nxt, events, counters)
    load_unit.tick(cycle, side.load, setup, program, now, nxt, events)
    events = store_unit.tick(cycle, side.store, setup, program, now, nxt, events)
    if events & R_BEAT:
        counters[READ_BEATS] += 1
        if events & R_FETCH:
            counters[FETCH_BEATS] += 1
    elif events & W_BEAT:
        counters[WRITE_BEATS] += 1
    return events
