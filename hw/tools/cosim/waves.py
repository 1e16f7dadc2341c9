"""What a simulation records of its signals: the file, the cycles and the unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.errors import InputError, show
from golden.files import output_path

FORMATS = ("vcd", "fst")
"""Kinds of files, by the names' ends."""

HARNESS = {"tb_top": "tb_top.system.harness_i", "tb_top_ext": "tb_top_ext.harness_i"}
"""Paths of the harness by top; the accelerator in it is ``dut``."""

_MODULE = re.compile(r"^module .*?^endmodule", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"^  (?:input|output) (?:\[\d+:0\] )?(\S+) ?;", re.MULTILINE)
_SIGNAL = re.compile(r"^  (?:wire|reg) (?:\[\d+:0\] )?\\?([^\s;]+).*;$", re.MULTILINE)
_OFF, _ON = "/* verilator tracing_off */", "/* verilator tracing_on */"

SHOWN_DEPTH = 3
"""Names in the longest paths of units that a refusal lists."""


@dataclass(frozen=True)
class Waves:
    """A recording to ``path``, of the kind that the name's end says (``FORMATS``).

    ``window`` has the first and the last cycle, None records all from the power-up on. ``before``
    has the cycles of the segments before the run: cycles count from the first one's start.
    ``unit`` is an instance path of :func:`units`, whose signals are recorded, None for the ports of
    all units (of all signals by Icarus). With ``only``, the run ends after the window.
    """

    path: Path
    window: tuple[int, int] | None = None
    unit: str | None = None
    before: int = 0
    only: bool = False

    @property
    def kind(self) -> str:
        """One of ``FORMATS``."""
        return self.path.suffix[1:]

    def scope(self, top: str) -> str:
        """The scope that is recorded, in a simulation with the module ``top``."""
        return top if self.unit is None else f"{HARNESS[top]}.dut.{self.unit}"

    def arguments(self, file: Path, top: str) -> list[str]:
        """Arguments of a simulation that records to ``file``, read by waves.sv."""
        arguments = [f"+waves_file={file}", f"+waves_before={self.before}"]
        if self.unit is not None:
            arguments.append(f"+waves_scope={self.scope(top)}")
        if self.window is not None:
            first, last = self.window
            arguments += [f"+waves_first={first}", f"+waves_last={last}"]
        return arguments


def of_segments(waves: Waves | None, cycles: Sequence[int]) -> Iterator[Waves | None]:
    """The recording of each segment, of which ``cycles`` has the cycles; None for one outside the
    window. Files are numbered in the order of those that there are."""
    before = files = 0
    for count in cycles:
        if waves is None or not _meets(waves.window, before, before + count):
            yield None
        else:
            yield replace(waves, path=output_path(waves.path, files), before=before)
            files += 1
        before += count


def _meets(window: tuple[int, int] | None, first: int, last: int) -> bool:
    return window is None or (window[0] <= last and first <= window[1])


def ports_alone(verilog: str) -> str:
    """The text with the signals inside modules hidden from Verilator's recorder; ports remain, and
    the fields of ports, which are called after them."""
    return _MODULE.sub(_with_ports_alone, verilog)


def _with_ports_alone(module: re.Match[str]) -> str:
    ports = {name.removeprefix("\\") for name in _PORT.findall(module[0])}

    def hidden(signal: re.Match[str]) -> str:
        if ports & {signal[1], signal[1].partition(".")[0]}:
            return signal[0]
        return f"{_OFF}{signal[0]}{_ON}"

    return _SIGNAL.sub(hidden, module[0])


def units(verilog: str) -> dict[str, str]:
    """Paths of the instances in module ``accelerator``, by name: ``core.execute.array``.

    The text's modules are named after them. The name leaves out the number that Amaranth puts
    behind an instance whose name a signal has.
    """
    paths = re.findall(r"^module \\?accelerator\.([\w.$]+)", verilog, re.MULTILINE)
    return {re.sub(r"\$\d+", "", path): path for path in sorted(paths)}


def unit_of(name: str, known: Mapping[str, str]) -> str:
    """The path in ``known`` (:func:`units`) whose name is ``name`` or alone ends with it.

    Raises InputError.
    """
    if name in known:
        return known[name]
    found = [path for path in known if path.endswith(f".{name}")]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise InputError(f"--unit {show(name)}: more than one; {' or '.join(found)} is accepted")
    shown = [path for path in known if path.count(".") < SHOWN_DEPTH]
    raise InputError(
        f"--unit {show(name)}: no such unit; accepted: {', '.join(shown)}, or one in them"
    )
