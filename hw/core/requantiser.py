"""Requantiser: the multiplier pipeline that turns accumulators into int8, with the trips of the
residual add."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core.mac_lane import ACC
from hw.core.requant_channel import SHARED, RequantChannel, Stage, Trip, channel_layout
from hw.lib.delay import delay_line
from hw.lib.repeated import repeated
from hw.spec import timing
from hw.spec.config import AccelConfig


class Requantiser(wiring.Component):
    """``requant_lanes`` pipelines of REQUANT_LATENCY stages, a register of the last stage's value
    within ten bits (``near``), and a clamp.

    A beat enters in cycle t. Its int8 result is in ``result`` in t + RESULT_LATENCY, or, with a
    residual, in t + RESIDUAL_SUM + RESULT_LATENCY. There is no back pressure.

    With half as many lanes as columns a beat enters in halves. The second half waits in registers,
    a cycle, or RESIDUAL_INTERVAL cycles with a residual, and its result comes so much later.

    A beat with a residual makes four trips through the pipeline:

    ====  ======  ======  ====  ============================================================
    trip  enters  scaled  near  is of
    ====  ======  ======  ====  ============================================================
    own        0       9    10  the accumulators, as of a beat without a residual
    b          9      18        ``other``, entering in RESIDUAL_B; waits in ``b`` (19)
    a         10      19        own's clamped value, entering in RESIDUAL_A
    sum       19      28    29  a's value in ``scaled`` and b's in ``b``, entering in RESIDUAL_SUM
    ====  ======  ======  ====  ============================================================

    The trips enter in cycles 0, 1, 2 and 3 modulo RESIDUAL_INTERVAL. So beats, or halves, that
    enter every RESIDUAL_INTERVAL cycles fill every place of the pipeline, and no two trips meet.

    Members
    -------
    cmd : In(EXECUTE)
        The command of the beats in the pipeline, from the second cycle after their issue on.
    enter : In(1)
        A beat enters.
    residual : In(1)
        With ``enter``: it has a residual.
    sums : In(signed(ACC)), an array of ``requant_words`` times ``cols``
        With ``enter``: its accumulators.
    channels : In(channel_layout), an array of cols
        With ``enter``: the parameters of its channels.
    other : In(signed(8)), an array of ``requant_words`` times ``cols``
        The second operand, valid RESIDUAL_B cycles after ``enter``.
    result : Out(signed(8)), an array of ``requant_lanes``
        The finished bytes of a beat, or of half of one.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        lanes = config.requant_words * config.cols
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "enter": In(1),
                "residual": In(1),
                "sums": In(data.ArrayLayout(signed(ACC), lanes)),
                "channels": In(data.ArrayLayout(channel_layout(), config.cols)),
                "other": In(data.ArrayLayout(signed(8), lanes)),
                "result": Out(data.ArrayLayout(signed(8), config.requant_lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ages = timing.RESIDUAL_SUM + timing.REQUANT_LATENCY
        self._enter, residual, second = self.enter, self.enter & self.residual, None
        if self._config.beat_cycles > 1:
            self._enter, residual, second = self._halves(m)
        entered_ago = delay_line(m, residual, ages, "age")
        self._a, self._b, self._sum = (
            entered_ago[t] for t in (timing.RESIDUAL_A, timing.RESIDUAL_B, timing.RESIDUAL_SUM)
        )
        sums, channels, other = self.sums, self.channels, self.other
        if second is not None:
            sums, channels = self._half_values(m, second)
            other = self._half_operand(m)
        shared = self._clamps(m, entered_ago[ages]) | self._control(m) | self._parameters(m)
        assert shared.keys() == SHARED.keys()
        words = self._config.requant_words
        cols = self._config.requant_lanes // words
        for c in range(cols):
            channel = repeated(RequantChannel, self._config, platform)
            m.submodules[f"channel{c}"] = channel
            m.d.comb += [getattr(channel, name).eq(value) for name, value in shared.items()]
            m.d.comb += channel.channel.eq(channels[c])
            for word in range(words):
                lane = word * cols + c
                m.d.comb += [
                    channel.sums[word].eq(sums[lane]),
                    channel.other[word].eq(other[lane]),
                    self.result[lane].eq(channel.result[word]),
                ]
        return m

    def _halves(self, m):
        """Whether a half enters, whether it has a residual, and whether it is a second one."""
        residual = self.enter & self.residual
        wait = delay_line(m, residual, timing.RESIDUAL_INTERVAL, "waits")
        second = Signal()
        m.d.sync += second.eq((self.enter & ~self.residual) | wait[-2])
        return self.enter | second, residual | wait[-1], second

    def _half_values(self, m, second):
        """The accumulators and parameters of the half that enters."""
        sums, channels = [], []
        cols = self._config.requant_lanes
        for c in range(cols):
            upper_sum = Signal(signed(ACC), name=f"upper_sum{c}", reset_less=True)
            upper_channel = Signal(channel_layout(), name=f"upper_channel{c}", reset_less=True)
            with m.If(self.enter):
                m.d.sync += [
                    upper_sum.eq(self.sums[cols + c]),
                    upper_channel.eq(self.channels[cols + c]),
                ]
            sums.append(Mux(second, upper_sum, self.sums[c]))
            channels.append(Mux(second, upper_channel, self.channels[c]))
        return sums, channels

    def _half_operand(self, m):
        """The second operand of the half whose trip b enters."""
        cols = self._config.requant_lanes
        second = Signal(name="second_b")
        upper = Signal(8 * cols, name="upper_other", reset_less=True)
        with m.If(self._b):
            m.d.sync += [
                second.eq(~second),
                upper.eq(Cat(*(self.other[cols + c] for c in range(cols)))),
            ]
        return [Mux(second, upper.word_select(c, 8), self.other[c]) for c in range(cols)]

    def _control(self, m):
        """The trips that enter, and the stages that move."""
        again = Mux(self._a, Trip.A, Mux(self._b, Trip.B, Trip.SUM))
        trip = Mux(self._enter, Trip.OWN, again)
        enters = _named(m, "enters", self._enter | self._a | self._b | self._sum)
        active = Signal(timing.REQUANT_LATENCY)
        entered = Signal(Stage.PRODUCT + 1)
        m.d.sync += [
            entered.eq(Cat(self._enter, entered)),
            active.eq(Cat(enters, active)),
        ]
        return {
            "enter": enters,
            "trip": _named(m, "trip", trip),
            "active": active,
            "once": _named(m, "once", entered[Stage.PRODUCT] & self.cmd.round_once),
        }

    def _parameters(self, m):
        """Parameters of the trip that enters, if it is not of the accumulators."""
        cmd, a, b = self.cmd, self._a, self._b
        values = {
            "left": Mux(a | b, cmd.add_left, 0),
            "multiplier": Mux(a, cmd.a_multiplier, Mux(b, cmd.b_multiplier, cmd.sum_multiplier)),
            "right": Mux(a, cmd.a_right, Mux(b, cmd.b_right, cmd.sum_right)),
            "offset": Mux(a, cmd.a_offset, cmd.b_offset),
        }
        return {name: _named(m, name, value) for name, value in values.items()}

    def _clamps(self, m, next_summed):
        """Zero point and clamps of the value in ``near``, and the sums at which these begin, a
        cycle ahead; ``next_summed``: it is the sum of a residual then."""
        zero, low, high = (
            Mux(next_summed, self.cmd[f"add_{name}"], self.cmd[f"out_{name}"])
            for name in ("zero", "min", "max")
        )
        values = {"zero": zero, "min": low, "max": high, "low": low - zero, "high": high - zero}
        clamps = {}
        for name, value in values.items():
            width = 10 if name in ("low", "high") else 8
            clamps[name] = Signal(signed(width), name=name, reset_less=True)
            m.d.sync += clamps[name].eq(value)
        return clamps


def _named(m, name, value):
    """A signal for ``value``, which is then written once and not for every channel."""
    signal = Signal.like(value, name=f"{name}_value")
    m.d.comb += signal.eq(value)
    return signal


assert timing.RESIDUAL_A == timing.REQUANT_LATENCY + 1
assert timing.RESIDUAL_SUM == timing.RESIDUAL_A + timing.REQUANT_LATENCY
assert timing.RESIDUAL_SUM == timing.RESIDUAL_B + timing.REQUANT_LATENCY + 1
# The clamp of the sum is never that of another beat's own value in the same cycle.
assert timing.RESIDUAL_SUM % timing.RESIDUAL_INTERVAL
