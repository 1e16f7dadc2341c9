"""Input addresses: which tap group comes next, where its lanes are and which lines they need."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.address_lane import AddressLane, origin_layout
from hw.core.line_coalescer import needs_layout
from hw.core.loop_nest import LoopNest
from hw.core.stage_layouts import by_shape, lane_pixel
from hw.spec import timing
from hw.spec.config import AccelConfig


class InputAddresses(wiring.Component):
    """The loop nest over the tap groups of a command, and the addresses of the lanes, in a pipeline
    of ADDRESS_STAGES stages.

    ``address_lanes`` lanes pass the stages together, so that a tap group takes ``address_cycles``
    steps. Step i is that of the lanes from ``i * address_lanes`` on. The last stage collects them.
    While it is full the first step of the next tap group waits in a register of its own. So the
    loops move on in the cycle after one in which a tap group is taken.

    Members
    -------
    cmd : In(EXECUTE)
        The command.
    init_en : In(1)
        Set up the coordinates of one lane.
    init_lane : In(range(rows))
        With ``init_en``: which; lanes come in order.
    begin : In(1)
        Go to the first tap group; ``cmd`` has stood for two cycles.
    take : In(1)
        With ``ready``: the tap group is taken.
    pending : Out(1)
        Tap groups of the command are still to be taken.
    ready : Out(1)
        The last stage holds all lanes of a tap group.
    tap_group : Out(tap_group_layout)
        With ``ready``: the tap group.
    lanes : Out(lane_layout), an array of rows
        Its lanes.
    needs : Out(needs_layout)
        The lines that these need.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "init_en": In(1),
                "init_lane": In(range(config.rows)),
                "begin": In(1),
                "take": In(1),
                "pending": Out(1),
                "ready": Out(1),
                "tap_group": Out(stage_layouts.tap_group_layout()),
                "lanes": Out(data.ArrayLayout(stage_layouts.lane_layout(config), config.rows)),
                "needs": Out(needs_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        assert timing.ADDRESS_STAGES == 2
        m.submodules.loops = loops = LoopNest(self._config)
        entered, step = self._build_steps(m, loops)
        m.d.comb += loops.cmd.eq(self.cmd), loops.begin.eq(self.begin)
        self._build_tap_group(m, loops, entered)
        shared = self._shared(m, loops, entered)
        start, turn = self._build_init(m)
        for lane in range(self._config.address_lanes):
            made = AddressLane(self._config)
            m.submodules[f"lane{lane}"] = made
            m.d.comb += [getattr(made, name).eq(value) for name, value in shared.items()]
            m.d.comb += [
                made.init_en.eq(self.init_en & (turn == lane)),
                made.init.eq(start),
                made.active.eq(self._pixel(lane, step) < loops.left),
            ]
            kept = self._oldest(m, Cat(made.lane, made.need), f"lane{lane}")
            for i in range(self._config.address_cycles):
                self._collect(m, kept, i * self._config.address_lanes + lane, i)
        return m

    def _build_steps(self, m, loops):
        """Steps enter the first stage, and are collected in the last; returns when they enter, and
        which."""
        last = self._config.address_cycles - 1
        # Verilog has no vectors of no bits.
        step, self._collected_step = (
            Signal(range(max(2, last + 1)), name=name) for name in ("step", "collected_step")
        )
        holds, entered = Signal(), Signal()
        self._waiting, self._leaves, self._collected = (
            Signal(name=name) for name in ("waiting", "leaves", "collected")
        )
        # The registers of the last stage move while it is not full; only what is collected counts.
        self._open = _open = Signal(name="open")
        m.d.comb += [
            _open.eq(~self.ready | self.take),
            self._leaves.eq(holds & ~self._waiting),
            self._collected.eq((holds | self._waiting) & _open),
            entered.eq(loops.valid & (~holds | self._leaves)),
            loops.next.eq(entered & (step == last)),
            self.pending.eq(self.ready | self._waiting | holds | loops.valid),
        ]
        m.d.sync += [
            holds.eq(entered | (holds & ~self._leaves)),
            self._waiting.eq((self._leaves | self._waiting) & ~self._collected),
        ]
        with m.If(entered):
            m.d.sync += step.eq(_after(step, last))
        with m.If(self._collected):
            m.d.sync += [
                self._collected_step.eq(_after(self._collected_step, last)),
                self.ready.eq(self._collected_step == last),
            ]
        with m.Elif(self.take):
            m.d.sync += self.ready.eq(0)
        return entered, step

    def _oldest(self, m, made, name):
        """The first stage's output for the step that is collected: ``made``, unless an earlier one
        waits."""
        waiting = Signal(len(made), name=f"{name}_waiting", reset_less=True)
        with m.If(self._leaves):
            m.d.sync += waiting.eq(made)
        return Mux(self._waiting, waiting, made)

    def _build_tap_group(self, m, loops, entered):
        """The tap group in the two stages. A step that waits is a tap group's first one, whose
        last one is collected later, unless it is the same."""
        tap_group, columns = Signal.like(loops.tap_group), Signal.like(loops.columns)
        with m.If(entered):
            m.d.sync += tap_group.eq(loops.tap_group), columns.eq(loops.columns)
        fields = Cat(tap_group, columns)
        if self._config.address_cycles == 1:
            fields = self._oldest(m, fields, "tap_group")
        collected, columns = fields[: len(tap_group.as_value())], fields[-len(columns) :]
        collected = data.View(stage_layouts.tap_group_layout(), collected)
        with m.If(self._open):
            m.d.sync += self.tap_group.eq(collected)
            m.d.sync += self.tap_group.occupied.eq(collected.pixels * columns)

    def _shared(self, m, loops, entered):
        """Inputs that all lanes have in common."""
        cmd, bits = self.cmd, stage_layouts.POSITION
        # Where the next pixel group has a lane's pixel on the next output row, and how far it
        # moves.
        limit = Signal(signed(bits + 2))
        m.d.sync += limit.eq(cmd.end_x - cmd.pixel_group_x)
        moves = {}
        for name, wraps in (("stays", 0), ("wraps", 1)):
            move, moved = (Signal(origin_layout(), name=f"{name}{i}") for i in range(2))
            m.d.sync += [
                move.x.eq(cmd.pixel_group_x - wraps * cmd.wrap_x),
                move.y.eq(cmd.pixel_group_y + wraps * cmd.wrap_y),
                move.row.eq(cmd.pixel_group_row + wraps * cmd.wrap_row),
            ]
            # Not before the last tap group of a pixel group.
            ends = loops.pixel_group_end.replicate(len(move.as_value()))
            m.d.comb += moved.as_value().eq(move.as_value() & ends)
            moves[name] = moved
        return moves | {
            "limit": limit,
            "enter": entered,
            "fresh": loops.block_start,
            "x_offset": loops.x_offset,
            "y_offset": loops.y_offset,
            "span": loops.span,
            "row_addr": loops.row_addr,
            "in_width": cmd.in_width,
            "in_height": cmd.in_height,
        }

    def _pixel(self, lane, step):
        """Pixel of the pixel group that a lane works on in a step."""
        lanes = self._config.address_lanes
        number = Const(lane, exact_log2(lanes))
        place = Cat(number, step) if self._config.address_cycles > 1 else number
        shapes = [self._config.shape_pixels(s) - 1 for s in range(3)]
        return place & by_shape(self.cmd.array_shape, shapes)

    def _collect(self, m, made, place, step):
        """The last stage: the lane at ``place``, collected with a step."""
        kept = Signal(len(made), name=f"kept{place}", reset_less=True)
        with m.If(self._open & (self._collected_step == step)):
            m.d.sync += kept.eq(made)
        m.d.comb += Cat(self.lanes[place], self.needs[place]).eq(kept)

    def _build_init(self, m):
        """The start of each lane, found pixel by pixel; returns that of ``init_lane``, and which
        lane of its step that is."""
        cmd, rows = self.cmd, self._config.rows
        upcoming = Signal(origin_layout(), name="upcoming", reset_less=True)
        first = Signal()
        m.d.comb += first.eq(
            by_shape(
                cmd.array_shape,
                [
                    Array(lane_pixel(self._config, p, s) == 0 for p in range(rows))[self.init_lane]
                    for s in range(3)
                ],
            )
        )
        start = Signal(origin_layout(), name="start")
        m.d.comb += [
            start.x.eq(Mux(first, cmd.start_x, upcoming.x)),
            start.y.eq(Mux(first, cmd.start_y, upcoming.y)),
            start.row.eq(Mux(first, cmd.start_row, upcoming.row)),
        ]
        # It is found for both columns whether the pixel wraps, and meanwhile the next one is made.
        turn = cmd.end_x - cmd.col_stride
        wraps = Mux(first, cmd.start_x >= turn, upcoming.x >= turn)
        wrapped = start.x + (cmd.col_stride - cmd.wrap_x)
        with m.If(self.init_en):
            m.d.sync += [
                upcoming.x.eq(Mux(wraps, wrapped, start.x + cmd.col_stride)),
                upcoming.y.eq(start.y + Mux(wraps, cmd.wrap_y, 0)),
                upcoming.row.eq(start.row + Mux(wraps, cmd.wrap_row, 0)),
            ]
        return start, self.init_lane & (self._config.address_lanes - 1)


def _after(step, last):
    """The step after ``step``, of ``last`` and one."""
    return Mux(step == last, 0, step + 1)
