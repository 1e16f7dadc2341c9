"""The timeline of a run: the same file from the simulator and the RTL, and a valid one."""

import json
from itertools import pairwise

import jsonschema
import pytest

from compiler.command_line import main as compiler_main
from compiler.frontend import write_model
from hw.command_line import main as hw_main
from hw.spec.isa import Opcode
from sim.command_line import main as sim_main
from sim.program_reader import read_program
from tests.compiler.codegen.hazard_checker import accesses
from tests.compiler.graphs import Net

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

UNITS = ("LOAD", "EXECUTE", "STORE")
COUNT = {"type": "integer", "minimum": 0}
KINDS = {
    "X": {"dur": {"type": "integer", "minimum": 1}},
    "M": {"args": {"minProperties": 1}},
    "s": {"id": COUNT, "cat": {"type": "string"}},
    "f": {"id": COUNT, "cat": {"type": "string"}, "bp": {"const": "e"}},
    "C": {"args": {"minProperties": 1, "additionalProperties": {"type": "number"}}},
    "i": {"s": {"enum": ["g", "p", "t"]}},
}
"""What the Trace Event format asks of the kinds of events, besides what it asks of all."""
COMMON = {
    "name": {"type": "string", "minLength": 1},
    "ph": {"type": "string"},
    "ts": COUNT,
    "pid": COUNT,
    "tid": COUNT,
    "args": {"type": "object"},
}
SCHEMA = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
        "traceEvents": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "required": list(COMMON | own),
                        "properties": {
                            **COMMON,
                            **own,
                            "args": {"type": "object", **own.get("args", {})},
                            "ph": {"const": kind},
                        },
                        "additionalProperties": False,
                    }
                    for kind, own in KINDS.items()
                ]
            },
        },
    },
    "additionalProperties": False,
}


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


def counters(trace, name):
    """The events of a counter."""
    return [e for e in trace["traceEvents"] if e["ph"] == "C" and e["name"] == name]


def test_events_follow_the_format(traced):
    jsonschema.validate(traced, SCHEMA)
    for event in traced["traceEvents"]:
        assert event["ts"] + event.get("dur", 0) <= traced["otherData"]["cycles"]


def test_arrows_go_from_loads_to_executes_to_stores(traced):
    """Each begins at the last cycle of a slice and ends at the first one of a later slice."""
    found = {}
    for event in traced["traceEvents"]:
        if event["ph"] in "sf":
            found.setdefault(event["id"], {})[event["ph"]] = event
    slices = {"s": {}, "f": {}}
    for name, events in threads(traced).items():
        for event in events:
            tid = event["tid"]
            slices["s"][tid, event["ts"] + event["dur"] - 1] = name.split()[0]
            slices["f"][tid, event["ts"]] = name.split()[0]
    pairs = set()
    for ends in found.values():
        assert ends["s"]["ts"] < ends["f"]["ts"]
        pairs.add(tuple(slices[p][ends[p]["tid"], ends[p]["ts"]] for p in "sf"))
    assert pairs == {("LOAD", "EXECUTE"), ("EXECUTE", "STORE")}


def test_the_counter_of_bytes_adds_up_to_the_transfers(traced):
    samples = counters(traced, "bytes per cycle")
    for key, unit in (("read", "LOAD"), ("written", "STORE")):
        area = sum(
            before["args"][key] * (after["ts"] - before["ts"])
            for before, after in pairwise(samples)
        )
        named = [e for n, events in threads(traced).items() if n.startswith(unit) for e in events]
        assert area == pytest.approx(sum(e["args"]["bytes"] for e in named), rel=0.01)
    assert samples[-1]["args"] == {"read": 0, "written": 0}


def test_the_scratchpad_in_use_is_counted_word_by_word(folder, traced):
    """Against the words of another model of the commands, at every cycle in which one begins or
    has ended. Each segment begins with an empty scratchpad."""
    program = read_program(folder)
    events = {event["args"]["command"]: event for event in commands_of(traced)}
    used = {}
    for number, command in segments_commands(program):
        event = events[command.index]
        first, last = event["ts"], event["ts"] + event["dur"] - 1
        reads, writes = (
            {(number, *word) for word in words if word[0] == "scratchpad"}
            for words in accesses(command.opcode, command.fields, program.config)
        )
        for word in reads:
            if used.get(word):
                used[word][-1][1] = max(used[word][-1][1], last)
        for word in writes:
            lives = used.setdefault(word, [])
            if lives and lives[-1][1] >= 0:
                lives[-1][1] = min(lives[-1][1], first - 1)
            if not lives or lives[-1][1] >= 0:
                lives.append([first, -1])
    samples = counters(traced, "scratchpad in use")
    for cycle in {e["ts"] + after for e in events.values() for after in (0, e["dur"])}:
        words = sum(any(a <= cycle <= b for a, b in lives) for lives in used.values())
        found = [e["args"]["bytes"] for e in samples if e["ts"] <= cycle][-1]
        assert found == words * program.config.cols
    assert samples[-1]["args"] == {"bytes": 0}
    assert 0 < max(e["args"]["bytes"] for e in samples) <= program.config.scratchpad_bytes


def segments_commands(program):
    """The commands that move or compute, with the number of their segment."""
    return [
        (number, command)
        for number, segment in enumerate(program.segments)
        for command in segment.commands
        if command.opcode != Opcode.END
    ]


def test_layers_say_their_cycles_by_cause(traced):
    causes = [event["args"]["cycles by cause"] for event in threads(traced)["layers"]]
    assert sum(sum(each.values()) for each in causes) == traced["otherData"]["cycles"]


def test_the_hosts_time_is_an_estimate_that_moves_the_segments_apart(folder, traced, tmp_path):
    path = tmp_path / "host.json"
    words = ["run", str(folder), "--no-values", "--timeline", str(path), "--host-cost", "2.5"]
    assert sim_main([*words, "--json"]) == 0
    moved = json.loads(path.read_text())
    jsonschema.validate(moved, SCHEMA)
    assert "estimate" in moved["otherData"]["host"]
    (host,) = threads(moved)["host (estimate)"]
    assert host["name"] == "layer_norm2" and host["dur"] == round(2.5 * host["args"]["values"])
    (instant,) = [e for e in traced["traceEvents"] if e["ph"] == "i"]
    assert instant["name"] == host["name"] and instant["ts"] == host["ts"]
    later = [(e, m) for e, m in zip(*map(commands_of, (traced, moved)), strict=True)]
    for event, after in later:
        shift = host["dur"] if event["ts"] >= host["ts"] else 0
        assert after["ts"] == event["ts"] + shift and after["dur"] == event["dur"]
    assert {m["ts"] - e["ts"] for e, m in later} == {0, host["dur"]}


def commands_of(trace):
    """The slices of commands, in the order of the program."""
    found = [e for events in threads(trace).values() for e in events if "command" in e["args"]]
    return sorted(found, key=lambda event: event["args"]["command"])


def test_a_cost_of_the_host_needs_a_number_and_a_timeline(folder, capsys):
    for words, part in (
        (["--host-cost", "1"], "--timeline"),
        (["--host-cost", "x", "--timeline", "t.json"], "--host-cost 'x'"),
    ):
        capsys.readouterr()
        assert sim_main(["run", str(folder), "--no-values", *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert part in line


def test_slices_of_a_thread_do_not_overlap(traced):
    found = threads(traced)
    assert list(found)[:3] == ["layers", "LOAD", "LOAD 1"]
    assert {name.split()[0] for name in found} == {"layers", "host", *UNITS}
    assert "STORE 1" not in found, "the STORE unit has one command at a time"
    assert len([name for name in found if name.startswith("EXECUTE")]) <= 2
    for name, events in found.items():
        assert events or name == "host"
        for before, after in pairwise(events):
            assert before["ts"] + before["dur"] <= after["ts"]


def test_every_command_is_there_once(folder, traced):
    mapping = json.loads((folder / "mapping.json").read_text())
    events = commands_of(traced)
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
