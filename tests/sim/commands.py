"""Random commands and the scratchpad that they work on."""

from __future__ import annotations

import random

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import EXECUTE_FIELDS, MACHINE_FIELDS
from sim.values.memories import (
    AddressRanges,
    State,
)

CONFIG = AccelConfig(name="test", rows=4, cols=4, scratchpad_bytes=1024 * 32, requant_lanes=4)
PARAM_LINE, TABLE_WORD, WEIGHT_LINE = 0, 256, 64
INPUT_WORD, OUTPUT_WORD, RESIDUAL_WORD = 3000, 4500, 6000


def random_state(rng: random.Random, config: AccelConfig = CONFIG, memory: int = 4096) -> State:
    """A state whose scratchpad and memory hold random bytes, with shifts that keep results
    apart."""
    source = np.random.default_rng(rng.randrange(1 << 32))
    state = State(
        config, source.integers(0, 256, memory, np.uint8), AddressRanges(0, memory, 0, memory)
    )
    state.scratchpad[:] = source.integers(-128, 128, state.scratchpad.shape)
    words = config.param_lines * config.line_words
    for first in range(0, TABLE_WORD - words, words):
        plane = state.scratchpad[first : first + words]
        wide = plane[:8].reshape(-1).view(np.int32)
        wide[: config.cols] = source.integers(-30000, 30000, config.cols)
        # The top bit of a multiplier counts for nothing.
        wide[config.cols :].view(np.uint32)[:] = source.integers(1 << 28, 1 << 32, config.cols)
        plane[8] = source.integers(0, 4, config.cols)
        plane[9] = source.integers(0, 9, config.cols)
    return state


def random_execute(rng: random.Random, config: AccelConfig = CONFIG) -> dict[str, int]:
    """Fields of an EXECUTE in the scratchpad: all shapes, strides, dilations, options."""
    f = {field.name: 0 for field in EXECUTE_FIELDS if field.name not in MACHINE_FIELDS}
    kind = rng.choice(("dense", "dense", "grouped", "split", "depthwise", "maximum", "all maximum"))
    narrowest = config.cols.bit_length() - 1
    split = {
        "split": rng.randint(1, narrowest),
        "all maximum": rng.randrange(narrowest),
        "depthwise": narrowest,
        "maximum": narrowest,
    }
    f |= {
        "opcode": 3,
        "array_shape": rng.randrange(3),
        "network": rng.randrange(2),
        "pad_value": rng.randint(-128, 127),
        "split": split.get(kind, 0),
        "maximum": int("maximum" in kind),
    }
    f["ones"] = int(f["maximum"] or rng.random() < 0.2)
    f["in_blocks"] = rng.randint(1, 3)
    f["last_channels"] = rng.randint(1, config.cols >> f["split"])
    f["out_blocks"] = rng.randint(1, 3)
    f["last_planes"] = rng.randint(1, 1 << f["array_shape"])
    f["last_cols"] = rng.randint(1, config.cols)
    _kernel(f, rng, config)
    _windows(f, rng, kind)
    _post_process(f, rng, config)
    return f


def channels(f: dict[str, int], config: AccelConfig) -> int:
    """Channels that a column multiplies for each tap, over all input blocks."""
    return (f["in_blocks"] - 1) * (config.cols >> f["split"]) + f["last_channels"]


def _kernel(f: dict[str, int], rng: random.Random, config: AccelConfig) -> None:
    dilation = rng.choice((1, 1, 2, 3))
    taps, width = rng.randint(1, 4), rng.randint(1, 3)
    group = min(taps, width, config.line_words // dilation + 1)
    groups = -(-taps // group)
    last = taps - (groups - 1) * group
    f |= {
        "kernel_rows": rng.randint(1, 3),
        "row_dilation": rng.choice((1, 1, 2)),
        "tap_groups": groups,
        "group_taps": group,
        "last_taps": last,
        "col_dilation": dilation,
        "group_span": (group - 1) * dilation,
        "last_span": (last - 1) * dilation,
        "group_step": group * dilation,
    }


def _windows(f: dict[str, int], rng: random.Random, kind: str) -> None:
    width, height = rng.randint(1, 9), rng.randint(1, 9)
    out_width, stride_x, stride_y = rng.randint(1, 6), rng.randint(1, 3), rng.randint(1, 3)
    pixels = rng.randint(1, 24)
    row = width + rng.randrange(2)
    skip = rng.choice((0, 0, 3))
    rows = -(-pixels // out_width)
    out_plane = rows * (out_width + skip) + rng.randrange(3)
    start_x, start_y = -rng.randrange(4), -rng.randrange(4)
    plane = row * height
    step = 0 if kind == "dense" else rng.choice((0, plane, 2 * plane))
    f |= {
        "in_addr": INPUT_WORD + rng.randrange(9),
        "in_plane": plane,
        "in_block_step": step,
        "in_row": row,
        "in_width": width,
        "in_height": height,
        "pixels": pixels,
        "start_x": start_x,
        "start_y": start_y,
        "start_row": start_y * row,
        "row_step": f["row_dilation"] * row,
        "col_stride": stride_x,
        "wrap_x": out_width * stride_x,
        "wrap_y": stride_y,
        "wrap_row": stride_y * row,
        "end_x": start_x + out_width * stride_x,
        "out_width": out_width,
        "out_skip": skip,
        "dense": int(skip == 0),
        "out_addr": OUTPUT_WORD + rng.randrange(9),
        "out_plane": out_plane,
        "res_addr": RESIDUAL_WORD,
        "res_plane": out_plane + rng.randrange(3),
    }


def _post_process(f: dict[str, int], rng: random.Random, config: AccelConfig) -> None:
    taps = (f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"]
    words = f["kernel_rows"] * taps * channels(f, config) << f["array_shape"]
    low, high = sorted((rng.randint(-128, 127), rng.randint(-128, 127)))
    f |= {
        "weight_addr": WEIGHT_LINE,
        "weight_lines": -(-words // config.line_words),
        "param_addr": PARAM_LINE + config.param_lines * rng.randrange(3),
        "table": rng.randrange(2),
        "round_once": rng.randrange(2),
        "table_addr": TABLE_WORD + rng.randrange(9),
        "residual": rng.randrange(2),
        "out_zero": rng.randint(-128, 127),
        "out_min": low,
        "out_max": high,
        "a_offset": rng.randint(-256, 255),
        "b_offset": rng.randint(-256, 255),
        "add_left": rng.randint(0, 31),
        "add_zero": rng.randint(-128, 127),
        "add_min": -128,
        "add_max": rng.randint(0, 127),
    }
    for name in ("a", "b", "sum"):
        f[f"{name}_multiplier"] = rng.randrange(1 << 31)
        f[f"{name}_right"] = rng.choice((0, 3, 14, 21))
