"""Weight store, one cycle at a time (docs/architecture.md, 3.7). Lines are counted, not fetched."""

import numpy as np

from hw.spec import timing
from sim.timing.records import record_type
from sim.timing.state import compiled

RING = timing.WEIGHT_RING
LINE_LATENCY = timing.LINE_LATENCY
assert LINE_LATENCY < RING  # of a full ring, the line that the array is at is there
STATE = record_type(
    *("active", "taken", "line", "left", "block", "issued", "released"),
    *("released_before", "released_at", "head", "pixel_group_base", "position"),
    ready_at=RING,
)
"""``released`` was ``released_before`` up to cycle ``released_at``. ``ready_at`` are the cycles
from which the lines in the ring can be used."""


def state() -> np.ndarray:
    """A reset weight store."""
    return np.zeros(1, STATE)


@compiled
def wants(cycle, weights):
    """Whether a line is requested in this cycle. Room is known a cycle late."""
    released = weights.released
    if cycle == weights.released_at + 1:
        released = weights.released_before
    return weights.active != 0 and weights.issued - released < RING


@compiled
def ready(cycle, weights):
    """Whether the line with the array's next word is there."""
    return weights.head != weights.issued and cycle >= weights.ready_at[weights.head & (RING - 1)]


@compiled
def takes(weights, begun):
    """Whether the next of ``begun`` commands is taken in this cycle, unless a line is granted."""
    return weights.active == 0 and weights.taken < begun


@compiled
def take(weights, commands):
    """Take the next command that operand fetch has begun, or pass over one without weights."""
    command = commands[weights.taken]
    weights.taken += 1
    weights.active = command.ones == 0
    weights.line = weights.block = 0
    weights.left = command.pixels


@compiled
def grant(cycle, weights, commands, rows):
    """The line requested is granted."""
    command = commands[weights.taken - 1]
    weights.ready_at[weights.issued & (RING - 1)] = cycle + LINE_LATENCY
    weights.issued += 1
    weights.line += 1
    if weights.line == command.weight_lines:
        pixel_group = rows >> command.array_shape
        weights.line = 0
        if command.resident != 0 or weights.left <= pixel_group:
            weights.left = command.pixels
            weights.block += 1
            weights.active = weights.block != command.out_blocks
        else:
            weights.left -= pixel_group


@compiled
def use(cycle, count, weights, command, pixel_group_end, block_end, line_words):
    """The array uses ``count`` words of one line (for each plane), the last one in ``cycle``."""
    weights.position += count << command.array_shape
    if weights.position != line_words and not pixel_group_end:
        return
    weights.head += 1
    weights.position = 0
    past = weights.head
    resident = command.resident != 0
    if pixel_group_end:
        # the next pixel group reads the same lines again, until the output block ends
        if resident and block_end == 0:
            weights.head = weights.pixel_group_base
        else:
            weights.pixel_group_base = past
    if not resident or (pixel_group_end and block_end != 0):
        weights.released_before, weights.released = weights.released, past
        weights.released_at = cycle


@compiled
def steady_lines(cycle, weights, commands):
    """Lines that the array can use one after another while each that it leaves is replaced; 0 if it
    does not begin with one in ``cycle``, or not all the others in the ring are requested.

    None is the last of a pixel group's weights. Those of the array's command must not be resident.
    """
    if (
        weights.position != 0
        or weights.active == 0
        or weights.released_at != cycle - 1
        or weights.released_before != weights.released - 1
        or weights.issued - weights.released != RING - 1
    ):
        return 0
    return commands[weights.taken - 1].weight_lines - weights.line - 1


@compiled
def use_lines(cycle, count, period, weights):
    """The array uses ``count`` lines, at most ``steady_lines``, each for ``period`` cycles, more
    than one; in the second of them the line before is replaced."""
    for i in range(max(count - RING, 0), count):
        granted = cycle + i * period + 1
        weights.ready_at[(weights.issued + i) & (RING - 1)] = granted + LINE_LATENCY
    weights.issued += count
    weights.line += count
    weights.head += count
    weights.released += count
    weights.released_before += count
    weights.released_at += count * period
