"""Drain, one cycle at a time (docs/architecture.md, 3.9), with its output addresses and the
parameters of the channels."""

import numpy as np

from hw.spec import timing
from sim.timing.records import record_type
from sim.timing.state import compiled

STATE = record_type(
    # the pixel group held, and the place of its next output beat
    *("held", "command", "pixels", "planes", "command_end", "command_first", "plane", "pixel"),
    # lines of parameters and of the lookup table that it still needs
    *("lines_left", "table_left"),
    # cycles: from which parameters are there, the requantiser is empty, the table takes its next
    # word; in which the last word of a command is written, and the last multiply-accumulate of a
    # pixel group was issued
    *("settled", "flushed", "table_free", "written", "issued"),
    # the pixel group issued last
    *("next_command", "next_pixels", "next_planes", "next_block_start"),
    *("next_command_start", "next_command_end"),
)
RESIDUAL_PHASE, WRITE_PHASE = timing.RESIDUAL_PHASE, timing.DMA_WRITE_PHASE
SETTLE_CYCLES = timing.SETTLE
HOLD_CYCLES = timing.MAC_LATENCY - 1


def state() -> np.ndarray:
    """A reset drain."""
    drain = np.zeros(1, STATE)
    drain["issued"] = -timing.MAC_LATENCY
    return drain


@compiled
def may_issue(cycle, drain):
    """The parameters and the table of the pixel group held have arrived, and another command's
    output beats are gone."""
    return (
        drain.lines_left == 0
        and drain.table_left == 0
        and cycle >= drain.settled
        and (drain.command_first == 0 or cycle >= drain.flushed)
    )


@compiled
def wants(cycle, drain):
    """Whether parameters, or a table once the requantiser is empty, are requested."""
    return drain.held != 0 and (
        drain.lines_left > 0
        or (drain.table_left > 0 and cycle >= drain.flushed and cycle >= drain.table_free)
    )


@compiled
def issues(cycle, drain, command, phase, sizes):
    """Whether an output beat issues in this cycle; ``command`` is that of the pixel group held."""
    if drain.held == 0 or not may_issue(cycle, drain):
        return False
    if command.residual != 0:
        return phase & (sizes.residual_interval - 1) == RESIDUAL_PHASE
    return _until_blocked(phase, sizes) != 0


@compiled
def takes_pixel_group(cycle, drain, command, phase, sizes):
    """Whether the last multiply-accumulate of a pixel group may issue in this cycle."""
    if cycle <= drain.issued + HOLD_CYCLES:
        return False
    if drain.held == 0:
        return True
    if not may_issue(cycle, drain):
        return False
    beats = _near_end(phase, command, sizes)
    near = beats << sizes.requant_bits if command.dense != 0 else beats
    return drain.plane == drain.planes - 1 and drain.pixels - drain.pixel <= near


@compiled
def _near_end(phase, command, sizes):
    """Beats that surely issue in the next MAC_LATENCY cycles, of residual ones one at the most."""
    if command.residual != 0:
        ahead = (RESIDUAL_PHASE - phase) & (sizes.residual_interval - 1)
        return 1 if ahead < timing.MAC_LATENCY else 0
    return _plain_beats(timing.MAC_LATENCY, phase, sizes)


@compiled
def _plain_beats(count, phase, sizes):
    """The cycles, of ``count`` from one of that phase on, in which a plain beat may issue."""
    ahead = _until_blocked(phase, sizes)
    if ahead >= count:
        return count
    return count - 1 - ((count - 1 - ahead) >> sizes.skip_bits)


@compiled
def _until_blocked(phase, sizes):
    """Cycles from one of that phase to the next in which no plain beat issues."""
    return (WRITE_PHASE - sizes.plain_write - phase) & ((1 << sizes.skip_bits) - 1)


@compiled
def calm_cycles(cycle, drain, command, sizes):
    """Cycles from ``cycle`` on in which a drain that holds a pixel group of ``command`` only issues
    plain output beats, not the pixel group's last; there may be more."""
    if command.residual != 0 or not may_issue(cycle, drain):
        return 0
    bits = sizes.requant_bits if command.dense != 0 else 0
    left = (drain.planes - drain.plane) * _whole_beats(drain.pixels, bits) - drain.pixel
    return ((left >> bits) - 1) * sizes.beat_cycles


@compiled
def issue_calmly(count, drain, command, phase, sizes):
    """Issue the output beats of ``count`` cycles, at most ``calm_cycles``, the first of which has
    that phase. Returns their number. ``flushed`` follows from the last beat, which comes later."""
    beats = _plain_beats(count, phase, sizes)
    if beats == 0:
        return 0
    drain.command_first = 0
    bits = sizes.requant_bits if command.dense != 0 else 0
    drain.pixel += beats << bits
    while drain.pixel >= drain.pixels:
        drain.pixel -= _whole_beats(drain.pixels, bits)
        drain.plane += 1
    return beats


@compiled
def _whole_beats(pixels, bits):
    """The pixels of a plane, up to a multiple of those of a beat."""
    return (pixels + (1 << bits) - 1) >> bits << bits


@compiled
def send(cycle, drain, tap_group):
    """The last multiply-accumulate of a pixel group, that of ``tap_group``, is issued."""
    drain.issued = cycle
    drain.next_command = tap_group.command
    drain.next_pixels = tap_group.pixels
    drain.next_planes = tap_group.planes
    drain.next_block_start = tap_group.block_start
    drain.next_command_start = tap_group.command_start
    drain.next_command_end = tap_group.command_end


@compiled
def tick(cycle, drain, commands, beat, granted, sizes):
    """Advance one cycle. ``beat``: an output beat issues; ``granted``: a parameter or table request
    is granted.

    Returns whether a command's last word is written.
    """
    finished = cycle == drain.written
    if granted:
        if drain.lines_left != 0:
            drain.lines_left -= 1
            drain.settled = cycle + SETTLE_CYCLES
        else:
            drain.table_left -= 1
            drain.table_free = cycle + sizes.table_interval
            drain.settled = cycle + sizes.table_settle
    if beat:
        command = commands[drain.command]
        drain.flushed = cycle + 1 + _write_latency(command, sizes)
        _issue(cycle, drain, command, sizes)
    if cycle == drain.issued + HOLD_CYCLES:
        _hold(drain, commands, sizes)
    return finished


@compiled
def _issue(cycle, drain, command, sizes):
    """An output beat issues; go on to the next one's place."""
    drain.command_first = 0
    drain.pixel += 1 << sizes.requant_bits if command.dense != 0 else 1
    if drain.pixel >= drain.pixels:
        drain.pixel = 0
        drain.plane += 1
        if drain.plane == drain.planes:
            drain.plane = 0
            drain.held = 0
            if drain.command_end != 0:
                drain.written = cycle + _write_latency(command, sizes)


@compiled
def _write_latency(command, sizes):
    """Cycles from the issue of an output beat to its write."""
    return sizes.residual_write if command.residual != 0 else sizes.plain_write


@compiled
def _hold(drain, commands, sizes):
    """The pixel group on its way becomes the held one."""
    drain.held = 1
    drain.command = drain.next_command
    drain.pixels = drain.next_pixels
    drain.planes = drain.next_planes
    drain.command_end = drain.next_command_end
    if drain.next_block_start != 0:
        drain.lines_left = sizes.param_lines * drain.planes
    if drain.next_command_start != 0:
        drain.command_first = 1
        drain.table_left = sizes.table_words * commands[drain.command].table
