"""State of streaming models: variables as inputs and outputs."""

import numpy as np
import pytest
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from compiler.errors import UnsupportedError
from compiler.frontend.tflite import read_tflite, state_notes
from compiler.frontend.tflite.schema import ModelSlot, SubgraphSlot
from compiler.load import load_model
from golden.network import run
from tests.compiler.frontend.raw_tflite import Scalar, tensor, write
from tests.compiler.frontend.small_tflite import Model
from tests.compiler.frontend.test_tflite_nets import weighted

INT8 = np.int8


def handle(model, name):
    """A variable's VAR_HANDLE."""
    model.tensors.append(tensor(f"{name}/handle", (), tflite.TensorType.RESOURCE))
    made = len(model.tensors) - 1
    model.op("VAR_HANDLE", (), (made,), "VarHandleOptions", {0: "", 1: name})
    return made


def streaming(seed, reads=1):
    """The last two frames and a new one, a layer on these three, and the state for the next run;
    a second subgraph sets the state to the zero point."""
    source, model = np.random.default_rng(seed), Model()
    model.op("CALL_ONCE", (), (), "CallOnceOptions", {0: Scalar("i", 1)})
    x = model.tensor("x", (1, 1, 4), 0.05, 9)
    kept = model.tensor("kept", (1, 2, 4), 0.05, 9)
    state = handle(model, "stream")
    for _ in range(reads):
        model.op("READ_VARIABLE", (state,), (kept,), "ReadVariableOptions")
    frames = model.tensor("frames", (1, 3, 4), 0.05, 9)
    model.op("CONCATENATION", (kept, x), (frames,), "ConcatenationOptions", {0: Scalar("i", 1)})
    later = model.tensor("later", (1, 2, 4), 0.05, 9)
    limits = [model.integers(f"l{i}", v) for i, v in enumerate(([0, 1, 0], [1, 3, 4], [1, 1, 1]))]
    model.op("STRIDED_SLICE", (frames, *limits), (later,), "StridedSliceOptions", {})
    model.op("ASSIGN_VARIABLE", (state, later), (), "AssignVariableOptions")
    w, b = weighted(model, source, (5, 12), 0, 0.05)
    y = model.tensor("y", (1, 5), 0.1, -3)
    model.op("FULLY_CONNECTED", (frames, w, b), (y,), "FullyConnectedOptions", {0: Scalar("b", 1)})
    main = model.write((x,), (y,))
    first = Model()
    first.buffers, first.codes = model.buffers, model.codes
    again = handle(first, "stream")
    zero = first.tensor("zero", (), 0.05, 9, data=np.full((1, 2, 4), 9, INT8))
    first.op("ASSIGN_VARIABLE", (again, zero), (), "AssignVariableOptions")
    subgraphs = [
        {
            SubgraphSlot.TENSORS: one.tensors,
            SubgraphSlot.INPUTS: np.array(inputs, np.int32),
            SubgraphSlot.OUTPUTS: np.array(outputs, np.int32),
            SubgraphSlot.OPERATORS: one.operators,
        }
        for one, inputs, outputs in ((model, (x,), (y,)), (first, (), ()))
    ]
    assert main
    return write(
        {
            ModelSlot.VERSION: Scalar("I", 3),
            ModelSlot.OPERATOR_CODES: model.codes,
            ModelSlot.SUBGRAPHS: subgraphs,
            ModelSlot.BUFFERS: model.buffers,
        }
    )


def test_state_goes_from_run_to_run(seed):
    data = streaming(seed)
    graph = read_tflite(data, "model")
    assert (graph.inputs, graph.outputs) == (("x", "kept"), ("y", "later"))
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    state, source = np.full((1, 2, 4), 9, INT8), np.random.default_rng(seed)
    for _ in range(5):
        x = source.integers(-128, 128, (1, 1, 4)).astype(INT8)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        found = run(graph.to_dict(), {"x": x, "kept": state})
        np.testing.assert_array_equal(found["y"], expected)
        state = found["later"]


def test_the_user_is_told_where_the_state_goes(seed, tmp_path, capsys):
    data = streaming(seed)
    (note,) = state_notes(data)
    assert note == (
        "state 'stream' is the input 'kept', and for the next run the output 'later'; its first "
        "value is 9 throughout"
    )
    (tmp_path / "streaming.tflite").write_bytes(data)
    load_model(tmp_path / "streaming.tflite")
    assert note in capsys.readouterr().err


def test_a_variable_that_is_read_twice_is_refused(seed):
    with pytest.raises(UnsupportedError, match=r"READ_VARIABLE\): variable 'stream' is"):
        read_tflite(streaming(seed, reads=2), "model")
