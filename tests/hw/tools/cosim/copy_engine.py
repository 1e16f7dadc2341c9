"""A DMA copy engine with the accelerator's ports: the smallest machine for the harness."""

from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import Component, In, Out

CONTROL, STATUS, SOURCE, TARGET, BEATS, BURST, FAULT = range(0, 28, 4)
START, SOFT_RESET = 1, 2
WLAST, ARADDR, ARBURST, WDATA, PAGE, HANG, ANSWER, ARRESET, RRESET = range(1, 10)
BUSY, DONE, ERROR = 1, 2, 4


class CopyEngine(Component):
    """Copies BEATS bus words from SOURCE to TARGET in bursts of BURST beats.

    Both addresses agree modulo 4 KiB.

    FAULT breaks a rule of AXI on purpose: WLAST is forgotten, ARADDR changes while it waits,
    ARBURST asks for FIXED, WDATA changes while it waits, or PAGE lets bursts cross 4 KiB. HANG
    never raises the interrupt. ANSWER gives a B on the AXI4-Lite port that nobody asked for, after
    that of START. ARRESET and RRESET raise a valid in the next reset, which FAULT outlives.
    """

    def __init__(self, data_bytes):
        self._data_bytes = data_bytes
        super().__init__(
            {
                **_channel("s_axil_aw", In, addr=12),
                **_channel("s_axil_w", In, data=32, strb=4),
                **_channel("s_axil_b", Out, resp=2),
                **_channel("s_axil_ar", In, addr=12),
                **_channel("s_axil_r", Out, data=32, resp=2),
                **_channel("m_axi_ar", Out, addr=32, len=8, size=3, burst=2),
                **_channel("m_axi_r", In, data=8 * data_bytes, resp=2, last=1),
                **_channel("m_axi_aw", Out, addr=32, len=8, size=3, burst=2),
                **_channel("m_axi_w", Out, data=8 * data_bytes, strb=data_bytes, last=1),
                **_channel("m_axi_b", In, resp=2),
                "irq": Out(1),
                "trace_start": Out(3),
                "trace_done": Out(3),
                "trace_index_load": Out(24),
                "trace_index_execute": Out(24),
                "trace_index_store": Out(24),
                "trace_mac_busy": Out(1),
                "trace_mac_index": Out(24),
                "trace_cause": Out(4),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.data = self.data = SyncFIFOBuffered(width=8 * self._data_bytes, depth=512)
        m.submodules.lengths = self.lengths = SyncFIFOBuffered(width=8, depth=32)
        self.regs = [Signal(32, name=f"reg{i}", reset_less=4 * i == FAULT) for i in range(7)]
        self.left = Signal(32)
        self.open_writes = Signal(8)
        self.error = Signal()
        self._build_registers(m)
        self._build_bursts(m)
        self._build_beats(m)
        return m

    def _build_registers(self, m):
        write, rvalid = Signal(), Signal()
        m.d.comb += self.s_axil_rvalid.eq(rvalid | (ResetSignal() & self.has(RRESET)))
        m.d.comb += write.eq(self.s_axil_awvalid & self.s_axil_wvalid & ~self.s_axil_bvalid)
        m.d.comb += [self.s_axil_awready.eq(write), self.s_axil_wready.eq(write)]
        m.d.comb += self.s_axil_arready.eq(~rvalid)
        index = self.s_axil_awaddr[2:5]
        m.d.sync += self.regs[0].eq(0)
        with m.If(write):
            m.d.sync += self.s_axil_bvalid.eq(1)
            with m.Switch(index):
                for number in (0, 2, 3, 4, 5, 6):
                    with m.Case(number):
                        m.d.sync += self.regs[number].eq(self.s_axil_wdata)
        started = Signal()
        m.d.sync += started.eq((self.regs[0] & START) != 0)
        with m.If(self.s_axil_bvalid & self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(0)
        with m.Elif(started & self.has(ANSWER)):
            m.d.sync += self.s_axil_bvalid.eq(1)

        status = Cat(self.busy(), self.irq, self.error)
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            m.d.sync += rvalid.eq(1)
            with m.Switch(self.s_axil_araddr[2:5]):
                with m.Case(1):
                    m.d.sync += self.s_axil_rdata.eq(status)
                with m.Default():
                    m.d.sync += self.s_axil_rdata.eq(0)
        with m.If(rvalid & self.s_axil_rready):
            m.d.sync += rvalid.eq(0)

    def has(self, fault):
        return self.regs[6] == fault

    def busy(self):
        return (self.left != 0) | (self.open_writes != 0)

    def _build_bursts(self, m):
        """One burst after another: AR, then its AW."""
        source, target, length = self.m_axi_araddr, self.m_axi_awaddr, Signal(8)
        reserved, wait, arvalid = Signal(10), Signal(), Signal()
        m.d.comb += self.m_axi_arvalid.eq(arvalid | (ResetSignal() & self.has(ARRESET)))
        log2 = (self._data_bytes - 1).bit_length()
        to_page = Signal(range(4097))
        whole = self.has(PAGE)
        m.d.comb += to_page.eq(Mux(whole, 4096, (4096 - source[:12]) >> log2))
        burst = Signal(8)
        m.d.comb += burst.eq(_minimum(_minimum(self.regs[5], self.left), to_page))

        fifo_w = self.m_axi_wvalid & self.m_axi_wready
        m.d.sync += reserved.eq(reserved - fifo_w)
        bdone = self.m_axi_bvalid & self.m_axi_bready
        m.d.sync += self.open_writes.eq(self.open_writes - bdone)
        with m.FSM() as fsm:
            with m.State("Idle"):
                with m.If((self.left != 0) & (reserved + burst < 512) & ~wait):
                    m.d.sync += [length.eq(burst), self.left.eq(self.left - burst)]
                    m.d.sync += reserved.eq(reserved + burst - fifo_w)
                    m.d.sync += self.open_writes.eq(self.open_writes + 1 - bdone)
                    m.d.sync += arvalid.eq(1)
                    m.next = "Read"
            with m.State("Read"):
                with m.If(self.m_axi_arready):
                    m.d.sync += [arvalid.eq(0), self.m_axi_awvalid.eq(1)]
                    m.next = "Write"
                with m.Elif(self.has(ARADDR)):
                    m.d.sync += source.eq(source ^ 64)
            with m.State("Write"):
                with m.If(self.m_axi_awready):
                    step = (length << log2)[:16]
                    m.d.sync += [source.eq(source + step), target.eq(target + step)]
                    m.d.sync += self.m_axi_awvalid.eq(0)
                    m.next = "Idle"
        m.d.comb += wait.eq(self.lengths.w_level > 16)
        m.d.comb += [self.m_axi_arlen.eq(length - 1), self.m_axi_awlen.eq(length - 1)]
        m.d.comb += [self.m_axi_arsize.eq(log2), self.m_axi_awsize.eq(log2)]
        m.d.comb += self.m_axi_arburst.eq(~self.has(ARBURST))
        m.d.comb += self.m_axi_awburst.eq(1)
        m.d.comb += self.lengths.w_data.eq(length - 1)
        m.d.comb += self.lengths.w_en.eq(self.m_axi_awvalid & self.m_axi_awready)

        with m.If((self.regs[0] & START) != 0):
            m.d.sync += [source.eq(self.regs[2]), target.eq(self.regs[3])]
            m.d.sync += [self.left.eq(self.regs[4]), self.irq.eq(0)]
        with m.If((self.regs[0] & SOFT_RESET) != 0):
            m.d.sync += [self.left.eq(0), self.irq.eq(0), self.error.eq(0)]
        running = Signal()
        with m.If((self.regs[0] & (START | SOFT_RESET)) != 0):
            m.d.sync += running.eq((self.regs[0] & START) != 0)
        with m.Elif(running & ~self.busy() & fsm.ongoing("Idle") & ~self.has(HANG)):
            m.d.sync += [running.eq(0), self.irq.eq(1)]
        m.d.comb += self.trace_start.eq(self.m_axi_arvalid & self.m_axi_arready)
        m.d.comb += self.trace_index_load.eq(source >> log2)

    def _build_beats(self, m):
        data, lengths, beat, toggle = self.data, self.lengths, Signal(8), Signal()
        m.d.sync += toggle.eq(~toggle)
        m.d.comb += [self.m_axi_rready.eq(1), self.m_axi_bready.eq(1)]
        m.d.comb += [data.w_data.eq(self.m_axi_rdata), data.w_en.eq(self.m_axi_rvalid)]
        m.d.comb += self.m_axi_wvalid.eq(data.r_rdy & lengths.r_rdy)
        m.d.comb += self.m_axi_wdata.eq(data.r_data ^ (self.has(WDATA) & toggle))
        m.d.comb += self.m_axi_wstrb.eq(~0)
        last = beat == lengths.r_data
        m.d.comb += self.m_axi_wlast.eq(last & ~self.has(WLAST))
        with m.If(self.m_axi_wvalid & self.m_axi_wready):
            m.d.comb += [data.r_en.eq(1), lengths.r_en.eq(last)]
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
            m.d.comb += [self.trace_mac_busy.eq(1), self.trace_mac_index.eq(lengths.r_data)]
        bad = (self.m_axi_rvalid & (self.m_axi_rresp != 0)) | (
            self.m_axi_bvalid & (self.m_axi_bresp != 0)
        )
        with m.If(bad):
            m.d.sync += self.error.eq(1)


def _channel(prefix, direction, **payload):
    back = Out if direction is In else In
    ports = {prefix + name: direction(width) for name, width in payload.items()}
    return ports | {prefix + "valid": direction(1), prefix + "ready": back(1)}


def _minimum(a, b):
    return Mux(a < b, a, b)
