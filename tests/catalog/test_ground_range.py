"""Sentinel-1 ground range scenes, from flight geometry to chips. The scene is synthetic: turned by 12 degrees, one bright square on dark ground."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.control import GroundControlPoint

from rs_pipeline.catalog.chips import load_chips, read_role
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.radiometry.scaling import gamma0_power
from tests.catalog.conftest import CRS, LEFT, TOP, footprint, item
from tests.catalog.test_fetch import manifest, ready

GAIN, NOISE_DN2 = 500.0, 400.0
DARK, BRIGHT = 0.01, 0.25
SQUARE = (LEFT + 200, TOP - 400, LEFT + 360, TOP - 240)

CALIBRATION = f"<calibration><calibrationVector><line>0</line><pixel>0 9999</pixel><gamma>{GAIN} {GAIN}</gamma></calibrationVector></calibration>"
NOISE = f"<noise><noiseVector><line>0</line><pixel>0 9999</pixel><noiseLut>{NOISE_DN2} {NOISE_DN2}</noiseLut></noiseVector></noise>"


def write_scene(path, *, points_per_side=5, height_m=lambda i, j: 20.0, shift_m=0.0):
    """A scene of 300 x 300 pixels around the tile. Its pixels are turned: no transform, ground control points only."""
    to_ground = Affine.translation(LEFT + 320 + shift_m, TOP - 320) * Affine.rotation(12) * Affine.scale(10, -10) * Affine.translation(-150, -150)
    cols, rows = np.meshgrid(np.arange(300) + 0.5, np.arange(300) + 0.5)
    x, y = to_ground * (cols, rows)
    inside = (x > SQUARE[0]) & (x < SQUARE[2]) & (y > SQUARE[1]) & (y < SQUARE[3])
    dn = np.rint(np.sqrt(np.where(inside, BRIGHT, DARK) * GAIN**2 + NOISE_DN2)).astype("uint16")
    dn[:, :20] = 0  # border
    to_degrees = Transformer.from_crs(CRS, 4326, always_xy=True)
    places = np.linspace(0, 300, points_per_side)
    points = []
    for i, row in enumerate(places):
        for j, col in enumerate(places):
            lon, lat = to_degrees.transform(*(to_ground * (col, row)))
            points.append(GroundControlPoint(row=row, col=col, x=lon, y=lat, z=height_m(i, j)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", width=300, height=300, count=1, dtype="uint16", gcps=points, crs="EPSG:4326") as out:
        out.write(dn, 1)


def grd(world, **options):
    """A world with one ground range scene: VV and VH and their tables."""
    folder = world.root / "data/g"
    assets = {}
    for pol in ("vv", "vh"):
        write_scene(folder / f"{pol}.tif", **options)
        (folder / f"cal-{pol}.xml").write_text(CALIBRATION)
        (folder / f"noise-{pol}.xml").write_text(NOISE)
        assets |= {
            pol: str(folder / f"{pol}.tif"),
            f"schema-calibration-{pol}": str(folder / f"cal-{pol}.xml"),
            f"schema-noise-{pol}": str(folder / f"noise-{pol}.xml"),
        }
    return item("g", "2023-05-01T22:00:00Z", assets, "sentinel-1-grd", platform="SENTINEL-1A")


def settings_of(world, *more):
    return world.settings(sources=[{"sensor": "planetary-computer-sentinel-1-grd", "catalog": str(world.items)}, *more])


def outcome(settings):
    tile = ready(settings)
    fetch(settings, tile, "2023")
    return tile, load_chips(settings, tile, "2023")


def test_the_scene_is_calibrated_and_lies_where_it_is(world):
    world.add(grd(world))
    settings = settings_of(world)
    _, (chip,) = outcome(settings)
    power = gamma0_power(read_role(chip, "vv", Grid(CRS, 10.0, LEFT, TOP, 64, 64)))
    assert chip.family == "radar" and chip.has("vh")
    assert power[5, 5] == pytest.approx(DARK, rel=0.02) and power[32, 28] == pytest.approx(BRIGHT, rel=0.02)
    rows, cols = np.nonzero(power > (DARK + BRIGHT) / 2)
    left, right, top, bottom = LEFT + 10 * cols.min(), LEFT + 10 * cols.max() + 10, TOP - 10 * rows.min(), TOP - 10 * rows.max() - 10
    assert np.allclose((left, bottom, right, top), SQUARE, atol=10.0)
    assert (power > (DARK + BRIGHT) / 2).sum() * 100 == pytest.approx(160 * 160, rel=0.1)


def test_where_the_scene_does_not_reach_it_is_empty(world):
    world.add(grd(world, shift_m=6000.0))
    settings = settings_of(world)
    assert outcome(settings)[1] == []


@pytest.mark.parametrize(("options", "reason"), [
    ({"height_m": lambda i, j: 30.0 * i}, "hilly ground (60 m between control points, the limit is 30 m): the scene is not corrected for terrain"),
    ({"points_per_side": 3}, "9 ground control points, at least 16 are needed"),
])  # fmt: skip
def test_what_cannot_be_put_in_place_is_refused(world, options, reason):
    world.add(grd(world, **options))
    settings = settings_of(world)
    tile, chips = outcome(settings)
    (row,) = manifest(settings, tile).itertuples()
    assert chips == [] and row.status == "failed" and reason in row.reason


def test_hills_far_from_the_tile_do_not_matter(world):
    world.add(grd(world, points_per_side=9, height_m=lambda i, j: 500.0 if i == 0 else 20.0))
    assert len(outcome(settings_of(world))[1]) == 1


def test_a_damaged_table_is_named(world):
    entry = world.add(grd(world))
    settings = settings_of(world)
    tile = ready(settings)
    Path(entry["assets"]["schema-noise-vv"]["href"]).write_text("<noise>")
    fetch(settings, tile, "2023")
    (row,) = manifest(settings, tile).itertuples()
    assert row.status == "failed" and "this is not a noise annotation of Sentinel-1" in row.reason


def test_without_its_tables_a_scene_is_skipped(world):
    entry = grd(world)
    del entry["assets"]["schema-noise-vh"]
    world.add(entry)
    world.scene("s", "2023-06-01T03:00:00Z")
    settings = settings_of(world, {"sensor": "earth-search-sentinel-2-l2a", "catalog": str(world.items)})
    search(settings)
    scene = next(s for s in read_ledger(Layout(settings.root).scenes) if s.scene_id == "g")
    assert (scene.status, scene.reason) == ("skipped", "no table of noise for vh (asset schema-noise-vh)")


def test_where_terrain_is_corrected_that_scene_is_used(world):
    entry = grd(world)
    world.add(entry)
    radar = {k: {"href": entry["assets"][k]["href"]} for k in ("vv", "vh")}
    world.add({**item("r", "2023-05-01T22:00:00Z", {}, "sentinel-1-rtc", platform="SENTINEL-1A", outline=footprint()), "assets": radar})
    settings = settings_of(world, {"sensor": "planetary-computer-sentinel-1-rtc", "catalog": str(world.items)})
    search(settings)
    status = {s.scene_id: (s.status, s.reason) for s in read_ledger(Layout(settings.root).scenes)}
    assert status == {"r": ("used", ""), "g": ("skipped", "same acquisition as r (planetary-computer-sentinel-1-rtc), which is used")}
