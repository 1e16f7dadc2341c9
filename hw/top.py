"""The accelerator: its blocks in the order of data flow, and its ports."""

from collections.abc import Callable

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.core.execute_unit import ExecuteUnit
from hw.ctrl.counters import Counters
from hw.ctrl.fetch import Fetch
from hw.ctrl.regfile import RegisterFile
from hw.ctrl.run_control import RunControl
from hw.lib.axi import BURST_INCR, RESP_OKAY, full_ports, lite_ports
from hw.lib.bus import BASE_BITS
from hw.lib.shift_queue import ShiftQueue
from hw.mem.load_unit import LoadUnit
from hw.mem.read_channel import ReadChannel
from hw.mem.read_width import ReadWidth
from hw.mem.scratchpad import RANGE_EXECUTE, RANGE_LOAD, RANGE_STORE, Scratchpad
from hw.mem.scratchpad_bank import ScratchpadBank
from hw.mem.store_unit import StoreUnit
from hw.mem.write_width import WriteWidth
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import fingerprint
from hw.spec.regs import ADDR_WIDTH, Counter
from hw.spec.timing import WATCHDOG_DELAY

UNITS = ("load", "execute", "store")
RANGES = {"load": RANGE_LOAD, "execute": RANGE_EXECUTE, "store": RANGE_STORE}
"""Units as the scratchpad numbers them when an access is out of range."""


class Accelerator(wiring.Component):
    """The machine of docs/architecture.md.

    Members
    -------
    s_axil_* : AXI4-Lite
        The register file.
    m_axi_* : AXI4
        The memory; ``rready``, ``bready`` and all ``valid`` depend on registers only.
    irq : Out(1)
        A run has ended, and the interrupt is enabled.
    trace_start, trace_done : Out(3)
        A LOAD (bit 0), EXECUTE (bit 1) or STORE (bit 2) starts or is complete.
    trace_index_load, trace_index_execute, trace_index_store : Out(INDEX_BITS)
        The commands that these strobes are about; of EXECUTE, the one that starts. Each unit's
        commands are complete in their order.
    trace_mac_busy, trace_mac_index : Out
        The array works in this cycle, and for which command.
    trace_cause : Out(4)
        The cycle counter that counts this cycle of a run (hw.spec.regs.Counter).
    """

    def __init__(
        self, config: AccelConfig, bank: Callable[[int, int], ScratchpadBank] = ScratchpadBank
    ):
        self._config, self._bank = config, bank
        ports = {f"s_axil_{name}": port for name, port in lite_ports(ADDR_WIDTH).items()}
        ports |= {f"m_axi_{name}": port for name, port in full_ports(config.bus_bytes).items()}
        ports |= {"irq": Out(1), "trace_start": Out(3), "trace_done": Out(3)}
        ports |= {f"trace_index_{unit}": Out(command_layouts.INDEX_BITS) for unit in UNITS}
        ports |= {"trace_mac_busy": Out(1), "trace_mac_index": Out(command_layouts.INDEX_BITS)}
        ports |= {"trace_cause": Out(4)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        clear = Signal()
        # A domain of its own instead of a ResetInserter, which does not reach into instances.
        core = Module()
        m.submodules.core = DomainRenamer("core")(core)
        m.domains.core = ClockDomain("core", local=True)
        m.d.comb += [
            ClockSignal("core").eq(ClockSignal()),
            ResetSignal("core").eq(ResetSignal() | clear),
        ]
        m.submodules.regfile = regfile = RegisterFile()
        m.submodules.counters = counters = Counters()
        core.submodules.monitor = monitor = RunControl()
        self._stop = Signal(init=1)
        m.d.sync += self._stop.eq(monitor.next_stop)
        core.submodules.fetch = fetch = Fetch(self._config)
        core.submodules.reader = reader = ReadChannel(self._config)
        core.submodules.load = load = LoadUnit(self._config)
        core.submodules.scratchpad = scratchpad = Scratchpad(self._config, self._bank)
        core.submodules.execute = execute = ExecuteUnit(self._config)
        core.submodules.store = store = StoreUnit(self._config)

        self._connect_registers(m, regfile, counters, clear, monitor, reader, store)
        self._connect_fetch(m, regfile, fetch, monitor)
        self._connect_units(m, core, fetch, monitor, scratchpad, (load, execute, store))
        reads = writes = None
        if self._config.bus_bytes != self._config.cols:
            core.submodules.read_width = reads = ReadWidth(self._config)
            core.submodules.write_width = writes = WriteWidth(self._config)
        self._connect_reads(m, regfile, fetch, reader, load, monitor, reads)
        self._connect_writes(m, regfile, store, writes)
        connect(m, load.scratchpad, scratchpad.load)
        connect(m, execute.scratchpad, scratchpad.execute)
        connect(m, store.scratchpad, scratchpad.store)
        self._connect_ends(m, core, regfile, monitor, reader, load, execute, store)
        self._connect_counters(m, regfile, counters, fetch, reader, execute, reads)
        return m

    def _connect_registers(self, m, regfile, counters, clear, monitor, reader, store):
        for name, port in lite_ports(ADDR_WIDTH).items():
            inner, outer = getattr(regfile.axil, name), getattr(self, f"s_axil_{name}")
            m.d.comb += inner.eq(outer) if port.flow == In else outer.eq(inner)
        quiet = reader.empty & store.empty
        cleared = Signal()
        m.d.sync += cleared.eq(regfile.resetting & self._stop & quiet & ~cleared)
        m.d.comb += [
            regfile.quiet.eq(quiet),
            self.irq.eq(regfile.irq),
            regfile.cleared.eq(cleared),
            clear.eq(regfile.start | cleared),
            regfile.done.eq(monitor.done),
            regfile.fault.eq(monitor.fault),
            regfile.fault_code.eq(monitor.code),
            regfile.fault_index.eq(monitor.index),
            counters.counter.eq(regfile.counter),
            regfile.counter_ready.eq(counters.ready),
            regfile.counter_value.eq(counters.value),
            regfile.cycles.eq(counters.cycles),
            regfile.fingerprint.eq(fingerprint(self._config)),
        ]

    def _connect_fetch(self, m, regfile, fetch, monitor):
        m.d.comb += [
            fetch.program_addr.eq(regfile.program_addr),
            fetch.program_size.eq(regfile.program_size),
            fetch.base.eq(regfile.base),
            fetch.address_ranges.eq(regfile.address_ranges),
            fetch.stop.eq(self._stop),
            monitor.fetch_fault.eq(fetch.fault),
            monitor.last.eq(fetch.last),
            monitor.end_pending.eq(fetch.end_pending),
            monitor.end_waits.eq(fetch.end_waits),
        ]

    def _connect_units(self, m, core, fetch, monitor, scratchpad, units):
        """Connect the ports that LOAD, EXECUTE and STORE have in common:
        ``hw.lib.bus.unit_port``."""
        phase = Signal(range(self._config.phases))
        core.d.sync += phase.eq(phase + 1)
        for bit, (name, unit) in enumerate(zip(UNITS, units, strict=True)):
            layout = getattr(command_layouts, name.upper())
            queue = ShiftQueue(layout, self._config.queue_depth)
            core.submodules[f"{name}_queue"] = queue
            connect(m, getattr(fetch, name), queue.push)
            connect(m, queue.pop, unit.command)
            outside = scratchpad.range_fault & (scratchpad.range_unit == RANGES[name])
            m.d.comb += [
                unit.phase.eq(phase),
                unit.counts.eq(monitor.counts),
                unit.stop.eq(self._stop),
                unit.range_fault.eq(outside),
                getattr(monitor, f"{name}_fault").eq(unit.fault),
                monitor.counts[name].eq(unit.done),
                self.trace_start[bit].eq(unit.trace.start),
                self.trace_done[bit].eq(unit.trace.done),
                getattr(self, f"trace_index_{name}").eq(unit.trace.index),
            ]

    def _connect_reads(self, m, regfile, fetch, reader, load, monitor, width):
        connect(m, fetch.memory, reader.fetch)
        connect(m, load.memory, reader.load)
        if self._config.bus_bytes == self._config.cols:
            self._connect_address(m, "ar", reader.ar, regfile.base)
            m.d.comb += [
                reader.r_valid.eq(self.m_axi_rvalid),
                reader.r_last.eq(self.m_axi_rlast),
                reader.r_data.eq(self.m_axi_rdata),
                reader.r_error.eq(self.m_axi_rresp != RESP_OKAY),
                self.m_axi_rready.eq(reader.r_ready),
            ]
        else:
            self._connect_read_width(m, regfile, fetch, reader, load, width)
        m.d.comb += [
            reader.stop.eq(self._stop),
            reader.load_ready.eq(load.ready),
            load.address_ranges.eq(regfile.address_ranges),
        ]

    def _connect_read_width(self, m, regfile, fetch, reader, load, width):
        connect(m, reader.ar, width.request)
        self._connect_address(m, "ar", width.ar, regfile.base)
        m.d.comb += [
            width.takes_fetch.eq(fetch.memory.request.valid & fetch.memory.request.ready),
            width.takes_load.eq(load.memory.request.valid & load.memory.request.ready),
            width.r_valid.eq(self.m_axi_rvalid),
            width.r_last.eq(self.m_axi_rlast),
            width.r_data.eq(self.m_axi_rdata),
            width.r_error.eq(self.m_axi_rresp != RESP_OKAY),
            self.m_axi_rready.eq(width.r_ready),
            reader.r_valid.eq(width.word_valid),
            reader.r_last.eq(width.word_last),
            reader.r_data.eq(width.word_data),
            reader.r_error.eq(width.word_error),
            width.word_ready.eq(reader.r_ready),
        ]

    def _connect_address(self, m, channel, request, base):
        """An address channel from a stream of REQUEST, whose addresses count from ``base``."""
        addr = request.payload.addr
        values = {
            "addr": Cat(addr[:BASE_BITS], (addr[BASE_BITS:] + base[BASE_BITS:])[: 32 - BASE_BITS]),
            "len": request.payload.beats - 1,
            "size": exact_log2(self._config.bus_bytes),
            "burst": BURST_INCR,
            "valid": request.valid,
        }
        m.d.comb += [getattr(self, f"m_axi_{channel}{name}").eq(v) for name, v in values.items()]
        m.d.comb += request.ready.eq(getattr(self, f"m_axi_{channel}ready"))

    def _connect_writes(self, m, regfile, store, width):
        if self._config.bus_bytes == self._config.cols:
            self._connect_address(m, "aw", store.aw, regfile.base)
            m.d.comb += [
                store.address_ranges.eq(regfile.address_ranges),
                self.m_axi_wdata.eq(store.w.data),
                self.m_axi_wstrb.eq(store.w.strobe.replicate(self._config.bus_bytes)),
                self.m_axi_wlast.eq(store.w.last),
                self.m_axi_wvalid.eq(store.w.valid),
                store.w.ready.eq(self.m_axi_wready),
            ]
        else:
            self._connect_write_width(m, regfile, store, width)
        m.d.comb += [
            self.m_axi_bready.eq(1),
            store.b_valid.eq(self.m_axi_bvalid),
            store.b_error.eq(self.m_axi_bresp != RESP_OKAY),
        ]

    def _connect_write_width(self, m, regfile, store, width):
        connect(m, store.aw, width.request)
        connect(m, store.w, width.words)
        self._connect_address(m, "aw", width.aw, regfile.base)
        m.d.comb += [
            store.address_ranges.eq(regfile.address_ranges),
            self.m_axi_wdata.eq(width.w_data),
            self.m_axi_wstrb.eq(width.w_strobe),
            self.m_axi_wlast.eq(width.w_last),
            self.m_axi_wvalid.eq(width.w_valid),
            width.w_ready.eq(self.m_axi_wready),
        ]

    def _connect_ends(self, m, core, regfile, monitor, reader, load, execute, store):
        """Connect the signals by which run control learns about running, and, a cycle later, about
        standstill. What the array does after the run has stopped is no movement."""
        moves = (
            (self.m_axi_rvalid & self.m_axi_rready)
            | (self.m_axi_wvalid & self.m_axi_wready)
            | self.m_axi_bvalid
            | (execute.mac_busy & ~self._stop)
        )
        m.d.comb += [
            monitor.start.eq(regfile.start),
            monitor.running.eq(regfile.running),
            monitor.idle.eq(load.idle & store.idle),
            monitor.empty.eq(reader.empty & store.empty),
            self.trace_mac_busy.eq(execute.mac_busy),
            self.trace_mac_index.eq(execute.mac_index),
            self.trace_cause.eq(execute.cause),
        ]
        assert WATCHDOG_DELAY == 1
        core.d.sync += monitor.moves.eq(moves)

    def _connect_counters(self, m, regfile, counters, fetch, reader, execute, width):
        fetched, read = reader.fetch.beat, reader.fetch.beat | reader.load.beat
        if self._config.bus_bytes != self._config.cols:
            fetched, read = width.fetched, self.m_axi_rvalid & self.m_axi_rready
        events = {
            Counter.READ_BEATS: read,
            Counter.WRITE_BEATS: self.m_axi_wvalid & self.m_axi_wready,
            Counter.FETCH_BEATS: fetched,
            Counter.OPERAND_LINES_READ: execute.filled,
            Counter.WEIGHT_LINES_READ: execute.weighted,
            Counter.OUTPUT_BEATS: execute.drained,
            Counter.COMMANDS: fetch.pushed,
        }
        m.d.comb += [
            counters.start.eq(regfile.start),
            counters.running.eq(regfile.running),
            counters.cause.eq(execute.cause),
            counters.occupied.eq(execute.occupied),
            counters.events.eq(Cat(events[counter] for counter in sorted(events))),
        ]
