"""Constraints between variables: expressions with numbers, names and comparisons, nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.errors import InputError, show

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}
ACCEPTED = "numbers, names, + - * / // %, comparisons, and, or, not, min, max and abs are accepted"


@dataclass(frozen=True)
class Constraint:
    """An expression that must hold, as it is written."""

    text: str

    def names(self) -> set[str]:
        """The variables that it reads. Raises InputError for what no expression may hold."""
        found: set[str] = set()
        _check(self._tree(), found, self.text)
        return found

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for these values. Raises InputError when it cannot be worked out."""
        try:
            return bool(_value(self._tree(), values))
        except (ArithmeticError, TypeError) as fault:
            raise InputError(f"constraint {show(self.text)}: {fault}") from None

    def _tree(self) -> ast.expr:
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            raise InputError(f"constraint {show(self.text)}: no expression; {ACCEPTED}") from None


def _check(node: ast.expr, names: set[str], text: str) -> None:
    name = dotted(node)
    if name is not None:
        names.add(name)
        return
    allowed = (
        isinstance(node, ast.BoolOp)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.UAdd)))
        or (isinstance(node, ast.BinOp) and type(node.op) in _BINARY)
        or (isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops))
        or (isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str)))
        or _is_call(node)
    )
    if not allowed:
        raise InputError(f"constraint {show(text)}: {show(ast.unparse(node))}; {ACCEPTED}")
    parts = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for part in parts:
        if isinstance(part, ast.expr):
            _check(part, names, text)


def _is_call(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and not node.keywords
        and bool(node.args)
    )


def dotted(node: ast.expr) -> str | None:
    """The name that a node writes, ``memory.latency`` say; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    name = dotted(node)
    if name is not None:
        return values[name]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BoolOp):
        found = (_value(part, values) for part in node.values)
        return all(found) if isinstance(node.op, ast.And) else any(found)
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand, values)
        return not operand if isinstance(node.op, ast.Not) else _signed(node.op, operand)
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*(_value(part, values) for part in node.args))
    assert isinstance(node, ast.Compare)
    terms = [_value(part, values) for part in (node.left, *node.comparators)]
    pairs = zip(node.ops, terms[:-1], terms[1:], strict=True)
    return all(_COMPARE[type(op)](a, b) for op, a, b in pairs)


def _signed(op: ast.unaryop, value: Any) -> Any:
    return -value if isinstance(op, ast.USub) else +value
