"""Line coalescer (docs/architecture.md, 3.6): a line that neighbouring lanes need is read once.
Lines are counted, not fetched."""

from sim.timing.state import WORD_MASK, compiled


@compiled
def count_lines(loops, command, lanes, span, sizes):
    """Lines that are requested for the tap group at the loops' present place: those that the lane
    before does not need too."""
    count = 0
    active = min(sizes.rows >> command.array_shape, loops.left)
    width, height = command.in_width, command.in_height
    x_offset, y_offset, row_addr = loops.x_offset, loops.y_offset, loops.row_addr
    low_before = high_before = -1
    for i in range(active):
        y = lanes.y[i] + y_offset
        first = lanes.x[i] + x_offset
        last = first + span
        if y < 0 or y >= height or first >= width or last < 0:
            low_before = high_before = -1
            continue
        address = row_addr + lanes.row[i]
        low = ((address + max(first, 0)) & WORD_MASK) >> sizes.line_bits
        high = ((address + min(last, width - 1)) & WORD_MASK) >> sizes.line_bits
        if low == low_before and high == high_before:
            continue
        if low not in (low_before, high_before):
            count += 1
        if high not in (low, low_before, high_before):
            count += 1
        low_before, high_before = low, high
    return count
