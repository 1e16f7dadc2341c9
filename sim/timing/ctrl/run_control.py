"""The end of a run, one cycle at a time (docs/architecture.md, 3.2 and 4)."""

from hw.spec.isa import END_FIELDS
from sim.timing.ctrl import fetch
from sim.timing.mem import (
    load_unit,
    read_channel,
    store_unit,
)
from sim.timing.state import (
    DONE,
    END_PENDING,
    FAULT,
    STANDSTILL,
    STOP,
    compiled,
    waits_met,
)

_COLUMN = {field.name: i for i, field in enumerate(END_FIELDS)}
C_LOAD, C_EXECUTE, C_STORE = (_COLUMN[f"wait_{n}"] for n in ("load", "execute", "store"))


@compiled
def asleep(now, fields, fe):
    """Whether END is not there, or its waits are not met."""
    if now[END_PENDING] == 0:
        return True
    f = fields[fe[fetch.INDEX] - 1]
    return not waits_met(now, f[C_LOAD], f[C_EXECUTE], f[C_STORE])


@compiled
def tick(now, nxt, fields, fe, rd, ld, st):
    """Set DONE at the run's end, and STOP when END is met. Must step before the other units."""
    quiet = rd[read_channel.COUNT] == 0 and store_unit.empty(st)
    if now[FAULT] != 0:
        if quiet or now[STANDSTILL] != 0:
            nxt[DONE] = 1
        return
    if asleep(now, fields, fe):
        return
    nxt[STOP] = 1
    if quiet and (now[STOP] != 0 or (load_unit.idle(ld, now) and store_unit.idle(st, now))):
        nxt[DONE] = 1
