"""The offset of every scene is right or the scene is refused with its reason: small folders of scenes, then real ones mixed."""

import json

import numpy as np

from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.layout import Layout
from tests.catalog.conftest import S2_ASSETS, write_tif

MODERN = {"s2:processing_baseline": "05.09"}
REFL = {"blue": 0.04, "green": 0.06, "red": 0.05, "nir": 0.30, "rededge1": 0.1, "swir16": 0.20, "swir22": 0.12}
"""Of land without dark targets; half of the place is twice as bright."""


def dated(world, item_id: str, day: int, dn: int, *, clouded: bool = False, bands=None, **properties) -> None:
    """A scene of one place whose numbers carry ``dn``; the reflectance is the same on every date but for noise."""
    world.scene(item_id, f"2023-05-{day:02d}T03:00:00Z", **properties)
    rng, ground = np.random.default_rng(day), np.random.default_rng(0)
    for name, step in S2_ASSETS.items():
        n = 640 // step
        if name == "scl":
            values = np.full((n, n), 9 if clouded else 4, "uint8")
        else:
            refl = REFL[name] * ground.uniform(0.9, 1.1, (n, n)) * np.where(np.arange(n) < n // 2, 1.0, 2.0) + rng.normal(0, 0.002, (n, n))
            values = np.round(refl * 1e4 + dn).astype("uint16")
        write_tif(world.root / "data" / item_id / f"{name}.tif", values, step, nodata=0)


def found(world, **changes) -> dict:
    search(world.settings(**changes))
    return {s.scene_id: s for s in read_ledger(Layout(world.settings().root).scenes)}


def test_other_dates_decide_what_metadata_and_pixels_cannot(world):
    """No dark target: SWIR2 never falls below 0.12. Dates before 04.00 are certain; the others are brought to their level."""
    for day in (2, 7, 12, 17):
        dated(world, f"old-{day}", day, 0, **{"s2:processing_baseline": "02.14"})
    dated(world, "lies-removed", 20, 1000, **MODERN)
    dated(world, "lies-pending", 22, 0, **MODERN, **{"earthsearch:boa_offset_applied": False})
    dated(world, "silent", 24, 1000, **{"earthsearch:boa_offset_applied": None})
    dated(world, "true", 26, 0, **MODERN)
    scenes = found(world)
    assert {k: s.offset for k, s in scenes.items() if not k.startswith("old")} == {"lies-removed": -0.1, "lies-pending": 0.0, "silent": -0.1, "true": 0.0}
    assert {s.offset_confidence for s in scenes.values()} == {"high"} and {s.status for s in scenes.values()} == {"used"}
    assert "overrule metadata" in scenes["lies-removed"].offset_decision and "other dates" in scenes["lies-removed"].offset_decision


def contradict(world, item_id: str) -> None:
    """Flag says removed, raster:bands offset -0.1: Earth Search's 05.09 items."""
    path = next(p for p in world.items.glob("*.json") if json.loads(p.read_text())["id"] == item_id)
    entry = json.loads(path.read_text())
    for asset in entry["assets"].values():
        asset["raster:bands"] = [{"scale": 0.0001, "offset": -0.1}]
    path.write_text(json.dumps(entry))


def test_contradiction_without_pixels_that_speak_is_refused(world):
    dated(world, "good", 2, 0, **MODERN)
    dated(world, "contradicts", 12, 1000, **MODERN)
    dated(world, "clouded", 17, 1000, clouded=True, **MODERN)
    contradict(world, "contradicts")
    contradict(world, "clouded")
    scenes = found(world)
    assert scenes["good"].status == "used"
    for name in ("contradicts", "clouded"):
        assert scenes[name].status == "skipped" and scenes[name].reason.startswith("offset cannot be decided: flag says"), name
        assert "contradicts it" in scenes[name].reason and "not conclusive" in scenes[name].reason


def test_contradiction_with_other_dates_is_used(world):
    for day in (2, 7, 12, 17):
        dated(world, f"old-{day}", day, 0, **{"s2:processing_baseline": "02.14"})
    dated(world, "contradicts", 20, 1000, **MODERN)
    contradict(world, "contradicts")
    scene = found(world)["contradicts"]
    assert (scene.status, scene.offset, scene.offset_confidence) == ("used", -0.1, "high"), scene.reason


def test_unreadable_pixels_and_silent_metadata_are_refused(world):
    dated(world, "good", 2, 0, **MODERN)
    dated(world, "silent", 12, 1000, **{"earthsearch:boa_offset_applied": None})
    (world.root / "data" / "silent" / "blue.tif").write_bytes(b"II*\0 damaged")
    scene = found(world)["silent"]
    assert scene.status == "skipped" and "metadata say nothing" in scene.reason and "pixels could not be read" in scene.reason


def test_scenes_on_another_grid_are_no_reference(world):
    for day in (2, 7, 12):
        dated(world, f"old-{day}", day, 0, **{"s2:processing_baseline": "02.14"})
        for name, step in S2_ASSETS.items():
            n = 640 // step
            write_tif(
                world.root / "data" / f"old-{day}" / f"{name}.tif", np.full((n, n), 4 if name == "scl" else 900, "uint16"), step, left=500_020.0, nodata=0
            )
    dated(world, "alone", 20, 1000, **MODERN)
    assert "other dates" not in found(world)["alone"].offset_decision


def test_the_frozen_decision_does_not_depend_on_the_order_of_items(world):
    for day in (2, 7, 12, 17):
        dated(world, f"old-{day}", day, 0, **{"s2:processing_baseline": "02.14"})
    dated(world, "lies", 20, 1000, **MODERN)
    first = found(world)
    paths = sorted(world.items.glob("*.json"))
    texts = [p.read_text() for p in paths]
    for path, text in zip(paths, reversed(texts), strict=True):
        path.write_text(text)
    assert found(world) == first
