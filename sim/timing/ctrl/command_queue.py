"""The queues of commands between the command fetch and the units, one cycle at a time
(docs/architecture.md, 3.4)."""

from sim.timing.state import EXECUTE, LOAD, STORE, compiled


@compiled
def has_command(now, unit):
    """Whether a command is in the first stage."""
    return now.queued[unit] & 1 != 0


@compiled
def has_room(now, unit, depth):
    """Whether the last stage is empty."""
    return now.queued[unit] >> (depth - 1) == 0


@compiled
def settled(now):
    """Whether no command moves on without one that is taken."""
    moving = 0
    for unit in (LOAD, EXECUTE, STORE):
        moving |= _moving(now.queued[unit])
    return moving == 0


@compiled
def tick(now, nxt, depth):
    """Advance by one cycle, in which commands were pushed and popped."""
    for unit in (LOAD, EXECUTE, STORE):
        stages = now.queued[unit]
        moving = _moving(stages)
        after = stages & ~moving | moving >> 1
        if nxt.popped[unit] != now.popped[unit]:
            after &= ~1
        if nxt.pushed[unit] != now.pushed[unit]:
            after |= 1 << (depth - 1)
        nxt.queued[unit] = after


@compiled
def _moving(stages):
    """The stages whose command goes on: those full after an empty one."""
    return stages & ~(stages << 1) & ~1
