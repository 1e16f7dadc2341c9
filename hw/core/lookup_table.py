"""Table: a 256-entry function of int8, looked up for every finished byte of a beat."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.lib.repeated import repeated
from hw.spec.config import AccelConfig
from hw.spec.timing import TABLE_PART

PORTS = 2
ROW = TABLE_PART // PORTS
"""Entries in a row of a table memory: what a port of a block RAM reads or writes in a cycle."""
PARTS = 256 // TABLE_PART


class TableMemory(wiring.Component):
    """The table for PORTS lanes, in one block RAM of two ports (a DP16KD, a RAMB18E1).

    A port writes or reads, as block RAMs do: its address is one signal for both. While a part is
    written no lookup is under way.

    Members
    -------
    write_en : In(1)
        Write a part of the table.
    write_part : In(range(PARTS))
        With ``write_en``: its place.
    write_data : In(8 * TABLE_PART)
        With ``write_en``: its entries.
    read_en : In(1)
        Look up.
    index : In(signed(8)), an array of PORTS
        With ``read_en``: the bytes to look up.
    value : Out(signed(8)), an array of PORTS
        Their entries, in the next cycle.
    """

    MODULE = "table_memory"
    OWN = ("index", "value")

    def __init__(self, config: AccelConfig):
        bytes_ = data.ArrayLayout(signed(8), PORTS)
        super().__init__(
            {
                "write_en": In(1),
                "write_part": In(range(PARTS)),
                "write_data": In(8 * TABLE_PART),
                "read_en": In(1),
                "index": In(bytes_),
                "value": Out(bytes_),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Without no_rw_check synthesis would compare the addresses of both ports in every cycle.
        m.submodules.rows = rows = Memory(
            shape=8 * ROW,
            depth=256 // ROW,
            init=[],
            attrs={"ram_style": "block", "no_rw_check": 1},
        )
        for port in range(PORTS):
            write, read = rows.write_port(), rows.read_port()
            entry = Signal(8, name=f"entry{port}")
            addr = Signal(range(256 // ROW), name=f"addr{port}")
            place = Signal(range(ROW), name=f"place{port}", reset_less=True)
            m.d.comb += [
                entry.eq(self.index[port].as_unsigned() ^ 0x80),
                addr.eq(Mux(self.write_en, Cat(C(port, 1), self.write_part), entry[1:])),
                write.addr.eq(addr),
                write.en.eq(self.write_en),
                write.data.eq(self.write_data.word_select(port, 8 * ROW)),
                read.addr.eq(addr),
                read.en.eq(self.read_en),
                self.value[port].eq(Mux(place, read.data[8:], read.data[:8])),
            ]
            m.d.sync += place.eq(entry[0])
        return m


class LookupTable(wiring.Component):
    """One lookup per requantiser lane; a word of the table comes every ``table_interval`` cycles.

    Members
    -------
    write_en : In(1)
        A word of the table comes.
    write_row : In(range(table_words))
        With ``write_en``: its place.
    write_data : In(8 * word_bytes)
        With ``write_en``: the word. It is in the table from ``table_interval`` + 1 cycles on.
    read_en : In(1)
        Look up. In the cycles in which a word is written no lookup is right.
    index : In(signed(8)), an array of lanes
        With ``read_en``: the bytes to look up.
    value : Out(signed(8)), an array of lanes
        Their entries, in the next cycle.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        bytes_ = data.ArrayLayout(signed(8), config.requant_lanes)
        super().__init__(
            {
                "write_en": In(1),
                "write_row": In(range(config.table_words)),
                "write_data": In(config.word_bytes * 8),
                "read_en": In(1),
                "index": In(bytes_),
                "value": Out(bytes_),
            }
        )

    def elaborate(self, platform):
        m = Module()
        parts = self._config.table_interval
        rest = Signal(self._config.word_bytes * 8, reset_less=True)
        left, part = Signal(range(parts + 1)), Signal(range(PARTS), reset_less=True)
        with m.If(self.write_en):
            m.d.sync += [
                rest.eq(self.write_data),
                left.eq(parts),
                part.eq(self.write_row * parts),
            ]
        with m.Elif(left != 0):
            m.d.sync += [rest.eq(rest >> 8 * TABLE_PART), left.eq(left - 1), part.eq(part + 1)]
        for first in range(0, self._config.requant_lanes, PORTS):
            memory = repeated(TableMemory, self._config, platform)
            m.submodules[f"memory{first // PORTS}"] = memory
            m.d.comb += [
                memory.write_en.eq(left != 0),
                memory.write_part.eq(part),
                memory.write_data.eq(rest[: 8 * TABLE_PART]),
                memory.read_en.eq(self.read_en),
            ]
            for port in range(PORTS):
                m.d.comb += [
                    memory.index[port].eq(self.index[first + port]),
                    self.value[first + port].eq(memory.value[port]),
                ]
        return m
