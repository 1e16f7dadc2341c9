"""The command lines of mapping and simulating, on a small network."""

import json
from pathlib import Path

import numpy as np
import pytest

from compiler.command_line import main as compiler_main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.load import load_model
from compiler.zoo.builder import GraphBuilder
from golden.command_line import main as golden_main
from hw.spec.regs import CYCLE_COUNTERS
from sim.command_line import main as sim_main
from sim.lost import LOST_DOC
from sim.program_reader import read_program
from sim.simulation import run_command
from sim.values import execute
from sim.values.memories import State
from sim.values.operands import OUTSIDE

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
KEYS = {
    *("network", "preset", "mac_units", "macs", "model_macs", "host_macs", "cycles"),
    *("utilization", "dram_read_bytes"),
    *("dram_write_bytes", "counters", "layers", "lost"),
}
LAYER_KEYS = {
    *("name", "kind", "macs", "start_cycle", "end_cycle", "busy_cycles", "cycles", "utilization"),
    *("lost", "dram_read_bytes", "dram_write_bytes", "on_chip_bytes"),
}


def small_graph():
    builder = GraphBuilder("small", (13, 11, 3))
    x = builder.conv("a/stem", "input", 12, 3, stride=2, activation="relu6")
    y = builder.depthwise("a/depthwise", x, 5)
    y = builder.conv("a/grouped", y, 12, 1, groups=2)
    x = builder.add("a/add", x, y)
    x = builder.global_avg_pool("a/pool", x)
    return randomize(builder.finish(builder.fully_connected("a/logits", x, 10)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(small_graph(), tmp_path_factory.mktemp("model") / "small.json")


@pytest.fixture(scope="module", params=[False, True], ids=["fused", "materialized"])
def folder(model, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("mapped") / "small"
    extra = ["--materialize"] if request.param else []
    assert compiler_main(["map", str(model), "-o", str(folder), "--preset", "tiny", *extra]) == 0
    return folder


def report_of(capsys, *words):
    assert sim_main(["run", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def check_figures(report):
    """Losses and useful cycles add up, of the run and of each layer, and the layers to the run."""
    for figures in (report, *report["layers"]):
        assert figures["lost"].keys() == LOST_DOC.keys()
        assert min(figures["lost"].values()) >= 0
        useful = figures["macs"] / report["mac_units"]
        assert useful + sum(figures["lost"].values()) == figures["cycles"]
        assert figures["utilization"] == useful / figures["cycles"]
    for key in ("macs", "cycles", "dram_read_bytes", "dram_write_bytes"):
        assert sum(layer[key] for layer in report["layers"]) == report[key], key
    for cause, cycles in report["lost"].items():
        assert sum(layer["lost"][cause] for layer in report["layers"]) == cycles, cause


@pytest.mark.parametrize("name", ["mbconv_block", "convfirst_block", "capsule_conv"])
def test_figures_of_networks_add_up(name, tmp_path, capsys):
    folder = ["-o", str(tmp_path / "out"), "--no-cache"]
    words = ["map", str(EXAMPLES / f"{name}.json"), *folder, "--json"]
    assert compiler_main(words) == 0
    check_figures(json.loads(capsys.readouterr().out))


def test_json_has_the_contracts_keys_and_adds_up(folder, capsys):
    report = report_of(capsys, folder)
    assert report.keys() == KEYS
    assert all(layer.keys() == LAYER_KEYS for layer in report["layers"])
    assert report["macs"] == sum(layer["macs"] for layer in report["layers"])
    check_figures(report)
    assert report["lost"]["grouped_zeros"] > 0
    counters = report["counters"]
    assert sum(counters[c.name.lower()] for c in CYCLE_COUNTERS) == report["cycles"]
    busy = sum(layer["busy_cycles"] for layer in report["layers"])
    assert busy == counters["busy_network"] + counters["busy_other"]
    assert report["dram_read_bytes"] == counters["read_beats"] * 4


class Touched(State):
    """A state that marks the words of the scratchpad that are read or written."""

    def __init__(self, program):
        super().__init__(program.config, program.memory({}), program.address_ranges)
        self.touched = np.zeros(program.config.scratchpad_words, bool)

    def scratchpad_index(self, address):
        index = super().scratchpad_index(address)
        self.touched[index] = True
        return index

    def scratchpad_range(self, first, count):
        index = super().scratchpad_range(first, count)
        self.touched[index] = True
        return index

    def words(self, first, count):
        self.touched[first : first + count] = True
        return super().words(first, count)


def marking(kernels, state, monkeypatch):
    """Let the compiled functions mark what they read and where results go."""
    gather, places = kernels.gather, kernels.places

    def marked_gather(words, offsets, firsts, begin, pad, operands):
        taps = np.arange(begin, begin + operands.shape[2])
        inside = (offsets != OUTSIDE)[:, taps % offsets.shape[1]]
        words_read = firsts[:, None, taps] + offsets[:, taps % offsets.shape[1]]
        state.touched[words_read[:, inside]] = True
        return gather(words, offsets, firsts, begin, pad, operands)

    def marked_places(*arguments):
        inside = places(*arguments)
        state.touched[arguments[-1]] = True
        return inside

    monkeypatch.setattr(kernels, "gather", marked_gather)
    monkeypatch.setattr(kernels, "places", marked_places)


def test_on_chip_bytes_are_what_the_commands_read_or_write(folder, capsys, monkeypatch):
    program = read_program(folder)
    state = Touched(program)
    marking(execute, state, monkeypatch)
    for layer, found in zip(program.layers, report_of(capsys, folder)["layers"], strict=True):
        state.touched[:] = False
        for index in layer.commands:
            run_command([state], program.commands[index])
        assert state.touched.sum() == found["on_chip_bytes"] / program.config.word_bytes


def test_map_reports_what_sim_reports_without_values(model, tmp_path, capsys):
    folder = tmp_path / "small"
    words = ["map", str(model), "-o", str(folder), "--set", "memory.latency=7", "--json"]
    assert compiler_main(words) == 0
    mapped = json.loads(capsys.readouterr().out)
    run = report_of(capsys, folder, "--no-values")
    for layer, found in zip(mapped.pop("layers"), run.pop("layers"), strict=True):
        assert layer.items() >= found.items()
    assert mapped.items() >= run.items()
    page = (folder / "report.html").read_text()
    assert "small on edge256" in page and "a/logits" in page and "seeded random" in page


def test_outputs_and_tensors_equal_goldens(model, folder, tmp_path, capsys):
    values = np.random.default_rng(5).uniform(-1, 1, (1, 13, 11, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", values)
    words = ["--input", str(tmp_path / "x.npy")]
    for name, run in (("sim", [sim_main, folder]), ("golden", [golden_main, model])):
        out = ["--output", str(tmp_path / f"{name}.npy"), "--tensors", str(tmp_path / name)]
        assert run[0](["run", str(run[1]), *words, *out]) == 0
    expected = np.load(tmp_path / "golden.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "sim.npy"), expected)
    left_out = capsys.readouterr().err
    assert ("a/stem" in left_out) != (tmp_path / "sim" / "a_stem.npy").is_file()
    found = list((tmp_path / "sim").glob("*.npy"))
    assert len(found) >= 2
    for path in found:
        np.testing.assert_array_equal(np.load(path), np.load(tmp_path / "golden" / path.name))


def test_materialized_networks_store_every_tensor(model, tmp_path):
    folder = tmp_path / "small"
    assert compiler_main(["map", str(model), "-o", str(folder), "--materialize", "--json"]) == 0
    assert sim_main(["run", str(folder), "--tensors", str(tmp_path / "t")]) == 0
    names = {path.stem for path in (tmp_path / "t").glob("*.npy")}
    wanted = {"input", "a_stem", "a_depthwise", "a_grouped", "a_add", "a_pool", "a_logits"}
    assert names == wanted


def fails(capsys, main, *words):
    assert main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ")
    return err


def test_faulty_inputs_of_sim_are_one_line(folder, tmp_path, capsys):
    np.save(tmp_path / "shape.npy", np.zeros((1, 2, 3), np.int8))
    np.save(tmp_path / "type.npy", np.zeros((1, 13, 11, 3), np.int16))
    (tmp_path / "text.npy").write_text("no array")
    assert "shape.npy" in fails(capsys, sim_main, "run", folder, "--input", tmp_path / "shape.npy")
    assert "int16" in fails(capsys, sim_main, "run", folder, "--input", tmp_path / "type.npy")
    assert "text.npy" in fails(capsys, sim_main, "run", folder, "--input", tmp_path / "text.npy")
    missing = tmp_path / "none.npy"
    assert "none.npy" in fails(capsys, sim_main, "run", folder, "--input", missing)
    assert "--output" in fails(capsys, sim_main, "run", folder, "--no-values", "--output", missing)
    assert "none" in fails(capsys, sim_main, "run", tmp_path / "none")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {"rows": 3}}'])
def test_a_folder_with_a_broken_mapping_is_named(folder, tmp_path, capsys, text):
    (tmp_path / "program.bin").write_bytes(b"")
    (tmp_path / "mapping.json").write_text(text)
    assert "mapping.json" in fails(capsys, sim_main, "run", tmp_path)


def test_faulty_mappings_leave_no_folder(model, tmp_path, capsys):
    folder = tmp_path / "out" / "small"
    words = ("map", model, "-o", folder)
    assert "'huge'" in fails(capsys, compiler_main, *words, "--preset", "huge")
    assert "scratchpad_bytes" in fails(capsys, compiler_main, *words, "--set", "scratchpad_bytes=1")
    assert "none.json" in fails(capsys, compiler_main, "map", tmp_path / "none.json", "-o", folder)
    (tmp_path / "file").write_text("")
    assert "file" in fails(capsys, compiler_main, "map", model, "-o", tmp_path / "file" / "x")
    assert not folder.exists() and not list(tmp_path.rglob(".small*"))


def test_a_fault_of_the_program_has_status_1(folder, tmp_path, capsys):
    for name in ("mapping.json", "program.bin", "model.json", "model.npz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    mapping = json.loads((tmp_path / "mapping.json").read_text())
    mapping["write_range"][1] = mapping["write_range"][0]
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    assert sim_main(["run", str(tmp_path)]) == 1
    assert "fault ADDRESS_RANGE at command" in capsys.readouterr().err


def test_zoo_lists_and_writes_networks(tmp_path, capsys):
    assert compiler_main(["zoo"]) == 0
    listed = capsys.readouterr().out.splitlines()
    row = "mobilenet_v1_025 224x224x3 41,030,272 MACs 467,336 parameters"
    assert row in (" ".join(line.split()) for line in listed)
    path = tmp_path / "m.json"
    assert compiler_main(["zoo", "mobilenet_v1_025", "-o", str(path)]) == 0
    assert load_model(path).random_weights
    assert "accepted" in fails(capsys, compiler_main, "zoo", "none")


def test_import_writes_a_model_with_weights(model, tmp_path):
    path = tmp_path / "copy.json"
    assert compiler_main(["import", str(model), "-o", str(path)]) == 0
    first, second = load_model(model), load_model(path)
    assert first.nodes == second.nodes
    for name, tensor in first.tensors.items():
        if tensor.is_constant:
            np.testing.assert_array_equal(tensor.data, second.tensors[name].data)
