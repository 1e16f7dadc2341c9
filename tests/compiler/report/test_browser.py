"""The page of a mapping in Chromium: it opens, its table sorts, nothing overflows."""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path

import pytest

from compiler import zoo
from compiler.ir.randomize import randomize
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.spec.config import preset

pytestmark = pytest.mark.full

SCRIPT = Path(__file__).with_name("inspect_page.js")
NETWORKS = ("mobilenet_v2", "inception_v3")
SIZES = ((390, 844), (1280, 900))
"""A phone's window and a desk's. Chromium has no window that narrow: the page is in a frame."""
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module", params=NETWORKS)
def page(request, tmp_path_factory):
    graph = randomize(zoo.build(request.param))
    folder = tmp_path_factory.mktemp("mapped") / graph.name
    map_graph(graph, preset("edge256"), CompilerOptions(), folder, quiet=True)
    return folder / "report.html"


def chromium(profile, *words):
    """Standard output of a run of Chromium."""
    command = shutil.which("chromium")
    assert command, "chromium is missing: sudo apt-get install chromium"
    answer = subprocess.run(
        [command, *OPTIONS, f"--user-data-dir={profile}", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return answer.stdout


@pytest.mark.parametrize("width, height", SIZES)
def test_nothing_overflows_and_the_table_sorts(page, tmp_path, width, height):
    shown = tmp_path / "page.html"
    text = page.read_text(encoding="utf-8")
    script = SCRIPT.read_text(encoding="utf-8")
    framed = escape(text.replace("</body>", f"<script>{script}</script></body>"))
    frame = f'<iframe style="border: 0" width="{width}" height="{height}" srcdoc="{framed}">'
    shown.write_text(f"<!doctype html><meta charset=utf-8>{frame}</iframe>", "utf-8")
    answer = chromium(tmp_path / "profile", "--dump-dom", shown.as_uri())
    match = re.search(r'<pre id="found">(.*?)</pre>', answer, re.S)
    assert match, answer[-2000:]
    found = json.loads(unescape(match[1]))
    assert found["faults"] == [] and found["width"] == width
    assert found["wide"] == [] and found["cut"] == []
    assert found["figures"] >= 6
    layers = json.loads((page.parent / "mapping.json").read_text())["layers"]
    macs = sorted(layer["macs"] for layer in layers)
    assert found["ascending"]["MACs"] == macs
    assert found["descending"]["MACs"] == macs[::-1]
    for column in ("Cycles", "Utilisation", "Read", "Written", "#"):
        assert found["ascending"][column] == sorted(found["ascending"][column])
        assert found["descending"][column] == found["ascending"][column][::-1]
    assert found["ascending"]["Kind"] == sorted(layer["kind"] for layer in layers)


def test_it_prints(page, tmp_path):
    file = tmp_path / "page.pdf"
    chromium(tmp_path / "profile", f"--print-to-pdf={file}", page.as_uri())
    assert file.read_bytes().startswith(b"%PDF-")
