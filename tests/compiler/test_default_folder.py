"""Where ``map`` writes without -o."""

from pathlib import Path

import pytest

from compiler.command_line import main
from compiler.frontend import write_model
from compiler.zoo.builder import GraphBuilder


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mobilenet_v1-0.25 b", "mobilenet_v1-0.25 b"),
        ("größe", "größe"),
        ("/tmp/x", "_tmp_x"),
        ("../x", ".._x"),
        ("..", "_"),
        ("a\\b:c", "a_b_c"),
        ("ü" * 200, "ü" * 100),
    ],
)
def test_the_name_of_a_model_is_that_of_a_folder_in_out(tmp_path, monkeypatch, name, folder):
    net = GraphBuilder(name, (4, 4, 3))
    model = write_model(net.finish(net.conv("y", "input", 4, 3)), tmp_path / "model.json")
    found = []
    monkeypatch.setattr("compiler.mapping.map_graph", lambda *words, **_: found.append(words[3]))
    assert main(["map", str(model)]) == 0
    assert found == [Path("out") / folder]
