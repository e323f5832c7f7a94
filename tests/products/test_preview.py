"""True-colour previews: a median of what is clear, the same stretch always, nothing where nothing was seen."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
import rasterio

from rs_pipeline.catalog.chips import Chip
from rs_pipeline.config import load
from rs_pipeline.model import Grid, Scene
from rs_pipeline.products.preview import MAX_DATES, clearest, coarse, composite, eight_bits, preview, step_px
from rs_pipeline.tiles import read_tiles

GRID = Grid("EPSG:32650", 10.0, 500_000, 4_300_020, 2, 2)
CLOUD, VEGETATION = 9, 4


def scene(key: str, cloud: float | None = 10.0) -> Scene:
    return Scene(
        scene_id=key,
        key=key,
        sensor="earth-search-sentinel-2-l2a",
        collection="sentinel-2-l2a",
        platform="sentinel-2a",
        datetime=datetime(2024, 7, 1, tzinfo=UTC),
        solar_day=date(2024, 7, 1),
        processing_baseline="05.09",
        cloud_cover=cloud,
        sun_elevation_deg=60.0,
        sun_azimuth_deg=150.0,
        scale=1e-4,
        offset=-0.1,
        offset_decision="",
        offset_confidence="high",
        status="used",
        reason="",
    )


def chip(folder, key: str, numbers, scl=VEGETATION, cloud: float | None = 10.0) -> Chip:
    """A chip whose three colours hold the same (2, 2) numbers."""
    path = folder / f"{key}.tif"
    roles = ("red", "green", "blue", "mask")
    with rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=4, dtype="uint16", crs=GRID.crs, transform=GRID.transform) as dst:
        for i in (1, 2, 3):
            dst.write(np.broadcast_to(numbers, (2, 2)).astype("uint16"), i)
        dst.write(np.broadcast_to(scl, (2, 2)).astype("uint16"), 4)
    return Chip(scene(key, cloud), {role: (path, i) for i, role in enumerate(roles, start=1)})


def test_a_pixel_is_the_median_of_its_clear_dates(tmp_path):
    cloudy = [[CLOUD, VEGETATION], [CLOUD, VEGETATION]]
    chips = [chip(tmp_path, "a", 2000), chip(tmp_path, "b", 3000), chip(tmp_path, "c", 9000, cloudy), chip(tmp_path, "d", [[0, 1500], [0, 1500]])]
    red = composite(chips, GRID)[0]
    # left: 0.1 and 0.2 are clear, d has no data; the lower of two. Right: 0.05, 0.1, 0.2, 0.8; the lower middle.
    assert red == pytest.approx(np.array([[0.1, 0.1], [0.1, 0.1]]), abs=1e-6)
    assert np.isnan(composite([chip(tmp_path, "e", 5000, CLOUD)], GRID)).all()
    assert np.isnan(composite([], GRID)).all()


def test_the_least_cloudy_dates_are_read_and_those_of_unknown_cloud_last(tmp_path):
    clouds = [50.0, None, *range(MAX_DATES)]
    chips = [Chip(scene(str(i), c), {r: (tmp_path, 1) for r in ("red", "green", "blue")}) for i, c in enumerate(clouds)]
    assert [c.scene.cloud_cover for c in clearest(chips)] == list(range(MAX_DATES))
    assert clearest([Chip(scene("radar"), {"vv": (tmp_path, 1)})]) == []


def test_the_stretch_is_fixed_and_missing_is_zero():
    assert eight_bits(np.array([np.nan, 0.0, 0.3, 1.2, -0.5])).tolist() == [0, 1, 255, 255, 1]
    middle = int(eight_bits(np.array([0.15]))[0])
    assert middle == round(1 + 254 * 0.5 ** (1 / 1.8)) == 174


def test_steps_divide_tiles_and_keep_the_corner():
    assert [step_px(Grid("EPSG:32650", 10.0, 0, 0, n, 100)) for n in (600, 2400, 2401, 10_000, 10**6)] == [1, 1, 2, 8, 16]
    wide = coarse(Grid("EPSG:32650", 10.0, 100, 200, 33, 16), 16)
    assert (wide.left, wide.top, wide.width, wide.height, wide.resolution_m) == (100, 200, 3, 1, 160)


def test_a_run_has_a_preview_of_every_tile_and_period(simulated_run, monkeypatch):
    config, layout, _ = simulated_run
    monkeypatch.chdir(config.parent)
    settings = load(config)
    tile = read_tiles(settings)[0]
    label = settings.all_periods[0].label
    path = layout.preview(label, tile.id)
    before = path.read_bytes()
    with rasterio.open(path) as src:
        assert src.descriptions == ("red", "green", "blue") and src.dtypes == ("uint8",) * 3 and src.nodata == 0
        assert src.shape == tile.grid.shape and (src.read() > 0).all(axis=0).mean() > 0.95
    preview(settings, tile.id, label)
    assert path.read_bytes() == before
