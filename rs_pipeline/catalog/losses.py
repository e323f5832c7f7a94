"""Scenes that were found but could not be read: their number per tile and period, and which of them may be read by another try."""

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
"""Number of further tries by later runs of a scene that can be opened but not read; after them its pixels count as damaged at the source."""


@dataclass(frozen=True)
class Loss:
    """Scenes of a tile and period that could not be read."""

    tile: str
    period: str
    scenes: int
    """Number of scenes that the search found for it, empty ones included."""
    lost: tuple[str, ...]
    """Keys of those that could not be read."""
    reason: str
    """The most frequent reason."""

    def words(self) -> str:
        return f"{len(self.lost)} of {self.scenes} scenes could not be read ({self.reason})"


def losses(settings: Settings) -> list[Loss]:
    """Tiles and periods that lost scenes; those whose manifest cannot be read are left out."""
    found = []
    for manifest in sorted(settings.root.glob(str(Layout(Path()).chips("*", "*")))):
        try:
            listed = read_manifest(manifest)
        except (DamagedError, FileNotFoundError):  # a running fetch has renamed its manifest
            continue
        if failed := [c for c in listed if c.status == "failed"]:
            reason = Counter(c.reason for c in failed).most_common(1)[0][0]
            found.append(Loss(manifest.parent.name, manifest.parent.parent.name, len(listed), tuple(c.key for c in failed), reason))
    return found


def may_come_back(scene: Scene) -> bool:
    """Whether a scene that could not be read may be readable later without a change of its files. Not if all are existing local files: these are damaged."""
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
