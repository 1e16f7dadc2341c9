"""Pictures of a folder, and their classes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from compiler.errors import InputError, show
from golden.pictures import is_picture

_LINE = re.compile(r"(.+?)[\s,;]+(\d{1,9})\s*")
"""A picture and its class."""


@dataclass(frozen=True)
class Picture:
    """A file, and the number of the class of what it shows, None where nobody says."""

    path: Path
    label: int | None


def pictures_in(folder: Path, labels: Path | None) -> list[Picture]:
    """The pictures in a folder and its sub-folders, in the order of their paths.

    ``labels`` has lines of a picture's path in the folder and its class. Without it, sub-folders
    stand for classes: each of them is named by its class's number, or else has the number of its
    place in the order of the names. Raises InputError.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a directory")
    paths = sorted(path for path in folder.rglob("*") if is_picture(path) and path.is_file())
    if not paths:
        raise InputError(f"{folder}: no picture; .jpg, .png and others that Pillow reads are")
    if labels is not None:
        classes = _read_labels(labels, folder)
        return [Picture(path, classes.get(path)) for path in paths]
    parts = [path.relative_to(folder).parts for path in paths]
    names = sorted({part[0] for part in parts if len(part) > 1})
    numbered = all(re.fullmatch(r"\d{1,9}", name) for name in names)
    numbers = {name: int(name) if numbered else place for place, name in enumerate(names)}
    pairs = zip(paths, parts, strict=True)
    return [Picture(path, numbers[part[0]] if len(part) > 1 else None) for path, part in pairs]


def _read_labels(file: Path, folder: Path) -> dict[Path, int]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise InputError(f"{file}: {reason}") from None
    classes = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise InputError(
                f"{file}: line {number} is {show(line)}; a picture and the number of its class "
                "are accepted"
            )
        path = folder / found[1]
        if not path.is_file():
            raise InputError(f"{file}: line {number}: {path}: no such file")
        classes[path] = int(found[2])
    return classes
