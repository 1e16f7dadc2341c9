"""The end of a run, one cycle at a time (docs/architecture.md, 3.2 and 4)."""


from hw.spec.isa import END_FIELDS
from sim.timing import fetch, load, reader, store
from sim.timing.shared import DONE, END_PENDING, EXECUTE_DONE, LOAD_DONE, STOP, STORE_DONE, compiled

_COLUMN = {field.name: i for i, field in enumerate(END_FIELDS)}
C_LOAD, C_EXECUTE, C_STORE = (_COLUMN[f"wait_{n}"] for n in ("load", "execute", "store"))


@compiled
def step(now, nxt, fields, fe, rd, ld, st):
    """Set DONE, or STOP while the bus is not yet quiet. Must step before the other units."""
    if now[END_PENDING] == 0:
        return
    f = fields[fe[fetch.INDEX] - 1]
    if (now[LOAD_DONE] < f[C_LOAD] or now[EXECUTE_DONE] < f[C_EXECUTE]
            or now[STORE_DONE] < f[C_STORE]):
        return
    nxt[STOP] = 1
    if rd[reader.COUNT] == 0 and store.empty(st) and (
            now[STOP] != 0 or (load.idle(ld, now) and store.idle(st, now))):
        nxt[DONE] = 1
