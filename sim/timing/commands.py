"""Decoded commands as records: a member for each field of ``hw.spec.isa`` that timing reads."""

from typing import NamedTuple

import numpy as np

from hw.spec.isa import FIELDS, Opcode
from sim.timing.ctrl.decode_check import Commands

_WAITS = ("wait_load", "wait_execute", "wait_store")
_ROWS = (
    *("dram_addr", "dram_stride", "scratchpad_addr", "scratchpad_stride"),
    *("row_count", "row_length"),
)
TIMED = {
    Opcode.LOAD: ("unpack", "channels", "plane", *_ROWS, *_WAITS),
    Opcode.STORE: (*_ROWS, *_WAITS),
    Opcode.EXECUTE: (
        *("split", "ones", "array_shape", "resident", "dense", "residual", "table", "network"),
        *("in_addr", "in_plane", "in_block_step", "in_width", "in_height", "in_blocks"),
        *("last_channels", "kernel_rows", "row_dilation", "row_step"),
        *("tap_groups", "group_taps", "last_taps", "group_span", "last_span", "group_step"),
        *("pixels", "start_x", "start_y", "start_row", "col_stride"),
        *("end_x", "wrap_x", "wrap_y", "wrap_row"),
        *("pixel_group_x", "pixel_group_y", "pixel_group_row"),
        *("out_blocks", "last_planes", "last_cols", "weight_lines"),
        *_WAITS,
    ),
    Opcode.END: _WAITS,
}
"""The fields that the units' ticks read, by opcode."""


def records(fields: np.ndarray, opcode: Opcode) -> np.ndarray:
    """Rows of ``decode_check.Commands.fields`` as records of the fields TIMED for ``opcode``, [n].

    They share memory with ``fields`` where its rows are contiguous. No compiled function may take
    records of two opcodes: Numba converts one that begins with all members of the other.
    """
    column = {field.name: i for i, field in enumerate(FIELDS[opcode])}
    item = np.dtype(np.int64)
    layout = np.dtype(
        {
            "names": list(TIMED[opcode]),
            "formats": [item] * len(TIMED[opcode]),
            "offsets": [item.itemsize * column[name] for name in TIMED[opcode]],
            "itemsize": item.itemsize * fields.shape[1],
        }
    )
    return np.ascontiguousarray(fields, item).view(layout)[:, 0]


class Program(NamedTuple):
    """A program as the memory side sees it, and when its commands ran. The arrays are by command
    index; those of records hold every command as if it were one of that opcode."""

    opcodes: np.ndarray
    beats: np.ndarray
    """Bus beats of the command."""
    faults: np.ndarray
    """Code of the fault that the command raises when it is fetched, or 0."""
    loads: np.ndarray
    stores: np.ndarray
    ends: np.ndarray
    load_order: np.ndarray
    """Indices of the LOADs, in order."""
    store_order: np.ndarray
    """Indices of the STOREs, in order."""
    started: np.ndarray
    """Cycle in which each LOAD and STORE starts; -1 before."""
    completed: np.ndarray
    """Cycle in which each LOAD and STORE is complete; -1 before."""


def program(commands: Commands) -> Program:
    """The program before its run."""
    count = len(commands.opcodes)
    return Program(
        commands.opcodes,
        commands.beats,
        commands.codes,
        records(commands.fields, Opcode.LOAD),
        records(commands.fields, Opcode.STORE),
        records(commands.fields, Opcode.END),
        commands.loads,
        commands.stores,
        np.full(count, -1),
        np.full(count, -1),
    )
