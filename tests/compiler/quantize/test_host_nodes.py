"""What the host computes of float models: real values inside.

Each layer equals onnxruntime's on the quantised model to a step, or a thousandth of the largest
real value. The whole is near to the float model.
"""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.quantize import quantize
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import layer_differences, random_inputs, run_onnx

NEAR = 14
"""Decibels of the signal over its error. Rounding to 255 steps that reach four deviations is at 36;
a few layers, weights too, take some 12 of it, and scarce large values as much again. What is laid
out or scaled wrongly is as large as the answer, at about 0."""


@pytest.fixture
def samples(generator):
    """16 random inputs of the net, the first of which is judged; their mean is no noise."""

    def draw(model):
        (x,) = model.graph.input
        size = [d.dim_value for d in x.type.tensor_type.shape.dim]
        return generator.normal(0.5, size=(16, *size[1:])).astype(np.float32)

    return draw


@pytest.fixture
def read(samples, tmp_path, generator):
    """Quantises a net with its samples, so that the judged input is in the ranges, and compares
    each layer with onnxruntime's of the quantised model."""

    def quantised(net):
        model = parse_onnx(net.bytes(), None)
        np.save(tmp_path / "x.npy", samples(model))
        model = quantize(model, tmp_path / "x.npy")
        graph = read_onnx(model, "net")
        differences = layer_differences(model, graph, random_inputs(graph, generator))
        assert set(graph.outputs) <= set(differences) and max(differences.values()) <= 1
        return graph

    return quantised


@pytest.fixture
def decibels(tmp_path):
    """The signal over the error of the first output, on the first sample."""

    def judge(net, graph):
        real = {n: np.load(tmp_path / "x.npy")[:1] for n in graph.inputs}
        return signal(net, graph, real)

    return judge


def signal(net, graph, real):
    """The signal over the error of the first output."""
    form = graph.to_dict()
    stored = {n: from_declared(array, form["tensors"][n]) for n, array in real.items()}
    name = graph.outputs[0]
    found = to_declared(run(form, stored)[name], form["tensors"][name])
    wanted = run_onnx(net.bytes(), real)[0]
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    error = np.square(found.astype(np.float64) - wanted).sum()
    return 10 * np.log10(np.square(wanted.astype(np.float64)).sum() / max(error, 1e-30))


def attention(net, x, channels, pixels):
    """Products of three projections of a map, with a softmax over rows between."""
    shape = net.constant([1, channels, pixels])
    q, k, v = (
        net.node("Reshape", net.conv(x, channels, channels, 1, normalised=False), shape)
        for _ in range(3)
    )
    scores = net.node("MatMul", net.node("Transpose", q, perm=[0, 2, 1]), k)
    a = net.node("Softmax", net.node("Mul", scores, net.constant(np.float32(0.3))), axis=-1)
    return net.node("MatMul", v, net.node("Transpose", a, perm=[0, 2, 1]))


def test_attention_is_one_node_with_real_values_inside(generator, read, decibels):
    net = FloatNet(generator)
    y = attention(net, net.input(1, 8, 6, 6), 8, 36)
    y = net.node("Reshape", y, net.constant([1, 8, 6, 6]))
    net.output(net.conv(y, 8, 4, 1, normalised=False))
    graph = read(net)
    (host,) = (node for node in graph.nodes if node.op == "host")
    kinds = [node["op_type"] for node in host.attrs["body"]]
    assert kinds.count("MatMul") == 2 and "Softmax" in kinds
    assert host.attrs["macs"] == 2 * 8 * 36 * 36
    assert ": two activations, as in attention" in host.attrs["reason"]
    assert [n.op for n in graph.nodes] == [*["conv2d"] * 3, "host", "reshape", "conv2d"]
    assert decibels(net, graph) > NEAR


def test_outputs_of_the_host_are_real_or_whole_numbers(generator, read, decibels):
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 6, 7), 3, 5, 3)
    net.output(net.node("LogSoftmax", x, axis=2))
    graph = read(net)
    assert graph.tensors[graph.outputs[0]].dtype == "float32"
    assert decibels(net, graph) > NEAR
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 6, 7), 3, 5, 3)
    net.output(net.node("ArgMax", x, axis=1), "int64")
    graph = read(net)
    assert graph.tensors[graph.outputs[0]].dtype == "int64"


OPERATORS = {
    "a product with a function of itself": lambda n, x: n.node("MatMul", x, n.node("Relu", x)),
    "a concatenation with a constant": lambda n, x: n.node(
        "Concat", x, n.random(1, 2, 6, 6), axis=1
    ),
    "group normalisation": lambda n, x: n.node(
        "GroupNormalization", x, n.random(4), n.random(4), num_groups=2
    ),
    "a mean and a variance over channels": lambda n, x: n.node(
        "Div",
        n.node("Sub", x, n.node("ReduceMean", x, axes=[1])),
        n.node("Sqrt", n.node("ReduceSumSquare", x, axes=[1])),
    ),
    "a matrix for a bias": lambda n, x: n.node(
        "Gemm", n.node("Reshape", x, n.constant([24, 6])), n.random(6, 5), n.random(24, 5)
    ),
    "cubic pixels": lambda n, x: n.node(
        "Resize", x, "", n.constant(np.float32([1, 1, 2, 2])), mode="cubic"
    ),
    "a convolution of three axes": lambda n, x: n.node(
        "Conv", n.node("Reshape", x, n.constant([1, 2, 2, 6, 6])), n.random(3, 2, 2, 3, 3)
    ),
}


@pytest.mark.parametrize("case", OPERATORS)
def test_a_node_of_the_host_between_layers(generator, read, decibels, case):
    opset = {"group normalisation": 21}.get(case, 17)
    net = FloatNet(generator, opset)
    x = net.conv(net.input(1, 3, 6, 6), 3, 4, 3, normalised=False)
    y = OPERATORS[case](net, x)
    net.output(net.node("Relu", y))
    graph = read(net)
    assert any(node.op == "host" for node in graph.nodes)
    assert decibels(net, graph) > NEAR


def test_every_obstacle_is_named_before_anything_is_calibrated(generator):
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 6, 6), 3, 4, 3)
    y = net.node("Dropout", x, net.constant(np.float32(0.5)), net.constant(True))
    net.output(net.node("Hardmax", y))
    model = net.model()
    scopes = "['', 'head', 'head.hard', 'hardmax']"
    model.graph.node[-1].metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    model = parse_onnx(model.SerializeToString(), None)
    message = (
        r"^2 obstacles: node 'Dropout_2' \(Dropout\): training_mode is true; false is accepted; "
        r"node 'head.hard' \(Hardmax\): operator Hardmax is not handled; docs/supported_ops.md"
    )
    with pytest.raises(UnsupportedError, match=message):
        quantize(model, None)


WINDOWS = {
    "kernel": ("GlobalAveragePool", {}),
    "stride": ("MaxPool", {"kernel_shape": [2, 2], "strides": [256, 1]}),
    "dilation": ("MaxPool", {"kernel_shape": [2, 2], "dilations": [1, 256]}),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_beyond_a_commands_fields_are_the_hosts(read, decibels, case):
    op, attrs = WINDOWS[case]
    net = FloatNet(np.random.default_rng(0))
    net.output(net.node(op, net.input(1, 1, 300, 300), **attrs))
    graph = read(net)
    assert [node.op for node in graph.nodes] == ["host"] and decibels(net, graph) > NEAR


@pytest.mark.parametrize("rows", [255, 256])
def test_a_fully_connected_layer_of_a_map_of_many_rows_reads_a_vector(read, decibels, rows):
    """The host writes its map row by row; a window of the whole would be beyond a field."""
    net = FloatNet(np.random.default_rng(0))
    x = net.node("Transpose", net.input(1, 2, 3, rows), perm=[0, 2, 3, 1])
    x = net.node("Mul", x, net.random(1, 3, rows, 1))
    net.output(net.node("Gemm", net.node("Flatten", x), net.random(6 * rows, 5)))
    graph = read(net)
    shape = graph.tensors[graph.nodes[-1].inputs[0]].shape
    assert shape == ((1, 3, 255, 2) if rows < 256 else (1, 1, 1, 1536))
    assert decibels(net, graph) > NEAR


def test_steps_beyond_a_commands_fields_are_refused_before_calibration(tmp_path):
    """The folder that would calibrate is not there."""
    net = FloatNet(np.random.default_rng(0))
    x = net.input(1, 1, 300, 2000)
    net.output(net.node("MaxPool", x, kernel_shape=[2, 2], dilations=[250, 1]))
    with pytest.raises(UnsupportedError, match="Vertical strides, dilations and padding of up to"):
        quantize(parse_onnx(net.bytes(), None), tmp_path / "nothing")


def test_a_vector_of_constants_is_multiplied_by_the_host(generator, read, decibels):
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 4, 5), 3, 4, 3)
    net.output(net.node("MatMul", x, net.random(5)))
    assert decibels(net, read(net)) > NEAR


def test_a_mask_of_minus_infinity_is_the_hosts(generator, read, decibels):
    """As causal attention has it; zeros behind the softmax follow from it."""
    net = FloatNet(generator)
    x = net.node("Reshape", net.conv(net.input(1, 3, 4, 4), 3, 4, 3), net.constant([1, 4, 16]))
    scores = net.node("MatMul", net.node("Transpose", x, perm=[0, 2, 1]), x)
    mask = np.where(np.tri(16, dtype=bool), 0, -np.inf).astype(np.float32)
    shares = net.node("Softmax", net.node("Add", scores, net.constant(mask)), axis=-1)
    net.output(net.node("MatMul", shares, net.node("Transpose", x, perm=[0, 2, 1])))
    assert decibels(net, read(net)) > NEAR


def test_a_sequence_is_refused_by_the_name_of_its_node(generator):
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 6, 6), 3, 4, 3)
    parts = net.node("SplitToSequence", x, net.constant(np.int64(2)), axis=1)
    net.output(net.node("SequenceAt", parts, net.constant(np.int64(0))))
    with pytest.raises(UnsupportedError, match=r"node 'SplitToSequence_2' \(SplitToSequence\): "):
        quantize(parse_onnx(net.bytes(), None), None)


ON_THE_ARRAY = {
    "factors": lambda n, x: n.node(
        "Gemm", n.node("Flatten", x), n.random(144, 5), n.random(5), alpha=0.5, beta=2.0
    ),
    "rows for columns": lambda n, x: n.node(
        "Gemm", n.node("Reshape", x, n.constant([144, 1])), n.random(144, 5), transA=1
    ),
    "a dilated window that keeps the size": lambda n, x: n.node(
        "Conv", x, n.random(3, 4, 3, 3), auto_pad="SAME_LOWER", dilations=[2, 1]
    ),
    "a product by letters": lambda n, x: n.node(
        "Einsum",
        n.node("Reshape", x, n.constant([1, 9, 16])),
        n.random(16, 5),
        equation="abc,cd->abd",
    ),
    "a product by letters with dots": lambda n, x: n.node(
        "Einsum", n.node("Flatten", x), n.random(5, 144), equation="... c, d c -> ... d"
    ),
    "a product by letters of channels": lambda n, x: n.node(
        "Einsum", x, n.random(5, 4), equation="bchw,oc->bohw"
    ),
    "a product by letters of a matrix first": lambda n, x: n.node(
        "Einsum",
        n.random(4, 5),
        n.node("Reshape", x, n.constant([1, 4, 36])),
        equation="co,bcl->bol",
    ),
    "a product by letters, moved": lambda n, x: n.conv(
        n.node("Einsum", x, n.random(4, 5), equation="nchw,cd->ndwh"), 5, 2, 3
    ),
    "a sum of two": lambda n, x: n.node("Sum", x, n.node("MaxPool", x, kernel_shape=[1, 1])),
}


@pytest.mark.parametrize("case", ON_THE_ARRAY)
def test_the_array_has_a_form_of_it(generator, read, decibels, case):
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 6, 6), 3, 4, 3, normalised=False)
    net.output(ON_THE_ARRAY[case](net, x))
    graph = read(net)
    assert all(node.op != "host" for node in graph.nodes)
    layers = ("conv2d", "fully_connected", "add", "max_pool2d", "rearrange", "reshape")
    assert {node.op for node in graph.nodes} <= set(layers)
