"""Rules for the nodes that run on the host, with reasons. ``host_reason`` is the one place that
says so.

A reason completes "NODE (OP) runs on the host: ...". A front end or a pass never drops a node: what
neither has a rule here nor becomes a layer is refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Sequence

from compiler.errors import InputError, show
from compiler.hwir.feature_map import map_shape
from compiler.ir.graph import Graph, Node
from compiler.passes.constant_operand import constant_of, crops_pixels
from compiler.passes.resize import hardware_resize

#: Operators that stay on the host once their input is there: they are no work to speak of.
FOLLOWERS = ("reshape", "quantize", "slice")

FOLLOWS = "it reads a result of the host"
CHOSEN = "--host asks for it"
"""The reason for a node that the array could run."""


def host_reason(graph: Graph, node: Node) -> str | None:
    """Reason why the hardware cannot run the node, from the node alone; None where it can."""
    if node.name in graph.on_host:
        return CHOSEN
    rule = RULES.get(node.op)
    return rule(graph, node) if rule else None


def _softmax(graph: Graph, node: Node) -> str:
    """the host"""
    return "the array has no exponential and no division by a sum"


def _layer_norm(graph: Graph, node: Node) -> str:
    """the host"""
    return "each pixel is divided by the deviation of its own channels"


def _host(graph: Graph, node: Node) -> str:
    """the host"""
    return str(node.attrs["reason"])


def _rearrange(graph: Graph, node: Node) -> str:
    """the host"""
    return "the array does not move values between pixels and channels"


def _quantize(graph: Graph, node: Node) -> str | None:
    """hardware; to uint8 the host"""
    unsigned = graph.tensors[node.outputs[0]].dtype == "uint8"
    return "the array makes int8, not uint8" if unsigned else None


def _resize(graph: Graph, node: Node) -> str | None:
    """hardware, where each side grows by a whole factor and every weight is exact; else the host"""
    return hardware_resize(graph, node)


def _reshape(graph: Graph, node: Node) -> None:
    """nowhere, where its readers agree with the order in memory; else the host"""


def _concatenation(graph: Graph, node: Node) -> str | None:
    """hardware; the host, where a reshape before it changes height, width or channels"""
    return next(
        (
            "its inputs are reshaped, which moves values in the words of memory"
            for name in node.inputs
            if _reshaped_layer(graph, name)
        ),
        None,
    )


def _reshaped_layer(graph: Graph, name: str) -> bool:
    """Whether reshapes give a result of the hardware another height, width or channels."""
    shape, maker = map_shape(graph.tensors[name]), graph.producer(name)
    while maker is not None and maker.op == "reshape":
        name = maker.inputs[0]
        maker = graph.producer(name)
    same = map_shape(graph.tensors[name]) == shape
    return not same and maker is not None and host_reason(graph, maker) is None


def _mul(graph: Graph, node: Node) -> str | None:
    """hardware, where one operand has one value per channel; else the host"""
    pixels = [math.prod(map_shape(graph.tensors[name])[:2]) for name in node.inputs]
    return None if min(pixels) == 1 else "the array multiplies a map by one value per channel"


def _elementwise(graph: Graph, node: Node) -> str | None:
    """hardware, where a constant of each channel is added, subtracted or multiplied; else the
    host"""
    if constant_of(graph, node) is not None:
        return None
    return f"the array has no {node.attrs['function']} of such operands"


def _matmul(graph: Graph, node: Node) -> str:
    """the host"""
    return "the array multiplies by constants, and here by an activation"


def _reduce(graph: Graph, node: Node) -> str:
    """the host"""
    return "the array reduces height and width together"


def _arg_max(graph: Graph, node: Node) -> str:
    """the host"""
    return "the array makes values, not their places"


def _strided_slice(graph: Graph, node: Node) -> str | None:
    """hardware, where whole pixels of a map are left out; else the host"""
    return None if crops_pixels(graph, node) else _moves(graph, node)


def _moves(graph: Graph, node: Node) -> str:
    """the host"""
    return "it moves values between pixels or channels"


#: By operator: why the hardware cannot run a node of it, or None where it can. The
#: docstrings say where nodes run (docs/supported_ops.md).
RULES: dict[str, Callable[[Graph, Node], str | None]] = {
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "host": _host,
    "rearrange": _rearrange,
    "quantize": _quantize,
    "resize": _resize,
    "reshape": _reshape,
    "concatenation": _concatenation,
    "mul": _mul,
    "elementwise": _elementwise,
    "strided_slice": _strided_slice,
    "matmul": _matmul,
    "reduce": _reduce,
    "arg_max": _arg_max,
    **dict.fromkeys(("join", "take"), _moves),
}


def sent_to_host(graph: Graph, names: Sequence[str]) -> Graph:
    """The graph with the nodes of these names left to the host.

    Raises InputError for a name that no node has.
    """
    known = {node.name for node in graph.nodes}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 3) or sorted(known)[:3]
            raise InputError(
                f"--host {show(name)}: no layer of {graph.name}; "
                f"{', '.join(map(show, close))} are some that are accepted"
            )
    return dataclasses.replace(graph, on_host=frozenset(names)) if names else graph
