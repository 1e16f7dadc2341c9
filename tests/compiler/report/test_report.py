"""The report of a mapping: figures, page, files, terminal."""

import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from compiler.codegen.commands import CONSTANTS, Command, Span
from compiler.codegen.program import image, mapping
from compiler.command_line import main
from compiler.driver import compile
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.report.blocks import Edge, blocks, edges
from compiler.report.bounds import Block, block_figures, latencies, roof_of
from compiler.report.layout import layout
from compiler.report.memory import SAMPLES, occupancy
from compiler.report.rows import layer_rows
from compiler.report.terminal import sparkline
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import preset, with_values
from hw.spec.isa import Opcode
from sim.program_reader import program_of, read_program
from sim.simulation import Timing, run_timing

FIGURES = ("waterfall", "gap", "memory", "roofline", "waterline", "graph_1")
WRITTEN = {"program.bin", "mapping.json", "model.json", "model.npz", "report.html"}


def network():
    net = GraphBuilder("small$net", (12, 8, 3))
    x = net.conv("stem", "input", 8, 3, stride=2, activation="relu6")
    x = net.add("add", x, net.depthwise("depthwise", x, 3))
    x = net.concatenate("joined", net.conv("left", x, 8, 1), net.max_pool("right", x, 3))
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(network(), tmp_path_factory.mktemp("model") / "small.json")


@pytest.fixture(scope="module")
def mapped(model, tmp_path_factory):
    """The folder of a mapping with all extras."""
    folder = tmp_path_factory.mktemp("mapped") / "small"
    words = ("--preset", "tiny", "--unfused", "--plots", "--json")
    assert main(["map", str(model), "-o", str(folder), *words]) == 0
    return folder


class Page(HTMLParser):
    """Text of a page, and what it refers to."""

    def __init__(self, text):
        super().__init__()
        self.text, self.links, self.tags = "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data):
        self.text += f"{data.strip()} " if data.strip() else ""


def test_the_page_is_one_file_with_all_layers_and_figures(mapped):
    page = Page((mapped / "report.html").read_text(encoding="utf-8"))
    assert all(link.startswith("#") for link in page.links)
    assert not {"link", "img", "iframe"} & set(page.tags)
    assert page.tags.count("svg") == len(FIGURES)
    assert "small$net on tiny" in page.text
    for layer in json.loads((mapped / "mapping.json").read_text())["layers"]:
        assert layer["name"] in page.text
        assert "x".join(map(str, layer["output_shape"])) in page.text


def test_plots_are_files_on_request(mapped, model, tmp_path, capsys):
    for name in FIGURES:
        root = ElementTree.parse(mapped / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert min(Image.open(io.BytesIO((mapped / f"{name}.png").read_bytes())).size) > 50
    words = ["map", str(model), "-o", str(tmp_path / "m"), "--preset", "tiny", "--layers"]
    assert main(words) == 0
    assert {path.name for path in (tmp_path / "m").iterdir()} == WRITTEN
    text = capsys.readouterr().out
    assert "Efficiency gap" in text and "How the layers are mapped" in text
    assert "every tensor stored" not in text and "12x8x" not in text and "6x4x8" in text


def test_figures_go_with_the_report_that_they_are_of(mapped, model, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(mapped, folder)
    (folder / "photo.png").write_bytes(b"mine")
    words = ["map", str(model), "-o", str(folder), "--preset", "tiny", "--json"]
    assert main(words) == 0
    assert {path.name for path in folder.iterdir()} == WRITTEN | {"photo.png"}
    (folder / "report.html").unlink()
    (folder / "memory.png").write_bytes(b"mine")
    assert main(words) == 0
    assert (folder / "memory.png").read_bytes() == b"mine"


def test_names_are_no_markup(tmp_path, capsys):
    net = GraphBuilder("[bold]:smile:", (6, 6, 3))
    x = net.conv("y[/b]", "input", 4, 3)
    graph = randomize(net.finish(net.fully_connected("[red]z", x, 5)))
    model = write_model(graph, tmp_path / "small.json")
    words = ("-o", str(tmp_path / "out"), "--preset", "tiny", "--no-cache", "--explain")
    assert main(["map", str(model), *words]) == 0
    text = capsys.readouterr().out
    assert text.count("y[/b]") > 2 and text.count("[red]z") > 2 and "[bold]:smile: on" in text
    assert main(["compare", str(model), "--preset", "tiny"]) == 0
    assert "[bold]" in capsys.readouterr().out


def test_unfused_is_what_materialize_takes(mapped, model, tmp_path, capsys):
    words = ["--preset", "tiny", "--materialize", "--json"]
    assert main(["map", str(model), "-o", str(tmp_path / "m"), *words]) == 0
    cycles = json.loads(capsys.readouterr().out)["cycles"]
    page = Page((mapped / "report.html").read_text(encoding="utf-8"))
    assert f"simulated, every tensor stored: {cycles:,} cycles" in page.text


def test_rows_add_up_to_the_run(mapped):
    compiled = compile(network(), preset("tiny"))
    program = read_program(mapped)
    timing = run_timing(program)
    rows = layer_rows(compiled, program, timing)
    assert sum(row.cycles for row in rows) == timing.cycles
    assert sum(row.macs for row in rows) == program.macs
    fetched = sum(segment.size for segment in program.segments)
    beats = timing.counters["read_beats"] * program.config.bus_bytes
    assert sum(row.read_bytes for row in rows) <= beats - fetched
    written = timing.counters["write_beats"] * program.config.bus_bytes
    assert sum(row.write_bytes for row in rows) == written
    for row in rows:
        assert row.useful + row.lost + row.idle == pytest.approx(1)
        assert row.array[0] * row.array[1] == program.config.mac_units
    found = [(edge.maker, edge.reader) for edge in edges(compiled)]
    names = [row.name for row in rows]
    made = {(names[maker], names[reader]) for maker, reader in found}
    assert ("stem", "depthwise") in made and ("left", "logits") in made
    assert sum(maker == names.index("stem") for maker, _ in found) == 2


def linked(*pairs):
    return [Edge(maker, reader, f"map {maker}", False) for maker, reader in pairs]


def test_blocks_end_where_one_map_goes_on():
    cascade = linked((0, 1), (1, 2))
    assert blocks(3, cascade) == [range(0, 1), range(1, 2), range(2, 3)]
    residual = linked((0, 1), (1, 2), (2, 3), (0, 3), (3, 4))
    assert blocks(5, residual) == [range(0, 1), range(1, 4), range(4, 5)]
    parts = [Edge(maker, 4, "joined", False) for maker in (1, 3)]
    branches = linked((0, 1), (0, 2), (2, 3)) + parts
    assert blocks(5, branches) == [range(0, 1), range(1, 4), range(4, 5)]
    assert blocks(0, []) == []


def test_layers_stand_below_what_they_read_and_apart():
    links = linked((0, 1), (0, 2), (2, 3), (1, 4), (3, 4), (4, 5))
    plan = layout([range(0, 1), range(1, 5), range(5, 6)], links)
    assert all(plan.rows[edge.maker] < plan.rows[edge.reader] for edge in links)
    assert len({plan.at(layer) for layer in range(6)}) == 6
    assert plan.lanes[3] == plan.lanes[2] != plan.lanes[1]
    assert plan.starts == (0, 1, 4)
    assert plan.pages(4) == [range(0, 4), range(4, 5)]
    assert plan.pages(2) == [range(0, 1), range(1, 3), range(3, 5)]


def test_a_word_is_in_use_from_its_write_to_its_last_read():
    commands = [
        Command(Opcode.LOAD, 0, "weights", scratchpad_writes=(Span(0, 2),), memory=CONSTANTS),
        Command(Opcode.LOAD, 0, "map", scratchpad_writes=(Span(4, 1, 2, 2),), memory="input"),
        Command(Opcode.EXECUTE, 0, "even rows", {}, (Span(0, 2), Span(4, 3)), (Span(8, 3),)),
        Command(Opcode.EXECUTE, 0, "odd rows", {}, (Span(0, 1),), (Span(9, 3),)),
        Command(Opcode.STORE, 0, "all rows", {}, (Span(8, 4),), memory="output"),
    ]
    spans = ((0, 99, 0), (100, 199, 0), (200, 299, 0), (300, 399, 0), (400, 499, 0))
    used = occupancy(commands, Timing(SAMPLES * 2, {}, spans, ()), 16)
    weights, loaded, computed = used.words

    def at(cycle):
        return int(np.searchsorted(used.cycles, cycle))

    assert [weights[at(c)] for c in (0, 150, 290, 310, 390, 410)] == [2, 2, 2, 1, 1, 0]
    assert [loaded[at(c)] for c in (90, 110, 290, 310)] == [0, 2, 2, 0]
    assert [computed[at(c)] for c in (190, 210, 310, 490, 510)] == [0, 3, 4, 4, 0]
    assert used.share.max() == 7 / 16


def test_the_scratchpad_is_never_fuller_than_it_is(mapped):
    compiled, program = compile(network(), preset("tiny")), read_program(mapped)
    used = occupancy(compiled.commands, run_timing(program), program.config.scratchpad_words)
    assert used.words.min() >= 0 and 0 < used.share.max() <= 1


def test_bounds_are_the_roofs():
    roof = roof_of(preset("edge256"))
    assert (roof.peak, roof.bandwidth, roof.ridge) == (256, 16, 16)
    assert roof_of(with_values(preset("edge256"), {"memory.bytes_per_cycle": 4})).ridge == 64
    found = [
        Block(range(0, 2), (2560, 256), (16, 1600), 160, 20),
        Block(range(2, 3), (0,), (32,), 32, 4),
    ]
    cycles = {x.name: (x.cycles, x.efficiency) for x in latencies(roof, found, 44, 110)}
    assert cycles == {
        "ideal: peak all the time": (11, 1),
        "bound: each layer by itself": (10 + 100 + 2, 11 / 112),
        "bound: blocks as mapped": (11 + 2, 11 / 13),
        "simulated": (44, 0.25),
        "simulated, every tensor stored": (110, 0.1),
    }
    assert found[0].efficiencies(roof) == (11 / 110, 1, 11 / 20)
    assert found[1].efficiencies(roof) == (0, 0, 0)


def test_a_layer_by_itself_moves_every_operand_once():
    net = GraphBuilder("single", (8, 6, 3))
    graph = randomize(net.finish(net.conv("conv", "input", 4, 1)))
    compiled = compile(graph, preset("tiny"))
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    rows = layer_rows(compiled, program, run_timing(program))
    (block,) = block_figures(compiled, rows, [range(0, 1)])
    line = 8 * 4
    parameters, weights, output = 2 * line, line, 8 * 6 * 4
    assert block.alone == (8 * 6 * 3 + parameters + weights + output,)


def test_bars_of_text_are_as_high_as_the_fullest_part():
    assert sparkline([0, 0, 0.5, 0, 1, 1, 0.01, 0], 4) == " ▄█▁"
    assert re.fullmatch(r"█{7}", sparkline(np.ones(400), 7))
