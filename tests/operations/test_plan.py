"""The plan before the bill, held against what a small served run really takes."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.shutil import copy
from rasterio.warp import transform_bounds
from typer.testing import CliRunner

from benchmarks.remote_reads import served
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.cli import app
from rs_pipeline.config import SoilSection, parse
from rs_pipeline.errors import ConfigError, EmptySearchError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Band
from rs_pipeline.operations.plan import CONSTANTS, Constants, _heights_cost, make_plan, read_cost
from rs_pipeline.region import grid
from rs_pipeline.tiles import read_tiles

CRS, LEFT, TOP, SIZE_PX, BLOCK_PX = "EPSG:32650", 500_000.0, 4_400_000.0, 1024, 128
ASSETS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir16": 20, "swir22": 20, "scl": 20}
DAYS = [f"2023-{month:02d}-11" for month in range(4, 10)]
OF_FILES = Constants(block_px=BLOCK_PX)
"""The files here have smaller blocks than archives', so that a small scene has many."""


def cog(folder: Path, name: str, step_m: int) -> bytes:
    """A file as archives hand it out."""
    rng, n = np.random.default_rng(step_m), SIZE_PX * 10 // step_m
    fields = np.kron(rng.integers(500, 3500, (n // 32, n // 32)), np.ones((32, 32), int))
    values = np.full((n, n), 4, "uint8") if name == "scl" else np.clip(fields + rng.normal(0, 25, (n, n)), 300, 9000).astype("uint16")
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=n, height=n, count=1, dtype=values.dtype, crs=CRS, transform=Affine(step_m, 0, LEFT, 0, -step_m, TOP), nodata=0
        ) as out:
            out.write(values, 1)
        with memory.open() as dataset:
            copy(dataset, folder / f"{name}.tif", driver="COG", compress="deflate", predictor="YES", blocksize=BLOCK_PX)
    return (folder / f"{name}.tif").read_bytes()


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    return pay(tmp_path_factory.mktemp("paid"))


def pay(folder: Path):
    """(settings, the plan before, what the search, what the fetches and what a second search took as (requests, bytes)) of a served run in a folder."""
    kinds = {"ten": cog(folder, "ten", 10), "twenty": cog(folder, "twenty", 20), "scl": cog(folder, "scl", 20)}
    of = {name: kinds["scl" if name == "scl" else "ten" if step == 10 else "twenty"] for name, step in ASSETS.items()}
    files = {f"/{day}/{name}.tif": data for day in DAYS for name, data in of.items()}
    outline = shapely.box(*transform_bounds(CRS, 4326, LEFT, TOP - SIZE_PX * 10, LEFT + SIZE_PX * 10, TOP))
    inner = shapely.box(LEFT + 1000, TOP - 9200, LEFT + 9200, TOP - 1000)
    gpd.GeoDataFrame({"adcode": ["130101"], "name": ["Here"], "prefecture": ["There"]}, geometry=[inner], crs=CRS).to_file(folder / "units.gpkg")
    with served(files, 0.0) as server:
        for day in DAYS:
            n = {name: len(data) for name, data in of.items()}
            item = {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": f"S2A_50SMK_{day.replace('-', '')}_0_L2A",
                "collection": "sentinel-2-l2a",
                "links": [],
                "geometry": shapely.geometry.mapping(outline),
                "bbox": list(outline.bounds),
                "assets": {
                    name: {"href": f"http://127.0.0.1:{server.server_port}/{day}/{name}.tif", "file:size": n[name], "proj:shape": [SIZE_PX * 10 // step] * 2}
                    for name, step in ASSETS.items()
                },
                "properties": {
                    "datetime": f"{day}T03:05:00Z",
                    "platform": "sentinel-2a",
                    "grid:code": "MGRS-50SMK",
                    "eo:cloud_cover": 5.0,
                    "s2:processing_baseline": "05.09",
                    "earthsearch:boa_offset_applied": True,
                    "view:sun_elevation": 50.0,
                    "view:sun_azimuth": 150.0,
                },
            }
            (folder / "items").mkdir(exist_ok=True)
            (folder / "items" / f"{day}.json").write_text(json.dumps(item))
        source = {"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder / "items"), "schemes": ["http"], "internal_hosts": True}
        settings = parse(
            {
                "run": "t",
                "output": str(folder / "out"),
                "units": {"path": str(folder / "units.gpkg")},
                "periods": [2023],
                "sources": [source],
                "grid": {"crs": CRS, "tile_px": 416},
                "fetch": {"cache_gb": 0, "retries": 0},
                "masks": {"shadow_height_m": [200, 1000]},
            }
        )
        before = make_plan(settings, constants=OF_FILES)
        assert not server.log, "a plan opens no scene"
        search(settings)
        searched = len(server.log), sum(server.log)
        server.log.clear()
        grid(settings)
        for tile in read_tiles(settings):
            fetch(settings, tile.id, "2023")
        fetched = len(server.log), sum(server.log)
        server.log.clear()
        search(settings)
        return settings, before, searched, fetched, (len(server.log), sum(server.log))


def test_requests_and_bytes_are_those_that_were_paid_within_a_fifth(paid):
    settings, plan, searched, fetched, _ = paid
    told = [[sum(getattr(r, name) for r in plan.rows if bool(r.tile) == of_tile) for name in ("requests", "network_bytes")] for of_tile in (False, True)]
    assert told[0] == pytest.approx(searched, rel=0.2) and told[1] == pytest.approx(fetched, rel=0.2)
    assert len(read_ledger(Layout(settings.root).scenes, status=["used"])) == plan.scenes["2023"] == len(DAYS) and plan.granules["2023"] == 1


def test_a_second_search_asks_once_a_scene_and_opens_none(paid):
    settings, *_, again = paid
    assert again == (len(DAYS), len(DAYS)), "the first byte of a file of each"
    assert make_plan(settings, constants=OF_FILES).rows[0].requests == len(DAYS)


def test_bytes_on_the_disk_are_chips_and_maps(paid):
    settings, plan, *_ = paid
    chips = sum(p.stat().st_size for p in settings.root.glob("chips/**/*.tif"))
    maps = 2 * sum(t.grid.width * t.grid.height for t in read_tiles(settings)) * CONSTANTS.map_bytes_a_pixel
    assert plan.total("disk_bytes") - maps == pytest.approx(chips, rel=0.35), "how well chips compress is the archive's ground, not this one"


def test_a_part_costs_a_part_and_the_ledger_speaks_where_there_is_one(paid):
    settings, whole, *_ = paid
    part = make_plan(settings, tiles=["r000c000"], years=["2023"], only=["130101"], constants=OF_FILES)
    assert "the last search" in part.origin and "items of the catalogs" in whole.origin
    tile = next(r for r in whole.rows if r.tile == "r000c000")
    assert [r.tile for r in part.rows] == ["", "r000c000"] and part.rows[1].requests == pytest.approx(tile.requests)


def test_what_is_not_there_is_told(paid, tmp_path):
    settings = paid[0]
    for wrong, told in (
        ({"tiles": ["r9"]}, "there is no r9"),
        ({"years": ["2019"]}, "there is no 2019"),
        ({"only": ["130199"]}, "no unit has the code 130199"),
    ):
        with pytest.raises(ConfigError, match=told):
            make_plan(settings, **wrong)
    with pytest.raises(EmptySearchError, match="no scene would be used"):
        make_plan(settings.model_copy(update={"periods": [2019], "output": tmp_path}))


def test_the_command_tells_it_and_writes_it(paid, tmp_path):
    settings = paid[0]
    config = tmp_path / "my.yaml"
    config.write_text(json.dumps(settings.model_dump(mode="json", exclude_defaults=True)))
    done = CliRunner().invoke(
        app, ["plan", "--config", str(config), "--csv", str(tmp_path / "plan.csv"), "--geojson", str(tmp_path / "plan.geojson"), "--bandwidth-mbit", "8"]
    )
    assert done.exit_code == 0, done.exception
    assert "2023" in done.output and "at 8 Mbit/s, 80 ms a request and 16 connections" in done.output and "GB of memory" in done.output
    table, frame = pd.read_csv(tmp_path / "plan.csv"), gpd.read_file(tmp_path / "plan.geojson")
    assert len(table) == 5 and len(frame) == 4 and table.requests[table.tile.notna()].sum() == pytest.approx(frame.requests.sum())


def test_hours_are_those_of_the_bytes_or_of_the_waiting(paid):
    plan = paid[1]
    assert plan.hours(8, 0, 4) == pytest.approx(plan.total("network_bytes") / 1e6 / 3600)
    assert plan.hours(1e9, 100, 4) == pytest.approx(plan.total("requests") * 0.1 / 4 / 3600)


@pytest.mark.parametrize(
    ("window_px", "requests", "blocks"),
    [(1024, 1 + 2, 4), (2048, 1 + 3, 9), (10_980, 1 + 114.98 * 1024**2 * 1.275 / 2**22, 114.98)],
)  # fmt: skip
def test_a_window_is_read_by_its_blocks(paid, window_px, requests, blocks):
    """A band of a whole granule, 10980 px in blocks of 1024: 11 by 11 of them, the last in part. Smaller windows begin in the middle of the first."""
    scene = read_ledger(Layout(paid[0].root).scenes, status=["used"])[0]
    side, band = 109_800.0, Band("red", ("red",), 10.0)
    granule = type(scene)(**{**scene.__dict__, "shapes": {"red": (10_980, 10_980)}, "identity": {}})
    begin, length, held = 0.0 if window_px == 10_980 else 5_120.0, window_px * 10.0, set()
    window = (begin, side - begin - length, begin + length, side - begin)
    asked, sent = read_cost(granule, band, (0, 0, side, side), window, CONSTANTS, held)
    assert sent == pytest.approx(2**14 + blocks * 1024**2 * 1.275, rel=0.01) and asked == pytest.approx(
        max(requests, 1 + blocks * 1024**2 * 1.275 / 2**22), rel=0.06
    )
    assert read_cost(granule, band, (0, 0, side, side), window, CONSTANTS, held) == (0.0, 0.0), "a neighbour that needs the same asks nothing"
    east = (window[0] + 10_240, window[1], window[2] + 10_240, window[3])
    if window_px == 1024:
        assert read_cost(granule, band, (0, 0, side, side), east, CONSTANTS, held) == pytest.approx((2.0, 2 * 1024**2 * 1.275)), "the next column of blocks"


def test_heights_that_the_run_brings_are_in_the_bill_until_they_are_there(tmp_path):
    """Units from 116.05 to 116.25 E and 39.95 to 40.05 N, with the margin 0.3 by 0.2 degrees: 1080 x 720 pixels, of two tiles: 2 x 1 blocks of each."""
    settings = parse(
        {"run": "t", "output": str(tmp_path), "units": {"path": "u.gpkg"}, "periods": [2024], "soil": {"bring_dem": True},
         "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "https://example.org"}]}
    )  # fmt: skip
    box, period = (116.05, 39.95, 116.25, 40.05), settings.all_periods[0]
    (cost,) = _heights_cost(settings, box, period, CONSTANTS)
    assert (cost.requests, cost.network_bytes) == (1 + 2 + 2, pytest.approx(4 * 1024**2 * 2.6))
    settings.brought_heights.parent.mkdir(parents=True)
    settings.brought_heights.touch()
    assert _heights_cost(settings, box, period, CONSTANTS) == []
    assert _heights_cost(settings.model_copy(update={"soil": SoilSection()}), box, period, CONSTANTS) == []
