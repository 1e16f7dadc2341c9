"""Float TFLite models: their ONNX form computes in onnxruntime what LiteRT does."""

import contextlib

import numpy as np
import pytest

from compiler.assets import blaze_face_path, deeplab_path, scikit_pictures
from compiler.command_line import main
from compiler.errors import CompilerError, InputError, UnsupportedError
from compiler.frontend.tflite import is_float
from compiler.frontend.tflite_float import to_onnx
from compiler.load import load_model
from docs.examples.quantised import (
    as_input,
    open_picture,
)
from golden.command_line import main as golden_main
from sim.command_line import main as sim_main
from tests.compiler.frontend import raw_tflite
from tests.golden.oracle import run_litert
from tests.support.float_tflite import FloatModel
from tests.support.onnx_builder import run_onnx
from tests.support.tflite_options import same_padding


def windows(m, op, x, shape, stride=(1, 1), dilation=(1, 1), kernel=None, same=True, **attrs):
    """A layer with SAME or VALID padding; ``shape`` is the output's."""
    kernel = kernel or attrs.pop("weights")
    pads = same_padding(x[1], kernel, stride, dilation) if same else (0, 0, 0, 0)
    return m.node(
        op, x[0], shape, stride=stride, dilation=dilation, padding=pads, kernel=kernel, **attrs
    )


def conv(m):
    """Even strides over an odd map, a fused activation and a dilated layer behind it."""
    x, w, b = m.input(1, 9, 8, 3), m.random(5, 3, 4, 3), m.random(5)
    y = windows(
        m, "conv2d", ([x, w, b], (1, 9, 8)), (1, 5, 4, 5), (2, 2), kernel=(3, 4), activation="relu6"
    )
    w = m.random(4, 3, 3, 5)
    return windows(
        m,
        "conv2d",
        ([y, w, m.random(4)], (1, 5, 4)),
        (1, 5, 4, 4),
        dilation=(2, 2),
        kernel=(3, 3),
        activation="relu_n1_to_1",
    )


def grouped_conv(m):
    x, w = m.input(1, 5, 5, 4), m.random(6, 3, 3, 2)
    return windows(
        m,
        "conv2d",
        ([x, w, m.random(6)], (1, 5, 5)),
        (1, 3, 3, 6),
        kernel=(3, 3),
        same=False,
        activation="relu",
    )


def depthwise(m):
    """A depth multiplier, a stride and a dilation."""
    x, w = m.input(1, 8, 7, 3), m.random(1, 3, 3, 6)
    y = windows(
        m,
        "depthwise_conv2d",
        ([x, w, m.random(6)], (1, 8, 7)),
        (1, 4, 4, 6),
        (2, 2),
        kernel=(3, 3),
        depth_multiplier=2,
    )
    w = m.random(1, 3, 3, 6)
    return windows(
        m,
        "depthwise_conv2d",
        ([y, w, m.random(6)], (1, 4, 4)),
        (1, 4, 4, 6),
        dilation=(2, 2),
        kernel=(3, 3),
        depth_multiplier=1,
    )


def transposed(m, same):
    x, w = m.input(1, 4, 3, 3), m.random(5, 3, 2, 3)
    size = (8, 6) if same else (9, 6)
    pads = same_padding((1, *size), (3, 2), (2, 2)) if same else (0, 0, 0, 0)
    return m.node(
        "transpose_conv2d", [x, w, m.random(5)], (1, *size, 5), stride=(2, 2), padding=pads
    )


def fully_connected(m):
    """A map flattened in TFLite's order, by the layer itself and by a reshape."""
    x = m.input(1, 3, 2, 4)
    y = m.node("fully_connected", [x, m.random(5, 24), m.random(5)], (1, 5), activation="relu")
    z = m.node("reshape", [x], (1, 24), shape=(1, 24))
    z = m.node("fully_connected", [z, m.random(5, 24), ""], (1, 5))
    return m.node("add", [y, z], (1, 5))


def sums(m):
    """Two activations, a constant per channel, a number; a value per channel that is computed."""
    x, shape = m.input(1, 4, 3, 5), (1, 4, 3, 5)
    y = m.node("add", [x, m.random(5)], shape, activation="relu")
    y = m.node("mul", [y, m.random(1, 1, 1, 5)], shape)
    y = m.node("add", [m.constant(np.float32(0.7)), y], shape)
    gate = m.node("sigmoid", [m.node("mean", [x], (1, 1, 1, 5))], (1, 1, 1, 5))
    return m.node("add", [m.node("mul", [y, gate], shape), x], shape, activation="relu6")


def pools(m):
    x = m.input(1, 7, 6, 3)
    a = windows(m, "avg_pool2d", ([x], (1, 7, 6)), (1, 4, 3, 3), (2, 2), kernel=(3, 3))
    b = windows(
        m, "max_pool2d", ([x], (1, 7, 6)), (1, 4, 3, 3), (2, 2), kernel=(3, 2), activation="relu"
    )
    return m.node("concatenation", [a, b], (1, 4, 3, 6))


def padded(m):
    x = m.input(1, 3, 4, 2)
    return m.node("pad", [x], (1, 6, 5, 7), padding=(1, 2, 1, 0), channel_padding=(2, 3))


def anchors(m):
    """The rows of two maps one below the other, as detectors give them."""
    x = m.input(1, 4, 3, 6)
    y = m.node("reshape", [x], (1, 24, 3), shape=(1, 24, 3))
    back = m.node("reshape", [y], (1, 2, 4, 9), shape=(1, 2, 4, 9))
    return m.node("relu", [back], (1, 2, 4, 9))


def resized(mode, corners, half, size):
    def build(m):
        x = m.input(1, 4, 5, 3)
        return m.node(
            "resize",
            [x],
            (1, *size, 3),
            mode=mode,
            size=size,
            align_corners=corners,
            half_pixel_centers=half,
        )

    return build


def of_one(op, **attrs):
    def build(m):
        x = m.input(1, 4, 3, 5)
        return m.node(op, [x], (1, 4, 3, 5), **attrs)

    return build


def prelu(m):
    x = m.input(1, 4, 3, 5)
    return m.node("prelu", [x, m.constant(np.full((1, 1, 5), 0.3))], (1, 4, 3, 5))


MODELS = {
    "conv": conv,
    "grouped conv": grouped_conv,
    "depthwise": depthwise,
    "transposed": lambda m: transposed(m, True),
    "transposed whole": lambda m: transposed(m, False),
    "fully connected": fully_connected,
    "sums": sums,
    "pools": pools,
    "pad": padded,
    "reshape": anchors,
    "prelu": prelu,
    "softmax": of_one("softmax", beta=1.0),
    **{op: of_one(op) for op in ("relu", "relu6", "relu_n1_to_1", "hard_swish", "sigmoid", "tanh")},
    "leaky_relu": of_one("leaky_relu", alpha=0.2),
    **{
        f"{mode} {corners} {half} {size}": resized(mode, corners, half, size)
        for mode in ("nearest", "bilinear")
        for size in ((8, 10), (7, 3))
        for corners, half in ((False, False), (True, False), (False, True))
    },
}


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("name", MODELS)
def test_onnx_form_equals_litert(generator, name, half):
    """Both compute in float32 and differ in the order of sums of at most 60 products: 1e-5."""
    m = FloatModel(generator, half)
    output = m.output(MODELS[name](m))
    data, inputs = m.bytes(), m.samples()
    assert is_float(data)
    model = to_onnx(data)
    assert [v.name for v in model.graph.input] == m.inputs
    (found,) = run_onnx(model.SerializeToString(), inputs)
    expected = run_litert(data, inputs)[output]
    assert found.shape == expected.shape
    limit = 1e-5 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


def small_net(m):
    """A residual network with an odd number of channels that ends in a map and in rows."""
    x = m.input(1, 8, 8, 3)
    y = windows(
        m,
        "conv2d",
        ([x, m.random(6, 3, 3, 3, deviation=0.3), m.random(6)], (1, 8, 8)),
        (1, 4, 4, 6),
        (2, 2),
        kernel=(3, 3),
        activation="relu6",
    )
    z = windows(
        m,
        "depthwise_conv2d",
        ([y, m.random(1, 3, 3, 6), m.random(6)], (1, 4, 4)),
        (1, 4, 4, 6),
        kernel=(3, 3),
        depth_multiplier=1,
    )
    y = m.node("relu", [m.node("add", [y, z], (1, 4, 4, 6))], (1, 4, 4, 6))
    y = m.node("pad", [y], (1, 4, 4, 8), padding=(0, 0, 0, 0), channel_padding=(0, 2))
    return y, m.node("reshape", [y], (1, 32, 4), shape=(1, 32, 4))


def load(tmp_path, m, calibration=None):
    path = tmp_path / "net.tflite"
    path.write_bytes(m.bytes())
    return load_model(path, calibration)


def test_names_and_layout_stay_the_models(tmp_path, generator):
    m = FloatModel(generator)
    outputs = [m.output(name) for name in small_net(m)]
    graph = load(tmp_path, m)
    assert graph.random_calibration
    assert (list(graph.inputs), list(graph.outputs)) == (m.inputs, outputs)
    declared = [graph.tensors[name].declared for name in (*graph.inputs, *graph.outputs)]
    assert [d.dtype for d in declared] == ["float32"] * 3
    assert [d.shape for d in declared] == [(1, 8, 8, 3), (1, 4, 4, 8), (1, 32, 4)]
    assert all(d.order == tuple(range(len(d.shape))) for d in declared)
    assert [n.op for n in graph.nodes if n.op != "reshape"] == [
        "conv2d",
        "depthwise_conv2d",
        "add",
        "pad",
    ]


def rounded_prelu(m):
    """Slopes that no converter computes."""
    x = m.input(1, 2, 2, 2)
    return m.node("prelu", [x, m.node("relu", [x], (1, 2, 2, 2))], (1, 2, 2, 2))


def computed_weights(m):
    x = m.input(1, 2, 2, 2)
    return m.node("fully_connected", [x, m.node("relu", [x], (1, 2, 2, 2)), ""], (1, 2))


def constants_only(m):
    m.input(1, 2)
    return m.node("relu", [m.constant([[1.0, 2.0]])], (1, 2))


def int8_weights(m):
    x, w = m.input(1, 2), m.constant([[1, 2]], "int8")
    return m.node("fully_connected", [x, w, ""], (1, 1))


def wrong_shape(m):
    return m.node("relu", [m.input(1, 2, 2, 2)], (1, 2, 2, 3))


def wrong_channels(m):
    x, w = m.input(1, 2, 2, 3), m.random(4, 1, 1, 2)
    return m.node(
        "conv2d", [x, w, ""], (1, 2, 2, 4), stride=(1, 1), dilation=(1, 1), padding=(0, 0, 0, 0)
    )


REFUSED = {
    "slopes": (rounded_prelu, UnsupportedError, r"\(PRELU\) 'prelu_1': computed slopes"),
    "weights": (computed_weights, UnsupportedError, "computed weights; a constant is accepted"),
    "constant": (constants_only, UnsupportedError, "'constant_1' is a constant; an activation"),
    "int8": (int8_weights, UnsupportedError, "integers without a scale; real values are accepted"),
    "shape": (wrong_shape, InputError, r"'relu_0' has shape \[1, 2, 2, 3\]"),
    "channels": (
        wrong_channels,
        InputError,
        r"\(CONV_2D\) 'conv2d_0': input of 3 channels, weights of 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(tmp_path, generator, name):
    build, error, message = REFUSED[name]
    m = FloatModel(generator)
    m.output(build(m))
    with pytest.raises(error, match=message):
        load(tmp_path, m)


def test_end_to_end(tmp_path, generator, capsys):
    """Mapped with calibration: the simulator's outputs are golden's, 20 dB above their noise.

    Three layers of weights and values rounded to 255 steps; see test_quantize.py for the limit.
    """
    m = FloatModel(generator, half=True)
    outputs = [m.output(name) for name in small_net(m)]
    samples = generator.standard_normal((32, 8, 8, 3)).astype(np.float32)
    np.save(tmp_path / "samples.npy", samples)
    np.save(tmp_path / "x.npy", samples[:1])
    path = tmp_path / "net.tflite"
    path.write_bytes(m.bytes())
    folder, y = tmp_path / "mapped", tmp_path / "y.npy"
    calibration = ["--calibrate", str(tmp_path / "samples.npy")]
    assert main(["map", str(path), *calibration, "--preset", "tiny", "-o", str(folder)]) == 0
    x = ["--input", str(tmp_path / "x.npy"), "--output"]
    assert sim_main(["run", str(folder), *x, str(y)]) == 0
    assert golden_main(["run", str(folder / "model.json"), *x, str(tmp_path / "golden.npy")]) == 0
    capsys.readouterr()
    expected = run_litert(m.bytes(), {m.inputs[0]: samples[:1]})
    for number, name in enumerate(outputs):
        suffix = f".{number}.npy" if number else ".npy"
        found = np.load(y.with_suffix(suffix))
        np.testing.assert_array_equal(found, np.load(tmp_path / f"golden{suffix}"))
        assert found.dtype == np.float32 and found.shape == expected[name].shape
        noise = np.square(found - expected[name]).sum()
        assert 10 * np.log10(np.square(expected[name]).sum() / noise) > 20


def test_any_damage_to_the_file(generator):
    """A changed byte may leave a model; else it is the input's fault."""
    m = FloatModel(generator, half=True)
    for name in small_net(m):
        m.output(name)
    data = m.bytes()
    for number in range(150):
        damaged = bytearray(data if number % 3 else data[: generator.integers(1, len(data))])
        for at in generator.integers(len(damaged), size=2):
            damaged[at] = generator.choice([0, 1, 0x7F, 0x80, 0xFF])
        with contextlib.suppress(CompilerError):
            to_onnx(bytes(damaged))


def test_calibration_is_refused_for_quantised_models(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(raw_tflite.write(raw_tflite.conv_model()))
    with pytest.raises(InputError, match=r"for a quantised model; a float .onnx or .tflite one"):
        load_model(path, tmp_path / "x.npy")


@pytest.mark.full
@pytest.mark.parametrize("fetch, limit", [(deeplab_path, 1e-4), (blaze_face_path, 1e-4)])
def test_real_models_equal_litert(generator, fetch, limit):
    """On a picture and on noise: a few dozen layers of float32 sums in another order."""
    data = fetch().read_bytes()
    model = to_onnx(data)
    (value,) = model.graph.input
    shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    picture = as_input(open_picture(scikit_pictures()["astronaut"]), shape[1])
    for x in (picture, generator.uniform(-1, 1, shape).astype(np.float32)):
        expected = run_litert(data, {value.name: x})
        found = run_onnx(model.SerializeToString(), {value.name: x})
        for output, array in zip(model.graph.output, found, strict=True):
            reference = expected[output.name.removesuffix("/channels_last")]
            assert np.abs(array - reference).max() <= limit * np.abs(reference).max()
