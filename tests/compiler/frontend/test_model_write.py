"""Writing a graph as a model file, and reading it again."""

import errno
import json
import tempfile

import numpy as np
import pytest

from compiler.errors import InputError
from compiler.frontend import write_model
from compiler.load import load_model
from compiler.zoo import build
from tests.compiler.frontend.graphs import assert_same, residual_graph, weightless
from tests.compiler.graphs import Net


def test_round_trip_is_exact(tmp_path):
    graph = residual_graph()
    found = load_model(write_model(graph, tmp_path / "model.json"))
    assert found.random_weights
    assert_same(found, graph)


def test_round_trip_of_a_table_and_of_real_attributes(tmp_path):
    net = Net((4, 4, 3))
    x = net.function("leaky_relu", net.function("lookup", "input"), alpha=0.3)
    graph = net.finish(net.function("hard_sigmoid", x, alpha=0.2, beta=0.5))
    found = load_model(write_model(graph, tmp_path / "model.json"))
    assert_same(found, graph)


@pytest.mark.parametrize("alpha", ["0.1", True, None, [0.1], 10**400])
def test_a_real_attribute_is_a_finite_number(tmp_path, alpha):
    net = Net((4, 4, 3))
    path = write_model(net.finish(net.function("leaky_relu", "input")), tmp_path / "model.json")
    model = json.loads(path.read_text())
    model["nodes"][0]["attrs"] = {"alpha": alpha}
    path.write_text(json.dumps(model))
    with pytest.raises(InputError, match="accepted: a finite number"):
        load_model(path)


def test_round_trip_with_odd_names(tmp_path):
    graph = residual_graph()
    text = json.dumps(graph.to_dict(), default=str)
    assert "stem/weights" in text
    renamed = {"stem/weights": "file", "stem/bias": "file.npy", "logits/bias": "../gewicht ü"}
    tensors = {}
    for name, tensor in graph.tensors.items():
        key = renamed.get(name, name)
        tensors[key] = type(tensor)(key, tensor.shape, tensor.dtype, tensor.quant, tensor.data)
    nodes = [
        type(n)(n.name, n.op, tuple(renamed.get(i, i) for i in n.inputs), n.outputs, n.attrs)
        for n in graph.nodes
    ]
    graph = type(graph)("odd", tensors, nodes, graph.inputs, graph.outputs)
    assert_same(load_model(write_model(graph, tmp_path / "model.json")), graph)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_model(residual_graph(), tmp_path / name / "model.json")
    for file in ("model.json", "model.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["model.json", "model.npz"]


def test_a_built_in_network_is_written_without_weights(tmp_path):
    path = write_model(build("mobilenet_v1_025"), tmp_path / "net.json")
    assert [p.name for p in tmp_path.iterdir()] == ["net.json"]
    first, second = load_model(path), load_model(path)
    assert first.random_weights
    assert_same(first, second)


def test_seed_changes_the_weights(tmp_path):
    path = write_model(weightless(residual_graph()), tmp_path / "net.json")
    model = json.loads(path.read_text())
    default = load_model(path).tensors["stem/weights"].data
    path.write_text(json.dumps({**model, "seed": 7}))
    assert not np.array_equal(load_model(path).tensors["stem/weights"].data, default)
    path.write_text(json.dumps({**model, "random_weights": False}))
    with pytest.raises(InputError, match="without weights true is accepted"):
        load_model(path)


def test_a_model_is_not_replaced_in_part(tmp_path, monkeypatch):
    graph = residual_graph()
    path = write_model(graph, tmp_path / "other.json")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full_disk(**options):
        made.append(options)
        if len(made) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return mkstemp(**options)

    made, mkstemp = [], tempfile.mkstemp
    monkeypatch.setattr("tempfile.mkstemp", full_disk)
    graph.tensors["stem/bias"].data.setflags(write=True)
    graph.tensors["stem/bias"].data[:] += 1
    with pytest.raises(InputError, match="cannot be written: No space left"):
        write_model(graph, path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_write_model_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(InputError, match=r"suffix '.txt'; \.json is accepted"):
        write_model(residual_graph(), tmp_path / "model.txt")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_model(residual_graph(), tmp_path / "gone" / "model.json")
    (tmp_path / "model.json").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_model(weightless(residual_graph()), tmp_path / "model.json")
    assert [p.name for p in tmp_path.iterdir()] == ["model.json"]
