"""Places for the buffers of tile operations and times for their LOADs, compiled by numba.

All compiled code of the compiler's search is in this file, as numba sees no changes in others. A
scratchpad over time is ``rows`` [n, 4], its first ``arena[COUNT]`` sorted by ADDRESS, each WORDS
words that are taken from tile operation FIRST to tile operation LAST. Sizes are whole lines.
"""

from __future__ import annotations

import numpy as np

from compiler.kernels import kernel

ADDRESS, WORDS, FIRST, LAST = range(4)
COUNT, SCRATCHPAD = range(2)
"""Of ``arena``: see above, and the words of the scratchpad."""

CYCLES, OUTPUT, STORED, LOADS, COMMANDS = range(5)
"""Columns of a tile operation: modelled cycles, size of the output buffer, cycles of the bus for
its STORE (0 for none), how many LOADs there are up to it, and cycles of the bus for the commands of
its EXECUTEs and its STORE."""
LENGTH, SIZE, UNTIL, AFTER = range(4)
"""Columns of a LOAD: cycles of the bus with its command, size, last tile operation of its buffer,
and first tile operation that may come before."""
START, END, OUTPUT_ADDRESS, OUTPUT_LAST = range(4)
"""Columns of a placed tile operation: modelled cycles, and its output buffer, address -1 for
none."""
LOAD_ADDRESS, ISSUE = range(2)
"""Columns of a placed LOAD: its buffer, and the tile operation before whose EXECUTE it is
emitted."""
STATE_BUS, STATE_WRITTEN, TAIL, PLACES, HEAD = range(5)
"""Numbers that a state begins with: BUS, WRITTEN, how many placed tile operations follow from HEAD
on, and then how many places."""
BUS, LOW, WRITTEN = range(3)
"""Of ``now``: cycles when the bus is free and the last STORE done; earliest tile operation of a
LOAD."""

START_STATE = np.array([0, 0, 1, 0, 0, 0, -1, -1], np.int64)
"""The state before the first tile operation: one that took no time comes before it."""


@kernel
def _copy(rows, source, target):
    """Write one row over another, number by number: a whole row would be made anew first."""
    for i in range(rows.shape[1]):
        rows[target, i] = rows[source, i]


@kernel
def insert(rows, arena, address, size, first, last):
    """Take a place."""
    at = arena[COUNT]
    while at > 0 and rows[at - 1, ADDRESS] > address:
        _copy(rows, at - 1, at)
        at -= 1
    rows[at, ADDRESS], rows[at, WORDS] = address, size
    rows[at, FIRST], rows[at, LAST] = first, last
    arena[COUNT] += 1


@kernel
def _forget(rows, arena, tile_op):
    """Drop what ends before ``tile_op``; nothing is asked about earlier tile operations any
    more."""
    left = 0
    for i in range(arena[COUNT]):
        if rows[i, LAST] >= tile_op:
            _copy(rows, i, left)
            left += 1
    arena[COUNT] = left


@kernel
def gap(rows, arena, size, first, last):
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


@kernel
def place_in_turn(rows, arena, wanted, addresses):
    """Take a place for each row of ``wanted``, size, first and last tile operation, until one finds
    none; how many have one then."""
    for i in range(len(wanted)):
        size, first, last = wanted[i]
        addresses[i] = gap(rows, arena, size, first, last)
        if addresses[i] < 0:
            return i
        insert(rows, arena, addresses[i], size, first, last)
    return len(wanted)


@kernel
def earliest(rows, arena, size, low, use, last):
    """Tile operation and address: the first tile operation from ``low`` to ``use`` from which on,
    to ``last``, ``size`` words are free. The address is -1 if they are not even free from ``use``
    on.

    What is free from a tile operation on is free from every later tile operation on, so that the
    tile operation can be searched by halves.
    """
    address = gap(rows, arena, size, low, last)
    if address >= 0 or low >= use:
        return low, address
    tile_op, address = use, gap(rows, arena, size, use, last)
    if address < 0:
        return use, address
    while low + 1 < tile_op:
        middle = (low + tile_op) // 2
        found = gap(rows, arena, size, middle, last)
        if found >= 0:
            tile_op, address = middle, found
        else:
            low = middle
    return tile_op, address


@kernel
def begin(state, taken, rows, arena, placed, now):
    """Fill arrays for ``place_tile_ops``, after ``state``: ``rows`` and the COUNT of ``arena``,
    the tail of ``placed``, and ``now``.

    ``taken`` are places of maps that begin from here on, their tile operations counted from the
    first to come.
    """
    tail, count = state[TAIL], state[PLACES]
    for i in range(4 * tail):
        placed[i // 4, i % 4] = state[HEAD + i]
    for i in range(4 * count):
        rows[i // 4, i % 4] = state[HEAD + 4 * tail + i]
    arena[COUNT] = count
    for address, size, first, last in taken:
        insert(rows, arena, address, size, tail + first, tail + last)
    now[BUS], now[LOW], now[WRITTEN] = state[STATE_BUS], 1, state[STATE_WRITTEN]


@kernel
def end(rows, arena, placed, now, state):
    """Fill ``state`` with what the places of later tile operations follow from: equal states mean
    equal places. Returns how many numbers it has; there is room for all of ``placed`` and ``rows``.

    Cycles count from the end of the last tile operation. Tile operations count from the one before
    the earliest that a LOAD may be emitted at; what came before that leaves no trace.
    """
    count, last = len(placed), placed[-1, END]
    while now[LOW] < count and placed[now[LOW], END] <= now[BUS]:
        now[LOW] += 1
    _forget(rows, arena, now[LOW])
    first = now[LOW] - 1
    tail = count - first
    state[STATE_BUS], state[STATE_WRITTEN] = now[BUS] - last, max(now[WRITTEN] - last, 0)
    state[TAIL], state[PLACES] = tail, arena[COUNT]
    for i in range(tail):
        at = HEAD + 4 * i
        start = END if i == 0 else START
        state[at + START] = placed[first + i, start] - last
        state[at + END] = placed[first + i, END] - last
        state[at + OUTPUT_ADDRESS] = state[at + OUTPUT_LAST] = -1
    at = HEAD + 4 * (tail - 1)
    if placed[-1, OUTPUT_ADDRESS] >= 0:
        state[at + OUTPUT_ADDRESS] = placed[-1, OUTPUT_ADDRESS]
        state[at + OUTPUT_LAST] = placed[-1, OUTPUT_LAST] - first
    for i in range(arena[COUNT]):
        at = HEAD + 4 * (tail + i)
        state[at + ADDRESS], state[at + WORDS] = rows[i, ADDRESS], rows[i, WORDS]
        state[at + FIRST], state[at + LAST] = max(rows[i, FIRST] - first, 0), rows[i, LAST] - first
    return HEAD + 4 * (tail + arena[COUNT])


@kernel
def place_tile_ops(rows, arena, tile_ops, loads, base, placed, placed_loads, now, load_delay):
    """Place the buffers of ``tile_ops``, the first of which has number ``base``, and their
    ``loads``.

    ``placed`` [those before, at least one, and these] and ``placed_loads`` [these] are filled in;
    ``rows`` must have room for all. A LOAD's data are there ``load_delay`` after it had the bus.
    Returns the number in ``tile_ops`` of the first one that finds no room, else -1.
    """
    load = 0
    for i in range(len(tile_ops)):
        tile_op = base + i
        placed[tile_op, OUTPUT_ADDRESS] = -1
        if tile_ops[i, OUTPUT] and not _place_output(
            rows, arena, tile_ops[i, OUTPUT], tile_op, placed
        ):
            return i
        begin = placed[tile_op - 1, END]
        while load < tile_ops[i, LOADS]:
            if not _place_load(rows, arena, loads[load], tile_op, placed, placed_loads[load], now):
                return i
            now[BUS] += loads[load, LENGTH]
            begin = max(begin, now[BUS] + load_delay)
            load += 1
        placed[tile_op, START], placed[tile_op, END] = begin, begin + tile_ops[i, CYCLES]
        now[BUS] += tile_ops[i, COMMANDS]
        if tile_ops[i, STORED]:
            now[BUS] += tile_ops[i, STORED]
            now[WRITTEN] = max(now[WRITTEN], placed[tile_op, END]) + tile_ops[i, STORED]
        _forget(rows, arena, now[LOW])
    return -1


@kernel
def _place_output(rows, arena, size, tile_op, placed):
    """An output buffer is kept for one tile operation more, so that its STORE and that tile
    operation overlap."""
    for _ in range(2):
        for last in (tile_op + 1, tile_op):
            address = gap(rows, arena, size, tile_op, last)
            if address >= 0:
                insert(rows, arena, address, size, tile_op, last)
                placed[tile_op, OUTPUT_ADDRESS], placed[tile_op, OUTPUT_LAST] = address, last
                return True
        _end_output(rows, arena, tile_op, placed)
    return False


@kernel
def _end_output(rows, arena, tile_op, placed):
    """Give up the additional tile operation of the output buffer of the tile operation before
    ``tile_op``."""
    before = tile_op - 1
    if placed[before, OUTPUT_ADDRESS] < 0 or placed[before, OUTPUT_LAST] < tile_op:
        return
    placed[before, OUTPUT_LAST] = before
    for i in range(arena[COUNT]):
        if rows[i, ADDRESS] == placed[before, OUTPUT_ADDRESS] and rows[i, FIRST] == before:
            rows[i, LAST] = before


@kernel
def _place_load(rows, arena, load, tile_op, placed, placed_load, now):
    """Place a LOAD and its buffer, which is used from ``tile_op`` on: as early as there is room,
    but not before the bus could begin with it. Leaves in ``now[BUS]`` when it begins."""
    now[LOW] = max(now[LOW], load[AFTER])
    while now[LOW] < tile_op and placed[now[LOW], END] <= now[BUS]:
        now[LOW] += 1
    low, address = earliest(rows, arena, load[SIZE], now[LOW], tile_op, load[UNTIL])
    if address < 0:
        _end_output(rows, arena, tile_op, placed)
        low, address = earliest(rows, arena, load[SIZE], tile_op, tile_op, load[UNTIL])
        if address < 0:
            return False
    insert(rows, arena, address, load[SIZE], low, load[UNTIL])
    now[LOW] = low
    now[BUS] = max(now[BUS], placed[low - 1, END])
    issue = low
    while issue < tile_op and placed[issue, START] <= now[BUS]:
        issue += 1
    placed_load[LOAD_ADDRESS], placed_load[ISSUE] = address, issue
    return True
