"""Command fetch: reads the program, checks its commands and hands them to the units' queues."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.ctrl.decode_check import foreign, illegal
from hw.lib.block_queue import BlockQueue
from hw.lib.bus import ADDRESS_RANGES, BASE_BITS, BEATS_BITS, COUNTS, FAULT, Burst, read_port
from hw.spec import isa
from hw.spec.bit_fields import WORD_BITS
from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.regs import PROGRAM_ALIGN, Fault
from hw.spec.timing import FETCH_BYTES

_ALIGN_BITS = exact_log2(PROGRAM_ALIGN)
_LONGEST = max(isa.COMMAND_WORDS.values()) * WORD_BITS


class Fetch(wiring.Component):
    """Fetches the program from its address on, one command after another.

    A beat accepted in cycle t can move into the command register in t + 2; a command whose last
    beat moved in t is checked in t + 1 and can be pushed in t + 2. END is not pushed, it ends the
    fetch.

    Members
    -------
    program_addr, program_size : In(32)
        Bytes, multiples of PROGRAM_ALIGN; constant while a program runs, and from two cycles
        before.
    base : In(32)
        What addresses count from, a multiple of BURST_BOUNDARY; as constant.
    address_ranges : In(ADDRESS_RANGES)
        What may be read; as constant.
    memory : Out(read_port)
        The reader.
    load, execute, store : Out(stream)
        Commands for the units' queues.
    stop : In(1)
        Make no more requests and push no more commands. High until a run begins.
    end_pending : Out(1)
        END has been reached.
    end_waits : Out(COUNTS)
        What END waits for.
    pushed : Out(1)
        A command is dispatched in this cycle (END included).
    last : Out(INDEX_BITS)
        Index of the last command dispatched, 0 before.
    fault : Out(FAULT)
        A fault raised in this cycle.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "program_addr": In(32),
                "program_size": In(32),
                "base": In(32),
                "address_ranges": In(ADDRESS_RANGES),
                "memory": Out(read_port(config)),
                "load": Out(stream.Signature(command_layouts.LOAD)),
                "execute": Out(stream.Signature(command_layouts.EXECUTE)),
                "store": Out(stream.Signature(command_layouts.STORE)),
                "stop": In(1),
                "end_pending": Out(1),
                "end_waits": Out(COUNTS),
                "pushed": Out(1),
                "last": Out(command_layouts.INDEX_BITS),
                "fault": Out(FAULT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat = data.StructLayout({"data": 8 * self._config.cols, "error": 1})
        capacity = 2 * FETCH_BYTES // self._config.word_bytes
        m.submodules.buffer = buffer = BlockQueue(beat, capacity)
        m.d.comb += [
            buffer.push.valid.eq(self.memory.beat),
            buffer.push.payload.data.eq(self.memory.data),
            buffer.push.payload.error.eq(self.memory.error),
        ]
        moved = buffer.pop.valid & buffer.pop.ready
        index = Signal(command_layouts.INDEX_BITS)
        misaligned = Signal(reset_less=True)
        place = self.program_addr | self.program_size
        m.d.sync += misaligned.eq(place[:_ALIGN_BITS].any() | self.base[:BASE_BITS].any())
        outside = self._build_requests(m, moved, capacity, ~misaligned)
        raw, full, unknown = self._build_assembly(m, buffer, index)
        other, bad = self._build_dispatch(m, raw, full, index)
        exhausted = self._build_exhausted(m, moved, full)

        m.d.comb += [
            self.last.eq(Mux(index == 0, 0, index - 1)),
            self.fault.index.eq(index),
        ]
        causes = (
            (misaligned, Fault.MISALIGNED),
            (moved & buffer.pop.payload.error, Fault.FETCH_ERROR),
            (moved & unknown, Fault.ILLEGAL_OPCODE),
            (other, Fault.WRONG_MACHINE),
            (bad, Fault.ILLEGAL_FIELD),
            (exhausted, Fault.NO_END),
            (outside, Fault.ADDRESS_RANGE),
        )
        for raised, code in reversed(causes):
            with m.If(raised):
                m.d.comb += self.fault.raised.eq(~self.stop), self.fault.code.eq(code)
        return m

    def _build_requests(self, m, moved, capacity, aligned):
        """Requests an aligned program, burst by burst; returns whether the next is outside the
        address ranges."""
        low = exact_log2(self._config.word_bytes)
        # The next request, and the beats from it to the program's end; set until the run begins.
        addr = Signal(32 - low, reset_less=True)
        left = Signal(32 - low, reset_less=True)
        claimed = Signal(range(capacity + 1))
        # Of the burst there, known a cycle after it is aimed at.
        beats = Signal(BEATS_BITS, reset_less=True)
        inside, outside = Signal(reset_less=True), Signal(reset_less=True)
        # Whether it fits into the buffer.
        room, open_ = Signal(init=1), Signal()
        longest = FETCH_BYTES // self._config.word_bytes
        end = Signal(33 - low, reset_less=True)
        m.d.sync += end.eq((self.program_addr >> low) + (self.program_size >> low))
        burst = Burst(m, self._config, addr, left, end, longest)
        allowed = burst.may_read(self.address_ranges)
        m.d.comb += [
            self.memory.request.payload.addr.eq(addr << low),
            self.memory.request.payload.beats.eq(beats),
            open_.eq(~self.end_pending & ~self.stop & room),
            self.memory.request.valid.eq(open_ & inside),
        ]
        taken = self.memory.request.valid & self.memory.request.ready
        # After a request the burst is unknown for a cycle.
        known = aligned & (left != 0) & ~taken
        m.d.sync += [
            beats.eq(burst.beats),
            inside.eq(known & allowed),
            outside.eq(known & ~allowed),
            room.eq(claimed - moved <= capacity - longest),
            claimed.eq(claimed + Mux(taken, beats, 0) - moved),
        ]
        with m.If(self.stop):
            m.d.sync += [
                addr.eq(self.program_addr >> low),
                left.eq(self.program_size >> low),
            ]
        with m.Elif(taken):
            m.d.sync += addr.eq(addr + beats), left.eq(left - beats)
        return open_ & outside

    def _build_assembly(self, m, buffer, index):
        """The command register; returns it, whether it is full, and whether the next beat begins
        a command of unknown opcode."""
        width = 8 * self._config.cols
        slots = _LONGEST // width
        raw = Signal(data.ArrayLayout(width, slots), reset_less=True)
        slot = Signal(range(slots))
        full = Signal()
        first = slot == 0
        opcode = Mux(
            first, buffer.pop.payload.data[: isa.OPCODE_BITS], raw.as_value()[: isa.OPCODE_BITS]
        )
        long = opcode == Opcode.EXECUTE
        short_slots = min(isa.COMMAND_WORDS.values()) * WORD_BITS // width
        last = slot == Mux(long, slots - 1, short_slots - 1)
        known = Signal()
        m.d.comb += [
            known.eq((opcode >= min(Opcode)) & (opcode <= max(Opcode))),
            buffer.pop.ready.eq(~full & ~self.end_pending & ~self.stop),
        ]
        with m.If(buffer.pop.valid & buffer.pop.ready):
            m.d.sync += [
                raw[slot].eq(buffer.pop.payload.data),
                slot.eq(Mux(last, 0, slot + 1)),
                full.eq(last),
            ]
        with m.If(self.pushed):
            m.d.sync += full.eq(0), index.eq(index + 1)
        return raw.as_value(), full, first & ~known

    def _build_dispatch(self, m, raw, full, index):
        """Pushes a full command where it belongs, once checked; returns whether it is for another
        machine, and whether it is illegal."""
        checked, other, wrong, ready = Signal(), Signal(), Signal(), Signal()
        m.d.comb += ready.eq(checked & ~other & ~wrong & ~self.stop)
        m.d.sync += checked.eq(full & ~self.pushed), other.eq(foreign(raw, self._config))
        streams = {Opcode.LOAD: self.load, Opcode.EXECUTE: self.execute, Opcode.STORE: self.store}
        with m.Switch(raw[: isa.OPCODE_BITS]):
            for opcode, out in streams.items():
                with m.Case(opcode):
                    m.d.sync += wrong.eq(illegal(opcode, raw, self._config))
                    m.d.comb += [out.valid.eq(ready), self.pushed.eq(ready & out.ready)]
            with m.Case(Opcode.END):
                m.d.sync += wrong.eq(illegal(Opcode.END, raw, self._config))
                m.d.comb += self.pushed.eq(ready)
                with m.If(self.pushed):
                    m.d.sync += self.end_pending.eq(1)
        for opcode, out in streams.items():
            m.d.comb += out.payload.eq(command_layouts.unpack_command(opcode, raw, index))
        end = data.View(command_layouts.END, command_layouts.unpack_command(Opcode.END, raw, index))
        m.d.comb += [
            self.end_waits.load.eq(end.wait_load),
            self.end_waits.execute.eq(end.wait_execute),
            self.end_waits.store.eq(end.wait_store),
        ]
        return checked & other, checked & wrong

    def _build_exhausted(self, m, moved, full):
        """Whether the whole program has moved without END."""
        low = exact_log2(self._config.word_bytes)
        gone = Signal(32 - low)
        m.d.sync += gone.eq(gone + moved)
        total = self.program_size >> low
        return (gone == total) & ~full & ~self.end_pending
