"""Every attribute of every operator: honoured to the bit, or refused with the operator's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.errors import CompilerError
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import ACTIVATIONS, BINARY, OPS, REDUCTIONS
from compiler.ir.randomize import randomize
from compiler.ir.shapes import infer_shape
from golden.network import run
from hw.spec.config import preset
from sim.program_reader import program_of
from tests.e2e.cases import Case, simulated

TINY = preset("tiny")
SHAPE = (1, 6, 5, 8)

PAIRS = ((1, 1), (2, 1), (1, 2), (3, 2), (2, 3), (255, 1), (1, 256), (65536, 1))
BAD_PAIRS = ((0, 1), (1, -1), (1,), (1, 1, 1), (1.0, 1), (65537, 1), "x", 2, None)
FOURS = ((0, 0, 0, 0), (1, 0, 2, 1), (0, 1, 0, 0), (2, 2, 2, 2), (9000, 0, 0, 0))
BAD_FOURS = ((0, 0), (-1, 0, 0, 0), (0, 0, 0, 65537), (0.5, 0, 0, 0), "same", 0, None)
TWOS, BAD_TWOS = ((0, 0), (1, 0), (0, 1), (3, 6)), ((-1, 0), (1,), (0, 65537), "x", None)
COUNTS, BAD_COUNTS = (1, 2, 4, 8, 3, 65536), (0, -1, 65537, 1.5, True, "2", None)
REALS, BAD_REALS = (0.25, 1.0, 3.5, 1e-3), (float("nan"), float("inf"), "1", True, None)
AXES, BAD_AXES = (0, 1, 2, 3, 5), (-1, 6, 1.0, True, "1", None)
FLAGS, BAD_FLAGS = (False, True), (0, 1, "true", None)


def layout(*order: int) -> dict[str, list[int]]:
    """The axes of SHAPE in another order."""
    return {"split": list(SHAPE), "order": list(order), "shape": [SHAPE[i] for i in order]}


def body(op_type: str, **attributes: object) -> tuple[dict[str, object], ...]:
    """An ONNX operator on the only operand."""
    return ({"op_type": op_type, "inputs": ["x0"], "outputs": ["y"], "attributes": attributes},)


SAME, FIRST = layout(0, 1, 2, 3), layout(0, 3, 1, 2)
BAD_LAYOUTS = ({}, {**SAME, "order": [0, 1, 1, 3]}, {**SAME, "split": [1, 6, 5]}, "x", 1, None)

#: By attribute: values that are in its range, and values that are not.
VALUES: dict[str, tuple[tuple, tuple]] = {
    "stride": (PAIRS, BAD_PAIRS),
    "dilation": (PAIRS, BAD_PAIRS),
    "kernel": (PAIRS, BAD_PAIRS),
    "size": ((*PAIRS, (12, 10), (7, 9)), BAD_PAIRS),
    "padding": (FOURS, BAD_FOURS),
    "output_padding": (TWOS, BAD_TWOS),
    "channel_padding": (TWOS, BAD_TWOS),
    "groups": (COUNTS, BAD_COUNTS),
    "depth_multiplier": (COUNTS, BAD_COUNTS),
    "begin": ((0, *COUNTS), (-1, *BAD_COUNTS[2:])),
    "activation": (ACTIVATIONS, ("relu7", "", 0, True, None)),
    "mode": (("nearest", "bilinear"), ("cubic", "", 1, None)),
    "count_include_pad": (FLAGS, BAD_FLAGS),
    "align_corners": (FLAGS, BAD_FLAGS),
    "half_pixel_centers": (FLAGS, BAD_FLAGS),
    "approximate": (FLAGS, BAD_FLAGS),
    "alpha": ((*REALS, 0.0, -0.5), BAD_REALS),
    "function": (BINARY, ("divide", "", 1, None)),
    "transpose_a": (FLAGS, BAD_FLAGS),
    "transpose_b": (FLAGS, BAD_FLAGS),
    "smallest": (FLAGS, BAD_FLAGS),
    "axis": (AXES, BAD_AXES),
    "axes": (((1,), (1, 2), (2, 3), (1, 1), (5,)), ((), (-1,), (1.0,), 1, "x", None)),
    "step": (
        ((1, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 3), (1, 1, 1), (1, 9, 1, 1)),
        ((), (1, 1, 1, 1.5), 1, "x", None),
    ),
    "epsilon": (REALS, (*BAD_REALS, 0.0, -1.0)),
    "layout": ((SAME, FIRST, layout(0, 2, 1, 3)), BAD_LAYOUTS),
    "layouts": (
        ((SAME, SAME), (FIRST, FIRST)),
        ((), (SAME,), *((SAME, bad) for bad in BAD_LAYOUTS), "x", 1, None),
    ),
    "body": (
        (body("Abs"), body("Neg"), body("Softmax", axis=2)),
        ((), body("LSTM"), ({"op_type": "Abs"},), body("Abs", alpha=[None]), "x", 1, None),
    ),
    "opset": ((11, 13, 17, 21), BAD_COUNTS[:2] + BAD_COUNTS[3:]),
    "macs": ((0, 7, 1 << 40), (-1, 1.5, True, "1", None)),
    "reason": (("a reason", "another one"), (1, "two\nlines", None)),
    "shape": (((1, 240), (1, 5, 6, 8), (1, 6, 5, 8)), ((), (0, 240), (1.5,), "x", 240, None)),
}

#: Where an attribute means another thing than elsewhere.
OWN = {
    ("softmax", "beta"): (REALS, (*BAD_REALS, 0.0, -1.0)),
    ("hard_sigmoid", "beta"): ((*REALS, 0.0, -0.5), BAD_REALS),
    ("slice", "size"): (COUNTS, BAD_COUNTS),
    ("reduce", "function"): (REDUCTIONS, ("median", "", 1, None)),
    ("strided_slice", "begin"): (
        ((0, 0, 0, 0), (0, 3, 1, 2), (0, 1, 1, 1), (0, 6, 0, 0), (0, 0)),
        ((), (-1, 0, 0, 0), (0.5, 0, 0, 0), "x", 0, None),
    ),
    ("strided_slice", "size"): (
        ((1, 3, 2, 3), (1, 2, 2, 2), (1, 9, 1, 1), (1, 1)),
        ((), (0, 1, 1, 1), (1.5, 1, 1, 1), "x", 1, None),
    ),
}

#: Attributes that an operator needs beside its defaults.
BESIDE = {
    "avg_pool2d": {"kernel": (3, 3), "padding": (1, 1, 1, 1)},
    "max_pool2d": {"kernel": (3, 3)},
    "transpose_conv2d": {"stride": (2, 2)},
    "resize": {"mode": "bilinear", "size": (12, 10)},
    "slice": {"size": 3},
    "channel_shuffle": {"groups": 2},
    "reshape": {"shape": (1, 240)},
    "elementwise": {"function": "add"},
    "matmul": {"transpose_b": True},
    "reduce": {"function": "sum", "axes": (1,)},
    "arg_max": {"axis": 3},
    "join": {"axis": 1},
    "strided_slice": {"begin": (0, 1, 1, 1), "size": (1, 2, 2, 2), "step": (1, 1, 1, 1)},
    "take": {"axis": 3},
    "rearrange": {"layout": FIRST, "shape": SHAPE},
    "host": {
        "body": body("Softmax", axis=1),
        "opset": 17,
        "layouts": (SAME, SAME),
        "shape": SHAPE,
        "reason": "a test",
    },
}
WEIGHTS = {
    "conv2d": lambda attrs: (8, 3, 3, 8 // _whole(attrs["groups"])),
    "depthwise_conv2d": lambda attrs: (1, 3, 3, 8 * _whole(attrs["depth_multiplier"])),
    "transpose_conv2d": lambda attrs: (8, 3, 3, 8 // _whole(attrs["groups"])),
    "fully_connected": lambda attrs: (8, 240),
}
NOTES = {("host", "macs"), ("host", "reason")}
"""Attributes for reports: no value depends on them."""
ATTRIBUTES = [(op, name) for op, spec in OPS.items() for name in spec.attrs]


def _whole(value: object) -> int:
    """A number of groups that leaves a channel at least; 1 for what is none."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def values_of(op: str, name: str) -> tuple[tuple, tuple]:
    return OWN.get((op, name)) or VALUES[name]


def network(op: str, name: str, value: object) -> Graph:
    """A graph of the operator behind a copy of the input, and on a second one if it takes two."""
    spec = OPS[op]
    defaults = {k: a.default for k, a in spec.attrs.items() if a.default is not None}
    attrs = {**defaults, **BESIDE.get(op, {}), name: value}
    tensors = {
        "input": Tensor("input", SHAPE, "int8", Quant((0.03125,), (3,))),
        "moved": Tensor("moved", SHAPE, "int8", Quant((0.03125,), (3,))),
    }
    shapes = {"bias": (8,), "gamma": (8,), "beta": (8,), "table": (256,), "indices": (3,)}
    dtypes = {"bias": "int32", "gamma": "float32", "beta": "float32", "indices": "int32"}
    names = []
    for role in spec.inputs * (2 if op == "join" else 1):
        if role in ("x", "a", "operand"):
            names.append("moved")
            continue
        shape = SHAPE if op in ("add", "elementwise") else (1, 1, 1, 8)
        if op == "matmul":
            rows = 5 if attrs["transpose_a"] else 8
            shape = (1, 6, 3, rows) if attrs["transpose_b"] else (1, 6, rows, 3)
        if role == "weights":
            shape = WEIGHTS[op](attrs)
            shapes["bias"] = (shape[3] if op == "depthwise_conv2d" else shape[0],)
        shape = shapes.get(role, shape)
        tensors[role] = Tensor(role, shape, dtypes.get(role, "int8"))
        names.append(role)
    first = Node("first", "quantize", ("input",), ("moved",), {})
    node = Node("node", op, tuple(names), ("y",), attrs)
    dtype = "int32" if op == "arg_max" else "int8"
    tensors["y"] = Tensor("y", _shape(node, tensors), dtype)
    inputs = ("input", "b") if "b" in names else ("input",)
    return Graph("one", tensors, [first, node], inputs, ("y",))


def _shape(node: Node, tensors: dict[str, Tensor]) -> tuple[int, ...]:
    """The output's shape; any where the attributes give none."""
    try:
        shape = infer_shape(node, tensors)
    except (CompilerError, TypeError, ValueError, LookupError, ZeroDivisionError):
        return SHAPE
    possible = len(shape) <= 4 and all(isinstance(n, int) and n > 0 for n in shape)
    return shape if possible else SHAPE


def outcome(graph: Graph) -> bytes:
    """What the simulator computes, which must be what golden computes. Raises CompilerError."""
    graph = randomize(graph)
    compiled = compile(graph, TINY)
    memory = np.frombuffer(image(compiled), np.uint8)
    source = np.random.default_rng(0)
    inputs = {
        name: source.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }
    plain = graph.to_dict()
    expected = run(plain, inputs)["y"]
    program = program_of(Path(), memory, mapping(compiled))
    _, tensors = simulated(Case(program, 0, "", inputs, graph=plain))
    np.testing.assert_array_equal(tensors["y"], expected)
    return repr(expected.shape).encode() + expected.tobytes()


@pytest.mark.parametrize(("op", "name"), ATTRIBUTES)
def test_values_in_range_are_honoured_or_refused_by_name(op, name):
    results = []
    for value in values_of(op, name)[0]:
        try:
            results.append(outcome(network(op, name, value)))
        except CompilerError as fault:
            assert f"({op})" in str(fault), (value, fault)
    assert len(results) > 1, "nearly all values refused"
    assert (len(set(results)) > 1) == ((op, name) not in NOTES), "without effect"


@pytest.mark.parametrize(("op", "name"), ATTRIBUTES)
def test_values_out_of_range_are_refused_by_name(op, name):
    for value in values_of(op, name)[1]:
        with pytest.raises(CompilerError) as caught:
            outcome(network(op, name, value))
        assert f"({op})" in str(caught.value) and name in str(caught.value), (value, caught.value)
