"""Padding with minus infinity before a maximum, which is the pool's own."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Old, Rewriter

#: Below every value of a layer.
_LOWEST = float(np.finfo(np.float32).min)


def padded_maxima(model: onnx.ModelProto) -> onnx.ModelProto:
    """Pad with minus infinity before MaxPool alone becomes the pool's padding."""
    names = Rewriter(model)
    outputs = {value.name for value in model.graph.output}
    for node in list(model.graph.node):
        if node.op_type != "Pad" or node.domain not in DOMAINS or node.output[0] in outputs:
            continue
        pads = _space(names, Old(node))
        readers = [n for n in model.graph.node if node.output[0] in n.input]
        if pads is None or not all(_takes(reader, pads) for reader in readers):
            continue
        for reader in readers:
            _add(reader, pads)
            reader.input[0] = node.input[0]
        model.graph.node.remove(node)
    return model


def _space(names: Rewriter, pad: Old) -> list[int] | None:
    """The padding of the spatial axes, all before and all after; None if it is another kind."""
    known = all(names.is_constant(name) for name in filter(None, pad.inputs[1:]))
    plain = pad.attributes.get("mode", b"constant") == b"constant" and not pad.given(3)
    if not (known and plain and pad.given(1) and pad.given(2)):
        return None
    pads = [int(p) for p in names.array(pad.inputs[1]).reshape(-1)]
    rank, value = len(pads) // 2, names.array(pad.inputs[2]).reshape(-1)
    others = [*pads[:2], *pads[rank : rank + 2]]
    if value.size != 1 or value[0] > _LOWEST or any(others) or min(pads) < 0 or rank < 3:
        return None
    return [*pads[2:rank], *pads[rank + 2 :]]


def _takes(pool: onnx.NodeProto, pads: list[int]) -> bool:
    """Whether the node is a MaxPool that may have this padding more, less than its kernel."""
    old = Old(pool)
    mode = old.attributes.get("auto_pad", b"NOTSET")
    own = old.attributes.get("pads", [0] * len(pads))
    kernel = old.attributes.get("kernel_shape", [])
    return (
        pool.op_type == "MaxPool"
        and len(pool.output) == 1
        and mode in (b"NOTSET", b"VALID")
        and not old.attributes.get("ceil_mode", 0)
        and len(own) == len(pads) == 2 * len(kernel)
        and all(a + b < k for a, b, k in zip(own, pads, [*kernel, *kernel], strict=True))
    )


def _add(pool: onnx.NodeProto, pads: list[int]) -> None:
    own = next((list(a.ints) for a in pool.attribute if a.name == "pads"), [0] * len(pads))
    kept = [a for a in pool.attribute if a.name not in ("pads", "auto_pad")]
    total = helper.make_attribute("pads", [a + b for a, b in zip(own, pads, strict=True)])
    del pool.attribute[:]
    pool.attribute.extend([*kept, total])
