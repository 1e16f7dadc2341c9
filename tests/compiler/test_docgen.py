from compiler import docgen
from compiler.frontend.onnx.operators import CONVERTERS as ONNX
from compiler.frontend.tflite.operators import CONVERTERS as TFLITE
from compiler.frontend.tflite_float.operators import CONVERTERS as FLOAT
from compiler.ir.ops import OPS


def test_the_page_is_fresh():
    assert docgen.PAGE.read_text() == docgen.page(), "run python -m compiler.docgen"


def test_every_operator_and_attribute_is_there():
    text = docgen.page()
    for name, spec in OPS.items():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert all(f"`{key}`" in row for key in spec.attrs), name
    for name in (*TFLITE, *FLOAT, *ONNX):
        assert f"| `{name}` |" in text
