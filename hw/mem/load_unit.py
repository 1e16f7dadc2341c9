"""The LOAD unit: from memory into the scratchpad."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw import command_layouts
from hw.lib.bus import ADDRESS_RANGES, read_port, unit_port
from hw.mem.load_data import LoadData
from hw.mem.load_request import LoadRequest
from hw.mem.scratchpad import line_write_port
from hw.spec.config import AccelConfig
from hw.spec.regs import Fault


class LoadUnit(wiring.Component):
    """Runs LOAD commands in order; requests run ahead of the data by some commands.

    Members
    -------
    command, phase, counts, stop, range_fault, fault, done, trace : unit_port
        See there. ``stop`` drops data. A start in the cycle of a ``trace.done`` shows one cycle
        later.
    address_ranges : In(ADDRESS_RANGES)
        What may be read.
    memory : Out(read_port)
        The reader.
    ready : Out(1)
        A beat can be accepted; depends on registers only.
    scratchpad : Out(line_write_port)
        The scratchpad.
    idle : Out(1)
        No command is waiting or being requested, in the queue or here.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                **unit_port(command_layouts.LOAD, config).members,
                "address_ranges": In(ADDRESS_RANGES),
                "memory": Out(read_port(config)),
                "ready": Out(1),
                "scratchpad": Out(line_write_port(config)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.requests = requests = LoadRequest(self._config)
        m.submodules.data = words = LoadData(self._config)
        connect(m, flipped(self.command), requests.command)
        connect(m, requests.request, flipped(self.memory.request))
        connect(m, requests.descriptor, words.descriptor)
        connect(m, words.scratchpad, flipped(self.scratchpad))
        m.d.comb += [
            requests.done.eq(self.counts),
            requests.address_ranges.eq(self.address_ranges),
            requests.stop.eq(self.stop),
            words.phase.eq(self.phase),
            words.stop.eq(self.stop),
            words.beat.eq(self.memory.beat & ~self.stop),
            words.beat_data.eq(self.memory.data),
            self.ready.eq(words.ready),
            self.idle.eq(requests.idle & ~self.command.valid),
        ]
        m.d.sync += self.done.eq(self.done + words.written)
        self._build_fault(m, requests, words)
        self._build_trace(m, requests, words)
        return m

    def _build_fault(self, m, requests, words):
        with m.If(requests.outside):
            m.d.comb += [
                self.fault.raised.eq(1),
                self.fault.code.eq(Fault.ADDRESS_RANGE),
                self.fault.index.eq(requests.index),
            ]
        with m.Elif(words.beat & self.memory.error):
            m.d.comb += [
                self.fault.raised.eq(1),
                self.fault.code.eq(Fault.READ_ERROR),
                self.fault.index.eq(words.index),
            ]
        with m.Elif(self.range_fault & ~self.stop):
            m.d.comb += [
                self.fault.raised.eq(1),
                self.fault.code.eq(Fault.SCRATCHPAD_RANGE),
                self.fault.index.eq(words.written_index),
            ]

    def _build_trace(self, m, requests, words):
        delayed = Signal()
        m.d.sync += delayed.eq(requests.started & words.written)
        m.d.comb += [
            self.trace.done.eq(words.written),
            self.trace.start.eq((requests.started & ~words.written) | delayed),
            self.trace.index.eq(requests.index),
        ]
        with m.If(words.written):
            m.d.comb += self.trace.index.eq(words.written_index)
