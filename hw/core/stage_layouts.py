"""What the stages of the execute unit pass to one another."""

from amaranth.lib import data

from hw.spec.config import AccelConfig

POSITION = 16
"""Bits of a signed input coordinate."""
REACH = 4
"""Bits of a number of columns from a step's first tap on."""


def step_layout() -> data.StructLayout:
    """A step: the taps of one group of a kernel row, over the channels of one input block, for one
    tile.

    taps, channels : multiply-accumulates = taps * channels
    first, last : first, last step of its tile
    block_start, block_end : the tile is the first, the last of its output block
    command_start, command_end : the tile is the first, the last of its command
    pixels, planes : of the tile
    occupied : array positions in use
    """
    return data.StructLayout(
        {
            "taps": 4,
            "channels": 7,
            "first": 1,
            "last": 1,
            "block_start": 1,
            "block_end": 1,
            "command_start": 1,
            "command_end": 1,
            "pixels": 7,
            "planes": 3,
            "occupied": 13,
        }
    )


def lane_layout(config: AccelConfig) -> data.StructLayout:
    """One lane of a step: the place of its first tap in two lines, and the columns, counted from
    that tap, from the first to the last that is inside the input window, if any is."""
    return data.StructLayout(
        {"offset": config.line_bits + 1, "first": REACH, "last": REACH, "inside": 1}
    )


def tile_layout() -> data.StructLayout:
    """A finished tile, as the drain gets it; its command is in ``bank``."""
    return data.StructLayout(
        {
            "block_start": 1,
            "command_start": 1,
            "command_end": 1,
            "bank": 1,
            "pixels": 7,
            "planes": 3,
        }
    )


def lane_pixel(config: AccelConfig, lane: int, shape: int) -> int:
    """Pixel of the tile that ``lane`` works on in array shape ``shape``."""
    return lane % config.shape_pixels(shape)
