"""Parts that a unit has many times: one Verilog module each, with many instances."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.spec.config import AccelConfig


class RepeatedModules:
    """The parts of one design that are modules of their own; ``platform`` of its elaboration.

    Amaranth writes a module for every component. A part of :func:`repeated` is written once,
    however often the design has it: the text, and what tools make of it, stays small.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.parts: dict[str, wiring.Component] = {}
        """By the names of their modules."""

    def instance(self, part: type[wiring.Component], config: AccelConfig) -> wiring.Component:
        """An instance of the module of a part."""
        name = self._prefix + part.MODULE
        if name not in self.parts:
            self.parts[name] = part(config)
        assert type(self.parts[name]) is part
        return PartInstance(name, self.parts[name].signature)


def repeated(part: type[wiring.Component], config: AccelConfig, platform: Any) -> wiring.Component:
    """``part(config)`` or, where the design is written as Verilog, an instance of its module.

    ``part.MODULE`` is the module's name. It has the clock and the reset of the unit's domain.
    ``part.OWN`` are the members that are not the same for all instances.
    """
    if isinstance(platform, RepeatedModules):
        return platform.instance(part, config)
    return part(config)


class PartInstance(wiring.Component):
    """An instance of a module that has the members of ``signature`` as ports, and a clock and a
    reset."""

    def __init__(self, module: str, signature: wiring.Signature) -> None:
        self._module = module
        super().__init__(signature)

    def elaborate(self, platform: Any) -> Instance:
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        for path, member, value in self.signature.flatten(self):
            # As Amaranth names the ports of a top module.
            name = "__".join(map(str, path))
            ports[f"{'i' if member.flow is In else 'o'}_{name}"] = Value.cast(value)
        return Instance(self._module, **ports)
