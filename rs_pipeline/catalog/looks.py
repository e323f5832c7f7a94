"""Stores the coarse readings of the self-test of offsets, so that the next search does not open scenes whose content is unchanged.

A decision also depends on the other dates of the place, so the readings are stored and not the decision: the test of the scene's pixels and a thinned copy,
about 0.3 MB per scene. With these a later search decides as if it had read all scenes itself, whatever dates were added or removed.
"""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np

from rs_pipeline.catalog.identity import asked_role, unsigned_hrefs
from rs_pipeline.model import Scene
from rs_pipeline.radiometry.offsets import PixelTest
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import atomic_path

RULES = 1
"""Version of the rules of reading; raise it with every change, so that scenes are read anew."""

Kept = tuple[PixelTest, np.ndarray, np.ndarray, str]
"""Test of the scene's own pixels; digital numbers, uint16 (bands, pixels); clear pixels, bool (pixels,); the pixel grid as text."""


def _file(folder: Path, scene: Scene) -> Path | None:
    """File of the reading of a scene; None where the identity of the scene's content is unknown."""
    identity = scene.identity.get(asked_role(scene))
    if not identity:
        return None
    about = [RULES, unsigned_hrefs(scene), scene.identity, load_sensor(scene.sensor).nodata]
    name = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return folder / name[:2] / f"{name}.npz"


def keep_look(folder: Path, scene: Scene, kept: Kept) -> None:
    """Store the reading of a scene; nothing where the identity of its content is unknown."""
    path = _file(folder, scene)
    if path is None:
        return
    test, dn, clear, grid = kept
    packed, told = (
        io.BytesIO(),
        [test.pixels, test.dark_share, test.floors_dn, [*test.negative_share.items()]],
    )  # as pairs, because keys of JSON objects are texts
    np.savez_compressed(packed, test=json.dumps(told), dn=dn, clear=clear, grid=grid)
    with atomic_path(path, lasting=False) as part:
        part.write_bytes(packed.getvalue())


def kept_look(folder: Path, scene: Scene) -> Kept | None:
    """The stored reading of a scene with this content; None where there is none or it cannot be read: a damaged file is removed."""
    path = _file(folder, scene)
    if path is None:
        return None
    try:
        return _read(path)
    except Exception:  # no file, or a damaged one, which can raise any error of zip, NumPy or JSON
        with suppress(OSError):
            path.unlink()
        return None


def _read(path: Path) -> Kept:
    with zipfile.ZipFile(path) as packed:
        if damaged := packed.testzip():  # numpy does not check the checksum of an array that its header makes shorter
            raise zipfile.BadZipFile(damaged)
    with np.load(path, allow_pickle=False) as held:
        pixels, dark_share, floors_dn, negative = json.loads(str(held["test"]))
        test = PixelTest(pixels, dark_share, tuple(floors_dn), {float(offset): share for offset, share in negative})
        return test, held["dn"], held["clear"], str(held["grid"])
