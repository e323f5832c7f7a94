"""The ledger gives back what was written, missing values included."""

from datetime import UTC, date, datetime

import geopandas as gpd
import pytest

from rs_pipeline.catalog.items import NO_DATE
from rs_pipeline.catalog.ledger import read_ledger, write_ledger
from rs_pipeline.errors import TableError
from rs_pipeline.model import Scene


def scene(key: str, **changes) -> Scene:
    values = dict(
        scene_id=f"={key}",
        key=key,
        sensor="earth-search-sentinel-2-l2a",
        collection="sentinel-2-l2a",
        platform="sentinel-2a",
        datetime=datetime(2023, 6, 1, 3, 5, 6, 789012, tzinfo=UTC),
        solar_day=date(2023, 6, 1),
        processing_baseline="05.09",
        cloud_cover=12.5,
        sun_elevation_deg=60.0,
        sun_azimuth_deg=140.0,
        scale=1e-4,
        offset=-0.1,
        offset_decision="because",
        offset_confidence="high",
        status="used",
        reason="",
        assets={"red": "/d/a b.tif"},
        bbox=(115.0, 39.0, 116.0, 40.0),
        footprint_wkt="POLYGON ((115 39, 115 40, 116 40, 116 39, 115 39))",
        sign="none",
    )
    return Scene(**(values | changes))


def test_round_trip_sorted_by_key(tmp_path):
    blank = scene(
        "a",
        status="failed",
        reason="geometry cannot be read",
        datetime=NO_DATE,
        cloud_cover=None,
        sun_elevation_deg=None,
        sun_azimuth_deg=None,
        assets={},
        bbox=(0.0, 0.0, 0.0, 0.0),
        footprint_wkt="",
    )
    write_ledger([scene("b"), blank], tmp_path / "scenes.parquet")
    assert read_ledger(tmp_path / "scenes.parquet") == [blank, scene("b")]


def test_is_geoparquet_in_degrees(tmp_path):
    write_ledger([scene("b")], tmp_path / "scenes.parquet")
    table = gpd.read_parquet(tmp_path / "scenes.parquet")
    assert table.crs.to_epsg() == 4326 and table.geometry.iloc[0].bounds == (115.0, 39.0, 116.0, 40.0)
    assert {
        "scene_id",
        "collection",
        "platform",
        "datetime",
        "solar_day",
        "processing_baseline",
        "cloud_cover",
        "offset",
        "offset_decision",
        "status",
        "reason",
    } <= set(table)


def test_a_broken_ledger_is_named(tmp_path):
    path = tmp_path / "scenes.parquet"
    with pytest.raises(TableError, match="run `rs-pipeline search --config <configuration>` again"):
        raise_text(path)
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(TableError, match="cannot be read"):
        raise_text(path)


def raise_text(path):
    try:
        read_ledger(path)
    except TableError as fault:
        raise TableError(str(fault)) from None
