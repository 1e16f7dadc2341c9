"""One layer of a mapped network as a model of its own, with its input."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path

from compiler.diff import MODEL, mapped_model
from compiler.errors import InputError, show
from compiler.frontend import write_model
from compiler.ir.graph import Graph, Node
from golden.arrays import given_inputs, write_arrays
from golden.declared import to_declared
from golden.files import output_path
from golden.network import run

INPUT, OUTPUT = "input.npy", "output.npy"


def extract(folder: Path, layer: str, inputs: Sequence[Path], out: Path) -> Graph:
    """Write a layer of a mapped folder into ``out``: its model, its inputs and its output.

    Their values are golden's in a run of the whole network on ``inputs``, or seeded random ones.
    A layer has the nodes that were fused into it. Returns its graph. Raises InputError.
    """
    graph = mapped_model(folder)
    kinds = _kinds(folder, layer)
    if kinds and layer not in {node.name for node in graph.nodes}:
        raise InputError(
            f"--layer {show(layer)}: the compiler made this layer; one of the model's is accepted"
        )
    fused = max((kind.count("+") for kind in kinds), default=0)
    part = _part(graph, _nodes(graph, layer, fused), layer)
    plain = graph.to_dict()
    try:
        values = run(plain, given_inputs(plain, inputs))
    except ValueError as error:
        raise InputError(f"{folder / MODEL}: {error}") from None
    tensors = part.to_dict()["tensors"]
    files = {
        output_path(out / file, i): to_declared(values[name], tensors[name])
        for file, names in ((INPUT, part.inputs), (OUTPUT, part.outputs))
        for i, name in enumerate(names)
    }
    write_arrays(files, out)
    try:
        write_model(part, out / MODEL)
    except InputError:
        for path in files:
            path.unlink()
        raise
    return part


def _kinds(folder: Path, layer: str) -> list[str]:
    """The kinds of the mapping's layers of that name: an operator and each one fused into it."""
    try:
        layers = json.loads((folder / "mapping.json").read_text(encoding="utf-8"))["layers"]
        return [str(entry["kind"]) for entry in layers if entry["name"] == layer]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"{folder}/mapping.json: not what `map` writes: {fault}") from None


def _nodes(graph: Graph, layer: str, fused: int) -> list[Node]:
    """The node of that name, and the so many that are the only readers of what it makes."""
    names = [node.name for node in graph.nodes]
    if layer not in names:
        close = difflib.get_close_matches(layer, names, 3) or names[:3]
        raise InputError(
            f"--layer {show(layer)}: no layer of {graph.name}; "
            f"{', '.join(map(show, close))} are some that are accepted"
        )
    found = [graph.nodes[names.index(layer)]]
    for _ in range(fused):
        readers = graph.consumers(found[-1].outputs[0])
        if len(readers) != 1 or found[-1].outputs[0] in graph.outputs:
            break
        found += readers
    return found


def _part(graph: Graph, nodes: Sequence[Node], name: str) -> Graph:
    """The nodes as a graph, whose inputs are the activations that they do not make."""
    made = [name for node in nodes for name in node.outputs]
    read = list(dict.fromkeys(name for node in nodes for name in node.inputs if name))
    inputs = [n for n in read if n not in made and graph.tensors[n].data is None]
    if not inputs:
        raise InputError(f"--layer {show(name)} reads constants alone; others are accepted")
    used = {*read, *made}
    return Graph(
        name,
        {n: tensor for n, tensor in graph.tensors.items() if n in used},
        list(nodes),
        tuple(inputs),
        nodes[-1].outputs,
        graph.random_weights,
        graph.random_calibration,
    )
