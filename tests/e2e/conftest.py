"""A good model and a mapped one, to be spoilt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.command_line import main as compiler_main
from compiler.frontend import write_model
from tests.e2e.refusals import ON_TINY, Files, network, write_document


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> tuple[dict, bytes]:
    """A good model: the content of its .json, and of the weights file beside it."""
    path = write_model(network(), tmp_path_factory.mktemp("good") / "small.json")
    return json.loads(path.read_text()), path.with_suffix(".npz").read_bytes()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory, document) -> Files:
    """The files of a mapped network, by name."""
    folder = tmp_path_factory.mktemp("mapped")
    path = write_model(network(), folder / "small.json")
    assert compiler_main(["map", str(path), "-o", str(folder / "out"), *ON_TINY, "--json"]) == 0
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


@pytest.fixture
def folder(tmp_path, mapped) -> Path:
    """A mapped network."""
    path = tmp_path / "mapped"
    path.mkdir()
    for name, content in mapped.items():
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def model(tmp_path, document) -> Path:
    """A good model."""
    write_document(tmp_path / "small.json", *document)
    return tmp_path / "small.json"
