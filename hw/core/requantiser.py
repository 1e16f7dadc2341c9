"""Requantiser: the multiplier pipeline that turns accumulators into int8, with the trips of the
residual add."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core.mac_array import ACC
from hw.lib.delay import delay_line
from hw.spec import timing
from hw.spec.config import AccelConfig
from hw.spec.records import CHANNEL_PARAMETERS, parameter

MULTIPLIER, SHIFT = parameter("multiplier").bits, parameter("left").bits
assert parameter("bias").bits == ACC and parameter("right").bits == SHIFT


def channel_layout() -> data.StructLayout:
    """Requantisation of one channel: y = ((x << left) * multiplier, rounded) >> right, rounded."""
    return data.StructLayout(
        {p.name: signed(p.bits) if p.signed else p.bits for p in CHANNEL_PARAMETERS}
    )


class Requantiser(wiring.Component):
    """``requant_lanes`` pipelines of REQUANT_LATENCY stages and a clamp.

    A beat enters in cycle t. Its int8 result is in ``result`` in t + REQUANT_LATENCY + 1, or, with
    a residual, in t + RESIDUAL_SUM + REQUANT_LATENCY + 1. There is no back pressure.

    A beat with a residual makes four trips through the pipeline, and is in its stages in these
    cycles after t:

    ====  ==  ==  ==  ==  ==  =============================================================
    trip  s1  s2  s3  s4  s5  of
    ====  ==  ==  ==  ==  ==  =============================================================
    own    1   2   3   4   5  the accumulators, as of a beat without a residual
    b      4   5   6   7   8  ``other``, entering in RESIDUAL_B; waits in b1 (9) and b2 (10)
    a      6   7   8   9  10  own's clamped value, entering in RESIDUAL_A
    sum   11  12  13  14  15  a's value in s5 and b's in b2, entering in RESIDUAL_SUM
    ====  ==  ==  ==  ==  ==  =============================================================

    The trips enter in cycles 0, 3, 1 and 2 modulo RESIDUAL_INTERVAL. So beats that enter every
    RESIDUAL_INTERVAL cycles fill every place of the pipeline, and no two trips meet.

    Members
    -------
    cmd : In(EXECUTE)
        The command of the beats in the pipeline.
    next_cmd : In(EXECUTE)
        ``cmd`` of the next cycle.
    enter : In(1)
        A beat enters.
    residual : In(1)
        With ``enter``: it has a residual.
    sums : In(signed(ACC)), an array of lanes
        With ``enter``: its accumulators, ``requant_words`` times ``cols``.
    channels : In(channel_layout), an array of cols
        With ``enter``: the parameters of its channels.
    other : In(signed(8)), an array of lanes
        The second operand, valid RESIDUAL_B cycles after ``enter``.
    result : Out(signed(8)), an array of lanes
        The finished bytes.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        lanes = config.requant_lanes
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "next_cmd": In(command_layouts.EXECUTE),
                "enter": In(1),
                "residual": In(1),
                "sums": In(data.ArrayLayout(signed(ACC), lanes)),
                "channels": In(data.ArrayLayout(channel_layout(), config.cols)),
                "other": In(data.ArrayLayout(signed(8), lanes)),
                "result": Out(data.ArrayLayout(signed(8), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cmd = self.cmd
        ages = timing.RESIDUAL_SUM + timing.REQUANT_LATENCY
        entered_ago = delay_line(m, self.enter & self.residual, ages, "age")
        self._a, self._b, self._sum = (
            entered_ago[t] for t in (timing.RESIDUAL_A, timing.RESIDUAL_B, timing.RESIDUAL_SUM)
        )
        self._build_clamps(m, entered_ago[ages - 1])
        # Bit i: a trip is in stage s(i + 1). The other registers of the stages stand still.
        self._active = Signal(timing.REQUANT_LATENCY)
        entered = Signal(timing.REQUANT_LATENCY - 1)
        m.d.sync += entered.eq(Cat(self.enter, entered))
        self._once = [entered[stage] & cmd.round_once for stage in range(len(entered))]
        m.d.sync += self._active.eq(Cat(self.enter | self._a | self._b | self._sum, self._active))
        stages = self._build_parameters(m)
        for lane in range(self._config.requant_lanes):
            self._build_lane(m, lane, stages)
        return m

    def _build_clamps(self, m, next_summed):
        """Zero point and clamps of the value in the last stage, and the sums at which these begin,
        a cycle ahead; ``next_summed``: it is the sum of a residual then."""
        self._zero, self._min, self._max = (
            Signal(signed(8), name=name, reset_less=True) for name in ("zero", "min", "max")
        )
        self._low, self._high = (
            Signal(signed(10), name=name, reset_less=True) for name in ("low", "high")
        )
        zero, low, high = (
            Mux(next_summed, self.next_cmd[f"add_{name}"], self.next_cmd[f"out_{name}"])
            for name in ("zero", "min", "max")
        )
        m.d.sync += [
            self._zero.eq(zero),
            self._min.eq(low),
            self._max.eq(high),
            self._low.eq(low - zero),
            self._high.eq(high - zero),
        ]

    def _build_parameters(self, m):
        """Shifts and multiplier of each channel, for the stages that use them."""
        cmd, adding = self.cmd, self._a | self._b
        stages = []
        for c in range(self._config.cols):
            channel = self.channels[c]
            left = Mux(adding, cmd.add_left, Mux(self._sum, 0, channel.left))
            multiplier = Mux(
                self._a,
                cmd.a_multiplier,
                Mux(
                    self._b,
                    cmd.b_multiplier,
                    Mux(self._sum, cmd.sum_multiplier, channel.multiplier),
                ),
            )
            right = Mux(
                self._a,
                cmd.a_right,
                Mux(self._b, cmd.b_right, Mux(self._sum, cmd.sum_right, channel.right)),
            )
            stages.append(
                {
                    "left": _delay(m, left, 1, f"left{c}", SHIFT, self._active),
                    "multiplier": _delay(
                        m, multiplier, 2, f"multiplier{c}", MULTIPLIER, self._active
                    ),
                    "right": _delay(m, right, 4, f"right{c}", SHIFT, self._active),
                }
            )
        return stages

    def _build_lane(self, m, lane, stages):
        cmd = self.cmd
        channel = lane % self._config.cols
        stage = stages[channel]
        widths = (ACC, ACC, ACC + MULTIPLIER + 1, ACC, ACC)
        s1, s2, s3, s4, s5 = (
            Signal(signed(w), name=f"s{i + 1}_{lane}", reset_less=True)
            for i, w in enumerate(widths)
        )
        # Where b's value waits for a's, which comes to s5 two cycles after it.
        b1, b2 = (Signal(signed(ACC), name=f"b{i}_{lane}", reset_less=True) for i in (1, 2))
        own = Signal(signed(8), name=f"own{lane}")
        near = Signal(signed(10), name=f"near{lane}")
        m.d.comb += [
            near.eq(_saturated(s5, 10)),
            own.eq(
                Mux(
                    near < self._low,
                    self._min,
                    Mux(near > self._high, self._max, near + self._zero),
                )
            ),
        ]
        a, b = self._a, self._b
        value = Mux(a, own, Mux(b, self.other[lane], Mux(self._sum, s5, self.sums[lane])))
        offset = Mux(
            a, cmd.a_offset, Mux(b, cmd.b_offset, Mux(self._sum, b2, self.channels[channel].bias))
        )
        # s1 adds bias or offset, s2 shifts left, s3 multiplies. s4 divides by 2**MULTIPLIER and
        # rounds half up. s5 divides by 2**right and rounds half away from zero: tie_down takes
        # negative ties down. With round_once s4 rounds down instead, and inexact says that it lost
        # something: a negative value that looks like a tie in s5 lies above it, and goes up.
        right = stage["right"]
        half = (1 << right) >> 1
        inexact = Signal(name=f"inexact{lane}")
        tie_down = (s4 < 0) & right.any() & ~inexact
        with m.If(self.enter | a | b | self._sum):
            m.d.sync += s1.eq(value + offset)
        with m.If(self._active[0]):
            m.d.sync += s2.eq(s1 << stage["left"])
        with m.If(self._active[1]):
            m.d.sync += s3.eq(s2 * stage["multiplier"])
        with m.If(self._active[2]):
            once = self._once[2]
            m.d.sync += [
                s4.eq(((s3 >> (MULTIPLIER - 1)) + ~once) >> 1),
                inexact.eq(once & s3[:MULTIPLIER].any()),
            ]
        with m.If(self._active[3]):
            m.d.sync += s5.eq((s4 + half - tie_down) >> right)
        m.d.sync += [
            b1.eq(s5),
            b2.eq(b1),
            self.result[lane].eq(own),
        ]


assert timing.RESIDUAL_SUM == timing.RESIDUAL_B + timing.REQUANT_LATENCY + 2
# The clamp of the sum is never that of another beat's own value in the same cycle.
assert (timing.RESIDUAL_SUM + timing.REQUANT_LATENCY - timing.RESIDUAL_A) % timing.RESIDUAL_INTERVAL


def _delay(m, value, cycles, name, width, active):
    """``value`` after ``cycles`` registers; the later ones move only with a trip in the stage
    before."""
    for stage in range(cycles):
        later = Signal(width, name=f"{name}_{stage}", reset_less=True)
        if stage:
            with m.If(active[stage - 1]):
                m.d.sync += later.eq(value)
        else:
            m.d.sync += later.eq(value)
        value = later
    return value


def _saturated(value, bits: int):
    """``value`` within what so many bits can hold."""
    sign, above = value[-1], value[bits - 1 :]
    fits = above.all() | ~above.any()
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()
