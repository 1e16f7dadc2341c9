import hashlib
import random

import pytest

from hw.spec import fingerprint, isa
from hw.spec.bit_fields import WORD_BITS


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
        assert all(f.lsb + f.width <= WORD_BITS for f in fields)


def test_a_change_of_the_encoding_is_a_new_format():
    """A program of one encoding must not run on a machine of another: raise FORMAT with it."""
    places = [
        (opcode.name, int(opcode), isa.COMMAND_WORDS[opcode], f.name, f.bit, f.width, f.signed)
        for opcode, fields in isa.FIELDS.items()
        for f in fields
    ]
    known = hashlib.sha256(repr(places).encode()).hexdigest()[:16]
    assert (fingerprint.FORMAT, known) == (1, "84b44464555629b6")
