"""Networks, machines and options side by side, by command line."""

import io
import json
from xml.etree import ElementTree

import pytest
from PIL import Image

from compiler.command_line import main
from compiler.compare import choices
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.report.comparison import ComparisonRow
from compiler.report.energy import DEFAULT, PARTS
from compiler.report.plots import comparison_figure, rendered
from compiler.zoo.builder import GraphBuilder
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
    assert found["clock_mhz"] == 50
    runs = iter(found["runs"])
    for model in models:
        for preset in ("tiny", "ecp5"):
            for setting in ("memory.latency=7", "memory.latency=90"):
                for options in ([], ["--materialize"]):
                    words = ["--preset", preset, "--set", setting, *options, "--json"]
                    assert main(["map", model, "-o", str(tmp_path / "out"), *words]) == 0
                    expected, run = json.loads(capsys.readouterr().out), next(runs)
                    assert run.items() >= expected.items()
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
    assert "80 MHz" in text and "uJ (estimate)" in text and "wide" in text
    assert "Horowitz" in text and "The energy is an estimate" in text


def test_built_in_networks_go_by_name(capsys):
    (run,) = compared(capsys, "mobilenet_v1_025")["runs"]
    assert run["network"] == "mobilenet_v1_025" and run["machine"] == "edge256"
    assert run["macs"] == 41_030_272


def test_choices_are_all_combinations():
    assert list(choices([])) == [()]
    found = list(choices(["a=1,2", "b=3", "c=4,5"]))
    assert found == [(f"a={a}", "b=3", f"c={c}") for a in (1, 2) for c in (4, 5)]


def runs():
    energy = dict(zip(PARTS, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
    figures = {"utilization": 0.5, "dram_read_bytes": 3e6, "dram_write_bytes": 1e6}
    half = {part: value / 2 for part, value in energy.items()}
    return [
        ComparisonRow("a$x$", "tiny", "", figures, energy, 7.0),
        ComparisonRow("b", "ecp5", "materialize", figures | {"utilization": 0.25}, half, 3.0),
    ]


def test_bars_show_the_figures():
    axes = comparison_figure(runs(), 100.0).axes
    widths = [[patch.get_width() for patch in a.patches] for a in axes]
    assert widths[:3] == [[7, 3], [50, 25], [3, 3, 1, 1]]
    assert widths[3] == [1, 0.5, 2, 1, 3, 1.5, 4, 2, 5, 2.5]
    assert [patch.get_x() for patch in axes[3].patches][-2:] == [10, 5]
    assert "100 MHz" in axes[0].get_title() and "estimate" in axes[3].get_title()


def test_plots_are_pictures(models, tmp_path):
    svg = rendered(comparison_figure(runs(), 100.0), "svg")
    texts = [node.text for node in ElementTree.fromstring(svg).iter() if node.text]
    assert "a$x$" in texts and "ecp5, materialize" in texts
    assert svg == rendered(comparison_figure(runs(), 100.0), "svg")
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
        (["{model}", "--set", "rows=16,5"], "rows=5"),
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
