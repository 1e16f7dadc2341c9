"""Tables that fit a terminal."""

import pytest

from sim.fitted_table import Column, fitted_table, shortened


def table(width):
    return fitted_table(
        [
            Column("layer", ["network/block12/depthwise", "stem"], False),
            Column("kind", ["conv2d+add", "conv2d"], False, 2),
            Column("cycles", ["1,234,567", "89"]),
            Column("MACs", ["123,456,789,012", "3"], True, 1),
        ],
        width,
    )


def test_a_wide_terminal_gets_every_column_whole():
    assert table(80)[2] == "network/block12/depthwise  conv2d+add  1,234,567  123,456,789,012"


@pytest.mark.parametrize("width", range(23, 80))
def test_no_line_is_too_long_and_no_digit_is_cut(width):
    lines = table(width)
    assert max(map(len, lines)) <= width
    assert "1,234,567" in lines[2] and lines[3].split()[0] == "stem"
    assert ("123,456,789,012" in lines[2]) == ("MACs" in lines[0])
    assert "kind" not in lines[0] or "MACs" in lines[0]


def test_numbers_stay_whole_even_where_nothing_fits():
    lines = table(5)
    assert "1,234,567" in lines[2] and lines[0].split() == ["layer", "cycles"]


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "ab…efg"),
        ("abcdefg", 5, "ab…fg"),
        ("日本語の名前", 8, "日…名前"),
    ],
)
def test_the_middle_of_a_name_goes(text, width, short):
    assert shortened(text, width) == short


def test_a_table_without_rows_has_its_headings():
    assert fitted_table([Column("a", []), Column("bc", [])], 80) == ["a  bc", "─  ──"]
