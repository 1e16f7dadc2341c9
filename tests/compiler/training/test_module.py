"""Float ONNX models as PyTorch modules: values, training, and the file afterwards."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch

from compiler.command_line import main
from compiler.errors import InputError, UnsupportedError
from compiler.training import load, orthonormality, save
from tests.support.float_onnx import FloatNet, calibration_of, mobile_net
from tests.support.onnx_builder import run_onnx

ROUNDING = 1e-4
"""Of sums of a few hundred products in two orders, as a share of the largest value."""


def blocks(generator):
    """Operators that networks of today have, in one."""
    net = FloatNet(generator)
    x = net.input("N", 6, 13, 12, name="image")
    y = net.node("Mul", x, net.node("Sigmoid", x))
    y = net.node("HardSwish", net.conv(y, 6, 8, 3, dilations=[2, 1], strides=[1, 2]))
    y = net.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 2, 0])
    average = {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1]}
    y = net.node("Add", y, net.node("AveragePool", y, **average))
    y = net.node("Sub", y, net.node("AveragePool", y, count_include_pad=1, **average))
    y = net.node("PRelu", y, net.random(8, 1, 1))
    gate = net.node("HardSigmoid", net.node("GlobalAveragePool", y), alpha=0.25)
    y = net.node("LeakyRelu", net.node("Mul", y, gate), alpha=0.2)
    y = net.node("Transpose", y, perm=[0, 2, 3, 1])
    y = net.node("LayerNormalization", y, net.random(8), net.random(8), axis=-1)
    y = net.node("MatMul", y, net.random(8, 5, deviation=0.3))
    y = net.node("Tanh", net.node("Add", y, net.random(5)))
    y = net.node("ReduceMean", y, axes=[1], keepdims=1)
    y = net.node("Reshape", y, net.constant(np.array([0, -1], np.int64)))
    net.output(net.node("Softmax", y, axis=1))
    return net.bytes()


def written(data, folder):
    path = folder / "net.onnx"
    path.write_bytes(data)
    return path


def difference(data, module, x):
    (wanted,) = run_onnx(data, {"image": x})
    with torch.no_grad():
        found = module.eval()(torch.from_numpy(x)).numpy()
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("made", ["mobile", "blocks"])
def test_values_are_those_of_onnxruntime(made, generator, tmp_path):
    data = mobile_net(generator).bytes() if made == "mobile" else blocks(generator)
    shape = (5, 3, 16, 16) if made == "mobile" else (5, 6, 13, 12)
    x = generator.normal(size=shape).astype(np.float32)
    assert difference(data, load(written(data, tmp_path)), x) < ROUNDING


@pytest.mark.parametrize("sizes", [(11,), (9, 7), (5, 4, 6)])
def test_channels_with_several_kernels_each_have_the_values_of_onnxruntime(
    sizes, generator, tmp_path
):
    net, axes = FloatNet(generator), len(sizes)
    x = net.input("N", 4, *sizes, name="image")
    weights, bias = net.random(12, 1, *[3] * axes), net.random(12)
    pads = [0, *[1] * (2 * axes - 1)]
    y = net.node("Conv", x, weights, bias, group=4, strides=[2] * axes, pads=pads)
    net.output(y)
    data = net.bytes()
    pictures = generator.normal(size=(3, 4, *sizes)).astype(np.float32)
    assert difference(data, load(written(data, tmp_path)), pictures) < ROUNDING


def trained(module, x, target, steps=30):
    """The losses before and after some steps."""
    optimiser = torch.optim.Adam(module.train().parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(module(torch.from_numpy(x)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[-1]


def test_a_rewritten_model_trains_and_its_file_computes_what_the_module_does(generator, tmp_path):
    path, out = written(mobile_net(generator).bytes(), tmp_path), tmp_path / "out.onnx"
    words = ["--rule", "depthwise_svd", "--preset", "tiny", "-o", str(out)]
    assert main(["rewrite", str(path), *words]) == 0
    module = load(out)
    x = generator.normal(size=(16, 3, 16, 16)).astype(np.float32)
    before, after = trained(module, x, torch.from_numpy(generator.integers(0, 10, 16)))
    assert after < 0.7 * before
    save(module, tmp_path / "trained.onnx")
    old, new = onnx.load(out), onnx.load(tmp_path / "trained.onnx")
    onnx.checker.check_model(new, full_check=True)
    assert list(new.graph.node) == list(old.graph.node)
    weights = {t.name: t.raw_data for t in old.graph.initializer}
    changed = {t.name for t in new.graph.initializer if t.raw_data != weights[t.name]}
    layers = [n for n in new.graph.node if n.op_type in ("Conv", "Gemm")]
    assert changed >= {n.input[1] for n in layers}
    assert difference(new.SerializeToString(), module, x) < ROUNDING
    calibration_of(tmp_path / "x.npy", generator)
    words = ["--calibrate", str(tmp_path / "x.npy"), "--preset", "tiny"]
    assert main(["map", str(tmp_path / "trained.onnx"), *words, "-o", str(tmp_path / "m")]) == 0


def test_statistics_of_batch_normalisation_move_with_the_data(generator, tmp_path):
    net = FloatNet(generator)
    net.output(net.conv(net.input("N", 3, 8, 8, name="image"), 3, 4, 3))
    module = load(written(net.bytes(), tmp_path)).train()
    x = generator.normal(size=(32, 3, 8, 8)).astype(np.float32)
    for _ in range(200):
        y = module(torch.from_numpy(x))
    y = y.detach().numpy()
    assert y.mean() == pytest.approx(0, abs=0.01), "normalised by the batch, bias zero"
    assert difference(module.trained_model().SerializeToString(), module, x) < ROUNDING
    (stored,) = run_onnx(module.trained_model().SerializeToString(), {"image": x})
    assert np.abs(stored - y).max() < 0.01 * np.abs(y).max()


def test_the_orthonormal_part_of_the_loss_is_that_of_the_paper(generator, tmp_path):
    path, out = written(mobile_net(generator).bytes(), tmp_path), tmp_path / "out.onnx"
    words = ["--rule", "bsconv_s=0.5", "--preset", "tiny", "-o", str(out)]
    assert main(["rewrite", str(path), *words]) == 0
    notes, module = tmp_path / "out.training.json", load(out)
    kept = json.loads(notes.read_text())["orthonormal"]["layers"]
    loss = orthonormality(module, notes)
    assert kept and loss.requires_grad
    with torch.no_grad():
        for name in kept:
            weights = module.weights_of(name)
            rows = torch.linalg.qr(weights.flatten(1).T)[0].T
            weights.copy_(rows.reshape(weights.shape))
    assert float(orthonormality(module, notes).detach()) < 1e-4
    with torch.no_grad():
        module.weights_of(kept[0]).mul_(2)
    rank = len(module.weights_of(kept[0]))
    expected = 0.1 * 3 * rank**0.5
    assert float(orthonormality(module, notes).detach()) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("operator", "attributes", "named"),
    [
        ("Round", {}, "Round"),
        ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}, "pad"),
    ],
)
def test_what_cannot_be_trained_is_named(operator, attributes, named, generator, tmp_path):
    net = FloatNet(generator)
    net.output(net.node(operator, net.input("N", 3, 8, 8), **attributes))
    path = written(net.bytes(), tmp_path)
    with pytest.raises(UnsupportedError, match=named) as fault:
        load(path)
    assert str(fault.value).startswith(f"{path}: node ")


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=f"{path}: is no ONNX model"):
        load(path)
    path.unlink()
    with pytest.raises(InputError, match=f"{path}: no such file"):
        load(path)
