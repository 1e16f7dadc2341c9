"""Places for the buffers of tile operations and times for their LOADs, compiled by numba.

All compiled code of the compiler's search is in this file, as numba sees no changes in others. A
scratchpad over time is ``rows`` [n, 4], its first ``arena[COUNT]`` sorted by ADDRESS, each WORDS
words that are taken from tile operation FIRST to tile operation LAST; ``later`` the same, sorted by
FIRST, for what begins later than any tile operation asked about: of it ``arena[TAKEN]`` are in
``rows`` already. Sizes are whole lines.
"""

from __future__ import annotations

import numpy as np

from compiler.kernels import njit

ADDRESS, WORDS, FIRST, LAST = range(4)
COUNT, ASKED, TAKEN, SCRATCHPAD = range(4)
"""Of ``arena``, besides the above: the latest tile operation asked about, and the words of the
scratchpad."""

CYCLES, OUTPUT, STORED, LOADS = range(4)
"""Columns of a tile operation: modelled cycles, size of the output buffer, words that it stores (0
for none), and how many LOADs there are up to it."""
LENGTH, SIZE, UNTIL, AFTER = range(4)
"""Columns of a LOAD: words, size, last tile operation of its buffer, and first tile operation that
may come before."""
START, END, OUTPUT_ADDRESS, OUTPUT_LAST = range(4)
"""Columns of a placed tile operation: modelled cycles, and its output buffer, address -1 for
none."""
LOAD_ADDRESS, ISSUE = range(2)
"""Columns of a placed LOAD: its buffer, and the tile operation before whose EXECUTE it is
emitted."""
BUS, LOW, WRITTEN = range(3)
"""Of ``now``: cycles when the bus is free and the last STORE done; earliest tile operation of a
LOAD."""

EMPTY = np.zeros((0, 4), np.int64)
"""No places, tile operations or LOADs."""

_compiled = njit(cache=True)


@_compiled
def insert(rows, arena, address, size, first, last):
    """Take a place."""
    at = arena[COUNT]
    while at > 0 and rows[at - 1, ADDRESS] > address:
        rows[at] = rows[at - 1]
        at -= 1
    rows[at, ADDRESS], rows[at, WORDS] = address, size
    rows[at, FIRST], rows[at, LAST] = first, last
    arena[COUNT] += 1


@_compiled
def _forget(rows, arena, tile_op):
    """Drop what ends before ``tile_op``; nothing is asked about earlier tile operations any
    more."""
    left = 0
    for i in range(arena[COUNT]):
        if rows[i, LAST] >= tile_op:
            rows[left] = rows[i]
            left += 1
    arena[COUNT] = left


@_compiled
def _ask(rows, later, arena, last):
    """Take what begins up to tile operation ``last``."""
    arena[ASKED] = max(arena[ASKED], last)
    while arena[TAKEN] < len(later) and later[arena[TAKEN], FIRST] <= last:
        place = later[arena[TAKEN]]
        insert(rows, arena, place[ADDRESS], place[WORDS], place[FIRST], place[LAST])
        arena[TAKEN] += 1


@_compiled
def _gap(rows, arena, size, first, last):
    """Start of the smallest gap of ``size`` words during the tile operations, -1 if there is
    none."""
    address, best, smallest = 0, -1, arena[SCRATCHPAD] + 1
    for i in range(arena[COUNT]):
        if rows[i, FIRST] <= last and rows[i, LAST] >= first:
            begin = rows[i, ADDRESS]
            if size <= begin - address < smallest:
                best, smallest = address, begin - address
            address = max(address, begin + rows[i, WORDS])
    return address if size <= arena[SCRATCHPAD] - address < smallest else best


@_compiled
def find(rows, later, arena, size, first, last):
    """The start of the smallest gap of ``size`` words during the tile operations, -1 if there is
    none."""
    _ask(rows, later, arena, last)
    return _gap(rows, arena, size, first, last)


@_compiled
def place_in_turn(rows, arena, wanted, addresses):
    """Take a place for each row of ``wanted``, size, first and last tile operation, until one finds
    none; how many have one then."""
    for i in range(len(wanted)):
        size, first, last = wanted[i]
        addresses[i] = _gap(rows, arena, size, first, last)
        if addresses[i] < 0:
            return i
        insert(rows, arena, addresses[i], size, first, last)
    return len(wanted)


@_compiled
def earliest(rows, later, arena, size, low, use, last):
    """Tile operation and address: the first tile operation from ``low`` to ``use`` from which on,
    to ``last``, ``size`` words are free. The address is -1 if they are not even free from ``use``
    on.

    What is free from a tile operation on is free from every later tile operation on, so that the
    tile operation can be searched by halves.
    """
    _ask(rows, later, arena, last)
    address = _gap(rows, arena, size, low, last)
    if address >= 0 or low >= use:
        return low, address
    tile_op, address = use, _gap(rows, arena, size, use, last)
    if address < 0:
        return use, address
    while low + 1 < tile_op:
        middle = (low + tile_op) // 2
        found = _gap(rows, arena, size, middle, last)
        if found >= 0:
            tile_op, address = middle, found
        else:
            low = middle
    return tile_op, address


@_compiled
def place_tile_ops(
    rows, later, arena, tile_ops, loads, base, placed, placed_loads, now, bus_cycles, load_delay
):
    """Place the buffers of ``tile_ops``, the first of which has number ``base``, and their
    ``loads``.

    ``placed`` [all tile operations so far and these] and ``placed_loads`` [these] are filled in;
    ``rows`` must have room for all. A LOAD or STORE has the bus for ``bus_cycles`` besides its
    words, and a LOAD's data are there ``load_delay`` after that. Returns the number in ``tile_ops``
    of the first one that finds no room, else -1.
    """
    load = 0
    for i in range(len(tile_ops)):
        tile_op = base + i
        placed[tile_op, OUTPUT_ADDRESS] = -1
        if tile_ops[i, OUTPUT] and not _place_output(
            rows, later, arena, tile_ops[i, OUTPUT], tile_op, placed
        ):
            return i
        begin = placed[tile_op - 1, END] if tile_op else 0
        while load < tile_ops[i, LOADS]:
            if not _place_load(
                rows, later, arena, loads[load], tile_op, placed, placed_loads[load], now
            ):
                return i
            now[BUS] += loads[load, LENGTH] + bus_cycles
            begin = max(begin, now[BUS] + load_delay)
            load += 1
        placed[tile_op, START], placed[tile_op, END] = begin, begin + tile_ops[i, CYCLES]
        if tile_ops[i, STORED]:
            now[BUS] += tile_ops[i, STORED] + bus_cycles
            now[WRITTEN] = max(now[WRITTEN], placed[tile_op, END]) + tile_ops[i, STORED]
        _forget(rows, arena, now[LOW])
    return -1


@_compiled
def _place_output(rows, later, arena, size, tile_op, placed):
    """An output buffer is kept for one tile operation more, so that its STORE and that tile
    operation overlap."""
    for _ in range(2):
        for last in (tile_op + 1, tile_op):
            address = find(rows, later, arena, size, tile_op, last)
            if address >= 0:
                insert(rows, arena, address, size, tile_op, last)
                placed[tile_op, OUTPUT_ADDRESS], placed[tile_op, OUTPUT_LAST] = address, last
                return True
        _end_output(rows, arena, tile_op, placed)
    return False


@_compiled
def _end_output(rows, arena, tile_op, placed):
    """Give up the additional tile operation of the output buffer of the tile operation before
    ``tile_op``."""
    before = tile_op - 1
    if before < 0 or placed[before, OUTPUT_ADDRESS] < 0 or placed[before, OUTPUT_LAST] < tile_op:
        return
    placed[before, OUTPUT_LAST] = before
    for i in range(arena[COUNT]):
        if rows[i, ADDRESS] == placed[before, OUTPUT_ADDRESS] and rows[i, FIRST] == before:
            rows[i, LAST] = before


@_compiled
def _place_load(rows, later, arena, load, tile_op, placed, placed_load, now):
    """Place a LOAD and its buffer, which is used from ``tile_op`` on: as early as there is room,
    but not before the bus could begin with it. Leaves in ``now[BUS]`` when it begins."""
    now[LOW] = max(now[LOW], load[AFTER])
    while now[LOW] < tile_op and placed[now[LOW], END] <= now[BUS]:
        now[LOW] += 1
    low, address = earliest(rows, later, arena, load[SIZE], now[LOW], tile_op, load[UNTIL])
    if address < 0:
        _end_output(rows, arena, tile_op, placed)
        low, address = earliest(rows, later, arena, load[SIZE], tile_op, tile_op, load[UNTIL])
        if address < 0:
            return False
    insert(rows, arena, address, load[SIZE], low, load[UNTIL])
    now[LOW] = low
    now[BUS] = max(now[BUS], placed[low - 1, END] if low else 0)
    issue = low
    while issue < tile_op and placed[issue, START] <= now[BUS]:
        issue += 1
    placed_load[LOAD_ADDRESS], placed_load[ISSUE] = address, issue
    return True
