"""Weights: fetches lines of weights ahead of the array and keeps them in a ring."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core.stage_layouts import by_shape
from hw.lib.delay import delay
from hw.lib.mux_tree import mux_tree
from hw.mem.scratchpad import READ_REQUEST, line_addr
from hw.spec import timing
from hw.spec.config import LANE_GROUPS, AccelConfig

COUNT = 4
assert timing.WEIGHT_RING == 1 << (COUNT - 1)


class WeightStore(wiring.Component):
    """The weight store and its fetch unit (docs/architecture.md, 3.7).

    Members
    -------
    started : In(1)
        The operand fetch starts a command.
    cmd : In(EXECUTE)
        The command being fetched, which is in bank ``bank``.
    bank : Out(1)
        Its bank.
    read : Out(READ_REQUEST)
        Reads of lines of weights.
    next_read_en : Out(1)
        ``read.en`` of the next cycle.
    line : In(8 * line_bytes)
        The scratchpad's line register.
    resident : In(1)
        The command that the array works on keeps the weights of an output block.
    array_shape : In(2)
        Array shape of that command.
    ready : Out(1)
        The word for the next multiply-accumulate is there.
    use : In(1)
        It is used.
    pixel_group_end : In(1)
        With ``use``: for the last time in its pixel group.
    block_end : In(1)
        With ``use``: in the last pixel group of its output block.
    words : Out(8 * word_bytes), an array of LANE_GROUPS
        The weight word of each lane group.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "started": In(1),
                "cmd": In(command_layouts.EXECUTE),
                "bank": Out(1),
                "read": Out(READ_REQUEST),
                "next_read_en": Out(1),
                "line": In(config.line_bytes * 8),
                "resident": In(1),
                "array_shape": In(2),
                "ready": Out(1),
                "use": In(1),
                "pixel_group_end": In(1),
                "block_end": In(1),
                "words": Out(data.ArrayLayout(config.word_bytes * 8, LANE_GROUPS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._released = Signal(COUNT)
        self._build_fetch(m)
        self._build_ring(m)
        return m

    def _build_fetch(self, m):
        cmd = self.cmd
        active, taken, waiting = Signal(), Signal(), Signal(2)
        self._issued = issued = Signal(COUNT)
        take, granted = Signal(), Signal()
        # Whether the ring has room, known a cycle ahead: a line that is released leaves its place
        # to a request of the second cycle after.
        room, held, remains = Signal(), Signal(COUNT), Signal()
        m.d.comb += [
            held.eq(issued - self._released),
            room.eq(held + granted < timing.WEIGHT_RING),
            take.eq(~active & (waiting != 0)),
            self.bank.eq(taken ^ active),
            granted.eq(self.read.en & self.read.grant),
        ]
        last = self._build_loops(m, take, granted)
        m.d.comb += [
            remains.eq(Mux(take, ~cmd.ones, active & ~(granted & last))),
            self.next_read_en.eq(remains & room),
        ]
        m.d.sync += [
            waiting.eq(waiting + self.started - take),
            issued.eq(issued + granted),
            taken.eq(taken ^ take),
            active.eq(remains),
            self.read.en.eq(self.next_read_en),
        ]

    def _build_loops(self, m, take, granted):
        """The lines of each output block, for each of its pixel groups unless they are resident.

        Counters count down to ends that are registers. Returns whether the line is the command's
        last.
        """
        cmd = self.cmd
        base, addr = (Signal(line_addr(self._config)) for _ in range(2))
        lines, blocks, pixels = (
            Signal.like(cmd[name], name=f"{name}_left")
            for name in ("weight_lines", "out_blocks", "pixels")
        )
        last_line, last_block, last_group, one_line, one_group = (
            Signal(name=name)
            for name in ("last_line", "last_block", "last_group", "one_line", "one_group")
        )
        m.d.comb += self.read.addr.eq(addr << self._config.line_bits)
        pixel_group = Signal(range(self._config.rows + 1))
        block_end, single, few = Signal(), Signal(), Signal()
        m.d.comb += [
            pixel_group.eq(self._config.rows >> cmd.array_shape),
            block_end.eq(last_line & last_group),
            single.eq(cmd.weight_lines == 1),
            few.eq(cmd.resident | (cmd.pixels <= pixel_group)),
        ]
        m.d.sync += one_line.eq(single), one_group.eq(few)
        with m.If(take | (granted & last_line)):
            m.d.sync += [
                lines.eq(cmd.weight_lines),
                last_line.eq(Mux(take, single, one_line)),
            ]
        with m.Elif(granted):
            m.d.sync += lines.eq(lines - 1), last_line.eq(lines == 2)
        with m.If(take | (granted & block_end)):
            first = Mux(take, cmd.weight_addr, addr + 1)
            m.d.sync += [
                base.eq(first),
                addr.eq(first),
                pixels.eq(cmd.pixels),
                last_group.eq(Mux(take, few, one_group)),
                blocks.eq(Mux(take, cmd.out_blocks, blocks - 1)),
                last_block.eq(Mux(take, cmd.out_blocks == 1, blocks == 2)),
            ]
        with m.Elif(granted & last_line):
            m.d.sync += [
                addr.eq(base),
                pixels.eq(pixels - pixel_group),
                last_group.eq(pixels <= pixel_group << 1),
            ]
        with m.Elif(granted):
            m.d.sync += addr.eq(addr + 1)
        return block_end & last_block

    def _build_ring(self, m):
        word = self._config.word_bytes * 8
        # Lines in order of age, all modulo 2 * WEIGHT_RING:
        #     _released <= head <= arrived <= _issued <= _released + WEIGHT_RING.
        # _issued and arrived: the next line to request, to land. head: the line of the next use,
        # and position its word in it. Lines before _released may be overwritten.
        # Streamed weights are used once: _released follows head. Resident ones are used by every
        # pixel group of the block: head goes back to pixel_group_base, the block's first line, and
        # _released stays there until the block ends; the block fits into the ring (decode_check).
        # A pixel group begins with a line of its own: the rest of the one before is skipped.
        landing = delay(m, self.read.en & self.read.grant, timing.READ_LATENCY, "landing")
        arrived, head, pixel_group_base = (Signal(COUNT) for _ in range(3))
        bits = self._config.line_bits
        position = Signal(bits)
        m.submodules.store = store = Memory(
            shape=self._config.line_bytes * 8, depth=timing.WEIGHT_RING, init=[]
        )
        write, read = store.write_port(), store.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(landing),
            write.addr.eq(arrived),
            write.data.eq(self.line),
            read.addr.eq(head),
        ]
        m.d.sync += arrived.eq(arrived + landing)
        # advanced: position after this use, one word for each plane. past: head after it.
        advanced, past, line_end, back = Signal(bits + 1), Signal(COUNT), Signal(), Signal()
        m.d.comb += [
            advanced.eq(position + (1 << self.array_shape)),
            line_end.eq(advanced[bits] | self.pixel_group_end),
            past.eq(head + line_end),
            back.eq(self.pixel_group_end & self.resident & ~self.block_end),
        ]
        # Known a cycle ahead. A line to which head goes back is there.
        used_up = self.use & line_end & ~back & ((arrived - head)[: len(head)] == 1)
        m.d.sync += self.ready.eq(landing | (self.ready & ~used_up))
        with m.If(self.use):
            m.d.sync += [position.eq(Mux(self.pixel_group_end, 0, advanced)), head.eq(past)]
            with m.If(back):
                m.d.sync += head.eq(pixel_group_base)
            with m.Elif(self.pixel_group_end):
                m.d.sync += pixel_group_base.eq(past)
            with m.If(~self.resident | (self.pixel_group_end & self.block_end)):
                m.d.sync += self._released.eq(past)
        words = [read.data.word_select(w, word) for w in range(self._config.line_words)]
        self._build_choice(m, words, position)

    def _build_choice(self, m, words, position):
        """The word of each lane group. ``position`` is a multiple of the planes, 1, 2 or 4, so that
        groups differ in the two lowest bits of its word's place only."""
        four = [Signal(len(words[0]), name=f"of_four{i}") for i in range(LANE_GROUPS)]
        for i, word in enumerate(four):
            m.d.comb += word.eq(mux_tree(words[i::LANE_GROUPS], position[2:]))
        for group in range(LANE_GROUPS):
            plane = by_shape(self.array_shape, [group >> 2, group >> 1, group])
            place = Signal(2, name=f"place{group}")
            chosen = Signal.like(four[0], name=f"chosen{group}")
            m.d.comb += place.eq(position[:2] | plane)
            m.d.comb += chosen.eq(mux_tree(four, place)), self.words[group].eq(chosen)
