"""Built-in networks, without weights: one module per family."""

from __future__ import annotations

from compiler.errors import InputError, show
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.zoo import (
    bsconv,
    capsule,
    convfirst,
    convnext,
    deeplab,
    efficientnet_lite,
    inception_v1,
    inception_v2,
    inception_v3,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    retinaface,
    shufflenet,
    squeezenet,
    tds,
)
from compiler.zoo.builder import Pair
from compiler.zoo.network import Network

_FAMILIES = (
    bsconv,
    capsule,
    convfirst,
    convnext,
    deeplab,
    efficientnet_lite,
    inception_v1,
    inception_v2,
    inception_v3,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    retinaface,
    shufflenet,
    squeezenet,
    tds,
)

_NETWORKS: dict[str, Network] = {
    name: network for family in _FAMILIES for name, network in family.NETWORKS.items()
}


def names() -> tuple[str, ...]:
    """Names of the networks that ``build`` knows, sorted."""
    return tuple(sorted(_NETWORKS))


def build(name: str, input_size: Pair | None = None, *, auxiliary: bool = False) -> Graph:
    """The network as an int8 graph without values, batch normalisation folded, up to its logits.

    ``input_size`` is (height, width) in pixels, that of the published definition unless given.
    ``auxiliary`` adds the classifiers of training as further outputs. Weights, biases and
    quantisation parameters are for ``compiler.ir.randomize`` to add. Raises InputError for a name
    that is not in ``names()``, for a network without such classifiers, and for a size at which a
    window does not fit.
    """
    network = _network(name)
    size = input_size or network.size
    if min(size) < 1:
        raise InputError(f"network {show(name)}: input size {list(size)}; 1 or more is accepted")
    make = network.with_heads if auxiliary else network.make
    if make is None:
        able = ", ".join(n for n in names() if _NETWORKS[n].with_heads is not None)
        raise InputError(f"network {show(name)} has no auxiliary classifiers; {able} have")
    graph = make(name, size)
    verify(graph, "structure")
    return graph


def reduced_size(name: str) -> Pair:
    """A small (height, width) for ``build`` that keeps every layer, for runs on the RTL.

    Raises InputError for a name that is not in ``names()``.
    """
    return _network(name).reduced


def _network(name: str) -> Network:
    if name not in _NETWORKS:
        raise InputError(f"network {show(name)}; accepted: {', '.join(names())}")
    return _NETWORKS[name]
