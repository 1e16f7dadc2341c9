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


class Stage(enum.IntEnum):
    """Stages of the pipeline, in order; ``near``, the value within ten bits, follows."""

    VALUE = 0
    SUM = 1
    SHIFTED = 2
    PRODUCTS = 3
    MIDDLE = 4
    PRODUCT = 5
    HIGH = 6
    ROUNDED = 7
    SCALED = 8


assert len(Stage) == timing.REQUANT_LATENCY

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
        Bit i: a trip is in the i-th stage, the first one being 0. The other registers of the
        stages stand still.
    once : In(1)
        The trip in ``product`` is rounded once.
    left, multiplier, right, offset : In
        With another trip than OWN: its parameters; SUM has no offset.
    zero, min, max : In(signed(8))
        Zero point and clamps of the value in ``near``.
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
        for name, stage in (("left", Stage.SUM), ("multiplier", Stage.SHIFTED)):
            value = Mux(again, getattr(self, name), self.channel[name])
            setattr(self, f"_{name}", self._delayed(m, value, stage, name)[-1])
        right = self._delayed(m, Mux(again, self.right, self.channel.right), Stage.ROUNDED, "right")
        self._right, self._next_right = right[Stage.ROUNDED], right[Stage.HIGH]
        # 2**(right - 1) - 1, and -1 where right is 0.
        early = right[Stage.PRODUCT]
        above = (Const(-1, ACC + 1) << early)[1 : ACC + 1]
        self._below = Signal(signed(ACC), name="below", reset_less=True)
        with m.If(self.active[Stage.PRODUCT]):
            m.d.sync += self._below.eq(~above | (early == 0).replicate(ACC))
        for word in range(self._words):
            self._build_word(m, word)
        return m

    def _delayed(self, m, value, last, name):
        """``value`` in the cycles in which its trip is in the stages up to ``last``; the registers
        behind the first move only with a trip in the stage before."""
        values = []
        for stage in range(last + 1):
            later = Signal(len(value), name=f"{name}_{stage}", reset_less=True)
            with m.If(self.active[stage - 1] if stage else 1):
                m.d.sync += later.eq(value)
            values.append(value := later)
        return values

    def _register(self, m, name, stage, value):
        """The register of a stage, signed: it takes ``value`` when a trip is in the stage
        before."""
        register = Signal(signed(len(value)), name=name, reset_less=True)
        with m.If(self.active[stage - 1] if stage else self.enter):
            m.d.sync += register.eq(value)
        return register

    def _build_word(self, m, word):
        def stage(name, number, value):
            return self._register(m, f"{name}{word}", number, value)

        scaled, near, b = (
            Signal(signed(w), name=f"{name}{word}", reset_less=True)
            for name, w in (("scaled", ACC), ("near", 10), ("b", ACC))
        )
        own = self._clamped(m, near, word)
        value, offset = self._entering(m, word, own, scaled, b)
        value = stage("value", Stage.VALUE, value)
        offset = stage("offset", Stage.VALUE, offset)
        total = stage("sum", Stage.SUM, (value + offset)[:ACC])
        shifted = stage("shifted", Stage.SHIFTED, (total << self._left)[:ACC])
        product = self._product(m, shifted, word)
        # ``high`` is the product divided by 2**MULTIPLIER, rounded half up. ``scaled`` is that
        # divided by 2**right, rounded half away from zero: tie_down takes negative ties down. With
        # round_once ``high`` is rounded down instead, and inexact says that it lost something: a
        # negative value that looks like a tie then lies above it, and goes up.
        once, right = self.once, self._next_right
        high = stage("high", Stage.HIGH, (((product >> (MULTIPLIER - 1)) + ~once) >> 1)[:ACC])
        inexact = stage("inexact", Stage.HIGH, once & product[:MULTIPLIER].any())
        tie_down = (high < 0) & right.any() & ~inexact[0]
        # One adder: below, and the carry into it, which a first bit of 1 makes.
        rounded = Cat(Const(1, 1), high).as_signed() + Cat(~tie_down, self._below).as_signed()
        rounded = stage("rounded", Stage.ROUNDED, rounded[1:])
        with m.If(self.active[Stage.ROUNDED]):
            m.d.sync += scaled.eq(rounded >> self._right)
        m.d.sync += [
            near.eq(_saturated(scaled, len(near))),
            b.eq(scaled),
            self.result[word].eq(own),
        ]

    def _entering(self, m, word, own, scaled, b):
        """The value of the trip that enters, and what is added to it. The value of b comes a cycle
        before that of a, and waits in ``b``."""
        value, offset = (
            Signal(signed(ACC), name=f"entering_{name}{word}") for name in ("value", "offset")
        )
        with m.Switch(self.trip):
            with m.Case(Trip.OWN):
                m.d.comb += [value.eq(self.sums[word]), offset.eq(self.channel.bias)]
            with m.Case(Trip.A):
                m.d.comb += [value.eq(own), offset.eq(self.offset)]
            with m.Case(Trip.B):
                m.d.comb += [value.eq(self.other[word]), offset.eq(self.offset)]
            with m.Case(Trip.SUM):
                m.d.comb += [value.eq(scaled), offset.eq(b)]
        return value, offset

    def _product(self, m, value, word):
        """``value`` by the multiplier, signed by unsigned, from four products of halves, in three
        stages. The products are the output registers of multipliers, which have no enable."""
        factor = self._multiplier
        halves = {"l": value[:HALF], "h": value[HALF:].as_signed()}
        factors = {"l": factor[:HALF], "h": factor[HALF:]}
        products = {}
        for x, half in halves.items():
            for y, other in factors.items():
                name = f"{x}{y}{word}"
                products[x + y] = Signal.like(half * other, name=name, reset_less=True)
                m.d.sync += products[x + y].eq(half * other)
        outer = self._register(m, f"outer{word}", Stage.MIDDLE, Cat(products["ll"], products["hh"]))
        middle = self._register(m, f"middle{word}", Stage.MIDDLE, products["lh"] + products["hl"])
        upper = (outer[HALF:].as_signed() + middle)[: ACC + MULTIPLIER + 1 - HALF]
        return self._register(m, f"product{word}", Stage.PRODUCT, Cat(outer[:HALF], upper))

    def _clamped(self, m, near, word):
        """The value in ``near``, with its zero point, between the clamps."""
        own = Signal(signed(8), name=f"own{word}")
        high = Mux(near > self.high, self.max, near + self.zero)
        m.d.comb += own.eq(Mux(near < self.low, self.min, high))
        return own


def _saturated(value, bits: int):
    """``value`` within what so many bits can hold."""
    sign, above = value[-1], value[bits - 1 :]
    fits = above.all() | ~above.any()
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()
