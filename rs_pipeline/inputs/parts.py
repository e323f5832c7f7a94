"""The files behind a path that a user names."""

from __future__ import annotations

import glob
from pathlib import Path

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Suffixes of the files of a shapefile, in upper or lower case."""


def user_files(path: Path) -> list[Path]:
    """The files behind a path: those in a folder, such as a geodatabase, and the parts of a shapefile."""
    if path.is_dir():
        return sorted(part for part in path.rglob("*") if part.is_file() and part.suffix != ".lock")
    if path.suffix.lower() == ".shp":
        return sorted(part for part in path.parent.glob(f"{glob.escape(path.stem)}.*") if part.suffix.lower() in SHAPEFILE_PARTS)
    return [path]
