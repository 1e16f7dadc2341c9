"""Families of networks: their published members, and what they refuse."""

from dataclasses import replace

import pytest

from compiler import zoo
from compiler.errors import InputError
from compiler.ir.counts import macs, parameters
from compiler.zoo.families import member


@pytest.mark.parametrize(
    ("family", "arguments", "name"),
    [
        ("mobilenet_v1", {}, "mobilenet_v1"),
        ("mobilenet_v1", {"width": 0.25, "kernel": 5}, "mobilenet_v1_025_dw5x5"),
        ("mobilenet_v2", {}, "mobilenet_v2"),
        ("efficientnet_lite", {}, "efficientnet_lite0"),
    ],
)
def test_a_built_in_network_is_a_member(family, arguments, name):
    assert replace(member(family, arguments), name=name) == zoo.build(name)


@pytest.mark.parametrize(
    ("family", "arguments", "millions"),
    [
        # github.com/tensorflow/models, research/slim/nets/mobilenet: multiply-accumulates and
        # parameters in millions.
        ("mobilenet_v1", {"width": 0.5, "resolution": 160}, (76, 1.34)),
        ("mobilenet_v2", {"width": 1.4}, (582, 6.06)),
        ("mobilenet_v2", {"width": 0.35}, (59, 1.66)),
        # github.com/tensorflow/tpu, models/official/efficientnet/lite: EfficientNet-Lite2.
        ("efficientnet_lite", {"width": 1.1, "depth": 1.2, "resolution": 260}, (860, 6.09)),
    ],
)
def test_members_have_their_published_size(family, arguments, millions):
    graph = member(family, arguments)
    found = sum(macs(graph).values()) / 1e6, parameters(graph) / 1e6
    assert found == pytest.approx(millions, rel=0.035)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"depth": 0}, "mobilenet_v1: depth 0; a number from 0.05 to 16.0"),
        ({"kernel": 2.5}, "mobilenet_v1: kernel 2.5; a whole number from 1 to 15"),
        ({"expansion": 2}, "mobilenet_v1: expansion is unknown; accepted: resolution, width,"),
    ],
)
def test_other_arguments_are_refused(arguments, said):
    with pytest.raises(InputError) as fault:
        member("mobilenet_v1", arguments)
    assert str(fault.value).startswith(said)
