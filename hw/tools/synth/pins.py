"""A module with few pins around the accelerator, so that it can be placed on a device alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TOP = "pins"
KEPT = {"clk": "clk", "rst": "reset"}
"""Ports with a pin of their own, and what leads to them."""


def pins(ports: Sequence[dict[str, Any]]) -> str:
    """Verilog of module ``pins``: ``accelerator`` with a register at each port but the clock.

    The reset has a pin; the other inputs are one shift register fed from a pin; the outputs are
    folded, with one XOR and one register each, into another one that ends at a pin. So no port is
    optimised away, and every path from or to a port counts as one to a register next to the
    accelerator.
    """
    inputs, outputs = (
        [port for port in ports if port["direction"] == kind and port["name"] not in KEPT]
        for kind in ("input", "output")
    )
    reads, n = _slices(inputs, "inputs")
    writes, m = _slices(outputs, "values")
    connections = ",\n    ".join([f".{name}({net})" for name, net in KEPT.items()] + reads + writes)
    return f"""\
module {TOP}(input clk, input rst, input scan_in, output scan_out);
  reg [{n - 1}:0] inputs;
  reg [{m - 1}:0] outputs;
  wire [{m - 1}:0] values;
  reg reset;
  always @(posedge clk) begin
    reset <= rst;
    inputs <= {{inputs[{n - 2}:0], scan_in}};
    outputs <= {{outputs[{m - 2}:0], 1'b0}} ^ values;
  end
  assign scan_out = outputs[{m - 1}];
  accelerator accelerator(
    {connections}
  );
endmodule
"""


def _slices(ports: Sequence[dict[str, Any]], vector: str) -> tuple[list[str], int]:
    """The connections of the ports to consecutive bits of ``vector``, and how many bits."""
    connections, low = [], 0
    for port in ports:
        connections.append(f".{port['name']}({vector}[{low + port['width'] - 1}:{low}])")
        low += port["width"]
    return connections, low
