"""A real STAC API on localhost gives the same ledger as the folder it was filled from."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
from geopandas.testing import assert_geodataframe_equal

from benchmarks.remote_reads import served
from rs_pipeline.catalog import api as api_module
from rs_pipeline.catalog.search import search
from rs_pipeline.config import FetchSection, SourceSection
from rs_pipeline.errors import CatalogError
from rs_pipeline.layout import Layout

RUSTAC = shutil.which("rustac") or str(Path(sys.executable).with_name("rustac"))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def api(real_data, tmp_path):
    """rustac serving the real Sentinel-2 and HLS items; local assets get file:// hrefs."""
    if not Path(RUSTAC).exists():
        pytest.skip("rustac is not installed; pip install 'rs-pipeline[test]'")
    files, features = [], []
    for name in ("sentinel-2-l2a", "hls2-s30"):
        folder = real_data / "catalog" / name
        collection = json.loads((folder / "collection.json").read_text()) | {"links": []}
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(collection))
        for path in sorted(folder.glob("*/*.json")):
            entry = json.loads(path.read_text()) | {"links": []}
            for asset in entry["assets"].values():
                asset["href"] = (path.parent / asset["href"]).resolve().as_uri()
            features.append(entry)
    files.append(tmp_path / "items.json")
    files[-1].write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([RUSTAC, "serve", "--addr", f"127.0.0.1:{port}", *map(str, files)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(url, timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


def ledger(settings):
    search(settings)
    return gpd.read_parquet(Layout(settings.root).scenes)


@pytest.mark.parametrize(
    "zones, sensor, periods, more",
    [
        ("parana_zones.geojson", "earth-search-sentinel-2-l2a", [2023, 2025], {"allow_unmasked": True}),
        ("barbellino.geojson", "earth-search-sentinel-2-l2a", [2017, 2019], {}),
        ("hls_quadrants.geojson", "hls2-s30", [2021], {}),
    ],
)
def test_api_and_folder_freeze_the_same_scenes(api, real_settings, monkeypatch, zones, sensor, periods, more):
    monkeypatch.setattr(api_module, "PAGE_SIZE", 2)
    from_folder = ledger(real_settings(zones, sensor, periods, 30, **more))
    from_api = ledger(real_settings(zones, sensor, periods, 30, catalog=api, schemes=["file"], **more))
    assert len(from_api) == {"parana_zones.geojson": 5, "barbellino.geojson": 2, "hls_quadrants.geojson": 1}[zones]
    assert_geodataframe_equal(from_api, from_folder)


def test_local_files_behind_an_api_need_leave(api, real_settings):
    with pytest.raises(CatalogError, match="no usable scene") as caught:
        search(real_settings("barbellino.geojson", "earth-search-sentinel-2-l2a", [2017, 2019], 10, catalog=api))
    assert "href scheme 'file' is not allowed (sources.schemes allows https)" in str(caught.value)


def test_unreachable_api_is_named(real_settings):
    url = f"http://127.0.0.1:{free_port()}"
    settings = real_settings("barbellino.geojson", "earth-search-sentinel-2-l2a", [2017], 10, catalog=url)
    settings = settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"retries": 0})})
    with pytest.raises(CatalogError, match="does not answer as it should") as caught:
        search(settings)
    assert caught.value.where == url and "check the address" in caught.value.remedy


def test_a_web_page_for_an_api_is_told_at_once():
    with served({"/": b"<!DOCTYPE html><html><title>STAC Browser</title></html>"}, 0.0) as server:
        source = SourceSection(sensor="hls2-s30", catalog=f"http://127.0.0.1:{server.server_port}/", schemes=["http"], internal_hosts=True)
        with pytest.raises(CatalogError, match="this is a web page, no STAC API") as fault:
            list(api_module.api_items(source, "hls2-s30", (117, 39, 118, 40), [(date(2023, 1, 1), date(2023, 2, 1))], FetchSection(), 10))
        assert len(server.log) == 1 and "answers with JSON" in fault.value.remedy


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({"type": "Collection", "id": "x"}, "no STAC API that can be searched answers"),
        ({"type": "Feature", "id": "x"}, "no STAC API that can be searched answers"),
        ({"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "links": []}, "does not conform to ITEM_SEARCH"),
        ({"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "conformsTo": ["https://api.stacspec.org/v1.0.0/core"], "links": []}, "ITEM_SEARCH"),
        ({"type": ["Catalog"], "links": {"rel": None}, "conformsTo": 1}, "STAC API"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_page_that_is_no_landing_page_is_told(page, told):
    with served({"/": json.dumps(page).encode()}, 0.0) as server:
        source = SourceSection(sensor="hls2-s30", catalog=f"http://127.0.0.1:{server.server_port}/", schemes=["http"], internal_hosts=True)
        with pytest.raises(CatalogError, match=told) as fault:
            list(api_module.api_items(source, "hls2-s30", (117, 39, 118, 40), [(date(2023, 1, 1), date(2023, 2, 1))], FetchSection(retries=0), 10))
    assert fault.value.remedy and fault.value.where == source.catalog
