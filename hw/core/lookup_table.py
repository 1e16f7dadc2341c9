"""Table: a 256-entry function of int8, looked up for every finished byte of a beat."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.spec.config import AccelConfig


class LookupTable(wiring.Component):
    """The table's memory, a word a row, with one lookup per requantiser lane.

    Members
    -------
    write_en : In(1)
        Write one word of the table.
    write_row : In(range(table_words))
        With ``write_en``: its place.
    write_data : In(8 * word_bytes)
        With ``write_en``: the word.
    index : In(signed(8)), an array of lanes
        The bytes to look up.
    value : Out(signed(8)), an array of lanes
        Their entries, in the same cycle.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        bytes_ = data.ArrayLayout(signed(8), config.requant_lanes)
        super().__init__(
            {
                "write_en": In(1),
                "write_row": In(range(config.table_words)),
                "write_data": In(config.word_bytes * 8),
                "index": In(bytes_),
                "value": Out(bytes_),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        column_bits = exact_log2(config.cols)
        m.submodules.rows = rows = Memory(
            shape=config.word_bytes * 8, depth=config.table_words, init=[]
        )
        write = rows.write_port()
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_row),
            write.data.eq(self.write_data),
        ]
        for lane in range(config.requant_lanes):
            read = rows.read_port(domain="comb")
            entry = Signal(8, name=f"entry{lane}")
            m.d.comb += [
                entry.eq(self.index[lane].as_unsigned() ^ 0x80),
                read.addr.eq(entry >> column_bits),
                self.value[lane].eq(read.data.word_select(entry[:column_bits], 8)),
            ]
        return m
