"""A bank of the scratchpad, in two forms: portable, and as a Verilog module."""

from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

BANK_LATENCY = 2
"""Cycles from an address to its word: the memory, and its output register."""


class ScratchpadBank(wiring.Component):
    """``depth`` words of ``width`` bits; one read and one write a cycle.

    A read of the word written in the same cycle gives what the hardware's memory gives there, in a
    simulation of the Verilog its old value with every bit inverted: no command of a program with
    complete waits needs it, since they are met only after the write.

    Members
    -------
    read_addr : In(range(depth))
        Address of a word to read.
    read_data : Out(width)
        The word, BANK_LATENCY cycles later, in the output register.
    read_en : In(1)
        The output register takes the word of the cycle before.
    write_en : In(1)
        Write in this cycle.
    write_addr : In(range(depth))
        With ``write_en``: address of the word.
    write_data : In(width)
        With ``write_en``: the word.
    """

    def __init__(self, width: int, depth: int):
        self._width, self._depth = width, depth
        super().__init__(
            {
                "read_addr": In(range(depth)),
                "read_data": Out(width),
                "read_en": In(1),
                "write_en": In(1),
                "write_addr": In(range(depth)),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = Memory(shape=self._width, depth=self._depth, init=[])
        read, write = words.read_port(), words.write_port()
        output = Signal(self._width, reset_less=True)
        with m.If(self.read_en):
            m.d.sync += output.eq(read.data)
        m.d.comb += [
            read.addr.eq(self.read_addr),
            self.read_data.eq(output),
            write.en.eq(self.write_en),
            write.addr.eq(self.write_addr),
            write.data.eq(self.write_data),
        ]
        return m


class VerilogScratchpadBank(ScratchpadBank):
    """The same as an instance of ``scratchpad_bank.v``, without a line of initial value for each
    word."""

    MODULE = "scratchpad_bank"

    def __init__(self, width: int, depth: int, prefix: str = ""):
        self._module = prefix + self.MODULE
        super().__init__(width, depth)

    @classmethod
    def source(cls, prefix: str = "") -> str:
        """The module's text; ``prefix`` goes before its name."""
        text = Path(__file__).with_name(f"{cls.MODULE}.v").read_text()
        return text.replace(f"module {cls.MODULE}", f"module {prefix}{cls.MODULE}")

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = Instance(
            self._module,
            p_WIDTH=self._width,
            p_DEPTH=self._depth,
            p_ADDR=len(self.read_addr),
            i_clk=ClockSignal(),
            i_read_addr=self.read_addr,
            o_read_data=self.read_data,
            i_read_en=self.read_en,
            i_write_en=self.write_en,
            i_write_addr=self.write_addr,
            i_write_data=self.write_data,
        )
        return m
