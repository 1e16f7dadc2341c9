"""The energy estimate: what is counted, by hand, and tables that users give."""

import json
from types import SimpleNamespace

import pytest

from compiler.errors import InputError
from compiler.report.energy import (
    DEFAULT,
    PARTS,
    EnergyTable,
    accesses,
    energy_estimate,
    read_energy_table,
)
from hw.spec.config import preset
from hw.spec.isa import FIELDS, Opcode
from hw.spec.regs import Counter
from sim.program_reader import Command
from sim.simulation import Timing


def command(opcode, index, **fields):
    return Command(opcode, dict.fromkeys((f.name for f in FIELDS[opcode]), 0) | fields, index)


COMMANDS = (
    command(Opcode.LOAD, 0, row_count=3, row_length=5),
    # Three planes of 6 pixels in shape 1, with a second operand: 18 words out, 18 words in. Two
    # output blocks of one tile, each of one tap on 16 + 16 + 3 channels.
    command(
        Opcode.EXECUTE,
        1,
        pixels=6,
        out_blocks=2,
        last_planes=1,
        array_shape=1,
        residual=1,
        in_blocks=3,
        last_channels=3,
    ),
    # One plane of 7 pixels through a table, without weights: 9 taps of a word each.
    command(
        Opcode.EXECUTE,
        2,
        pixels=7,
        out_blocks=1,
        last_planes=1,
        ones=1,
        table=1,
        in_blocks=1,
        last_channels=1,
        split=4,
    ),
    command(Opcode.STORE, 3, row_count=2, row_length=9),
    # Pixels of 20 channels: two words each.
    command(Opcode.LOAD, 4, row_count=2, row_length=11, unpack=1, channels=20),
    command(Opcode.END, 5),
)
PROGRAM = SimpleNamespace(config=preset("edge256"), commands=COMMANDS)
COUNTERS = {c.name.lower(): 0 for c in Counter} | {
    "busy_network": 70,
    "busy_other": 9,
    "occupied": 20_000,
    "read_beats": 40,
    "write_beats": 18,
    "fetch_beats": 8,
    "operand_lines_read": 30,
    "weight_lines_read": 12,
}
TIMING = Timing(
    cycles=500,
    counters=COUNTERS,
    layers=(),
    spans=((5, 50, 0), (60, 200, 70), (150, 300, 9), (310, 400, 0), (320, 410, 0), (0, 0, 0)),
)


def test_accesses_are_what_the_machine_did():
    # edge256: 256 units, words of 16 bytes, lines of 128, 16 lanes, tables of 16 words.
    parameters = (3 + 1) * 2 * 8
    others = 15 + 44 + (18 + 18) + 7 + 16 + 18 + parameters
    assert accesses(PROGRAM, TIMING) == {
        "multiply_accumulate": 20_000 + 256 * 9,
        "operand_store": 30 * 128 + (2 * 3 + 9) * 16 * 16,
        "weight_store": 12 * 128 + 70 * 2 * 16,
        "scratchpad": 42 * 128 + others * 16,
        "dram": 58 * 16,
    }


@pytest.mark.parametrize(
    ("channels", "multiplied", "words"),
    [
        # A 3x3 kernel, one tile, one plane: cycles and words by hand, 16 channels to a word.
        ({"in_blocks": 2, "last_channels": 16}, 9 * 32, 9 * 2),
        ({"in_blocks": 1, "last_channels": 3}, 9 * 3, 9),
        ({"in_blocks": 1, "last_channels": 8, "split": 1}, 9 * 8, 9),
        ({"in_blocks": 1, "last_channels": 1, "split": 4}, 9, 9),
    ],
    ids=["regular", "first layer", "groups of 8", "depthwise"],
)
def test_a_word_leaves_an_operand_store_once_for_all_its_channels(channels, multiplied, words):
    execute = command(Opcode.EXECUTE, 0, pixels=16, out_blocks=1, last_planes=1, **channels)
    program = SimpleNamespace(config=preset("edge256"), commands=(execute,))
    timing = Timing(500, COUNTERS, layers=(), spans=((0, 400, multiplied),))
    assert accesses(program, timing)["operand_store"] == 30 * 128 + 16 * 16 * words


def test_energy_is_accesses_times_the_table():
    table = EnergyTable("test", 2.0, 3.0, ((1, 8.0), (1 << 30, 8.0)), 80.0)
    counted = accesses(PROGRAM, TIMING)
    found = energy_estimate(PROGRAM, TIMING, table)
    assert list(found) == list(PARTS)
    each = {"multiply_accumulate": 5.0, "dram": 10.0}
    for part, microjoules in found.items():
        assert microjoules == pytest.approx(counted[part] * each.get(part, 1.0) / 1e6)


@pytest.mark.parametrize(
    ("size", "access"),
    [
        (8192, 10),
        (32768, 20),
        (1 << 20, 100),
        (16384, 200**0.5),
        ((32768 << 20) ** 0.5, 2000**0.5),
        (16, 10),
        (1 << 22, 100),
    ],
)
def test_memories_cost_what_the_source_says(size, access):
    assert read_energy_table().sram_byte(size) == pytest.approx(access / 8)


def test_the_default_is_the_published_table():
    table = read_energy_table()
    assert "ISSCC 2014" in table.source
    assert (table.multiply_8_bit, table.add_32_bit) == (0.2, 0.1)
    assert table.sram_64_bit == ((8192, 10), (32768, 20), (1 << 20, 100))
    assert table.dram_64_bit == pytest.approx((1300 + 2600) / 2)


BAD_ENERGIES = (0, -1, -0.0, 1e308, 1e303, 1e-320, 10**400, True, None, "1e3", [1])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dram_64_bit": -1}, "dram_64_bit"),
        ({"dram_64_bit": "1"}, "dram_64_bit"),
        ({"sram_64_bit": {}}, "sram_64_bit"),
        ({"sram_64_bit": {"8 KB": 1}}, "8 KB"),
        ({"sram_64_bit": {"8192": 0}}, "8192"),
        ({"other": 1}, "other"),
        *(
            ({key: value}, f"key $.{key}: ")
            for value in BAD_ENERGIES
            for key in ("multiply_8_bit", "add_32_bit", "dram_64_bit")
        ),
        *(
            ({"sram_64_bit": {"8192": value}}, "key $.sram_64_bit['8192']: ")
            for value in BAD_ENERGIES
        ),
    ],
)
def test_faulty_tables_are_named(tmp_path, change, named):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(json.loads(DEFAULT.read_text()) | change))
    with pytest.raises(InputError) as fault:
        read_energy_table(path)
    message = str(fault.value)
    assert message.startswith(f"{path}: ") and named in message and "\n" not in message


REPEATED = DEFAULT.read_text().replace('"dram_64_bit"', '"dram_64_bit": 1, "dram_64_bit"')
NUMBERS = [f'{{"dram_64_bit": {text}}}' for text in ("NaN", "Infinity", "1e309", "9" * 5000)]
TEXTS = ["", "[]", *NUMBERS, "{", "[" * 100_000, "\xff", REPEATED]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_that_are_no_table_are_named(tmp_path, text):
    path = tmp_path / "table.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"table.json: "):
        read_energy_table(path)
    with pytest.raises(InputError, match=r"none.json: No such file"):
        read_energy_table(tmp_path / "none.json")
