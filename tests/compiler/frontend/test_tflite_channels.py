"""Slices, splits and shuffles of TFLite models: what they become, and what is refused."""

from itertools import pairwise

import pytest

from compiler.errors import InputError
from compiler.frontend.tflite import read_tflite
from compiler.ir.graph import Graph
from tests.golden.layers import activation, one_node
from tests.support.tflite_builder import build_model

X = activation((1, 4, 3, 12), 0.5, 3)
ONES = (1, 1, 1, 1)


def read(op: str, outputs: tuple, wanted: int = 0, **attrs: object) -> Graph:
    """A model of one operator with outputs of these channels, of which ``wanted`` are given out."""
    graph = one_node(op, {"x": X}, {}, {}, **attrs)
    names = [f"y{i}" for i in range(len(outputs))]
    del graph["tensors"]["y"]
    graph["tensors"].update(
        (n, {**X, "shape": (1, 4, 3, c)}) for n, c in zip(names, outputs, strict=True)
    )
    graph["nodes"][0]["outputs"] = names
    graph["outputs"] = names[-wanted:]
    return read_tflite(build_model(graph), "model")


def slices(graph: Graph) -> list[tuple]:
    assert all(n.op == "slice" and n.inputs == ("x",) for n in graph.nodes)
    return [(n.name, n.attrs["begin"], n.attrs["size"]) for n in graph.nodes]


def test_a_split_is_a_slice_for_each_part():
    found = slices(read("split", (4, 4, 4), axis=3))
    assert found == [("y0", 0, 4), ("y1", 4, 4), ("y2", 8, 4)]
    found = slices(read("split_v", (5, 6, 1), sizes=(5, -1, 1), axis=-1))
    assert found == [("y0", 0, 5), ("y1", 5, 6), ("y2", 11, 1)]


def test_parts_that_nothing_reads_are_left_out():
    graph = read("split", (4, 4, 4), wanted=1, axis=3)
    assert slices(graph) == [("y2", 8, 4)] and set(graph.tensors) == {"x", "y2"}


def test_a_strided_slice_of_channels():
    graph = read(
        "strided_slice", (5,), begin=(0, 7, -9, 4), end=(1, 9, 99, -3), strides=ONES, begin_mask=2
    )
    assert slices(graph) == [("y0", 4, 5)]
    graph = read(
        "strided_slice",
        (12,),
        begin=(0, 0, 0, 5),
        end=(1, 4, 3, 7),
        strides=ONES,
        begin_mask=8,
        end_mask=8,
    )
    assert slices(graph) == [("y0", 0, 12)]


def test_the_operators_of_a_shuffle_become_one():
    graph = read("channel_shuffle", (12,), groups=4)
    (node,) = graph.nodes
    assert (node.op, node.attrs, set(graph.tensors)) == (
        "channel_shuffle",
        {"groups": 4},
        {"x", "y0"},
    )


@pytest.mark.parametrize("case", ("given out", "another order", "another shape"))
def test_other_transpositions_are_no_shuffles(case):
    parts, order, y = (1, 4, 3, 4, 3), (0, 1, 2, 4, 3), X
    if case == "another order":
        order = (0, 2, 1, 3, 4)
    elif case == "another shape":
        y = {**X, "shape": (1, 12, 3, 4)}
    turned = tuple(parts[i] for i in order)
    graph = one_node("reshape", {"x": X}, {}, {**X, "shape": parts}, shape=parts)
    graph["tensors"].update(t={**X, "shape": turned}, z=y)
    graph["nodes"] += [
        {
            "name": "t",
            "op": "transpose",
            "inputs": ["y"],
            "outputs": ["t"],
            "attrs": {"order": order},
        },
        {
            "name": "z",
            "op": "reshape",
            "inputs": ["t"],
            "outputs": ["z"],
            "attrs": {"shape": y["shape"]},
        },
    ]
    graph["outputs"] = ["z", "t"] if case == "given out" else ["z"]
    found = read_tflite(build_model(graph), "model")
    assert "rearrange" in [node.op for node in found.nodes]


def test_a_transposition_between_scalars_moves_nothing():
    shapes = {"x": (1, 1), "one": (), "y": (1, 1), "t": (1, 1), "z": ()}
    graph = one_node("reshape", {"x": {**X, "shape": (1, 1)}}, {}, X, shape=())
    graph["tensors"] = {name: {**X, "shape": shape} for name, shape in shapes.items()}
    names = list(shapes)
    graph["nodes"] = [
        {
            "name": y,
            "op": "transpose" if y == "t" else "reshape",
            "inputs": [x],
            "outputs": [y],
            "attrs": {"order": (1, 0)} if y == "t" else {"shape": shapes[y]},
        }
        for x, y in pairwise(names)
    ]
    graph["outputs"] = ["z"]
    (node,) = read_tflite(build_model(graph), "model").nodes
    assert node.op == "reshape" and node.attrs == {"shape": (1,)}


WRONG = [
    ("split", (3, 3, 3, 3, 3), {"axis": 3}, "5 parts of 12 values; equal ones are accepted"),
    ("split_v", (6, 7), {"sizes": (6, 7), "axis": 3}, r"sizes \[6, 7\]; 2 sizes of at least 1"),
    ("split_v", (6, 6), {"sizes": (6, 0), "axis": 3}, r"sizes \[6, 0\]; 2 sizes of at least 1"),
    ("slice", (6,), {"begin": 7, "size": 6}, r"begin \[0, 0, 0, 7\] and size \[1, 4, 3, 6\]"),
    (
        "strided_slice",
        (6,),
        {"begin": (0, 0, 0, 6), "end": (1, 4, 3, 5), "strides": ONES},
        "begin 6 and end 5 of 12 leave nothing",
    ),
    (
        "strided_slice",
        (6,),
        {"begin": (0, 6), "end": (1, 4, 3, 5), "strides": ONES},
        r"end of shape \[4\]; \[2\] is accepted",
    ),
]


@pytest.mark.parametrize(("op", "outputs", "attrs", "message"), WRONG)
def test_what_contradicts_itself_is_an_input_error(op, outputs, attrs, message):
    with pytest.raises(InputError, match=message):
        read(op, outputs, **attrs)
