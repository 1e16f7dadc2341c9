"""STORE's cycles as docs/architecture.md, 3.4 states them.

Each waits for a LOAD, so that FETCH's beats are past.
"""

import pytest

from hw.spec.timing import READ_LATENCY
from tests.sim.timing.mem.hand_made import LINE, READ_PHASE, first, load, store, times

ARRIVES = READ_LATENCY + 1
"""Cycles from the read of a line to its buffer."""
ANSWERED = 9
"""Cycles from the last word to the end: the answer comes 8 later, and is counted in the next."""

each_phase = pytest.mark.parametrize("latency", range(64, 64 + LINE))
"""The LOAD before begins in each phase."""


def first_word(start: int) -> int:
    """The first cycle with a word: the first line is read in its phase, from the cycle after the
    start on. The burst is presented by then."""
    return first(start + 1, READ_PHASE) + ARRIVES


@each_phase
def test_a_wait_is_met_in_the_cycle_after_the_write(latency):
    run = times(load(1), store(1, wait_load=1), latency=latency)
    assert run.starts[1] == run.ends[0] + 1


@pytest.mark.parametrize("interval", (1, 2, 4))
@pytest.mark.parametrize("words", (1, 7, 8, 20, 100))
def test_whole_lines_keep_up_with_the_bus(words, interval):
    """100 words go in two bursts, of which the second is presented while the first is sent."""
    run = times(load(1), store(words, wait_load=1), interval=interval)
    assert run.ends[1] == first_word(run.starts[1]) + (words - 1) * interval + ANSWERED


@pytest.mark.parametrize("skipped", (1, 5, 7))
def test_a_row_in_the_middle_of_a_line_goes_on_with_the_next_one(skipped):
    run = times(load(1), store(20, scratchpad_addr=skipped, wait_load=1))
    second_line = first_word(run.starts[1]) + LINE
    assert run.ends[1] == second_line + 20 - (LINE - skipped) - 1 + ANSWERED


@pytest.mark.parametrize("rows", (2, 6))
def test_rows_of_a_word_wait_for_the_read_port(rows):
    run = times(load(1), store(1, rows, wait_load=1))
    assert run.ends[1] == first_word(run.starts[1]) + (rows - 1) * LINE + ANSWERED


def test_a_store_begins_when_the_one_before_is_answered():
    """It is taken from the queue in the cycle after the end, and starts in the next."""
    run = times(load(1), store(20, wait_load=1), store(8))
    assert run.starts[2] == run.ends[1] + 2
    assert run.ends[2] == first_word(run.starts[2]) + 7 + ANSWERED
