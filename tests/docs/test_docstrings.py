"""Docstrings begin with a noun or a verb."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.commands import ROOT

OPENINGS = {"What", "Where", "How", "Why", "Which", "When", "Who", "Whose", "Whatever", "As", "For"}
"""First words of clauses; ``Whether`` may begin the docstring of a predicate."""


def _docstrings(source: str) -> list[str]:
    """All docstrings, those of constants and fields included."""
    bodies = [getattr(node, "body", None) for node in ast.walk(ast.parse(source))]
    values = (
        statement.value
        for body in bodies
        if isinstance(body, list)
        for statement in body
        if isinstance(statement, ast.Expr)
    )
    return [
        value.value
        for value in values
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def _clauses(source: str) -> list[str]:
    return [text for text in _docstrings(source) if (text.split() or [""])[0] in OPENINGS]


def _found(path: Path) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {text}" for text in _clauses(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    "package", ["compiler", "golden", "hw/core", "hw/ctrl", "hw/lib", "hw/mem", "sim"]
)
def test_docstrings_begin_with_a_noun_or_a_verb(package):
    assert [line for path in (ROOT / package).rglob("*.py") for line in _found(path)] == []


def test_a_clause_is_found_wherever_it_stands():
    source = '''
"""The module."""
X = 1
"""What a constant is."""
class C:
    """Whether it is."""
    def f(self):
        """How it works."""
'''
    assert _clauses(source) == ["What a constant is.", "How it works."]
