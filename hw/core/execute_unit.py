"""The execute unit: operand fetch, weights, array and drain, and the arbitration of the
scratchpad's read port among them."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.drain import Drain
from hw.core.mac_array import MacArray
from hw.core.mac_sequencer import MacSequencer
from hw.core.operand_fetch import OperandFetch
from hw.core.operand_store import OperandStore
from hw.core.weight_store import WeightStore
from hw.lib.bus import unit_port
from hw.lib.delay import delay
from hw.mem.scratchpad import (
    out_of_range,
    scratchpad_port,
)
from hw.spec import timing
from hw.spec.config import AccelConfig
from hw.spec.regs import Fault


class ExecuteUnit(wiring.Component):
    """Runs EXECUTE commands (docs/architecture.md, 2.1 and 3.6 to 3.9).

    Members
    -------
    command, phase, counts, stop, range_fault, fault, done, trace : unit_port
        See there. ``trace.index`` is the command that starts.
    scratchpad : Out(scratchpad_port)
        The scratchpad.
    cause : Out(4)
        The cycle counter that counts (hw.spec.regs.Counter).
    occupied : Out(16)
        Array positions in use by the multiply-accumulate of this cycle.
    filled, weighted : Out(1)
        A line of operands, of weights is requested.
    drained : Out(1)
        A beat of output issues.
    mac_busy : Out(1)
        The array works in this cycle.
    mac_index : Out(INDEX_BITS)
        With ``mac_busy``: for which command.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                **unit_port(command_layouts.EXECUTE, config).members,
                "scratchpad": Out(scratchpad_port(config)),
                "cause": Out(4),
                "occupied": Out(16),
                "filled": Out(1),
                "weighted": Out(1),
                "drained": Out(1),
                "mac_busy": Out(1),
                "mac_index": Out(command_layouts.INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch = fetch = OperandFetch(self._config)
        m.submodules.weights = weights = WeightStore(self._config)
        m.submodules.operands = operands = OperandStore(self._config)
        m.submodules.sequencer = sequencer = MacSequencer()
        m.submodules.array = array = MacArray(self._config)
        m.submodules.drain = drain = Drain(self._config)
        self._banks = [
            Signal(command_layouts.EXECUTE, name=f"command{i}", reset_less=True) for i in range(2)
        ]
        self._build_commands(m, fetch, weights, drain)
        self._build_array_command(m, operands, sequencer)
        self._build_read_port(m, fetch, weights, drain)
        self._build_operand_path(m, fetch, weights, operands, sequencer, array)
        self._build_drain_path(m, sequencer, operands, array, drain)
        self._build_fault(m, weights, drain, fetch)
        self._build_counters(m, fetch, weights, operands, sequencer, drain)
        return m

    def _bank(self, m, index, name):
        """The command in bank ``index``."""
        view = Signal(command_layouts.EXECUTE, name=name)
        m.d.comb += view.eq(Mux(index, self._banks[1], self._banks[0]))
        return view

    def _build_commands(self, m, fetch, weights, drain):
        held = Signal(range(len(self._banks) + 1), name="held_commands")
        cmd = Signal(command_layouts.EXECUTE, name="fetch_command", reset_less=True)
        drain_cmd, pipe_cmd = (
            Signal(command_layouts.EXECUTE, name=f"{name}_command", reset_less=True)
            for name in ("drain", "pipe")
        )
        self._load_met, self._store_met = (
            self.counts.load >= cmd.wait_load,
            self.counts.store >= cmd.wait_store,
        )
        m.d.comb += [
            fetch.cmd.eq(cmd),
            fetch.queued.eq(self.command.valid),
            self.command.ready.eq(fetch.take),
            fetch.bank_free.eq(held != len(self._banks)),
            fetch.waits_met.eq(self._load_met & self._store_met & (self.done >= cmd.wait_execute)),
            weights.cmd.eq(self._bank(m, weights.bank, "weight_command")),
            weights.started.eq(fetch.start),
            drain.next_cmd.eq(self._bank(m, drain.next_bank, "next_drain_command")),
            drain.cmd.eq(drain_cmd),
            drain.pipe_cmd.eq(pipe_cmd),
        ]
        m.d.sync += [
            drain_cmd.eq(drain.next_cmd),
            pipe_cmd.eq(self._bank(m, drain.pipe_bank, "next_pipe_command")),
            held.eq(held + fetch.take - drain.command_done),
        ]
        with m.If(fetch.take):
            m.d.sync += cmd.eq(self.command.payload)
            for index, bank in enumerate(self._banks):
                with m.If(fetch.bank != index):
                    m.d.sync += bank.eq(self.command.payload)
        with m.If(drain.command_done):
            m.d.sync += self.done.eq(self.done + 1)

    def _build_array_command(self, m, operands, sequencer):
        """The command of the oldest tap group, a register. It is in its bank long before its tap
        groups come."""
        head, bank, following = operands.head, Signal(), Signal()
        command = Signal(command_layouts.EXECUTE, name="array_command", reset_less=True)
        m.d.comb += following.eq(bank ^ (operands.visible & head.last & head.command_end))
        with m.If(sequencer.pop | ~operands.visible):
            m.d.sync += [
                bank.eq(following),
                command.eq(self._bank(m, following, "next_array_command")),
            ]
        self._array_bank, self._array_command = bank, command

    def _build_read_port(self, m, fetch, weights, drain):
        """Residual beats (urgent, never in STORE's phase), then parameters, weights, operands."""
        port = self.scratchpad
        free, lowest = ~port.blocked, Signal(init=1)
        # Known a cycle ahead: in that cycle neither the drain nor the weight store reads.
        m.d.sync += lowest.eq(~(drain.next_read_en | weights.next_read_en))
        m.d.comb += [
            port.read_en.eq((drain.read.en | weights.read.en | fetch.read.en) & free),
            port.read_mask.eq(Mux(drain.read.en, drain.read_mask, 1)),
            port.read_addr.eq(
                Mux(
                    drain.read.en,
                    drain.read.addr,
                    Mux(weights.read.en, weights.read.addr, fetch.read.addr),
                )
            ),
            drain.read.grant.eq(free),
            weights.read.grant.eq(free & ~drain.read.en),
            fetch.read.grant.eq(free & lowest),
            drain.line.eq(port.line),
            weights.line.eq(port.line),
        ]

    def _build_operand_path(self, m, fetch, weights, operands, sequencer, array):
        cmd, head = self._array_command, operands.head
        connect(m, fetch.taking, operands.taking)
        connect(m, fetch.out, operands.tap_groups)
        m.d.comb += [
            operands.line.eq(self.scratchpad.line),
            operands.pop.eq(sequencer.pop),
            operands.offset.eq(sequencer.offset),
            operands.pad.eq(cmd.pad_value),
            weights.resident.eq(cmd.resident),
            weights.array_shape.eq(cmd.array_shape),
            weights.use.eq(sequencer.issue & ~cmd.ones),
            weights.pixel_group_end.eq(sequencer.pixel_group_end),
            weights.block_end.eq(head.block_end),
            sequencer.cmd.eq(cmd),
            sequencer.head.eq(head),
            sequencer.next_head.eq(operands.next_head),
            sequencer.visible.eq(operands.visible),
            sequencer.in_flight.eq(operands.in_flight),
            sequencer.weight_ready.eq(weights.ready),
            sequencer.fetch_state.eq(fetch.state),
            sequencer.fetch_queued.eq(self.command.valid),
            sequencer.load_met.eq(self._load_met),
            sequencer.store_met.eq(self._store_met),
            array.issue.eq(sequencer.issue),
            array.first.eq(head.first & self._first_of_tap_group(m, sequencer)),
            array.last.eq(sequencer.pixel_group_end),
            array.words.eq(operands.words),
            array.weights.eq(weights.words),
            array.channel.eq(sequencer.channel),
            array.split.eq(cmd.split),
            array.ones.eq(cmd.ones),
            array.maximum.eq(cmd.maximum),
        ]

    @staticmethod
    def _first_of_tap_group(m, sequencer):
        """The next issue is the first of its tap group."""
        first = Signal(init=1)
        with m.If(sequencer.issue):
            m.d.sync += first.eq(sequencer.pop)
        return first

    def _build_drain_path(self, m, sequencer, operands, array, drain):
        head = operands.head
        pixel_group = Signal(stage_layouts.pixel_group_layout(), name="pixel_group0")
        for field in stage_layouts.pixel_group_layout().members:
            m.d.comb += pixel_group[field].eq(self._array_bank if field == "bank" else head[field])
        m.d.comb += [
            sequencer.drain_ready.eq(drain.ready),
            drain.pixel_group_issued.eq(sequencer.issue & sequencer.pixel_group_end),
            drain.phase.eq(self.phase),
            drain.pixel_group_done.eq(array.pixel_group_done),
            drain.pixel_group.eq(delay(m, pixel_group, timing.MAC_LATENCY - 1, "pixel_group")),
            drain.shadow.eq(array.shadow),
        ]
        connect(m, drain.write, flipped(self.scratchpad.write))

    def _build_fault(self, m, weights, drain, fetch):
        """Of the write's command if that is out of range, else of the granted read's."""
        port = self.scratchpad
        write = port.write.en & out_of_range(self._config, port.write.addr, port.write.mask)
        reader = Mux(weights.read.en, weights.cmd.index, fetch.cmd.index)
        reader = Mux(drain.read.en, drain.cmd.index, reader)
        m.d.comb += [
            self.fault.raised.eq(self.range_fault & ~self.stop),
            self.fault.code.eq(Fault.SCRATCHPAD_RANGE),
            self.fault.index.eq(Mux(write, drain.pipe_cmd.index, reader)),
        ]

    def _build_counters(self, m, fetch, weights, operands, sequencer, drain):
        cmd = self._array_command
        m.d.comb += [
            self.cause.eq(sequencer.cause),
            self.occupied.eq(Mux(sequencer.issue & cmd.network, operands.head.occupied, 0)),
            self.filled.eq(fetch.taking.en),
            self.weighted.eq(weights.read.en & weights.read.grant),
            self.drained.eq(drain.beat),
            self.trace.start.eq(fetch.start),
            self.trace.done.eq(drain.command_done),
            self.trace.index.eq(fetch.cmd.index),
            self.mac_busy.eq(sequencer.issue),
            self.mac_index.eq(cmd.index),
        ]
