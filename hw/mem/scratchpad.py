"""The scratchpad: the one on-chip memory, in banks of words that are read and written as lines."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.lib.delay import delay
from hw.mem.scratchpad_bank import BANK_LATENCY, ScratchpadBank
from hw.spec import timing
from hw.spec.config import AccelConfig
from hw.spec.isa import SCRATCHPAD_ADDR_BITS

WORD_ADDR = SCRATCHPAD_ADDR_BITS
"""Bits of a word's address."""
RANGE_LOAD, RANGE_STORE, RANGE_EXECUTE = range(3)
"""Units as ``range_unit`` numbers them."""


def line_addr(config: AccelConfig) -> int:
    """Bits of a line's address."""
    return WORD_ADDR - config.line_bits


def line_write_port(config: AccelConfig) -> wiring.Signature:
    """LOAD's port, seen from LOAD.

    Members
    -------
    en : Out(1)
        Write in this cycle; only in phase DMA_WRITE_PHASE.
    line : Out(line_addr(config))
        The line's address.
    mask : Out(line_words)
        Words to write.
    data : Out(8 * line_bytes)
        The line.
    """
    return wiring.Signature(
        {
            "en": Out(1),
            "line": Out(line_addr(config)),
            "mask": Out(config.line_words),
            "data": Out(8 * config.line_bytes),
        }
    )


def line_read_port(config: AccelConfig) -> wiring.Signature:
    """STORE's port, seen from STORE.

    Members
    -------
    en : Out(1)
        Read in this cycle; only in phase DMA_READ_PHASE. Granted, always.
    line : Out(line_addr(config))
        The line's address.
    valid : In(1)
        ``data`` holds the line of the read READ_LATENCY cycles ago.
    data : In(8 * line_bytes)
        The line register.
    """
    return wiring.Signature(
        {
            "en": Out(1),
            "line": Out(line_addr(config)),
            "valid": In(1),
            "data": In(8 * config.line_bytes),
        }
    )


READ_REQUEST = wiring.Signature({"en": Out(1), "addr": Out(WORD_ADDR), "grant": In(1)})
"""A request, seen from a unit, to read the ``line_words`` words from word address ``addr`` on, and
whether it is granted in this cycle. The words are in the line register READ_LATENCY cycles on."""


def word_write_port(config: AccelConfig) -> wiring.Signature:
    """The execute unit's writes, seen from it.

    Members
    -------
    en : Out(1)
        Write in this cycle.
    addr : Out(WORD_ADDR)
        Address of the first of ``requant_words`` words, any word's.
    mask : Out(requant_words)
        Words to write.
    data : Out(8 * word_bytes * requant_words)
        The words.
    """
    return wiring.Signature(
        {
            "en": Out(1),
            "addr": Out(WORD_ADDR),
            "mask": Out(config.requant_words),
            "data": Out(config.requant_words * config.word_bytes * 8),
        }
    )


def scratchpad_port(config: AccelConfig) -> wiring.Signature:
    """The execute unit's ports, seen from the execute unit.

    Members
    -------
    read_en : Out(1)
        Request for ``line_words`` words; granted unless ``blocked``.
    read_addr : Out(WORD_ADDR)
        Address of the first of them, any word's.
    read_mask : Out(requant_words)
        Which of the first words are needed; the first always is.
    blocked : In(1)
        STORE has the read port in this cycle.
    line : In(8 * line_bytes)
        The words of the request granted READ_LATENCY cycles ago; word ``a`` is in position
        ``a % line_words``.
    write : Out(word_write_port)
        The words to write.
    """
    return wiring.Signature(
        {
            "read_en": Out(1),
            "read_addr": Out(WORD_ADDR),
            "read_mask": Out(config.requant_words),
            "blocked": In(1),
            "line": In(config.line_bytes * 8),
            "write": Out(word_write_port(config)),
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
    load : In(line_write_port)
        LOAD's writes.
    store : In(line_read_port)
        STORE's reads.
    execute : In(scratchpad_port)
        The execute unit's ports.
    range_fault : Out(1)
        An access of this cycle lies beyond the scratchpad.
    range_unit : Out(2)
        With ``range_fault``: whose (RANGE_LOAD ...).
    """

    def __init__(
        self, config: AccelConfig, bank: Callable[[int, int], ScratchpadBank] = ScratchpadBank
    ):
        self._config, self._bank = config, bank
        super().__init__(
            {
                "load": In(line_write_port(config)),
                "store": In(line_read_port(config)),
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
        m.d.comb += [
            port.blocked.eq(self.store.en),
            banks.read_en.eq(self.store.en | port.read_en),
            banks.read_addr.eq(
                Mux(self.store.en, self.store.line << config.line_bits, port.read_addr)
            ),
        ]
        m.d.comb += [
            self.store.valid.eq(delay(m, self.store.en, timing.READ_LATENCY, "stored")),
            self.store.data.eq(banks.line),
            port.line.eq(banks.line),
        ]
        for bank in range(config.line_words):
            enable, data = port.write.mask[0], port.write.data[:word]
            first = port.write.addr[: config.line_bits]
            hit = first == bank
            for extra in range(1, config.requant_words):
                other = (first + extra)[: config.line_bits] == bank
                enable = Mux(other, port.write.mask[extra], enable)
                data = Mux(other, port.write.data.word_select(extra, word), data)
                hit = hit | other
            line = (port.write.addr >> config.line_bits) + _beyond(bank, first)
            m.d.comb += [
                banks.write_en[bank].eq(
                    Mux(self.load.en, self.load.mask[bank], port.write.en & hit & enable)
                ),
                banks.write_line[bank].eq(Mux(self.load.en, self.load.line, line)),
                banks.write_data.word_select(bank, word).eq(
                    Mux(self.load.en, self.load.data.word_select(bank, word), data)
                ),
            ]
        self._build_range_check(m)
        return m

    def _build_range_check(self, m):
        lines = self._config.scratchpad_lines
        port = self.execute
        load = self.load.en & (self.load.line >= lines)
        store = self.store.en & (self.store.line >= lines)
        read = (
            port.read_en
            & ~self.store.en
            & out_of_range(self._config, port.read_addr, port.read_mask)
        )
        write = port.write.en & out_of_range(self._config, port.write.addr, port.write.mask)
        m.d.comb += [
            self.range_fault.eq(load | store | read | write),
            self.range_unit.eq(Mux(load, RANGE_LOAD, Mux(store, RANGE_STORE, RANGE_EXECUTE))),
        ]


class ScratchpadBanks(wiring.Component):
    """The memories, the unaligned line read and the line register.

    Members
    -------
    read_en : In(1)
        Read ``line_words`` consecutive words.
    read_addr : In(WORD_ADDR)
        Address of the first, any word's.
    line : Out(8 * line_bytes)
        The words, READ_LATENCY cycles later, each in the position of its bank.
    write_en : In(line_words)
        Banks to write.
    write_line : In(line_addr(config)), an array
        Line of each bank to write.
    write_data : In(8 * line_bytes)
        The word of each bank.
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
        config, word = self._config, self._config.word_bytes * 8
        # Registers of addresses and data next to each bank; a read and a write of one cycle reach
        # the memory in the same later one.
        fetched = delay(m, self.read_en, timing.READ_LATENCY - 1, "fetched")
        assert timing.READ_LATENCY == 1 + BANK_LATENCY
        words = []
        first = self.read_addr[: config.line_bits]
        for bank in range(config.line_words):
            memory = self._bank(word, config.scratchpad_lines)
            m.submodules[f"bank{bank}"] = memory
            line = (self.read_addr >> config.line_bits) + _beyond(bank, first)
            en = Signal(name=f"write_en{bank}")
            m.d.sync += en.eq(
                self.write_en[bank] & (self.write_line[bank] < config.scratchpad_lines)
            )
            inputs = {
                "read_addr": line,
                "write_addr": self.write_line[bank],
                "write_data": self.write_data.word_select(bank, word),
            }
            for name, value in inputs.items():
                port = getattr(memory, name)
                register = Signal.like(port, name=f"{name}{bank}", reset_less=True)
                m.d.sync += register.eq(value)
                m.d.comb += port.eq(register)
            m.d.comb += memory.write_en.eq(en), memory.read_en.eq(fetched)
            words.append(memory.read_data)
        m.d.comb += self.line.eq(Cat(*words))
        return m


def _beyond(bank, first):
    """1 if words from bank ``first`` on reach ``bank`` only in the next line."""
    return bank < first if bank < (1 << len(first)) - 1 else 0
