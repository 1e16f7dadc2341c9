"""The public Python interface: what it exports, what importing it costs, its examples."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

import compiler
from tests.support.onnx_builder import OnnxBuilder

HEAVY = {"amaranth", "matplotlib", "numba", "onnx", "torch"}
EXAMPLES = (
    "compiler",
    "compiler.estimator.estimator",
    "compiler.interface",
    "compiler.load",
    "compiler.machine",
    "compiler.zoo.builder",
)


@pytest.fixture
def model(tmp_path) -> Path:
    """A quantisable model of one ReLU."""
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input(1, 4, 4, 4)))
    path = tmp_path / "model.onnx"
    path.write_bytes(net.bytes())
    return path


def small_graph() -> compiler.Graph:
    net = compiler.GraphBuilder("small", (8, 8, 4))
    return net.finish(net.conv("conv", "input", 4, 3))


def test_importing_the_packages_imports_nothing_heavy():
    code = "import sys, compiler, sim, golden, hw; print(*sys.modules)"
    root = Path(compiler.__file__).parents[1]
    words = [sys.executable, "-c", code]
    loaded = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout
    assert not HEAVY & set(loaded.split())
    assert not [name for name in loaded.split() if name.startswith("compiler.")]


def test_type_checkers_see_the_names_that_are_exported():
    tree = ast.parse(Path(compiler.__file__).read_text(encoding="utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    seen = {a.name: n.module for n in imports for a in n.names}
    assert {name: seen.get(name) for name in compiler.__all__} == compiler._HOMES
    assert compiler.__all__ == sorted(compiler._HOMES, key=lambda n: (n.islower(), n))


@pytest.mark.parametrize("name", compiler.__all__)
def test_every_name_is_there_and_says_what_it_is(name):
    assert getattr(compiler, name).__doc__
    assert name in dir(compiler)


def test_no_module_has_the_name_of_something_exported():
    modules = {module.name for module in pkgutil.iter_modules(compiler.__path__)}
    assert not modules & set(compiler.__all__)


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="module 'compiler' has no attribute 'latencys'"):
        _ = compiler.latencys


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_docstrings_are_right(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed


def test_a_model_is_a_path_or_what_onnx_read(model, tmp_path):
    read = onnx.load(model)
    before = read.SerializeToString()
    report = compiler.map_model(str(model), tmp_path / "out", "tiny")
    assert compiler.latency(read, "tiny").cycles == report["cycles"]
    assert compiler.latency(model, "tiny").cycles == report["cycles"]
    assert read.SerializeToString() == before


def test_a_graph_without_weights_is_mapped_with_random_ones(tmp_path):
    report = compiler.map_model(small_graph(), tmp_path / "out", compiler.Machine("tiny"))
    assert report["cycles"] == compiler.latency(small_graph(), "tiny").cycles
    assert compiler.load_model(tmp_path / "out" / "model.json").random_weights


def test_mapping_prints_nothing(tmp_path, capsys):
    compiler.map_model(small_graph(), str(tmp_path / "out"), "tiny")
    assert capsys.readouterr().out == ""


def test_another_machine_or_memory_is_another_latency():
    cycles = [
        compiler.latency(small_graph(), machine).cycles
        for machine in ("tiny", compiler.Machine("tiny", memory={"latency": 100}), "edge256")
    ]
    assert cycles[1] > cycles[0] > cycles[2]


def test_every_tensor_stored_takes_longer():
    net = compiler.GraphBuilder("two", (8, 8, 4))
    # kernels of one pixel, or the array would work while the tensor between them is stored
    graph = net.finish(net.conv("b", net.conv("a", "input", 4, 1), 4, 1))
    options = compiler.CompilerOptions(materialize=True)
    assert (
        compiler.latency(graph, "tiny", options=options).cycles
        > compiler.latency(graph, "tiny").cycles
    )


def test_calibration_of_a_graph_is_refused(tmp_path):
    message = "graph small: calibration x.npy; it is accepted for a float model"
    with pytest.raises(compiler.CompilerError, match=message):
        compiler.latency(small_graph(), "tiny", "x.npy")
    with pytest.raises(compiler.CompilerError, match=message):
        compiler.map_model(small_graph(), tmp_path, "tiny", calibration="x.npy")


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="model of type int; a path or "):
        compiler.latency(5)


def test_the_model_of_a_message_is_named_after_its_graph():
    proto = OnnxBuilder().model()
    proto.graph.name = "nothing"
    with pytest.raises(compiler.CompilerError, match=r"^nothing: not a valid ONNX model"):
        compiler.load_model(proto)


def test_a_latency_prints_as_one_line():
    text = repr(compiler.latency(small_graph(), "tiny"))
    assert text.startswith("<Latency small: ") and text.endswith(" of 16 MAC units, 1 layers>")
    assert len(text.splitlines()) == 1
