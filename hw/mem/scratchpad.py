"""The scratchpad: the one on-chip memory, in banks of words that are read and written as lines."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.lib.delay import delay
from hw.mem.scratchpad_bank import ScratchpadBank
from hw.spec import timing
from hw.spec.config import AccelConfig

WORD_ADDR = 20


def line_addr(config: AccelConfig) -> int:
    """Bits of a line's address."""
    return WORD_ADDR - config.line_bits


def scratchpad_port(config: AccelConfig) -> wiring.Signature:
    """The execute unit's ports, seen from the execute unit.

    Members
    -------
    read_en, read_addr : request for the ``line_words`` words from word address ``read_addr`` on;
        granted unless ``blocked``
    read_mask : which of the first ``requant_words`` of them are needed; the first always is
    blocked : STORE has the read port in this cycle
    line : the words of the request granted READ_LATENCY cycles before; word ``a`` is in
        position ``a % line_words``
    write_en, write_addr, write_mask, write_data : ``requant_words`` words from ``write_addr`` on
    """
    return wiring.Signature(
        {
            "read_en": Out(1),
            "read_addr": Out(WORD_ADDR),
            "read_mask": Out(config.requant_words),
            "blocked": In(1),
            "line": In(config.line_bytes * 8),
            "write_en": Out(1),
            "write_addr": Out(WORD_ADDR),
            "write_mask": Out(config.requant_words),
            "write_data": Out(config.requant_words * config.word_bytes * 8),
        }
    )


def out_of_range(config: AccelConfig, addr, mask):
    """Whether the words of ``mask`` from word address ``addr`` on reach beyond the scratchpad."""
    last = addr + mask[-1] if len(mask) > 1 else addr
    return (last >> config.line_bits) >= config.scratchpad_lines


class Scratchpad(wiring.Component):
    """``line_words`` banks, each with one read and one write port, on a fixed schedule.

    Members
    -------
    phase : the machine's phase counter
    load_en, load_line, load_mask, load_data : LOAD's write; only in phase DMA_WRITE_PHASE
    store_req, store_line : STORE's read; only in phase DMA_READ_PHASE, always granted
    store_valid : ``line`` holds what STORE asked for
    line : the line register
    execute : the execute unit's ports
    range_fault, range_unit : an access beyond the scratchpad, by load (0), store (1) or execute (2)
    """

    def __init__(
        self, config: AccelConfig, bank: Callable[[int, int], ScratchpadBank] = ScratchpadBank
    ):
        self._config, self._bank = config, bank
        line = config.line_bytes * 8
        super().__init__(
            {
                "phase": In(range(config.line_words)),
                "load_en": In(1),
                "load_line": In(line_addr(config)),
                "load_mask": In(config.line_words),
                "load_data": In(line),
                "store_req": In(1),
                "store_line": In(line_addr(config)),
                "store_valid": Out(1),
                "line": Out(line),
                "execute": In(scratchpad_port(config)),
                "range_fault": Out(1),
                "range_unit": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, word = self._config, self._config.word_bytes * 8
        m.submodules.banks = banks = ScratchpadBanks(self._config, self._bank)
        port = self.execute
        storing = Signal()
        m.d.comb += [
            storing.eq(self.store_req & (self.phase == timing.DMA_READ_PHASE)),
            port.blocked.eq(storing),
            banks.read_en.eq(storing | port.read_en),
            banks.read_addr.eq(Mux(storing, self.store_line << config.line_bits, port.read_addr)),
        ]
        m.d.comb += [
            self.store_valid.eq(delay(m, storing, timing.READ_LATENCY, "stored")),
            self.line.eq(banks.line),
            port.line.eq(banks.line),
        ]
        for bank in range(config.line_words):
            enable, data = port.write_mask[0], port.write_data[:word]
            first = port.write_addr[: config.line_bits]
            hit = first == bank
            for extra in range(1, config.requant_words):
                other = (first + extra)[: config.line_bits] == bank
                enable = Mux(other, port.write_mask[extra], enable)
                data = Mux(other, port.write_data.word_select(extra, word), data)
                hit = hit | other
            line = (port.write_addr >> config.line_bits) + _beyond(bank, first)
            m.d.comb += [
                banks.write_en[bank].eq(
                    Mux(self.load_en, self.load_mask[bank], port.write_en & hit & enable)
                ),
                banks.write_line[bank].eq(Mux(self.load_en, self.load_line, line)),
                banks.write_data.word_select(bank, word).eq(
                    Mux(self.load_en, self.load_data.word_select(bank, word), data)
                ),
            ]
        self._build_range_check(m, storing)
        return m

    def _build_range_check(self, m, storing):
        lines = self._config.scratchpad_lines
        port = self.execute
        load = self.load_en & (self.load_line >= lines)
        store = storing & (self.store_line >= lines)
        read = port.read_en & ~storing & out_of_range(self._config, port.read_addr, port.read_mask)
        write = port.write_en & out_of_range(self._config, port.write_addr, port.write_mask)
        m.d.comb += [
            self.range_fault.eq(load | store | read | write),
            self.range_unit.eq(Mux(load, 0, Mux(store, 1, 2))),
        ]


class ScratchpadBanks(wiring.Component):
    """The memories, the unaligned line read and the line register.

    Members
    -------
    read_en, read_addr : ``line_words`` consecutive words from any word address
    line : the words, READ_LATENCY cycles later, each in the position of its bank
    write_en, write_line, write_data : one write for each bank
    """

    def __init__(self, config: AccelConfig, bank: Callable[[int, int], ScratchpadBank]):
        self._config, self._bank = config, bank
        super().__init__(
            {
                "read_en": In(1),
                "read_addr": In(WORD_ADDR),
                "line": Out(config.line_bytes * 8),
                "write_en": In(config.line_words),
                "write_line": In(line_addr(config)).array(config.line_words),
                "write_data": In(config.line_bytes * 8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        assert timing.READ_LATENCY == 2
        config, word = self._config, self._config.word_bytes * 8
        fetched = Signal()
        m.d.sync += fetched.eq(self.read_en)
        words = []
        first = self.read_addr[: config.line_bits]
        for bank in range(config.line_words):
            memory = self._bank(word, config.scratchpad_lines)
            m.submodules[f"bank{bank}"] = memory
            line = (self.read_addr >> config.line_bits) + _beyond(bank, first)
            m.d.comb += [
                memory.read_addr.eq(line),
                memory.write_en.eq(
                    self.write_en[bank] & (self.write_line[bank] < config.scratchpad_lines)
                ),
                memory.write_addr.eq(self.write_line[bank]),
                memory.write_data.eq(self.write_data.word_select(bank, word)),
            ]
            words.append(memory.read_data)
        with m.If(fetched):
            m.d.sync += self.line.eq(Cat(*words))
        return m


def _beyond(bank, first):
    """1 if words from bank ``first`` on reach ``bank`` only in the next line."""
    return bank < first if bank < (1 << len(first)) - 1 else 0
