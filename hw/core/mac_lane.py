"""A lane of the array: its operand selector, multiply-accumulators and shadow accumulators."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.lib.delay import delay
from hw.spec.config import AccelConfig

ACC = 32


class MacLane(wiring.Component):
    """``cols`` multiply-accumulators.

    Members
    -------
    word : In(8 * word_bytes)
        The operand word of the multiply-accumulate that issues in this cycle.
    channel, split : In
        The array's, a cycle later.
    select : In(1)
        A cycle later: the lane takes the operands.
    weight : In(8 * word_bytes)
        The weight word, two cycles later.
    accumulate : In(1)
        Three cycles later: the products go to the accumulators.
    first : In(1)
        With ``accumulate``: the accumulators begin with them.
    compare : In(1)
        With ``accumulate`` and without ``first``: keep the maximum instead of the sum.
    finish : In(1)
        Four cycles later: the accumulators go to ``shadow``.
    shadow : Out(ACC * cols)
        The accumulators of the last finished pixel group.
    """

    MODULE = "mac_lane"
    OWN = ("word", "weight", "shadow")

    def __init__(self, config: AccelConfig):
        self._cols = config.cols
        word = config.word_bytes * 8
        super().__init__(
            {
                "word": In(word),
                "channel": In(6),
                "split": In(3),
                "select": In(1),
                "weight": In(word),
                "accumulate": In(1),
                "first": In(1),
                "compare": In(1),
                "finish": In(1),
                "shadow": Out(ACC * config.cols),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word = delay(m, self.word, 1, "word", reset_less=True)
        operand = Signal.like(word, reset_less=True)
        shadow = Signal.like(self.shadow, reset_less=True)
        m.d.comb += self.shadow.eq(shadow)
        selected = self._selected(m, word)
        with m.If(self.select):
            m.d.sync += operand.eq(selected)
        # The operands beside their products: inside a DSP block no logic can read a product.
        beside = delay(m, selected, 2, "beside", reset_less=True)
        sums = [
            self._build_column(m, c, *(v.word_select(c, 8) for v in (operand, self.weight, beside)))
            for c in range(self._cols)
        ]
        with m.If(self.finish):
            m.d.sync += shadow.eq(Cat(*sums))
        return m

    def _build_column(self, m, c, byte, factor, beside):
        """One multiply-accumulator; returns its sum.

        The product and the sum are the M and P registers of a DSP block, which adds, or begins a
        sum, or holds it. So a maximum begins with each greater byte and holds at all others:
        weights are 1 then, and products bytes.
        """
        product = Signal(signed(16), name=f"product{c}", reset_less=True)
        acc = Signal(signed(ACC), name=f"acc{c}", reset_less=True)
        m.d.sync += product.eq(byte.as_signed() * factor.as_signed())
        greater, begin, hold = (Signal(name=f"{name}{c}") for name in ("greater", "begin", "hold"))
        m.d.comb += [
            greater.eq(beside.as_signed() > acc[:8].as_signed()),
            begin.eq(self.first | (self.compare & greater)),
            hold.eq(self.compare & ~begin),
        ]
        with m.If(self.accumulate & ~hold):
            m.d.sync += acc.eq(Mux(begin, 0, acc) + product)
        return acc

    def _selected(self, m, word):
        """The bytes of ``word`` that the columns use.

        ``mux_tree[k]`` has, for each group of 2**k channels, the byte that ``channel`` chooses in
        it. The order of the cases lets columns share what they do not choose alone.
        """
        bits = exact_log2(self._cols)
        mux_tree = [word]
        for k in range(bits):
            pairs = _parts(mux_tree[-1], 16)
            mux_tree.append(Signal(8 * len(pairs), name=f"chosen{k + 1}"))
            chosen = [Mux(self.channel[k], pair[8:], pair[:8]) for pair in pairs]
            m.d.comb += mux_tree[-1].eq(Cat(*chosen))
        selected = Signal(len(word), name="selected")
        with m.If(self.split == bits):
            m.d.comb += selected.eq(word)
        for k in range(1, bits):
            with m.Elif(self.split == bits - k):
                spread = Cat(byte.replicate(2**k) for byte in _parts(mux_tree[k], 8))
                m.d.comb += selected.eq(spread)
        with m.Else():
            m.d.comb += selected.eq(mux_tree[bits].replicate(2**bits))
        return selected


def _parts(value, width: int):
    return [value[i : i + width] for i in range(0, len(value), width)]
