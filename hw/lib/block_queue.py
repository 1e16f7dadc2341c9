"""A queue of many items in block RAM."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class BlockQueue(wiring.Component):
    """FIFO of ``depth`` items, a power of two; an item pushed in cycle t is at the output from
    t + 2 on. It is never full: the producer counts.

    Members
    -------
    push : In(stream)
        Always ready.
    pop : Out(stream)
        The oldest item.
    """

    def __init__(self, shape, depth: int):
        self._shape = shape
        self._depth = depth
        super().__init__({"push": In(stream.Signature(shape)), "pop": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        # No word is read in the cycle in which it is written and used.
        m.submodules.rows = rows = Memory(
            shape=self._shape,
            depth=self._depth,
            init=[],
            attrs={"ram_style": "block", "no_rw_check": 1},
        )
        write, read = rows.write_port(), rows.read_port()
        head, tail = Signal(range(self._depth)), Signal(range(self._depth))
        held, written, popped = Signal(range(self._depth + 1)), Signal(), Signal()
        m.d.comb += [
            self.push.ready.eq(1),
            write.en.eq(self.push.valid),
            write.addr.eq(tail),
            write.data.eq(self.push.payload),
            popped.eq(self.pop.valid & self.pop.ready),
            read.addr.eq(head + popped),
            self.pop.valid.eq(held != 0),
            self.pop.payload.eq(read.data),
        ]
        m.d.sync += [
            written.eq(self.push.valid),
            held.eq(held + written - popped),
            tail.eq(tail + self.push.valid),
            head.eq(head + popped),
        ]
        return m
