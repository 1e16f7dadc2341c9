"""Nodes of a float model that the array has no form of, found before anything is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import onnx

from compiler.frontend.onnx import hosted_by_output, inferred
from compiler.frontend.onnx.host import MOVES
from compiler.frontend.onnx.model_graph import HOST_REASON
from compiler.hwir.constraints import check_nodes
from compiler.ir.host_body import HOST_OPERATORS
from compiler.quantize.calibrate import Parameters
from compiler.quantize.graph import FloatGraph
from compiler.quantize.insert import WEIGHTED, insert, real_names
from compiler.quantize.quantisation_points import (
    VIEWS,
    on_host,
    source,
    views_and_readers,
)

#: Any parameters do: they decide nothing but values.
_ANY = Parameters(1.0, -128)


def mark_host_nodes(
    model: onnx.ModelProto,
    real_part: Callable[[onnx.ModelProto], FloatGraph],
    points: Sequence[str],
    known: Mapping[str, Parameters] = MappingProxyType({}),
) -> onnx.ModelProto:
    """The model, its nodes that the host computes marked with the reason.

    Every tensor of ``points`` is rounded, and all weights in float are 0 to find them. The model's
    ``real_part`` and ``known`` are as ``insert`` takes them. Raises UnsupportedError with all
    obstacles of the model.
    """
    graph, chosen = real_part(model), dict.fromkeys(points, _ANY)
    imp, reasons = hosted_by_output(inferred(insert(model, chosen, graph, known, blank=True)))
    check_nodes(imp.nodes, imp.tensors)
    names = real_names(model, chosen, graph)
    found = {names[real]: reason for real, reason in reasons.items() if real in names}
    marked = onnx.ModelProto()
    marked.CopyFrom(model)
    for node in marked.graph.node:
        reason = next((found[name] for name in node.output if name in found), None)
        if reason is not None:
            node.metadata_props.add(key=HOST_REASON, value=reason)
    while _mark_surrounded(marked, real_part(marked)):
        pass
    return marked


def _mark_surrounded(model: onnx.ModelProto, graph: FloatGraph) -> bool:
    """Mark nodes without products that only host nodes are next to; whether there was one."""
    new = [n for n in model.graph.node if _is_surrounded(graph, n)]
    for node in new:
        node.metadata_props.add(key=HOST_REASON, value="all around it is the host's")
    return bool(new)


def _is_surrounded(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    inputs = graph.activations(node)
    if on_host(graph, node) or node.op_type in (*WEIGHTED, *VIEWS) or not inputs:
        return False
    makers = [graph.makers.get(source(graph, name)) for name in inputs]
    readers = [r for name in node.output for r in views_and_readers(graph, name)[1]]
    if node.op_type in MOVES and readers and all(on_host(graph, r) for r in readers):
        return True
    return (
        node.op_type in HOST_OPERATORS
        and (bool(readers) or any(name in graph.outputs for name in node.output))
        and all(m is not None and on_host(graph, m) for m in makers)
        and all(on_host(graph, reader) for reader in readers)
    )
