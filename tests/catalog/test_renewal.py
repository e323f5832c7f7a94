"""Signatures of a catalog that expire while a run lasts are had again from it."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger, with_signatures
from rs_pipeline.catalog.losses import losses
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.layout import Layout
from tests.catalog.conftest import CRS, S2_ASSETS, make_grid, write_tif
from tests.catalog.faulty import served

N_SCENES = 4


@pytest.fixture
def archive(world):
    """(settings, server, tile): scenes whose hrefs carry the server's signature; the search is done."""
    rng = np.random.default_rng(3)
    for i in range(N_SCENES):
        world.scene(f"s{i}", f"2023-05-{i + 1:02d}T03:00:00Z")
        for name in ("red", "swir22"):
            n = 640 // S2_ASSETS[name]
            write_tif(world.root / f"data/s{i}/{name}.tif", rng.integers(300, 3000, (n, n)).astype("uint16"), S2_ASSETS[name], nodata=0)
    with served([json.loads(p.read_text()) for p in sorted(world.items.glob("*.json"))], world.root / "data") as server:
        settings = parse(
            {
                "run": "t",
                "output": str(world.root / "out"),
                "units": {"path": str(world.units)},
                "periods": [2023],
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": server.url, "schemes": ["http"]}],
                "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 96, "margin_m": 0},
                "fetch": {"retries": 0, "timeout_s": 5, "parts_gb": 0},
            }
        )
        sign(server, "first")
        search(settings)
        tile = make_grid(settings)
        assign(settings)
        yield settings, server, tile


def sign(server, signature, catalog="new"):
    """Files want this signature from now on; the catalog gives it, or a ``catalog`` of its own."""
    server.token = signature
    for entry in server.items:
        for asset in entry["assets"].values():
            asset["href"] = asset["href"].partition("?")[0] + f"?sig={signature if catalog == 'new' else catalog}"


def statuses(settings, tile):
    table = pd.read_parquet(Layout(settings.root).chips("2023", tile))
    return sorted(table.status), table


def searches(server):
    return sum(path == "/search" for path in server.seen)


def test_expired_signatures_are_had_again_by_one_search_and_kept(archive):
    settings, server, tile = archive
    decided = read_ledger(Layout(settings.root).scenes)
    sign(server, "second")
    before = searches(server)
    fetch(settings, tile, "2023")
    assert statuses(settings, tile)[0] == ["ok"] * N_SCENES and searches(server) == before + 1
    layout = Layout(settings.root)
    assert read_ledger(layout.scenes) == decided, "the ledger holds no signature, and no decision changes"
    kept = with_signatures(decided, layout.signatures)
    assert {h.partition("?")[2] for s in kept for h in s.assets.values()} == {"sig=second"} and layout.signatures.stat().st_mode & 0o77 == 0


def test_a_file_that_is_refused_for_ever_fails_its_scenes_after_one_search(archive, caplog):
    settings, server, tile = archive
    sign(server, "none has it", catalog="another")
    before = searches(server)
    with caplog.at_level(logging.INFO):
        fetch(settings, tile, "2023")
    found, table = statuses(settings, tile)
    assert found == ["failed"] * N_SCENES and table.reason.str.contains("403").all() and searches(server) == before + 1
    assert "sig" not in "".join(table.reason) and "gave new ones for 4 of 4 scenes" in caplog.text and "another" not in caplog.text


def test_a_catalog_that_signs_as_before_is_asked_once(archive):
    settings, server, tile = archive
    server.token, before = "second", searches(server)
    fetch(settings, tile, "2023")
    assert statuses(settings, tile)[0] == ["failed"] * N_SCENES and searches(server) == before + 1


def test_a_catalog_that_is_down_loses_no_reason(archive, caplog):
    settings, server, tile = archive
    sign(server, "second")
    server.items.clear()
    fetch(settings, tile, "2023")
    found, table = statuses(settings, tile)
    assert found == ["failed"] * N_SCENES and table.reason.str.contains("403").all()


def test_other_files_under_the_name_of_a_scene_are_not_taken(archive):
    """A signature is new where everything else of the address is as before."""
    settings, server, tile = archive
    sign(server, "second")
    for entry in server.items:
        entry["assets"]["red"]["href"] = entry["assets"]["nir"]["href"]
    fetch(settings, tile, "2023")
    assert statuses(settings, tile)[0] == ["failed"] * N_SCENES


def test_lost_scenes_come_back_with_new_signatures(archive):
    settings, server, tile = archive
    server.token = "second"
    fetch(settings, tile, "2023")
    assert len(losses(settings)[0].lost) == N_SCENES
    sign(server, "second")
    assign(settings)
    fetch(settings, tile, "2023")
    assert statuses(settings, tile)[0] == ["ok"] * N_SCENES
