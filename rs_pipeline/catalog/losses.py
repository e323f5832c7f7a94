"""Scenes that were found and could not be read: how many of each tile and period, and which of them are worth another try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.catalog.chips import read_manifest
from rs_pipeline.catalog.read import FAULTS, open_band, retrying
from rs_pipeline.config import FetchSection, Settings
from rs_pipeline.errors import DamagedError, PipelineError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene

MAX_TRIES = 3
"""A scene that can be opened and was read in vain is tried again so often by later runs: then its pixels are damaged at the source."""


@dataclass(frozen=True)
class Loss:
    """Scenes of a tile and period that could not be read."""

    tile: str
    period: str
    scenes: int
    """How many the search found for it, empty ones included."""
    lost: tuple[str, ...]
    """Keys of those that could not be read."""
    reason: str
    """The most frequent one."""

    def words(self) -> str:
        return f"{len(self.lost)} of {self.scenes} scenes could not be read ({self.reason})"


def losses(settings: Settings) -> list[Loss]:
    """Tiles and periods that lost scenes; those whose manifest cannot be read are left out."""
    found = []
    for manifest in sorted(settings.root.glob(str(Layout(Path()).chips("*", "*")))):
        try:
            listed = read_manifest(manifest)
        except (DamagedError, FileNotFoundError):  # a fetch that begins takes its manifest away
            continue
        if failed := [c for c in listed if c.status == "failed"]:
            reason = Counter(c.reason for c in failed).most_common(1)[0][0]
            found.append(Loss(manifest.parent.name, manifest.parent.parent.name, len(listed), tuple(c.key for c in failed), reason))
    return found


def may_come_back(scene: Scene) -> bool:
    """Whether a scene that could not be read may be read later although its files stay what they are: files of this machine that are there are damaged."""
    return not all(href.startswith("/") and Path(href).exists() for href in scene.assets.values())


def readable_again(scenes: list[Scene], limits: FetchSection) -> set[str]:
    """Keys of the scenes all of whose bands can be opened."""
    with ThreadPoolExecutor(max_workers=limits.connections) as pool:
        return {scene.key for scene, can in zip(scenes, pool.map(lambda s: _opens(s, limits), scenes), strict=True) if can}


def _opens(scene: Scene, limits: FetchSection) -> bool:
    def opener(role: str) -> Callable[[], None]:
        def opened() -> None:
            with open_band(scene, role, limits):
                pass

        return opened

    try:
        for role, href in scene.assets.items():
            retrying(opener(role), href, limits, scene.sign)
    except (PipelineError, *FAULTS):
        return False
    return True
