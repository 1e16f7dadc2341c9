"""A queue gives what was pushed, in its order, and never more or less: proven for some depths."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Array, Assert, Elaboratable, Module, Mux, Signal

from hw.lib import queue
from tests.formal.prove import Refuted, mutant, opened, prove

pytestmark = pytest.mark.full
DEPTH = 2
WIDTH = 3
"""Bits of an item; the queue does not look at them."""
SIZES = (1, 3, 4)


class InOrder(Elaboratable):
    """The queue beside a row of items, all of which move up when the oldest leaves."""

    def __init__(self, size: int, module: ModuleType = queue) -> None:
        self.size = size
        self.dut = module.Queue(WIDTH, size)

    def elaborate(self, platform):
        m = Module()
        size, dut = self.size, self.dut
        m.submodules.dut = inner = opened(dut)
        rows = inner.submodules.rows
        head, tail = rows.read_ports[0].addr, rows.write_ports[0].addr
        count = Signal(range(size + 1))
        items = Array(Signal(WIDTH, name=f"item_{i}") for i in range(size))
        pushed, popped = dut.push.valid & dut.push.ready, dut.pop.valid & dut.pop.ready
        m.d.sync += count.eq(count + pushed - popped)
        with m.If(popped):
            m.d.sync += [items[i].eq(items[i + 1]) for i in range(size - 1)]
        with m.If(pushed):
            m.d.sync += items[(count - popped)[: count.shape().width]].eq(dut.push.payload)
        m.d.comb += [
            Assert(dut.count == count, "the count is right"),
            Assert(count <= size, "there are never too many"),
            Assert(dut.push.ready == (count != size), "a queue with room takes an item"),
            Assert(dut.pop.valid == (count != 0), "a queue with items gives one"),
            Assert(~dut.pop.valid | (dut.pop.payload == items[0]), "the oldest one"),
            Assert((head < size) & (tail == _modulo(head + count, size)), "the pointers agree"),
        ]
        for i, item in enumerate(items):
            row = rows.read_port(domain="comb")
            m.d.comb += [
                row.addr.eq(_modulo(head + i, size)),
                Assert((count <= i) | (row.data == item), "every item is kept"),
            ]
        return m


def _modulo(value, size):
    """``value`` modulo ``size``, of which it is less than the double."""
    return Mux(value >= size, value - size, value)


MUTANTS = {
    "self.count != self._depth": "1",
    "self.count != 0": "1",
    "self.count + pushed - popped": "self.count + pushed",
    "tail.eq(after(tail))": "tail.eq(tail)",
    "head.eq(after(head))": "head.eq(head + 1)",
    "pointer == self._depth - 1": "pointer == self._depth",
}


@pytest.mark.parametrize("size", SIZES)
def test_a_queue_keeps_items_and_their_order(size):
    prove(InOrder(size), DEPTH)


@pytest.mark.parametrize("old", MUTANTS)
def test_a_queue_that_does_not_is_refuted(old):
    with pytest.raises(Refuted, match="Assert failed"):
        prove(InOrder(3, mutant(queue, old, MUTANTS[old])), 8)
