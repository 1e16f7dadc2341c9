"""Small int8 TFLite models, and their comparison with LiteRT's reference kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tflite

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.frontend.tflite import read_tflite
from compiler.frontend.tflite.schema import BufferSlot, ModelSlot, SubgraphSlot
from compiler.ir.graph import Graph
from golden.declared import from_declared, to_declared
from golden.network import run
from hw.spec.config import preset
from sim.program_reader import program_of
from tests.compiler.frontend.raw_tflite import Scalar, code, operator, tensor, write
from tests.e2e.cases import Case, simulated
from tests.golden.oracle import run_litert

KIND, BUILTIN = tflite.BuiltinOptions, tflite.BuiltinOperator
TYPES = {
    np.dtype(name): getattr(tflite.TensorType, name.upper())
    for name in ("int8", "uint8", "int16", "int32", "int64", "float16", "float32")
}


class Model:
    """Tensors and operators of one subgraph, by the tensors' numbers."""

    def __init__(self) -> None:
        self.tensors: list[dict] = []
        self.buffers: list[dict] = [{}]
        self.operators: list[dict] = []
        self.codes: list[dict] = []

    def tensor(self, name, shape, scale=0.25, zero_point=3, dtype="int8", data=None, axis=0) -> int:
        """An activation, or a constant of ``data``; without a ``scale`` it is not quantised."""
        buffer = 0
        if data is not None:
            raw = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.buffers.append({BufferSlot.DATA: raw})
            buffer, shape, dtype = len(self.buffers) - 1, np.shape(data), data.dtype
        scales = tuple(np.atleast_1d(scale).tolist()) if scale is not None else ()
        zeros = tuple(np.broadcast_to(zero_point, len(scales)).tolist())
        kind = TYPES[np.dtype(dtype)]
        self.tensors.append(tensor(name, shape, kind, scales, zeros, axis, buffer))
        return len(self.tensors) - 1

    def integers(self, name, values) -> int:
        """A constant of int32 without quantisation."""
        return self.tensor(name, (), None, data=np.array(values, np.int32))

    def op(self, builtin, inputs, outputs, kind=0, options=None) -> None:
        self.codes.append(code(getattr(BUILTIN, builtin)))
        number = getattr(KIND, kind) if kind else 0
        made = operator(len(self.codes) - 1, tuple(inputs), tuple(outputs), number, options or {})
        self.operators.append(made)

    def write(self, inputs, outputs) -> bytes:
        subgraph = {
            SubgraphSlot.TENSORS: self.tensors,
            SubgraphSlot.INPUTS: np.array(inputs, np.int32),
            SubgraphSlot.OUTPUTS: np.array(outputs, np.int32),
            SubgraphSlot.OPERATORS: self.operators,
        }
        return write(
            {
                ModelSlot.VERSION: Scalar("I", 3),
                ModelSlot.OPERATOR_CODES: self.codes,
                ModelSlot.SUBGRAPHS: [subgraph],
                ModelSlot.BUFFERS: self.buffers,
            }
        )


def agreed(data: bytes, seed: int, machine: bool = True) -> Graph:
    """The graph of a model, whose outputs equal LiteRT's to the bit, from golden and, unless it is
    no network for it, from the machine and its host."""
    graph = read_tflite(data, "model")
    plain, source = graph.to_dict(), np.random.default_rng(seed)
    declared = {}
    for name in graph.inputs:
        described = graph.tensors[name].declared
        shape = graph.tensors[name].shape if described is None else described.shape
        dtype = graph.tensors[name].dtype if described is None else described.dtype
        if dtype == "float32":
            declared[name] = source.normal(0, 5, shape).astype(np.float32)
        else:
            limits = np.iinfo(dtype)
            declared[name] = source.integers(limits.min, limits.max + 1, shape).astype(dtype)
    expected = run_litert(data, declared)
    inputs = {n: from_declared(x, plain["tensors"][n]) for n, x in declared.items()}
    found = run(plain, inputs)
    for name in graph.outputs:
        array = to_declared(found[name], plain["tensors"][name])
        assert array.dtype == expected[name].dtype
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    if machine:
        compiled = compile(graph, preset("tiny"))
        memory = np.frombuffer(image(compiled), np.uint8)
        program = program_of(Path(), memory, mapping(compiled))
        _, tensors = simulated(Case(program, 0, "", inputs, graph=plain))
        for name in graph.outputs:
            np.testing.assert_array_equal(tensors[name], found[name], err_msg=name)
    return graph


def sparse(values):
    """The tables of an array whose last axis is compressed, and the values that are there."""
    rows = values.reshape(-1, values.shape[-1])
    places = [np.flatnonzero(row) for row in rows]
    ends = np.cumsum([0, *map(len, places)])
    axes = [{0: Scalar("b", 0), 1: Scalar("i", n)} for n in values.shape[:-1]]
    axes.append(
        {
            0: Scalar("b", 1),
            1: Scalar("i", values.shape[-1]),
            2: Scalar("B", 1),
            3: {0: ends.astype(np.int32)},
            4: Scalar("B", 2),
            5: {0: np.concatenate(places).astype(np.uint16)},
        }
    )
    return {0: np.arange(values.ndim).astype(np.int32), 2: axes}, rows[rows != 0]
