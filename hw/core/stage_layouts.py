"""Layouts that the stages of the execute unit pass to one another."""

from amaranth.lib import data

from hw.spec.config import AccelConfig

POSITION = 16
"""Bits of a signed input coordinate."""
REACH = 4
"""Bits of a number of columns from a tap group's first tap on."""


def tap_group_layout() -> data.StructLayout:
    """A tap group: the taps of one group of a kernel row, over the channels of one input block, for
    one pixel group.

    taps, channels : multiply-accumulates = taps * channels
    first, last : first, last tap group of its pixel group
    block_start, block_end : the pixel group is the first, the last of its output block
    command_start, command_end : the pixel group is the first, the last of its command
    pixels, planes : of the pixel group
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
    """One lane of a tap group: the place of its first tap in two lines, and the columns, counted
    from that tap, from the first to the last that is inside the input window, if any is."""
    return data.StructLayout(
        {"offset": config.line_bits + 1, "first": REACH, "last": REACH, "inside": 1}
    )


def pixel_group_layout() -> data.StructLayout:
    """A finished pixel group, as the drain gets it; its command is in ``bank``."""
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
    """Pixel of the pixel group that ``lane`` works on in array shape ``shape``."""
    return lane % config.shape_pixels(shape)
