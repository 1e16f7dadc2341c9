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


def test_the_host_s_share_is_given_by_cause():
    row = json.loads(ROWS.read_text())["resnet18"]
    attention = {"MatMul, Softmax: two activations": 150, "MatMul, Mul: two activations": 50}
    row |= {"macs": 1000, "host_macs": 200, "host": attention}
    assert "20.0%: two activations (MatMul, Softmax, Mul)" in page({"resnet18": row})


def test_counts_by_family():
    rows = json.loads(ROWS.read_text())
    known = {name: rows[name] for name in ("resnet18", "ddddocr_recognition")}
    lines = page(known).splitlines()
    assert any(line.startswith("| torchvision classification | 24 | 1 | 1 | 1 |") for line in lines)
    assert any(line.endswith("`.onnx` | 6 | 1 | 0 | 0 |") for line in lines)
