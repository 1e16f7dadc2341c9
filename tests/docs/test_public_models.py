"""The table of public models: the page is that of the rows, the rows those of the list."""

import json

import pytest

from tests.benchmarks.public_models.definitions import DEFINITIONS
from tests.benchmarks.public_models.packaged import PACKAGED
from tests.benchmarks.public_models.table import PAGE, ROWS, on_array, page


def test_the_page_is_that_of_its_rows():
    assert PAGE.read_text(encoding="utf-8") == page(json.loads(ROWS.read_text()))


def test_every_row_is_of_a_model_of_the_lists():
    assert json.loads(ROWS.read_text()).keys() <= DEFINITIONS.keys() | PACKAGED.keys()


def test_no_model_ends_in_a_fault_of_our_own():
    rows = json.loads(ROWS.read_text())
    assert [name for name, row in rows.items() if "our own fault" in row.get("why", "")] == []


@pytest.mark.parametrize(
    ("macs", "host_macs", "share"), [(0, 0, 1.0), (400, 1, 0.9975), (8, 8, 0.0)]
)
def test_the_share_on_the_array(macs, host_macs, share):
    assert on_array({"macs": macs, "host_macs": host_macs}) == share
