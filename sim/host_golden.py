"""The host's nodes of a mapped network, computed by golden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.load import load_model
from golden.network import run_node
from sim.host import Compute
from sim.program import Program
from sim.program_reader import MODEL, ProgramError


def host_compute(program: Program) -> Compute:
    """Golden's code for the host's nodes, which are those of the model next to the program."""
    graph = load_model(program.folder / MODEL).to_dict() if program.host else {"nodes": []}
    return model_compute(graph)


def model_compute(graph: Mapping[str, Any]) -> Compute:
    """Golden's code for the nodes of a graph in golden's form.

    It raises ProgramError for a node that the graph lacks, and for an input that is not there or
    not as the graph has it.
    """
    nodes = {node["name"]: node for node in graph["nodes"]}

    def compute(name: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if name not in nodes:
            raise ProgramError(f"{MODEL}: host node {name!r} of the mapping is not there")
        values = {}
        for source in nodes[name]["inputs"]:
            if source and graph["tensors"][source]["data"] is None:
                values[source] = _input_of(tensors, source, graph["tensors"][source])
        return run_node(graph, nodes[name], values)

    return compute


def _input_of(
    tensors: Mapping[str, np.ndarray], name: str, tensor: Mapping[str, Any]
) -> np.ndarray:
    """The tensor ``name``, which the model describes. Raises ProgramError where it is another."""
    found = tensors.get(name)
    wanted = (tuple(tensor["shape"]), tensor["dtype"])
    if found is None or (found.shape, found.dtype) != wanted:
        what = "not there" if found is None else f"{found.dtype} {list(found.shape)}"
        raise ProgramError(
            f"{MODEL}: the host reads tensor {name!r} as {tensor['dtype']} {list(wanted[0])}; "
            f"in the mapping it is {what}"
        )
    return found
