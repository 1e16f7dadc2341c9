"""The block diagram: its files exist, none is missing, and the drawing is up to date."""

from __future__ import annotations

import re

from docs.diagrams import machine
from tests.docs.commands import ROOT

HELPERS = {"core/stage_layouts.py": "the signals between stages, no unit"}
"""Files of the drawn folders that are no block, and why."""
FOLDERS = ("core", "ctrl", "mem")

SVG = (ROOT / "docs/diagrams/machine.svg").read_text(encoding="utf-8")


def _named() -> set[str]:
    """The files that the drawing names, relative to ``hw``."""
    return set(re.findall(r"[\w/]+\.py", SVG))


def test_every_file_of_the_diagram_exists():
    assert [name for name in sorted(_named()) if not (ROOT / "hw" / name).is_file()] == []


def test_every_unit_is_in_the_diagram():
    units = {
        path.relative_to(ROOT / "hw").as_posix()
        for folder in FOLDERS
        for path in (ROOT / "hw" / folder).glob("*.py")
        if path.name != "__init__.py"
    }
    assert HELPERS.keys() <= units
    assert units - _named() == HELPERS.keys()


def test_the_drawing_is_up_to_date():
    assert machine.drawing() == SVG, "python docs/diagrams/machine.py writes it"


def test_the_architecture_begins_with_the_diagram():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").splitlines()
    assert any("diagrams/machine.svg" in line for line in page[:10])
