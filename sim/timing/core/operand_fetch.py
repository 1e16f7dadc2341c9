"""Fill, one cycle at a time (docs/architecture.md, 3.6). Lines are counted, not fetched."""

import numpy as np

from hw.spec import timing
from sim.timing import execute_fields as col
from sim.timing.state import (
    WORD_MASK,
    compiled,
)

IDLE, INIT, WAIT, RUN = range(4)

# state
STATE, INIT_ENDS, TAKEN, BEGUN, PUSHED, POPPED, LINES = range(7)
GROUP, KROW, BLOCK, OUT, LEFT, STARTED, X_OFFSET, Y_OFFSET = range(7, 15)
ROW_ADDR, BLOCK_ADDR, OUT_ADDR, EXHAUSTED = range(15, 19)
COUNTED = 19
"""Lines of the current step."""
SIZE = 20

# a step in the ring
S_WORK, S_LAST, S_BLOCK_START, S_BLOCK_END, S_COMMAND_START, S_COMMAND_END = range(6)
S_COMMAND, S_PIXELS, S_PLANES, S_OCCUPIED = range(6, 10)
S_VISIBLE = 10
"""First cycle in which the array sees the step."""
TAP_GROUP_SIZE = 11
CURRENT = timing.TAP_GROUP_RING
"""Row of the step array that holds the step being filled."""

X, Y, ROW, X0, Y0, ROW0 = range(6)
WALK = 6
LANE_STATE = 7
TAP_GROUP_RING = timing.TAP_GROUP_RING
FILL_LATENCY = timing.FILL_LATENCY


def state() -> tuple[np.ndarray, np.ndarray]:
    """A reset operand fetch: its registers, and the ring of tap groups, the current one last."""
    return np.zeros(SIZE, np.int64), np.zeros((TAP_GROUP_RING + 1, TAP_GROUP_SIZE), np.int64)


def lane_state(rows: int) -> np.ndarray:
    """Coordinates of the lanes, int64 [LANE_STATE, rows]; row WALK holds the walk of the set-up."""
    return np.zeros((LANE_STATE, max(rows, 3)), np.int64)


@compiled
def begin(f, commands, cmd, lanes, rows):
    """Reset the loops and set the lanes' coordinates for ``cmd``."""
    f[GROUP] = f[KROW] = f[BLOCK] = f[OUT] = 0
    f[STARTED] = f[EXHAUSTED] = f[X_OFFSET] = f[Y_OFFSET] = 0
    f[LEFT] = commands[cmd, col.PIXELS]
    f[ROW_ADDR] = f[BLOCK_ADDR] = f[OUT_ADDR] = commands[cmd, col.IN_ADDR]
    pixels = rows >> commands[cmd, col.ARRAY_SHAPE]
    x, y, row = commands[cmd, col.START_X], commands[cmd, col.START_Y], commands[cmd, col.START_ROW]
    for p in range(pixels):
        lanes[X, p] = lanes[X0, p] = x
        lanes[Y, p] = lanes[Y0, p] = y
        lanes[ROW, p] = lanes[ROW0, p] = row
        x += commands[cmd, col.COL_STRIDE]
        if x >= commands[cmd, col.END_X]:
            x -= commands[cmd, col.WRAP_X]
            y += commands[cmd, col.WRAP_Y]
            row += commands[cmd, col.WRAP_ROW]


@compiled
def _is_like_last(f, commands, cmd, line_words):
    """Whether the step differs from the one before only in its block of input channels, which lies
    whole lines after the other."""
    return (
        f[BLOCK] != 0
        and commands[cmd, col.KERNEL_ROWS] == 1
        and commands[cmd, col.TAP_GROUPS] == 1
        and commands[cmd, col.IN_PLANE] & (line_words - 1) == 0
    )


@compiled
def count_lines(f, commands, cmd, lanes, span, found, sizes):
    """Distinct lines that the lanes need for the step at the loops' present place.

    Most lanes need a line beyond all others'.
    """
    count, top = 0, -1
    active = min(sizes.rows >> commands[cmd, col.ARRAY_SHAPE], f[LEFT])
    width, height = commands[cmd, col.IN_WIDTH], commands[cmd, col.IN_HEIGHT]
    for p in range(active):
        y = lanes[Y, p] + f[Y_OFFSET]
        first = lanes[X, p] + f[X_OFFSET]
        last = first + span
        if y < 0 or y >= height or first >= width or last < 0:
            continue
        address = f[ROW_ADDR] + lanes[ROW, p]
        low = ((address + max(first, 0)) & WORD_MASK) >> sizes.line_bits
        high = ((address + min(last, width - 1)) & WORD_MASK) >> sizes.line_bits
        for line in (low, high):
            if line > top:
                top = line
            elif _is_among(line, found, count):
                continue
            found[count] = line
            count += 1
    return count


@compiled
def _is_among(line, found, count):
    """Whether ``line`` is one of the ``count`` found, most likely the last."""
    for i in range(count - 1, -1, -1):
        if found[i] == line:
            return True
    return False


@compiled
def push(cycle, f, tap_groups):
    """The current step goes into the ring."""
    entry = f[PUSHED] & (TAP_GROUP_RING - 1)
    for i in range(TAP_GROUP_SIZE):
        tap_groups[entry, i] = tap_groups[CURRENT, i]
    tap_groups[entry, S_VISIBLE] = cycle + FILL_LATENCY
    f[PUSHED] += 1


@compiled
def load_tap_group(f, tap_groups, commands, cmd, lanes, found, sizes):
    """Make the step at the loops' place the current one, and move the loops on."""
    shape = commands[cmd, col.ARRAY_SHAPE]
    pixel_group, cols = sizes.rows >> shape, sizes.cols
    last_group = f[GROUP] == commands[cmd, col.TAP_GROUPS] - 1
    last_row = f[KROW] == commands[cmd, col.KERNEL_ROWS] - 1
    last_block = f[BLOCK] == commands[cmd, col.IN_BLOCKS] - 1
    last_pixel_group = f[LEFT] <= pixel_group
    last_out = f[OUT] == commands[cmd, col.OUT_BLOCKS] - 1
    pixel_group_end = last_group and last_row and last_block
    span = commands[cmd, col.LAST_SPAN] if last_group else commands[cmd, col.GROUP_SPAN]
    taps = commands[cmd, col.LAST_TAPS] if last_group else commands[cmd, col.GROUP_TAPS]
    channels = commands[cmd, col.LAST_CHANNELS] if last_block else cols >> commands[cmd, col.SPLIT]
    used = cols << shape
    if last_out:
        used = (commands[cmd, col.LAST_PLANES] - 1) * cols + commands[cmd, col.LAST_COLS]
    tap_groups[CURRENT, S_WORK] = taps * channels
    tap_groups[CURRENT, S_LAST] = pixel_group_end
    tap_groups[CURRENT, S_BLOCK_START] = not f[STARTED]
    tap_groups[CURRENT, S_BLOCK_END] = last_pixel_group
    tap_groups[CURRENT, S_COMMAND_START] = (not f[STARTED]) and f[OUT] == 0
    tap_groups[CURRENT, S_COMMAND_END] = last_pixel_group and last_out
    tap_groups[CURRENT, S_COMMAND] = cmd
    tap_groups[CURRENT, S_PIXELS] = f[LEFT] if last_pixel_group else pixel_group
    tap_groups[CURRENT, S_PLANES] = commands[cmd, col.LAST_PLANES] if last_out else 1 << shape
    tap_groups[CURRENT, S_OCCUPIED] = tap_groups[CURRENT, S_PIXELS] * used
    if not _is_like_last(f, commands, cmd, sizes.line_words):
        f[COUNTED] = count_lines(f, commands, cmd, lanes, span, found, sizes)
    f[LINES] = f[COUNTED]
    _advance(
        f,
        commands,
        cmd,
        lanes,
        pixel_group,
        last_group,
        last_row,
        pixel_group_end,
        last_pixel_group,
        last_out,
    )


@compiled
def _advance(
    f,
    commands,
    cmd,
    lanes,
    pixel_group,
    last_group,
    last_row,
    pixel_group_end,
    last_pixel_group,
    last_out,
):
    if not last_group:
        f[GROUP] += 1
        f[X_OFFSET] += commands[cmd, col.GROUP_STEP]
        return
    f[GROUP] = f[X_OFFSET] = 0
    if not last_row:
        f[KROW] += 1
        f[Y_OFFSET] += commands[cmd, col.ROW_DILATION]
        f[ROW_ADDR] += commands[cmd, col.ROW_STEP]
        return
    f[KROW] = f[Y_OFFSET] = 0
    if not pixel_group_end:
        f[BLOCK] += 1
        f[BLOCK_ADDR] += commands[cmd, col.IN_PLANE]
        f[ROW_ADDR] = f[BLOCK_ADDR]
        return
    f[BLOCK] = 0
    if last_pixel_group:
        f[LEFT] = commands[cmd, col.PIXELS]
        f[STARTED] = 0
        f[OUT] += 1
        f[OUT_ADDR] += commands[cmd, col.IN_BLOCK_STEP]
        f[EXHAUSTED] = last_out
        for p in range(pixel_group):
            lanes[X, p], lanes[Y, p], lanes[ROW, p] = lanes[X0, p], lanes[Y0, p], lanes[ROW0, p]
    else:
        f[LEFT] -= pixel_group
        f[STARTED] = 1
        for p in range(pixel_group):
            x = lanes[X, p] + commands[cmd, col.PIXEL_GROUP_X]
            lanes[Y, p] += commands[cmd, col.PIXEL_GROUP_Y]
            lanes[ROW, p] += commands[cmd, col.PIXEL_GROUP_ROW]
            if x >= commands[cmd, col.END_X]:
                x -= commands[cmd, col.WRAP_X]
                lanes[Y, p] += commands[cmd, col.WRAP_Y]
                lanes[ROW, p] += commands[cmd, col.WRAP_ROW]
            lanes[X, p] = x
    f[BLOCK_ADDR] = f[ROW_ADDR] = f[OUT_ADDR]
