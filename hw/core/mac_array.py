"""The array: rows x cols multiply-accumulators with their operand selector and a shadow copy of
the accumulators."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.mac_lane import ACC, MacLane
from hw.lib.delay import delay, delay_line
from hw.lib.repeated import repeated
from hw.spec import timing
from hw.spec.config import LANE_GROUPS, AccelConfig


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
        assert timing.MAC_LATENCY == 5
        cols, rows = self._config.cols, self._config.rows
        word = self._config.word_bytes * 8
        factors, channel, split, ones = (
            delay(m, getattr(self, name), 1, name, reset_less=True)
            for name in ("weights", "channel", "split", "ones")
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
        issued3, first3, _, maximum3 = flags[3]
        issued4, _, last4, _ = flags[4]
        m.d.comb += self.pixel_group_done.eq(issued4 & last4)
        for p in range(rows):
            lane = repeated(MacLane, self._config, platform)
            m.submodules[f"lane{p}"] = lane
            m.d.comb += [
                lane.word.eq(self.words[p]),
                lane.weight.eq(weights[p * LANE_GROUPS // rows]),
                lane.channel.eq(channel),
                lane.split.eq(split),
                lane.select.eq(issued1),
                lane.accumulate.eq(issued3),
                lane.finish.eq(self.pixel_group_done),
                lane.first.eq(first3),
                lane.compare.eq(maximum3),
                self.shadow[p].eq(lane.shadow),
            ]
        return m
