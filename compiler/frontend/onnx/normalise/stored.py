"""Operators that move or bound stored integers as the same on the real values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter

#: Operators that the reader takes on stored integers too.
_VIEWS = frozenset("Flatten Identity Reshape Squeeze Transpose Unsqueeze".split())

#: Operators whose outputs are among the values of their first input.
_MOVES = frozenset(
    "DepthToSpace Expand Gather MaxPool ReduceMax ReduceMin Slice SpaceToDepth Split Tile".split()
)

#: Likewise with values of further inputs: stored ones, a number to pad with, bounds.
_OTHERS = frozenset(("Concat", "Pad", "Clip"))

Parameters = tuple[str, str]
"""Names of a scale and a zero point."""


def real_moves(model: onnx.ModelProto) -> onnx.ModelProto:
    """Clip, MaxPool and moves of stored integers work on their real values instead."""
    stored: dict[str, Parameters] = {}
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, stored, node))
    return model


def _way(rewriter: Rewriter, stored: dict[str, Parameters], node: onnx.NodeProto) -> Expand | None:
    """Note what parameters the node's outputs have; how it is replaced, if it is."""
    kind = node.op_type
    if node.domain not in DOMAINS:
        return None
    if kind == "QuantizeLinear" and len(node.input) > 2 and _one(rewriter, node):
        stored[node.output[0]] = node.input[1], node.input[2]
    if not node.input or node.input[0] not in stored:
        return None
    found = stored[node.input[0]]
    if kind in _VIEWS:
        stored[node.output[0]] = found
    if kind not in _MOVES | _OTHERS:
        return None
    if kind == "Concat" and any(stored.get(name) != found for name in node.input):
        return None
    stored.update(dict.fromkeys((name for name in node.output[: _outputs(node)]), found))
    return _through_real(found)


def _one(rewriter: Rewriter, node: onnx.NodeProto) -> bool:
    """Whether the node has one constant scale, and a constant zero point."""
    known = all(rewriter.is_constant(name) for name in node.input[1:3])
    return known and rewriter.array(node.input[1]).size == 1


def _outputs(node: onnx.NodeProto) -> int:
    """Number of outputs that are values of the first input: not MaxPool's indices."""
    return len(node.output) if node.op_type == "Split" else 1


def _through_real(found: Parameters) -> Callable[[Rewriter, Old], None]:
    def expand(to: Rewriter, old: Old) -> None:
        op = old.proto.op_type
        count = len(old.inputs) if op == "Concat" else 1
        real = [to.emit("DequantizeLinear", [name, *found]) for name in old.inputs[:count]]
        rest = _numbers(to, old, found) if op in ("Pad", "Clip") else old.inputs[count:]
        made = [to.fresh(f"{name}/real") for name in old.proto.output[: _outputs(old.proto)]]
        others = old.proto.output[len(made) :]
        to.emit(op, real + rest, *made, *others, **old.attributes)
        for name, x in zip(old.proto.output, made, strict=False):
            to.emit("QuantizeLinear", [x, *found], name)

    return expand


def _numbers(to: Rewriter, old: Old, found: Parameters) -> list[str]:
    """The further inputs of Pad and Clip, stored numbers among them made real."""
    scale, zero_point = (to.array(name).reshape(-1)[0] for name in found)
    numbers = (2,) if old.proto.op_type == "Pad" else (1, 2)
    rest = list(old.inputs[1:])
    if 2 in numbers and old.proto.op_type == "Pad" and len(rest) == 1:
        rest.append("")
    for position in range(1, len(rest) + 1):
        name = rest[position - 1]
        if position not in numbers or (not name and old.proto.op_type == "Clip"):
            continue
        steps = int(to.array(name).reshape(-1)[0]) if name else 0
        real = np.float32(steps - int(zero_point)) * scale.astype(np.float32)
        rest[position - 1] = to.constant(f"{old.output}/number", np.float32(real))
    return rest
