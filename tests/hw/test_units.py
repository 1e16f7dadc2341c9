"""Every unit of the gateware by itself."""

import importlib
import inspect
import pkgutil
import re

import pytest
from amaranth.back import rtlil, verilog
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, Signature

import hw.core
import hw.ctrl
import hw.lib
import hw.mem
from hw.lib.block_queue import BlockQueue
from hw.lib.queue import Queue
from hw.lib.repeated import PartInstance
from hw.lib.shift_queue import ShiftQueue
from hw.mem.read_width import ReadWidth
from hw.mem.scratchpad import ScratchpadBanks
from hw.mem.scratchpad_bank import ScratchpadBank, VerilogScratchpadBank
from hw.mem.write_width import WriteWidth
from hw.spec.config import with_values
from tests.hw.support.units import TINY

OTHER_BUS = with_values(TINY, {"bus_bytes": 8})
ARGUMENTS = {
    PartInstance: ("part", Signature({"words": In(16), "found": Out(1)})),
    BlockQueue: (8, 4),
    Queue: (8, 4),
    ShiftQueue: (8, 4),
    ReadWidth: (OTHER_BUS,),
    ScratchpadBank: (32, 16),
    VerilogScratchpadBank: (32, 16),
    ScratchpadBanks: (TINY, ScratchpadBank),
    WriteWidth: (OTHER_BUS,),
}
"""What the units are made from that take more than a configuration."""
VERILOG_PORT = re.compile(r"^  (input|output) (?:\[\d+:0\] )?\\?(\w+)", re.MULTILINE)
RTLIL_PORT = re.compile(r"^  wire (?:width \d+ )?(input|output) \d+ +\\(\w+)", re.MULTILINE)
FLOWS = {In: "input", Out: "output"}


class _Units(Component):
    """Units side by side, whose ports are all ports of the whole."""

    def __init__(self, units: dict[str, Component]) -> None:
        super().__init__({name: Out(unit.signature) for name, unit in units.items()})
        vars(self).update(units)
        self._units = units

    def elaborate(self, platform):
        m = Module()
        m.submodules += self._units.values()
        return m


def _kinds() -> list[type[Component]]:
    """The units that the packages of the gateware define."""
    found = []
    for package in (hw.lib, hw.ctrl, hw.mem, hw.core):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            classes = vars(importlib.import_module(module.name)).values()
            found += [
                kind
                for kind in classes
                if inspect.isclass(kind)
                and issubclass(kind, Component)
                and kind.__module__ == module.name
            ]
    return found


def _unit(kind: type[Component]) -> Component:
    takes_config = "config" in inspect.signature(kind).parameters
    return kind(*ARGUMENTS.get(kind, (TINY,) if takes_config else ()))


def _ports(units: dict[str, Component]) -> dict[str, str]:
    """The ports of the whole as the units' interfaces tell them: ``input`` or ``output``."""
    found = {
        "__".join(map(str, (name, *path))): FLOWS[member.flow]
        for name, unit in units.items()
        for path, member, _ in unit.signature.flatten(unit)
    }
    return found | {"clk": "input", "rst": "input"}


@pytest.fixture
def units() -> dict[str, Component]:
    """One of each kind, by its name."""
    return {kind.__name__: _unit(kind) for kind in _kinds()}


def test_each_unit_by_itself_elaborates_with_the_ports_of_its_interface(units):
    assert len(units) > 25
    text = rtlil.convert(_Units(units), name="units", emit_src=False)
    top = text[text.index("\nmodule \\units\n") :].split("\nend\n")[0]
    assert {name: flow for flow, name in RTLIL_PORT.findall(top)} == _ports(units)


@pytest.mark.full
def test_each_unit_by_itself_converts_to_verilog_with_the_ports_of_its_interface(
    units, monkeypatch
):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    text = verilog.convert(_Units(units), name="units", emit_src=False)
    top = text[text.index("\nmodule units(") :].split("endmodule")[0]
    assert {name: flow for flow, name in VERILOG_PORT.findall(top)} == _ports(units)
