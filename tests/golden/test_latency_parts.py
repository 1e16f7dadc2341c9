"""``golden latency`` of networks with operators on the host, and with cold caches."""

import json
from types import SimpleNamespace

import pytest
import torch

from compiler.frontend import write_model
from golden.bench import benchmark, caches
from golden.bench.caches import (
    cold,
    largest_cache,
)
from golden.bench.measure import (
    Spread,
    measured,
)
from golden.bench.module import (
    Network,
    NodeModule,
    as_torch,
    stored_inputs,
)
from golden.bench.parts import part_of
from golden.command_line import main
from tests.compiler.graphs import Net

QUICK = ("--device", "cpu", "--seconds", "0.001", "--preset", "tiny", "--peak", "0.1",
         "--precision", "fp32", "--mode", "eager")  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that share a busy core wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def graph():
    """Two operators of the host among four of the array; an addition spans the first of them."""
    net = Net((6, 5, 8))
    x = net.conv("input", 8, (3, 3))
    y = net.conv(net.layer_norm(x), 8, (1, 1))
    z = net.layer_norm(net.add(x, y))
    return net.finish(net.conv(z, 4, (1, 1)))


HOSTED = ["layer_norm1", "layer_norm4"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(graph(), tmp_path_factory.mktemp("latency") / "hosted.json")


def reported(model, capsys, *options):
    assert main(["latency", str(model), *QUICK, "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_both_sides_cover_the_operators_of_the_array(model, capsys, monkeypatch):
    """Each operator takes a millisecond here."""
    ran = []
    forward = NodeModule.forward

    def counted(layer, *inputs):
        ran.append(layer)
        return forward(layer, *inputs)

    def counts(call, clock, seconds, before=None):
        ran.clear()
        call()
        return Spread(*[float(len(ran))] * 4, repeats=1)

    monkeypatch.setattr(NodeModule, "forward", counted)
    monkeypatch.setattr(benchmark, "measured", counts)
    report = reported(model, capsys, "--batch", "3")
    (run,) = report["runs"]
    nodes = graph().nodes
    assert [node["name"] for node in report["host"]] == HOSTED
    assert [layer["name"] for layer in report["layers"] if layer["on"] == "host"] == HOSTED
    assert run["milliseconds"] == len(nodes) - 2
    assert run["host"]["milliseconds"] == 2
    assert run["whole"]["milliseconds"] == len(nodes)
    array = [layer for layer in report["layers"] if layer["on"] == "array"]
    assert report["operations"] == 2 * 3 * sum(layer["macs"] for layer in array)
    assert run["operations_per_second"] == report["operations"] / (len(array) * 1e-3)
    assert all(layer["accelerator_cycles"] is None for layer in report["layers"]
               if layer["on"] == "host")  # fmt: skip


def test_what_is_left_out_is_said(model, capsys):
    assert main(["latency", str(model), *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = next(n for n, line in enumerate(lines) if "run on the accelerator's host" in line)
    assert lines[said].startswith(f"[CPU] 2 of {len(graph().nodes)} operators run on")
    assert "leave them out" in lines[said]
    assert lines[said + 1].startswith("[CPU]   on the host: layer_norm (")
    assert lines[said + 1].endswith("), 2")
    first = next(n for n, line in enumerate(lines) if line.startswith("[CPU] fp32 eager"))
    assert lines[first + 1].startswith("[CPU]   on the host ")
    assert lines[first + 2].startswith("[CPU]   whole network ")


def test_multiply_accumulates_that_no_output_needs_count_on_neither_side(tmp_path, capsys):
    """A quarter of the channels is read: 6 x 5 pixels of 8 channels make 16."""
    net = Net((6, 5, 8))
    y = net.op("slice", (net.conv("input", 16, (1, 1)),), begin=0, size=4)
    path = write_model(net.finish(y), tmp_path / "slice.json")
    report = reported(path, capsys)
    assert (report["model_macs"], report["macs"]) == (6 * 5 * 8 * 16, 6 * 5 * 8 * 4)
    assert report["operations"] == 2 * report["macs"]
    assert main(["latency", str(path), *QUICK]) == 0
    said = "2,880 multiply-accumulates of these operators reach no output"
    assert said in capsys.readouterr().out


def test_a_network_of_the_host_alone_is_refused(tmp_path, capsys):
    net = Net((6, 5, 8))
    path = write_model(net.finish(net.layer_norm("input")), tmp_path / "host.json")
    assert main(["latency", str(path), *QUICK]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: net: all operators run on the host")


def test_parts_make_together_what_the_network_makes():
    form = graph().to_dict()
    names = [node["name"] for node in form["nodes"]]
    array, host = part_of(form, set(names) - set(HOSTED)), part_of(form, HOSTED)
    first, second = (form["nodes"][names.index(name)] for name in HOSTED)
    assert host["inputs"] == [first["inputs"][0], second["inputs"][0]]
    assert host["outputs"] == [first["outputs"][0], second["outputs"][0]]
    assert array["inputs"] == ["input", *host["outputs"]]
    assert array["outputs"] == [*host["inputs"], *form["outputs"]]
    whole = Network({**form, "outputs": [*array["inputs"], *array["outputs"]]})
    (stored,) = stored_inputs(form, 2, 0)
    values = dict(
        zip(whole.outputs, whole(as_torch(stored, form["tensors"]["input"])), strict=True)
    )
    for part in (array, host):
        network = Network(part, whole.by_name())
        assert set(network.layers) <= set(whole.layers)
        made = network(*[values[name] for name in part["inputs"]])
        for name, value in zip(part["outputs"], made, strict=True):
            assert torch.equal(value, values[name])


def test_cold_caches_are_emptied_before_every_call_and_out_of_its_time():
    order, clock = [], 0.0

    def before():
        nonlocal clock
        order.append("before")
        clock += 1000.0

    def call():
        nonlocal clock
        order.append("call")
        clock += 2.0

    def timed(call):
        start = clock
        call()
        return clock - start

    spread = measured(call, timed, 0.001, before)
    assert spread.least == spread.median == spread.high == 2.0
    assert order == ["before", "call"] * (len(order) // 2) and len(order) >= 2 * spread.repeats


def test_the_cold_buffer_is_larger_than_all_caches(model, capsys, monkeypatch, tmp_path):
    sizes = [32 << 10, 1 << 20, 40 << 20]
    for number, size in enumerate(sizes):
        (tmp_path / f"index{number}").mkdir()
        (tmp_path / f"index{number}" / "size").write_text(f"{size >> 10}K\n")
    monkeypatch.setattr(caches, "_CACHES", tmp_path)
    assert largest_cache("cpu") == sizes[-1]
    report = reported(model, capsys, "--cold")
    assert report["caches"] == "cold" and report["flushed_bytes"] > sum(sizes)
    buffer = cold("cpu")
    buffer()
    assert buffer.nbytes == report["flushed_bytes"] and bool((buffer.buffer == 1).all())


def test_the_cache_of_a_gpu_is_its_l2(monkeypatch):
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda n: SimpleNamespace(L2_cache_size=n << 20)
    )
    assert largest_cache("cuda") == 3 << 20
