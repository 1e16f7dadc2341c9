"""Loop nest of operand fetch (docs/architecture.md, 3.6): output blocks, pixel groups, blocks of
input channels, kernel rows, tap groups, the innermost last."""

import numpy as np

from sim.timing.core import input_addresses
from sim.timing.records import record_type
from sim.timing.state import compiled

STATE = record_type(
    *("tap_group", "krow", "block", "out_block", "left", "started", "x_offset", "y_offset"),
    *("row_addr", "block_addr", "out_addr", "exhausted"),
    *(
        "last_tap_group",
        "last_row",
        "last_block",
        "last_pixel_group",
        "last_out",
        "pixel_group_end",
    ),
)
"""The counters, and where the tap group that they are at is a last one."""


def state() -> np.ndarray:
    """The loops before the first command."""
    return np.zeros(1, STATE)


@compiled
def begin(loops, command):
    """Go to the first tap group of ``command``."""
    loops.tap_group = loops.krow = loops.block = loops.out_block = 0
    loops.started = loops.exhausted = loops.x_offset = loops.y_offset = 0
    loops.left = command.pixels
    loops.row_addr = loops.block_addr = loops.out_addr = command.in_addr


@compiled
def find_ends(loops, command, pixel_group):
    """Work out of which loops the present tap group is the last."""
    loops.last_tap_group = loops.tap_group == command.tap_groups - 1
    loops.last_row = loops.krow == command.kernel_rows - 1
    loops.last_block = loops.block == command.in_blocks - 1
    loops.last_pixel_group = loops.left <= pixel_group
    loops.last_out = loops.out_block == command.out_blocks - 1
    loops.pixel_group_end = loops.last_tap_group & loops.last_row & loops.last_block


@compiled
def is_like_last(loops, command, line_words):
    """Whether the tap group differs from the one before only in its block of input channels, which
    lies whole lines after the other."""
    return (
        loops.block != 0
        and command.kernel_rows == 1
        and command.tap_groups == 1
        and command.in_plane & (line_words - 1) == 0
    )


@compiled
def describe(loops, command, index, tap_group, sizes):
    """Fill in ``tap_group`` from the loops' place in the EXECUTE with that index."""
    shape = command.array_shape
    last_out = loops.last_out != 0
    taps = command.last_taps if loops.last_tap_group != 0 else command.group_taps
    channels = command.last_channels if loops.last_block != 0 else sizes.cols >> command.split
    columns = sizes.cols << shape
    if last_out:
        columns = (command.last_planes - 1) * sizes.cols + command.last_cols
    pixels = loops.left if loops.last_pixel_group != 0 else sizes.rows >> shape
    tap_group.work = taps * channels
    tap_group.last = loops.pixel_group_end
    tap_group.block_start = loops.started == 0
    tap_group.block_end = loops.last_pixel_group
    tap_group.command_start = loops.started == 0 and loops.out_block == 0
    tap_group.command_end = loops.last_pixel_group & loops.last_out
    tap_group.command = index
    tap_group.pixels = pixels
    tap_group.planes = command.last_planes if last_out else 1 << shape
    tap_group.occupied = pixels * columns


@compiled
def advance(loops, command, lanes, pixel_group):
    """Go on to the next tap group, and to its lanes' places."""
    if loops.last_tap_group == 0:
        loops.tap_group += 1
        loops.x_offset += command.group_step
        return
    loops.tap_group = loops.x_offset = 0
    if loops.last_row == 0:
        loops.krow += 1
        loops.y_offset += command.row_dilation
        loops.row_addr += command.row_step
        return
    loops.krow = loops.y_offset = 0
    if loops.pixel_group_end == 0:
        loops.block += 1
        loops.block_addr += command.in_plane
        loops.row_addr = loops.block_addr
        return
    loops.block = 0
    if loops.last_pixel_group != 0:
        loops.left = command.pixels
        loops.started = 0
        loops.out_block += 1
        loops.out_addr += command.in_block_step
        loops.exhausted = loops.last_out
        input_addresses.restart(lanes, pixel_group)
    else:
        loops.left -= pixel_group
        loops.started = 1
        input_addresses.advance(lanes, command, pixel_group)
    loops.block_addr = loops.row_addr = loops.out_addr
