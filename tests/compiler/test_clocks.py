"""The clock at which times are stated."""

import pytest

from compiler.clocks import PLACED, clock_of
from hw.spec.config import preset, with_values

PLACED_TEXT = {
    name: f"Times at {mhz:g} MHz (placed and routed on ECP5)" for name, mhz in PLACED.items()
}


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("tiny", {}, PLACED_TEXT["tiny"]),
        ("ecp5", {}, PLACED_TEXT["ecp5"]),
        (
            "tiny",
            {"memory.latency": 200},
            PLACED_TEXT["tiny"],
        ),
        ("tiny", {"queue_depth": 2}, "Times at 100 MHz (assumed)"),
        ("edge256", {}, "Times at 100 MHz (assumed)"),
    ],
)
def test_a_placed_machine_keeps_its_clock_whatever_its_memory(name, values, text):
    assert str(clock_of(with_values(preset(name), values))) == text


def test_the_option_is_the_clock():
    assert str(clock_of(preset("tiny"), "80")) == "Times at 80 MHz (--clock)"
