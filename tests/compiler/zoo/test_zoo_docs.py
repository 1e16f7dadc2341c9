"""docs/networks.md and docs/examples say what the code builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler import zoo
from compiler.frontend import write_model
from compiler.ir.counts import macs, parameters

DOCS = Path(__file__).resolve().parents[3] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.json"))


def test_the_table_holds_every_network():
    lines = (DOCS / "networks.md").read_text(encoding="utf-8").splitlines()
    found = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")
    ]
    expected = []
    for name in zoo.names():
        graph = zoo.build(name)
        shape = "x".join(map(str, graph.tensors["input"].shape[1:]))
        counts = f"{sum(macs(graph).values()):,}", f"{parameters(graph):,}"
        expected.append([f"`{name}`", shape, *counts])
    assert [[name, shape, *counts] for name, _, shape, *counts, _ in found] == expected


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_current(path, tmp_path):
    written = write_model(zoo.build(path.stem), tmp_path / path.name)
    assert path.read_bytes() == written.read_bytes()


def test_examples_are_small_files():
    assert len(EXAMPLES) == 5
    assert all(path.stat().st_size < 60_000 for path in EXAMPLES)
