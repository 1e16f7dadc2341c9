"""The register file on the AXI4-Lite port, built from the tables of ``hw.spec.regs``."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.command_layouts import INDEX_BITS
from hw.lib.axi import RESP_OKAY, lite_signature
from hw.lib.bus import ADDRESS_RANGES
from hw.spec import regs
from hw.spec.regs import ADDR_WIDTH, COUNTER_BITS, Counter


class RegisterFile(wiring.Component):
    """Registers of the machine, and the start and end of a run.

    A write is accepted in the cycle in which address and data are both valid; accepting the one
    that sets control.start is cycle 0. ``start`` is high in cycle 1, ``running`` from cycle 2 on.
    Writes to the program's place, the address ranges and the base are ignored while busy.

    Members
    -------
    axil : Out(lite_signature)
        The AXI4-Lite port, seen from here.
    start : Out(1)
        Clear everything for a run.
    running : Out(1)
        A program runs.
    resetting : Out(1)
        A soft reset waits for the bus; ``cleared`` ends it.
    cleared : In(1)
        The core is being cleared by the soft reset.
    quiet : In(1)
        No burst is requested or under way; the machine is busy until then.
    done, fault : In(1)
        The run ends with this cycle.
    fault_code, fault_index : In
        With ``fault``: why, and where.
    program_addr, program_size : Out(32)
        The program's place.
    address_ranges : Out(ADDRESS_RANGES)
        What may be read and written.
    base : Out(32)
        What all addresses of the core count from.
    fingerprint : In(32)
        The constant of that register.
    counter : Out(range(len(Counter)))
        The performance counter that is read.
    counter_ready : In(1)
        It is that counter's turn; a read of it waits for this.
    counter_value : In(COUNTER_BITS)
        In the cycle after ``counter_ready``: its value.
    cycles : In(COUNTER_BITS)
        Cycles of the run.
    irq : Out(1)
        High while done or fault is set and the interrupt is enabled.
    """

    axil: Out(lite_signature(ADDR_WIDTH))
    start: Out(1)
    running: Out(1)
    resetting: Out(1)
    cleared: In(1)
    quiet: In(1, init=1)
    done: In(1)
    fault: In(1)
    fault_code: In(4)
    fault_index: In(INDEX_BITS)
    program_addr: Out(32)
    program_size: Out(32)
    address_ranges: Out(ADDRESS_RANGES)
    base: Out(32)
    fingerprint: In(32)
    counter: Out(range(len(Counter)))
    counter_ready: In(1, init=1)
    counter_value: In(COUNTER_BITS)
    cycles: In(COUNTER_BITS)
    irq: Out(1)

    def elaborate(self, platform):
        m = Module()
        fields = {
            (register.name, field.name): Signal(
                field.width, name=f"{register.name}_{field.name}", init=register.reset >> field.lsb
            )
            for register in regs.registers()
            for field in register.fields
            if field.access in ("rw", "rw1c")
        }
        busy = self.running | self.start | self.resetting | ~self.quiet
        written = self._build_writes(m, fields, busy)
        index = self._build_control(m, fields, written, busy)
        m.d.comb += self.irq.eq(
            (fields["status", "done"] | fields["status", "fault"]) & fields["control", "irq_enable"]
        )
        for name in ("program_addr", "program_size", "base"):
            m.d.comb += getattr(self, name).eq(fields[name, "value"])
        for name, _ in ADDRESS_RANGES:
            m.d.comb += getattr(self.address_ranges, name).eq(fields[name, "value"])
        self._build_reads(m, fields, busy, index)
        return m

    def _build_writes(self, m, fields, busy):
        """The write channels; returns a function giving the bits of a field written as 1."""
        axil = self.axil
        accept = Signal()
        m.d.comb += [
            accept.eq(axil.awvalid & axil.wvalid & ~axil.bvalid),
            axil.awready.eq(accept),
            axil.wready.eq(accept),
            axil.bresp.eq(RESP_OKAY),
        ]
        with m.If(axil.bready):
            m.d.sync += axil.bvalid.eq(0)
        with m.If(accept):
            m.d.sync += axil.bvalid.eq(1)
        for register in regs.registers():
            for field in register.fields:
                if field.access != "rw":
                    continue
                locked = busy if register.name not in ("control", "status") else Const(0, 1)
                here = accept & (axil.awaddr[2:] == register.offset >> 2) & ~locked
                target = fields[register.name, field.name]
                for byte, strobe in enumerate(axil.wstrb):
                    self._build_byte(m, here & strobe, target, field.lsb, 8 * byte)

        def written(register_name: str, field_name: str) -> Value:
            register = next(r for r in regs.registers() if r.name == register_name)
            field = next(f for f in register.fields if f.name == field_name)
            here = accept & (axil.awaddr[2:] == register.offset >> 2)
            return here & axil.wdata[field.lsb] & axil.wstrb[field.lsb // 8]

        return written

    def _build_byte(self, m, en, target, lsb, first):
        """Write the bits of a field that lie in the byte from bit ``first`` of the data on."""
        low, high = max(lsb, first), min(lsb + len(target), first + 8)
        if low < high:
            with m.If(en):
                m.d.sync += target[low - lsb : high - lsb].eq(self.axil.wdata[low:high])

    def _build_control(self, m, fields, written, busy):
        """Start, end, soft reset and status; returns the latched fault index and code."""
        done, fault = fields["status", "done"], fields["status", "fault"]
        code, index = Signal(4), Signal(INDEX_BITS)
        reset = written("control", "reset")
        accepted = written("control", "start") & ~reset & ~busy
        m.d.sync += self.start.eq(accepted)
        with m.If(written("status", "done")):
            m.d.sync += done.eq(0)
        with m.If(written("status", "fault")):
            m.d.sync += fault.eq(0), code.eq(0)
        with m.If(self.start):
            m.d.sync += self.running.eq(1)
        with m.If(self.done):
            m.d.sync += self.running.eq(0), done.eq(1)
        with m.If(self.fault):
            m.d.sync += [
                self.running.eq(0),
                fault.eq(1),
                code.eq(self.fault_code),
                index.eq(self.fault_index),
            ]
        with m.If(self.cleared):
            m.d.sync += self.resetting.eq(0)
        with m.If(reset):
            m.d.sync += self.running.eq(0), self.start.eq(0), self.resetting.eq(1)
        with m.If(accepted | reset):
            m.d.sync += done.eq(0), fault.eq(0), code.eq(0), index.eq(0)
        return code, index

    def _build_reads(self, m, fields, busy, latched):
        axil = self.axil
        code, index = latched
        special = {
            ("status", "busy"): busy,
            ("status", "fault_code"): code,
            ("id", "value"): Const(regs.ID_VALUE, 32),
            ("fault_index", "value"): index,
            ("cycles_lo", "value"): self.cycles[:32],
            ("cycles_hi", "value"): self.cycles[32:],
        }
        special |= {
            ("fingerprint", field.name): self.fingerprint[field.lsb : field.lsb + field.width]
            for field in regs.register("fingerprint").fields
        }
        readable = fields | special
        counted, upper = self._build_counter(m)
        # A counter was read in the cycle before, its upper half if ``second``.
        counting, second = Signal(), Signal()
        taken = axil.arvalid & axil.arready
        # Which counter it is stands in a register, from the second cycle of the request on.
        asked = Signal()
        waits = axil.arvalid & counted & ~(asked & self.counter_ready)
        m.d.sync += asked.eq(axil.arvalid & ~taken)
        m.d.comb += [
            axil.arready.eq(~axil.rvalid & ~counting & ~waits),
            axil.rresp.eq(RESP_OKAY),
        ]
        m.d.sync += counting.eq(taken & counted), second.eq(upper)
        with m.If(axil.rready):
            m.d.sync += axil.rvalid.eq(0)
        with m.If(counting):
            value = Mux(second, self.counter_value[32:], self.counter_value[:32])
            m.d.sync += axil.rvalid.eq(1), axil.rdata.eq(value)
        with m.Elif(taken):
            m.d.sync += axil.rvalid.eq(~counted), axil.rdata.eq(0)
            with m.Switch(axil.araddr[2:]):
                for register in regs.registers():
                    if register.offset >= regs.COUNTER_BASE:
                        continue
                    value = Const(0, 32)
                    for field in register.fields:
                        if field.access != "wo":
                            source = readable[register.name, field.name][: field.width]
                            value = value | (source << field.lsb)
                    with m.Case(register.offset >> 2):
                        m.d.sync += axil.rdata.eq(value)

    def _build_counter(self, m):
        """Asks for the counter at the read address; returns whether there is one, and whether its
        upper half is read."""
        address, low = self.axil.araddr, exact_log2(regs.COUNTER_STRIDE)
        last = regs.COUNTER_BASE + regs.COUNTER_STRIDE * len(Counter)
        m.d.sync += self.counter.eq((address - regs.COUNTER_BASE) >> low)
        counted = (address >= regs.COUNTER_BASE) & (address < last)
        return counted, address[low - 1]
