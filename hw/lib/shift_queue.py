"""A queue of wide items in registers, without a choice among them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class ShiftQueue(wiring.Component):
    """FIFO of ``depth`` stages. An item goes on by a stage in each cycle in which the next stage
    is empty at its start; into an empty queue in cycle t, it is at the output from t + ``depth``
    on.

    Memories of LUTs have 16 places or more, so for a few wide items registers are smaller. Each
    stage is enabled by its own flag.

    Members
    -------
    push : In(stream)
        ``ready`` while the last stage is empty.
    pop : Out(stream)
        The item in the first stage.
    """

    def __init__(self, shape, depth: int):
        self._shape = shape
        self._depth = depth
        super().__init__({"push": In(stream.Signature(shape)), "pop": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        full = Signal(self._depth)
        items = [Signal(self._shape, name=f"item{i}", reset_less=True) for i in range(self._depth)]
        m.d.comb += [
            self.pop.valid.eq(full[0]),
            self.pop.payload.eq(items[0]),
            self.push.ready.eq(~full[-1]),
        ]
        comes = [*full[1:], self.push.valid]
        leaves = [self.pop.ready, *(~flag for flag in full[:-1])]
        sources = [*items[1:], self.push.payload]
        for i, item in enumerate(items):
            with m.If(full[i]):
                m.d.sync += full[i].eq(~leaves[i])
            with m.Else():
                m.d.sync += full[i].eq(comes[i]), item.eq(sources[i])
        return m
