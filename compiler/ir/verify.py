"""Invariants of a graph, checked by the front ends and after passes that rewrite it.

Two stages: ``structure`` (names, order, attributes, shapes; no values needed) and ``quantised``
(types, quantisation parameters and constants as well).
"""

from __future__ import annotations

import math
from typing import Literal

from compiler.errors import CompilerError, InputError, UnsupportedError, show
from compiler.ir.graph import ROUNDINGS, Declared, Graph, Node, Tensor
from compiler.ir.ops import CONSTANTS, MAX_RANK, OPS, OpSpec
from compiler.ir.quant_rules import check_node_quant
from compiler.ir.shapes import infer_shape

Stage = Literal["structure", "quantised"]

#: Longest name of a tensor, a node or a graph.
MAX_NAME = 1000

#: Most elements of one tensor.
MAX_ELEMENTS = 1 << 28


def verify(graph: Graph, stage: Stage) -> None:
    """Check every invariant of the stage.

    Raises InputError where the graph contradicts itself and UnsupportedError where it uses what is
    not handled; the message names the node or tensor, the value found and what is accepted.
    """
    check_name("network", graph.name)
    _check_tensors(graph)
    available = _check_inputs(graph)
    made = {name for node in graph.nodes for name in node.outputs}
    names: set[str] = set()
    for node in graph.nodes:
        check_name("node", node.name)
        if node.name in names:
            raise InputError(f"node {show(node.name)}: the name is used twice")
        names.add(node.name)
        _check_node(graph, node, available, made)
        if stage == "quantised":
            check_node_quant(graph, node)
        available.update(node.outputs)
    _check_outputs(graph, available)
    _check_all_used(graph)


def verify_pass(graph: Graph, stage: Stage, pass_name: str) -> None:
    """``verify`` for a graph that a pass of this project rewrote: a fault is an AssertionError."""
    try:
        verify(graph, stage)
    except CompilerError as fault:
        raise AssertionError(f"after {pass_name}: {fault}") from fault


def is_name(name: str) -> bool:
    """Whether the name is printable and of bounded length."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def check_name(kind: str, name: str) -> None:
    """Raise InputError unless the name is printable and of bounded length."""
    if not is_name(name):
        raise InputError(
            f"{kind} {show(name)}: the name has {len(name)} characters; 1 to {MAX_NAME} printable "
            "ones are accepted"
        )


def check_shape(tensor: Tensor) -> None:
    """Raise InputError unless the shape is positive, and of bounded rank and size."""
    shape = tensor.shape
    right = 1 <= len(shape) <= MAX_RANK
    # A loop takes a third of the time of a generator here.
    for size in shape:
        right = right and isinstance(size, int) and size > 0
    if not right:
        raise InputError(
            f"tensor {show(tensor.name)}: shape {show(list(shape))}; "
            f"1 to {MAX_RANK} positive dimensions are accepted"
        )
    if math.prod(shape) > MAX_ELEMENTS:
        raise InputError(
            f"tensor {show(tensor.name)}: shape {list(shape)} has {math.prod(shape)} elements; "
            f"at most {MAX_ELEMENTS} are accepted"
        )


def _check_tensors(graph: Graph) -> None:
    for key, tensor in graph.tensors.items():
        check_name("tensor", key)
        if key != tensor.name:
            raise InputError(f"tensor {show(key)}: named {show(tensor.name)}")
        check_shape(tensor)
        if tensor.declared is not None:
            _check_declared(tensor, tensor.declared)


def _check_declared(tensor: Tensor, declared: Declared) -> None:
    """The model's own form holds the tensor's elements, and its type is one of theirs."""
    where = f"tensor {show(tensor.name)}: declared"
    if tensor.is_constant:
        raise InputError(f"{where} is given for a constant; activations may have it")
    accepted = ("int32", "int64") if tensor.dtype == "int32" else (tensor.dtype, "float32")
    if declared.dtype not in accepted:
        raise InputError(f"{where} dtype {declared.dtype}; {' or '.join(accepted)} is accepted")
    if declared.rounding not in ROUNDINGS:
        raise InputError(
            f"{where} rounding {show(declared.rounding)}; {' or '.join(ROUNDINGS)} is accepted"
        )
    if math.prod(declared.shape) != math.prod(tensor.shape):
        raise InputError(
            f"{where} shape {list(declared.shape)}; as many elements as in {list(tensor.shape)} "
            "are accepted"
        )
    if sorted(declared.order) != list(range(len(declared.shape))):
        raise InputError(
            f"{where} order {list(declared.order)}; each axis of {list(declared.shape)} once is "
            "accepted"
        )


def _check_inputs(graph: Graph) -> set[str]:
    """Check the graph's inputs and return them as the tensors available to the first node."""
    if not graph.inputs:
        raise InputError("inputs: none given; at least one is accepted")
    available: set[str] = set()
    for name in graph.inputs:
        tensor = _tensor(graph, "inputs", name)
        if name in available:
            raise InputError(f"inputs: {show(name)} is listed twice")
        if tensor.is_constant:
            raise InputError(f"inputs: {show(name)} is a constant; an activation is accepted")
        _check_batch("inputs", tensor)
        available.add(name)
    return available


def _check_batch(where: str, tensor: Tensor) -> None:
    if tensor.shape[0] != 1:
        raise UnsupportedError(
            f"{where}: tensor {show(tensor.name)} has shape {list(tensor.shape)}, "
            f"batch {tensor.shape[0]}; batch 1 is accepted"
        )


def _tensor(graph: Graph, where: str, name: str) -> Tensor:
    if name not in graph.tensors:
        raise InputError(f"{where}: tensor {show(name)} is not defined")
    return graph.tensors[name]


def _check_node(graph: Graph, node: Node, available: set[str], made: set[str]) -> None:
    where = f"node {show(node.name)} ({node.op})"
    if node.op not in OPS:
        raise UnsupportedError(
            f"node {show(node.name)}: operator {show(node.op)}; accepted: {', '.join(OPS)}"
        )
    spec = OPS[node.op]
    _check_attrs(node, spec, where)
    _check_operands(graph, node, where, available, made)
    if len(node.outputs) != 1:
        raise InputError(f"{where}: {len(node.outputs)} outputs; 1 is accepted")
    output = _tensor(graph, where, node.outputs[0])
    if output.name in available or output.is_constant:
        raise InputError(
            f"{where}: output {show(output.name)} is already an input, a constant or another "
            "node's output; each tensor is made once"
        )
    expected = infer_shape(node, graph.tensors)
    if output.shape != expected:
        raise InputError(
            f"{where}: output {show(output.name)} has shape {list(output.shape)}; "
            f"its inputs give {list(expected)}"
        )
    _check_batch(where, output)


def _check_attrs(node: Node, spec: OpSpec, where: str) -> None:
    for key in node.attrs:
        if key not in spec.attrs:
            accepted = ", ".join(spec.attrs) or "none"
            raise InputError(f"{where}: unknown attribute {show(key)}; accepted: {accepted}")
    for key, attr in spec.attrs.items():
        if key not in node.attrs:
            raise InputError(f"{where}: attribute {key} is missing; accepted: {attr.accepted}")
        if not attr.accepts(node.attrs[key]):
            raise InputError(
                f"{where}: {key} is {show(node.attrs[key])}; accepted: {attr.accepted}"
            )


def _check_operands(
    graph: Graph, node: Node, where: str, available: set[str], made: set[str]
) -> None:
    roles = OPS[node.op].roles(len(node.inputs))
    if len(node.inputs) != len(roles):
        raise InputError(
            f"{where}: {len(node.inputs)} inputs; {len(roles)} are accepted ({', '.join(roles)})"
        )
    mixed = OPS[node.op].mixed
    if mixed and not any(name in available for name in node.inputs):
        raise UnsupportedError(f"{where}: every input is a constant; an activation is accepted")
    for role, name in zip(roles, node.inputs, strict=True):
        if role == "bias" and not name:
            continue
        tensor = _tensor(graph, where, name)
        if mixed and name not in available and name not in made:
            continue
        if role in CONSTANTS:
            if name in available or name in made:
                raise UnsupportedError(
                    f"{where}: {role} {show(name)} is computed; a constant is accepted"
                )
        elif role == "operand" and not (name in available or name in made):
            continue
        elif tensor.is_constant:
            raise UnsupportedError(
                f"{where}: input {show(name)} is a constant; an activation is accepted"
            )
        elif name not in available:
            raise InputError(
                f"{where}: input {show(name)} is used before any node or input makes it"
            )


def _check_outputs(graph: Graph, available: set[str]) -> None:
    if not graph.outputs:
        raise InputError("outputs: none given; at least one is accepted")
    for i, name in enumerate(graph.outputs):
        _tensor(graph, "outputs", name)
        if name in graph.outputs[:i]:
            raise InputError(f"outputs: {show(name)} is listed twice")
        if name not in available or name in graph.inputs:
            raise InputError(f"outputs: {show(name)} is made by no node")


def _check_all_used(graph: Graph) -> None:
    used = {t for n in graph.nodes for t in (*n.inputs, *n.outputs)}
    for name in graph.tensors:
        if name not in used:
            raise InputError(f"tensor {show(name)}: no node uses it")
