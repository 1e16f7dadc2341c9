"""The simulator beside the gateware: every file that holds state has a counterpart or a reason."""

import ast
from pathlib import Path

import pytest

from sim import docgen

ROOT = Path(__file__).resolve().parents[2]
STATE_WORDS = {"hw": ("m.d.sync", "Memory(", "always @"), "sim": ("record_type(", "np.zeros(")}
"""What stands in the text of a file that holds state from one cycle to the next."""
HW_FOLDERS = ("core", "ctrl", "mem", "lib")


def with_state(side):
    """Files of that side that hold state."""
    if side == "hw":
        folders = [ROOT / "hw" / name for name in HW_FOLDERS]
    else:
        folders = [ROOT / "sim" / "timing" / name for name in docgen.FOLDERS]
    paths = [p for folder in folders for p in folder.iterdir() if p.suffix in (".py", ".v")]
    return {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if any(word in path.read_text() for word in STATE_WORDS[side])
    }


def counterparts():
    """Files with a counterpart."""
    return {path for pair in docgen.counterparts() for path in pair}


def test_the_table_is_fresh():
    assert docgen.PAGE.read_text() == docgen.page(), "run python -m sim.docgen"


@pytest.mark.parametrize("side", ["hw", "sim"])
def test_every_unit_with_state_has_a_counterpart_or_a_reason(side):
    found = with_state(side)
    assert len(found) > 15
    assert not found - counterparts() - docgen.WITHOUT.keys()


def test_no_file_has_both_a_counterpart_and_a_reason_for_none():
    assert not counterparts() & docgen.WITHOUT.keys()


def test_every_file_of_the_table_exists():
    assert all((ROOT / path).exists() for path in counterparts() | docgen.WITHOUT.keys())


def test_every_unit_cites_a_section_that_exists():
    headings = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    numbers = {line.split()[1].rstrip(".") for line in headings if line.startswith("##")}
    for _, timing in docgen.counterparts():
        path = ROOT / timing
        if path.parent.name in docgen.FOLDERS and path.name not in ("decode_check.py", "dram.py"):
            section = docgen._section(timing)
            assert section and set(section.replace("to", "and").split(" and ")) <= numbers, timing


def test_only_the_machine_imports_the_short_cuts():
    users = set()
    for path in (ROOT / "sim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(name.startswith("sim.timing.fast") for name in names):
                users.add(path.relative_to(ROOT / "sim").as_posix())
    assert users == {"timing/machine.py"}
