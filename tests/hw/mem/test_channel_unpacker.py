"""The byte buffer of LOAD; what it does is tested in test_load_unit.py."""

from hw.generate import modules
from hw.mem.channel_unpacker import ChannelUnpacker
from hw.spec.config import preset


def test_its_verilog_grows_with_the_word_only():
    """Not with the word times the levels of its shifts: that text is slow to write and to run."""
    narrow, wide = (
        len(modules(ChannelUnpacker(preset(name)), "unpacker")) for name in ("tiny", "edge256")
    )
    assert wide < 2 * narrow
