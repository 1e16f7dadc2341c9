"""Largest maps of the array, found before anything is computed or calibrated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compiler.errors import UnsupportedError, show
from compiler.hwir.feature_map import map_shape
from compiler.ir.graph import Node, Tensor
from hw.spec.isa import Opcode, highest

MAX_SIDE = highest(Opcode.EXECUTE, "start_x", "start_y", "in_width", "in_height", "out_width")
"""Rows or columns, padding included."""

SIDES = f"Maps of up to {MAX_SIDE} rows and columns are accepted, padding included."


def check_sides(nodes: Iterable[Node], tensors: Mapping[str, Tensor]) -> None:
    """Raise UnsupportedError for a node with a window over a map, or of one, that is too large."""
    for node in nodes:
        if "stride" not in node.attrs:
            continue
        x, y = (map_shape(tensors[name]) for name in (node.inputs[0], node.outputs[0]))
        if max(*x[:2], *y[:2]) > MAX_SIDE:
            made = "x".join(map(str, y))
            raise UnsupportedError(
                f"node {show(node.name)} ({node.op}): input {'x'.join(map(str, x))}, output "
                f"{made}. {SIDES}"
            )
