"""Side files that stand for much, or never end: refused by name, in little time and memory."""

import io
import os
import time
import zipfile

import numpy as np
import openpyxl
import pytest
import rasterio
from affine import Affine

from rs_pipeline.checks import check_files
from rs_pipeline.config import InputSection
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.inputs import formats
from rs_pipeline.inputs import tables as tables_module
from rs_pipeline.inputs.tables import read_table
from rs_pipeline.inputs.vectors import read_vector
from rs_pipeline.storage import blocks


def refused(path) -> str:
    with pytest.raises(TableError) as caught:
        read_table(path, ("adcode",))
    return caught.value.what


def test_a_header_of_a_hundred_thousand_columns_is_read_in_proportion(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("adcode," + ",".join(f"c{i}" for i in range(100_000)) + "\n" + "1," * 100_000 + "1\n")
    started = time.perf_counter()
    assert read_table(path, ("adcode",)).column("c99999") == ["1"] and time.perf_counter() - started < 5


def test_a_cell_far_away_makes_no_million_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_module, "MOST_CELLS", 10_000)
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A2"], book.active["A20000"] = "adcode", 1, 2
    book.save(tmp_path / "far.xlsx")
    assert refused(tmp_path / "far.xlsx") == "more than 10000 cells, empty ones among them"


def test_empty_cells_at_the_end_of_a_row_are_no_cells(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A2"], book.active["XFD3"] = "adcode", 1, " "
    book.save(tmp_path / "wide.xlsx")
    assert read_table(tmp_path / "wide.xlsx", ("adcode",)).column("adcode") == ["1"]


def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_module, "MOST_WORKBOOK_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", bytes(2**22))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 10_000
    assert refused(tmp_path / "bomb.xlsx") == "not an Excel workbook: 4 MiB when it is unpacked, the limit is 1"


def workbook(path, name: str, end: bytes, much: bytes):
    """A workbook of one code, with something put before the end of an element of one of its parts."""
    book, plain = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"], book.active["A2"] = "adcode", "1"
    book.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in old.namelist():
            raw = old.read(member)
            assert member != name or end in raw
            packed.writestr(member, raw.replace(end, much + end, 1) if member == name else raw)
    return path


@pytest.mark.parametrize(
    ("name", "end", "tag", "told"),
    [
        ("xl/styles.xml", b"</styleSheet>", b"<a/>", "styles and lists of parts of more than 150000 tags or 16 MiB"),
        ("xl/styles.xml", b"</cellXfs>", b"<xf/>", "styles and lists of parts of more than 150000 tags or 16 MiB"),
        ("xl/workbook.xml", b"</workbook>", b"<a/>", "styles and lists of parts of more than 150000 tags or 16 MiB"),
        ("[Content_Types].xml", b"</Types>", b"<Override/>", "styles and lists of parts of more than 150000 tags or 16 MiB"),
        ("xl/styles.xml", b"</styleSheet>", b" " * 100, "styles and lists of parts of more than 150000 tags or 16 MiB"),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b"<row/>", "sheets and texts of more than 1000000 tags or 512 MiB"),
        ("xl/worksheets/sheet1.xml", b"</row>", b"<c/>", "sheets and texts of more than 1000000 tags or 512 MiB"),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b" " * 500, "MiB when it is unpacked, the limit is 64"),
    ],
)
def test_a_workbook_of_many_tags_is_refused_before_they_are_objects(tmp_path, name, end, tag, told):
    path = workbook(tmp_path / "a.xlsx", name, end, tag * 1_100_000 if tag.strip() else tag * 200_000)
    started = time.perf_counter()
    assert told in refused(path) and time.perf_counter() - started < 5


def test_a_workbook_with_a_document_type_or_sheets_that_are_one(tmp_path):
    path = workbook(tmp_path / "a.xlsx", "xl/styles.xml", b"<styleSheet", b'<!DOCTYPE a [<!ENTITY b "c">]>')
    assert "xl/styles.xml has a document type" in refused(path)
    again = b'<sheet xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" name="b" sheetId="2" r:id="rId1"/>'
    assert refused(workbook(tmp_path / "b.xlsx", "xl/workbook.xml", b"</sheets>", again)) == "two sheets are one part of the file"


def test_a_form_with_a_large_picture_and_many_styles_opens(tmp_path):
    path = workbook(tmp_path / "a.xlsx", "xl/styles.xml", b"</cellXfs>", b"<xf/>" * 2000)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("xl/media/image1.png", b"\x89PNG" + np.random.default_rng(1).bytes(2**25))
    assert read_table(path, ("adcode",)).column("adcode") == ["1"]


def test_rows_that_become_as_long_as_the_longest(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_module, "MOST_CELLS", 100_000)
    book = openpyxl.Workbook()
    for row in (["adcode", *["x"] * 1000], *[[i] for i in range(100)]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.csv").write_text("adcode;" + ";".join(f"c{i}" for i in range(1000)) + "\n" + "1\n" * 101)
    assert refused(tmp_path / "a.xlsx") == refused(tmp_path / "a.csv").replace("102 rows", "101 rows") == "101 rows, one of them of 1001 cells"


def no_vector(path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_vector(path, key="units.path", stated=InputSection())
    return caught.value.what


def test_a_zipped_shapefile_that_unpacks_to_gigabytes_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MOST_UNPACKED_BYTES", 2**20)
    for name, member in (("bomb.zip", "a.shp"), ("bomb.shz", "a.shp"), ("bomb.kmz", "doc.kml"), ("bomb", "a.shp")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(member, bytes(2**22))
        assert no_vector(tmp_path / name) == "4 MiB when it is unpacked, the limit is 1"


def test_pipes_and_names_that_mean_another_file(tmp_path):
    for name in ("a.csv", "a.gpkg"):
        os.mkfifo(tmp_path / name)
    assert refused(tmp_path / "a.csv") == "a pipe, not a file" and no_vector(tmp_path / "a.gpkg") == "a pipe, not a file"
    (tmp_path / "a;b.gpkg").touch()
    assert no_vector(tmp_path / "a;b.gpkg") == "its path has ';', at which readers of vector files split a path: rename it"


def test_the_check_at_the_start_waits_for_no_pipe(tmp_path, make_settings):
    os.mkfifo(tmp_path / "dem.tif")
    with pytest.raises(ConfigError, match=r"masks\.dem: .*dem\.tif: a pipe, not a file; hand in a file"):
        check_files(make_settings(masks={"dem": str(tmp_path / "dem.tif")}))


@pytest.mark.parametrize(("limit", "said"), [(64 * 64 * 2, "blocks of 0 MiB"), (128 * 128 * 2, "an overview in blocks of 0 MiB")])
def test_blocks_of_heights_are_held_to_the_limit(tmp_path, make_settings, monkeypatch, limit, said):
    with rasterio.open(
        tmp_path / "dem.tif",
        "w",
        driver="GTiff",
        width=512,
        height=512,
        count=1,
        dtype="int16",
        crs="EPSG:32650",
        transform=Affine(30, 0, 5e5, 0, -30, 4.4e6),
        tiled=True,
        blockxsize=128,
        blockysize=128,
    ) as out:
        out.write(np.zeros((512, 512), "int16"), 1)
    with rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=256), rasterio.open(tmp_path / "dem.tif", "r+") as out:
        out.build_overviews([2])
    settings = make_settings(masks={"dem": str(tmp_path / "dem.tif")})
    monkeypatch.setattr(blocks, "MAX_BLOCK_BYTES", limit)
    with pytest.raises(ConfigError, match=f"dem.tif: {said}"):
        check_files(settings)
