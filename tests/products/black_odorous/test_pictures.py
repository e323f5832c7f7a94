"""Pictures of the inspection list."""

from __future__ import annotations

from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from rs_pipeline.catalog.chips import Chip
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.products.black_odorous import pictures as module
from rs_pipeline.products.black_odorous.pictures import OUTLINE_RGB, PICTURE_WHITE_REFL, SIDE_PX, ZOOM, colours, pictures
from rs_pipeline.products.black_odorous.scoring import SCORE_DTYPES
from rs_pipeline.storage.tables import write_csv, write_parquet


def test_colours_by_hand():
    values = np.array([0.0, PICTURE_WHITE_REFL, 1.0, np.nan, PICTURE_WHITE_REFL / 2]).reshape(1, 1, 5)
    assert colours(values)[0, 0].tolist() == [0, 255, 255, 128, round(0.5**0.6 * 255)]


def scene(day: date) -> Scene:
    return Scene(
        scene_id=f"S-{day}",
        key=f"S-{day}",
        sensor="s",
        collection="c",
        platform="sentinel-2a",
        datetime=datetime(day.year, day.month, day.day, tzinfo=UTC),
        solar_day=day,
        processing_baseline="",
        cloud_cover=None,
        sun_elevation_deg=None,
        sun_azimuth_deg=None,
        scale=1e-4,
        offset=0.0,
        offset_decision="",
        offset_confidence="high",
        status="used",
        reason="",
    )


@pytest.fixture
def settings(make_settings, monkeypatch):
    """Two listed reaches; the first was seen on four dates and on one that glint took."""
    made, days = make_settings(black_odorous={"pictures": 1}), [date(2024, m, 5) for m in (4, 5, 6, 7, 8)]
    layout = Layout(made.root)
    lines = gpd.GeoDataFrame(
        {"reach_id": ["R-1", "R-2"], "tile": "r000c000", "width_m": 40.0},
        geometry=[shapely.LineString([(500_000, 4_300_500 + k), (500_200, 4_300_500 + k)]) for k in (0, 300)],
        crs=32650,
    )
    write_parquet(lines, layout.reach_lines)
    write_csv(pd.DataFrame({"rank": [1, 2], "reach_id": ["R-1", "R-2"], "period": "2024"}), layout.inspection_list)
    scores = pd.DataFrame({c: pd.Series([0] * 5) for c in SCORE_DTYPES}).assign(
        reach_id="R-1",
        period="2024",
        day=[d.isoformat() for d in days],
        scene_id=[f"S-{d}" for d in days],
        logit=[1.0, 3.0, -2.0, 2.0, np.nan],
        veto="",
        sensor="s",
    )
    write_parquet(scores.astype(SCORE_DTYPES), layout.reach_scores("2024", "r000c000"))
    monkeypatch.setattr(module, "load_chips", lambda *_: [Chip(scene(d), {}) for d in days])
    monkeypatch.setattr(module, "read_stack", lambda chips, roles, grid: np.full((1, 3, *grid.shape), 300, "uint16"))
    return made


def test_the_most_suspicious_dates_are_drawn_in_time_order(settings):
    """A picture that an earlier run left is not shown for this one's."""
    layout = Layout(settings.root)
    earlier = layout.inspection_picture("R-2", "2023-07-01")
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"")
    pictures(settings)
    index = pd.read_csv(layout.inspection_index, encoding="utf-8-sig")
    assert index.day.tolist() == ["2024-04-05", "2024-05-05", "2024-07-05"] and set(index.reach_id) == {"R-1"}
    assert sorted(p.name for p in layout.inspection_index.parent.glob("*.png")) == sorted(index.file)
    with rasterio.open(layout.inspection_picture("R-1", "2024-05-05")) as src:
        rgb = src.read()
    assert rgb.shape == (3, SIDE_PX * ZOOM, SIDE_PX * ZOOM)
    outline = (rgb == np.array(OUTLINE_RGB)[:, None, None]).all(axis=0)
    assert outline.any() and (rgb[:, ~outline] == round((0.03 / PICTURE_WHITE_REFL) ** 0.6 * 255)).all()


def test_an_empty_list_has_an_empty_index(settings):
    layout = Layout(settings.root)
    write_csv(pd.DataFrame({"rank": [], "reach_id": [], "period": []}), layout.inspection_list)
    pictures(settings)
    assert pd.read_csv(layout.inspection_index, encoding="utf-8-sig").empty
