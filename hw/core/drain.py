"""Drain: sends finished pixel groups through the post-processor and writes them into the
scratchpad."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.channel_parameters import ChannelParameters
from hw.core.lookup_table import LookupTable
from hw.core.mac_lane import ACC
from hw.core.output_addresses import OutputAddresses
from hw.core.requantiser import Requantiser
from hw.lib.delay import delay, delay_line
from hw.lib.mux_tree import mux_tree
from hw.mem.scratchpad import READ_REQUEST, WORD_ADDR, word_write_port
from hw.spec import timing
from hw.spec.config import AccelConfig


class Drain(wiring.Component):
    """The drain unit (docs/architecture.md, 3.9).

    Members
    -------
    phase : In(range(config.phases))
        The machine's phase counter.
    cmd : In(EXECUTE)
        The command of the held pixel group.
    next_cmd : In(EXECUTE)
        ``cmd`` of the next cycle: the command in bank ``next_bank``.
    next_bank : Out(1)
        Bank of the command of the pixel group that is held in the next cycle.
    pipe_cmd : In(EXECUTE)
        The command of the beats in the post-processor, from the second cycle after their issue on.
    pipe_bank : Out(1)
        Bank of the command that is ``pipe_cmd`` in the next cycle.
    pixel_group_done : In(1)
        A new pixel group is in the shadow accumulators from the next cycle on.
    pixel_group : In(pixel_group_layout)
        With ``pixel_group_done``: the pixel group.
    shadow : In(ACC * cols), an array of rows
        The accumulators of the held pixel group.
    ready : Out(1)
        The last multiply-accumulate of a pixel group may issue.
    pixel_group_issued : In(1)
        It issues.
    read : Out(READ_REQUEST)
        Reads of second operands, parameters and tables.
    next_read_en : Out(1)
        ``read.en`` of the next cycle.
    read_mask : Out(requant_words)
        Which of the first words read are needed.
    urgent : Out(1)
        The read is a second operand's, and always granted.
    line : In(8 * line_bytes)
        The scratchpad's line register.
    write : Out(word_write_port)
        Finished words.
    beat : Out(1)
        A beat issues.
    command_done : Out(1)
        The last word of a command is written in this cycle.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        words = config.requant_words
        super().__init__(
            {
                "phase": In(range(config.phases)),
                "cmd": In(command_layouts.EXECUTE),
                "next_cmd": In(command_layouts.EXECUTE),
                "next_bank": Out(1),
                "pipe_cmd": In(command_layouts.EXECUTE),
                "pipe_bank": Out(1),
                "pixel_group_done": In(1),
                "pixel_group": In(stage_layouts.pixel_group_layout()),
                "shadow": In(data.ArrayLayout(ACC * config.cols, config.rows)),
                "ready": Out(1, init=1),
                "pixel_group_issued": In(1),
                "read": Out(READ_REQUEST),
                "next_read_en": Out(1),
                "read_mask": Out(words),
                "urgent": Out(1),
                "line": In(config.line_bytes * 8),
                "write": Out(word_write_port(config)),
                "beat": Out(1),
                "command_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.addresses = addresses = OutputAddresses(self._config)
        m.submodules.parameters = parameters = ChannelParameters(self._config)
        m.submodules.requant = requant = Requantiser(self._config)
        m.submodules.table = table = LookupTable(self._config)
        self._held, self._current = Signal(), Signal(stage_layouts.pixel_group_layout())
        self._build_issue(m, addresses, parameters)
        m.d.comb += [
            addresses.cmd.eq(self.cmd),
            addresses.current.eq(self._current),
            addresses.next.eq(self.beat),
            addresses.load.eq(self.pixel_group_done),
            addresses.pixel_group.eq(self.pixel_group),
            parameters.next_cmd.eq(self.next_cmd),
            parameters.load.eq(self.pixel_group_done),
            parameters.pixel_group.eq(self.pixel_group),
            parameters.read.grant.eq(self.read.grant & ~self.urgent),
            parameters.line.eq(self.line),
            parameters.plane.eq(addresses.plane),
            self.read_mask.eq(Mux(self.urgent, addresses.mask, 1)),
            self.read.addr.eq(Mux(self.urgent, addresses.other_addr, parameters.read.addr)),
            table.write_en.eq(parameters.table_en),
            table.write_row.eq(parameters.table_row),
            table.write_data.eq(parameters.table_data),
            table.read_en.eq(self.pipe_cmd.table),
            table.index.eq(requant.result),
            requant.cmd.eq(self.pipe_cmd),
            requant.enter.eq(self.beat),
            requant.residual.eq(self.cmd.residual),
            requant.channels.eq(parameters.channels),
        ]
        self._build_operands(m, addresses, requant)
        self._build_write(m, addresses, requant, table)
        return m

    def _build_issue(self, m, addresses, parameters):
        # The ends of pixel groups that are on their way through the array: one at most.
        issued = Signal(timing.MAC_LATENCY - 1)
        m.d.sync += issued.eq(Cat(self.pixel_group_issued, issued))
        # Cycles until the post-processor is empty.
        config = self._config
        flush = Signal(range(config.residual_flush))
        surely = addresses.next_surely
        with m.Switch(self.phase):
            for phase in range(config.phases):
                plain, residual = (config.near_end(phase + 1, residual=r) for r in (False, True))
                with m.Case(phase):
                    m.d.comb += surely.eq(Mux(self.next_cmd.residual, residual, plain))
        m.d.comb += [
            self.next_bank.eq(
                Mux(self.pixel_group_done, self.pixel_group.bank, self._current.bank)
            ),
            addresses.next_dense.eq(self.next_cmd.dense),
        ]
        end = Mux(self.cmd.residual, config.residual_flush - 1, config.plain_flush - 1)
        m.d.sync += flush.eq(Mux(self.beat, end, flush - (flush != 0)))
        with m.If(self.pixel_group_done):
            m.d.sync += self._current.eq(self.pixel_group)
        held, free = self._build_beat(m, addresses, parameters, flush)
        on_the_way = self.pixel_group_issued | issued[:-1].any()
        m.d.sync += self.ready.eq(~on_the_way & (~held | (free & addresses.next_near_end)))

    def _build_beat(self, m, addresses, parameters, flush):
        """Whether a beat issues, a cycle ahead. Returns whether a pixel group is held in the next
        cycle, and whether beats may issue then, except for the phase.

        ``beat`` decides on the scratchpad's read port in the cycle of its issue: a residual beat
        reads its second operand then, and all others wait for what is left. So ``beat`` is a
        register, and each of its conditions is known in the cycle before, as ``next_*``:

            t      next_held, next_first, next_empty, parameters.next_ready, phase_ok: of t + 1
            t + 1  beat: the addresses move on, the requantiser takes the sums, the operand is read
        """
        held, empty, first, phase_ok = (
            Signal(name=f"next_{name}") for name in ("held", "empty", "first", "phase_ok")
        )
        # The phase in which to decide on a beat that would be written in LOAD's phase.
        config = self._config
        blocked = timing.DMA_WRITE_PHASE - config.plain_write - 1
        interval = config.residual_interval
        m.d.comb += [
            held.eq(self.pixel_group_done | (self._held & ~(self.beat & addresses.last))),
            empty.eq(~self.beat & (flush <= 1)),
            first.eq(
                Mux(
                    self.pixel_group_done & self.pixel_group.command_start,
                    1,
                    addresses.command_first & ~self.beat,
                )
            ),
            phase_ok.eq(
                Mux(
                    self.next_cmd.residual,
                    self.phase[: exact_log2(interval)] == (timing.RESIDUAL_PHASE - 1) % interval,
                    self.phase[: config.skip_bits] != blocked % (1 << config.skip_bits),
                )
            ),
            parameters.next_held.eq(held),
            parameters.next_quiet.eq(empty),
        ]
        beat, free = Signal(name="next_beat"), Signal(name="next_free")
        m.d.comb += [
            free.eq(parameters.next_ready & (~first | empty)),
            beat.eq(held & free & phase_ok),
        ]
        urgent = Signal(name="next_urgent")
        m.d.comb += [
            urgent.eq(beat & self.next_cmd.residual),
            self.next_read_en.eq(urgent | parameters.next_read_en),
        ]
        m.d.sync += [
            self._held.eq(held),
            self.beat.eq(beat),
            self.urgent.eq(urgent),
            self.read.en.eq(self.next_read_en),
        ]
        return held, free

    def _build_operands(self, m, addresses, requant):
        """The accumulators of a beat, and, later, the words of its second operand."""
        config, word = self._config, self._config.word_bytes * 8
        words = config.requant_words
        parts = [
            Cat(*(self.shadow[p + i] for i in range(words))) for p in range(0, config.rows, words)
        ]
        first, end = exact_log2(words), exact_log2(config.rows)
        part = Signal(words * ACC * config.cols)
        m.d.comb += part.eq(mux_tree(parts, addresses.lane[first:end]))
        m.d.comb += requant.sums.eq(part)
        if words > 1:
            with m.If(addresses.swap):
                m.d.comb += requant.sums.eq(part.shift_right(ACC * config.cols))
        place = delay(m, addresses.other_addr[: config.line_bits], timing.READ_LATENCY, "place")
        other = Signal(words * word, reset_less=True)
        for i in range(words):
            m.d.sync += other.word_select(i, word).eq(
                self.line.word_select((place + i)[: config.line_bits], word)
            )
        wait = timing.RESIDUAL_B - timing.READ_LATENCY - 1
        m.d.comb += requant.other.eq(delay(m, other, wait, "other", reset_less=True))

    def _build_write(self, m, addresses, requant, table):
        config, cmd = self._config, self.pipe_cmd
        with m.If(self.beat):
            m.d.sync += self.pipe_bank.eq(self._current.bank)
        beat = Signal(
            data.StructLayout(
                {
                    "valid": 1,
                    "residual": 1,
                    "command_end": 1,
                    "mask": config.requant_words,
                    "addr": WORD_ADDR,
                }
            ),
            name="beat0",
        )
        m.d.comb += [
            beat.valid.eq(self.beat),
            beat.residual.eq(self.cmd.residual),
            beat.command_end.eq(addresses.last & self._current.command_end),
            beat.mask.eq(addresses.mask),
            beat.addr.eq(addresses.addr),
        ]
        beats = delay_line(m, beat, config.residual_write - 1, "beat")
        # The write port's registers are the last cycle of the way.
        plain, late = beats[config.plain_write - 1], beats[config.residual_write - 1]
        written, write = Signal.like(plain), self.write
        residual = late.valid & late.residual
        enabled = residual | (plain.valid & ~plain.residual)
        m.d.comb += written.eq(Mux(residual, late, plain))
        m.d.sync += [
            write.en.eq(enabled),
            self.command_done.eq(enabled & written.command_end),
            write.mask.eq(written.mask),
            write.addr.eq(written.addr),
        ]
        finished, looked_up = Signal.like(requant.result), Signal()
        m.d.sync += [looked_up.eq(cmd.table), finished.eq(requant.result)]
        value = Mux(looked_up, table.value, finished)
        if config.beat_cycles == 1:
            m.d.sync += write.data.eq(value)
        else:
            plain, late = beats[timing.PLAIN_WRITE - 1], beats[timing.RESIDUAL_WRITE - 1]
            first = (plain.valid & ~plain.residual) | (late.valid & late.residual)
            with m.If(first | enabled):
                m.d.sync += write.data.eq(Cat(write.data[len(value) :], value))
