"""An archive on a disk becomes a catalog that a run reads; what is half there, or no scene, is left out with its reason."""

import io
import json
import os
import tarfile
import zlib
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import rasterio
from affine import Affine
from typer.testing import CliRunner

from rs_pipeline.catalog import archive as module
from rs_pipeline.catalog.archive import write_catalog
from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.cli import app
from rs_pipeline.errors import CatalogError
from rs_pipeline.layout import Layout
from rs_pipeline.storage.atomic import _host
from tests.catalog.conftest import CRS, LEFT, TOP, make_grid, write_tif

SAFE = "S2A_MSIL2A_20230501T025551_N0509_R132_T50SMK_20230501T064300.SAFE"
LANDSAT = "LC08_L2SP_122032_20230502_20230510_02_T1"
HLS = "HLS.S30.T50SMK.2023123T025551.v2.0"
FOOTPRINT = "39.75 116.99 39.75 117.01 39.74 117.01 39.74 116.99 39.75 116.99"


def jp2(path: Path, values: np.ndarray, step_m: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype=values.dtype,
        crs=CRS,
        transform=Affine(step_m, 0, LEFT, 0, -step_m, TOP),
        QUALITY=100,
        REVERSIBLE="YES",
    ) as out:
        out.write(values, 1)


def safe(root: Path, name: str = SAFE, *, without: str = "") -> Path:
    """A SAFE folder of 640 m, as ESA lays it out; all bands hold 2500."""
    images = root / name / "GRANULE/L2A_T50SMK_A041000_20230501T030500/IMG_DATA"
    for band, step in {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B05": 20, "B11": 20, "B12": 20, "SCL": 20}.items():
        if band != without:
            values = np.full((640 // step,) * 2, 4, "uint8") if band == "SCL" else np.full((640 // step,) * 2, 2500, "uint16")
            jp2(images / f"R{step}m/T50SMK_20230501T025551_{band}_{step}m.jp2", values, step)
    (images.parent / "MTD_TL.xml").write_text(
        '<n1:Level-2A_Tile_ID xmlns:n1="x"><Mean_Sun_Angle><ZENITH_ANGLE unit="deg">30.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">150</AZIMUTH_ANGLE></Mean_Sun_Angle></n1:Level-2A_Tile_ID>'
    )
    (root / name / "MTD_MSIL2A.xml").write_text(
        f'<n1:Level-2A_User_Product xmlns:n1="x"><PRODUCT_START_TIME>2023-05-01T02:55:51.024Z</PRODUCT_START_TIME><PRODUCT_URI>{name}</PRODUCT_URI>'
        "<PROCESSING_BASELINE>05.09</PROCESSING_BASELINE><GENERATION_TIME>2023-05-01T06:43:00.000000Z</GENERATION_TIME>"
        f"<Cloud_Coverage_Assessment>7.25</Cloud_Coverage_Assessment><EXT_POS_LIST>{FOOTPRINT}</EXT_POS_LIST></n1:Level-2A_User_Product>"
    )
    return root / name


def landsat(folder: Path, product: str = LANDSAT) -> list[Path]:
    """Files of a Landsat 8 scene of 630 m; all bands hold 10,000."""
    for what in ("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10"):
        write_tif(folder / f"{product}_{what}.TIF", np.full((21, 21), 10_000, "uint16"), 30)
    for what in ("QA_PIXEL", "QA_RADSAT"):
        write_tif(folder / f"{product}_{what}.TIF", np.full((21, 21), 21_824 if what == "QA_PIXEL" else 0, "uint16"), 30)
    (folder / f"{product}_MTL.txt").write_text(
        'GROUP = LANDSAT_METADATA_FILE\n  DATE_ACQUIRED = 2023-05-02\n  SCENE_CENTER_TIME = "02:48:15.7182950Z"\n  CLOUD_COVER = 12.50\n'
        "  SUN_ELEVATION = 60.5\n  SUN_AZIMUTH = 140.0\n  DATE_PRODUCT_GENERATED = 2023-05-10T00:00:00Z\nEND\n"
    )
    return sorted(folder.glob(f"{product}*"))


def hls(folder: Path) -> None:
    for band in ("B02", "B03", "B04", "B05", "B8A", "B11", "B12", "Fmask"):
        write_tif(folder / f"{HLS}.{band}.tif", np.full((21, 21), 64 if band == "Fmask" else 1500, "uint8" if band == "Fmask" else "int16"), 30)
    with rasterio.open(folder / f"{HLS}.B04.tif", "r+") as red:
        red.update_tags(
            PRODUCT_URI=SAFE.replace("L2A", "L1C"), PROCESSING_BASELINE="05.09", MEAN_SUN_ZENITH_ANGLE="31", MEAN_SUN_AZIMUTH_ANGLE="150", cloud_coverage="43"
        )


OTHER = LANDSAT.replace("20230502", "20230518")


def displaced(folder: Path, step_m: float, left: float = LEFT) -> None:
    """A Landsat scene whose red band claims another place."""
    landsat(folder, OTHER)
    write_tif(folder / f"{OTHER}_SR_B4.TIF", np.full((21, 21), 10_000, "uint16"), step_m, left=left)


def outlined(folder: Path, corners: str) -> None:
    """A SAFE folder with other corners."""
    about = safe(folder, SAFE.replace("0501T", "0506T")) / "MTD_MSIL2A.xml"
    about.write_text(about.read_text().replace(FOOTPRINT, corners))


def packed(path: Path, mode: str = "w", extra: tarfile.TarInfo | None = None, content: bytes = b"") -> bytes:
    """A tar of the scene of another day, with one member more at its end; what it holds."""
    files = landsat(path.parent.parent / "other", OTHER)
    with tarfile.open(path, mode) as tar:
        for file in files:
            tar.add(file, file.name)
        if extra is not None:
            tar.addfile(extra, io.BytesIO(content) if content else None)
    return path.read_bytes()


def member(name: str = f"{OTHER}_SR_B4.TIF", size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.size, about.type = size, kind
    return about


def leading_out(folder: Path) -> Path:
    """An archive of one tar, beside the files that it holds: their names begin with ``../``, and links of bands lead to a file of the system."""
    archive, files = folder / "archive", landsat(folder / "files")
    archive.mkdir()
    with tarfile.open(archive / f"{LANDSAT}.tar", "w") as tar:
        for path in files:
            tar.add(path, f"../../{path.name}")
        for band in ("SR_B4", "SR_B9"):
            link = member(f"{LANDSAT}_{band}.TIF", kind=tarfile.SYMTYPE)
            link.linkname = "/etc/hostname"
            tar.addfile(link)
    return archive


def harmed(path: Path, mode: str) -> None:
    """A packed scene with a band of noise that nobody reads, and 40 other bytes in its midst."""
    noise = np.random.default_rng(1).bytes(300_000)
    data = bytearray(packed(path, mode, member(f"{OTHER}_ST_TRAD.TIF", len(noise)), noise))
    data[150_000:150_040] = bytes(40)
    path.write_bytes(data)


def derailed(path: Path) -> None:
    """A packed scene that goes on, in its midst, with what no compression gives."""
    plain, stream = packed(path), zlib.compressobj(wbits=31)
    path.write_bytes(stream.compress(plain[: len(plain) // 2]) + stream.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 40)


@pytest.fixture
def archive(tmp_path):
    """A SAFE folder, a tar of Landsat and HLS files."""
    folder = tmp_path / "archive"
    safe(folder / "2023/05")
    hls(folder / "hls")
    files = landsat(tmp_path / "unpacked")
    with tarfile.open(folder / f"{LANDSAT}.tar", "w") as packed:
        for path in files:
            packed.add(path, path.name)
    return folder


def scenes_of(world, archive, sensor):
    settings = world.settings(sources=[{"sensor": sensor, "catalog": str(archive), "folders": []}], run=sensor)
    search(settings)
    return settings, read_ledger(Layout(settings.root).scenes)


@pytest.mark.parametrize(("sensor", "said", "number"), [
    ("copernicus-sentinel-2-l2a", ("sentinel-2a", "05.09", 7.25, 59.5, -0.1), 2500),
    ("planetary-computer-landsat-c2-l2", ("landsat-8", "02_T1", 12.5, 60.5, -0.2), 10_000),
    ("hls2-s30", ("sentinel-2a", "05.09", 43.0, 59.0, -0.9999), 1500 + 9999),
])  # fmt: skip
def test_a_run_reads_it(world, archive, sensor, said, number):
    write_catalog(archive)
    settings, (scene,) = scenes_of(world, archive, sensor)
    assert scene.status == "used", scene.reason
    assert (scene.platform, scene.processing_baseline, scene.cloud_cover, scene.sun_elevation_deg, round(scene.offset, 6)) == said
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    with rasterio.open(chip.files["red"][0]) as dataset:
        assert np.unique(dataset.read(chip.files["red"][1])[8:16, 8:16]).tolist() == [number]


def test_hrefs_stay_in_the_folder_and_the_archive_may_move(world, archive):
    write_catalog(archive)
    hrefs = [a["href"] for p in (archive / "stac").glob("*/*.json") for a in json.loads(p.read_text()).get("assets", {}).values()]
    assert len(hrefs) == 8 + 8 + 8 and not any(h.startswith(("/", "file")) for h in hrefs)
    moved = archive.rename(archive.with_name("moved"))
    assert scenes_of(world, moved, "copernicus-sentinel-2-l2a")[1][0].assets["red"].startswith(str(moved))


def test_written_again_it_follows_what_is_there(archive):
    first = write_catalog(archive)
    assert dict(first.scenes) == {"copernicus-sentinel-2-l2a": 1, "planetary-computer-landsat-c2-l2": 1, "hls2-s30": 1} and not first.left_out
    before = {p.name: p.stat().st_mtime_ns for p in (archive / "unpacked").rglob("*.TIF")}
    for path in (archive / "hls").iterdir():
        path.unlink()
    assert write_catalog(archive).scenes.keys() == {"copernicus-sentinel-2-l2a", "planetary-computer-landsat-c2-l2"}
    assert before == {p.name: p.stat().st_mtime_ns for p in (archive / "unpacked").rglob("*.TIF")}, "what is unpacked stays"
    assert not any("B1.TIF" in name or "ST_" in name for name in before), "and no band that nobody reads"


@pytest.mark.parametrize(("harm", "line"), [
    (lambda a: safe(a, SAFE.replace("20230501", "20230506"), without="B11"), "S2A_MSIL2A_20230506T025551_N0509_R132_T50SMK_20230506T064300: lacks B11_20m; fetch it again, or finish its unpacking"),
    (lambda a: (safe(a, SAFE.replace("0501T", "0506T")) / "MTD_MSIL2A.xml").unlink(), "lacks MTD_MSIL2A.xml; fetch it again, or finish its unpacking"),
    (lambda a: (safe(a, SAFE.replace("0501T", "0506T")) / "MTD_MSIL2A.xml").write_text("<half"), "cannot be read (unclosed token: line 1, column 0); fetch it again"),
    (lambda a: (a / SAFE.replace("L2A", "L1C")).mkdir(), "Level 1C, reflectance at the top of the atmosphere; fetch its L2A, or make it by Sen2Cor"),
    (lambda a: (a / SAFE.replace(".SAFE", ".zip")).write_bytes(b""), "packed; unpack it"),
    (lambda a: safe(a / "copy"), f"copy/{SAFE}: a copy of 2023/05/{SAFE}"),
    (lambda a: (a / "S1A_IW_GRDH_1SDV_20230501T100000.SAFE").mkdir(), "no Sentinel-2; radar is read from a catalog (planetary-computer-sentinel-1-rtc)"),
    (lambda a: landsat(a, LANDSAT.replace("L2SP", "L1TP")), "LC08_L1TP_122032_20230502_20230510_02_T1: Level 1 of Collection 2; surface reflectance of Collection 2 is needed (L2SP or L2SR)"),
    (lambda a: [p.unlink() for p in landsat(a, LANDSAT.replace("0502", "0518")) if "MTL" in p.name], "lacks MTL.txt; fetch it again, or finish its unpacking"),
    (lambda a: (a / f"{LANDSAT.replace('0502', '0518')}.tar").write_bytes(b"half"), "cannot be unpacked"),
    (lambda a: (a / "hls" / f"{HLS.replace('123T', '128T')}.B04.tif").write_bytes(b""), f"{HLS.replace('123T', '128T')}: lacks B02, B03, B8A, B11, B12, Fmask"),
    (lambda a: displaced(a, 1e8), f"{OTHER}: {OTHER}_SR_B4.TIF does not lie where a scene may (500000, -2.0956e+09, 2.1005e+09, 4.4e+06); fetch it again"),
    (lambda a: displaced(a, np.inf), "does not lie where a scene may"),
    (lambda a: displaced(a, 30, np.nan), "does not lie where a scene may (nan, "),
    (lambda a: displaced(a, 30, 1e18), f"{OTHER}: cannot be read ("),
    (lambda a: outlined(a, "nan nan 41 116 41 117 40 116"), "cannot be read (IllegalArgumentException: "),
    (lambda a: outlined(a, "40 116 41 216 41 217 40 116"), "cannot be read (geometry is empty or lies outside longitude -180..180, latitude -90..90); fetch it again"),
    (lambda a: harmed(a / f"{OTHER}.tar", "w:xz"), f"{OTHER}.tar: cannot be unpacked (Corrupt input data); fetch it again"),
    (lambda a: derailed(a / f"{OTHER}.tar.gz"), f"{OTHER}.tar.gz: cannot be unpacked (Error -3 while decompressing data"),
    (lambda a: harmed(a / f"{OTHER}.tar.gz", "w:gz"), f"{OTHER}.tar.gz: cannot be unpacked (CRC check failed"),
    (lambda a: packed(a / f"{OTHER}.tar", extra=member(kind=tarfile.GNUTYPE_SPARSE)), f"{OTHER}_SR_B4.TIF is sparse"),
    (lambda a: packed(a / f"{OTHER}.tar", extra=member(size=9 * 2**30)), f"{OTHER}.tar: cannot be unpacked (more than 8 GiB or 1000 members); fetch it again"),
    (lambda a: packed(a / f"{OTHER}.tar", extra=member("long", 2**20 + 1, tarfile.GNUTYPE_LONGNAME)), "a header that speaks of 1048577 bytes"),
    (lambda a: os.mkfifo(a / f"{OTHER}.tar"), f"{OTHER}.tar: a pipe, not a file; put the file in its place"),
    (lambda a: [os.mkfifo(f"{p}.aux.xml") for p in landsat(a, OTHER) if "SR_B4" in p.name], f"{OTHER}: {OTHER}_SR_B4.TIF.aux.xml is a pipe or a device, not a file; remove it"),
    (lambda a: (landsat(a, OTHER), os.mkfifo(a / f"{OTHER}_SR_B4.tfw")), f"{OTHER}_SR_B4.tfw is a pipe or a device, not a file; remove it"),
    (lambda a: os.mkfifo(next(safe(a, SAFE.replace("0501T", "0506T")).rglob("*B04_10m.jp2")).with_suffix(".jp2.aux.xml")), "B04_10m.jp2.aux.xml is a pipe or a device"),
    (lambda a: [(p.unlink(), p.mkdir()) for p in landsat(a, OTHER) if "MTL" in p.name], f"{OTHER}: lacks MTL.txt; fetch it again, or finish its unpacking"),
])  # fmt: skip
def test_what_is_half_there_or_none_is_told(archive, harm, line):
    harm(archive)
    found = write_catalog(archive)
    assert sum(found.scenes.values()) == 3 and len(found.left_out) == 1 and line in found.left_out[0]


def test_what_is_no_archive_is_refused(tmp_path, archive):
    with pytest.raises(CatalogError, match="there is no such folder"):
        write_catalog(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="no scene that can be used"):
        write_catalog(tmp_path / "empty")
    os.mkfifo(archive / "catalog.json")
    with pytest.raises(CatalogError, match="a pipe, not a file"):
        write_catalog(archive)
    (archive / "catalog.json").unlink()
    (archive / "catalog.json").write_text('{"type": "Catalog", "id": "mine"}')
    with pytest.raises(CatalogError, match="a catalog is there already"):
        write_catalog(archive)
    assert json.loads((archive / "catalog.json").read_text())["id"] == "mine"


def test_a_tar_that_was_cut_off_is_used_when_it_is_fetched_again(archive):
    tar = archive / f"{LANDSAT}.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[: len(whole) // 2])
    found = write_catalog(archive)
    assert (
        sum(found.scenes.values()) == 2
        and found.left_out[0].startswith(f"{LANDSAT}.tar: cannot be unpacked (")
        and found.left_out[0].endswith("); fetch it again")
    )
    assert not (archive / "unpacked" / LANDSAT).exists()
    tar.write_bytes(whole)
    assert sum(write_catalog(archive).scenes.values()) == 3


def test_many_members_are_too_many(archive, monkeypatch):
    """Their sum counts, not each by itself."""
    packed(archive / f"{OTHER}.tar")
    monkeypatch.setattr(module, "_MOST_TAR_BYTES", 5000)
    assert all("cannot be unpacked (more than 0 GiB or 1000 members); fetch it again" in line for line in write_catalog(archive).left_out)
    monkeypatch.undo()
    monkeypatch.setattr(module, "_MOST_MEMBERS", 3)
    assert len(write_catalog(archive).left_out) == 2


@pytest.mark.parametrize("bands", [4, 20])
def test_killed_while_unpacking_it_unpacks_anew(archive, tmp_path, bands):
    left = archive / f"unpacked/.{LANDSAT}.{_host()}-99999999.part"
    left.mkdir(parents=True)
    for path in landsat(tmp_path / "unpacked")[:bands]:
        (left / path.name).write_bytes(path.read_bytes()[:900])
    found = write_catalog(archive)
    hrefs = [a["href"] for a in json.loads((archive / f"stac/landsat-c2-l2/{LANDSAT}.json").read_text())["assets"].values()]
    assert not found.left_out and len(hrefs) == 8 and not any(".part" in href for href in hrefs) and not left.exists()


def test_what_is_hidden_or_unpacked_beside_is_passed_over(archive):
    landsat(archive / ".snapshot", OTHER)
    write_tif(archive / f"._{OTHER}_SR_B4.TIF", np.ones((21, 21), "uint16"), 30)
    (archive / "2023/05" / SAFE.replace(".SAFE", ".zip")).write_bytes(b"")  # unpacked beside
    found = write_catalog(archive)
    assert sum(found.scenes.values()) == 3 and not found.left_out


@pytest.mark.parametrize("text", ["\n" * 200_000, " " * 200_000, "A = " + " " * 200_000 + '"x', "A" * 200_000])
def test_no_metadata_take_long(archive, text):
    for path in landsat(archive, OTHER):
        if "MTL" in path.name:
            path.write_text(text + "\n" + path.read_text())
    start = perf_counter()
    assert sum(write_catalog(archive).scenes.values()) == 4 and perf_counter() - start < 5


def test_a_tar_cannot_write_elsewhere(tmp_path):
    folder = leading_out(tmp_path)
    write_catalog(folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["archive", "files"]
    assert not any(p.is_symlink() for p in folder.rglob("*"))


def test_the_command(archive, tmp_path):
    safe(archive, without="B12", name=SAFE.replace("0501T", "0511T"))
    done = CliRunner().invoke(app, ["catalog", str(archive), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0 and "1 of hls2-s30" in done.output and f"folders: [{archive}]" in done.output
    assert "left out: S2A_MSIL2A_20230511" in done.output and (tmp_path / "out/catalog.json").is_file()


def test_real_landsat_and_hls(real_data, tmp_path):
    found = write_catalog(real_data / "catalog", tmp_path)
    assert found.scenes == {"planetary-computer-landsat-c2-l2": 3, "hls2-s30": 1}, found.left_out
    recorded = json.loads(next((real_data / "catalog/landsat-c2-l2").glob("LC08*/*.json")).read_text())["properties"]
    made = json.loads(next((tmp_path / "stac/landsat-c2-l2").glob("LC08*.json")).read_text())["properties"]
    assert all(
        made[k] == pytest.approx(recorded[k], abs=1e-2) if isinstance(made[k], float) else made[k][:19] == recorded[k][:19]
        for k in made.keys() & recorded.keys()
    )
