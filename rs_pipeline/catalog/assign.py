"""Step ``assign``: which scenes fall on which tile and period.

Each tile and period has a list of scenes that is rewritten only where it changes, so that after a new search only changed tiles and periods
run again. The list has each scene with a digest of everything that its pixels depend on.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from rs_pipeline.catalog.fetch import chip_grid, tile_outline
from rs_pipeline.catalog.ledger import read_ledger, with_signatures
from rs_pipeline.catalog.losses import MAX_TRIES, losses, readable_again
from rs_pipeline.catalog.renewal import Renewal
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, Scene
from rs_pipeline.redaction import unsigned
from rs_pipeline.remote import breaker
from rs_pipeline.storage.atomic import write_changed
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_tiles

log = logging.getLogger(__name__)

_WORDS = ("internal_hosts", "offset_decision", "offset_confidence", "reason", "status", "cloud_cover", "registration", "displaced_x_m", "displaced_y_m")
"""Fields of a scene that its pixels do not depend on; a search among more scenes may give them other values."""


def digest(scene: Scene) -> str:
    """Digest of what the pixels of a scene depend on, 16 hexadecimal digits. Signatures in hrefs are left out."""
    facts = {name: value for name, value in asdict(scene).items() if name not in _WORDS}
    for name in ("assets", "tables"):
        facts[name] = {role: unsigned(href) for role, href in facts[name].items()}
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def assign(settings: Settings) -> None:
    """Write the list of every tile and period (columns key, digest, tries; first the tile itself with the digest of its grid, then its scenes by key)
    and ``tile_scenes.csv`` (period, tile, n_scenes).

    Scenes that a fetch could not read are opened once more. Where that works, ``tries`` of the scene rises by one, which changes the list, so that it is
    fetched again. After MAX_TRIES such tries a scene is not fetched again until its files change.
    """
    layout, tiles = Layout(settings.root), read_tiles(settings)
    scenes = read_ledger(layout.scenes, status=["used"])
    digests = [digest(s) for s in scenes]
    on_tile = scenes_meeting(scenes, [tile_outline(chip_grid(settings, t)) for t in tiles])
    lost = {(loss.tile, loss.period): set(loss.lost) for loss in losses(settings)}
    again = _readable(settings, scenes, {key for keys in lost.values() for key in keys})
    counts = []
    for period in settings.all_periods:
        in_period = np.array([s.solar_day in period for s in scenes], bool)
        for tile, meets in zip(tiles, on_tile, strict=True):
            chosen, path = meets[in_period[meets]], layout.scene_list(period.label, tile.id)
            listed, here = _listed(path), again & lost.get((tile.id, period.label), set())
            rows = [f"{tile.id},{grid_digest(chip_grid(settings, tile))},0"]
            for i in chosen:
                before = listed.get(scenes[i].key)
                tries = (before.tries if before and before.digest == digests[i] else 0) + (scenes[i].key in here)
                rows.append(f"{scenes[i].key},{digests[i]},{min(MAX_TRIES, tries)}")
            write_changed(path, "\n".join(["key,digest,tries", *rows, ""]))
            counts.append((period.label, tile.id, len(chosen)))
    write_csv(pd.DataFrame(counts, columns=["period", "tile", "n_scenes"]), layout.tile_scenes)


def grid_digest(grid: Grid) -> str:
    """Digest of a pixel grid, 16 hexadecimal digits."""
    return sha256(json.dumps([grid.crs, grid.resolution_m, *grid.bounds]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Row:
    """A scene in a list."""

    digest: str
    tries: int


def _listed(path: Path) -> dict[str, _Row]:
    """The scenes of a list by key; empty where there is no readable list."""
    try:
        table = pd.read_csv(path, dtype={"key": str, "digest": str})
        return {key: _Row(digest, int(n)) for key, digest, n in zip(table.key, table.digest, table.tries, strict=True)}
    except (OSError, ValueError, AttributeError):
        return {}


def tries_of(path: Path) -> dict[str, int]:
    """Key of each scene in a list to its number of further tries."""
    return {key: row.tries for key, row in _listed(path).items()}


def _readable(settings: Settings, scenes: list[Scene], lost: set[str]) -> set[str]:
    """Keys of lost scenes that can be opened now, with new signatures where those of the search have expired."""
    signed = with_signatures([s for s in scenes if s.key in lost], Layout(settings.root).signatures) if lost else []
    breaker.share(settings.hosts_folder)
    found, renewal = readable_again(signed, settings.fetch), Renewal(settings, signed)
    found |= readable_again([again for s in signed if s.key not in found and (again := renewal.renewed(s))], settings.fetch)
    if lost:
        log.warning("%d scenes could not be read before; %d of them can be opened now and are fetched again", len(lost), len(found))
    return found


def scenes_meeting(scenes: list[Scene], outlines: list[shapely.Geometry]) -> list[np.ndarray]:
    """For each outline, the ascending indices of the scenes whose footprint meets it."""
    tree = shapely.STRtree(shapely.from_wkt([s.footprint_wkt for s in scenes]))
    return [np.sort(tree.query(outline, predicate="intersects")) for outline in outlines]
