"""The end of a graph that runs on the host: softmax and what follows it."""

from __future__ import annotations

from compiler.errors import UnsupportedError, show
from compiler.ir.graph import Graph, Node

#: Operators that may follow softmax on the host.
HOST_OPS = ("softmax", "reshape", "quantize")

HOST_REASON = "softmax, and what reads its result, is computed on the host"


def host_nodes(graph: Graph) -> list[Node]:
    """The nodes that run on the host after the last hardware layer, in execution order.

    These are softmax, a conversion to uint8, and what reads their results. Raises UnsupportedError
    when a hardware operator reads a result of the host.
    """
    made: dict[str, Node] = {}
    found = []
    for node in graph.nodes:
        cause = next((made[t] for t in node.inputs if t in made), None)
        to_uint8 = node.op == "quantize" and graph.tensors[node.outputs[0]].dtype == "uint8"
        if cause is None and node.op != "softmax" and not to_uint8:
            continue
        if node.op not in HOST_OPS:
            assert cause is not None, node.op
            raise UnsupportedError(
                f"node {show(node.name)} ({node.op}) reads a result of node {show(cause.name)} "
                f"({cause.op}), which runs on the host; after it {', '.join(HOST_OPS)} are accepted"
            )
        found.append(node)
        made.update({t: node for t in node.outputs})
    return found
