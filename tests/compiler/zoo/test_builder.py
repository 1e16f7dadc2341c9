"""Mistakes in the use of the builder are refused with what is accepted."""

from collections.abc import Callable

import pytest

from compiler.errors import InputError
from compiler.zoo.builder import GraphBuilder

TWICE = "network 'net': name '{}' is used twice; a name of its own is accepted for each layer"
UNKNOWN = "network 'net': tensor 'y' is unknown; 'input' and the names of earlier layers"


@pytest.fixture
def net() -> GraphBuilder:
    net = GraphBuilder("net", (8, 8, 4))
    net.conv("conv", "input", 4, 3)
    return net


LAYERS: dict[str, Callable[[GraphBuilder, str, str], str]] = {
    "conv": lambda net, name, x: net.conv(name, x, 8, 3),
    "depthwise": lambda net, name, x: net.depthwise(name, x, 3),
    "fully_connected": lambda net, name, x: net.fully_connected(name, x, 8),
    "transpose_conv": lambda net, name, x: net.transpose_conv(name, x, 8, 2, stride=2),
    "layer_norm": lambda net, name, x: net.layer_norm(name, x),
    "add": lambda net, name, x: net.add(name, "input", x),
    "max_pool": lambda net, name, x: net.max_pool(name, x, 2),
    "global_avg_pool": lambda net, name, x: net.global_avg_pool(name, x),
    "function": lambda net, name, x: net.function(name, x, "sigmoid"),
}


@pytest.mark.parametrize("used", ["conv", "conv/weights", "input"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_name_used_twice_is_refused(net, layer, used):
    with pytest.raises(InputError) as fault:
        LAYERS[layer](net, used, "input")
    assert str(fault.value) == TWICE.format(used)


@pytest.mark.parametrize("layer", LAYERS)
def test_an_unknown_tensor_is_refused(net, layer):
    with pytest.raises(InputError, match=UNKNOWN):
        LAYERS[layer](net, "new", "y")


def test_an_unknown_output_is_refused(net):
    with pytest.raises(InputError, match=UNKNOWN):
        net.finish("y")


def test_an_unknown_function_is_refused(net):
    message = "layer 'a/gelux': function 'gelux' is unknown; accepted: relu, "
    with pytest.raises(InputError, match=message):
        net.conv("a", "input", 8, 3, activation="gelux")


def test_a_refused_layer_is_not_there(net):
    with pytest.raises(InputError):
        net.conv("conv", "input", 8, 3)
    assert [node.name for node in net.finish("conv").nodes] == ["conv"]
