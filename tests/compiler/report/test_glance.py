"""``map`` at one glance: the last line, the costliest layers, tables, CSV and JSON."""

import csv
import json
import re

import pytest

from compiler.clocks import PLACED
from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.report.glance import HELP, hint
from compiler.report.units import MILLISECONDS, digits, in_unit
from compiler.zoo.builder import GraphBuilder
from sim.lost import LOST_DOC


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    net = GraphBuilder("small", (16, 12, 3))
    x = net.conv("a_rather_long_name/of_a_first_convolution/stem", "input", 8, 3, stride=2)
    x = net.add("add", x, net.depthwise("depthwise", x, 3))
    x = net.max_pool("pool", x, 3)
    graph = randomize(net.finish(net.fully_connected("logits", x, 5)))
    return str(write_model(graph, tmp_path_factory.mktemp("model") / "small.json"))


@pytest.fixture
def mapped(model, tmp_path, capsys):
    """Maps the model with some options; gives what is printed."""

    def call(*words):
        assert main(["map", model, "-o", str(tmp_path / "out"), *words]) == 0
        return capsys.readouterr().out

    return call


def test_the_last_line_has_cycles_time_utilisation_and_energy(mapped):
    data = json.loads(mapped("--preset", "tiny", "--json"))
    line = mapped("--preset", "tiny").splitlines()[-1]
    assert f"{data['cycles']:,} cycles" in line and f"{data['utilization']:.2%}" in line
    assert f"at {PLACED['tiny']:g} MHz (placed" in line
    milliseconds = data["cycles"] / (1e3 * PLACED["tiny"])
    assert in_unit(milliseconds, MILLISECONDS) in line
    assert f"{digits(1e3 / milliseconds)} pictures/s" in line
    assert data["milliseconds"] == pytest.approx(milliseconds)
    assert re.search(r"energy [\d.]+ (nJ|uJ|mJ) \(estimate\)", line)
    assert "at 100 MHz (assumed)" in mapped().splitlines()[-1]
    assert "at 250 MHz (--clock)" in mapped("--clock", "250").splitlines()[-1]


def test_the_costliest_layers_come_with_their_share_and_a_hint(mapped):
    layers = json.loads(mapped("--json"))["layers"]
    text = mapped()
    assert "Where the MAC-cycles went" not in text and "streamed" not in text
    first = max(layers, key=lambda layer: layer["cycles"])
    assert f"{first['name']} ({first['kind']}): {first['share']:.1%} of the cycles" in text
    assert sum(f"  {layer['name']} (" in text for layer in layers) == 3
    assert hint(first).split(";")[0] in " ".join(text.split())


def test_every_cause_of_a_loss_has_a_hint():
    assert HELP.keys() == LOST_DOC.keys()
    for cause in HELP:
        lost = dict.fromkeys(HELP, 0.0) | {cause: 50.0}
        record = {"utilization": 0.5, "cycles": 100, "lost": lost, "array": [16, 16]}
        assert hint(record).startswith(f"50% lost to {cause} ({LOST_DOC[cause]})")


def test_layers_add_up_to_the_run_and_csv_has_what_json_has(mapped, tmp_path):
    path = tmp_path / "layers.csv"
    data = json.loads(mapped("--preset", "ecp5", "--json", "--csv", str(path)))
    for key in ("cycles", "macs", "dram_read_bytes", "dram_write_bytes"):
        assert sum(layer[key] for layer in data["layers"]) == data[key]
    assert sum(layer["share"] for layer in data["layers"]) == pytest.approx(1)
    for part, energy in data["energy_estimate_uj"].items():
        parts = [layer["energy_estimate_uj"][part] for layer in data["layers"]]
        assert sum(parts) == pytest.approx(energy) and min(parts) >= 0
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, layer in zip(rows, data["layers"], strict=True):
        assert row["name"] == layer["name"] and int(row["cycles"]) == layer["cycles"]
        assert float(row["lost_wait_load"]) == layer["lost"]["wait_load"]
        assert float(row["energy_total_uj"]) == layer["energy_estimate_uj"]["total"]
        assert row["output_shape"] == "x".join(map(str, layer["output_shape"]))


def test_the_energy_of_compare_is_that_of_map(mapped, model, capsys):
    data = json.loads(mapped("--json"))
    assert main(["compare", model, "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["energy_estimate_uj"] == pytest.approx(data["energy_estimate_uj"])


@pytest.mark.parametrize("width", [60, 80, 132])
def test_tables_fit_and_keep_every_digit(mapped, monkeypatch, width):
    monkeypatch.setattr("sim.report.LINE_WIDTH", width)
    layers = json.loads(mapped("--json"))["layers"]
    lines = mapped("--layers").splitlines()
    tables = lines[lines.index("Layers") : lines.index("How the layers are mapped")]
    assert max(map(len, tables)) <= width
    for layer, line in zip(layers, tables[3:], strict=False):
        assert f" {layer['cycles']:,} " in line and f" {layer['utilization']:.1%}" in line
    assert "most lost to" in tables[1] or width < 80


def test_top_and_sort_choose_the_rows(mapped, tmp_path):
    layers = json.loads(mapped("--json"))["layers"]
    lines = mapped("--top", "2").splitlines()
    rows = lines[lines.index("Layers") + 3 : lines.index("How the layers are mapped") - 1]
    costliest = sorted(layers, key=lambda layer: -layer["cycles"])
    assert [row.split()[0][:4] for row in rows] == [layer["name"][:4] for layer in costliest[:2]]
    path = tmp_path / "layers.csv"
    mapped("--sort", "dram_read_bytes", "--csv", str(path))
    with path.open(newline="") as file:
        sizes = [int(row["dram_read_bytes"]) for row in csv.DictReader(file)]
    assert sizes == sorted((layer["dram_read_bytes"] for layer in layers), reverse=True)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--sort", "speed"], "--sort 'speed'; accepted: name, kind, macs"),
        (["--top", "0"], "--top '0'"),
        (["--clock", "0"], "--clock '0'"),
        (["--csv", "{folder}/none/layers.csv"], "no folder"),
        (["--json", "--top", "2"], "--json has all layers"),
    ],
)
def test_faults_are_one_line(model, tmp_path, capsys, words, named):
    words = [word.format(folder=tmp_path) for word in words]
    assert main(["map", model, "-o", str(tmp_path / "out"), *words]) == 2
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert out == "" and last.startswith("error: ") and named in last
    assert not (tmp_path / "out").exists()
