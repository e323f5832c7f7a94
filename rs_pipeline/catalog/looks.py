"""What the self-test of offsets saw of scenes, kept as long as their content: the next search opens none of them.

A decision rests on the other dates of its place, so not the decision is kept but what was seen: the pixels' test and a thinned copy, some 0.3 MB a scene.
Whatever dates come or go, the next search decides as one that looks at all of them would.
"""

from __future__ import annotations

import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np

from rs_pipeline.catalog.identity import asked_role, unsigned_hrefs
from rs_pipeline.model import Scene
from rs_pipeline.radiometry.offsets import PixelTest
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import atomic_path

RULES = 1
"""Raised whenever scenes are looked at by other rules: what was kept is then looked at anew."""

Kept = tuple[PixelTest, np.ndarray, np.ndarray, str]
"""What the pixels say by themselves; digital numbers, uint16 (bands, pixels); which pixels are clear, bool (pixels,); the pixel grid as text."""


def _file(folder: Path, scene: Scene) -> Path | None:
    """Where the look at a scene's content is kept; None where nothing tells its content from another."""
    identity = scene.identity.get(asked_role(scene))
    if not identity:
        return None
    about = [RULES, unsigned_hrefs(scene), scene.identity, load_sensor(scene.sensor).nodata]
    name = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return folder / name[:2] / f"{name}.npz"


def keep_look(folder: Path, scene: Scene, kept: Kept) -> None:
    """Keep what was seen of a scene."""
    path = _file(folder, scene)
    if path is None:
        return
    test, dn, clear, grid = kept
    packed, told = io.BytesIO(), [test.pixels, test.dark_share, test.floors_dn, [*test.negative_share.items()]]  # keys of JSON are texts
    np.savez_compressed(packed, test=json.dumps(told), dn=dn, clear=clear, grid=grid)
    with atomic_path(path, lasting=False) as part:
        part.write_bytes(packed.getvalue())


def kept_look(folder: Path, scene: Scene) -> Kept | None:
    """What was seen of a scene with this content; None where it was never seen, or what was kept cannot be read."""
    path = _file(folder, scene)
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as held:
            pixels, dark_share, floors_dn, negative = json.loads(str(held["test"]))
            test = PixelTest(pixels, dark_share, tuple(floors_dn), {float(offset): share for offset, share in negative})
            return test, held["dn"], held["clear"], str(held["grid"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
