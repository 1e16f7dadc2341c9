"""Clock enables and resets on the global network, in netlists of a few cells."""

import copy

from hw.tools.synth.cells import free_net
from hw.tools.synth.global_nets import BUFFER, LEAST, PREFIX, TREES, longest_after_trees, promote
from tests.hw.tools.synth.test_multipliers import cell, flip_flop

DATA, NET, Q, FREE = 1, 10, 1000, 100_000


def module(counts, port="CE"):
    """Flip-flops of which ``counts[i]`` have net NET + i at ``port``."""
    cells, names = {}, {}
    for i, count in enumerate(counts):
        names[f"net{i}"] = {"bits": [NET + i]}
        cells[f"driver{i}"] = cell("LUT4", {"A": DATA}, {"Z": NET + i})
        for k in range(count):
            name = f"r{i}_{k}"
            cells[name] = flip_flop(DATA, Q + len(cells), **{"LSR": "0", port: NET + i})
    return cells, names


def nets(cells, i, port="CE"):
    return {c["connections"][port][0] for name, c in cells.items() if name.startswith(f"r{i}_")}


def test_those_with_the_most_readers_get_a_tree():
    counts = [LEAST + i for i in (3, 9, 1, 8, 7, 2, 5, 6, 4)]
    for port in ("CE", "LSR"):
        cells, names = module(counts, port)
        assert promote(cells, names, FREE) == TREES
        for i, count in enumerate(counts):
            (net,) = nets(cells, i, port)
            if count <= LEAST + len(counts) - TREES:
                assert net == NET + i
                continue
            buffer = cells[f"{PREFIX}net{i}"]
            assert buffer["type"] == BUFFER
            assert buffer["connections"] == {"CLKI": [NET + i], "CLKO": [net]}
            assert names[f"{PREFIX}net{i}"]["bits"] == [net]


def test_bits_of_a_bus_have_buffers_of_their_own():
    cells, names = module([LEAST, LEAST])
    names.clear()
    names["bus"] = {"hide_name": 0, "bits": [NET, NET + 1]}
    names["$hidden"] = {"hide_name": 1, "bits": [NET + 1]}
    assert promote(cells, names, FREE) == 2
    for i in range(2):
        (net,) = nets(cells, i)
        buffer = cells[f"{PREFIX}bus[{i}]"]
        assert buffer["connections"] == {"CLKI": [NET + i], "CLKO": [net]}


def test_the_longest_path_ends_with_the_setup_of_its_port():
    def net(name, *ends):
        fields = ("cell", "port", "delay")
        return {"net": name, "endpoints": [dict(zip(fields, end, strict=True)) for end in ends]}

    nets = [net("other", ("c", "DI", [1.0, 90.0])),
            net(f"{PREFIX}a", ("d", "CE", [1.0, 8.3]), ("e", "CE", [8.0, 8.2])),
            net(f"{PREFIX}b", ("f", "LSR", [2.0, 8.0]))]  # fmt: skip
    longest = longest_after_trees(nets)
    assert (longest.net, longest.cell) == (f"{PREFIX}b", "f") and longest.ns == 3.0 + 8.0 + 0.424
    assert longest_after_trees(nets[:2]).cell == "d"
    assert longest_after_trees(nets[:1]) is None


def test_few_readers_stay():
    cells, names = module([LEAST - 1])
    before = copy.deepcopy((cells, names))
    assert promote(cells, names, FREE) == 0
    assert (cells, names) == before


def test_other_readers_stay():
    cells, names = module([LEAST])
    cells["lut"] = cell("LUT4", {"A": NET}, {"Z": 5})
    cells["data"] = flip_flop(NET, 6)
    assert promote(cells, names, FREE) == 1
    assert cells["lut"]["connections"]["A"] == cells["data"]["connections"]["DI"] == [NET]
    assert cells["driver0"]["connections"]["Z"] == [NET]
    assert nets(cells, 0) == {FREE}


def test_a_constant_is_no_net():
    cells, names = module([])
    for i in range(LEAST):
        cells[f"r{i}"] = flip_flop(DATA, Q + i, "1")
    assert promote(cells, names, FREE) == 0


def test_free_net():
    cells, names = module([1])
    ports = {"clk": {"bits": [1, 2]}}
    assert free_net({"cells": cells, "netnames": names, "ports": ports}) == Q + 2
    names["unused"] = {"bits": [5000, "x"]}
    assert free_net({"cells": cells, "netnames": names, "ports": ports}) == 5001
