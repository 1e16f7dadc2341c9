"""Small ONNX models made in memory, and onnxruntime as their oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.ir.graph import Graph
from golden.declared import to_declared
from golden.network import run, run_node

TYPES = {
    "float32": onnx.TensorProto.FLOAT,
    "int8": onnx.TensorProto.INT8,
    "uint8": onnx.TensorProto.UINT8,
    "int64": onnx.TensorProto.INT64,
}


class OnnxBuilder:
    """Nodes one after another; each method returns the name of what it makes."""

    def __init__(self, opset: int = 22) -> None:
        self.opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: list[onnx.TensorProto] = []

    def input(self, *shape: int | str, name: str = "input", dtype: str = "float32") -> str:
        self._inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))
        return name

    def output(self, name: str, dtype: str = "float32") -> str:
        self._outputs.append(helper.make_tensor_value_info(name, TYPES[dtype], None))
        return name

    def constant(self, array: object, name: str | None = None) -> str:
        name = name or f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def tensor(self, tensor: onnx.TensorProto) -> str:
        """A constant of a type that NumPy does not have."""
        self._constants.append(tensor)
        return tensor.name

    def node(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attrs: object):
        """The output's name, or a list of ``outputs`` names."""
        number = len(self._nodes)
        names = [f"{op.lower()}_{number}"]
        names += [f"{op.lower()}_{number}_{i}" for i in range(1, outputs)]
        label = f"{op}_{number}"
        self._nodes.append(
            helper.make_node(op, list(inputs), names, name=label, domain=domain, **attrs)
        )
        return names[0] if outputs == 1 else names

    def quantize(self, x: str, scale: float, zero_point: int = 0, dtype: str = "int8") -> str:
        quant = self._quant(scale, zero_point, dtype)
        return self.node("QuantizeLinear", x, *quant)

    def dequantize(self, x: str, scale: float, zero_point: int = 0, dtype: str = "int8") -> str:
        return self.node("DequantizeLinear", x, *self._quant(scale, zero_point, dtype))

    def stored(self, x: str, scale: float, zero_point: int = 0, dtype: str = "int8") -> str:
        """QuantizeLinear and DequantizeLinear."""
        stored = self.quantize(x, scale, zero_point, dtype)
        return self.dequantize(stored, scale, zero_point, dtype)

    def weights(self, steps: np.ndarray, scale: object, axis: int = 0) -> str:
        """Constant steps behind a DequantizeLinear."""
        scale = np.asarray(scale, np.float32)
        zero_point = np.zeros(scale.shape, steps.dtype)
        if steps.dtype == np.uint8:
            zero_point += 128
        names = [self.constant(v) for v in (steps, scale, zero_point)]
        return self.node("DequantizeLinear", *names, axis=axis)

    def _quant(self, scale: float, zero_point: int, dtype: str) -> tuple[str, str]:
        return (
            self.constant(np.float32(scale)),
            self.constant(np.asarray(zero_point, dtype)),
        )

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, "test", self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return onnx.shape_inference.infer_shapes(model)

    def bytes(self) -> bytes:
        return self.model().SerializeToString()

    def graph(self) -> Graph:
        """The model as the reader sees it."""
        return read_onnx(parse_onnx(self.bytes(), Path()), "test")


def quant_of(generator: np.random.Generator, dtype: str = "int8") -> tuple[float, int, str]:
    """A random scale and zero point for :meth:`OnnxBuilder.stored`, and the type."""
    limits = np.iinfo(dtype)
    zero_point = int(generator.integers(limits.min, limits.max, endpoint=True))
    return float(np.float32(generator.uniform(0.01, 0.1))), zero_point, dtype


def run_onnx(model: bytes, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs by onnxruntime without optimisations: the operators one by one in float32."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def random_inputs(graph: Graph, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Random steps of every input, in the graph's form."""
    inputs = {}
    for name in graph.inputs:
        tensor = graph.tensors[name]
        limits = np.iinfo(tensor.dtype)
        inputs[name] = generator.integers(
            limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True
        )
    return inputs


def as_declared(graph: Graph, name: str, steps: np.ndarray) -> np.ndarray:
    """A tensor's steps in the model's layout; real values where the model has those."""
    tensor = graph.tensors[name]
    declared, quant = tensor.declared, tensor.quant
    moved = steps.reshape([declared.shape[axis] for axis in declared.order])
    array = moved.transpose(np.argsort(declared.order))
    if declared.dtype != "float32":
        return array
    real = (array.astype(np.int64) - quant.zero_point[0]).astype(np.float32)
    return real * np.float32(quant.scale[0])


def layer_differences(
    model: onnx.ModelProto, graph: Graph, inputs: dict[str, np.ndarray]
) -> dict[str, int]:
    """By tensor, golden's largest difference from onnxruntime in steps; each layer on its own.

    Every node reads onnxruntime's stored values; golden's only where the model has no such tensor.
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    made = {name for node in model.graph.node for name in node.output}
    tensors = [graph.tensors[n.outputs[0]] for n in graph.nodes]
    names = [t.name for t in tensors if t.name in made and t.declared is not None]
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    declared = {name: as_declared(graph, name, x) for name, x in inputs.items()}
    reference = dict(zip(names, run_onnx(shown.SerializeToString(), declared), strict=True))
    values, differences, plain = dict(inputs), {}, graph.to_dict()
    for node in plain["nodes"]:
        values.update(run_node(plain, node, values))
        (name,) = node["outputs"]
        if name in reference:
            if graph.tensors[name].quant is None:
                differences[name] = _real_difference(graph, name, values[name], reference[name])
                continue
            steps = _stored(graph, name, reference[name])
            differences[name] = int(np.abs(values[name].astype(int) - steps).max())
            values[name] = steps
    return differences


def _real_difference(graph: Graph, name: str, found: np.ndarray, array: np.ndarray) -> float:
    """The largest difference from onnxruntime's real values, in thousandths of the largest."""
    ours = to_declared(found, graph.to_dict()["tensors"][name])
    assert ours.shape == array.shape and ours.dtype == array.dtype
    return float(1000 * np.abs(ours - array).max() / max(np.abs(array).max(), 1e-6))


def _stored(graph: Graph, name: str, array: np.ndarray) -> np.ndarray:
    """onnxruntime's array as the graph stores it."""
    tensor = graph.tensors[name]
    if array.dtype == np.float32:
        array = np.rint(array / np.float32(tensor.quant.scale[0])) + tensor.quant.zero_point[0]
    elif array.dtype == np.uint8 and tensor.dtype == "int8":
        array = array.astype(np.int16) - 128
    return array.transpose(tensor.declared.order).reshape(tensor.shape).astype(tensor.dtype)


def step_differences(
    builder: OnnxBuilder, generator: np.random.Generator
) -> tuple[Graph, np.ndarray]:
    """The graph, and golden's outputs minus onnxruntime's in steps, on random inputs."""
    graph = builder.graph()
    inputs = random_inputs(graph, generator)
    declared = {name: as_declared(graph, name, x) for name, x in inputs.items()}
    expected = run_onnx(builder.bytes(), declared)
    found = run(graph.to_dict(), inputs)
    differences = []
    for name, reference in zip(graph.outputs, expected, strict=True):
        ours, quant = as_declared(graph, name, found[name]), graph.tensors[name].quant
        assert ours.shape == reference.shape and ours.dtype == reference.dtype
        scale = quant.scale[0] if ours.dtype == np.float32 else 1.0
        steps = np.rint((ours.astype(np.float64) - reference) / scale)
        differences.append(steps.reshape(-1))
    return graph, np.concatenate(differences)
