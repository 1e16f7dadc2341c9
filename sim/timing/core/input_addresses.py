"""Input addresses (docs/architecture.md, 3.6): the coordinates of the lanes' pixels."""

import numpy as np

from sim.timing.records import record_type
from sim.timing.state import compiled

LANE = record_type("x", "y", "row", "start_x", "start_y", "start_row")
"""Place of a lane's pixel, and where it is at the start of each output block."""


def state(rows: int) -> np.ndarray:
    """The lanes, [rows]."""
    return np.zeros(rows, LANE)


@compiled
def begin(lanes, command, pixel_group):
    """Set the places of the lanes of one pixel group to the first pixels of ``command``."""
    x, y, row = command.start_x, command.start_y, command.start_row
    for i in range(pixel_group):
        lane = lanes[i]
        lane.x = lane.start_x = x
        lane.y = lane.start_y = y
        lane.row = lane.start_row = row
        x += command.col_stride
        if x >= command.end_x:
            x -= command.wrap_x
            y += command.wrap_y
            row += command.wrap_row


@compiled
def restart(lanes, pixel_group):
    """Go back to the first pixel group, for the next output block."""
    for i in range(pixel_group):
        lane = lanes[i]
        lane.x, lane.y, lane.row = lane.start_x, lane.start_y, lane.start_row


@compiled
def advance(lanes, command, pixel_group):
    """Go on to the next pixel group."""
    for i in range(pixel_group):
        lane = lanes[i]
        x = lane.x + command.pixel_group_x
        lane.y += command.pixel_group_y
        lane.row += command.pixel_group_row
        if x >= command.end_x:
            x -= command.wrap_x
            lane.y += command.wrap_y
            lane.row += command.wrap_row
        lane.x = x
