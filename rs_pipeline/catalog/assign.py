"""Step ``assign``: which scenes fall on which tile and period.

Each tile and period has a list that is rewritten only where it changes, so that a new search makes only those tiles and periods run
again that it changes. A scene stands in it with the digest of all that its pixels depend on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from rs_pipeline.catalog.fetch import chip_grid, tile_outline
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.redaction import unsigned
from rs_pipeline.region import read_tiles
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.tables import write_csv

_WORDS = ("internal_hosts", "offset_decision", "offset_confidence", "reason", "status", "cloud_cover", "registration", "displaced_x_m", "displaced_y_m")
"""What a ledger says of a scene that no pixel depends on; a search among more scenes may say it otherwise."""


def digest(scene: Scene) -> str:
    """Digest of what the pixels of a scene depend on, 16 hexadecimal digits. Signatures are left out."""
    facts = {name: value for name, value in asdict(scene).items() if name not in _WORDS}
    for name in ("assets", "tables"):
        facts[name] = {role: unsigned(href) for role, href in facts[name].items()}
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def assign(settings: Settings) -> None:
    """Write the list of every tile and period (columns key, digest; sorted by key) and ``tile_scenes.csv`` (period, tile, n_scenes)."""
    layout, tiles = Layout(settings.root), read_tiles(settings)
    scenes = read_ledger(layout.scenes, status=["used"])
    lines = [f"{s.key},{digest(s)}\n" for s in scenes]
    on_tile = scenes_meeting(scenes, [tile_outline(chip_grid(settings, t)) for t in tiles])
    counts = []
    for period in settings.all_periods:
        in_period = np.array([s.solar_day in period for s in scenes], bool)
        for tile, meets in zip(tiles, on_tile, strict=True):
            chosen = meets[in_period[meets]]
            _write_changed(layout.scene_list(period.label, tile.id), "key,digest\n" + "".join(lines[i] for i in chosen))
            counts.append((period.label, tile.id, len(chosen)))
    write_csv(pd.DataFrame(counts, columns=["period", "tile", "n_scenes"]), layout.tile_scenes)


def scenes_meeting(scenes: list[Scene], outlines: list[shapely.Geometry]) -> list[np.ndarray]:
    """Indices of the scenes whose footprint meets each outline, ascending."""
    tree = shapely.STRtree(shapely.from_wkt([s.footprint_wkt for s in scenes]))
    return [np.sort(tree.query(outline, predicate="intersects")) for outline in outlines]


def _write_changed(path: Path, text: str) -> None:
    """Write a file, unless it holds the text already: then its time stays."""
    if not path.exists() or path.read_text("utf-8") != text:
        with atomic_path(path) as part:
            part.write_text(text, "utf-8")
