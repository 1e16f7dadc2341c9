"""Requests of LOAD, one cycle at a time (docs/architecture.md, 3.3)."""

import numpy as np

from hw.spec.regs import Fault
from hw.spec.timing import LOAD_DESCRIPTORS
from sim.timing.ctrl import command_queue
from sim.timing.records import record_type
from sim.timing.state import (
    ADDRESS_MASK,
    LOAD,
    LOAD_TAKEN,
    burst_beats,
    compiled,
    may_read,
    raise_fault,
    waits_met,
)

IDLE, WAIT, RUN = range(3)
STATE = record_type(
    *("state", "command", "addr", "beats", "inside", "known"),
    *("base", "left", "rows_left", "appended"),
)
"""``command`` is an index; ``appended`` counts descriptors. ``known``: the request was there a
cycle before."""
QUEUED = LOAD_DESCRIPTORS - 1
ADDRESS_RANGE = int(Fault.ADDRESS_RANGE)


def state() -> np.ndarray:
    """The requests after reset."""
    return np.zeros(1, STATE)


@compiled
def is_idle(request, now):
    """Whether no command is waiting or being requested, in the queue or here."""
    return request.state == IDLE and not command_queue.has_command(now, LOAD)


@compiled
def request_valid(request):
    """Whether there is a request in this cycle (the read channel heeds ``stop``)."""
    return request.state == RUN and request.known != 0 and request.inside != 0


@compiled
def check(request, now, nxt):
    """Raise the fault of a request outside the address ranges."""
    if request.state == RUN and request.known != 0 and request.inside == 0 and now.stop == 0:
        raise_fault(nxt, ADDRESS_RANGE, request.command)


@compiled
def begins(request, now, program, begun):
    """Whether the command that waits has nothing more to wait for, when ``begun`` descriptors
    have left the queue."""
    command = program.loads[request.command]
    return (
        request.state == WAIT
        and waits_met(now, command.wait_load, command.wait_execute, command.wait_store)
        and request.appended - begun < QUEUED
    )


@compiled
def asleep(request, now, program, begun):
    """Whether no request begins without one taken, or a command complete."""
    if request.state == RUN:
        return request_valid(request)
    if request.state == WAIT:
        return not begins(request, now, program, begun)
    return is_idle(request, now)


@compiled
def tick(request, setup, program, now, nxt, events):
    """Go on to the next burst after a request was taken, or take a command from the queue.

    A command that waits is begun by ``start``.
    """
    if request.state == RUN:
        request.known = 1
        if events & LOAD_TAKEN:
            _advance(request, setup, program.loads[request.command])
    elif request.state == IDLE and now.stop == 0 and command_queue.has_command(now, LOAD):
        request.command = program.load_order[now.popped[LOAD]]
        nxt.popped[LOAD] = now.popped[LOAD] + 1
        request.state = WAIT


@compiled
def start(cycle, request, setup, program):
    """Begin the command that waits, and append its descriptor."""
    command = program.loads[request.command]
    program.started[request.command] = cycle
    request.appended += 1
    request.state = RUN
    request.rows_left = command.row_count
    request.base = command.dram_addr
    _begin_row(request, setup, command)


@compiled
def _begin_row(request, setup, command):
    """Aim at the row at ``base``, and move ``base`` to the next."""
    low = request.base & (setup.cols - 1)
    request.addr = request.base - low
    if command.unpack != 0:
        size = command.row_length * command.channels + low
        request.left = (size + setup.cols - 1) >> setup.cols_log2
    else:
        request.left = command.row_length
    request.base = (request.base + command.dram_stride) & ADDRESS_MASK
    _present(request, setup)


@compiled
def _present(request, setup):
    request.beats = burst_beats(setup, request.addr, request.left, setup.burst_words)
    request.inside = may_read(setup, request.addr, request.beats)
    request.known = 0


@compiled
def _advance(request, setup, command):
    """Go on to the next burst after a request was taken."""
    if request.left != request.beats:
        request.left -= request.beats
        request.addr = (request.addr + (request.beats << setup.cols_log2)) & ADDRESS_MASK
        _present(request, setup)
        return
    request.rows_left -= 1
    if request.rows_left == 0:
        request.state = IDLE
    else:
        _begin_row(request, setup, command)
