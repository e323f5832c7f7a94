"""Rasters of others: what leads GDAL to another file, or asks for more than a raster needs, is refused; what is honest opens."""

import os
import struct
import time

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import RasterioIOError
from rasterio.shutil import copy

from rs_pipeline.errors import RasterError
from rs_pipeline.storage.blocks import check_blocks
from rs_pipeline.storage.foreign import foreign_raster
from rs_pipeline.storage.headers import MAX_DIRECTORIES
from tests.remote.conftest import serving  # noqa: F401  (fixture)
from tests.remote.server import always, http

PLACE = {"crs": "EPSG:32650", "transform": Affine(10, 0, 500_000, 0, -10, 4_400_000)}
INLINE = (
    '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand"><SourceFilename relativetoVRT="0">{}'
    "</SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>8</LineOffset></VRTRasterBand></VRTDataset>"
)
SHIFTED = 'PROJCS["{}",GEOGCS["x",DATUM["x",SPHEROID["x",6378100,298.2]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",117.3],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.1],UNIT["Meter",1.0]{}]'  # fmt: skip
BOUND = 'BOUNDCRS[SOURCECRS[GEOGCRS["{}",DATUM["x",ELLIPSOID["x",6378100,298.2]],PRIMEM["Greenwich",0],CS[ellipsoidal,2],AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]],TARGETCRS[GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],CS[ellipsoidal,2],AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]],ABRIDGEDTRANSFORMATION["x",METHOD["NTv2",ID["EPSG",9615]],PARAMETERFILE["Latitude and longitude difference file","{}"]]]'  # fmt: skip


def written(path, tags=None, n=64, **options):
    """A GeoTIFF of ones with metadata of domains."""
    with rasterio.open(path, "w", driver="GTiff", width=n, height=n, count=1, dtype="uint16", **PLACE | options) as out:
        out.write(np.ones((n, n), "uint16"), 1)
        for domain, values in (tags or {}).items():
            out.update_tags(ns=domain, **values)
    return path


def as_jp2(path):
    with rasterio.open(path) as source:
        copy(source, path.with_suffix(".jp2"), driver="JP2OpenJPEG", WRITE_METADATA="YES", REVERSIBLE="YES", QUALITY=100)
    return path.with_suffix(".jp2")


@pytest.fixture
def hidden(serving, tmp_path):  # noqa: F811
    """A server of an internal network, a text of the user's and a pipe: what must not be read."""
    (tmp_path / "private.txt").write_bytes(b"PRIVATE!" * 8)
    os.mkfifo(tmp_path / "pipe")
    return serving(always(http(body=b"x")))


@pytest.mark.parametrize("kind", ["tif", "jp2"])
@pytest.mark.parametrize("target", ["/vsicurl/{url}/x.tif", "{folder}/private.txt", "inline", "{folder}/pipe"])
def test_metadata_that_name_other_overviews_are_refused(tmp_path, hidden, kind, target):
    name = INLINE.format(tmp_path / "private.txt") if target == "inline" else target.format(url=hidden.url, folder=tmp_path)
    path = written(tmp_path / "x.tif", {"OVERVIEWS": {"OVERVIEW_FILE": name}})
    path = as_jp2(path) if kind == "jp2" else path
    hidden.requests.clear()
    for read in (foreign_raster(path).__enter__, lambda: check_blocks(path)):
        with pytest.raises(RasterError, match=r"metadata name other files \(OVERVIEWS\)") as caught:
            read()
        assert caught.value.where == str(path) and "gdal_translate" in caught.value.remedy
    assert hidden.requests == []


def test_metadata_that_name_other_coordinates_are_refused(tmp_path, hidden):
    """A warp of a raster without a place of its own would open them."""
    far = {"X_DATASET": f"{tmp_path}/pipe", "X_BAND": "1", "Y_DATASET": f"/vsicurl/{hidden.url}/y.tif", "Y_BAND": "1", "PIXEL_OFFSET": "0", "LINE_OFFSET": "0"}
    path = written(tmp_path / "x.tif", {"GEOLOCATION": far | {"PIXEL_STEP": "1", "LINE_STEP": "1"}})
    with pytest.raises(RasterError, match="GEOLOCATION"), foreign_raster(path):
        pass


@pytest.mark.parametrize("how", ["bound", "projected"])
def test_a_crs_that_names_a_file_is_refused_before_anybody_asks_for_it(tmp_path, hidden, how):
    """PROJ would wait for the pipe while GDAL opens the raster."""
    shift = f',EXTENSION["PROJ4","+proj=tmerc +lon_0=117.3 +ellps=WGS84 +nadgrids={tmp_path}/pipe +units=m +no_defs"]'
    wanted = (BOUND.format("{}", tmp_path / "pipe") if how == "bound" else SHIFTED.format("{}", shift)).replace("{}", "@")
    path = written(tmp_path / "x.tif", crs=CRS.from_wkt(SHIFTED.format("P" * 1100, "")), GEOTIFF_KEYS_FLAVOR="ESRI_PE")
    data = path.read_bytes()
    first = data.index(b"ESRI PE String = ") + len(b"ESRI PE String = ")
    end = data.index(b"|", first)
    named = wanted.replace("@", "P" * (end - first - len(wanted) + 1)).encode()
    path.write_bytes(data[:first] + named + data[end:])
    with pytest.raises(RasterError, match="its CRS names a file"), foreign_raster(path):
        pass


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:4490", "EPSG:4547", "EPSG:4326+5773", "EPSG:9518"])
def test_crs_of_a_register_are_let_through(tmp_path, crs):
    """Also one whose WKT names a grid of PROJ's own data."""
    with foreign_raster(written(tmp_path / "x.tif", crs=crs)) as dataset:
        assert dataset.crs is not None and dataset.read(1).all()


WMS = '<GDAL_WMS><Service name="TMS"><ServerUrl>{}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service><DataWindow><SizeX>64</SizeX><SizeY>64</SizeY></DataWindow></GDAL_WMS>'


@pytest.mark.parametrize("text", [INLINE, WMS, "<html>please log in</html>", "ncols 2\nnrows 2\n", ""], ids=["vrt", "wms", "html", "asc", "empty"])
def test_a_file_is_what_its_first_bytes_say(tmp_path, hidden, text):
    (tmp_path / "dem.tif").write_text(text.replace("{}", hidden.url if text == WMS else str(tmp_path / "private.txt")))
    with pytest.raises(RasterioIOError, match="not recognized"), foreign_raster(tmp_path / "dem.tif"):
        pass
    assert hidden.requests == []


@pytest.mark.parametrize("name", ["/vsicurl/{}/a.tif", "/vsicurl?url={}/a.tif", "/vsitar//vsicurl?url={}/c.tar/x", "{}/a.tif", "GTIFF_DIR:1:/vsicurl/{}/a.tif"])
def test_a_name_is_a_path_of_the_disk(hidden, name):
    with pytest.raises(RasterioIOError, match="no such file"), foreign_raster(name.format(hidden.url)):
        pass
    assert hidden.requests == []


def test_pipes_and_folders_are_no_rasters(tmp_path, hidden):
    for path, said in ((tmp_path / "pipe", "a pipe"), (tmp_path, "no such file")):
        with pytest.raises(RasterioIOError, match=said), foreign_raster(path):
            pass


def test_what_lies_beside_a_raster_is_not_read(tmp_path, hidden):
    path = written(tmp_path / "x.tif")
    for suffix in (".ovr", ".msk", ".aux.xml"):
        (tmp_path / f"x.tif{suffix}").write_text(INLINE.format(tmp_path / "private.txt"))
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [8], "GDAL would read the private file"
    with foreign_raster(path) as dataset:
        assert dataset.overviews(1) == [] and dataset.read(1, out_shape=(8, 8)).min() == 1


@pytest.mark.parametrize(
    "options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}, {"BIGTIFF": "YES", "ENDIANNESS": "BIG"}], ids=lambda o: "-".join(o) or "plain"
)
def test_honest_files_open(tmp_path, options):
    """With overviews and a mask of their own, and as COG."""
    path = tmp_path / "x.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        written(path, {"": {"a": "b" * 10_000}}, n=512, tiled=True, blockxsize=128, blockysize=128, **options)
        with rasterio.open(path, "r+") as out:
            out.write_mask(np.eye(512, dtype="uint8") * 255)
            out.build_overviews([2, 4, 8, 16])
    copy(path, tmp_path / "cog.tif", driver="COG", BLOCKSIZE=128, BIGTIFF=options.get("BIGTIFF", "NO"))
    for name in ("x.tif", "cog.tif"):
        check_blocks(tmp_path / name)
        with foreign_raster(tmp_path / name) as dataset:
            assert dataset.overviews(1)[:2] == [2, 4] and dataset.read(1).all() and dataset.read_masks(1).sum() == 512 * 255


def test_control_points_and_jpeg_2000_open(tmp_path):
    points = [GroundControlPoint(row, col, 117 + col / 1000, 39 - row / 1000) for row in range(0, 64, 4) for col in range(0, 64, 4)]
    with foreign_raster(written(tmp_path / "points.tif", crs="EPSG:4326", transform=None, gcps=points)) as dataset:
        assert len(dataset.gcps[0]) == 256
    with foreign_raster(as_jp2(written(tmp_path / "x.tif"))) as dataset:
        assert dataset.crs == CRS.from_epsg(32650) and dataset.read(1).all()


def chained(path, count, big=False, order="<", circle=False, far=0):
    """A TIFF of so many directories of one pixel, and the last leads nowhere or to the first."""
    head, entry, link, first = ("Q", "HHQQ", "Q", 16) if big else ("H", "HHII", "I", 8)
    tags = [(256, 3, 1), (257, 3, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, first), (277, 3, 1), (278, 3, 1), (279, 4, 1), (254, 4, 1)]

    def packed(tag, kind, value):
        room = 8 if big else 4
        return struct.pack(f"{order}HH{link}", tag, kind, 1) + struct.pack(f"{order}{'H' if kind == 3 else 'I'}", value).ljust(room, b"\0")

    size = struct.calcsize(f"<{head}") + len(tags) * struct.calcsize(f"<{entry}") + struct.calcsize(f"<{link}")
    sign = b"II" if order == "<" else b"MM"
    begin = sign + (struct.pack(f"{order}HHHQ", 43, 8, 0, first + 8) if big else struct.pack(f"{order}HI", 42, first + 8)) + bytes(8)
    body = b""
    for i in range(count):
        to = first + 8 + size * (i + 1) if i + 1 < count else (first + 8 if circle else far)
        body += struct.pack(f"{order}{head}", len(tags)) + b"".join(packed(*t) for t in sorted(tags)) + struct.pack(f"{order}{link}", to)
    path.write_bytes(begin + body)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_chain_of_directories_has_its_limit(tmp_path, big, order):
    with foreign_raster(chained(tmp_path / "x.tif", MAX_DIRECTORIES, big, order)) as dataset:
        assert dataset.shape == (1, 1)
    for path in (chained(tmp_path / "y.tif", MAX_DIRECTORIES + 1, big, order), chained(tmp_path / "z.tif", 3, big, order, circle=True)):
        with pytest.raises(RasterError, match="more than 32 directories"), foreign_raster(path):
            pass
    with pytest.raises(RasterioIOError, match="ends before its header"), foreign_raster(chained(tmp_path / "x.tif", 3, big, order, far=2**31)):
        pass


def with_tag(path, tag, kind, count, value=b""):
    """A little-endian classic TIFF with one more tag, written behind its end."""
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (n,) = struct.unpack_from("<H", data, first)
    entries = [bytes(data[first + 2 + 12 * i : first + 14 + 12 * i]) for i in range(n)]
    entries.append(struct.pack("<HHII", tag, kind, count, len(data)))
    data += value + bytes(len(value) % 2)
    data[4:8] = struct.pack("<I", len(data))
    path.write_bytes(data + struct.pack("<H", n + 1) + b"".join(sorted(entries, key=lambda e: struct.unpack_from("<H", e)[0])) + bytes(4))
    return path


def items(count: int) -> bytes:
    return b"<GDALMetadata>" + b"".join(b'<Item name="%d">b</Item>' % i for i in range(count)) + b"</GDALMetadata>\0"


def test_metadata_have_a_limit_and_what_is_below_it_costs_little(tmp_path):
    began = time.perf_counter()
    with foreign_raster(with_tag(written(tmp_path / "x.tif"), 42112, 2, len(items(9000)), items(9000))) as dataset:
        assert len(dataset.tags()) >= 9000
    for count in (12_000, 300_000):
        with pytest.raises(RasterError, match="metadata of more than 256 KiB"):
            with foreign_raster(with_tag(written(tmp_path / "y.tif"), 42112, 2, len(items(count)), items(count))):
                pass
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("tag, kind, count", [(270, 2, 2**23), (700, 1, 2**31), (33922, 12, 2**20), (65_000, 99, 2**30)])
def test_other_tags_have_a_limit(tmp_path, tag, kind, count):
    with pytest.raises(RasterError, match="tags of more than 4 MiB"), foreign_raster(with_tag(written(tmp_path / "x.tif"), tag, kind, count)):
        pass


def boxes(path, *more: bytes):
    """A JPEG 2000 with boxes before its codestream."""
    data = as_jp2(written(path.with_suffix(".tif"))).read_bytes()
    at = data.index(b"jp2c") - 4
    path.write_bytes(data[:at] + b"".join(more) + data[at:])
    return path


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def nested(depth: int) -> bytes:
    return b"".join(struct.pack(">I4s", 8 * (depth - i), b"asoc") for i in range(depth))


def test_boxes_of_a_jpeg_2000_have_their_limits(tmp_path):
    few = b"<GDALMultiDomainMetadata>" + b"<Metadata>" + b'<MDI key="a">b</MDI>' * 1000 + b"</Metadata></GDALMultiDomainMetadata>"
    for honest in ([box(b"xml ", few)], [box(b"free", bytes(2**20))], [nested(20_000)]):
        with foreign_raster(boxes(tmp_path / "x.jp2", *honest)) as dataset:
            assert dataset.read(1).all()
    for bomb, said in (
        ([box(b"xml ", few * 20)], "metadata of more than 256 KiB"),
        ([box(b"uuid", bytes(2**18))], "metadata of more"),
        ([box(b"free", b"")] * 70, "more than 64 boxes"),
        ([box(b"xml ", b'PARAMETERFILE["x","/etc/passwd"]')], "its CRS names a file"),
    ):
        with pytest.raises(RasterError, match=said), foreign_raster(boxes(tmp_path / "y.jp2", *bomb)):
            pass
    for damage in (struct.pack(">I4s", 3, b"xml "), struct.pack(">I4sQ", 1, b"xml ", 2**63)):
        with pytest.raises(RasterioIOError, match="a box of"), foreign_raster(boxes(tmp_path / "z.jp2", damage)):
            pass
