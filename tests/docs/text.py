"""Reads the text of pages: prose apart from tables, code, headings and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = re.compile(r"\s*([-*]|\d+\.)\s")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?:\*\*)?\s+|\s·\s")
_LINK = re.compile(r"\]\([^)]*\)")
_CODE = re.compile(r"`[^`]*`")


def paragraphs(page: str) -> Iterator[list[str]]:
    """The paragraphs and list items of a page, as lines."""
    fenced, lines = False, []
    for line in page.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        aside = line.startswith(("```", "|", "#", "![")) or (line.startswith("    ") and not lines)
        if fenced or aside or not line.strip() or _ITEM.match(line):
            if lines:
                yield lines
            lines = []
        if line.strip() and not fenced and not aside:
            lines.append(line)
    if lines:
        yield lines


def sentences(page: str) -> Iterator[str]:
    """The sentences of a page, each on one line."""
    for lines in paragraphs(page):
        yield from _SENTENCE_END.split(" ".join(line.strip() for line in lines))


def words(sentence: str) -> int:
    """The number of words; a piece of code is one, the address of a link none."""
    return len(_CODE.sub("code", _LINK.sub("]", sentence)).split())
