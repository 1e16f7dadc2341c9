"""ONNX files that are damaged, or whose constants lie elsewhere."""

import re

import numpy as np
import onnx
import pytest

from compiler.errors import CompilerError, InputError
from compiler.frontend.onnx import parse_onnx
from compiler.load import load_model
from tests.compiler.frontend.onnx_refusals import QUANT, SHAPE, conv
from tests.support.onnx_builder import OnnxBuilder


@pytest.mark.parametrize("data", [b"\x08\x99 no model", b"ONNX" * 20, b"\x08\x08"])
def test_no_model(tmp_path, data):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(f"{path}: not a valid ONNX model: ")):
        load_model(path)


def test_cut_and_changed_files(tmp_path, seed):
    """Any file is a model or refused with one line that names it."""
    net = OnnxBuilder()
    net.output(net.stored(conv()(net, net.stored(net.input(*SHAPE), *QUANT)), *QUANT))
    whole, path = net.bytes(), tmp_path / "model.onnx"
    generator = np.random.default_rng(seed)
    for _ in range(150):
        data = bytearray(whole[: generator.integers(1, len(whole) + 1)])
        for place in generator.integers(0, len(data), generator.integers(0, 4)):
            data[place] = generator.integers(0, 256)
        path.write_bytes(bytes(data))
        try:
            load_model(path)
        except CompilerError as fault:
            assert str(fault).startswith(f"{path}: ") and "\n" not in str(fault)


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("../weights.bin", "accepted"),
        ("/etc/hostname", "accepted"),
        ("a/b", "accepted"),
        ("", "accepted"),
        ("..", "accepted"),
        ("weights.bin", "which is not there; a file next to the model is accepted"),
    ],
)
def test_constants_elsewhere(tmp_path, location, text):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 40), *QUANT)
    steps = np.zeros((40, 5), np.int8)
    net.output(net.stored(net.node("MatMul", x, net.weights(steps, 0.01, 1)), *QUANT))
    model = net.model()
    tensor = next(t for t in model.graph.initializer if list(t.dims) == [40, 5])
    onnx.external_data_helper.set_external_data(tensor, location, 0, 200)
    with pytest.raises(InputError, match=rf"constant 'constant_4' lies in '.*{text}"):
        parse_onnx(model.SerializeToString(), tmp_path)


def test_calibration_of_a_quantised_model(tmp_path):
    net = OnnxBuilder()
    net.output(net.stored(net.node("Relu", net.stored(net.input(1, 3), *QUANT)), *QUANT))
    path = tmp_path / "model.onnx"
    path.write_bytes(net.bytes())
    with pytest.raises(InputError, match=r"quantised model; a float .onnx or .tflite one is"):
        load_model(path, tmp_path)
