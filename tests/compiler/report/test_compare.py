"""Networks, machines and options side by side, by command line."""

import dataclasses
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from compiler.clocks import PLACED, Clock
from compiler.command_line import main
from compiler.compare import choices
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.report.comparison import ComparisonRow, Labels
from compiler.report.energy import DEFAULT, PARTS
from compiler.report.plots import comparison_figure, labels, rendered
from compiler.report.units import BYTES, COUNTS, MICROJOULES, MILLISECONDS, in_unit
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import PRESETS
from hw.tools.area.estimate import estimate
from tests.support.float_onnx import calibration_of, mobile_net
from tests.support.quantities import NO_QUANTITIES


def network(name, channels):
    net = GraphBuilder(name, (9, 8, 3))
    x = net.conv("stem", "input", channels, 3, stride=2, activation="relu6")
    x = net.add("add", x, net.depthwise("depthwise", x, 3))
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    graphs = (network("narrow", 4), network("wide", 64))
    return [str(write_model(graph, folder / f"{graph.name}.json")) for graph in graphs]


def compared(capsys, *words):
    assert main(["compare", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures_are_those_of_map(models, tmp_path, capsys):
    words = ("--preset", "tiny", "--preset", "ecp5", "--set", "memory.latency=7,90")
    found = compared(capsys, *models, *words, "--materialize", "--clock", "50")
    assert {run["clock_mhz"] for run in found["runs"]} == {50}
    runs = iter(found["runs"])
    for model in models:
        for preset in ("tiny", "ecp5"):
            for setting in ("memory.latency=7", "memory.latency=90"):
                for options in ([], ["--materialize"]):
                    words = ["--preset", preset, "--set", setting, *options, "--json"]
                    words += ["--clock", "50"]
                    assert main(["map", model, "-o", str(tmp_path / "out"), *words]) == 0
                    expected, run = json.loads(capsys.readouterr().out), next(runs)
                    layers = zip(run["layers"], expected.pop("layers"), strict=True)
                    assert all(layer.items() <= found.items() for layer, found in layers)
                    energy = expected.pop("energy_estimate_uj")
                    assert run["energy_estimate_uj"] == pytest.approx(energy)
                    assert expected.pop("energy_source") == found["energy_source"]
                    assert run.items() >= expected.items()
                    assert run["preset"] == f"{preset} {setting}"
                    assert run["machine"] == f"{preset} {setting}"
                    assert run["options"] == "".join(options).removeprefix("--")
                    assert run["milliseconds"] == pytest.approx(expected["cycles"] / 50e3)
    assert next(runs, None) is None


def test_the_energy_table_is_the_users(models, tmp_path, capsys):
    path = tmp_path / "mine.json"
    table = json.loads(DEFAULT.read_text())
    twice = {k: 2 * v for k, v in table.items() if k.endswith("_bit") and k != "sram_64_bit"}
    twice["sram_64_bit"] = {size: 2 * value for size, value in table["sram_64_bit"].items()}
    path.write_text(json.dumps({"source": "mine", **twice}))
    words = (models[0], "--preset", "tiny")
    first, second = compared(capsys, *words), compared(capsys, *words, "--energy", str(path))
    assert second["energy_source"] == "mine" and "Horowitz" in first["energy_source"]
    once, doubled = (d["runs"][0]["energy_estimate_uj"] for d in (first, second))
    assert once.keys() == {*PARTS, "total"} and min(once.values()) > 0
    assert doubled == pytest.approx({part: 2 * value for part, value in once.items()})
    assert once["total"] == pytest.approx(sum(once[part] for part in PARTS))


def test_the_table_states_clock_and_estimate(models, capsys):
    assert main(["compare", models[1], "--preset", "tiny", "--clock", "80"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Times at 80 MHz (--clock)" in text and "energy, " in text and "wide" in text
    assert "Horowitz" in text and "The energy is an estimate" in text


def test_each_machine_has_its_own_clock(models, capsys):
    words = ("--preset", "tiny", "--preset", "edge256", "--set", "queue_depth=4,2")
    runs = compared(capsys, models[0], *words)["runs"]
    assert [run["clock_mhz"] for run in runs] == [PLACED["tiny"], 100, 100, 100]
    assert [run["preset"] for run in runs][1:3] == ["tiny queue_depth=2", "edge256"]


def test_resources_are_those_of_each_machine_on_the_target(models, capsys):
    words = (models[0], "--preset", "tiny", "--preset", "edge256", "--target", "xilinx")
    runs = compared(capsys, *words)["runs"]
    for run, name in zip(runs, ("tiny", "edge256"), strict=True):
        assert run["target"] == "xilinx"
        assert run["resources_estimate"] == estimate(PRESETS[name], "xilinx").resources
    assert main(["compare", *words]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "LUTs, k" in text and "LUTs on xilinx are estimated (hw area)" in text


def test_built_in_networks_go_by_name(capsys):
    (run,) = compared(capsys, "mobilenet_v1_025")["runs"]
    assert run["network"] == "mobilenet_v1_025" and run["machine"] == "edge256"
    assert run["macs"] == 41_030_272


def test_choices_are_all_combinations():
    assert list(choices([])) == [()]
    found = list(choices(["a=1,2", "b=3", "c=4,5"]))
    assert found == [(f"a={a}", "b=3", f"c={c}") for a in (1, 2) for c in (4, 5)]


def test_what_does_not_map_is_a_row_with_its_reason(models, capsys):
    words = ("--set", "rows=16,5", "--set", "scratchpad_bytes=61440,2048", "--preset", "tiny")
    first, small, *impossible = compared(capsys, models[1], *words)["runs"]
    assert first["cycles"] > 0 and "error" not in first
    assert "cycles" not in small and "scratchpad" in small["error"]
    assert ["rows=5" in run["error"] for run in impossible] == [True, True]
    assert impossible[0]["machine"] == "tiny rows=5 scratchpad_bytes=61440"
    assert main(["compare", models[1], *words]) == 0
    text = capsys.readouterr().out
    assert f"wide on {small['machine']}: {small['error']}" in text


def test_files_and_presets_are_crossed_with_settings(models, tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"preset": "tiny", "name": "mine", "queue_depth": 2}))
    words = ("--preset", "ecp5", "--config", str(path), "--set", "memory.latency=9,8")
    found = compared(capsys, models[0], *words)["runs"]
    bases = [f"{base} memory.latency={n}" for base in ("ecp5", str(path)) for n in (9, 8)]
    assert [run["machine"] for run in found] == bases
    assert [run["preset"] for run in found][2:] == ["mine", "mine"]


def test_mapped_folders_are_compared_by_layer(models, tmp_path, capsys):
    folders = [str(tmp_path / name) for name in ("a", "b")]
    for model, folder in zip(models, folders, strict=True):
        assert main(["map", model, "-o", folder, "--preset", "tiny", "--json"]) == 0
    mapped = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = compared(capsys, *folders, "--by-layer")
    assert [run["network"] for run in found["runs"]] == folders
    assert [run["cycles"] for run in found["runs"]] == [each["cycles"] for each in mapped]
    sides = [{layer["name"]: layer["cycles"] for layer in each["layers"]} for each in mapped]
    for row in found["by_layer"]:
        assert row["cycles"] == [side.get(row["name"]) for side in sides]
    differences = [row["difference"] for row in found["by_layer"]]
    assert sum(differences) == mapped[1]["cycles"] - mapped[0]["cycles"]
    assert sorted(differences, key=abs, reverse=True) == differences
    assert main(["compare", *folders, "--by-layer"]) == 0
    assert f"{sum(differences):+,}" in capsys.readouterr().out


def test_processes_change_no_answer(models, capsys):
    words = (models[0], "--preset", "tiny", "--set", "queue_depth=2,4")
    assert compared(capsys, *words, "--jobs", "2") == compared(capsys, *words)


def test_calibration_is_for_the_float_models(tmp_path, capsys):
    generator = np.random.default_rng(1)
    path = tmp_path / "float.onnx"
    path.write_bytes(mobile_net(generator).bytes())
    samples = calibration_of(tmp_path / "x.npy", generator)
    words = (str(path), "mobilenet_v1_025", "--calibrate", str(samples))
    first, second = compared(capsys, *words)["runs"]
    assert not any("random inputs" in line for line in first["remarks"])
    assert second["network"] == "mobilenet_v1_025"


def runs():
    energy = dict(zip(PARTS, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
    figures = {"utilization": 0.5, "dram_read_bytes": 3e6, "dram_write_bytes": 1e6}
    half = {part: value / 2 for part, value in energy.items()}
    area = "ecp5", {"luts": 20_000}
    clock, last = Clock(100.0, "assumed"), figures | {"utilization": 0.25, "cycles": 300_000}
    return [
        ComparisonRow(Labels("a$x$", "tiny"), figures | {"cycles": 700_000}, energy, clock, *area),
        ComparisonRow(Labels("b", "ecp5", "materialize"), last, half, clock, *area),
    ]


def test_bars_show_the_figures_with_their_values():
    figure = comparison_figure(runs())
    axes = figure.axes
    widths = [[patch.get_width() for patch in a.patches] for a in axes]
    assert widths[:3] == [[7, 3], [50, 25], [3, 3, 1, 1]]
    assert widths[3] == [1, 0.5, 2, 1, 3, 1.5, 4, 2, 5, 2.5]
    assert [patch.get_x() for patch in axes[3].patches][-2:] == [10, 5]
    titles = [a.get_title() for a in axes]
    assert titles == ["time, ms", "utilisation, %", "DRAM, MB", "energy (estimate), uJ"]
    values = [[text.get_text() for text in a.texts] for a in axes]
    assert values == [["7.00", "3.00"], ["50.0", "25.0"], ["4.00", "4.00"], ["15.0", "7.50"]]
    assert "100 MHz" in figure.get_suptitle()


def test_names_beside_bars_leave_out_what_all_share():
    base = runs()[0]
    words = [("net", "edge512 memory.bytes_per_cycle=4 rows=8"), ("net", "edge512 rows=8")]
    rows = [dataclasses.replace(base, labels=Labels(*each)) for each in words]
    assert labels(rows) == ["bytes_per_cycle=4", ""]
    assert labels(runs()) == [r"a\$x\$" + "\ntiny", "b\necp5, materialize"]


@pytest.mark.parametrize(
    ("value", "units", "text"),
    [
        (0.0021, MILLISECONDS, "2.10 us"),
        (12.34, MILLISECONDS, "12.3 ms"),
        (41_030_272, COUNTS, "41.0 M"),
        (999, BYTES, "999 B"),
        (0.0123, MICROJOULES, "12.3 nJ"),
        (1234.5, MICROJOULES, "1.23 mJ"),
        (0, COUNTS, "0"),
    ],
)
def test_units_fit_small_networks_and_large_ones(value, units, text):
    assert in_unit(value, units) == text


def test_plots_are_pictures(models, tmp_path):
    svg = rendered(comparison_figure(runs()), "svg")
    texts = [node.text for node in ElementTree.fromstring(svg).iter() if node.text]
    assert "a$x$" in texts and "ecp5, materialize" in texts
    assert svg == rendered(comparison_figure(runs()), "svg")
    path = tmp_path / "plot.png"
    assert main(["compare", *models, "--preset", "tiny", "-o", str(path)]) == 0
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        assert picture.format == "PNG" and picture.width > 1000


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["none"], "none: format 'without suffix'"),
        (["none.json"], "none.json"),
        (["{model}", "--preset", "huge"], "'huge'"),
        (["{model}", "--set", "rows=5"], "rows=5"),
        (["{model}", "--jobs", "0"], "--jobs '0'"),
        (["{model}", "--by-layer"], "--by-layer: 1 runs; two are accepted"),
        (["{folder}"], "program.bin"),
        (["mobilenet_v1_025", "{folder}/none"], "none: format 'without suffix'"),
        (["{model}", "--config", "{folder}/none.json"], "none.json"),
        (["{model}", "--set", "rows"], "'rows'"),
        (["{model}", "--set", "rows=8", "--set", "rows=16"], "'rows': given twice"),
        (
            ["{model}", "--set", "scratchpad_bytes=2048", "--preset", "tiny"],
            "wide on tiny scratchpad_bytes=2048",
        ),
        *(
            (["{model}", f"--clock={text}"], f"--clock {text!r}; 1e-06 to 1e+06 MHz is accepted")
            for text in NO_QUANTITIES
        ),
        (["{model}", "--clock", "fast"], "--clock 'fast'"),
        (["{model}", "-o", "plot.pdf"], "'.pdf'"),
        (["{model}", "-o", "plot"], "without suffix"),
        (["{model}", "-o", "{folder}/none/plot.svg"], "plot.svg"),
        (["{model}", "--energy", "{folder}/none.json"], "none.json"),
    ],
)
def test_faults_are_one_line(models, tmp_path, capsys, words, named):
    words = [word.format(model=models[1], folder=tmp_path) for word in words]
    assert main(["compare", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ") and named in err
    assert not list(tmp_path.iterdir())
