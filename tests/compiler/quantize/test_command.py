"""``compiler quantize``: a file that onnxruntime runs as golden runs its graph."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from compiler.command_line import main
from compiler.load import load_model
from tests.support.float_onnx import calibration_of, mobile_net
from tests.support.onnx_builder import OnnxBuilder, layer_differences, random_inputs


def test_onnxruntime_gives_goldens_values_on_the_written_model(tmp_path, generator):
    """Each layer on its own is within a step: onnxruntime adds real products, which may round the
    other way."""
    source, file = tmp_path / "net.onnx", tmp_path / "int8.onnx"
    source.write_bytes(mobile_net(generator).bytes())
    samples = calibration_of(tmp_path / "x.npy", generator)
    words = ["quantize", str(source), "--calibrate", str(samples), "-o", str(file)]
    assert main(words) == 0
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    graph, direct = load_model(file), load_model(source, samples)
    assert graph.tensors == direct.tensors and graph.nodes == direct.nodes
    for name, tensor in graph.tensors.items():
        assert np.array_equal(tensor.data, direct.tensors[name].data)
    differences = layer_differences(model, graph, random_inputs(graph, generator))
    assert len(differences) > 4 and graph.outputs[0] in differences
    assert max(differences.values()) <= 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{model}", "-o", "{folder}/y.onnx"], "--calibrate"),
        (["{folder}/x.tflite", "--calibrate", "x.npy", "-o", "{folder}/y.onnx"], "'.tflite'"),
        (["{model}", "--calibrate", "{folder}/none.npy", "-o", "{folder}/y.onnx"], "none.npy"),
        (["{model}", "--calibrate", "{samples}", "-o", "{folder}/none/y.onnx"], "none/y.onnx"),
    ],
)
def test_faults_are_one_line(tmp_path, generator, capsys, words, named):
    model = tmp_path / "net.onnx"
    model.write_bytes(mobile_net(generator).bytes())
    samples = calibration_of(tmp_path / "x.npy", generator)
    places = {"model": model, "samples": samples, "folder": tmp_path}
    assert main(["quantize", *(word.format(**places) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ") and named in err
    assert not (tmp_path / "y.onnx").exists()


def test_a_quantised_model_is_refused(tmp_path, generator, capsys):
    source, file = tmp_path / "net.onnx", tmp_path / "int8.onnx"
    source.write_bytes(mobile_net(generator).bytes())
    samples = str(calibration_of(tmp_path / "x.npy", generator))
    assert main(["quantize", str(source), "--calibrate", samples, "-o", str(file)]) == 0
    assert (
        main(["quantize", str(file), "--calibrate", samples, "-o", str(tmp_path / "y.onnx")]) == 2
    )
    assert "the model is quantised" in capsys.readouterr().err


def test_an_operator_is_refused_before_the_compilers_kernels_are_imported(tmp_path):
    net = OnnxBuilder(17)
    net.output(net.node("Hardmax", net.input(1, 3)))
    path = tmp_path / "net.onnx"
    path.write_bytes(net.bytes())
    code = (
        "import sys; from compiler.command_line import main; "
        "codes = [main([verb, sys.argv[1]]) for verb in ('info', 'map')]; "
        "print(codes, [name for name in ('numba', 'compiler.schedule') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[2, 2] []\n" and done.stderr.count("Hardmax is not handled") == 2
