"""Chips: native pixels, verified, resumed, and honest about what could not be read."""

import http.server
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rasterio

from rs_pipeline.catalog import fetch as fetch_module
from rs_pipeline.catalog.chips import MANIFEST_COLUMNS, chip_files, load_chips, pixel_index, read_role, read_stack, scales
from rs_pipeline.catalog.fetch import chip_grid, fetch, fetch_scene, wanted_scenes, write_failed
from rs_pipeline.catalog.ledger import read_ledger, write_ledger
from rs_pipeline.catalog.qa_flags import scene_flags
from rs_pipeline.catalog.read import open_raster, retrying
from rs_pipeline.catalog.renewal import Renewal
from rs_pipeline.catalog.search import search
from rs_pipeline.config import FetchSection
from rs_pipeline.errors import RasterError, RemoteError, SpaceError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.operations.verify import told, verify_run
from rs_pipeline.radiometry.masks import QAFlag
from rs_pipeline.radiometry.scaling import gamma0_power
from rs_pipeline.storage.retry import job_name, read_retries
from rs_pipeline.tiles import read_tile
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, item, make_grid, write_tif


def ready(settings) -> str:
    search(settings)
    return make_grid(settings)


def manifest(settings, tile: str, period: str = "2023") -> pd.DataFrame:
    return pd.read_parquet(Layout(settings.root).chips(period, tile)).set_index("key")


def test_pixels_are_the_sources(world):
    rng = np.random.default_rng(2)
    red, swir2 = rng.integers(1, 9000, (64, 64)).astype("uint16"), rng.integers(1, 9000, (32, 32)).astype("uint16")
    world.scene("s", "2023-05-01T03:00:00Z")
    write_tif(world.root / "data/s/red.tif", red, 10, nodata=0)
    write_tif(world.root / "data/s/swir22.tif", swir2, 20, nodata=0)
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    source = Grid(CRS, 10.0, LEFT, TOP, 64, 64)
    assert np.array_equal(read_role(chip, "red", source), red)
    assert np.array_equal(read_role(chip, "swir2", source), np.kron(swir2, np.ones((2, 2), "uint16")))
    beyond = read_role(chip, "red", source.window(-3, -2, 70, 70))
    assert np.array_equal(beyond[3:67, 2:66], red) and not beyond[:3].any() and not beyond[:, 66:].any()
    assert read_stack([chip], ["red", "vv"], source).shape == (1, 2, 64, 64) and not read_role(chip, "vv", source).any()
    scale, offset = scales([chip])
    assert (scale.dtype, scale[0], offset[0]) == (np.float32, np.float32(1e-4), 0.0)
    with rasterio.open(chip.files["red"][0]) as data:
        assert data.compression.name == "zstd" and data.block_shapes[0] == (256, 256) and data.dtypes[0] == "uint16" and data.crs.to_string() == CRS


def test_chip_reaches_the_margin_and_no_further(world):
    world.scene("s", "2023-05-01T03:00:00Z")
    settings = world.settings(grid={"crs": CRS, "resolution_m": 10, "tile_px": 64, "margin_m": 40})
    tile = ready(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    want = read_tile(settings, tile).grid.buffered(40).bounds
    for role in ("red", "swir1"):
        with rasterio.open(chip.files[role][0]) as data:
            assert data.bounds[0] <= want[0] and data.bounds[2] >= want[2] and data.bounds[0] > want[0] - 20


def test_landsat_pixels_half_a_step_off_are_found_by_their_centre(tmp_path):
    """A 30 m grid that begins at 15 m: the centre of a 30 m run pixel lies on an edge, and always falls right and down."""
    transform = rasterio.Affine(30, 0, 15, 0, -30, 3015)
    rows, cols = pixel_index(transform, (10, 10), Grid(CRS, 30.0, 0.0, 3030.0, 5, 5))
    assert cols.tolist() == [0, 1, 2, 3, 4] and rows.tolist() == [0, 1, 2, 3, 4]
    rows, cols = pixel_index(transform, (10, 10), Grid(CRS, 10.0, 0.0, 3030.0, 6, 6))
    assert cols.tolist() == [-1, 0, 0, 0, 1, 1] and rows.tolist() == [-1, 0, 0, 0, 1, 1]


def test_other_crs_is_warped_with_masks_nearest(world):
    world.scene("s", "2023-05-01T03:00:00Z", scl=np.where(np.indices((32, 32))[1] < 16, 4, 9).astype("uint8"))
    settings = world.settings(grid={"crs": "EPSG:32651", "resolution_m": 10, "tile_px": 64, "margin_m": 40})
    tile = ready(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    grid = read_tile(settings, tile).grid
    assert set(np.unique(read_role(chip, "mask", grid))) <= {0, 4, 9}
    red = read_role(chip, "red", grid)
    assert set(np.unique(red)) <= {0, 1500} and np.mean(red == 1500) > 0.6


def test_one_bad_scene_does_not_stop_the_rest(world):
    for day in (1, 6, 11, 16):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    (world.root / "data/s1/red.tif").unlink()
    (world.root / "data/s6/nir.tif").write_bytes((world.root / "data/s6/nir.tif").read_bytes()[:900])
    write_tif(world.root / "data/s11/red.tif", np.full((64, 64), 7, "uint16"), 10, crs=None)
    fetch(settings, tile, "2023")
    table = manifest(settings, tile)
    assert list(table.reset_index().columns.sort_values()) == sorted(MANIFEST_COLUMNS)
    assert table.status.to_dict() == {"s1": "failed", "s6": "failed", "s11": "failed", "s16": "ok"}
    assert "red.tif" in table.reason["s1"] and "has no CRS" in table.reason["s11"] and table.reason["s6"]
    assert table.bytes["s16"] > 0 and table.bytes["s1"] == 0
    assert [c.scene.key for c in load_chips(settings, tile, "2023")] == ["s16"]
    assert not (Layout(settings.root).chip_folder("2023", tile) / "s1").exists()


def test_a_refusal_after_the_pixels_fails_the_scene_only(world, monkeypatch):
    """What signs the addresses may refuse when the files are asked once more what they are."""
    for day in (1, 6):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile, asked = ready(settings), fetch_module.read_from

    def refusing(scene, limits):
        if scene.key == "s1":
            raise RemoteError("no token for this storage, HTTP 403")
        return asked(scene, limits)

    monkeypatch.setattr(fetch_module, "read_from", refusing)
    fetch(settings, tile, "2023")
    table = manifest(settings, tile)
    assert table.status.to_dict() == {"s1": "failed", "s6": "ok"} and table.reason["s1"] == "no token for this storage, HTTP 403"


def test_a_disk_that_fails_is_no_failure_of_the_scene(world, monkeypatch):
    """GDAL ends well on a full disk; the file then does not read back. No scene may be lost to it for good."""
    for day in (1, 6):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    written = fetch_module._written

    def cut(path, *args):
        if "s6" in str(path):
            raise rasterio.errors.RasterioIOError("Failed to read directory at offset 8192")
        return written(path, *args)

    monkeypatch.setattr(fetch_module, "_written", cut)
    with pytest.raises(SpaceError, match="the chip cannot be written") as fault:
        fetch(settings, tile, "2023", threads=1)
    assert "make room" in fault.value.remedy and not Layout(settings.root).chips("2023", tile).exists()
    monkeypatch.undo()
    fetch(settings, tile, "2023")
    assert manifest(settings, tile).status.to_dict() == {"s1": "ok", "s6": "ok"}


def test_too_many_pixels_are_refused(world):
    world.scene("s", "2023-05-01T03:00:00Z")
    settings = world.settings(fetch={"max_pixels": 4000})
    tile = ready(settings)
    fetch(settings, tile, "2023")
    assert "4096 pixels, the limit is 4000" in manifest(settings, tile).reason["s"]


def test_finer_pixels_than_declared_are_refused(tmp_path):
    write_tif(tmp_path / "x.tif", np.ones((9, 9), "uint16"), 0.1)
    with pytest.raises(RasterError, match=r"pixels of 0\.1 m"), open_raster(str(tmp_path / "x.tif"), "none", FetchSection(), 10.0):
        pass


def test_virtual_rasters_are_not_opened(tmp_path):
    write_tif(tmp_path / "x.tif", np.ones((9, 9), "uint16"), 10)
    vrt = tmp_path / "y.tif"
    vrt.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path / 'x.tif'}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(rasterio.errors.RasterioIOError), open_raster(str(vrt), "none", FetchSection(), 10.0):
        pass


def test_empty_over_the_tile(world):
    world.scene("s", "2023-05-01T03:00:00Z", dn=0)
    world.scene("t", "2023-05-06T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    assert manifest(settings, tile).status.to_dict() == {"s": "empty", "t": "ok"}


def test_only_the_period_counts_and_no_scene_is_no_error(world):
    world.scene("a", "2023-05-01T03:00:00Z")
    settings = world.settings(periods=[2022, 2023])
    tile = ready(settings)
    fetch(settings, tile, "2022")
    assert len(manifest(settings, tile, "2022")) == 0 and load_chips(settings, tile, "2022") == []
    with pytest.raises(TableError, match="no chips for this tile and period"):
        load_chips(settings, tile, "2023")


def test_resume_keeps_verified_chips_and_mends_damaged_ones(world, monkeypatch):
    for day in (1, 6):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    before = {c.scene.key: c for c in load_chips(settings, tile, "2023")}
    times = {k: c.files["red"][0].stat().st_mtime_ns for k, c in before.items()}
    damaged = before["s6"].files["red"][0]
    damaged.write_bytes(damaged.read_bytes()[:-400])
    reads = []
    original = fetch_module.read_clipped
    monkeypatch.setattr(fetch_module, "read_clipped", lambda scene, *rest: reads.append(scene.key) or original(scene, *rest))
    fetch(settings, tile, "2023")
    assert set(reads) == {"s6"}
    after = {c.scene.key: c.files["red"][0].stat().st_mtime_ns for c in load_chips(settings, tile, "2023")}
    assert after["s1"] == times["s1"] and after["s6"] != times["s6"]
    write_tif(world.root / "data/s1/red.tif", np.full((64, 60), 3000, "uint16"), 10, nodata=0)
    fetch(settings, tile, "2023")
    assert "s1" in reads


@pytest.mark.parametrize("interrupted", [True, False])
def test_chips_of_a_fetch_that_is_given_up_are_held_to_what_they_were(world, interrupted):
    """A number that changed in a whole raster is found by the digest alone."""
    world.scene("s", "2023-05-01T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    path, good = Layout(settings.root).chips("2023", tile), manifest(settings, tile).digest["s"]
    (chip,) = load_chips(settings, tile, "2023")
    with rasterio.open(chip.files["red"][0], "r+") as data:
        data.write(data.read() + 1)
    if interrupted:
        path.rename(path.with_name(".chips.before.parquet"))
    write_failed(settings, tile, "2023", "fetch was given up: it was killed")
    assert manifest(settings, tile).status.to_dict() == {"s": "failed"} and load_chips(settings, tile, "2023") == []
    fetch(settings, tile, "2023")
    assert manifest(settings, tile).status.to_dict() == {"s": "ok"} and manifest(settings, tile).digest["s"] == good


@pytest.mark.parametrize("left_of_the_manifest", ["nothing", "half"])
def test_without_a_manifest_chips_are_held_to_the_digest_beside_them(world, monkeypatch, left_of_the_manifest):
    """A power loss harms several files. The raster with other numbers is sound in itself; a chip of which nothing is known is made anew as well."""
    for day in (1, 6, 11):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    path, good = Layout(settings.root).chips("2023", tile), manifest(settings, tile)
    chips = {c.scene.key: c.files["red"][0] for c in load_chips(settings, tile, "2023")}
    with rasterio.open(chips["s6"], "r+") as data:
        data.write(data.read() + 1)
    (digest,) = [p for p in chips["s11"].parent.iterdir() if p.suffix != ".tif"]
    digest.unlink()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]) if left_of_the_manifest == "half" else path.unlink()
    reads, original = set(), fetch_module.read_clipped
    monkeypatch.setattr(fetch_module, "read_clipped", lambda scene, *rest: reads.add(scene.key) or original(scene, *rest))
    fetch(settings, tile, "2023")
    assert reads == {"s6", "s11"} and manifest(settings, tile).equals(good)


def test_a_chip_of_reflectances_is_made_anew_for_another_offset_or_scale(world):
    """Its numbers are what the scene's scale and offset give back as the file's reflectances, 0.25."""
    world.scene("a", "2023-05-01T03:00:00Z")
    for name, step in S2_ASSETS.items():
        if name != "scl":
            write_tif(world.root / f"data/a/{name}.tif", np.full((640 // step, 640 // step), 0.25, "float32"), step)
    settings = world.settings(search={"self_test": False})
    tile = ready(settings)
    (scene,) = wanted_scenes(settings, tile, "2023")
    grid = chip_grid(settings, read_tile(settings, tile))
    for offset, scale, number in ((0.0, 1e-4, 2500), (-0.1, 1e-4, 3500), (0.0, 5e-5, 5000)):
        fetch_scene(replace(scene, offset=offset, scale=scale), grid, world.root / "chip", settings, Renewal(settings, [scene]))
        path, band = chip_files(world.root / "chip")["red"]
        with rasterio.open(path) as chip:
            assert chip.read(band)[20, 20] == number


def test_a_chip_that_is_gone_is_told_and_its_fetch_runs_again_with_repair(world):
    for day in (1, 6):
        world.scene(f"s{day}", f"2023-05-{day:02d}T03:00:00Z")
    settings = world.settings()
    tile = ready(settings)
    fetch(settings, tile, "2023")
    assert verify_run(settings).missing_chips == []
    layout = Layout(settings.root)
    gone = layout.chip_folder("2023", tile) / "s1"
    shutil.rmtree(gone)
    found = verify_run(settings)
    assert found.missing_chips == [str(gone)] and not found.damaged and not read_retries(layout.retries)
    assert f"{gone}: missing" in told(found, repaired=False) and "with --repair" in told(found, repaired=False)
    verify_run(settings, repair=True)
    assert read_retries(layout.retries).keys() == {job_name("fetch", tile, "2023")}
    assert verify_run(world.settings(fetch={"keep_chips": False})).missing_chips == []  # they were removed after use


class Flaky(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the first requests of each path are answered 503."""

    failures: dict[str, int] = {}
    seen: list[str] = []

    def _refuse(self) -> bool:
        self.seen.append(self.path)
        left = self.failures.get(self.path, 0)
        if left > 0:
            self.failures[self.path] = left - 1
            self.send_error(503)
        return left > 0

    def do_GET(self):
        if not self._refuse():
            super().do_GET()

    def do_HEAD(self):
        if not self._refuse():
            super().do_HEAD()

    def log_message(self, *args):
        pass


@contextmanager
def served(folder, failures):
    Flaky.failures, Flaky.seen = dict(failures), []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Flaky(*a, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_transient_errors_are_tried_again_and_missing_files_are_not(world, monkeypatch):
    world.scene("s", "2023-05-01T03:00:00Z")
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with served(world.root / "data", {"/s/red.tif": 3}) as url:
        path = next(world.items.glob("*.json"))
        path.write_text(path.read_text().replace(str(world.root / "data"), url))
        source = {"sensor": "earth-search-sentinel-2-l2a", "catalog": str(world.items), "schemes": ["http"]}
        settings = world.settings(sources=[source], search={"self_test": False})
        tile = ready(settings)
        fetch(settings, tile, "2023")
        assert manifest(settings, tile).status["s"] == "ok", manifest(settings, tile).reason["s"]
        assert pauses and all(p >= 1 for p in pauses) and pauses == sorted(pauses)
        pauses.clear()
        write_ledger([scene_with(s, "red", f"{url}/gone.tif") for s in read_ledger(Layout(settings.root).scenes)], Layout(settings.root).scenes)
        fetch(settings, tile, "2023")
        assert manifest(settings, tile).status["s"] == "failed" and "404" in manifest(settings, tile).reason["s"] and not pauses


def scene_with(scene, role, href):
    return replace(scene, assets=scene.assets | {role: href})


def test_retries_end(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    calls = []

    def read():
        calls.append(1)
        raise OSError("CURL error: timeout")

    with pytest.raises(OSError, match="timeout"):
        retrying(read, "https://x.org/a.tif", FetchSection(retries=2))
    assert len(calls) == 3
    with pytest.raises(OSError):
        retrying(read, "/local/a.tif", FetchSection(retries=2))
    assert len(calls) == 4


def test_radar_chip_is_an_amplitude(world):
    power = np.full((64, 64), 0.01, "float32")
    power[0, 0], power[1, 1], power[2, 2] = -32768, 5e-6, np.nan
    assets = {}
    for pol in ("vv", "vh"):
        write_tif(world.root / f"data/r/{pol}.tif", power, 10, nodata=-32768)
        assets[pol] = str(world.root / f"data/r/{pol}.tif")
    world.add(item("r", "2023-05-01T22:00:00Z", assets, "sentinel-1-rtc", platform="SENTINEL-1A"))
    settings = world.settings(sources=[{"sensor": "planetary-computer-sentinel-1-rtc", "catalog": str(world.items)}])
    tile = ready(settings)
    fetch(settings, tile, "2023")
    (chip,) = load_chips(settings, tile, "2023")
    vv = read_role(chip, "vv", Grid(CRS, 10.0, LEFT, TOP, 64, 64))
    assert chip.family == "radar" and gamma0_power(vv)[5, 5] == pytest.approx(0.01)
    assert [int(vv[i, i]) for i in range(4)] == [0, 0, 0, 1000]


def test_real_parana_fractions_are_rounded(real_settings, real_data):
    settings = real_settings("parana_zones.geojson", "earth-search-sentinel-2-l2a", [2023], 10, allow_unmasked=True)
    tile = ready(settings)
    fetch(settings, tile, "2023", threads=1)
    chips = load_chips(settings, tile, "2023")
    assert [c.scene.key for c in chips] == ["S2_PARANA_20230511_L2A", "S2_PARANA_20231212_L2A"]
    native = Grid("EPSG:32721", 10.0, 315040.0, 6961370.0, 219, 218)
    for chip in chips:
        with rasterio.open(real_data / "catalog/sentinel-2-l2a" / chip.scene.key / "B11.tif") as source:
            stored = source.read(1).astype("float64")
        assert np.array_equal(read_role(chip, "swir1", native), np.rint(stored))
        assert not chip.has("mask") and (stored % 1 != 0).any()


def test_real_hls_is_shifted_exactly(real_settings, real_data):
    settings = real_settings("hls_quadrants.geojson", "hls2-s30", [2021], 30)
    tile = ready(settings)
    fetch(settings, tile, "2021")
    (chip,) = load_chips(settings, tile, "2021")
    native = Grid("EPSG:32615", 30.0, 600_000.0, 3_600_000.0, 1000, 1000)
    folder = real_data / "catalog/hls2-s30/HLS.S30.T15SXR.2021250T163901.v2.0"
    with rasterio.open(folder / f"{folder.name}.B04.tif") as source:
        stored = source.read(1).astype("int64")
    red = read_role(chip, "red", native).astype("int64")
    valid = stored > -9999
    assert (~valid).sum() == 8 and not red[~valid].any()
    assert np.array_equal(red[valid] - 9999, stored[valid]) and (stored[valid] < 0).any()
    assert np.allclose(red[valid] * chip.scene.scale + chip.scene.offset, stored[valid] * 1e-4, atol=1e-9)
    reasons = scene_flags(chip, native, settings.masks)
    assert np.mean(reasons & QAFlag.CLOUD != 0) == pytest.approx(0.027, abs=0.001)
    assert np.mean(reasons & QAFlag.SHADOW != 0) == pytest.approx(0.025, abs=0.001)
    assert (reasons[~valid] & QAFlag.NODATA != 0).all()


@pytest.mark.parametrize("crs", ["EPSG:32653", "auto"])
def test_real_landsat_in_its_own_and_in_another_zone(real_settings, real_data, crs):
    settings = real_settings("landsat_098084_quadrants.geojson", "planetary-computer-landsat-c2-l2", [2021], 1000, crs=crs)
    tile = ready(settings)
    fetch(settings, tile, "2021")
    (chip,) = load_chips(settings, tile, "2021")
    grid = read_tile(settings, tile).grid
    red = read_role(chip, "red", grid)
    folder = real_data / "catalog/landsat-c2-l2/LC08_L2SP_098084_20210503_02_T1"
    with rasterio.open(next(folder.glob("*_SR_B4.tif"))) as source:
        stored = source.read(1)
    valid = stored[(stored >= 6546) & (stored <= 50909)]
    assert abs(np.median(red[red > 0]) - np.median(valid)) < 250
    if crs != "auto":
        assert set(np.unique(red)) - {0} <= set(np.unique(np.clip(stored, 6546, 50909)))
    assert chip.has("saturation") and (scene_flags(chip, grid, settings.masks) & QAFlag.CLOUD != 0).mean() > 0.4
