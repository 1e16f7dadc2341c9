"""The checker of the AXI4-Lite port: finds each kind of fault, and nothing in correct traffic.

A scenario is a text: cycles separated by ``/``, each with the channels that are valid. ``aw:5`` has
a payload, ``aw!`` is ready too, ``name=value`` sets another signal.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from hw.tools import verilator

FOLDER = Path(verilator.__file__).parent / "cosim"
PAYLOADS = {"aw": "awaddr", "w": "wdata", "b": "bresp", "ar": "araddr", "r": "rdata"}
CHANGED = " payload changed before the handshake"
FELL = "valid fell before the handshake"

CORRECT = (
    "aw! w! / b!",
    "aw:4 w:7 / aw:4 w:7 / aw:4! w:7! / b:2 / b:2 / b:2!",
    "aw! / - / w! / - / b!",
    "w! / aw! / b / b!",
    "aw! w! / aw! w! / b! / b!",
    "aw! w! / aw! w! b! / b!",
    "ar! / r:9 / r:9!",
    "ar:4 / ar:4! / ar! / r! / r!",
    "ar! / ar! r! / - / r:3 rresp=3 / r:3! rresp=3",
    "aw! w! ar! / b! r!",
    "ar! / rst r / rst / - / ar! / r!",
    "aw! w! / rst b / rst / - / aw! w! / b!",
)
WRONG = {
    "aw / -": ["aw" + FELL],
    "w / -": ["w" + FELL],
    "ar / -": ["ar" + FELL],
    "aw! w! / b / -": ["b" + FELL],
    "ar! / r / -": ["r" + FELL],
    "aw:4 / aw:8": ["aw" + CHANGED, "aw" + FELL],
    "aw:4 / aw:8!": ["aw" + CHANGED],
    "w:4 / w:8!": ["w" + CHANGED],
    "w wstrb=15 / w! wstrb=7": ["w" + CHANGED],
    "ar:4 / ar:8!": ["ar" + CHANGED],
    "aw! w! / b:0 / b:2!": ["b" + CHANGED],
    "ar! / r:1 / r:2!": ["r" + CHANGED],
    "ar! / r rresp=0 / r! rresp=2": ["r" + CHANGED],
    "b!": ["b without an address", "b without data"],
    "aw! / b!": ["b without data"],
    "w! / b!": ["b without an address"],
    "aw! w! b!": ["b without an address", "b without data"],
    "aw w / b! aw w / aw! w!": ["b without an address", "b without data"],
    "aw! w! / b! / b!": ["b without an address", "b without data"],
    "aw! w! / aw! / b! / b!": ["b without data"],
    "r!": ["r without an address"],
    "ar! r!": ["r without an address"],
    "ar r! / ar!": ["r without an address"],
    "ar! / r! / r!": ["r without an address"],
    "ar! / rst / rst / - / r!": ["r without an address"],
    "aw! w! / rst / rst / - / b!": ["b without an address", "b without data"],
    "aw! w! / b:1!": ["bresp is EXOKAY"],
    "ar! / r! rresp=1": ["rresp is EXOKAY"],
    **{f"rst / rst {c}": [f"{c}valid is not low in reset"] for c in PAYLOADS},
    **{f"rst / rst / {c}!": [f"{c}valid is not low in reset"] for c in ("aw", "w", "ar")},
}


def parse(scenario: str) -> list[dict[str, int]]:
    """The signals of each cycle that are not low."""
    cycles = []
    for words in scenario.split("/"):
        values = {}
        for word in words.replace("-", "").split():
            channel, payload, ready = re.fullmatch(r"(\w+)(?:[:=](\d+))?(!?)", word).groups()
            if channel in PAYLOADS:
                values |= {f"{channel}valid": 1, f"{channel}ready": int(bool(ready))}
                values[PAYLOADS[channel]] = int(payload or 0)
            else:
                values[channel] = int(payload or 1)
        cycles.append(values)
    return cycles


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, list[str]]:
    """What the checker says of each scenario, the messages in the order of the alphabet."""
    work = tmp_path_factory.mktemp("axil")
    scenarios = (*CORRECT, *WRONG)
    (work / "plan.json").write_text(json.dumps([parse(scenario) for scenario in scenarios]))
    sources = {name: (FOLDER / name).read_text() for name in ("axi_channel.sv", "axil_checker.sv")}
    folder = verilator.build("axil_checker", sources)
    verilator.simulate(folder, work, "axil_checker", "tests.hw.tools.cosim.axil_bench")
    found = defaultdict(set)
    for number, text in re.findall(
        r"^(\d+) violation axil (.*)$", (work / "simulation.log").read_text(), re.MULTILINE
    ):
        found[int(number)].add(text)
    violations = json.loads((work / "seen.json").read_text())
    assert violations == [number in found for number in range(len(scenarios))]
    return {scenario: sorted(found[number]) for number, scenario in enumerate(scenarios)}


@pytest.mark.parametrize("scenario", CORRECT)
def test_correct_traffic_passes(reports, scenario):
    assert reports[scenario] == []


@pytest.mark.parametrize("scenario", WRONG)
def test_a_breach_is_found(reports, scenario):
    assert reports[scenario] == sorted(WRONG[scenario])
