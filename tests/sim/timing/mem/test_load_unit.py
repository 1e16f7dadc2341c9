"""LOAD's cycles as docs/architecture.md, 3.1 and 3.3 state them."""

import pytest

from tests.sim.timing.mem.hand_made import FIRST_START, LINE, WRITE_PHASE, first, load, times

each_phase = pytest.mark.parametrize("latency", range(64, 64 + LINE))
"""The first beat comes in each phase of the write port."""


def first_beat(start: int, latency: int) -> int:
    """The request is made in the second cycle after the start, and on ``araddr`` in the next."""
    return start + 3 + latency


def written(word: int, words: int = 1, interval: int = 1) -> int:
    """The cycle in which the last line is written of a row of which the first word is accepted in
    ``word``, and the others every ``interval`` cycles.

    A line is closed in the cycle after its last word. It is pending in the next one if the line
    before has been written by then, and is written in its phase.
    """
    write = 0
    for ends in range(LINE, words + LINE, LINE):
        closed = word + (min(ends, words) - 1) * interval + 1
        write = first(max(closed, write) + 1, WRITE_PHASE)
    return write


@pytest.mark.parametrize("latency", (10, 64, 100))
def test_the_first_command_starts_when_it_is_fetched_dispatched_and_taken(latency):
    assert times(load(1), latency=latency).starts[0] == latency + FIRST_START


@each_phase
@pytest.mark.parametrize("interval", (1, 2, 4))
@pytest.mark.parametrize("words", (1, 8, 20))
def test_whole_lines_keep_up_with_the_bus(words, interval, latency):
    run = times(load(words), latency=latency, interval=interval)
    beat = first_beat(run.starts[0], latency)
    assert run.ends[0] == written(beat, words, interval)


@each_phase
@pytest.mark.parametrize("rows", (2, 5))
def test_rows_of_a_word_wait_for_the_write_port(rows, latency):
    """Each closes its line, and one line is written every LINE cycles."""
    run = times(load(1, rows), latency=latency)
    beat = first_beat(run.starts[0], latency)
    assert run.ends[0] == written(beat) + (rows - 1) * LINE


@each_phase
def test_bursts_end_at_the_boundary_and_follow_one_another(latency):
    """8, 64 and 28 beats, of which one is requested every other cycle."""
    run = times(load(100, dram_addr=0x2000 - 32), latency=latency)
    assert run.ends[0] == written(first_beat(run.starts[0], latency), 100)


@each_phase
def test_a_wait_is_met_in_the_cycle_after_the_write(latency):
    run = times(load(64), load(1, wait_load=1), latency=latency)
    assert run.starts[1] == run.ends[0] + 1


def test_a_fifth_descriptor_waits_for_the_last_word_of_the_first():
    """Before the data of the first LOAD come all commands are fetched."""
    latency = 100
    run = times(load(600), *[load(1)] * 4, latency=latency)
    last_word = first_beat(run.starts[0], latency) + 599
    assert all(run.starts[1:4] < last_word)
    assert run.starts[4] == last_word + 1


@each_phase
def test_aligned_pixels_leave_the_byte_buffer_a_cycle_later(latency):
    run = times(load(20, unpack=1, channels=4), latency=latency)
    assert run.ends[0] == written(first_beat(run.starts[0], latency) + 1, 20)


@each_phase
def test_pixels_between_beats_leave_every_other_cycle(latency):
    """Two bytes are dropped in the second cycle; six in the buffer leave no room for a beat."""
    run = times(load(20, unpack=1, channels=4, dram_addr=0x1002), latency=latency)
    assert run.ends[0] == written(first_beat(run.starts[0], latency) + 2, 20, 2)


@each_phase
def test_pieces_of_pixels_have_lines_of_their_own(latency):
    run = times(load(3, unpack=1, channels=5, plane=64), latency=latency)
    beat = first_beat(run.starts[0], latency)
    assert run.ends[0] == written(beat + 1) + (2 * 3 - 1) * LINE
