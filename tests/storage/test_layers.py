"""The same rows give the same GeoPackage, whenever they are written."""

import sqlite3
import time
from contextlib import closing

import geopandas as gpd
import pyogrio
import shapely

from rs_pipeline.storage.layers import GPKG_TIME, write_layer


def test_no_clock_gets_into_a_geopackage(tmp_path):
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    table = gpd.GeoDataFrame({"name": ["雄县"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=32650)
    write_layer(table, tmp_path / "a.gpkg", "units", "MultiPolygon")
    time.sleep(0.05)
    write_layer(table, tmp_path / "b.gpkg", "units", "MultiPolygon")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as base:
        assert base.execute("SELECT last_change FROM gpkg_contents").fetchone() == (GPKG_TIME,)
    for name in ("c", "d"):
        write_layer(table, tmp_path / f"{name}.gpkg", "units", further={"neighbours": table.assign(name="北京市")})
    assert (tmp_path / "c.gpkg").read_bytes() == (tmp_path / "d.gpkg").read_bytes()
    assert gpd.read_file(tmp_path / "c.gpkg", layer="neighbours").name.tolist() == ["北京市"] and len(pyogrio.list_layers(tmp_path / "c.gpkg")) == 2
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == before
    back = gpd.read_file(tmp_path / "a.gpkg")
    assert back.name.tolist() == ["雄县"] and back.geometry.iloc[0].geom_type == "MultiPolygon" and back.crs.to_epsg() == 32650
