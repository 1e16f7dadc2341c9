"""Operators of ONNX as nodes of the graph: what is made, and where elements lie."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.frontend.onnx.views import arranged, channels_last
from compiler.load import load_model
from golden.network import run
from tests.support.onnx_builder import OnnxBuilder

QUANT = (0.05, 3)


def moved(shape, make, inputs=1, outputs=1):
    """The graph of ``make`` between stored inputs of ``shape`` and stored outputs."""
    net = OnnxBuilder()
    names = [net.stored(net.input(*shape, name=f"x{i}"), *QUANT) for i in range(inputs)]
    made = make(net, *names)
    for name in made if outputs > 1 else [made]:
        net.output(net.stored(name, *QUANT))
    return net.graph()


def ops(graph):
    return [node.op for node in graph.nodes]


def shuffle(net, x, groups, shape):
    batch, channels, *space = shape
    split = net.constant([batch, groups, channels // groups, *space])
    order = [0, 2, 1, *range(3, len(shape) + 1)]
    y = net.node("Transpose", net.node("Reshape", x, split), perm=order)
    return net.node("Reshape", y, net.constant(list(shape)))


def test_channel_shuffle():
    """Output channel c2 * groups + c1 reads input channel c1 * (C / groups) + c2 (ShuffleNet)."""

    def make(net, x):
        y = shuffle(net, x, 3, (1, 12, 4, 5))
        return net.node("MaxPool", y, kernel_shape=[1, 1])

    graph = moved((1, 12, 4, 5), make)
    assert ops(graph) == ["channel_shuffle", "max_pool2d"]
    assert graph.nodes[0].attrs == {"groups": 3}


def test_a_shuffle_that_two_read_is_made_once():
    def make(net, x):
        y = shuffle(net, x, 2, (1, 12, 4, 5))
        return net.node("Split", y, outputs=2, axis=1, num_outputs=2)

    assert ops(moved((1, 12, 4, 5), make, outputs=2)) == ["channel_shuffle", "slice", "slice"]


def test_a_shuffle_and_its_inverse_cost_nothing():
    def make(net, x):
        y = shuffle(net, shuffle(net, x, 3, (1, 12, 4, 5)), 4, (1, 12, 4, 5))
        return net.node("MaxPool", y, kernel_shape=[1, 1])

    assert ops(moved((1, 12, 4, 5), make)) == ["max_pool2d"]


def test_split_of_channels():
    def make(net, x):
        return net.node("Split", x, net.constant([3, 4, 5]), outputs=3, axis=1)

    graph = moved((1, 12, 4, 5), make, outputs=3)
    assert ops(graph) == ["slice"] * 3
    assert [n.attrs for n in graph.nodes] == [
        {"begin": 0, "size": 3},
        {"begin": 3, "size": 4},
        {"begin": 7, "size": 5},
    ]


def test_split_into_equal_parts():
    def make(net, x):
        return net.node("Split", x, outputs=3, axis=-3, num_outputs=3)

    graph = moved((1, 11, 4, 5), make, outputs=3)
    assert [n.attrs["size"] for n in graph.nodes] == [4, 4, 3]


@pytest.mark.parametrize("start, end, expected", [(2, 7, (2, 5)), (-4, 1 << 40, (8, 4))])
def test_slice_of_channels(start, end, expected):
    def make(net, x):
        limits = [net.constant([v]) for v in (start, end, 1, 1)]
        return net.node("Slice", x, *limits)

    graph = moved((1, 12, 4, 5), make)
    assert ops(graph) == ["slice"]
    assert graph.nodes[0].attrs == dict(zip(("begin", "size"), expected, strict=True))


def test_padding_of_channels():
    def make(net, x):
        return net.node("Pad", x, net.constant([0, 2, 0, 1, 0, 3, 1, 0]))

    (node,) = moved((1, 12, 4, 5), make).nodes
    assert node.attrs == {"padding": (0, 1, 1, 0), "channel_padding": (2, 3)}


def test_product_with_one_value_per_channel():
    """Squeeze and excitation."""

    def make(net, x):
        s = net.stored(net.node("GlobalAveragePool", x), 0.02, 1)
        return net.node("Mul", net.stored(net.node("Sigmoid", s), 1 / 256, -128), x)

    graph = moved((1, 12, 4, 5), make)
    assert ops(graph) == ["mean", "sigmoid", "mul"]
    assert graph.tensors[graph.nodes[1].outputs[0]].shape == (1, 1, 1, 12)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [(2, 3), (-1, -2)])
def test_mean_over_space(keep, axes):
    def make(net, x):
        return net.node("ReduceMean", x, net.constant(list(axes)), keepdims=keep)

    graph = moved((1, 12, 4, 5), make)
    assert ops(graph) == ["mean"]
    declared = graph.tensors[graph.outputs[0]].declared
    assert declared.shape == ((1, 12, 1, 1) if keep else (1, 12))


def test_transposed_convolution():
    generator = np.random.default_rng(0)
    steps = generator.integers(-127, 128, (6, 4, 3, 2)).astype(np.int8)

    def make(net, x):
        w = net.weights(steps, np.linspace(0.001, 0.004, 4), 1)
        return net.node(
            "ConvTranspose", x, w, strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 2]
        )

    graph = moved((1, 6, 5, 4), make)
    (node,) = graph.nodes
    assert node.op == "transpose_conv2d"
    assert node.attrs == {
        "stride": (2, 3),
        "padding": (1, 0, 0, 1),
        "output_padding": (1, 2),
        "groups": 1,
        "activation": "none",
    }
    weights = graph.tensors[node.inputs[1]]
    assert weights.quant.axis == 0
    np.testing.assert_array_equal(weights.data, steps.transpose(1, 2, 3, 0))


RESIZES = {
    "twice, asymmetric, floor": (
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        ("nearest", False, False),
    ),
    "twice, half pixel": ({}, ("nearest", False, False)),
    "bilinear, half pixel": ({"mode": "linear"}, ("bilinear", False, True)),
    "bilinear, pytorch": (
        {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
        ("bilinear", False, True),
    ),
    "bilinear, corners": (
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        ("bilinear", True, False),
    ),
    "bilinear, asymmetric": (
        {"mode": "linear", "coordinate_transformation_mode": "asymmetric"},
        ("bilinear", False, False),
    ),
}


@pytest.mark.parametrize("by", ["scales", "sizes"])
@pytest.mark.parametrize("case", RESIZES)
def test_resize(case, by):
    attrs, (mode, corners, half) = RESIZES[case]

    def make(net, x):
        if by == "scales":
            return net.node("Resize", x, "", net.constant(np.float32([1, 1, 2, 2])), **attrs)
        return net.node("Resize", x, "", "", net.constant([1, 12, 8, 10]), **attrs)

    (node,) = moved((1, 12, 4, 5), make).nodes
    assert node.op == "resize"
    assert node.attrs == {
        "mode": mode,
        "size": (8, 10),
        "align_corners": corners,
        "half_pixel_centers": half,
    }


@pytest.mark.parametrize("affine", [False, True])
def test_layer_normalization(affine):
    gamma, beta = np.float32([1, 2, 3, 4]), np.float32([4, 3, 2, 1])

    def make(net, x):
        inputs = [net.constant(gamma)] + ([net.constant(beta)] if affine else [])
        y = net.node("Transpose", x, perm=[0, 2, 3, 1])
        return net.node("LayerNormalization", y, *inputs, epsilon=0.5)

    graph = moved((1, 4, 3, 5), make)
    (node,) = graph.nodes
    assert node.op == "layer_norm" and node.attrs == {"epsilon": 0.5}
    np.testing.assert_array_equal(graph.tensors[node.inputs[1]].data, gamma)
    expected = beta if affine else np.zeros(4, np.float32)
    np.testing.assert_array_equal(graph.tensors[node.inputs[2]].data, expected)


def test_shapes_computed_from_shapes():
    """As exporters write a flattening: Shape, Gather, Unsqueeze, Concat, Reshape."""

    def make(net, x):
        batch = net.node("Gather", net.node("Shape", x), net.constant(0), axis=0)
        batch = net.node("Unsqueeze", batch, net.constant([0]))
        return net.node("Reshape", x, net.node("Concat", batch, net.constant([-1]), axis=0))

    graph = moved((1, 12, 1, 1), make)
    assert graph.tensors[graph.outputs[0]].declared.shape == (1, 12)


def test_names_and_forms():
    """Inputs and outputs have the model's names and forms; inner tensors those of their Q."""
    net = OnnxBuilder()
    x = net.stored(net.input("batch", 3, 6, 4, name="image"), *QUANT)
    first = net.quantize(net.node("MaxPool", x, kernel_shape=[2, 2]), *QUANT)
    second = net.node("MaxPool", net.dequantize(first, *QUANT), kernel_shape=[2, 2])
    last = net.output(net.stored(second, *QUANT))
    graph = net.graph()
    assert graph.inputs == ("image",) and graph.outputs == (last,)
    assert graph.nodes[0].outputs == (first,)
    image, inner = graph.tensors["image"], graph.tensors[first]
    assert image.dtype == "int8" and image.shape == (1, 6, 4, 3)
    assert vars(image.declared) == {
        "dtype": "float32",
        "shape": (1, 3, 6, 4),
        "order": (0, 2, 3, 1),
        "rounding": "even",
    }
    assert inner.declared.dtype == "int8" and inner.declared.shape == (1, 3, 5, 3)


def test_constants_beside_the_model(tmp_path):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 40), *QUANT)
    steps = np.arange(-100, 100, dtype=np.int8).reshape(40, 5)
    net.output(net.stored(net.node("MatMul", x, net.weights(steps, 0.01, 1)), *QUANT))
    model = net.model()
    tensor = next(t for t in model.graph.initializer if list(t.dims) == [40, 5])
    tensor.CopyFrom(numpy_helper.from_array(steps, tensor.name))
    onnx.external_data_helper.set_external_data(tensor, "weights.bin", 0, steps.nbytes)
    tensor.ClearField("raw_data")
    (tmp_path / "weights.bin").write_bytes(steps.tobytes())
    graph = read_onnx(parse_onnx(model.SerializeToString(), tmp_path), "test")
    np.testing.assert_array_equal(graph.tensors[graph.nodes[0].inputs[1]].data, steps.T)


def test_views_against_numpy(seed):
    """Random reshapes and transposes of views do what NumPy does to the array."""
    generator = np.random.default_rng(seed)
    for _ in range(200):
        shape = tuple(int(s) for s in generator.integers(1, 7, 4))
        array = np.arange(np.prod(shape)).reshape(shape)
        view = channels_last(shape)
        memory = array.transpose(0, 2, 3, 1).reshape(-1)
        for _ in range(4):
            if generator.random() < 0.5:
                order = tuple(int(i) for i in generator.permutation(array.ndim))
                array, view = array.transpose(order), view.transposed(order)
            else:
                sizes = [s for s in array.shape if generator.random() < 0.5]
                rest = array.size // int(np.prod(sizes))
                if array.size % int(np.prod(sizes)) or len(sizes) > 4:
                    continue
                found = view.reshaped((*sizes, rest))
                if found is not None:
                    array, view = array.reshape(*sizes, rest), found
        assert view.shape == array.shape
        np.testing.assert_array_equal(array.reshape(-1)[view.memory_to_model()], memory)
        if view.order is not None:
            np.testing.assert_array_equal(array.transpose(view.order).reshape(-1), memory)


def test_runs_are_the_same_however_axes_were_split():
    whole = arranged((1, 12, 4), (0, 2, 1))
    split = whole.reshaped((1, 3, 4, 2, 2)).reshaped((1, 12, 4))
    assert whole.runs == split.runs and whole.memory != split.memory


def test_flattened_channels_are_the_same_bytes():
    graph = moved((1, 8, 1, 1), lambda net, x: net.node("Flatten", x))
    steps = np.arange(8, dtype=np.int8).reshape(1, 1, 1, 8)
    values = run(graph.to_dict(), {"x0": steps})
    np.testing.assert_array_equal(values[graph.outputs[0]].reshape(-1), np.arange(8))


def test_an_element_type_that_onnx_does_not_have(tmp_path):
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input(1, 3, 4, 4)))
    model = net.model()
    model.graph.input[0].type.tensor_type.elem_type = 83
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"has element type 83; types up to [0-9]+ are accepted"):
        load_model(path)
