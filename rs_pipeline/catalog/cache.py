"""A cache of chips, keyed by what they are made from: another run or a changed configuration finds again what it needs.

An entry is one uncompressed zip file, which carries check sums: it appears whole or not at all, and damage is found when it is taken.
"""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.errors import DISK_FAULTS
from rs_pipeline.storage.atomic import atomic_path

_SHARES = 16
"""The cache is kept in so many folders, each with its share of the limit, so that a look into one is enough."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\.tif")


@dataclass(frozen=True)
class Cache:
    """Chips under ``folder``, at most ``limit_bytes`` of them."""

    folder: Path
    limit_bytes: int

    def path(self, key: str) -> Path:
        """File of an entry; ``key`` is a hexadecimal digest."""
        return self.folder / key[0] / f"{key}.zip"

    def take(self, key: str, folder: Path) -> bool:
        """Unpack an entry into an empty or new folder; False where there is none, or only a damaged one, which is removed.

        Raises
        ------
        OSError : the folder cannot be written; the entry is not to blame and stays.
        """
        entry = self.path(key)
        try:
            with zipfile.ZipFile(entry) as packed:
                if not all(_NAME.fullmatch(name) for name in packed.namelist()):
                    raise zipfile.BadZipFile("foreign names")
                folder.mkdir(parents=True, exist_ok=True)
                packed.extractall(folder)
            os.utime(entry)
        except FileNotFoundError:
            return False
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as fault:
            if isinstance(fault, OSError) and fault.errno in DISK_FAULTS:
                raise
            entry.unlink(missing_ok=True)
            return False
        return True

    def keep(self, key: str, folder: Path) -> None:
        """Pack the GeoTIFFs of a folder (none for a scene that is empty over the tile), then drop what was used longest ago."""
        with atomic_path(self.path(key), lasting=False) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as packed:
            for file in sorted(folder.glob("[!.]*.tif")):
                packed.write(file, file.name)
        self._trim(key[0])

    def _trim(self, share: str) -> None:
        entries = []
        for file in (self.folder / share).glob("[!.]*.zip"):
            try:
                entries.append((file.stat().st_mtime, file.stat().st_size, file))
            except FileNotFoundError:  # another job was faster
                continue
        over = sum(size for _, size, _ in entries) - self.limit_bytes // _SHARES
        for _, size, file in sorted(entries):
            if over <= 0:
                return
            file.unlink(missing_ok=True)
            over -= size
