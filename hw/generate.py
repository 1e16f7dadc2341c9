"""Verilog of the accelerator."""

import os
import re
from functools import partial

from amaranth.back import verilog as backend

from hw.mem.scratchpad_bank import VerilogScratchpadBank
from hw.spec.config import AccelConfig
from hw.top import Accelerator

TOP = "accelerator"
"""Name of the top module."""
START = """\
  reg {name};
  /* verilator lint_off INITIALDLY */
  initial {name} <= 1'h0;
  /* verilator lint_on INITIALDLY */"""
"""Makes the event; two-state Verilator, which needs none, warns that it assigns at once."""

_MODULE = re.compile(r"^module .*?^endmodule$", re.MULTILINE | re.DOTALL)
_TRIGGER = re.compile(r"^  reg (\\\S+dump_module\S+)  = 0;$", re.MULTILINE)
"""Yosys's signal that the ``always @*`` of a module read, for an event at time 0."""
_BARE = re.compile(r"^  always @\*\n    (.*;)$", re.MULTILINE)
"""A process that reads it not: a part of a register that is wired to something else."""


def verilog(config: AccelConfig, prefix: str = "") -> str:
    """The Verilog text of one configuration; the same arguments give the same text.

    The names of all modules begin with ``prefix``.
    """
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    text = backend.convert(
        Accelerator(config, partial(VerilogScratchpadBank, prefix=prefix)),
        name=prefix + TOP,
        strip_internal_attrs=True,
        emit_src=False,
    )
    text = _MODULE.sub(lambda module: with_start(module[0]), text)
    return text + VerilogScratchpadBank.source(prefix)


def with_start(module: str) -> str:
    """The text of a module from Yosys, with an event at time 0 for every ``always @*``.

    Such a process sleeps until something that it reads changes. Yosys means the initial value of
    a signal to be that change, which Verilog leaves to chance (the declaration may come before the
    process waits) and SystemVerilog rules out. A nonblocking assignment takes place when all
    processes wait, whatever their order.
    """
    processes = module.count("always @*")
    if not processes:
        return module
    trigger = _TRIGGER.search(module)
    assert trigger is not None
    name = f"{trigger[1]} "
    head = f"  always @* begin\n    if ({name}) begin end\n"
    module = module.replace(trigger[0], START.format(name=name))
    module = _BARE.sub(lambda bare: f"{head}    {bare[1]}\n  end", module)
    assert module.count(head) == processes, "a process that may sleep through time 0"
    return module
