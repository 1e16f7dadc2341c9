"""The LOAD unit, one cycle at a time (docs/architecture.md, 3.3)."""

from typing import NamedTuple

import numpy as np

from hw.spec.regs import Fault
from sim.timing.mem import (
    channel_unpacker,
    line_assembler,
    load_data,
    load_request,
)
from sim.timing.state import R_ERROR, R_LOAD, compiled, raise_fault

READ_ERROR = int(Fault.READ_ERROR)


class Load(NamedTuple):
    """State of the parts of the LOAD unit, one record each."""

    request: np.ndarray
    data: np.ndarray
    unpacker: np.ndarray
    assembler: np.ndarray


def state() -> Load:
    """LOAD after reset."""
    return Load(
        load_request.state(),
        load_data.state(),
        channel_unpacker.state(),
        line_assembler.state(),
    )


@compiled
def is_idle(load, now):
    """Whether no command is waiting or being requested, in the queue or here."""
    return load_request.is_idle(load.request[0], now)


@compiled
def asleep(load, now, program):
    """Whether nothing changes without a beat, or a request taken, or a command complete."""
    request, data = load.request[0], load.data[0]
    if not line_assembler.is_empty(load.assembler[0]):
        return False
    if data.valid != 0:
        if data.unpack != 0 and load.unpacker[0].count != 0:
            return False
    elif request.appended != data.finished:
        return False
    return load_request.asleep(request, now, program, load_data.begun(data))


@compiled
def tick(cycle, load, setup, program, now, nxt, events):
    """Advance by one cycle; notes the cycles in which commands start and end."""
    request, data, assembler = load.request[0], load.data[0], load.assembler[0]
    if (
        data.valid == 0
        and line_assembler.is_empty(assembler)
        and load_request.is_idle(request, now)
    ):
        return
    begins = load_request.begins(request, now, program, load_data.begun(data))
    appended = request.appended
    load_request.check(request, now, nxt)
    if events & R_LOAD and events & R_ERROR and now.stop == 0:
        raise_fault(nxt, READ_ERROR, data.current)
    complete = line_assembler.tick(cycle, assembler, setup, program, now, nxt)
    if data.valid != 0 and now.stop == 0:
        load_data.tick(load, setup, program, events)
    load_request.tick(request, setup, program, now, nxt, events)
    if begins and now.stop == 0:
        # the trace has one strobe: a start in the cycle of a completion is seen a cycle later
        load_request.start(cycle + 1 if complete else cycle, request, setup, program)
    if data.valid == 0 and appended != data.finished:
        load_data.begin(load, setup, program)
