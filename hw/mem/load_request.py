"""LOAD's request stage: waits for what a command needs, then asks for its bursts."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.lib.bus import ADDRESS_RANGES, COUNTS, REQUEST, Burst, waits_met
from hw.spec.config import AccelConfig

BYTES_BITS = 36
"""Width of the bytes of a row."""


_KEPT_FIELDS = (
    "unpack",
    "flip",
    "row_count",
    "row_length",
    "channels",
    "scratchpad_addr",
    "scratchpad_stride",
    "plane",
)
"""Fields of the command that the data stage needs as they are."""


def descriptor_layout(config: AccelConfig) -> data.StructLayout:
    """Part of a LOAD that the data stage needs.

    ``offset`` and ``step`` are the start address and the stride modulo a beat; ``bytes`` are those
    of a row when unpacking.
    """
    low = exact_log2(config.word_bytes)
    return data.StructLayout(
        {name: command_layouts.LOAD[name].shape for name in _KEPT_FIELDS}
        | {
            "offset": low,
            "step": low,
            "bytes": BYTES_BITS,
            "index": command_layouts.INDEX_BITS,
        }
    )


class LoadRequest(wiring.Component):
    """Turns LOAD commands into read requests and descriptors.

    A command taken in cycle t starts in t + 1 at the earliest: its descriptor is handed over, and
    its first request is made in the second cycle after. After a request that is taken comes a cycle
    without one.

    Members
    -------
    command : In(stream of layouts.LOAD)
        The queue.
    done : In(COUNTS)
        Completed commands.
    address_ranges : In(ADDRESS_RANGES)
        What may be read.
    request : Out(stream of REQUEST)
        To the reader.
    descriptor : Out(stream of descriptor_layout)
        To the data stage.
    stop : In(1)
        Make no more requests.
    idle : Out(1)
        No command is held.
    outside : Out(1)
        The next burst lies outside the address ranges, and is not requested.
    index : Out(INDEX_BITS)
        Index of the command held.
    started : Out(1)
        A command starts in this cycle.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "command": In(stream.Signature(command_layouts.LOAD)),
                "done": In(COUNTS),
                "address_ranges": In(ADDRESS_RANGES),
                "request": Out(stream.Signature(REQUEST)),
                "descriptor": Out(stream.Signature(descriptor_layout(config))),
                "stop": In(1),
                "idle": Out(1),
                "outside": Out(1),
                "index": Out(command_layouts.INDEX_BITS),
                "started": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = Signal(command_layouts.LOAD, reset_less=True)
        size = Signal(BYTES_BITS)
        m.d.comb += [
            size.eq(command.row_length * command.channels),
            self.index.eq(command.index),
        ]
        self._build_descriptor(m, command, size)
        waiting = Signal()
        last, inside, outside = self._build_burst(m, command, size, waiting)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.idle.eq(1), self.command.ready.eq(~self.stop)
                with m.If(self.command.valid & self.command.ready):
                    m.d.sync += command.eq(self.command.payload)
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += [
                    waiting.eq(1),
                    self.descriptor.valid.eq(waits_met(command, self.done) & ~self.stop),
                ]
                with m.If(self.descriptor.valid & self.descriptor.ready):
                    m.d.comb += self.started.eq(1)
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [
                    self.request.valid.eq(inside & ~self.stop),
                    self.outside.eq(outside & ~self.stop),
                ]
                with m.If(self.request.valid & self.request.ready & last):
                    m.next = "IDLE"
        return m

    def _build_descriptor(self, m, command, size):
        out = self.descriptor.payload
        for name in (*_KEPT_FIELDS, "index"):
            m.d.comb += getattr(out, name).eq(getattr(command, name))
        m.d.comb += [
            out.offset.eq(command.dram_addr),
            out.step.eq(command.dram_stride),
            out.bytes.eq(size),
        ]

    def _build_burst(self, m, command, size, waiting):
        """The current burst, the first one while the command is ``waiting``, and the steps from one
        to the next.

        Returns the signals (last, inside, outside); the last two say that a burst is known and lies
        in the address ranges, or not.
        """
        low = exact_log2(self._config.word_bytes)
        addr = Signal(32 - low)
        base = Signal(32)
        left = Signal(BYTES_BITS)
        rows_left = Signal(16)
        last = Signal()
        # Of the burst there, known a cycle after it is aimed at.
        beats = Signal.like(self.request.payload.beats, reset_less=True)
        inside, ends_row, known = Signal(reset_less=True), Signal(reset_less=True), Signal()
        next_base = Mux(waiting, command.dram_addr, base)
        span = size + next_base[:low] + (self._config.word_bytes - 1)
        row_beats = Mux(command.unpack, span >> low, command.row_length)
        end = Signal(33 - low)
        burst = Burst(m, self._config, addr, left, end)
        taken = self.request.valid & self.request.ready
        m.d.sync += [
            beats.eq(burst.beats),
            inside.eq(burst.may_read(self.address_ranges)),
            ends_row.eq(burst.whole),
            known.eq(~waiting & ~taken),
        ]
        m.d.comb += [
            self.request.payload.addr.eq(addr << low),
            self.request.payload.beats.eq(beats),
            last.eq(ends_row & (rows_left == 1)),
        ]
        with m.If(waiting | (taken & ends_row)):
            m.d.sync += [
                addr.eq(next_base >> low),
                left.eq(row_beats),
                end.eq((next_base >> low) + row_beats),
                base.eq(next_base + command.dram_stride),
                rows_left.eq(Mux(waiting, command.row_count, rows_left - Const(1, 1))),
            ]
        with m.Elif(taken):
            m.d.sync += addr.eq(addr + beats), left.eq(left - beats)
        return last, known & inside, known & ~inside
