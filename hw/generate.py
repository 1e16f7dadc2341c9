"""Verilog of the accelerator."""

import os

from amaranth.back import verilog as backend

from hw.mem.bank import VerilogBank
from hw.spec.config import AccelConfig
from hw.top import Accelerator

TOP = "accelerator"
"""Name of the top module."""


def verilog(config: AccelConfig) -> str:
    """The Verilog text of one configuration; the same configuration gives the same text."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    text = backend.convert(
        Accelerator(config, VerilogBank), name=TOP, strip_internal_attrs=True, emit_src=False
    )
    return text + VerilogBank.SOURCE.read_text()
