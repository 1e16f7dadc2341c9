"""Renders docs/supported_ops.md from the tables and checks that accept or refuse operators.

``python -m compiler.docgen`` writes the page.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path

from compiler.frontend.onnx.normalise import PASSES, REWRITTEN
from compiler.frontend.onnx.operators import CONVERTERS as ONNX
from compiler.frontend.tflite.operators import CONVERTERS as TFLITE
from compiler.frontend.tflite.schema import OPTIONS
from compiler.frontend.tflite_float.operators import CONVERTERS as FLOAT
from compiler.hwir.constraints import CONSTRAINTS
from compiler.ir.host_body import HOST_OPERATORS
from compiler.ir.ops import CONSTANTS, MAX_ATTR, OPS, AttrSpec, OpSpec
from compiler.passes.host import RULES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "supported_ops.md"
ONNX_PACKAGE = "compiler.frontend.onnx"
NOTICE = (
    "<!-- Written by `python -m compiler.docgen`; change the tables and checks, not this page. -->"
)

INTRODUCTION = (
    "What is not listed here is refused by name with exit status 2: an operator, an attribute, a "
    "value. Nothing is dropped or approximated in silence. How each operator computes is in "
    "[numerics.md](numerics.md), how it is mapped in [compiler.md](compiler.md)."
)


def page() -> str:
    """The text of docs/supported_ops.md."""
    parts = [
        "# Supported operators",
        NOTICE,
        INTRODUCTION,
        "## Operators of the graph",
        _table(("Operator", "Inputs", "Attributes", "Runs on"), map(_operator, OPS.items())),
        "Activations are int8 with one scale and zero point (`quantize` also takes and makes "
        f"uint8). {_constants()}",
        "## Limits of the hardware",
        "For each pass of the array, from the widths of its command's fields:",
        "\n".join(f"- {check.text}" for check in CONSTRAINTS),
        "The host runs additions, concatenations and whatever else has no products beyond these "
        "limits. Layers with products are refused.",
        "What the scratchpad and the memory hold is in [compiler.md](compiler.md), Large networks.",
        "## TFLite",
        _table(
            ("Operator", "Inputs", "Options"),
            (
                (f"`{name}`", _inputs(c.fewest, c.most), _options(name))
                for name, c in sorted(TFLITE.items())
            ),
        ),
        "## Float TFLite",
        "A float model becomes a float ONNX model in memory, which is quantised "
        "([quantisation.md](quantisation.md)). Values are float32, constants also float16 or "
        "integers with a scale; fused activations are as in TFLite.",
        _table(
            ("Operator", "Inputs", "Options", "Becomes"),
            (
                (f"`{name}`", _inputs(c.fewest, c.most), _options(name), _first(c.convert))
                for name, c in sorted(FLOAT.items())
            ),
        ),
        "## ONNX",
        "Attributes that are neither read nor known to be without effect are refused.",
        _table(
            ("Operator", "Becomes", "Attributes that are read or without effect"),
            (
                (f"`{name}`", _first(convert), _attributes(convert))
                for name, convert in sorted(ONNX.items())
            ),
        ),
        "What these forms do not cover, and the operators "
        f"{', '.join(f'`{name}`' for name in sorted(HOST_OPERATORS - ONNX.keys()))}, "
        "the host computes in float32 between the integers around them (`host`); of one int8 "
        "tensor, element by element, it is a table of the array (`lookup`). The report names each "
        "such node with the reason and its multiply-accumulates.",
        "Before that, files are brought to this form, in this order "
        "(`compiler/frontend/onnx/normalise`):",
        "\n".join(f"- {_first(each)}" for each in PASSES),
        "So these operators are accepted too, or refused with the remedy: "
        f"{', '.join(f'`{name}`' for name in sorted(REWRITTEN))}.",
    ]
    return "\n\n".join(parts) + "\n"


def _operator(item: tuple[str, OpSpec]) -> tuple[str, str, str, str]:
    name, spec = item
    inputs = ", ".join(spec.inputs) + (" (one or more)" if spec.variadic else "")
    attrs = "<br>".join(_attribute(key, attr) for key, attr in spec.attrs.items()) or "none"
    return f"`{name}`", inputs, attrs, _place(name)


def _attribute(name: str, attr: AttrSpec) -> str:
    if attr.default is None:
        return f"`{name}`: {attr.accepted}; required"
    default = list(attr.default) if isinstance(attr.default, tuple) else attr.default
    text = f"{default:.6g}" if isinstance(default, float) else str(default).lower()
    return f"`{name}`: {attr.accepted}; default {text}"


def _place(name: str) -> str:
    rule = RULES.get(name)
    return "hardware" if rule is None else _first(rule)


def _constants() -> str:
    roles = ", ".join(f"{role} ({dtype})" for role, dtype in CONSTANTS.items())
    return f"Constants: {roles}; weights have a scale each or one per output channel, zero point 0."


def _inputs(fewest: int, most: int) -> str:
    if fewest == most:
        return str(fewest)
    return f"{fewest} or more" if most == MAX_ATTR else f"{fewest} to {most}"


def _options(name: str) -> str:
    options = OPTIONS.get(name)
    return ", ".join(f"`{field}`" for field in options.fields) if options else ""


def _attributes(convert: Callable[..., object]) -> str:
    """The attributes that a converter, or a function that it calls, asks for by name."""
    names: set[str] = set()
    _collect(convert, names, set())
    return ", ".join(f"`{name}`" for name in sorted(names))


def _collect(
    function: Callable[..., object], names: set[str], seen: set[Callable[..., object]]
) -> None:
    if function in seen:
        return
    seen.add(function)
    for part in ast.walk(ast.parse(inspect.getsource(function))):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            named = {"attribute": 1, "expect": 1, "sizes": 1, "ignore": None}
            if part.func.attr in named:
                first = part.args[: named[part.func.attr]]
                names |= {str(a.value) for a in first if isinstance(a, ast.Constant)}
        elif isinstance(part, ast.Name):
            called = getattr(function, "__globals__", {}).get(part.id)
            if inspect.isfunction(called) and called.__module__.startswith(ONNX_PACKAGE):
                _collect(called, names, seen)


def _first(documented: Callable[..., object]) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(documented)
    assert text, documented
    return " ".join(text.split("\n\n")[0].split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
