"""Line coalescer (docs/architecture.md, 3.6): lines that several lanes need are read once. They are
counted, not fetched."""

import numpy as np

from sim.timing.state import WORD_MASK, compiled


def state(rows: int) -> np.ndarray:
    """Room for the lines of one tap group: two of each lane."""
    return np.zeros(2 * rows, np.int64)


@compiled
def count_lines(loops, command, lanes, span, lines, sizes):
    """Distinct lines that the lanes need for the tap group at the loops' present place.

    Most lanes need a line after all others'.
    """
    count, top = 0, -1
    active = min(sizes.rows >> command.array_shape, loops.left)
    width, height = command.in_width, command.in_height
    x_offset, y_offset, row_addr = loops.x_offset, loops.y_offset, loops.row_addr
    for i in range(active):
        lane = lanes[i]
        y = lane.y + y_offset
        first = lane.x + x_offset
        last = first + span
        if y < 0 or y >= height or first >= width or last < 0:
            continue
        address = row_addr + lane.row
        low = ((address + max(first, 0)) & WORD_MASK) >> sizes.line_bits
        high = ((address + min(last, width - 1)) & WORD_MASK) >> sizes.line_bits
        for line in (low, high):
            if line > top:
                top = line
            elif _is_among(line, lines, count):
                continue
            lines[count] = line
            count += 1
    return count


@compiled
def _is_among(line, lines, count):
    """Whether ``line`` is one of the ``count`` found, most likely the last."""
    for i in range(count - 1, -1, -1):
        if lines[i] == line:
            return True
    return False
