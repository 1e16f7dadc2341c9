"""Line requests: the lines that the lanes need for one tap group, each requested once."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core import stage_layouts
from hw.mem.scratchpad import line_addr
from hw.spec.config import AccelConfig


def need_layout(config: AccelConfig) -> data.StructLayout:
    """Lines of a lane: the first that it needs, and whether it still lacks that and the one after
    it."""
    return data.StructLayout({"low": line_addr(config), "need_low": 1, "need_high": 1})


def needs_layout(config: AccelConfig) -> data.ArrayLayout:
    """Lines of all lanes."""
    return data.ArrayLayout(need_layout(config), config.rows)


class LineCoalescer(wiring.Component):
    """Holds the current tap group and requests each distinct line that its lanes need, once.

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
        valid = Signal()
        # The request is made from registers (needed, read_line, hits). The one after it is chosen
        # before the grant is known: the first line of what is left or, if nothing is, of the next
        # tap group. The grant, which comes late, only enables the registers.
        # What the lanes lack next to the line to request, and which of them take that one.
        left = Signal(needs_layout(self._config), reset_less=True)
        hits = Signal(rows, reset_less=True)
        needed, any_left, granted = Signal(), Signal(), Signal()
        m.d.comb += [
            any_left.eq(_lacking(left).any()),
            self.take.eq(hits),
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
                self.current.eq(self.tap_group),
                self.current_lanes.eq(self.lanes),
            ]
            m.d.sync += [now.low.eq(need.low) for now, need in zip(left, self.needs, strict=True)]
        # Lines of the next tap group are next, if those of the current one are all requested.
        upcoming = Signal.like(left)
        m.d.comb += upcoming.eq(Mux(valid & any_left, left, self.needs))
        # If the last line is granted and no tap group comes, needs mean nothing, and valid falls.
        with m.If(self.load | granted):
            m.d.sync += self._request(m, upcoming, left, hits, needed)
        return m

    def _request(self, m, needs, left, hits, needed):
        """Assignments that make the first of ``needs`` the line to request: the first lane's that
        lacks one, its low line first."""
        lacking = _lacking(needs)
        low = _first(list(lacking), [need.low for need in needs])
        is_high = ~_first(list(lacking), [need.need_low for need in needs])
        line, before = Signal.like(self.read_line), Signal.like(self.read_line)
        m.d.comb += [line.eq(Mux(is_high, low + 1, low)), before.eq(Mux(is_high, low, low - 1))]
        yield needed.eq(lacking.any())
        yield self.read_line.eq(line)
        for p, need in enumerate(needs):
            low_hit = need.need_low & (need.low == line)
            high_hit = need.need_high & (need.low == before)
            yield hits[p].eq(low_hit | high_hit)
            yield left[p].need_low.eq(need.need_low & ~low_hit)
            yield left[p].need_high.eq(need.need_high & ~high_hit)


def _lacking(needs):
    """The lanes that lack a line."""
    return Cat(need.need_low | need.need_high for need in needs)


def _first(flags, values):
    """The first of ``values`` whose flag is up, the last one if none is."""
    while len(values) > 1:
        values = [
            Mux(flag, low, high)
            for flag, low, high in zip(flags[::2], values[::2], values[1::2], strict=True)
        ]
        flags = [low | high for low, high in zip(flags[::2], flags[1::2], strict=True)]
    return values[0]
