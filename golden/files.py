"""Names of the files that hold a run's tensors, the same for every command that writes them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

#: Longest tensor name that stays whole; with ``.npy`` it is what file systems accept.
MAX_NAME = 251


def tensor_file_name(name: str) -> str:
    """The file for the tensor ``name``: characters outside ``[A-Za-z0-9_.-]`` become ``_``.

    A name of more than ``MAX_NAME`` characters is cut to 240, a dot and the first ten hexadecimal
    digits of the SHA-256 of the whole name.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    if len(safe) > MAX_NAME:
        safe = f"{safe[:240]}.{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return safe + ".npy"


def output_path(path: Path, index: int) -> Path:
    """The file of the model's output ``index``: Y.npy, Y.1.npy, Y.2.npy and so on."""
    return path if index == 0 else path.with_name(f"{path.stem}.{index}{path.suffix}")
