import numpy as np
import pytest

from golden.network import run, run_node
from golden.quant import QParams, quantize
from tests.golden.layers import activation, constant, one_node


def two_node_graph():
    graph = one_node("quantize", {"x": activation((1, 4), 0.5, 0)}, {}, activation((1, 4), 1.0, 0))
    weights = constant(np.ones((2, 4), np.int8), [1.0])
    graph["tensors"].update(w=weights, z=activation((1, 2), 1.0, 0))
    graph["nodes"].append(
        {
            "name": "fc",
            "op": "fully_connected",
            "inputs": ["y", "w", ""],
            "outputs": ["z"],
            "attrs": {"activation": "none"},
        }
    )
    graph["outputs"] = ["z"]
    return graph


X = {"x": np.array([[2, 4, 6, 8]], np.int8)}


def test_run_keeps_every_activation_or_the_outputs():
    values = run(two_node_graph(), X)
    assert {name: v.tolist() for name, v in values.items()} == {
        "x": [[2, 4, 6, 8]],
        "y": [[1, 2, 3, 4]],
        "z": [[10, 10]],
    }
    assert list(run(two_node_graph(), X, keep=False)) == ["z"]


def test_an_operand_may_be_a_constant():
    other = constant(np.array([[1, 2, 3, 4]], np.int8), [0.5])
    graph = one_node(
        "add", {"x": activation((1, 4), 0.5, 0)}, {"b": other}, activation((1, 4), 0.5, 0)
    )
    assert run(graph, X)["y"].tolist() == [[3, 6, 9, 12]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g["nodes"][0].update(op="lstm"), r"node 'quantize' \(lstm\): operator must be"),
        (lambda g: g["tensors"]["z"].update(shape=(1, 3)), r"output 'z' must be int8 \(1, 3\)"),
        (lambda g: g["tensors"]["y"].update(scale=None), "must have one scale, not None"),
        (lambda g: g["inputs"].append("w2"), "input 'w2' is missing"),
        (lambda g: g["tensors"]["x"].update(dtype="uint8"), "input 'x' must be uint8"),
    ],
)
def test_faults_name_the_node_or_tensor(change, message):
    graph = two_node_graph()
    change(graph)
    with pytest.raises(ValueError, match=message):
        run(graph, X)


def test_run_node_takes_its_inputs_from_the_values_given():
    graph = two_node_graph()
    values = {"y": quantize(np.full((1, 4), 3.0), QParams(1.0, 0))}
    assert run_node(graph, graph["nodes"][1], values)["z"].tolist() == [[12, 12]]
