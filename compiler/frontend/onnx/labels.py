"""Names of an ONNX model's nodes that its user knows."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping

import onnx

from compiler.ir.verify import is_name

#: Key of a node's metadata under which PyTorch's exporter names the modules around it.
SCOPES = "pkg.torch.onnx.name_scopes"

#: Place of the weights among an operator's inputs.
_WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvInteger", "ConvTranspose", "FusedConv", "FusedGemm"), 1),
    **dict.fromkeys(("FusedMatMul", "Gemm", "MatMul", "MatMulInteger", "PRelu"), 1),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization", "LayerNormalization"), 1),
    **dict.fromkeys(("QGemm", "QLinearConv", "QLinearMatMul"), 3),
}

#: Modules name their weights so; quantisers write more behind it.
_WEIGHT = re.compile(r"(.+)[./]weight(?![A-Za-z0-9]).*")

#: What stands before the number of a name that other nodes have too; a user's name has no such.
_AGAIN = "\N{INVISIBLE SEPARATOR}"

#: Operators between weights and the layer that reads them.
_DEEPEST = 8

#: Longest of what is added to a name.
_ADDED = "/relu_n1_to_1_99999"


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node of the model a name that its user knows, some the same but for a number.

    That is the module that PyTorch's exporter notes, or the node's own name. Where that says no
    more than the operator, it is the weights' name without ".weight", or the output's.
    """
    for node in model.graph.node:
        if isinstance(node.name, bytes):
            node.name = node.name.decode(errors="replace")
    if not all(map(_is_text, model.graph.node)):
        return
    makers = {name: node for node in model.graph.node for name in node.output if name}
    scopes = [_scopes(node) for node in model.graph.node]
    within = {outer for path in scopes for outer in path[:-1] if outer}
    containers = {path[: path.rindex(".")] for path in within if "." in path}
    names: Counter[str] = Counter()
    for node, path in zip(model.graph.node, scopes, strict=True):
        wanted = _of_weights(node, makers) if path or _says_nothing(node) else ""
        wanted = wanted or _module(path, containers) or node.name
        known = (name for name in (wanted, *node.output) if name and is_name(name + _ADDED))
        node.name = next(known, node.op_type)
        names[node.name] += 1
        # onnxruntime wants each name once.
        if names[node.name] > 1:
            node.name += f"{_AGAIN}{names[node.name]}"


def _is_text(node: onnx.NodeProto) -> bool:
    """Whether the node's texts are UTF-8: protobuf gives others as bytes, and they are refused."""
    noted = (text for p in node.metadata_props for text in (p.key, p.value))
    texts = (node.name, node.op_type, node.domain, *node.input, *node.output, *noted)
    return all(isinstance(text, str) for text in texts)


def label(node: onnx.NodeProto, index: int) -> str:
    """Name of the node; one that onnx or this project added may have its output's, or none."""
    if node.name:
        return node.name.partition(_AGAIN)[0]
    return node.output[0] if node.output else f"number {index}"


def without_numbers(text: str) -> str:
    """The text, names of nodes in it as their user knows them."""
    return re.sub(rf"{_AGAIN}\d+", "", text)


def rename_tensors(model: onnx.ModelProto) -> None:
    """Give each tensor that onnxruntime called as a node a name that can be shown."""
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    names: dict[str, str] = {}
    for old in sorted(name for name in taken if _AGAIN in name):
        new = old.replace(_AGAIN, "_")
        while new in taken:
            new += "_"
        taken.add(new)
        names[old] = new
    for node in model.graph.node if names else ():
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _says_nothing(node: onnx.NodeProto) -> bool:
    """Whether the node's name has nothing but the operator and a number."""
    kind = re.escape(node.op_type)
    return bool(re.fullmatch(rf"(node_?)?(n|{kind})?[_.]?\d*(_quant)?", node.name, re.IGNORECASE))


def _of_weights(node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto]) -> str:
    place = _WEIGHTS.get(node.op_type, len(node.input))
    name = node.input[place] if place < len(node.input) else ""
    for _ in range(_DEEPEST):
        if name not in makers or not makers[name].input:
            break
        name = makers[name].input[0]
    found = _WEIGHT.fullmatch(name)
    return found[1] if found else ""


def _scopes(node: onnx.NodeProto) -> list[str]:
    """The modules around the node from the network down, and what the exporter calls the node."""
    text = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "")
    try:
        found = ast.literal_eval(text) if text else []
    except (ValueError, SyntaxError):
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def _module(scopes: list[str], containers: set[str]) -> str:
    """The innermost module; one with modules inside is followed by the node's name in it."""
    module, own = ["", "", *scopes][-2:]
    if not module or own.startswith(f"{module}."):
        return own
    return f"{module}/{own}" if module in containers else module
