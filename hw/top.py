"""The accelerator: its blocks in the order of data flow, and its ports."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, ResetInserter, Signal
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
from hw.lib.queue import Queue
from hw.mem.load_unit import LoadUnit
from hw.mem.read_channel import ReadChannel
from hw.mem.scratchpad import Scratchpad
from hw.mem.scratchpad_bank import ScratchpadBank
from hw.mem.store_unit import StoreUnit
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import fingerprint
from hw.spec.regs import ADDR_WIDTH, Counter, Fault
from hw.spec.timing import WATCHDOG_DELAY

UNITS = ("load", "execute", "store")
RANGE_LOAD, RANGE_STORE, RANGE_EXECUTE = range(3)
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
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        clear = Signal()
        phase = Signal(range(self._config.line_words))
        core = Module()
        core.d.sync += phase.eq(phase + 1)
        m.submodules.core = ResetInserter(clear)(core)
        m.submodules.regfile = regfile = RegisterFile()
        m.submodules.counters = counters = Counters()
        core.submodules.monitor = monitor = RunControl()
        core.submodules.fetch = fetch = Fetch(self._config)
        core.submodules.reader = reader = ReadChannel()
        core.submodules.load = load = LoadUnit(self._config)
        core.submodules.scratchpad = scratchpad = Scratchpad(self._config, self._bank)
        core.submodules.execute = execute = ExecuteUnit(self._config)
        core.submodules.store = store = StoreUnit(self._config)

        self._connect_registers(m, regfile, counters, clear, monitor, reader, store)
        self._connect_commands(m, core, regfile, fetch, load, execute, store)
        self._connect_reads(m, regfile, fetch, reader, load, monitor)
        self._connect_scratchpad(m, phase, load, scratchpad, execute, store)
        self._connect_writes(m, regfile, store, monitor)
        self._connect_ends(m, core, regfile, monitor, fetch, scratchpad, execute)
        self._connect_monitor(m, monitor, fetch, reader, load, execute, store)
        self._connect_counters(m, regfile, counters, fetch, reader, execute)
        self._connect_trace(m, load, execute, store)
        return m

    def _connect_registers(self, m, regfile, counters, clear, monitor, reader, store):
        for name, port in lite_ports(ADDR_WIDTH).items():
            inner, outer = getattr(regfile.axil, name), getattr(self, f"s_axil_{name}")
            m.d.comb += inner.eq(outer) if port.flow == In else outer.eq(inner)
        quiet = reader.empty & store.empty
        cleared = Signal()
        m.d.sync += cleared.eq(regfile.resetting & quiet & ~cleared)
        m.d.comb += [
            regfile.quiet.eq(quiet),
            self.irq.eq(regfile.irq),
            regfile.cleared.eq(cleared),
            clear.eq(regfile.start | cleared),
            regfile.done.eq(monitor.done),
            regfile.fault.eq(monitor.fault),
            regfile.fault_code.eq(monitor.code),
            regfile.fault_index.eq(monitor.index),
            regfile.counters.eq(counters.values),
            regfile.cycles.eq(counters.cycles),
            regfile.fingerprint.eq(fingerprint(self._config)),
        ]

    def _connect_commands(self, m, core, regfile, fetch, load, execute, store):
        m.d.comb += [
            fetch.program_addr.eq(regfile.program_addr),
            fetch.program_size.eq(regfile.program_size),
        ]
        for name, unit in zip(UNITS, (load, execute, store), strict=True):
            layout = getattr(command_layouts, name.upper())
            queue = Queue(layout, self._config.queue_depth)
            core.submodules[f"{name}_queue"] = queue
            connect(m, getattr(fetch, name), queue.push)
            connect(m, queue.pop, unit.command)
        for unit in (load, store):
            m.d.comb += [
                unit.counts.load.eq(load.done),
                unit.counts.execute.eq(execute.execute_done),
                unit.counts.store.eq(store.done),
            ]
        m.d.comb += execute.load_done.eq(load.done), execute.store_done.eq(store.done)

    def _connect_reads(self, m, regfile, fetch, reader, load, monitor):
        connect(m, fetch.request, reader.fetch)
        connect(m, load.request, reader.load)
        self._connect_address(m, "ar", reader.ar)
        error = self.m_axi_rresp != RESP_OKAY
        m.d.comb += [
            reader.r_valid.eq(self.m_axi_rvalid),
            reader.r_last.eq(self.m_axi_rlast),
            self.m_axi_rready.eq(reader.r_ready),
            reader.stop.eq(monitor.stop),
            reader.load_ready.eq(load.ready),
            fetch.beat.eq(reader.fetch_beat),
            load.beat.eq(reader.load_beat),
        ]
        for unit in (fetch, load):
            m.d.comb += [
                unit.address_ranges.eq(regfile.address_ranges),
                unit.stop.eq(monitor.stop),
                unit.beat_data.eq(self.m_axi_rdata),
                unit.beat_error.eq(error),
            ]

    def _connect_address(self, m, channel, request):
        """An address channel from a stream of REQUEST."""
        values = {
            "addr": request.payload.addr,
            "len": request.payload.beats - 1,
            "size": exact_log2(self._config.bus_bytes),
            "burst": BURST_INCR,
            "valid": request.valid,
        }
        m.d.comb += [getattr(self, f"m_axi_{channel}{name}").eq(v) for name, v in values.items()]
        m.d.comb += request.ready.eq(getattr(self, f"m_axi_{channel}ready"))

    def _connect_scratchpad(self, m, phase, load, scratchpad, execute, store):
        for unit in (load, scratchpad, execute, store):
            m.d.comb += unit.phase.eq(phase)
        connect(m, execute.scratchpad, scratchpad.execute)
        for name in ("load_en", "load_line", "load_mask", "load_data"):
            m.d.comb += getattr(scratchpad, name).eq(getattr(load, name))
        m.d.comb += [
            scratchpad.store_req.eq(store.store_req),
            scratchpad.store_line.eq(store.store_line),
            store.store_valid.eq(scratchpad.store_valid),
            store.line.eq(scratchpad.line),
            load.range_fault.eq(scratchpad.range_fault & (scratchpad.range_unit == RANGE_LOAD)),
            store.range_fault.eq(scratchpad.range_fault & (scratchpad.range_unit == RANGE_STORE)),
        ]

    def _connect_writes(self, m, regfile, store, monitor):
        self._connect_address(m, "aw", store.aw)
        m.d.comb += [
            store.address_ranges.eq(regfile.address_ranges),
            store.stop.eq(monitor.stop),
            self.m_axi_wdata.eq(store.w_data),
            self.m_axi_wstrb.eq(store.w_strobe.replicate(self._config.bus_bytes)),
            self.m_axi_wlast.eq(store.w_last),
            self.m_axi_wvalid.eq(store.w_valid),
            store.w_ready.eq(self.m_axi_wready),
            self.m_axi_bready.eq(1),
            store.b_valid.eq(self.m_axi_bvalid),
            store.b_error.eq(self.m_axi_bresp != RESP_OKAY),
        ]

    def _connect_ends(self, m, core, regfile, monitor, fetch, scratchpad, execute):
        """What the monitor learns about running, and, a cycle later, standstill and faults of the
        execute unit."""
        moves = (
            (self.m_axi_rvalid & self.m_axi_rready)
            | (self.m_axi_wvalid & self.m_axi_wready)
            | self.m_axi_bvalid
            | execute.trace_mac_busy
        )
        m.d.comb += [
            monitor.running.eq(regfile.running),
            monitor.last.eq(fetch.last),
            monitor.execute_fault.code.eq(Fault.SCRATCHPAD_RANGE),
        ]
        assert WATCHDOG_DELAY == 1
        # A cycle late, the fault of a program's last write still comes with the end that counts it.
        outside = scratchpad.range_fault & (scratchpad.range_unit == RANGE_EXECUTE)
        core.d.sync += [
            monitor.moves.eq(moves),
            monitor.execute_fault.raised.eq(outside & ~monitor.stop),
            monitor.execute_fault.index.eq(execute.fault_index),
        ]

    def _connect_monitor(self, m, monitor, fetch, reader, load, execute, store):
        m.d.comb += [
            monitor.fetch_fault.eq(fetch.fault),
            monitor.load_fault.eq(load.fault),
            monitor.store_fault.eq(store.fault),
            monitor.end_pending.eq(fetch.end_pending),
            monitor.end_waits.eq(fetch.end_waits),
            monitor.counts.load.eq(load.done),
            monitor.counts.execute.eq(execute.execute_done),
            monitor.counts.store.eq(store.done),
            monitor.idle.eq(load.idle & store.idle),
            monitor.empty.eq(reader.empty & store.empty),
        ]

    def _connect_counters(self, m, regfile, counters, fetch, reader, execute):
        events = {
            Counter.READ_BEATS: reader.fetch_beat | reader.load_beat,
            Counter.WRITE_BEATS: self.m_axi_wvalid & self.m_axi_wready,
            Counter.FETCH_BEATS: reader.fetch_beat,
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

    def _connect_trace(self, m, load, execute, store):
        units = (load, execute, store)
        m.d.comb += [
            self.trace_start.eq(Cat(unit.trace_start for unit in units)),
            self.trace_done.eq(Cat(unit.trace_done for unit in units)),
            self.trace_mac_busy.eq(execute.trace_mac_busy),
            self.trace_mac_index.eq(execute.trace_mac_index),
        ]
        for name, unit in zip(UNITS, units, strict=True):
            m.d.comb += getattr(self, f"trace_index_{name}").eq(unit.trace_index)
