"""Fast-forward through the middle of plain LOAD bursts: one word a cycle, and nothing else is
active on the memory side.
"""

from hw.spec.regs import Counter
from sim.timing.ctrl import (
    fetch,
    run_control,
)
from sim.timing.mem import (
    dram,
    load_unit,
    read_channel,
    store_unit,
)
from sim.timing.state import (
    COLS_LOG2,
    INTERVAL,
    LINE_BITS,
    LINE_WORDS,
    MEMORY_BYTES,
    READ_ERROR_RESPONSE,
    SCRATCHPAD_LINES,
    SILENT_CHANNELS,
    STOP,
    WORD_MASK,
    compiled,
)

READ_BEATS = int(Counter.READ_BEATS)


@compiled
def beats(cycle, phase, s, now):
    """Cycles from ``cycle``, which has that phase, in which the memory side (MemorySide ``s``) does
    no more than to move a word each into the scratchpad, if no EXECUTE is taken or completed."""
    dr, rd, fe, ld, st, p, opcodes, fields, _, codes, _, _, _, _ = s
    if not (
        _streams(cycle, dr, p, rd, ld)
        and now[STOP] == 0
        and run_control.asleep(now, fields, fe)
        and read_channel.asleep(rd, now, fe, ld)
        and fetch.asleep(fe, p, now, opcodes, codes)
        and load_unit.waits(ld, now, fields)
        and store_unit.asleep(st, now, fields)
        and dr[dram.WRITES] == 0
        and not store_unit.address_valid(st, now)
    ):
        return 0
    count = (
        min(dr[dram.READ_LEN + dr[dram.READ_HEAD]] - dr[dram.READ_BEAT], ld[load_unit.PIXELS]) - 1
    )
    if ld[load_unit.WORD] + count > min(p[SCRATCHPAD_LINES] << p[LINE_BITS], WORD_MASK):
        return 0
    if ld[load_unit.PENDING] != 0:
        fits = p[LINE_WORDS] - (ld[load_unit.WORD] & (p[LINE_WORDS] - 1))
        if ld[load_unit.PENDING_LAST] != 0 or ld[load_unit.PENDING_LINE] >= p[SCRATCHPAD_LINES]:
            return 0
        if _until_write(p, phase) > fits:
            return min(count, fits)
    return count


@compiled
def _streams(cycle, dr, p, rd, ld):
    """Whether a word moves in this cycle that LOAD takes as it is, and memory can give no error."""
    head = dr[dram.READ_HEAD]
    end = dr[dram.READ_ADDR + head] + (dr[dram.READ_LEN + head] << p[COLS_LOG2])
    return (
        ld[load_unit.VALID] != 0
        and ld[load_unit.UNPACK] == 0
        and ld[load_unit.CLOSED] == 0
        and rd[read_channel.VALID] == 0
        and not read_channel.head_is_fetch(rd)
        and dr[dram.READS] != 0
        and cycle >= dr[dram.READ_DUE + head]
        and cycle >= dr[dram.BUS_FREE]
        and p[INTERVAL] == 1
        and p[READ_ERROR_RESPONSE] == 0
        and p[SILENT_CHANNELS] == 0
        and end <= p[MEMORY_BYTES]
    )


@compiled
def _until_write(p, phase):
    """Cycles from one of that phase to the next in which LOAD may write a line."""
    return (load_unit.WRITE_PHASE - phase) & (p[LINE_WORDS] - 1)


@compiled
def move(count, cycle, phase, s, counters):
    """Move ``count`` words, not more than ``beats``, in the cycles before ``cycle``, which has that
    phase."""
    dr, _, _, ld, _, p, _, _, _, _, _, _, _, _ = s
    counters[READ_BEATS] += count
    dr[dram.READ_BEAT] += count
    dr[dram.BUS_FREE] = cycle
    first, size = ld[load_unit.WORD], p[LINE_WORDS]
    ld[load_unit.WORD] = ld[load_unit.PIXEL] = first + count
    ld[load_unit.PIXELS] -= count
    ld[load_unit.OPEN_LINE] = (first + count - 1) >> p[LINE_BITS]
    ld[load_unit.OPEN_LAST] = 0
    ld[load_unit.OPEN_INDEX] = ld[load_unit.CURRENT]
    ld[load_unit.CLOSED] = (first + count) & (size - 1) == 0
    _assemble(count, first, phase, ld, p)


@compiled
def _assemble(count, first, phase, ld, p):
    """The line that waits to be written after ``count`` words from ``first`` on.

    A line goes there in the cycle after its last word.
    """
    end = (first + count - 1) & ~(p[LINE_WORDS] - 1)
    age = count
    if end > first:
        ld[load_unit.PENDING] = 1
        ld[load_unit.PENDING_LINE] = (end >> p[LINE_BITS]) - 1
        ld[load_unit.PENDING_LAST] = 0
        ld[load_unit.PENDING_INDEX] = ld[load_unit.CURRENT]
        age = first + count - end - 1
    if ld[load_unit.PENDING] != 0 and _until_write(p, phase - age) < age:
        ld[load_unit.PENDING] = 0
