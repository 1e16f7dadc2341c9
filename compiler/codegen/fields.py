"""The fields of an EXECUTE from the geometry of what it computes."""

from __future__ import annotations

from typing import NamedTuple

from compiler.hwir.network import ArrayOp, Region
from compiler.schedule.channel_blocks import BlockRange
from compiler.schedule.cost import group_taps, groups
from compiler.schedule.tiles import TALLEST, Tile, first_tap
from hw.spec.config import AccelConfig
from hw.spec.timing import WEIGHT_RING


class Placement(NamedTuple):
    """Place of a part of a map in the scratchpad: pixels ``tile``, planes from ``plane`` on.

    ``address`` is the word of the first pixel of the first plane; planes are ``pitch`` words apart
    and rows ``tile.width``.
    """

    address: int
    tile: Tile
    plane: int
    pitch: int

    def pixel(self, plane: int, y: int, x: int) -> int:
        """Word address of a pixel of the map."""
        row = (y - self.tile.top) * self.tile.width + x - self.tile.left
        return self.address + (plane - self.plane) * self.pitch + row


def execute_fields(
    op: ArrayOp,
    run: BlockRange,
    part: Tile,
    region: Region,
    source: Placement,
    output: Placement,
    other: Placement | None,
    params: int,
    weights: int,
    table: int | None,
    channels: int,
    config: AccelConfig,
) -> dict[str, int]:
    """Fields of the EXECUTE that computes the output pixels ``part`` of the run's planes.

    ``params``, ``weights`` and ``table`` are scratchpad word addresses, ``channels`` the output
    channels of the layer.
    """
    fields = _mode_fields(op, run, config)
    fields.update(_input_fields(run, region, source))
    fields.update(_kernel_fields(op, source.tile.width, config))
    pixels = config.shape_pixels(run.shape)
    fields.update(_position_fields(op, region, part, source.tile, pixels))
    if op.factor and op.kernel[0] > 1:
        fields.update(_factor_fields(run, part, source))
    if source.tile.height > TALLEST:
        _narrow(fields, op, part)
    last_cols = channels - (run.first_plane + run.planes - 1) * config.cols
    fields.update(
        out_blocks=run.blocks,
        last_planes=run.last_planes,
        last_cols=min(last_cols, config.cols),
        weight_addr=weights // run.line_words if op.weighted else 0,
        weight_lines=run.weight_lines,
        param_addr=params // run.line_words,
    )
    fields.update(_output_fields(run, part, output))
    if table is not None:
        fields.update(table=1, table_addr=table)
    if op.residual is not None:
        assert other is not None and other.tile.width == output.tile.width
        fields.update(op.residual.fields)
        fields.update(
            residual=1,
            res_addr=other.pixel(run.first_plane, part.top, part.left),
            res_plane=other.pitch,
        )
    return fields


def _mode_fields(op: ArrayOp, run: BlockRange, config: AccelConfig) -> dict[str, int]:
    """Modes of the array and the requantiser, the same for every pixel."""
    return {
        "split": (config.cols // run.width).bit_length() - 1,
        "maximum": int(op.maximum),
        "ones": int(not op.weighted),
        "array_shape": run.shape,
        "resident": int(0 < run.weight_lines <= WEIGHT_RING),
        "network": int(op.done > 0),
        "round_once": int(op.round_once),
        "pad_value": op.pad_value,
        "out_zero": op.out_zero,
        "out_min": op.out_min,
        "out_max": op.out_max,
    }


def _output_fields(run: BlockRange, part: Tile, output: Placement) -> dict[str, int]:
    skip = output.tile.width - part.width
    return {
        "out_addr": output.pixel(run.first_plane, part.top, part.left),
        "out_plane": output.pitch,
        "out_width": part.width,
        "out_skip": skip,
        "dense": int(skip == 0),
    }


def _input_fields(run: BlockRange, region: Region, source: Placement) -> dict[str, int]:
    plane = source.pitch
    first = run.in_plane + region.plane - source.plane
    return {
        "in_addr": source.address + first * plane,
        "in_plane": plane,
        "in_block_step": run.in_step * plane,
        "in_row": source.tile.width,
        "in_width": source.tile.width,
        "in_height": source.tile.height,
        "in_blocks": run.in_blocks,
        "last_channels": run.last_channels,
    }


def _narrow(fields: dict[str, int], op: ArrayOp, part: Tile) -> None:
    """Let a window of many rows be those that ``part`` reads."""
    start, height = fields["start_y"], fields["in_height"]
    span = (part.height - 1) * op.stride[0] + (op.kernel[0] - 1) * op.dilation[0] + 1
    low = min(max(start, 0), height - 1)
    fields["in_height"] = max(min(start + span, height) - low, 1)
    fields["in_addr"] += low * fields["in_row"]
    fields["start_y"] -= low
    fields["start_row"] -= low * fields["in_row"]


def _kernel_fields(op: ArrayOp, in_row: int, config: AccelConfig) -> dict[str, int]:
    taps, count = group_taps(op, config), groups(op, config)
    dilation = op.dilation[1]
    last = op.kernel[1] - (count - 1) * taps
    return {
        "kernel_rows": op.kernel[0],
        "row_dilation": op.dilation[0],
        "row_step": op.dilation[0] * in_row,
        "tap_groups": count,
        "group_taps": taps,
        "last_taps": last,
        "col_dilation": dilation,
        "group_span": (taps - 1) * dilation,
        "last_span": (last - 1) * dilation,
        "group_step": taps * dilation,
    }


def _factor_fields(run: BlockRange, part: Tile, source: Placement) -> dict[str, int]:
    """Rows that the part does not have are outside the input, so that kernel row 1 is."""
    return {
        "in_addr": source.pixel(run.in_plane, part.top, source.tile.left),
        "in_height": part.height,
        "start_y": 0,
        "start_row": 0,
        "row_dilation": part.height,
        "row_step": part.height * source.tile.width,
    }


def _position_fields(
    op: ArrayOp, region: Region, part: Tile, window: Tile, tile_pixels: int
) -> dict[str, int]:
    """Positions of the output pixels; ``window`` says which input pixels lie in the scratchpad."""
    down, across = op.stride
    y, x = first_tap(op, region, part)
    start_x, start_y = x - window.left, y - window.top
    # Lanes that stay idle need no step, which in rows of one pixel would be of many rows.
    rows, rest = divmod(tile_pixels, part.width) if part.pixels > tile_pixels else (0, 0)
    return {
        "pixels": part.pixels,
        "start_x": start_x,
        "start_y": start_y,
        "start_row": start_y * window.width,
        "col_stride": across,
        "end_x": start_x + part.width * across,
        "wrap_x": part.width * across,
        "wrap_y": down,
        "wrap_row": down * window.width,
        "pixel_group_x": rest * across,
        "pixel_group_y": rows * down,
        "pixel_group_row": rows * down * window.width,
    }


def param_address(chunk_address: int, ranges: tuple[BlockRange, ...], index: int, sets: int) -> int:
    """Scratchpad word address of run ``index``'s first parameter set in a chunk at
    ``chunk_address``."""
    return chunk_address + sum(r.words(sets) for r in ranges[:index])


def weight_address(params: int, run: BlockRange, sets: int) -> int:
    """Scratchpad word address of the run's weights after its parameter sets at ``params``."""
    return params + sets * run.planes * run.param_words
