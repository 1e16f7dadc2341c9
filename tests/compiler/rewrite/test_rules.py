"""Rules on float models: what they make computes what the papers say, in onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx
from compiler.rewrite.apply import apply
from compiler.rewrite.onnx_network import OnnxNetwork
from compiler.rewrite.rules import wanted
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import run_onnx

INPUTS, OUTPUTS = 6, 10


def convolution(generator, kernel, *, pads=None, dense=False, activation=False, **attrs):
    """A model of one layer, ``layer``; a depthwise one before it where ``attrs`` have a group."""
    net = FloatNet(generator)
    if dense:
        x = net.input(1, INPUTS)
        y = net.node("Gemm", x, net.random(OUTPUTS, INPUTS), net.random(OUTPUTS), transB=1)
    else:
        x = net.input(1, INPUTS, 11, 12)
        group = attrs.get("group", 1)
        w = net.random(INPUTS if group > 1 else OUTPUTS, INPUTS // group, *kernel)
        pads = [size // 2 for size in kernel] * 2 if pads is None else pads
        y = net.node("Conv", x, w, net.random(w_outputs(group)), pads=pads, **attrs)
    net.output(net.node("Relu", y) if activation else y)
    return net.bytes()


def w_outputs(group):
    return INPUTS if group > 1 else OUTPUTS


def rewritten(data, *rules, folder):
    """The model after the rules, and what changed."""
    network = OnnxNetwork(parse_onnx(data, folder))
    applied = apply(network, [wanted(rule) for rule in rules])
    onnx.checker.check_model(network.model, full_check=True)
    return network, applied


def difference(data, network, generator):
    """The largest difference of the outputs for a random input, as a share of the largest one."""
    model = onnx.ModelProto.FromString(data)
    (value,) = model.graph.input
    shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
    x = {value.name: generator.normal(size=shape).astype(np.float32)}
    (old,), (new,) = run_onnx(data, x), run_onnx(network.model.SerializeToString(), x)
    return np.abs(new - old).max() / np.abs(old).max()


ROUNDING = 3e-6
"""Largest difference between float32 sums of a few hundred products in two orders."""


@pytest.mark.parametrize(
    ("rule", "kernel", "attrs"),
    [
        ("low_rank=6", (1, 1), {"strides": [2, 2]}),
        ("low_rank=1.0", (1, 1), {"dense": True}),
        ("depthwise_svd=9", (3, 3), {"strides": [2, 1]}),
        ("depthwise_svd=1.0", (1, 7), {"dilations": [1, 2]}),
        ("channel_svd=10", (3, 3), {"strides": [2, 1]}),
        ("channel_svd=1.0", (5, 1), {"pads": [2, 0, 1, 0], "dilations": [2, 1]}),
        ("factorise=1xn,18", (3, 3), {"strides": [2, 1], "dilations": [1, 2]}),
        ("factorise=1xn,30", (5, 5), {"pads": [2, 0, 1, 4]}),
        ("factorise=3x3,54", (5, 5), {"pads": [0, 0, 0, 0]}),
        ("depthwise_kernel", (3, 3), {"group": INPUTS, "strides": [2, 2]}),
        ("depthwise_kernel=9", (5, 5), {"group": INPUTS, "dilations": [2, 1]}),
    ],
)
def test_at_full_rank_outputs_are_equal(rule, kernel, attrs, generator, tmp_path):
    data = convolution(generator, kernel, activation=True, **attrs)
    network, applied = rewritten(data, rule, folder=tmp_path)
    (change,) = applied.changes
    assert change.weights == "kept" and change.error < 1e-9
    assert change.variance == pytest.approx(1)
    assert difference(data, network, generator) < ROUNDING


@pytest.mark.parametrize(
    ("rule", "kernel", "rank"),
    [
        ("low_rank", (1, 1), None),
        ("depthwise_svd", (3, 3), None),
        ("channel_svd", (3, 3), None),
        ("factorise=1xn,", (5, 5), 30),
    ],
)
def test_the_weight_error_falls_with_the_rank_and_is_that_of_the_variance(
    rule, kernel, rank, generator, tmp_path
):
    data = convolution(generator, kernel)
    errors = []
    for middle in (1, 2, 4):
        text = f"{rule}{middle}" if rank else f"{rule}={middle}"
        _, applied = rewritten(data, text, folder=tmp_path)
        (change,) = applied.changes
        assert change.error**2 == pytest.approx(1 - change.variance)
        errors.append(change.error)
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]


@pytest.mark.parametrize("rule", ["bsconv_u", "bsconv_s=1.0"])
def test_kernels_of_one_blueprint_are_kept(rule, generator, tmp_path):
    """A filter whose kernels are multiples of each other is what the form can say."""
    net = FloatNet(generator)
    weights = generator.normal(size=(OUTPUTS, INPUTS, 1, 1)) * generator.normal(
        size=(OUTPUTS, 1, 3, 3)
    )
    x, w = net.input(1, INPUTS, 9, 9), net.constant(weights.astype(np.float32))
    net.output(net.node("Conv", x, w, net.random(OUTPUTS), pads=[1] * 4, strides=[2, 2]))
    network, applied = rewritten(net.bytes(), rule, folder=tmp_path)
    assert [node.op_type for node in network.model.graph.node] == ["Conv", "Conv"]
    assert applied.changes[0].variance == pytest.approx(1)
    assert difference(net.bytes(), network, generator) < ROUNDING


def test_the_first_layer_of_bsconv_s_has_orthonormal_rows(generator, tmp_path):
    data = convolution(generator, (3, 3))
    network, _ = rewritten(data, "bsconv_s=0.5", folder=tmp_path)
    first, second, depthwise = network.layers()
    middle = first.outputs
    assert (middle, second.inputs, depthwise.groups) == (4, 4, OUTPUTS)
    product = first.matrix() @ first.matrix().T
    assert np.allclose(product, np.eye(middle), atol=1e-6)


@pytest.mark.parametrize("activation", [False, True])
def test_a_depthwise_separable_block_becomes_blueprint_separable(activation, generator, tmp_path):
    """With an activation between the two there is nothing to keep, which is said."""
    net = FloatNet(generator)
    x = net.input(1, INPUTS, 9, 9)
    y = net.node("Conv", x, net.random(INPUTS, 1, 3, 3), pads=[1] * 4, group=INPUTS)
    y = net.node("Relu", y) if activation else y
    y = net.node("Conv", y, net.random(OUTPUTS, INPUTS, 1, 1), net.random(OUTPUTS))
    net.output(net.node("Relu", y))
    network, applied = rewritten(net.bytes(), "bsconv_u@*", folder=tmp_path)
    (change,) = applied.changes
    assert not applied.refused, "the depthwise layer is part of the change"
    assert len(change.layers) == 2 and change.weights == ("random" if activation else "kept")
    assert [node.op_type for node in network.model.graph.node] == ["Conv", "Conv", "Relu"]
    pointwise, depthwise = network.layers()
    assert pointwise.kernel == (1, 1) and depthwise.groups == OUTPUTS
    assert (change.error is None) == activation


def test_constants_that_nobody_reads_go(generator, tmp_path):
    network, _ = rewritten(convolution(generator, (3, 3)), "depthwise_svd", folder=tmp_path)
    read = {name for node in network.model.graph.node for name in node.input}
    assert {tensor.name for tensor in network.model.graph.initializer} < read


def test_the_reason_is_that_of_the_rule_itself(generator, tmp_path):
    """The first rule leaves a layer, of nine taps, for another reason."""
    net = FloatNet(generator)
    x = net.input(1, INPUTS, 9, 9)
    x = net.node("Conv", x, net.random(OUTPUTS, INPUTS, 3, 3))
    net.output(net.node("Conv", x, net.random(OUTPUTS, OUTPUTS, 5, 5)))
    with pytest.raises(InputError, match=r"depthwise_kernel changes no layer: .*: kernel 3; "):
        rewritten(net.bytes(), "depthwise_svd=10", "depthwise_kernel=3", folder=tmp_path)


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("lowrank", "'lowrank'"),
        ("low_rank=0", "'0'"),
        ("low_rank=1.5", "'1.5'"),
        ("bsconv_s=4", "'4'"),
        ("bsconv_u=4", "no argument"),
        ("factorise", "1xn or 3x3"),
        ("factorise=3x3,x", "'x'"),
        ("depthwise_kernel=4", "'4'"),
        ("low_rank@", "no layer after @"),
        ("low_rank@nothing", "'nothing'"),
        ("low_rank", "changes no layer"),
        ("depthwise_svd=10", "full rank 9"),
        ("convfirst", "changes no layer"),
    ],
)
def test_a_rule_that_cannot_be_is_named(rule, named, generator, tmp_path):
    with pytest.raises(InputError) as fault:
        rewritten(convolution(generator, (3, 3)), rule, folder=tmp_path)
    assert named in str(fault.value)
