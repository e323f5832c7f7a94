"""Vector files as bureaus hand them in: what is plain is read, the rest is refused by file, feature and remedy."""

import json
import logging
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rs_pipeline.config import InputSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from rs_pipeline.inputs.vectors import read_vector

WEST, EAST = shapely.box(115.0, 37.5, 115.1, 37.6), shapely.box(115.1, 37.5, 115.2, 37.6)
CODES, NAMES = ["131101", "131102"], ["桃城区", "冀州区"]

ESRI = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_39",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,'
    '298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",39500000.0],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",117.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
"""As ArcGIS writes it: no authority, a datum and a method by other names than EPSG's."""


def frame(shapes=(WEST, EAST), crs=4326, **columns):
    return gpd.GeoDataFrame({"adcode": CODES[: len(shapes)], "name": NAMES[: len(shapes)]} | columns, geometry=list(shapes), crs=crs)


def read(path, kind="polygon", columns=(), label="adcode", **stated):
    return read_vector(Path(path), key="tables.x", stated=InputSection(**stated), kind=kind, columns=columns, label=label)


def refusal(path, **keywords):
    with pytest.raises(ConfigError) as fault:
        read(path, **keywords)
    assert "tables.x" in fault.value.where and fault.value.remedy
    return str(fault.value)


def moved(shapes, x=0.0, y=0.0):
    return shapely.transform(shapes, lambda c: np.add(c, [x, y]))


def swapped(shapes):
    return shapely.transform(shapes, lambda c: c[:, ::-1])


def placed(found):
    """Whether the two boxes lie where they should, to a centimetre."""
    return found.crs.to_epsg() == 4326 and np.allclose(found.total_bounds, [115.0, 37.5, 115.2, 37.6], atol=1e-7)


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "label", "told"),
    [
        ("GBK", None, "read as GB18030"), ("GBK", "UTF-8", "though its .cpg says utf-8"), ("GBK", "ISO-8859-1", "though its .cpg says iso8859-1"), ("GBK", "936", ""),
        ("UTF-8", None, ""), ("UTF-8", "GBK", ""), ("UTF-8", "ANSI 1252", ""), ("UTF-8", "nonsense", ""), ("Big5", "Big5", ""),
    ],
)  # fmt: skip
def test_names_are_right_whatever_the_cpg_says(tmp_path, caplog, written, label, told):
    names = ["桃城", "冀州"] if written == "Big5" else NAMES
    frame(name=names).to_file(tmp_path / "a.shp", encoding=written)
    (tmp_path / "a.cpg").unlink()
    if label:
        (tmp_path / "a.cpg").write_text(label)
    assert read(tmp_path / "a.shp").name.tolist() == names
    assert (told in caplog.text) if told else not caplog.text


def test_latin_names_stay_latin_and_chinese_ones_chinese(tmp_path):
    frame(name=["é" * 3, "Köln"]).to_file(tmp_path / "a.shp", encoding="ISO-8859-1")
    assert read(tmp_path / "a.shp").name.tolist() == ["é" * 3, "Köln"]
    frame(name=["省" * 80, "x"]).to_file(tmp_path / "b.shp", encoding="GBK")
    (tmp_path / "b.cpg").unlink()
    assert read(tmp_path / "b.shp").name.tolist() == ["省" * 80, "x"]  # its bytes are valid UTF-8, by chance


def test_a_stated_encoding_counts_or_is_refused(tmp_path):
    frame().to_file(tmp_path / "a.shp", encoding="GBK")
    assert read(tmp_path / "a.shp", encoding="GBK").name.tolist() == NAMES
    assert "its texts are not utf-8" in refusal(tmp_path / "a.shp", encoding="UTF-8")


def test_zipped_and_geojson_files_of_a_chinese_windows(tmp_path):
    frame().to_file(tmp_path / "a.shp", encoding="GBK")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for kind in ("shp", "shx", "dbf", "prj"):
            archive.write(tmp_path / f"a.{kind}", f"a.{kind}")
    assert read(tmp_path / "a.zip").name.tolist() == NAMES
    text = frame().to_json(ensure_ascii=False)
    for name, raw in (("gbk", text.encode("gbk")), ("bom", b"\xef\xbb\xbf" + text.encode())):
        (tmp_path / f"{name}.geojson").write_bytes(raw)
        assert read(tmp_path / f"{name}.geojson").name.tolist() == NAMES


# --- layers ----------------------------------------------------------------------------------------------------------


def test_of_several_layers_the_one_that_fits_is_taken_or_one_must_be_named(tmp_path, caplog):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="towns")
    frame([shapely.Point(115, 37)]).to_file(path, layer="wells")
    assert placed(read(path)) and "layer towns is taken, of towns, wells" in caplog.text
    frame(type="meadow").to_file(path, layer="grass")
    assert "2 of its layers fit: towns, grass" in refusal(path)
    assert "type" in read(path, columns=("type",)) and "type" not in read(path, layer="towns")
    assert "there is no layer 'town'" in refusal(path, layer="town")
    assert "none of its layers fits: towns, wells, grass" in refusal(path, columns=("height",))


# --- coordinates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epsg", [4490, 4527, 4548, 32650, 3857])
def test_cgcs2000_as_registries_know_it(tmp_path, epsg):
    frame().to_crs(epsg).to_file(tmp_path / "a.gpkg")
    assert placed(read(tmp_path / "a.gpkg"))


@pytest.mark.parametrize(
    ("prj", "numbers", "told"),
    [
        (ESRI, 4527, ""), (ESRI.replace("39500000.0", "500000.0").replace("Zone_39", "CM_117E"), 4548, ""),
        (ESRI.replace("39500000.0", "500000.0").replace("Zone_39", "CM_117E"), 4527, "begin with the zone number 39"), (ESRI, 4548, "lack the zone number 39"),
    ],
)  # fmt: skip
def test_cgcs2000_as_arcgis_writes_it_with_or_without_the_zone_number(tmp_path, caplog, prj, numbers, told):
    frame().to_crs(numbers).to_file(tmp_path / "a.shp")
    (tmp_path / "a.prj").write_text(prj)
    assert placed(read(tmp_path / "a.shp"))
    assert (told in caplog.text) if told else not caplog.text


def test_a_zone_number_of_another_zone_is_refused(tmp_path):
    frame().to_crs(4526).set_crs(4527, allow_override=True).to_file(tmp_path / "a.gpkg")
    text = refusal(tmp_path / "a.gpkg")
    assert "look like metres of Gauss-Krueger zone 38" in text and "EPSG:4526" in text
    assert placed(read(tmp_path / "a.gpkg", crs="EPSG:4526"))


@pytest.mark.parametrize(
    ("epsg", "looks", "guess"),
    [
        (4490, "look like degrees", "EPSG:4490"), (4527, "Gauss-Krueger zone 39", "EPSG:4527"), (4548, "a zone without its number", "EPSG:4548"),
        (3857, "Web Mercator", "EPSG:3857"),
    ],
)  # fmt: skip
def test_without_a_crs_the_numbers_are_told_and_one_can_be_stated(tmp_path, epsg, looks, guess):
    frame().to_crs(epsg).to_file(tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    text = refusal(tmp_path / "a.shp")
    assert "the file has no CRS; x " in text and looks in text and guess in text and "inputs.tables.x.crs" in text
    assert placed(read(tmp_path / "a.shp", crs=f"EPSG:{epsg}"))


def test_exchanged_axes_are_put_right_and_said(tmp_path, caplog):
    for epsg, shapes in ((4326, swapped(np.array([WEST, EAST]))), (4527, swapped(frame().to_crs(4527).geometry.to_numpy()))):
        frame(shapes, crs=epsg).to_file(tmp_path / f"{epsg}.gpkg")
        caplog.clear()
        assert placed(read(tmp_path / f"{epsg}.gpkg")) and "the axes are put right" in caplog.text


def test_metres_in_a_geojson_are_not_taken_for_degrees(tmp_path):
    (tmp_path / "a.geojson").write_text(frame().to_crs(4527).set_crs(4326, allow_override=True).to_json())
    text = refusal(tmp_path / "a.geojson")
    assert "is in degrees, but x 3.93" in text and "EPSG:4527" in text
    assert placed(read(tmp_path / "a.geojson", crs="EPSG:4527"))


def test_shifted_systems_can_be_stated(tmp_path):
    gcj = shapely.transform(np.array([WEST, EAST]), wgs84_to_gcj02)
    frame(gcj).to_file(tmp_path / "gcj.gpkg")
    frame(shapely.transform(gcj, gcj02_to_bd09)).to_file(tmp_path / "bd.gpkg")
    assert placed(read(tmp_path / "gcj.gpkg", crs="gcj02")) and placed(read(tmp_path / "bd.gpkg", crs="BD-09"))
    assert not placed(read(tmp_path / "gcj.gpkg"))


def test_old_datums_are_named(tmp_path, caplog):
    frame(crs=4610).to_file(tmp_path / "a.gpkg")
    read(tmp_path / "a.gpkg")
    assert "Xian 1980 is converted without local parameters" in caplog.text


# --- shapes ----------------------------------------------------------------------------------------------------------

SPIKE = shapely.Polygon([(115, 37.5), (115.1, 37.5), (115.1, 37.6), (115.15, 37.55), (115.1, 37.6), (115, 37.6)])
BOW_TIE = shapely.Polygon([(115, 37.5), (115.1, 37.6), (115.1, 37.5), (115, 37.6)])
TURNED_BACK = shapely.Polygon([(115, 37.5), (115.1, 37.5), (115.1, 37.6), (115.05, 37.6), (115.06, 37.55), (115.04, 37.55), (115.05, 37.6), (115, 37.6)])
TWICE = shapely.MultiPolygon([WEST, moved(WEST, 0.05)])


@pytest.mark.parametrize(
    ("shape", "area"),
    [(SPIKE, 0.01), (BOW_TIE, 0.005), (TURNED_BACK, 0.01 - 0.0005), (TWICE, 0.015), (shapely.GeometryCollection([WEST, shapely.LineString([(115, 37), (115, 37.5)])]), 0.01),
     (shapely.force_3d(WEST, 8.0), 0.01), (shapely.Polygon([*list(WEST.exterior.coords)[:2], *list(WEST.exterior.coords)[1:]]), 0.01)],
    ids=["spike", "bow-tie", "ring turned back", "overlapping parts", "collection", "heights", "vertex twice"],
)  # fmt: skip
def test_repair_keeps_the_ground(tmp_path, shape, area):
    frame([shape, EAST]).to_file(tmp_path / "a.gpkg")
    found = read(tmp_path / "a.gpkg").geometry[0]
    assert found.is_valid and found.geom_type in ("Polygon", "MultiPolygon") and not found.has_z and found.area == pytest.approx(area, rel=1e-9)


def test_what_was_repaired_is_named_by_its_code(tmp_path, caplog):
    frame([WEST, moved(BOW_TIE, 0.1)]).to_file(tmp_path / "a.gpkg")
    read(tmp_path / "a.gpkg")
    assert "repaired 131102 (Self-intersection)" in caplog.text


def test_curves_become_lines_of_short_pieces(tmp_path):
    ring = "CIRCULARSTRING (115 37.5, 115.1 37.6, 115.2 37.5, 115.1 37.4, 115 37.5)"
    (tmp_path / "a.csv").write_text(f'WKT,adcode\n"CURVEPOLYGON ({ring})",1\n"MULTISURFACE (CURVEPOLYGON ({ring}))",2\n')
    found = read(tmp_path / "a.csv", crs="EPSG:4326")
    assert found.area.to_numpy() == pytest.approx([np.pi * 0.01] * 2, rel=1e-3)


def test_rings_left_open_and_wound_wrongly(tmp_path):
    ring = [[115.0, 37.5], [115.0, 37.6], [115.1, 37.6], [115.1, 37.5]]
    feature = {"type": "Feature", "properties": {"adcode": 131101}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert read(tmp_path / "a.geojson").area[0] == pytest.approx(0.01)


@pytest.mark.parametrize("nothing", [None, shapely.Polygon(), shapely.Polygon([(115, 37), (115, 38), (115, 37)])])
def test_a_feature_without_a_shape_is_named(tmp_path, caplog, nothing):
    frame([nothing, EAST]).to_file(tmp_path / "a.gpkg")
    assert "without a shape: 131101" in refusal(tmp_path / "a.gpkg")
    found = read(tmp_path / "a.gpkg", label="")
    assert found.adcode.tolist() == ["131102"] and "left out, as they have no shape: row 1" in caplog.text


def test_lines_are_no_polygons_but_may_be_a_coast(tmp_path):
    frame([WEST.boundary, EAST]).to_file(tmp_path / "a.gpkg")
    assert "LineString where a polygon is needed: 131101" in refusal(tmp_path / "a.gpkg")
    assert len(read(tmp_path / "a.gpkg", kind="line or polygon")) == 2


def test_what_is_no_vector_file(tmp_path):
    (tmp_path / "a.gpkg").write_bytes(b"hello")
    assert "cannot be read as a vector file" in refusal(tmp_path / "a.gpkg")
    frame().to_file(tmp_path / "b.shp")
    (tmp_path / "b.shx").unlink()
    assert "hand in all files of the shapefile" in refusal(tmp_path / "b.shp")
    frame().iloc[:0].to_file(tmp_path / "c.gpkg")
    assert "no features" in refusal(tmp_path / "c.gpkg")
    frame().drop(columns="name").to_file(tmp_path / "d.gpkg")
    assert "columns not found: ['name']" in refusal(tmp_path / "d.gpkg", columns=("name",))


@pytest.fixture(autouse=True)
def every_line(caplog):
    caplog.set_level(logging.WARNING)
