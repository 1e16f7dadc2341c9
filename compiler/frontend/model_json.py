"""The project's own model format: ``docs/model_format.md``, schema in ``model_schema.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.json_text import check_schema, parse_json
from compiler.frontend.weights_file import read_weights, write_weights
from compiler.ir.graph import Declared, Graph, Node, Quant, Tensor
from compiler.ir.ops import OPS
from compiler.ir.quant_rules import check_quant
from compiler.ir.randomize import randomize
from compiler.ir.verify import check_shape, verify
from compiler.whole_files import write_whole

FORMAT = "cnn-graph"
VERSION = 1

#: Largest magnitude that a scale or zero point may be read with, before its own check.
MAX_NUMBER = 1e39


def read_model(data: bytes, folder: Path) -> Graph:
    """The graph in the bytes of a ``.json`` model; its weights file lies in ``folder``.

    A model without weights gets seeded random ones. Raises InputError or UnsupportedError.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise InputError(f"not valid JSON: not UTF-8 at byte {fault.start}") from None
    document = parse_json(text)
    check_schema(document)
    assert isinstance(document, dict), "the schema says so"
    graph = _graph(document)
    verify(graph, "structure")
    if "weights" not in document:
        if document.get("random_weights") is False:
            raise InputError("random_weights is False; without weights true is accepted")
        return randomize(graph, int(document.get("seed", 0)))
    if "seed" in document:
        raise InputError("seed is given; it is accepted for a model without weights only")
    graph = _with_weights(graph, folder / _beside(document["weights"]))
    verify(graph, "quantised")
    return graph


def write_model(graph: Graph, path: Path | str) -> Path:
    """Write the graph as ``path`` with its constants in an ``.npz`` of the same stem next to it.

    A graph without constants gets no weights file. Each file appears whole, and neither replaces an
    older one before both are written. Returns the path. Raises InputError when it cannot be
    written.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: suffix {path.suffix!r}; .json is accepted")
    arrays = {t.name: t.data for t in graph.tensors.values() if t.data is not None}
    weights = path.with_suffix(".npz") if arrays else None
    text = _render(_document(graph, weights))
    files: dict[Path, Callable[[BinaryIO], object]] = {}
    if weights is not None:
        files[weights] = lambda file: write_weights(file, arrays)
    files[path] = lambda file: file.write(text.encode())
    try:
        write_whole(files)
    except OSError as fault:
        raise InputError(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _beside(name: str) -> str:
    if name in (".", "..") or Path(name).name != name or "\\" in name or "\0" in name:
        raise InputError(f"weights is {show(name)}; a file next to the model is accepted")
    return name


def _graph(document: dict[str, Any]) -> Graph:
    """The graph without the values of its constants."""
    tensors = {key: _tensor(key, value) for key, value in document["tensors"].items()}
    nodes = [_node(i, value) for i, value in enumerate(document["nodes"])]
    return Graph(
        document["name"],
        tensors,
        nodes,
        tuple(document["inputs"]),
        tuple(document["outputs"]),
        bool(document.get("random_weights", False)),
        bool(document.get("random_calibration", False)),
    )


def _tensor(name: str, value: dict[str, Any]) -> Tensor:
    declared = _declared(value["declared"]) if "declared" in value else None
    tensor = Tensor(name, _integers(value["shape"]), value["dtype"], declared=declared)
    check_shape(tensor)
    if "quant" not in value:
        return tensor
    with located(f"tensor {show(name)}"):
        quant = _quant(value["quant"], tensor.shape)
    check_quant(tensor, quant)
    return replace(tensor, quant=quant)


def _declared(value: dict[str, Any]) -> Declared:
    rounding = value.get("rounding", "away")
    return Declared(value["dtype"], _integers(value["shape"]), _integers(value["order"]), rounding)


def _integers(values: list[Any]) -> tuple[int, ...]:
    return tuple(map(int, values))


def _quant(value: dict[str, Any], shape: tuple[int, ...]) -> Quant:
    """A single number stands for every channel along the axis."""
    axis = int(value["axis"]) if "axis" in value else None
    if axis is not None and axis >= len(shape):
        raise InputError(f"axis is {axis}; 0 to {len(shape) - 1} is accepted")
    count = 1 if axis is None else shape[axis]
    scale = tuple(float(v) for v in _numbers("scale", value["scale"], count))
    zero_point = tuple(_numbers("zero_point", value["zero_point"], count, integers=True))
    return Quant(scale, zero_point, axis)


def _numbers(key: str, value: object, count: int, integers: bool = False) -> list[Any]:
    numbers: list[Any] = value if isinstance(value, list) else [value] * count
    for number in numbers:
        right = isinstance(number, int if integers else int | float)
        if isinstance(number, bool) or not right or abs(number) > MAX_NUMBER:
            accepted = "integers" if integers else "finite numbers"
            raise InputError(f"{key} holds {show(number)}; {accepted} are accepted")
    return numbers


def _node(index: int, value: dict[str, Any]) -> Node:
    """The node with defaults filled in; its name defaults to that of its output."""
    name, op = value.get("name", value["outputs"][0]), value["op"]
    where = f"node {show(name)}" if name else f"nodes[{index}]"
    if op not in OPS:
        raise UnsupportedError(f"{where}: operator {show(op)}; accepted: {', '.join(OPS)}")
    spec = OPS[op]
    attrs = {key: a.default for key, a in spec.attrs.items() if a.default is not None}
    for key, given in value.get("attrs", {}).items():
        attrs[key] = tuple(given) if isinstance(given, list) else given
    inputs = tuple(value["inputs"])
    if len(inputs) == len(spec.inputs) - 1 and spec.inputs[-1] == "bias":
        inputs += ("",)
    return Node(name, op, inputs, tuple(value["outputs"]), attrs)


def _with_weights(graph: Graph, path: Path) -> Graph:
    computed = set(graph.inputs) | {name for node in graph.nodes for name in node.outputs}
    constants = [t for t in graph.tensors.values() if t.name not in computed]
    values = read_weights(path, constants)
    for tensor in constants:
        graph.tensors[tensor.name] = replace(tensor, data=values[tensor.name])
    return graph


def _render(document: dict[str, Any]) -> str:
    """JSON text with one line per tensor and node."""
    lines = [f" {json.dumps(key)}: {_render_value(value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _render_value(value: object) -> str:
    if isinstance(value, dict):
        entries = [f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in value.items()]
        return "{\n" + ",\n".join(entries) + "\n }"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join("  " + json.dumps(v, allow_nan=False) for v in value) + "\n ]"
    return json.dumps(value, allow_nan=False)


def _document(graph: Graph, weights: Path | None) -> dict[str, Any]:
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "name": graph.name}
    if weights is not None:
        document["weights"] = weights.name
    if graph.random_weights:
        document["random_weights"] = True
    if graph.random_calibration:
        document["random_calibration"] = True
    document["inputs"] = list(graph.inputs)
    document["outputs"] = list(graph.outputs)
    document["tensors"] = {t.name: _tensor_value(t) for t in graph.tensors.values()}
    document["nodes"] = [
        {
            "name": node.name,
            "op": node.op,
            "inputs": list(node.inputs),
            "outputs": list(node.outputs),
            "attrs": node.attrs,
        }
        for node in graph.nodes
    ]
    return document


def _tensor_value(tensor: Tensor) -> dict[str, Any]:
    value: dict[str, Any] = {"shape": list(tensor.shape), "dtype": tensor.dtype}
    if tensor.quant is not None:
        value["quant"] = {
            "scale": _one_or_list(tensor.quant.scale),
            "zero_point": _one_or_list(tensor.quant.zero_point),
        }
        if tensor.quant.axis is not None:
            value["quant"]["axis"] = tensor.quant.axis
    if tensor.declared is not None:
        value["declared"] = vars(tensor.declared)
    return value


def _one_or_list(values: tuple[Any, ...]) -> object:
    return values[0] if len(set(values)) == 1 else list(values)
