"""Weights: fetches lines of weights ahead of the array and keeps them in a ring."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.lib.delay import delay
from hw.mem.scratchpad import (
    WORD_ADDR,
    line_addr,
)
from hw.spec import timing
from hw.spec.config import LANE_GROUPS, AccelConfig

COUNT = 4
assert timing.WEIGHT_RING == 1 << (COUNT - 1)


class WeightStore(wiring.Component):
    """The weight store and its fetch unit (docs/architecture.md, 3.7).

    Members
    -------
    started : fill starts a command
    cmd, bank : the command being fetched, in bank ``bank``
    read_en, read_addr, grant : line requests
    line : the scratchpad's line register
    resident, array_shape : of the command that the array works on
    ready : the word for the next multiply-accumulate is there
    use, pixel_group_end, block_end : it is used; for the last time in its pixel group; in the last
        pixel group of its output block
    words : the weight word of each group of lanes
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "started": In(1),
                "cmd": In(command_layouts.EXECUTE),
                "bank": Out(1),
                "read_en": Out(1),
                "read_addr": Out(WORD_ADDR),
                "grant": In(1),
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
        line, base, addr = (Signal(line_addr(self._config)) for _ in range(3))
        left, block = Signal(20), Signal(12)
        self._issued = issued = Signal(COUNT)
        pixel_group = Signal(7)
        m.d.comb += pixel_group.eq(self._config.rows >> cmd.array_shape)
        take = Signal()
        m.d.comb += [
            take.eq(~active & (waiting != 0)),
            self.bank.eq(taken ^ active),
            self.read_en.eq(active & ((issued - self._released)[:COUNT] < timing.WEIGHT_RING)),
            self.read_addr.eq(addr << self._config.line_bits),
        ]
        m.d.sync += waiting.eq(waiting + self.started - take)
        with m.If(take):
            m.d.sync += [
                taken.eq(~taken),
                active.eq(~cmd.ones),
                line.eq(0),
                block.eq(0),
                left.eq(cmd.pixels),
                base.eq(cmd.weight_addr),
                addr.eq(cmd.weight_addr),
            ]
        with m.If(self.read_en & self.grant):
            m.d.sync += [issued.eq(issued + 1), line.eq(line + 1), addr.eq(addr + 1)]
            with m.If(line == cmd.weight_lines - 1):
                m.d.sync += [line.eq(0), addr.eq(base), left.eq(left - pixel_group)]
                with m.If(cmd.resident | (left <= pixel_group)):
                    m.d.sync += [
                        left.eq(cmd.pixels),
                        base.eq(addr + 1),
                        addr.eq(addr + 1),
                        block.eq(block + 1),
                        active.eq(block != cmd.out_blocks - 1),
                    ]

    def _build_ring(self, m):
        word = self._config.word_bytes * 8
        landing = delay(m, self.read_en & self.grant, timing.READ_LATENCY, "landing")
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
            self.ready.eq(arrived != head),
        ]
        m.d.sync += arrived.eq(arrived + landing)
        advanced, past = Signal(bits + 1), Signal(COUNT)
        m.d.comb += [
            advanced.eq(position + (1 << self.array_shape)),
            past.eq(head + (advanced[bits] | self.pixel_group_end)),
        ]
        with m.If(self.use):
            m.d.sync += [position.eq(Mux(self.pixel_group_end, 0, advanced)), head.eq(past)]
            with m.If(self.pixel_group_end & self.resident & ~self.block_end):
                m.d.sync += head.eq(pixel_group_base)
            with m.Elif(self.pixel_group_end):
                m.d.sync += pixel_group_base.eq(past)
            with m.If(~self.resident | (self.pixel_group_end & self.block_end)):
                m.d.sync += self._released.eq(past)
        words = [read.data.word_select(w, word) for w in range(self._config.line_words)]
        for group in range(LANE_GROUPS):
            plane = Signal(2, name=f"plane{group}")
            m.d.comb += plane.eq(Array(group >> (2 - s) for s in (0, 1, 2, 2))[self.array_shape])
            with m.Switch(position + plane):
                for w in range(self._config.line_words):
                    with m.Case(w):
                        m.d.comb += self.words[group].eq(words[w])
