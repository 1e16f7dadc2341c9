import random

import pytest

from hw.spec import isa


@pytest.mark.parametrize("opcode", list(isa.Opcode))
@pytest.mark.parametrize("seed", range(5))
def test_decode_gives_back_what_encode_got(opcode, seed):
    rng = random.Random(seed)
    values = {
        f.name: rng.choice((f.low, f.high, rng.randint(f.low, f.high)))
        for f in isa.FIELDS[opcode][1:]
    }
    data = isa.encode(opcode, **values)
    assert len(data) == 4 * isa.COMMAND_WORDS[opcode]
    assert isa.decode_fields(opcode, data) == {"opcode": opcode} | values
    assert int.from_bytes(data, "little") & isa.reserved_mask(opcode) == 0


def test_encode_refuses_values_that_do_not_fit():
    with pytest.raises(AssertionError, match=r"LOAD.row_count = 65536"):
        isa.encode(isa.Opcode.LOAD, row_count=1 << 16)
    with pytest.raises(AssertionError, match="has no field"):
        isa.encode(isa.Opcode.END, row_count=1)


def test_fields_do_not_cross_words():
    for fields in isa.FIELDS.values():
        assert all(f.lsb + f.width <= isa.WORD_BITS for f in fields)
