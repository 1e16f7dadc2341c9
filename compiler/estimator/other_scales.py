"""A network with other scales at its concatenations: all operands alike, or each its own.

Where an operand's scale is not the result's, an array operation rescales it. So the cycles of a
network whose scales are not known yet lie between those of these two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from compiler.estimator.estimator import Estimator
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import CONSTANTS, OPS, WEIGHT_AXIS
from compiler.ir.quant_rules import CHOOSING, SOFTMAX_QUANT

Kind = Literal["equal", "different"]
STEP = 2.0**-12
"""Share by which the scale of one group is greater than that of the group before."""


@dataclass(frozen=True)
class Rescaled:
    """Cycles with equal scales at all concatenations and with different ones, and the names of the
    array operations that only the latter needs."""

    equal: int
    different: int
    operations: tuple[str, ...]


def rescaled(graph: Graph, estimator: Estimator) -> Rescaled | None:
    """The cycles of a network that ``estimator`` takes; None without a concatenation.

    Raises CompilerError for scales that another operator of the network does not accept.
    """
    if not any(node.op == "concatenation" for node in graph.nodes):
        return None
    whole = estimator.complete(graph)
    equal = estimator.latency(with_scales(whole, "equal"))
    different = estimator.latency(with_scales(whole, "different"))
    known = {layer.name for layer in equal.layers}
    only = tuple(layer.name for layer in different.layers if layer.name not in known)
    return Rescaled(equal.cycles, different.cycles, only)


def with_scales(graph: Graph, kind: Kind) -> Graph:
    """The graph, which has all parameters, with other ones of the operands and results of
    concatenations, and of the tensors that share theirs."""
    tensors = dict(graph.tensors)
    ends = {n for node in graph.nodes if node.op == "concatenation" for n in _ends(graph, node)}
    fixed = {node.outputs[0] for node in graph.nodes if node.op == "softmax"}
    for number, group in enumerate(_groups(graph, kind == "equal"), 1):
        if ends.isdisjoint(group):
            continue
        quant = tensors[group[0]].quant
        assert quant is not None, group
        if not fixed.isdisjoint(group):
            quant = Quant((SOFTMAX_QUANT[0],), (SOFTMAX_QUANT[1],))
        elif kind == "different":
            quant = replace(quant, scale=(quant.scale[0] * (1 + number * STEP),))
        tensors.update({name: replace(tensors[name], quant=quant) for name in group})
    for node in graph.nodes:
        if node.op in WEIGHT_AXIS and node.inputs[2]:
            tensors[node.inputs[2]] = _bias(node, tensors)
    return replace(graph, tensors=tensors)


def _ends(graph: Graph, node: Node) -> tuple[str, ...]:
    """The activations that a node reads and makes."""
    roles = zip(OPS[node.op].roles(len(node.inputs)), node.inputs, strict=True)
    read = (name for role, name in roles if role not in CONSTANTS)
    return *(name for name in read if not graph.tensors[name].is_constant), node.outputs[0]


def _groups(graph: Graph, joined: bool) -> list[list[str]]:
    """Tensors that share their parameters, in the graph's order; those of a concatenation too if
    ``joined``."""
    groups: dict[str, list[str]] = {}
    for node in graph.nodes:
        names = _ends(graph, node)
        shared = OPS[node.op].same_quant or node.attrs.get("function") in CHOOSING
        for name in names:
            groups.setdefault(name, [name])
        if shared or (joined and node.op == "concatenation"):
            for name in names[:-1]:
                _join(groups, groups[name], groups[names[-1]])
    return list({id(group): group for group in groups.values()}.values())


def _join(groups: dict[str, list[str]], first: list[str], second: list[str]) -> None:
    if first is not second:
        first += second
        groups.update(dict.fromkeys(second, first))


def _bias(node: Node, tensors: dict[str, Tensor]) -> Tensor:
    """The bias of a node with the scale that follows from its operands'."""
    x, weights = tensors[node.inputs[0]].quant, tensors[node.inputs[1]].quant
    assert x is not None and weights is not None, node.name
    scales = tuple(x.scale[0] * scale for scale in weights.scale)
    quant = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
    return replace(tensors[node.inputs[2]], quant=quant)
