"""Built-in networks, without weights: one module per family."""

from __future__ import annotations

from collections.abc import Callable

from compiler.errors import InputError, show
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.zoo import (
    bsconv,
    efficientnet_lite,
    inception_v1,
    inception_v2,
    inception_v3,
    mobilenet_v1,
    mobilenet_v2,
    resnet,
    squeezenet,
)

_FAMILIES = (
    bsconv,
    efficientnet_lite,
    inception_v1,
    inception_v2,
    inception_v3,
    mobilenet_v1,
    mobilenet_v2,
    resnet,
    squeezenet,
)

_NETWORKS: dict[str, Callable[[], Graph]] = {
    name: make for family in _FAMILIES for name, make in family.NETWORKS.items()
}


def names() -> tuple[str, ...]:
    """Names of the networks that ``build`` knows, sorted."""
    return tuple(sorted(_NETWORKS))


def build(name: str) -> Graph:
    """The network as an int8 graph without values, batch normalisation folded, up to its logits.

    Weights, biases and quantisation parameters are for ``compiler.ir.randomize`` to add. Raises
    InputError for a name that is not in ``names()``.
    """
    if name not in _NETWORKS:
        raise InputError(f"network {show(name)}; accepted: {', '.join(names())}")
    graph = _NETWORKS[name]()
    verify(graph, "structure")
    return graph
