"""Where on the disk a catalog may lead: into its own folder, and into those that the user names in ``sources.folders``.

Names decide, not what they point to: a symbolic link that someone has put into the folder is meant; ``..`` and absolute paths in an item are not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rs_pipeline.catalog.address import is_api


@lru_cache(maxsize=256)
def allowed_folders(catalog: str, more: tuple[Path, ...] = ()) -> tuple[str, ...]:
    """Absolute folders whose files a catalog may name: its own (an API has none) and ``more``, as they are called and where they really are."""
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
