"""Layouts and interfaces between the stages of the execute unit."""

from collections.abc import Sequence

from amaranth.hdl import Array, Value, ValueLike
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature

from hw.spec.config import AccelConfig

POSITION = 16
"""Bits of a signed input coordinate."""
REACH = 4
"""Bits of a number of columns from a tap group's first tap on."""


def tap_group_layout() -> data.StructLayout:
    """A tap group: the taps of one group of a kernel row, over the channels of one input block, for
    one pixel group.

    Fields
    ------
    last_tap, last_channel
        It has ``(last_tap + 1) * (last_channel + 1)`` multiply-accumulates.
    first, last
        It is the first, the last of its pixel group.
    block_start, block_end
        Its pixel group is the first, the last of its output block.
    command_start, command_end
        Its pixel group is the first, the last of its command.
    pixels, planes
        Size of its pixel group.
    occupied
        Array positions in use.
    """
    return data.StructLayout(
        {
            "last_tap": 4,
            "last_channel": 6,
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


def line_taking(config: AccelConfig) -> Signature:
    """The lanes that take the line requested in this cycle, seen from the requester.

    Members
    -------
    en : Out(1)
        A line is requested, and granted.
    lanes : Out(rows)
        The lanes that take it, READ_LATENCY cycles later.
    high : Out(1)
        Bit 0 of its address.
    """
    return Signature({"en": Out(1), "lanes": Out(config.rows), "high": Out(1)})


def tap_group_port(config: AccelConfig) -> Signature:
    """Tap groups on their way to the operand stores, seen from the fetch.

    Members
    -------
    push : Out(1)
        All lines of the tap group are requested.
    tap_group : Out(tap_group_layout)
        With ``push``: the tap group.
    lanes : Out(lane_layout of each lane)
        With ``push``: its lanes.
    room : In(1)
        The ring has room for one.
    """
    return Signature(
        {
            "push": Out(1),
            "tap_group": Out(tap_group_layout()),
            "lanes": Out(data.ArrayLayout(lane_layout(config), config.rows)),
            "room": In(1),
        }
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


def by_shape(array_shape: Value, values: Sequence[ValueLike]) -> Value:
    """The one of three ``values``, for shapes 0, 1 and 2, that belongs to ``array_shape``. Shape 3
    is illegal and never gets here; it counts as 2."""
    return Array((*values, values[-1]))[array_shape]
