"""The steps of an EXECUTE and the lines of each, pixel by pixel.

From the text of docs/architecture.md, 2.1 and 3.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hw.spec.config import AccelConfig


@dataclass(frozen=True)
class Lane:
    """One lane of a step: column and word address of its first tap, and the lines it takes.

    ``columns`` are the first and the last that its taps may read; None for a lane without a pixel,
    and when the taps lie outside the input.
    """

    x: int
    address: int
    columns: tuple[int, int] | None
    lines: tuple[int, ...]


@dataclass(frozen=True)
class WalkStep:
    """A step: its fields as in hw.core.stage_layouts.step_layout, its lanes, of which the first
    ``size`` have other pixels, and its line requests."""

    fields: dict[str, int]
    lanes: tuple[Lane, ...]
    size: int

    @property
    def requests(self) -> list[tuple[int, int]]:
        """Lines in the order of request, each with the mask of the lanes that take it."""
        found = []
        before: tuple[int, ...] = ()
        for lane in self.lanes[: self.size]:
            for line in lane.lines:
                if line not in before:
                    takers = [p for p, other in enumerate(self.lanes) if line in other.lines]
                    found.append((line, sum(1 << p for p in takers)))
            before = lane.lines
        return found


def walk_tap_groups(f: dict[str, int], config: AccelConfig) -> Iterator[WalkStep]:
    """All steps of the command ``f``, in order."""
    size = config.shape_pixels(f["array_shape"])
    for block in range(f["out_blocks"]):
        for first in range(0, f["pixels"], size):
            for in_block in range(f["in_blocks"]):
                for row in range(f["kernel_rows"]):
                    for group in range(f["tap_groups"]):
                        yield _tap_group(f, config, block, first, in_block, row, group)


def _tap_group(f, config, block, first, in_block, row, group) -> WalkStep:
    size = config.shape_pixels(f["array_shape"])
    pixels = min(size, f["pixels"] - first)
    last_block = block == f["out_blocks"] - 1
    last_in = in_block == f["in_blocks"] - 1
    last_group = group == f["tap_groups"] - 1
    last_pixel_group = first + size >= f["pixels"]
    planes = f["last_planes"] if last_block else 1 << f["array_shape"]
    columns = planes * config.cols
    if last_block:
        columns -= config.cols - f["last_cols"]
    channels = f["last_channels"] if last_in else config.cols // 2 ** f["split"]
    fields = {
        "last_tap": (f["last_taps"] if last_group else f["group_taps"]) - 1,
        "last_channel": channels - 1,
        "first": in_block == row == group == 0,
        "last": last_in and row == f["kernel_rows"] - 1 and last_group,
        "block_start": first == 0,
        "block_end": last_pixel_group,
        "command_start": block == first == 0,
        "command_end": last_block and last_pixel_group,
        "pixels": pixels,
        "planes": planes,
        "occupied": pixels * columns,
    }
    plane_addr = f["in_addr"] + block * f["in_block_step"] + in_block * f["in_plane"]
    lanes = tuple(
        _lane(
            f,
            plane_addr,
            first + p % size,
            p % size < pixels,
            row,
            group,
            fields["last_tap"],
            config,
        )
        for p in range(config.rows)
    )
    return WalkStep(fields, lanes, size)


def _lane(f, plane_addr, pixel, active, row, group, last_tap, config) -> Lane:
    out_y, out_x = divmod(pixel, f["out_width"])
    tap = group * f["group_taps"]
    x = f["start_x"] + out_x * f["col_stride"] + tap * f["col_dilation"]
    y = f["start_y"] + out_y * f["wrap_y"] + row * f["row_dilation"]
    inside = active and 0 <= y < f["in_height"]
    row_addr = plane_addr + y * f["in_row"]
    reach = range(x, x + last_tap * f["col_dilation"] + 1)
    columns = [c for c in reach if 0 <= c < f["in_width"]] if inside else []
    lines = {(row_addr + c) // config.line_words for c in columns}
    ends = (columns[0], columns[-1]) if columns else None
    return Lane(x, row_addr + x, ends, tuple(sorted(lines)))
