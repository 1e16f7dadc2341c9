"""The pages' text: its lines, its sentences and its words."""

from __future__ import annotations

import re

import pytest

from tests.docs.commands import PAGES, ROOT
from tests.docs.text import paragraphs, sentences, words

COLUMNS = 100
WORDS = 30
GENERATED = ("docs/isa.md", "docs/registers.md", "docs/supported_ops.md")
FILES = [
    f"/{path.relative_to(ROOT).as_posix()}"
    for top in ("hw", "sim", "golden", "compiler", "tests", "docs")
    for path in (ROOT / top).rglob("*.py")
]
PLAIN = (
    "README.md",
    "docs/architecture.md",
    "docs/area.md",
    "docs/compiler.md",
    "docs/extending.md",
    "docs/fpga.md",
    "docs/glossary.md",
    "docs/ir.md",
    "docs/latency.md",
    "docs/numerics.md",
    "docs/quantisation.md",
    "docs/results.md",
    "docs/simulator.md",
)
"""Pages whose sentences are short and in plain words."""
AVOIDED = {
    "but for": "except",
    "beside": "next to, or besides",
    "behind": "after",
    "what makes": "the producer",
    "what reads": "the consumer",
    "so many": "that many",
}
"""Words that the pages avoid, and the ones that they use."""


@pytest.mark.parametrize("page", sorted(PAGES.keys() - GENERATED))
def test_lines_end_within_a_hundred_columns(page):
    text = PAGES[page].read_text(encoding="utf-8")
    lines = [line for paragraph in paragraphs(text) for line in paragraph]
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("page", PLAIN)
def test_sentences_are_short(page):
    found = sentences(PAGES[page].read_text(encoding="utf-8"))
    assert [sentence for sentence in found if words(sentence) >= WORDS] == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_words_are_plain(page):
    text = " ".join(sentences(PAGES[page].read_text(encoding="utf-8")))
    found = [word for word in AVOIDED if re.search(rf"\b{word}\b", text, re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_files_that_a_page_names_exist(page):
    named = re.findall(r"`([\w/]+\.py)\b", PAGES[page].read_text(encoding="utf-8"))
    assert [name for name in named if not any(path.endswith("/" + name) for path in FILES)] == []


def test_a_long_sentence_a_long_line_and_code_are_told_apart():
    page = "A b `c d e`, [f](g h).\nI: j.\n\n    code " + "x" * 200 + "\n\n- " + "y " * 60
    assert [len(lines) for lines in paragraphs(page)] == [2, 1]
    assert [words(sentence) for sentence in sentences(page)] == [4, 2, 61]
