"""EfficientNet-Lite0 on pictures: LiteRT's reference kernels, golden, the simulator and the RTL."""

import json

import numpy as np
import pytest

from compiler.codegen.program import write
from compiler.driver import compile
from compiler.load import load_model
from compiler.options import CompilerOptions
from golden.network import run as golden_run
from hw.command_line import main as hw_main
from hw.spec.config import preset
from sim.command_line import main as sim_main
from sim.host_golden import host_compute
from sim.program_reader import read_program
from sim.simulation import simulate
from tests.golden.oracle import run_litert
from tests.support.assets import imagenet_pictures, lite0_path, load_picture

pytestmark = pytest.mark.xdist_group("lite0")


@pytest.fixture(scope="module")
def graph():
    return load_model(lite0_path())


@pytest.fixture(scope="module")
def mapped(graph, tmp_path_factory):
    """Folders of the network on edge256, by whether every tensor is stored."""
    folders = {}
    for materialize in (False, True):
        compiled = compile(graph, preset("edge256"), CompilerOptions(materialize))
        folders[materialize] = write(compiled, tmp_path_factory.mktemp("lite0") / "program")
    return folders


@pytest.fixture(scope="module")
def program(mapped):
    return {materialize: read_program(folder) for materialize, folder in mapped.items()}


def picture(graph, number):
    """The network's input with one of the labelled pictures, and the picture's label."""
    path, label = imagenet_pictures()[number]
    (name,) = graph.inputs
    return {name: load_picture(path)}, label


def simulated(program, inputs):
    """The tensors in memory after a run, and what the host makes of them."""
    return simulate(program, inputs, compute=host_compute(program)).tensors


@pytest.mark.parametrize("number", range(3))
def test_every_tensor_equals_the_reference(graph, program, number):
    inputs, _ = picture(graph, number)
    reference = run_litert(lite0_path(), inputs)
    made = {name for node in graph.nodes for name in node.outputs}
    golden, stored = golden_run(graph.to_dict(), inputs), simulated(program[True], inputs)
    assert set(golden) == set(stored) == made | set(graph.inputs)
    for name in made:
        np.testing.assert_array_equal(golden[name], reference[name], err_msg=name)
        np.testing.assert_array_equal(stored[name], reference[name], err_msg=name)
    fused = simulated(program[False], inputs)
    assert len(fused) < len(stored)
    for name in set(fused) - set(graph.inputs):
        np.testing.assert_array_equal(fused[name], reference[name], err_msg=name)
    assert set(graph.outputs) <= set(fused)


@pytest.mark.full
def test_answers_for_all_pictures(graph, program):
    (output,) = graph.outputs
    right = 0
    for number in range(len(imagenet_pictures())):
        inputs, label = picture(graph, number)
        answer = int(simulated(program[False], inputs)[output].argmax())
        assert answer == int(run_litert(lite0_path(), inputs)[output].argmax()), number
        right += answer == label
    print(f"{right} of {len(imagenet_pictures())} pictures as labelled")


@pytest.mark.full
@pytest.mark.parametrize("materialize", (False, True))
def test_whole_network_on_the_rtl(graph, mapped, tmp_path, capsys, materialize):
    inputs, _ = picture(graph, 0)
    (values,) = inputs.values()
    np.save(tmp_path / "x.npy", values)
    reports = {}
    for unit, main, command in (("sim", sim_main, "run"), ("rtl", hw_main, "cosim")):
        arguments = [command, str(mapped[materialize]), "--input", str(tmp_path / "x.npy")]
        assert main([*arguments, "--tensors", str(tmp_path / unit), "--json"]) == 0
        reports[unit] = json.loads(capsys.readouterr().out)
    speed = reports["rtl"].pop("cycles_per_second")
    assert reports["rtl"] == reports["sim"]
    files = sorted(path.name for path in (tmp_path / "sim").glob("*.npy"))
    assert files == sorted(path.name for path in (tmp_path / "rtl").glob("*.npy"))
    for file in files:
        expected, found = (np.load(tmp_path / unit / file) for unit in ("sim", "rtl"))
        np.testing.assert_array_equal(found, expected, err_msg=file)
    cycles = reports["rtl"]["cycles"]
    with capsys.disabled():
        print(f"\n{cycles} cycles on the RTL, {cycles / speed:.0f} s, {speed:,.0f} cycles/s")
