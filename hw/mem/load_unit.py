"""The LOAD unit: from memory into the scratchpad."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw import command_layouts
from hw.lib.bus import ADDRESS_RANGES, COUNT_BITS, COUNTS, FAULT, REQUEST
from hw.mem.load_data import LoadData
from hw.mem.load_request import LoadRequest
from hw.mem.scratchpad import line_addr
from hw.spec.config import AccelConfig
from hw.spec.regs import Fault


class LoadUnit(wiring.Component):
    """Runs LOAD commands in order; requests run ahead of the data by some commands.

    Members
    -------
    command : In(stream of layouts.LOAD)
        The queue.
    phase : In(range(config.line_words))
        The scratchpad's phase.
    counts : In(COUNTS)
        Completed commands.
    address_ranges : In(ADDRESS_RANGES)
        What may be read.
    request : Out(stream of REQUEST)
        To the reader.
    ready : Out(1)
        A beat can be accepted; depends on registers only.
    beat, beat_data, beat_error : In
        A beat is handed over in this cycle, its data, and whether the response is an error.
    load_en, load_line, load_mask, load_data : Out
        The scratchpad's write port.
    range_fault : In(1)
        The line being written lies beyond the scratchpad.
    stop : In(1)
        Make no requests, drop data.
    idle : Out(1)
        No command is waiting or being requested, in the queue or here.
    fault : Out(FAULT)
        A fault raised in this cycle.
    done : Out(COUNT_BITS)
        Completed LOADs.
    trace_start, trace_done : Out(1)
        A command starts; a command's last line is written. A start in the cycle of a ``trace_done``
        shows one cycle later.
    trace_index : Out(INDEX_BITS)
        The command that a trace strobe is about.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "command": In(stream.Signature(command_layouts.LOAD)),
                "phase": In(range(config.line_words)),
                "counts": In(COUNTS),
                "address_ranges": In(ADDRESS_RANGES),
                "request": Out(stream.Signature(REQUEST)),
                "ready": Out(1),
                "beat": In(1),
                "beat_data": In(8 * config.cols),
                "beat_error": In(1),
                "load_en": Out(1),
                "load_line": Out(line_addr(config)),
                "load_mask": Out(config.line_words),
                "load_data": Out(8 * config.line_bytes),
                "range_fault": In(1),
                "stop": In(1),
                "idle": Out(1),
                "fault": Out(FAULT),
                "done": Out(COUNT_BITS),
                "trace_start": Out(1),
                "trace_done": Out(1),
                "trace_index": Out(command_layouts.INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.requests = requests = LoadRequest(self._config)
        m.submodules.data = words = LoadData(self._config)
        connect(m, flipped(self.command), requests.command)
        connect(m, requests.request, flipped(self.request))
        connect(m, requests.descriptor, words.descriptor)
        m.d.comb += [
            requests.done.eq(self.counts),
            requests.address_ranges.eq(self.address_ranges),
            requests.stop.eq(self.stop),
            words.phase.eq(self.phase),
            words.stop.eq(self.stop),
            words.beat.eq(self.beat & ~self.stop),
            words.beat_data.eq(self.beat_data),
            self.ready.eq(words.ready),
            self.load_en.eq(words.load_en),
            self.load_line.eq(words.load_line),
            self.load_mask.eq(words.load_mask),
            self.load_data.eq(words.load_data),
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
        with m.Elif(words.beat & self.beat_error):
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
            self.trace_done.eq(words.written),
            self.trace_start.eq((requests.started & ~words.written) | delayed),
            self.trace_index.eq(requests.index),
        ]
        with m.If(words.written):
            m.d.comb += self.trace_index.eq(words.written_index)
