"""The byte buffer of LOAD; what it does is tested in test_load_unit.py."""

import re

import pytest

from hw.generate import modules
from hw.mem.channel_unpacker import ChannelUnpacker
from hw.spec.config import preset


@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_bytes_move_by_wires(name):
    """No shift by a constant is an operator: Amaranth follows each bit of a shifted value to each
    of the result, which was most of the time to write wide machines."""
    assert not re.search(r"<<|>>", modules(ChannelUnpacker(preset(name)), "unpacker"))
