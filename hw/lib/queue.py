"""A small first-in first-out buffer between streams."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out


class Queue(wiring.Component):
    """FIFO of ``depth`` items; an item pushed in cycle t is at the output from t + 1 on.

    Members
    -------
    push : In(stream)
        ``ready`` while fewer than ``depth`` items are held at the start of the cycle.
    pop : Out(stream)
        The oldest item, read without delay from a memory.
    count : Out(range(depth + 1))
        Items held at the start of the cycle.
    """

    def __init__(self, shape, depth: int):
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "push": In(stream.Signature(shape)),
                "pop": Out(stream.Signature(shape)),
                "count": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = memory.Memory(shape=self._shape, depth=self._depth, init=[])
        write = rows.write_port()
        read = rows.read_port(domain="comb")
        head = Signal(range(self._depth))
        tail = Signal(range(self._depth))

        def after(pointer):
            return Mux(pointer == self._depth - 1, 0, pointer + 1)

        pushed = self.push.valid & self.push.ready
        popped = self.pop.valid & self.pop.ready
        valid = Signal()
        m.d.comb += [
            self.push.ready.eq(self.count != self._depth),
            write.addr.eq(tail),
            write.data.eq(self.push.payload),
            write.en.eq(pushed),
            self.pop.valid.eq(valid),
            read.addr.eq(head),
            self.pop.payload.eq(read.data),
        ]
        # A pop, which comes late, leaves what was there but one.
        m.d.sync += [
            self.count.eq(self.count + pushed - popped),
            valid.eq(pushed | Mux(popped, self.count != 1, valid)),
        ]
        with m.If(pushed):
            m.d.sync += tail.eq(after(tail))
        with m.If(popped):
            m.d.sync += head.eq(after(head))
        return m
