"""The array: rows x cols multiply-accumulators with their operand selector and a shadow copy of
the accumulators."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.lib.delay import delay, delay_line
from hw.spec import timing
from hw.spec.config import LANE_GROUPS, AccelConfig

ACC = 32


class MacArray(wiring.Component):
    """Output-stationary multiply-accumulators.

    A multiply-accumulate issued in cycle t is in the accumulators from t + MAC_LATENCY on;
    the last one of a pixel group leaves
    its sum in ``shadow`` instead. There is no back pressure.

    Members
    -------
    issue : In(1)
        A multiply-accumulate issues.
    first, last : In(1)
        With ``issue``: it is the first, the last of its pixel group.
    words : In(8 * word_bytes), an array of rows
        The operand word of each lane.
    weights : In(8 * word_bytes), an array of LANE_GROUPS
        The weight word of each lane group.
    channel : In(6)
        Channel: column m uses byte ``m & ~(g - 1) | channel`` of the word, ``g = cols >> split``.
    split : In(3)
        Of how many groups of channels a word consists, as a power of two.
    ones : In(1)
        Weights are 1.
    maximum : In(1)
        Keep the maximum instead of the sum; with ``ones`` only.
    pixel_group_done : Out(1)
        ``shadow`` holds a new pixel group from the next cycle on.
    shadow : Out(ACC * cols), an array of rows
        The accumulators of the last finished pixel group, lane by lane.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        word = config.word_bytes * 8
        super().__init__(
            {
                "issue": In(1),
                "first": In(1),
                "last": In(1),
                "words": In(data.ArrayLayout(word, config.rows)),
                "weights": In(data.ArrayLayout(word, LANE_GROUPS)),
                "channel": In(6),
                "split": In(3),
                "ones": In(1),
                "maximum": In(1),
                "pixel_group_done": Out(1),
                "shadow": Out(data.ArrayLayout(ACC * config.cols, config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        assert timing.MAC_LATENCY == 4
        cols, rows = self._config.cols, self._config.rows
        word = self._config.word_bytes * 8
        words, factors, channel, split, ones = (
            delay(m, getattr(self, name), 1, name, reset_less=True)
            for name in ("words", "weights", "channel", "split", "ones")
        )
        weights = [Signal(word, name=f"weight{g}", reset_less=True) for g in range(LANE_GROUPS)]
        # AND/OR instead of Mux: Yosys would infer per-bit synchronous resets, which the input
        # registers of the multipliers lack.
        one = Cat(ones, Const(0, 7)).replicate(cols)
        flags = Cat(self.issue, self.first, self.last, self.maximum)
        flags = delay_line(m, flags, timing.MAC_LATENCY - 1, "flags")
        issued1 = flags[1][0]
        for lane_group, weight in enumerate(weights):
            with m.If(issued1):
                m.d.sync += weight.eq(factors[lane_group] & ~ones.replicate(word) | one)
        issued3, first3, last3, maximum3 = flags[3]
        compare, shadow = Signal(), Signal.like(self.shadow, reset_less=True)
        m.d.comb += [
            self.pixel_group_done.eq(issued3 & last3),
            compare.eq(maximum3 & ~first3),
            self.shadow.eq(shadow),
        ]
        for p in range(rows):
            operand = Signal(word, name=f"operand{p}", reset_less=True)
            selected = _selected(m, words[p], channel, split)
            with m.If(issued1):
                m.d.sync += operand.eq(selected)
            weight = weights[p * LANE_GROUPS // rows]
            sums = []
            for c in range(cols):
                product = Signal(signed(16), name=f"product{p}_{c}", reset_less=True)
                acc = Signal(signed(ACC), name=f"acc{p}_{c}")
                total = Signal(signed(ACC), name=f"total{p}_{c}")
                byte, factor = (v.word_select(c, 8).as_signed() for v in (operand, weight))
                m.d.sync += product.eq(byte * factor)
                # One adder for all: a maximum adds by how much the new byte is greater. Weights are
                # 1 then, and products bytes.
                more = Signal(signed(9), name=f"more{p}_{c}")
                m.d.comb += [
                    more.eq(product[:8].as_signed() - acc[:8].as_signed()),
                    total.eq(acc + Mux(compare, Mux(more < 0, 0, more), product)),
                ]
                with m.If(issued3):
                    m.d.sync += acc.eq(total)
                with m.If(self.pixel_group_done):
                    m.d.sync += acc.eq(0)
                sums.append(total)
            with m.If(self.pixel_group_done):
                m.d.sync += shadow[p].eq(Cat(*sums))
        return m


def _selected(m, word, channel, split):
    """The bytes of ``word`` that the columns use.

    ``mux_tree[k]`` has, for each group of 2**k channels, the byte that ``channel`` chooses in it.
    The order of the cases lets columns share what they do not choose alone.
    """
    bits = exact_log2(len(word) // 8)
    mux_tree = [word]
    for k in range(bits):
        pairs = _parts(mux_tree[-1], 16)
        mux_tree.append(Signal(8 * len(pairs), name=f"chosen{k + 1}"))
        m.d.comb += mux_tree[-1].eq(Cat(Mux(channel[k], pair[8:], pair[:8]) for pair in pairs))
    selected = Signal(len(word), name="selected")
    with m.If(split == bits):
        m.d.comb += selected.eq(word)
    for k in range(1, bits):
        with m.Elif(split == bits - k):
            m.d.comb += selected.eq(Cat(byte.replicate(2**k) for byte in _parts(mux_tree[k], 8)))
    with m.Else():
        m.d.comb += selected.eq(mux_tree[bits].replicate(2**bits))
    return selected


def _parts(value, width: int):
    return [value[i : i + width] for i in range(0, len(value), width)]
