"""For each field of the commands: what bounds it, and what becomes of networks at the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from compiler.codegen import lower
from compiler.codegen.program import encode_commands
from compiler.command_line import main
from compiler.driver import compile
from compiler.errors import AllocationError, UnsupportedError
from compiler.frontend import write_model
from compiler.ir.graph import Graph
from compiler.schedule import room
from hw.spec.config import BLOCK_PLANES, MAX_SCRATCHPAD_LINES, PRESETS, with_values
from hw.spec.isa import FIELDS, MOST_COMMANDS, Opcode
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY, EDGE, EDGE1024 = (PRESETS[name] for name in ("tiny", "edge256", "edge1024"))
LARGEST = with_values(TINY, {"scratchpad_bytes": MAX_SCRATCHPAD_LINES * TINY.line_bytes})
SMALLEST_SCRATCHPAD = with_values(TINY, {"scratchpad_bytes": 64 * TINY.line_bytes})
SCRATCHPAD_LINES, ROWS, COLS, LINE = MAX_SCRATCHPAD_LINES, 64, 64, 8
"""The largest that a configuration accepts."""


def one(shape, op, *args, **attrs) -> Graph:
    """A network of one layer: a method of ``Net``."""
    net = Net(shape)
    return net.finish(getattr(net, op)(*args, **attrs))


@dataclass(frozen=True)
class Border:
    """Networks by a number: they run up to ``last`` and are refused beyond, with ``message``."""

    graph: Callable[[int], Graph]
    last: int
    message: str
    preset: str = "tiny"


BORDERS = {
    "kernel rows": Border(
        lambda n: one((300, 2, 1), "conv", "input", 2, (n, 1)), 255, "Kernels of 1 to 255"
    ),
    "kernel columns": Border(
        lambda n: one((2, 300, 1), "conv", "input", 2, (1, n)), 255, "Kernels of 1 to 255"
    ),
    "vertical stride": Border(
        lambda n: one((600, 2, 1), "conv", "input", 2, (1, 1), (n, 1)), 255, "Strides of 1 to 255"
    ),
    "horizontal stride": Border(
        lambda n: one((2, 600, 1), "conv", "input", 2, (1, 1), (1, n)), 255, "Strides of 1 to 255"
    ),
    "vertical dilation": Border(
        lambda n: one((600, 2, 1), "conv", "input", 2, (3, 1), dilation=(n, 1)),
        255,
        "Dilations of 1 to 255",
    ),
    "horizontal dilation": Border(
        lambda n: one((2, 600, 1), "conv", "input", 2, (1, 3), dilation=(1, n)),
        255,
        "Dilations of 1 to 255",
    ),
    "rows": Border(
        lambda n: one((n, 2, 1), "function", "relu", "input"), 8191, "Maps of up to 8191"
    ),
    "columns": Border(
        lambda n: one((2, n, 1), "function", "relu", "input"), 8191, "Maps of up to 8191"
    ),
    "rows of padding": Border(
        lambda n: one((2, 2, 1), "op", "pad", ("input",), padding=(n - 3, 1, 0, 0)),
        8191,
        "Maps of up to 8191",
    ),
    "columns of padding": Border(
        lambda n: one((2, 2, 1), "op", "pad", ("input",), padding=(0, 0, n - 3, 1)),
        8191,
        "Maps of up to 8191",
    ),
    "blocks": Border(
        lambda n: one((1, 1, n), "function", "relu", "input"), 4095 * 4, "up to 4095 blocks"
    ),
    "row walk": Border(
        lambda n: one((1, n, 1), "transpose", "input", 1, (1, 3), (1, 3)),
        5461 // 3,
        "Output rows of up to 32767 / 2",
    ),
    "row steps": Border(
        lambda n: one((70, 8191, 1), "pool", "max_pool2d", "input", (2, 1), (n, 1)),
        32,
        "of up to 262143 pixels",
        "edge256",
    ),
}

RUNS = {
    "steps beyond the only pixels": (
        one((64, 8161, 1), "conv", "input", 2, (1, 33), (32, 1), (1, 255)),
        EDGE,
    ),
    "steps beyond a border of one column": (
        one((97, 8189, 1), "pool", "avg_pool2d", "input", (3, 3), (32, 3), (1, 1, 1, 1)),
        EDGE,
    ),
    "pixels": (one((1025, 1024, 1), "conv", "input", 1, (2, 2), (2, 2)), EDGE),
    "addresses": (one((500, 510, 4), "function", "relu", "input"), LARGEST),
}
"""Networks that run, each with its machine, where a field would not hold what it is given."""

CONSTANT = "of the format"
FOLLOWS = {
    **dict.fromkeys(
        (
            "opcode",
            "unpack",
            "flip",
            "maximum",
            "ones",
            "array_shape",
            "resident",
            "dense",
            "residual",
            "table",
            "network",
            "round_once",
            "pad_value",
            "out_zero",
            "out_min",
            "out_max",
            "a_offset",
            "b_offset",
            "add_left",
            "a_multiplier",
            "b_multiplier",
            "sum_multiplier",
            "a_right",
            "b_right",
            "sum_right",
            "add_zero",
            "add_min",
            "add_max",
        ),
        CONSTANT,
    ),
    **dict.fromkeys(("wait_load", "wait_execute", "wait_store"), MOST_COMMANDS),
    **dict.fromkeys(("dram_addr", "dram_stride"), "memory"),
    **dict.fromkeys(
        (
            "scratchpad_addr",
            "scratchpad_stride",
            "row_length",
            "plane",
            "in_addr",
            "in_plane",
            "in_block_step",
            "pixels",
            "table_addr",
            "out_addr",
            "out_plane",
            "res_addr",
            "res_plane",
        ),
        SCRATCHPAD_LINES * LINE,
    ),
    **dict.fromkeys(("weight_addr", "weight_lines", "param_addr"), SCRATCHPAD_LINES),
    "machine": 0xFFFF,
    "last_line": SCRATCHPAD_LINES - 1,
    "row_count": 8191,
    "channels": max(config.cols for config in PRESETS.values()),
    "split": COLS.bit_length() - 1,
    "in_row": 16383,
    "in_width": "columns",
    "in_height": "rows",
    "in_blocks": "blocks",
    "out_blocks": "blocks",
    "last_channels": COLS,
    "last_cols": COLS,
    "last_planes": BLOCK_PLANES,
    "kernel_rows": "kernel rows",
    "tap_groups": "kernel columns",
    "row_dilation": "vertical dilation",
    "col_dilation": "horizontal dilation",
    "row_step": "row steps",
    "wrap_row": "row steps",
    "group_taps": LINE + 1,
    "last_taps": LINE + 1,
    "group_span": LINE,
    "last_span": LINE,
    "group_step": 255 + LINE,
    "start_x": "columns of padding",
    "start_y": "rows of padding",
    "start_row": "row steps",
    "col_stride": "horizontal stride",
    "wrap_y": "vertical stride",
    "end_x": "row walk",
    "wrap_x": "row walk",
    "pixel_group_x": "row walk",
    "pixel_group_y": ROWS * 255,
    "pixel_group_row": "steps beyond the only pixels",
    "out_width": "columns",
    "out_skip": 16383,
}
"""What bounds each field: a network of these tables, or the largest value there can be."""


def test_every_field_is_bounded():
    fields = {f.name: f for layout in FIELDS.values() for f in layout}
    assert FOLLOWS.keys() == fields.keys()
    for name, bound in FOLLOWS.items():
        if isinstance(bound, int):
            assert bound <= fields[name].high, name
        else:
            assert bound in {*BORDERS, *RUNS, CONSTANT, "memory"}, name


@pytest.mark.parametrize("name", BORDERS)
def test_up_to_its_bound_a_network_computes_what_golden_does(name, seed):
    border = BORDERS[name]
    assert check(border.graph(border.last), PRESETS[border.preset], False, seed)


HOSTED = ("rows", "columns", "rows of padding", "columns of padding", "blocks")
"""Borders of layers without products, which the host runs beyond them."""


@pytest.mark.parametrize("name", HOSTED)
def test_beyond_its_bound_the_host_runs_what_has_no_products(name):
    border = BORDERS[name]
    (host,) = compile(border.graph(border.last + 1), PRESETS[border.preset]).network.host
    assert border.message in host.reason


@pytest.mark.parametrize("name", [name for name in BORDERS if name not in HOSTED])
def test_beyond_its_bound_a_network_is_refused(name, tmp_path, capsys):
    border = BORDERS[name]
    model = write_model(border.graph(border.last + 1), tmp_path / "model.json")
    command = ["map", str(model), "-o", str(tmp_path / "out"), "--preset", border.preset]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {model}: ") and error.count("\n") == 1
    assert border.message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", RUNS)
def test_what_no_bound_refuses_computes_what_golden_does(name, seed):
    assert check(*RUNS[name], False, seed)


@pytest.mark.parametrize("shape", ((1080, 1920, 3), (2160, 3840, 3)), ids=("1080p", "4K"))
def test_large_pictures_run_in_strips(shape, seed):
    net = Net(shape)
    x = net.conv("input", 4, stride=(2, 2), padding=(0, 1, 0, 1), activation="relu")
    graph = net.finish(net.depthwise(x, padding=(1, 1, 1, 1)))
    assert all(len(plan.tiles) > 1 for plan in compile(graph, EDGE).plans)


@pytest.mark.full
@pytest.mark.parametrize("config", (TINY, EDGE), ids=lambda c: c.name)
def test_large_pictures_compute_what_golden_does(config, seed):
    net = Net((2160, 3840, 3))
    x = net.conv("input", 4, stride=(2, 2), padding=(0, 1, 0, 1), activation="relu")
    x = net.depthwise(x, padding=(1, 1, 1, 1))
    graph = net.finish(net.pool("max_pool2d", x, (2, 2), (2, 2)))
    assert check(graph, config, False, seed)


def test_weights_that_do_not_fit_are_refused_before_anything_is_placed(monkeypatch):
    graph = one((6, 6, 5000), "conv", "input", 4)
    with monkeypatch.context() as patch, pytest.raises(AllocationError) as fault:
        patch.setattr("compiler.schedule.search.place", None)
        compile(graph, TINY)
    assert str(fault.value) == (
        "layer 'conv2d0' (conv2d), kernel 3x3 over 5000 input channels: the smallest tile takes "
        "225120 bytes of the scratchpad at once, 180000 of them the weights of 4 output channels; "
        "61440 are accepted (the configuration's scratchpad_bytes); fewer input channels or kernel "
        "taps, or scratchpad_bytes of 225120 at least are needed"
    )


def test_weights_that_nearly_fill_the_scratchpad(seed):
    assert check(one((5, 4, 1300), "conv", "input", 5), TINY, False, seed)


@pytest.mark.parametrize(
    ("channels", "text"),
    (
        (1362, "takes 61440 bytes of the scratchpad; [0-9]+ of its 61440 are available"),
        (1363, "takes 61472 bytes of the scratchpad at once, 49088 of them the weights"),
    ),
)
def test_weights_that_do_not_quite_fit_the_scratchpad(channels, text):
    with pytest.raises(AllocationError, match=text):
        compile(one((5, 4, channels), "conv", "input", 5), TINY)


@pytest.mark.parametrize(
    ("module", "kind", "found"),
    (
        (lower, Opcode.LOAD, "more than {} LOAD"),
        (room, Opcode.EXECUTE, "[0-9]+ or more EXECUTE"),
    ),
    ids=("commands", "steps"),
)
def test_more_commands_than_a_wait_counts_are_refused(module, kind, found, monkeypatch):
    graph = one((40, 40, 19), "conv", "input", 30)
    config = with_values(TINY, {"scratchpad_bytes": 128 * TINY.line_bytes})
    most = sum(c.opcode == kind for c in compile(graph, config).commands)
    monkeypatch.setattr(module, "MOST_COMMANDS", most)
    compile(graph, config)
    monkeypatch.setattr(module, "MOST_COMMANDS", most - 1)
    with pytest.raises(AllocationError, match=f"network 'net': {found.format(most - 1)} commands"):
        compile(graph, config)


def test_more_tiles_than_commands_are_refused():
    graph = one((1024, 1026, 190), "conv", "input", 4, (1, 2))
    with pytest.raises(AllocationError, match="more than 1048575 EXECUTE commands in one run"):
        compile(graph, SMALLEST_SCRATCHPAD)


@pytest.mark.full
def test_memory_beyond_its_addresses_is_refused():
    most = one((8000, 8000, 1), "function", "relu", "input")
    assert encode_commands(compile(most, EDGE1024).commands, EDGE1024)
    with pytest.raises(AllocationError, match="4363120640 bytes of memory; at most 4294967296"):
        compile(one((8191, 8191, 1), "function", "relu", "input"), EDGE1024)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_map_that_is_far_too_wide_is_refused_at_once(kernel):
    """What its windows read is a matrix of columns times columns."""
    graph = one((3, 65537, 1), "conv", "input", 2, (kernel, kernel))
    start = time.process_time()
    with pytest.raises(UnsupportedError, match=r"input 3x65537x1, .*Maps of up to 8191 rows"):
        compile(graph, TINY)
    assert time.process_time() - start < 1
