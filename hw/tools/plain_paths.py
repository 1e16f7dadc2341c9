"""Links to folders with a space in their paths, which make and Verilator's scripts split."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from compiler.cache_folder import SPECIAL, cache_root
from compiler.errors import Failure


def plain(folder: Path) -> Path:
    """``folder``, or a link to it in the cache where its path has special characters.

    Raises Failure when the path of the cache has some too.
    """
    if not SPECIAL.search(str(folder)):
        return folder
    links = cache_root() / "verilator" / "links"
    if found := SPECIAL.search(str(links)):
        raise Failure(
            f"{cache_root()}: Verilator builds in the cache, and make takes no {found[0]!r} in a "
            "path; set XDG_CACHE_HOME to a folder without one"
        )
    links.mkdir(parents=True, exist_ok=True)
    link = links / hashlib.sha256(str(folder).encode()).hexdigest()[:20]
    with suppress(FileExistsError):
        link.symlink_to(folder)
    return link
