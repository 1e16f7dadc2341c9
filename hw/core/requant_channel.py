"""A channel of the requantiser: its parameters, and a pipeline for each word of a beat."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hw.core.mac_lane import ACC
from hw.spec import timing
from hw.spec.config import AccelConfig
from hw.spec.records import CHANNEL_PARAMETERS, parameter

HALF = 17
"""Bits of the lower half of a factor: what a multiplier of 18 bits takes without a sign."""

MULTIPLIER, SHIFT = parameter("multiplier").bits, parameter("left").bits
assert parameter("bias").bits == ACC and parameter("right").bits == SHIFT


def channel_layout() -> data.StructLayout:
    """Requantisation of one channel: y = ((x << left) * multiplier, rounded) >> right, rounded."""
    return data.StructLayout(
        {p.name: signed(p.bits) if p.signed else p.bits for p in CHANNEL_PARAMETERS}
    )


class Trip(enum.Enum, shape=2):
    """Trips of a beat through the pipeline: the accumulators', and the residual's."""

    OWN = 0
    A = 1
    B = 2
    SUM = 3


SHARED = {
    "enter": In(1),
    "trip": In(Trip),
    "active": In(timing.REQUANT_LATENCY),
    "once": In(1),
    "left": In(SHIFT),
    "multiplier": In(MULTIPLIER),
    "right": In(SHIFT),
    "offset": In(signed(9)),
    "zero": In(signed(8)),
    "min": In(signed(8)),
    "max": In(signed(8)),
    "low": In(signed(10)),
    "high": In(signed(10)),
}
"""Members that all channels have alike."""


class RequantChannel(wiring.Component):
    """``requant_words`` pipelines of REQUANT_LATENCY stages and a clamp; see ``Requantiser``.

    Members
    -------
    enter : In(1)
        A trip enters.
    trip : In(Trip)
        With ``enter``: which one. Two bits that choose need a LUT fewer than three, for each bit.
    active : In(REQUANT_LATENCY)
        Bit i: a trip is in stage s(i + 1). The other registers of the stages stand still.
    once : In(1)
        The trip in s3 is rounded once.
    left, multiplier, right, offset : In
        With another trip than OWN: its parameters; SUM has no offset.
    zero, min, max : In(signed(8))
        Zero point and clamps of the value in the last stage.
    low, high : In(signed(10))
        The sums at which the clamps begin.
    channel : In(channel_layout)
        With OWN: the channel's parameters.
    sums : In(signed(ACC)), an array of words
        With OWN: the accumulators.
    other : In(signed(8)), an array of words
        With B: the second operand.
    result : Out(signed(8)), an array of words
        The finished bytes.
    """

    MODULE = "requant_channel"
    OWN = ("channel", "sums", "other", "result")

    def __init__(self, config: AccelConfig):
        self._words = config.requant_words
        super().__init__(
            {
                **SHARED,
                "channel": In(channel_layout()),
                "sums": In(data.ArrayLayout(signed(ACC), self._words)),
                "other": In(data.ArrayLayout(signed(8), self._words)),
                "result": Out(data.ArrayLayout(signed(8), self._words)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        again = self.trip != Trip.OWN
        for name, cycles in (("left", 1), ("multiplier", 2), ("right", 4)):
            value = Mux(again, getattr(self, name), self.channel[name])
            setattr(self, f"_{name}", self._delay(m, value, cycles, name))
        # Half of 2**right, less one; less one too where right is 0.
        above = (Const(-1, ACC + 1) << self._right)[1 : ACC + 1]
        self._below = Signal(signed(ACC), name="below")
        m.d.comb += self._below.eq(~above | (self._right == 0).replicate(ACC))
        for word in range(self._words):
            self._build_word(m, word)
        return m

    def _delay(self, m, value, cycles, name):
        """``value`` after ``cycles`` registers; the later ones move only with a trip in the stage
        before."""
        for stage in range(cycles):
            later = Signal(len(value), name=f"{name}_{stage}", reset_less=True)
            if stage:
                with m.If(self.active[stage - 1]):
                    m.d.sync += later.eq(value)
            else:
                m.d.sync += later.eq(value)
            value = later
        return value

    def _build_word(self, m, word):
        widths = (ACC, ACC, ACC + MULTIPLIER + 1, ACC, ACC)
        s1, s2, s3, s4, s5 = (
            Signal(signed(w), name=f"s{i + 1}_{word}", reset_less=True)
            for i, w in enumerate(widths)
        )
        # Where b's value waits for a's, which comes to s5 two cycles after it.
        b1, b2 = (Signal(signed(ACC), name=f"b{i}_{word}", reset_less=True) for i in (1, 2))
        own = self._clamped(m, s5, word)
        value, offset = (Signal(signed(ACC), name=f"{name}{word}") for name in ("value", "offset"))
        with m.Switch(self.trip):
            with m.Case(Trip.OWN):
                m.d.comb += [value.eq(self.sums[word]), offset.eq(self.channel.bias)]
            with m.Case(Trip.A):
                m.d.comb += [value.eq(own), offset.eq(self.offset)]
            with m.Case(Trip.B):
                m.d.comb += [value.eq(self.other[word]), offset.eq(self.offset)]
            with m.Case(Trip.SUM):
                m.d.comb += [value.eq(s5), offset.eq(b2)]
        # s1 adds bias or offset, s2 shifts left, s3 multiplies. s4 divides by 2**MULTIPLIER and
        # rounds half up. s5 divides by 2**right and rounds half away from zero: tie_down takes
        # negative ties down. With round_once s4 rounds down instead, and inexact says that it lost
        # something: a negative value that looks like a tie in s5 lies above it, and goes up.
        right, active, once = self._right, self.active, self.once
        inexact = Signal(name=f"inexact{word}")
        tie_down = (s4 < 0) & right.any() & ~inexact
        # One adder: below, and the carry into it, which a first bit of 1 makes.
        rounded = Cat(Const(1, 1), s4).as_signed() + Cat(~tie_down, self._below).as_signed()
        with m.If(self.enter):
            m.d.sync += s1.eq(value + offset)
        with m.If(active[0]):
            m.d.sync += s2.eq(s1 << self._left)
        with m.If(active[1]):
            m.d.sync += s3.eq(_product(m, s2, self._multiplier, word))
        with m.If(active[2]):
            m.d.sync += [
                s4.eq(((s3 >> (MULTIPLIER - 1)) + ~once) >> 1),
                inexact.eq(once & s3[:MULTIPLIER].any()),
            ]
        with m.If(active[3]):
            m.d.sync += s5.eq(rounded[1:].as_signed() >> right)
        m.d.sync += [
            b1.eq(s5),
            b2.eq(b1),
            self.result[word].eq(own),
        ]

    def _clamped(self, m, s5, word):
        """The value of the last stage, with its zero point, between the clamps."""
        own = Signal(signed(8), name=f"own{word}")
        near = Signal(signed(10), name=f"near{word}")
        high = Mux(near > self.high, self.max, near + self.zero)
        m.d.comb += [
            near.eq(_saturated(s5, 10)),
            own.eq(Mux(near < self.low, self.min, high)),
        ]
        return own


def _product(m, value, factor, word):
    """``value * factor``, signed by unsigned, from four products of halves.

    Each sum adds one product to what is above the finished bits, as the adder of a DSP block does.
    """
    low, high = Signal(HALF, name=f"low{word}"), Signal(signed(ACC - HALF), name=f"high{word}")
    m.d.comb += [low.eq(value), high.eq(value >> HALF)]
    below, above = factor[:HALF], factor[HALF:]
    done = []
    total = low * below
    for products in ((low * above, high * below), (high * above,)):
        done.append(total[:HALF])
        total >>= HALF
        for product in products:
            total = total + product
    return Cat(*done, total).as_signed()


def _saturated(value, bits: int):
    """``value`` within what so many bits can hold."""
    sign, above = value[-1], value[bits - 1 :]
    fits = above.all() | ~above.any()
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()
