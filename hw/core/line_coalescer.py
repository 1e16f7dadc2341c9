"""Line requests: the lines that the lanes need for one tap group, once for neighbouring lanes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core import stage_layouts
from hw.mem.scratchpad import line_addr
from hw.spec.config import AccelConfig


def need_layout(config: AccelConfig) -> data.StructLayout:
    """Lines of a lane: the first one's address, and whether the lane needs it and the one after
    it."""
    return data.StructLayout({"low": line_addr(config), "need_low": 1, "need_high": 1})


def needs_layout(config: AccelConfig) -> data.ArrayLayout:
    """Lines of all lanes."""
    return data.ArrayLayout(need_layout(config), config.rows)


class LineCoalescer(wiring.Component):
    """Holds the current tap group and requests the lines that its lanes need: of each lane those
    that the lane before does not need too. All lanes that need a line take it.

    Members
    -------
    load : In(1)
        Take the next tap group; only while ``ready``.
    tap_group : In(tap_group_layout)
        The next tap group.
    lanes : In(lane_layout), an array of rows
        Its lanes.
    needs : In(needs_layout)
        The lines that these need.
    shape : In(2)
        The array shape; lanes beyond its pixels repeat those before.
    ready : Out(1)
        The current tap group is absent or finishes in this cycle.
    done : Out(1)
        The current tap group finishes in this cycle.
    current : Out(tap_group_layout)
        The current tap group.
    current_lanes : Out(lane_layout), an array of rows
        Its lanes.
    room : In(1)
        The ring has room for the current tap group.
    grant : In(1)
        The request of this cycle is granted.
    read_en : Out(1)
        A line is requested.
    read_line : Out(line_addr(config))
        Its address.
    take : Out(rows)
        Lanes that take the requested line.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        lanes = data.ArrayLayout(stage_layouts.lane_layout(config), config.rows)
        super().__init__(
            {
                "load": In(1),
                "tap_group": In(stage_layouts.tap_group_layout()),
                "lanes": In(lanes),
                "needs": In(needs_layout(config)),
                "shape": In(2),
                "ready": Out(1),
                "done": Out(1),
                "current": Out(stage_layouts.tap_group_layout()),
                "current_lanes": Out(lanes),
                "room": In(1),
                "grant": In(1),
                "read_en": Out(1),
                "read_line": Out(line_addr(config)),
                "take": Out(config.rows),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = self._config.rows
        valid, needed, any_left = Signal(), Signal(), Signal()
        held = Signal(needs_layout(self._config), reset_less=True)
        # The request is made from registers. The one after it is chosen before the grant is known:
        # the first of what is left or, if nothing is, of the next tap group. The grant, which comes
        # late, only enables the registers.
        left = _Left(rows, "left")
        first_left, left_is_high, left_after = self._first_left(m, left, held)
        first_new, left_of_new = self._first_new(m)
        goes_on, granted = Signal(), Signal()
        m.d.comb += [
            goes_on.eq(valid & any_left),
            self.read_en.eq(valid & self.room & needed),
            granted.eq(self.read_en & self.grant),
            self.done.eq(valid & self.room & (~needed | (self.grant & ~any_left))),
            self.ready.eq(~valid | self.done),
        ]
        with m.If(self.done):
            m.d.sync += valid.eq(0)
        with m.If(self.load):
            m.d.sync += [
                valid.eq(1),
                held.eq(self.needs),
                self.current.eq(self.tap_group),
                self.current_lanes.eq(self.lanes),
            ]
        # If the last line is granted and no tap group comes, this means nothing, and valid falls.
        low = Signal(line_addr(self._config))
        is_high = Signal()
        line, before = Signal.like(self.read_line), Signal.like(self.read_line, reset_less=True)
        m.d.comb += [
            low.eq(Mux(goes_on, first_left, first_new)),
            is_high.eq(goes_on & left_is_high),
            line.eq(Mux(is_high, low + 1, low)),
        ]
        with m.If(self.load | granted):
            m.d.sync += [
                needed.eq(goes_on | Cat(need.need_low for need in self.needs).any()),
                self.read_line.eq(line),
                before.eq(Mux(is_high, low, low - 1)),
                left.low.eq(Mux(goes_on, left_after.low, left_of_new.low)),
                left.high.eq(Mux(goes_on, left_after.high, left_of_new.high)),
                any_left.eq(Mux(goes_on, left_after.any, left_of_new.any)),
            ]
        for p, need in enumerate(held):
            low_hit = need.need_low & (need.low == self.read_line)
            m.d.comb += self.take[p].eq(low_hit | (need.need_high & (need.low == before)))
        return m

    def _first_left(self, m, left, held):
        """The low line of the first lane with a request left, whether its high line is the one to
        request, and what is left after it."""
        after = _Left(self._config.rows, "after")
        lanes = left.low | left.high
        first = _lowest(lanes)
        is_high = Signal(name="left_first_is_high")
        m.d.comb += [
            is_high.eq(~_first(list(lanes), list(left.low))),
            after.low.eq(left.low & ~first),
            after.high.eq(left.high & ~(first & ~left.low)),
        ]
        return _first(list(lanes), [need.low for need in held]), is_high, after

    def _first_new(self, m):
        """The first line of the next tap group, that of the first lane that needs any, and what is
        left after it."""
        after = _Left(self._config.rows, "new")
        needing = Cat(need.need_low for need in self.needs)
        lows, highs = [], []
        for p, need in enumerate(self.needs):
            known_low, known_high = self._known(m, p) if p else (Const(0, 1), Const(0, 1))
            shapes = [p < self._config.shape_pixels(s) for s in range(3)]
            counts = stage_layouts.by_shape(self.shape, shapes)
            lows.append(need.need_low & counts & ~known_low)
            highs.append(need.need_high & counts & ~known_high)
        m.d.comb += [
            after.low.eq(Cat(lows) & ~_lowest(needing)),
            after.high.eq(Cat(highs)),
        ]
        return _first(list(needing), [need.low for need in self.needs]), after

    def _known(self, m, p):
        """Whether the lane before needs the two lines of lane ``p``."""
        before, need = self.needs[p - 1], self.needs[p]
        step = Signal(line_addr(self._config), name=f"step{p}")
        m.d.comb += step.eq(need.low - before.low)
        small = ~step[1:].any()
        same, up, down = small & ~step[0], small & step[0], step.all()
        low = before.need_low & (same | (up & before.need_high))
        return low, before.need_low & (down | (same & before.need_high))


class _Left:
    """Requests left, a bit for each lane's two lines."""

    def __init__(self, rows: int, name: str):
        self.low, self.high = (Signal(rows, name=f"{name}_{line}") for line in ("low", "high"))

    @property
    def any(self):
        return (self.low | self.high).any()


def _lowest(flags):
    """The lowest of ``flags`` that is up, alone."""
    return Cat(flag & ~flags[:p].any() for p, flag in enumerate(flags))


def _first(flags, values):
    """The first of ``values`` whose flag is up, the last one if none is."""
    while len(values) > 1:
        values = [
            Mux(flag, low, high)
            for flag, low, high in zip(flags[::2], values[::2], values[1::2], strict=True)
        ]
        flags = [low | high for low, high in zip(flags[::2], flags[1::2], strict=True)]
    return values[0]
