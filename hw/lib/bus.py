"""What the units say to one another about the memory bus: requests, windows, counts, faults."""

from amaranth.hdl import Const, Mux, Value
from amaranth.lib import data

from hw.layouts import INDEX_BITS
from hw.spec.config import AccelConfig
from hw.spec.timing import BURST_BOUNDARY, MAX_BURST

COUNT_BITS = 20
"""Width of a number of completed commands, and of the waits."""
BEATS_BITS = MAX_BURST.bit_length()

REQUEST = data.StructLayout({"addr": 32, "beats": BEATS_BITS})
"""One burst: byte address of its first beat, and its beats."""
WINDOWS = data.StructLayout(
    {
        "read_base": 32,
        "read_limit": 32,
        "write_base": 32,
        "write_limit": 32,
    }
)
"""The byte ranges that a program may read and write; limits are the first byte beyond."""
COUNTS = data.StructLayout({"load": COUNT_BITS, "execute": COUNT_BITS, "store": COUNT_BITS})
"""Numbers of commands of each kind: completed ones, or those that a command waits for."""
FAULT = data.StructLayout({"raised": 1, "code": 4, "index": INDEX_BITS})
"""A fault raised in this cycle, its code (``regs.Fault``) and the command at fault."""


def smallest(first: Value, *others: Value) -> Value:
    """The smallest of some unsigned values."""
    for other in others:
        first = Mux(other < first, other, first)
    return first


def burst_beats(config: AccelConfig, addr: Value, left: Value, most: int = MAX_BURST) -> Value:
    """Beats of the burst at byte address ``addr`` when ``left`` beats are to go.

    The burst has at most ``most`` beats and ends at a 4 KiB boundary at the latest.
    """
    low, high = config.bus_bytes.bit_length() - 1, BURST_BOUNDARY.bit_length() - 1
    to_boundary = BURST_BOUNDARY // config.bus_bytes - addr[low:high]
    room = high - low + 1
    return smallest(Const(most, BEATS_BITS), to_boundary[:room], left)[:BEATS_BITS]


def _inside(config: AccelConfig, base: Value, limit: Value, addr: Value, beats: Value) -> Value:
    return (addr >= base) & (addr + beats * config.bus_bytes <= limit)


def may_write(config: AccelConfig, windows, addr: Value, beats: Value) -> Value:
    """Whether a write burst lies in the write window."""
    return _inside(config, windows.write_base, windows.write_limit, addr, beats)


def may_read(config: AccelConfig, windows, addr: Value, beats: Value) -> Value:
    """Whether a read burst lies in the read window or in the write window."""
    return _inside(config, windows.read_base, windows.read_limit, addr, beats) | may_write(
        config, windows, addr, beats
    )


def waits_met(command, done) -> Value:
    """Whether the counts ``done`` (COUNTS) satisfy the waits of a command."""
    return (
        (done.load >= command.wait_load)
        & (done.execute >= command.wait_execute)
        & (done.store >= command.wait_store)
    )
