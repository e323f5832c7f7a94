"""Heights from a STAC API: tiles of a real server on 127.0.0.1, put together on their own pixels."""

from __future__ import annotations

import http.server
import json
import threading
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from typer.testing import CliRunner

from rs_pipeline.catalog.heights import bring_heights, height_source, terrain, tile_hrefs, why_no_heights
from rs_pipeline.cli import app
from rs_pipeline.config import FetchSection, SourceSection, parse
from rs_pipeline.errors import CatalogError, ConfigError, RasterError
from rs_pipeline.inputs.rasters import raster_on
from rs_pipeline.model import Grid
from rs_pipeline.steps import rounds, steps_of
from rs_pipeline.storage.retry import read_retry

STEP = 1 / 100
"""Pixel of the tiles here, degrees: coarser than the real ones, so that they are small."""
LIMITS = FetchSection(retries=1, backoff_s=0.01, timeout_s=5)
BOX = (116.6, 39.6, 117.4, 40.4)
MARGIN = 0.05


def write_tile(path, west, north, height, step=STEP, crs="EPSG:4326", nodata=None):
    """A tile of one degree whose pixels all have one height."""
    n = round(1 / step)
    transform = Affine(step, 0, west, 0, -step, north)
    with rasterio.open(path, "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs=crs, transform=transform, nodata=nodata, tiled=True) as out:
        out.write(np.full((n, n), height, "float32"), 1)


class Api(http.server.SimpleHTTPRequestHandler):
    """A STAC API of one collection: the landing page, a search that gives all items, and the files of its folder."""

    items: list[dict] = []

    def log_message(self, *args):
        pass

    def _json(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        if self.path == "/":
            links = [{"rel": "self", "href": f"{url}/"}, {"rel": "root", "href": f"{url}/"}]
            links += [{"rel": "search", "href": f"{url}/search", "type": "application/geo+json", "method": m} for m in ("GET", "POST")]
            conforms = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
            return self._json({"type": "Catalog", "id": "c", "stac_version": "1.0.0", "description": "d", "conformsTo": conforms, "links": links})
        return super().do_GET()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [item for item in self.items if item["collection"] in asked["collections"]]
        self._json({"type": "FeatureCollection", "features": found, "links": [], "numberMatched": len(found)})


@pytest.fixture
def api(tmp_path):
    """(address, folder of its files, function that makes it name a file as a tile)."""
    handler = type("Handler", (Api,), {"items": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def name(name, href=None, key="data"):
        properties = {"datetime": "2021-04-22T00:00:00Z"}
        assets = {key: {"href": href or f"{url}/{name}"}}
        handler.items.append({"type": "Feature", "id": name, "collection": "cop-dem-glo-30", "properties": properties, "assets": assets, "links": []})

    yield url, tmp_path, name
    server.shutdown()
    server.server_close()


def source(url, **more):
    return SourceSection(sensor="earth-search-sentinel-2-l2a", catalog=url, schemes=["http", "https"], **more)


def test_tiles_become_one_raster_and_what_has_none_is_missing(api, tmp_path):
    """Three of four tiles around a corner: 0.45 degrees of each; the fourth lies at sea and has no tile."""
    url, folder, name = api
    for k, (west, north) in enumerate([(116, 41), (117, 41), (116, 40)]):
        write_tile(folder / f"t{k}.tif", west, north, 100.0 * (k + 1))
        name(f"t{k}.tif")
    assert bring_heights(source(url), BOX, LIMITS, tmp_path / "out" / "h.tif") == 3
    with rasterio.open(tmp_path / "out" / "h.tif") as made:
        height = made.read(1)
        assert made.crs == "EPSG:4326" and np.isnan(made.nodata) and made.dtypes == ("float32",)
        assert made.bounds == pytest.approx((116.55, 39.55, 117.45, 40.45), abs=1e-6) and made.shape == (90, 90)
    assert [height[r, c] for r, c in ((0, 0), (0, 89), (89, 0))] == [100, 200, 300] and np.isnan(height[89, 89])
    assert (height[:45, :45] == 100).all() and (height[:45, 45:] == 200).all() and np.isnan(height[45:, 45:]).all()


def test_nodata_of_a_tile_is_no_height(api, tmp_path):
    url, folder, name = api
    write_tile(folder / "t.tif", 116, 41, -9999.0, nodata=-9999.0)
    name("t.tif", key="elevation")
    bring_heights(source(url), (116.2, 40.2, 116.4, 40.4), LIMITS, tmp_path / "h.tif")
    with rasterio.open(tmp_path / "h.tif") as made:
        assert np.isnan(made.read(1)).all()


def test_the_verb_brings_what_the_configuration_names(api, tmp_path):
    url, folder, name = api
    write_tile(folder / "t.tif", 116, 41, 50.0)
    name("t.tif")
    units = gpd.GeoDataFrame({"adcode": ["130101"], "name": ["A"], "prefecture": ["P"]}, geometry=[shapely.box(116.3, 40.3, 116.4, 40.4)], crs=4326)
    units.to_file(tmp_path / "u.gpkg")
    text = f"run: t\nunits: {{path: {tmp_path / 'u.gpkg'}}}\nperiods: [2024]\ngrid: {{crs: EPSG:32650}}\n"
    text += f"sources: [{{sensor: earth-search-sentinel-2-l2a, catalog: {url}, schemes: [http]}}]\n"
    (tmp_path / "none.yaml").write_text(text)
    (tmp_path / "c.yaml").write_text(text + f"soil: {{dem: {tmp_path / 'h.tif'}}}\n")
    said = CliRunner().invoke(app, ["heights", "--config", str(tmp_path / "none.yaml")])
    assert said.exit_code == 2 and "names no soil.dem and no masks.dem; give --out" in " ".join(said.output.replace("│", " ").split())
    said = CliRunner().invoke(app, ["heights", "--config", str(tmp_path / "c.yaml")])
    assert said.exit_code == 0 and f"heights of 1 tiles written to {tmp_path / 'h.tif'}" in said.output
    with rasterio.open(tmp_path / "h.tif") as made:
        assert made.bounds == pytest.approx((116.25, 40.25, 116.45, 40.45), abs=1e-6) and (made.read(1) == 50).all()


def run_that_brings_heights(folder, url):
    units = gpd.GeoDataFrame({"adcode": ["130101"], "name": ["A"], "prefecture": ["P"]}, geometry=[shapely.box(116.3, 40.3, 116.4, 40.4)], crs=4326)
    units.to_file(folder / "u.gpkg")
    sources = [{"sensor": "earth-search-sentinel-2-l2a", "catalog": url, "schemes": ["http"]}]
    config = {"run": "t", "units": {"path": str(folder / "u.gpkg")}, "periods": [2024], "grid": {"crs": "EPSG:32650"}, "sources": sources}
    return parse(config | {"output": str(folder / "out"), "soil": {"bring_dem": True}})


def test_a_run_brings_its_heights(api, tmp_path):
    url, folder, name = api
    write_tile(folder / "t.tif", 116, 41, 50.0)
    name("t.tif")
    settings = run_that_brings_heights(tmp_path, url)
    terrain(settings)
    assert settings.heights == ("soil.bring_dem", tmp_path / "out" / "t" / "heights.tif") and why_no_heights(settings.heights[1]) == ""
    with rasterio.open(settings.heights[1]) as made:
        assert (made.read(1) == 50).all()


def test_heights_that_cannot_be_had_are_unknown_with_the_reason_and_asked_for_again(api, tmp_path, caplog):
    settings = run_that_brings_heights(tmp_path, api[0])
    terrain(settings)
    reason = "no heights there: the collection cop-dem-glo-30 has no tile of the region"
    assert why_no_heights(settings.heights[1]) == reason and f"no heights: {reason}" in caplog.text
    assert np.isnan(raster_on(settings.heights[1], "soil.bring_dem", Grid("EPSG:32650", 30, 440_000, 4_470_000, 9, 9))).all()
    assert read_retry(tmp_path / "out" / "t" / "retry", "terrain").times == 1


def test_heights_that_are_given_are_not_brought(tmp_path):
    settings = run_that_brings_heights(tmp_path, "https://example.org")
    for given in ({"soil": {"bring_dem": True, "dem": "h.tif"}}, {"masks": {"dem": "h.tif"}}):
        other = parse(settings.model_dump(mode="json", exclude_unset=True) | {"soil": {"bring_dem": True}} | given)
        assert other.brought_heights is None and other.heights[1] == Path("h.tif") and "terrain" not in [s.name for s in steps_of(other)]
    assert "terrain" in [s.name for s in steps_of(settings)] and "soil_loss" in [s.name for s in rounds(settings)[0].steps]


def test_a_region_without_tiles_is_told(api, tmp_path):
    with pytest.raises(CatalogError, match="(?s)no heights there: the collection cop-dem-glo-30 has no tile of the region.*name a file of heights in soil.dem"):
        bring_heights(source(api[0]), BOX, LIMITS, tmp_path / "h.tif")
    assert not (tmp_path / "h.tif").exists()


@pytest.mark.parametrize(
    ("tile", "said"),
    [({"step": 1 / 50}, "its pixels are others than those of the first tile"), ({"crs": "EPSG:4490"}, "its pixels are others than those of the first tile")],
)
def test_tiles_of_other_pixels_are_refused_and_the_file_before_stays(api, tmp_path, tile, said):
    url, folder, name = api
    write_tile(folder / "a.tif", 116, 41, 1.0)
    write_tile(folder / "b.tif", 117, 41, 2.0, **tile)
    name("a.tif"), name("b.tif")
    (tmp_path / "h.tif").write_bytes(b"before")
    with pytest.raises(RasterError, match=said):
        bring_heights(source(url), BOX, LIMITS, tmp_path / "h.tif")
    assert (tmp_path / "h.tif").read_bytes() == b"before"


def test_a_public_bucket_is_asked_over_https_and_other_files_are_refused(api):
    url, _, name = api
    name("x", href="s3://copernicus-dem-30m/A_DEM/A_DEM.tif")
    assert tile_hrefs(source(url), BOX, LIMITS) == ["https://copernicus-dem-30m.s3.amazonaws.com/A_DEM/A_DEM.tif"]
    name("y", href="file:///etc/hostname")
    with pytest.raises(CatalogError, match="(?s)the tile 'y' cannot be read.*'file' is not allowed"):
        tile_hrefs(source(url), BOX, LIMITS)
    with pytest.raises(CatalogError, match="heights are asked of a STAC API"):
        tile_hrefs(source("folder"), BOX, LIMITS)


def settings_of(*catalogs, **more):
    sources = [{"sensor": "earth-search-sentinel-2-l2a", "catalog": c, **more} for c in catalogs]
    return parse({"run": "t", "units": {"path": "u.gpkg"}, "periods": [2024], "sources": sources, "grid": {"crs": "EPSG:32650"}})


def test_the_first_api_of_the_configuration_is_asked():
    settings = settings_of("data/scenes", "https://a.example/stac", "https://b.example/stac", sign="planetary-computer")
    assert [height_source(settings, c).catalog for c in (None, "https://b.example/stac")] == ["https://a.example/stac", "https://b.example/stac"]
    assert height_source(settings).sign == "planetary-computer" and height_source(settings, "https://c.example").sign == "none"
    assert height_source(settings, "https://planetarycomputer.microsoft.com/api/stac/v1").sign == "planetary-computer"
    with pytest.raises(ConfigError, match="(?s)no source of the configuration is a STAC API.*--catalog"):
        height_source(settings_of("data/scenes"))
