"""Large constants by reference: results are those of constants in the model."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx, references
from compiler.frontend.onnx.references import LARGE, is_reference, whole
from compiler.load import load_model
from compiler.quantize import quantize
from tests.support.float_onnx import FloatNet


def _net(generator):
    """Layers with large weights: one with a normalisation to be folded, one left as it is."""
    net = FloatNet(generator)
    x = net.node("Relu", net.conv(net.input("N", 16, 6, 6, name="image"), 16, 128, 3))
    x = net.node("Flatten", net.node("MaxPool", x, kernel_shape=[6, 6]))
    x = net.node("Relu", net.node("Gemm", x, net.random(150, 128), net.random(150), transB=1))
    net.output(net.node("MatMul", x, net.random(150, 120)))
    return net


def test_results_are_the_same(tmp_path, generator):
    net = _net(generator)
    np.save(tmp_path / "x.npy", generator.normal(size=(4, 16, 6, 6)).astype(np.float32))
    model = parse_onnx(net.bytes(), Path())
    before = model.SerializeToString()
    plain = quantize(model, tmp_path / "x.npy")
    assert model.SerializeToString() == before
    assert not any(map(is_reference, plain.graph.initializer))
    with references():
        light = quantize(parse_onnx(net.bytes(), Path()), tmp_path / "x.npy")
        assert sum(map(is_reference, light.graph.initializer)) == 3
        assert light.ByteSize() < LARGE
        held = whole(light)
    assert _by_name(held) == _by_name(plain)


def _by_name(model):
    return {tensor.name: tensor.SerializeToString() for tensor in model.graph.initializer}


def test_a_large_constant_of_too_few_bytes(generator):
    model = _net(generator).model()
    weights = next(t for t in model.graph.initializer if list(t.dims) == [150, 128])
    weights.raw_data = weights.raw_data[:-4]
    with pytest.raises(InputError, match=f"constant '{weights.name}': "):
        load_model(model)


def test_of_the_weights_two_copies_are_held_at_most(tmp_path, generator):
    net = FloatNet(generator)
    x = net.node("Flatten", net.input("N", 64, 4, 4, name="image"))
    for columns, rows in ((1024, 2048), (2048, 1024), (1024, 64)):
        x = net.node("Gemm", x, net.random(rows, columns), net.random(rows), transB=1)
        x = net.node("Relu", x)
    net.output(x)
    data = net.bytes()
    (tmp_path / "net.onnx").write_bytes(data)
    size = len(data)
    del data, net
    tracemalloc.start()
    try:
        load_model(tmp_path / "net.onnx")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * size, peak / size


PEAKS = """
import resource, sys
from pathlib import Path
from compiler.load import load_model
peaks = []
for path in map(Path, sys.argv[1:]):
    load_model(path)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(peaks[1] - peaks[0])
"""


def test_loading_takes_four_times_the_weights_at_most(tmp_path, generator):
    """Beyond what a small model takes; protocol buffers and onnxruntime included."""
    paths = [tmp_path / "small.onnx", tmp_path / "large.onnx"]
    for path, channels in zip(paths, (8, 640), strict=True):
        net = FloatNet(generator)
        x = net.input("N", channels, 4, 4, name="image")
        for _ in range(3):
            x = net.node("Relu", net.conv(x, channels, channels, 3))
        net.output(x)
        path.write_bytes(net.bytes())
    command = [sys.executable, "-c", PEAKS, *map(str, paths)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert int(printed) < 4 * paths[1].stat().st_size
