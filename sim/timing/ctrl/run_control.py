"""The end of a run, one cycle at a time (docs/architecture.md, 3.2 and 4)."""

from sim.timing.mem import load_unit, store_unit
from sim.timing.state import compiled, stop_for_fault, waits_met


@compiled
def asleep(now, program, fetch):
    """Whether END is not there, or its waits are not met."""
    if now.end_pending == 0:
        return True
    command = program.ends[fetch.index - 1]
    return not waits_met(now, command.wait_load, command.wait_execute, command.wait_store)


@compiled
def tick(side, now, nxt):
    """Set ``done`` at the run's end, and ``stop`` when END is met or a fault was noticed. Must step
    before the other units."""
    nxt.noticed = 0
    quiet = side.channel[0].count == 0 and store_unit.is_empty(side.store)
    if now.fault != 0:
        if quiet or now.standstill != 0:
            nxt.done = 1
        return
    if now.noticed != 0:
        stop_for_fault(nxt, now.noticed_code, now.noticed_index)
        return
    if asleep(now, side.program, side.fetch[0]):
        return
    nxt.stop = 1
    idle = load_unit.is_idle(side.load, now) and store_unit.is_idle(side.store, now)
    if quiet and (now.stop != 0 or idle):
        nxt.done = 1
