"""Input addresses (docs/architecture.md, 3.6): the coordinates of the lanes' pixels."""

from typing import NamedTuple

import numpy as np

from sim.timing.state import compiled


class Lanes(NamedTuple):
    """Places of the lanes' pixels, and where they are at the start of each output block; each int64
    [rows]. Compiled code steps several lanes at once where their numbers lie together."""

    x: np.ndarray
    y: np.ndarray
    row: np.ndarray
    start_x: np.ndarray
    start_y: np.ndarray
    start_row: np.ndarray


def state(rows: int) -> Lanes:
    """The lanes."""
    return Lanes(*(np.zeros(rows, np.int64) for _ in Lanes._fields))


@compiled
def begin(lanes, command, pixel_group):
    """Set the places of the lanes of one pixel group to the first pixels of ``command``."""
    x, y, row = command.start_x, command.start_y, command.start_row
    for i in range(pixel_group):
        lanes.start_x[i], lanes.start_y[i], lanes.start_row[i] = x, y, row
        x += command.col_stride
        if x >= command.end_x:
            x -= command.wrap_x
            y += command.wrap_y
            row += command.wrap_row
    restart(lanes, pixel_group)


@compiled
def restart(lanes, pixel_group):
    """Go back to the first pixel group, for the next output block."""
    for i in range(pixel_group):
        lanes.x[i], lanes.y[i], lanes.row[i] = (
            lanes.start_x[i],
            lanes.start_y[i],
            lanes.start_row[i],
        )


@compiled
def advance(lanes, command, pixel_group):
    """Go on to the next pixel group."""
    for i in range(pixel_group):
        x = lanes.x[i] + command.pixel_group_x
        wraps = x >= command.end_x
        lanes.x[i] = x - wraps * command.wrap_x
        lanes.y[i] += command.pixel_group_y + wraps * command.wrap_y
        lanes.row[i] += command.pixel_group_row + wraps * command.wrap_row
