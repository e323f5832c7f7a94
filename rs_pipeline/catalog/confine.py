"""Folders on the disk that a catalog may refer to: its own, and those that the user names in ``sources.folders``.

Paths are compared by name, without resolving symbolic links: a link inside the folder was put there on purpose and is followed; ``..`` and absolute paths
in an item that lead out of the folders are refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rs_pipeline.catalog.address import is_api


@lru_cache(maxsize=256)
def allowed_folders(catalog: str, more: tuple[Path, ...] = ()) -> tuple[str, ...]:
    """Absolute folders whose files a catalog may name: its own (an API has none) and ``more``, each by its given and by its resolved path."""
    given: list[str | Path] = [*more, *([] if is_api(catalog) else [catalog])]
    named = [os.path.abspath(os.path.expanduser(path)) for path in given]
    places = (*named, *map(os.path.realpath, named))
    return tuple(dict.fromkeys(os.path.dirname(path) if os.path.isfile(path) else path for path in places))


def lies_in(path: str, folders: Sequence[str]) -> bool:
    """Whether an absolute path lies in one of the folders, by its name.

    >>> lies_in("/cat/a/red.tif", ["/cat"]), lies_in("/cat/../etc/hostname", ["/cat"]), lies_in("/cats/red.tif", ["/cat"])
    (True, False, False)
    """
    return any(os.path.commonpath([os.path.normpath(path), folder]) == folder for folder in folders)
