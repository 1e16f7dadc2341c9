"""A float ONNX model as a PyTorch module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper
from torch import nn

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.load import read_file
from compiler.training.operators import OPERATORS, TRAINED
from compiler.whole_files import write_whole


class OnnxModule(nn.Module):
    """The nodes of a model in execution order.

    The first axis of inputs and outputs is the batch; it may have any size. Constants that layers
    multiply or add are parameters, float32; the statistics of batch normalisation are buffers.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.model = model
        self.nodes = [node for node in model.graph.node if node.op_type != "Constant"]
        for node in self.nodes:
            if node.op_type not in OPERATORS:
                raise UnsupportedError(
                    f"node {show(node.name)}: {node.op_type} cannot be trained; accepted: "
                    f"{', '.join(sorted(OPERATORS))}"
                )
        self._attributes = [
            {a.name: helper.get_attribute_value(a) for a in node.attribute} for node in self.nodes
        ]
        for node, attributes in zip(self.nodes, self._attributes, strict=True):
            if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
                raise UnsupportedError(
                    f"node {show(node.name)}: auto_pad; explicit pads are accepted, as `compiler "
                    "rewrite` writes them"
                )
        self._constants = _constants(model)
        self._keys: dict[str, str] = {}
        trained = {
            name
            for node in self.nodes
            for place, name in enumerate(node.input)
            if place in TRAINED.get(node.op_type, ())
        }
        initial = {tensor.name for tensor in model.graph.initializer}
        for name, values in self._constants.items():
            key = f"constant{len(self._keys)}"
            if name in trained & initial and values.is_floating_point() and values.ndim:
                self.register_parameter(key, nn.Parameter(values.clone()))
            else:
                self.register_buffer(key, values.clone())
            self._keys[name] = key
        self.inputs = [v.name for v in model.graph.input if v.name not in self._constants]
        self.outputs = [value.name for value in model.graph.output]

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The outputs in the model's order; the tensor itself where there is one."""
        values = {name: getattr(self, key) for name, key in self._keys.items()}
        values |= dict(zip(self.inputs, inputs, strict=True))
        for node, attributes in zip(self.nodes, self._attributes, strict=True):
            given = [values[name] if name else None for name in node.input]
            if node.op_type == "BatchNormalization":
                attributes = {**attributes, "training": self.training}
            values[node.output[0]] = OPERATORS[node.op_type](attributes, *given)
        outputs = tuple(values[name] for name in self.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def weights_of(self, layer: str) -> torch.Tensor | None:
        """The weights of the layer of that name; None where there is none."""
        found = (n.input[1] for n in self.nodes if n.name == layer and len(n.input) > 1)
        key = self._keys.get(next(found, ""))
        return None if key is None else getattr(self, key)

    def trained_model(self) -> onnx.ModelProto:
        """The model with the module's values in the place of its constants."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        for tensor in copy.graph.initializer:
            values = getattr(self, self._keys[tensor.name]).detach().cpu().numpy()
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
        return copy


def load(path: Path | str) -> OnnxModule:
    """The module of a float ``.onnx`` model.

    Raises InputError for a file that is no model, and UnsupportedError for an operator that cannot
    be trained; both name the file.
    """
    path = Path(path)
    with located(str(path)):
        data = read_file(path)
        try:
            model = onnx.ModelProto.FromString(data)
            onnx.checker.check_model(model)
        except (DecodeError, onnx.checker.ValidationError) as fault:
            raise InputError(f"is no ONNX model: {str(fault).splitlines()[0]}") from None
        return OnnxModule(model)


def save(module: OnnxModule, path: Path | str) -> None:
    """Write the model with the trained values. Raises InputError where it cannot be written."""
    path, data = Path(path), module.trained_model().SerializeToString()
    try:
        write_whole({path: lambda file: file.write(data)})
    except OSError as fault:
        raise InputError(f"{path}: cannot be written: {fault.strerror}") from None


def _constants(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    found: dict[str, Any] = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            (value,) = (helper.get_attribute_value(a) for a in node.attribute)
            is_tensor = isinstance(value, onnx.TensorProto)
            array = numpy_helper.to_array(value) if is_tensor else np.array(value)
            found[node.output[0]] = array.astype(np.float32) if array.dtype == float else array
    return {name: torch.from_numpy(np.array(values)) for name, values in found.items()}
