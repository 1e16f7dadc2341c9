"""Verilog of the accelerator."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from amaranth.back import verilog as backend
from amaranth.lib.wiring import Component

from compiler.cache_folder import writable_cache
from compiler.uncollected import uncollected
from hw.lib.repeated import RepeatedModules
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
    top = Accelerator(config, partial(VerilogScratchpadBank, prefix=prefix))
    return modules(top, TOP, prefix) + VerilogScratchpadBank.source(prefix)


def modules(component: Component, name: str, prefix: str = "") -> str:
    """The Verilog text of a component, and of the parts that it has many times."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    repeated = RepeatedModules(prefix)
    # Amaranth makes millions of objects that live until it is done.
    with uncollected(), _cache_of_yosys():
        text = _converted(component, prefix + name, repeated)
        for module, part in repeated.parts.items():
            text += apart(_converted(part, module, None), part.OWN)
    return text


@contextmanager
def _cache_of_yosys() -> Iterator[None]:
    """Let Yosys's WebAssembly, compiled for this machine, be kept in this project's cache.

    Raises InputError where that cannot be written.
    """
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(writable_cache())
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def _converted(component: Component, name: str, platform: RepeatedModules | None) -> str:
    text = backend.convert(
        component, name=name, platform=platform, strip_internal_attrs=True, emit_src=False
    )
    return _MODULE.sub(lambda module: with_start(module[0]), text)


def apart(module: str, own: Sequence[str]) -> str:
    """The text of a module that Verilator is to compile once for all its instances.

    It does so if it neither copies the module's logic into the one around it, nor, in that logic,
    puts what is connected to a port in the port's place: for the ports ``own`` that is not the same
    for all instances.
    """
    module = module.replace(";\n", ";\n  /* verilator no_inline_module */\n", 1)
    port = re.compile(rf"^  ((?:in|out)put .*\b(?:{'|'.join(own)}));$", re.MULTILINE)
    module, found = port.subn(r"  \1 /* verilator public_flat_rd */;", module)
    assert found == len(own)
    return module


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
