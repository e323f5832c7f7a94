"""Vector files of others: their content says what they are, nothing in them leads elsewhere, and nothing stands for more than their bytes."""

import json
import os
import sqlite3
import threading
import zipfile
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from rs_pipeline.config import InputSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs import formats, vectors
from rs_pipeline.inputs.formats import KEPT, keep_drivers
from rs_pipeline.inputs.vectors import read_vector

BOX = shapely.box(115.0, 37.5, 115.1, 37.6)
WKT = "POLYGON((115 38,116 38,116 39,115 38))"
CRS_WORDS = {"properties": {"href": "{url}/crs", "url": "{url}/crs", "type": "ogcwkt"}}


def units(path, n=1, **keywords):
    gpd.GeoDataFrame({"adcode": [f"{131101 + i}" for i in range(n)]}, geometry=[BOX] * n, crs=4326).to_file(path, **keywords)
    return path


def read(path, **stated):
    return read_vector(path, key="tables.x", stated=InputSection(**stated))


def refusal(path) -> str:
    with pytest.raises(ConfigError) as fault:
        read(path)
    assert "tables.x" in fault.value.where and fault.value.remedy
    return fault.value.what


@pytest.fixture
def inside():
    """The address of a server that nobody may be led to, and what it was asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f'id,WKT\n1,"{WKT}"\n'.encode())

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def vrt(source: str, more: str = "") -> str:
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource>{source}</SrcDataSource>{more}<LayerSRS>EPSG:4326</LayerSRS>'
        '<GeometryField encoding="WKT" field="WKT"/></OGRVRTLayer></OGRVRTDataSource>'
    )


def geojson(**members) -> str:
    shape = {"type": "Polygon", "coordinates": [[[115, 38], [116, 38], [116, 39], [115, 38]]]}
    crs = members.pop("of_the_shape", None)
    feature = {"type": "Feature", "properties": {}, "geometry": shape | ({"crs": crs} if crs else {})}
    return json.dumps({"type": "FeatureCollection", **members, "features": [feature]})


LINK, ADDRESS = {"type": "link", "properties": {"href": "@/crs"}}, {"type": "URL", "properties": {"url": "@/crs"}}
LED = {
    "a list of other files": vrt("/vsicurl/@/t.csv", "<SrcLayer>t</SrcLayer>"),
    "one after a remark": f"<!-- {' ' * 5000} -->" + vrt("/vsicurl_streaming/@/t.csv"),
    "a query": vrt("{folder}/private.csv", f"<SrcSQL dialect='SQLITE'>select *, '{WKT}' as WKT from private</SrcSQL>"),
    "a feature server": "<OGRWFSDataSource><URL>@/wfs</URL></OGRWFSDataSource>",
    "steps": json.dumps({"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read @/x.geojson"}),
    "GML": f'<f:FeatureCollection xmlns:f="http://www.opengis.net/wfs" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="x @/?REQUEST=DescribeFeatureType">{" " * 9}</f:FeatureCollection>',
    "a crs that is a link": geojson(crs=LINK),
    "a crs that is an address": geojson(crs=ADDRESS),
    "a crs by another spelling": geojson(crs=LINK).replace('"crs"', '"\\u0043rs"'),
    "a crs whose name ends early": geojson(crs=LINK).replace('"crs"', '"crs\\u0000s"'),
    "two crs": geojson(crs=LINK, CRS={"type": "name", "properties": {"name": "EPSG:4326"}}),
    "a crs of the shape": geojson(of_the_shape=ADDRESS),
    "a crs in other quotes": geojson(crs=LINK).replace('"crs"', "'crs'"),
    "a crs behind a remark": geojson(crs=LINK).replace('"crs":', '"crs"/**/:'),
    "a crs named by an address": geojson(crs={"type": "name", "properties": {"name": "@/crs"}}),
    "a crs named by a file": geojson(crs={"type": "name", "properties": {"name": "{folder}/private.csv"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.kml", "a.csv", "a"])
@pytest.mark.parametrize("text", LED.values(), ids=LED)
def test_what_leads_elsewhere_is_not_read_by_any_name(tmp_path, inside, name, text):
    (tmp_path / "private.csv").write_text("user,password\nroot,PRIVATE\n")
    (tmp_path / name).write_text(text.replace("@", inside.url).replace("{folder}", str(tmp_path)))
    assert "PRIVATE" not in refusal(tmp_path / name) and not inside.asked


def test_what_leads_elsewhere_is_not_read_from_a_zip_file(tmp_path, inside):
    for member in ("a.shp", "a.geojson", "a.vrt"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            packed.writestr(member, vrt(f"/vsicurl/{inside.url}/t.csv"))
        assert "cannot be read as a vector file" in refusal(tmp_path / "a.zip") and not inside.asked


def test_drivers_that_were_loaded_before_are_out_and_stay_out(tmp_path):
    with rasterio.Env():
        keep_drivers()
        pyogrio.core._register_drivers()
    assert set(pyogrio.list_drivers()) <= KEPT and "GPKG" in pyogrio.list_drivers() and "GPX" in pyogrio.list_drivers()


def test_drivers_that_stay_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(pyogrio, "list_drivers", lambda: {"OGR_VRT": "r"})
    with pytest.raises(ConfigError, match="GDAL keeps drivers that lead elsewhere: OGR_VRT"):
        read(units(tmp_path / "a.gpkg"))


def test_a_crs_that_has_a_name_is_read(tmp_path):
    for name in ("urn:ogc:def:crs:EPSG::4490", "urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "http://www.opengis.net/def/crs/EPSG/0/4490"):
        (tmp_path / "a.geojson").write_text(geojson(crs={"type": "name", "properties": {"name": name}}))
        assert len(read(tmp_path / "a.geojson")) == 1
    (tmp_path / "a.geojson").write_text(geojson(crs=None).replace('"properties": {}', '"properties": {"crs": "http://a/b", "CRS": null}'))
    assert len(read(tmp_path / "a.geojson")) == 1


def test_the_formats_that_are_read(tmp_path):
    units(tmp_path / "a.shp"), units(tmp_path / "a.kml", driver="KML"), units(tmp_path / "a.gdb", driver="OpenFileGDB")
    (tmp_path / "a.kml").replace(tmp_path / "b.kml")
    with zipfile.ZipFile(tmp_path / "c.kmz", "w") as packed:
        packed.write(tmp_path / "b.kml", "doc.kml")
    for name in ("d.zip", "d.shz", "d.shp.zip", "d"):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            for part in ("shp", "shx", "dbf", "prj", "cpg"):
                packed.write(tmp_path / f"a.{part}", f"县/units.{part}")
            packed.writestr("__MACOSX/县/._units.shp", b"about it")
    units(tmp_path / "e.geojson"), units(tmp_path / "e.gpkg")
    (tmp_path / "e.geojson").rename(tmp_path / "e.json")
    for name in ("a.shp", "a.gdb", "b.kml", "c.kmz", "d.zip", "d.shz", "d.shp.zip", "d", "e.json", "e.gpkg"):
        assert read(tmp_path / name).geometry[0].symmetric_difference(BOX).area < 1e-9, name


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(formats, "_head_of", refuse)
    assert refusal(units(tmp_path / "a.gpkg")) == "cannot be read as a vector file: Permission denied"


def test_a_zip_file_without_all_files_of_its_shapefile(tmp_path):
    units(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.write(tmp_path / "a.shp", "a.shp")
    assert refusal(tmp_path / "a.zip") == "cannot be read as a vector file: a.shx is missing in the zip file"


def test_several_shapefiles_in_a_zip_file_are_layers(tmp_path):
    frame = gpd.GeoDataFrame({"name": ["桃城区"]}, geometry=[BOX], crs=4326)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for name in ("towns", "wells"):
            frame.to_file(tmp_path / f"{name}.shp", encoding="GBK")
            for part in ("shp", "shx", "dbf", "prj"):
                packed.write(tmp_path / f"{name}.{part}", f"{name}/{name}.{part}")
    assert "2 of its layers fit: towns, wells" in refusal(tmp_path / "a.zip")
    assert read(tmp_path / "a.zip", layer="wells").name.tolist() == ["桃城区"]


def test_a_geopackage_of_several_layers_with_views_that_no_layer_rests_on(tmp_path):
    units(tmp_path / "a.gpkg", layer="towns"), units(tmp_path / "a.gpkg", layer="wells", n=2)
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as db, db:
        db.execute("CREATE VIEW endless AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0")
    assert len(read(tmp_path / "a.gpkg", layer="wells")) == 2


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS fid, geom, '' AS adcode FROM c, base"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((f"CREATE TABLE base AS SELECT * FROM a; DROP TABLE a; CREATE VIEW a AS {ENDLESS}",), "a is no table, but a view or another query"),
        ((f"CREATE TABLE base AS SELECT 1 AS geom; DROP TABLE gpkg_contents; CREATE VIEW gpkg_contents AS {ENDLESS}",), "gpkg_contents is no table"),
        (("DROP TABLE a; CREATE VIRTUAL TABLE a USING rtree(fid, x, y)",), "a is no table, but a view or another query"),
        (("ALTER TABLE a ADD COLUMN much AS (hex(zeroblob(100000000)))",), "a has columns that are computed"),
        ((f"ALTER TABLE a ADD COLUMN much DEFAULT '{'x' * 2000}'",), "a has values by default of more than 1000 bytes"),
    ],
)
def test_what_is_no_table_of_a_geopackage(tmp_path, change, told):
    units(tmp_path / "a.gpkg", layer="a", SPATIAL_INDEX="NO")
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.executescript(change[0])
    assert told in refusal(tmp_path / "a.gpkg")


def test_pages_of_a_geopackage_that_are_used_twice(tmp_path):
    path = units(tmp_path / "a.gpkg", layer="a", n=2000, SPATIAL_INDEX="NO")
    with closing(sqlite3.connect(path)) as db:
        page_bytes, root = db.execute("PRAGMA page_size").fetchone()[0], db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'a'").fetchone()[0]
    raw = bytearray(path.read_bytes())
    page = (root - 1) * page_bytes
    assert raw[page] == 5  # a page of pages
    cells = [page + int.from_bytes(raw[page + 12 + 2 * i : page + 14 + 2 * i]) for i in range(int.from_bytes(raw[page + 3 : page + 5]))]
    for cell in cells:
        raw[cell : cell + 4] = raw[cells[0] : cells[0] + 4]
    path.write_bytes(raw)
    assert "a is damaged" in refusal(path)


def test_an_index_of_a_shapefile_that_names_a_record_many_times(tmp_path):
    path = units(tmp_path / "a.shp")
    raw = (tmp_path / "a.shx").read_bytes()
    length = (100 + 8 * 1000) // 2
    (tmp_path / "a.shx").write_bytes(raw[:24] + length.to_bytes(4) + raw[28:100] + raw[100:108] * 1000)
    assert "a.shx names records of 136000 bytes, a.shp has 236" in refusal(path)


def test_names_that_each_feature_has_of_its_own(tmp_path):
    feature = '{{"type": "Feature", "properties": {{"c{0}": 1}}, "geometry": null}}'
    (tmp_path / "a.geojson").write_text('{"type": "FeatureCollection", "features": [' + ",".join(feature.format(i) for i in range(6000)) + "]}")
    assert refusal(tmp_path / "a.geojson").startswith("6000 features of 6000 columns are more cells than its ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<!DOCTYPE kml [<!ENTITY a "b">]><kml/>', "a document type"), ("<kml>" + "<Folder>" * 100_000, "more than 64 elements in each other"),
        ("[" * 100_000, "of no format that is read"), ('{"a":' * 100_000, "too many brackets"), ("<kml><a></kml>", "no XML: mismatched tag"), ('{"type": ', "no GeoJSON"),
    ],
)  # fmt: skip
def test_texts_that_are_deep_or_broken(tmp_path, text, told):
    (tmp_path / "a.gpkg").write_text(text)
    assert told in refusal(tmp_path / "a.gpkg")


@pytest.mark.parametrize("ending", ["cpg", "dbf", "shx", "prj", "DBF", "shp.xml"])
def test_pipes_beside_a_shapefile_are_not_waited_for(tmp_path, ending):
    units(tmp_path / "a.shp")
    (tmp_path / f"a.{ending}").unlink(missing_ok=True)
    os.mkfifo(tmp_path / f"a.{ending}")
    assert refusal(tmp_path / "a.shp") == f"a.{ending} is a pipe, not a file"


def test_rows_of_a_geodatabase_that_are_one_row(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "MOST_FEATURE_CELLS", 100_000)
    corners = shapely.Point(115, 37.5).buffer(0.1, quad_segs=2_000)
    path = tmp_path / "a.gdb"
    gpd.GeoDataFrame({"n": [0.5] * 300}, geometry=[corners] + [BOX] * 299, crs=4326).to_file(path, driver="OpenFileGDB")
    index = max(path.glob("*.gdbtablx"), key=lambda p: int.from_bytes(p.read_bytes()[8:12], "little"))
    raw = bytearray(index.read_bytes())
    rows, width = int.from_bytes(raw[8:12], "little"), int.from_bytes(raw[12:16], "little")
    assert rows == 300
    raw[16 : 16 + rows * width] = raw[16 : 16 + width] * rows
    index.write_bytes(raw)
    assert "corners in" in refusal(path)


def test_a_large_geojson_keeps_its_shapes(tmp_path):
    shapes = [shapely.box(x, 37.5, x + 0.001, 37.6) for x in np.linspace(115, 116, 500)]
    gpd.GeoDataFrame({"adcode": range(500)}, geometry=shapes, crs=4490).to_file(tmp_path / "a.geojson")
    assert read(tmp_path / "a.geojson").adcode.tolist() == list(range(500))
