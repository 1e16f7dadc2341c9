"""Every built-in network, reduced, on the RTL of tiny: golden's bits and the simulator's cycles."""

import json

import pytest

from compiler import zoo
from compiler.ir.randomize import randomize
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.command_line import main as hw_main
from hw.spec.config import preset
from sim.command_line import main as sim_main

FAST = ("capsule_conv", "shufflenet_v2")


def check(name, folder, capsys):
    """Map the network, and run it on the simulator and, where golden looks on, the RTL."""
    graph = randomize(zoo.build(name, zoo.reduced_size(name)))
    map_graph(graph, preset("tiny"), CompilerOptions(), folder / "mapped", quiet=True)
    reports = {}
    for unit, main, command in (("sim", sim_main, "run"), ("rtl", hw_main, "cosim")):
        assert main([command, str(folder / "mapped"), "--json"]) == 0
        reports[unit] = json.loads(capsys.readouterr().out)
    del reports["rtl"]["cycles_per_second"]
    assert reports["rtl"] == reports["sim"]


@pytest.mark.xdist_group("zoo_tiny")
@pytest.mark.parametrize("name", FAST)
def test_some_networks(name, tmp_path, capsys):
    check(name, tmp_path, capsys)


@pytest.mark.full
@pytest.mark.xdist_group("zoo_tiny")
@pytest.mark.parametrize("name", sorted({*zoo.names()} - {*FAST}))
def test_every_other_network(name, tmp_path, capsys):
    check(name, tmp_path, capsys)
