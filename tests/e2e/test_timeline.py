"""The timeline of a run: the same file from the simulator and the RTL, and a valid one."""

import json
from itertools import pairwise

import pytest

from compiler.command_line import main as compiler_main
from compiler.frontend import write_model
from hw.command_line import main as hw_main
from sim.command_line import main as sim_main
from tests.compiler.graphs import Net

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

UNITS = ("LOAD", "EXECUTE", "STORE")


def network():
    """Two segments: the host normalises between them."""
    net = Net((6, 5, 3))
    x = net.conv("input", 8, (2, 2), stride=(2, 1))
    y = net.layer_norm(net.depthwise(x, padding=(1, 1, 1, 1)))
    x = net.add(x, net.conv(net.conv(y, 12, (1, 1), activation="relu"), 8, (1, 1)))
    return net.finish(net.dense(x, 7), y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The network on tiny."""
    path = tmp_path_factory.mktemp("mapped")
    model = write_model(network(), path / "small.json")
    words = ["map", str(model), "-o", str(path / "out"), "--preset", "tiny"]
    assert compiler_main([*words, "--json"]) == 0
    return path / "out"


@pytest.fixture(scope="module")
def traced(folder):
    """The timeline of the simulator."""
    path = folder.parent / "sim.json"
    assert sim_main(["run", str(folder), "--no-values", "--timeline", str(path), "--json"]) == 0
    return json.loads(path.read_text())


def threads(trace):
    """The complete events of each thread, by its name."""
    named = {
        e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"
    }
    events = {name: [] for name in named.values()}
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            events[named[event["tid"]]].append(event)
    return events


def test_the_rtl_writes_the_same_file(folder, traced, tmp_path, capsys):
    path = tmp_path / "rtl.json"
    assert hw_main(["cosim", str(folder), "--timeline", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert json.loads(path.read_text()) == traced
    assert traced["otherData"]["cycles"] == report["cycles"]
    busy = {}
    for name, events in threads(traced).items():
        for event in events:
            if name.startswith("EXECUTE"):
                layer = event["name"].split(": ")[0]
                busy[layer] = busy.get(layer, 0) + event["args"]["busy_cycles"]
    assert busy == {layer["name"]: layer["busy_cycles"] for layer in report["layers"]}
    moved = sum(e["args"]["bytes"] for e in threads(traced)["STORE"])
    assert moved == report["dram_write_bytes"]


def test_events_follow_the_format(traced):
    assert traced.keys() == {"displayTimeUnit", "otherData", "traceEvents"}
    assert traced["displayTimeUnit"] in ("ms", "ns")
    for event in traced["traceEvents"]:
        assert event.keys() >= {"name", "ph", "ts", "pid", "tid", "args"}
        assert event["ph"] in ("X", "M") and ("dur" in event) == (event["ph"] == "X")
        assert isinstance(event["name"], str) and isinstance(event["args"], dict)
        numbers = [event[key] for key in ("ts", "dur", "pid", "tid") if key in event]
        assert all(type(n) is int and n >= 0 for n in numbers)
        assert event.get("dur", 1) >= 1
        assert event["ts"] + event.get("dur", 0) <= traced["otherData"]["cycles"]


def test_slices_of_a_thread_do_not_overlap(traced):
    found = threads(traced)
    assert list(found)[:3] == ["layers", "LOAD", "LOAD 1"]
    assert {name.split()[0] for name in found} == {"layers", *UNITS}
    assert "STORE 1" not in found, "the STORE unit has one command at a time"
    assert len([name for name in found if name.startswith("EXECUTE")]) <= 2
    for events in found.values():
        assert events
        for before, after in pairwise(events):
            assert before["ts"] + before["dur"] <= after["ts"]


def test_every_command_is_there_once(folder, traced):
    mapping = json.loads((folder / "mapping.json").read_text())
    events = [e for n, found in threads(traced).items() if n != "layers" for e in found]
    numbers = sorted(event["args"]["command"] for event in events)
    assert numbers == sorted(i for layer in mapping["layers"] for i in layer["commands"])
    names = {event["name"] for event in events}
    assert names >= {
        "conv2d0: load input",
        "conv2d0: load constants",
        "depthwise_conv2d1: depthwise_conv2d",
        "depthwise_conv2d1: store depthwise_conv2d1",
        "conv2d3: load layer_norm2",
        "conv2d4: conv2d+add",
        "fully_connected6: store fully_connected6",
    }
    order = [event["name"] for event in threads(traced)["layers"]]
    assert order == [layer["name"] for layer in mapping["layers"]]


def test_a_file_that_cannot_be_written_is_named(folder, tmp_path, capsys):
    words = ["run", str(folder), "--no-values", "--timeline", str(tmp_path / "none" / "x.json")]
    assert sim_main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "x.json" in err
