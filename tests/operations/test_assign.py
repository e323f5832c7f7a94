"""Lists of scenes: only those that change are written."""

from dataclasses import replace

import pandas as pd
import pytest

from rs_pipeline import region
from rs_pipeline.catalog.assign import assign, digest
from rs_pipeline.catalog.fetch import wanted_scenes
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.config import load
from rs_pipeline.layout import Layout
from tests.operations.conftest import new_scene, write_world


@pytest.fixture
def assigned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = write_world(tmp_path)
    settings = load(small.config)
    for step in (region.grid, search, assign):
        step(settings)
    return small, settings


def test_lists_hold_what_fetch_will_want(assigned):
    _, settings = assigned
    layout = Layout(settings.root)
    for period in ("2023", "2024"):
        for tile in ("r000c000", "r000c001"):
            assert list(pd.read_csv(layout.scene_list(period, tile)).key) == [tile, *(s.key for s in wanted_scenes(settings, tile, period))]
    assert pd.read_csv(layout.tile_scenes).n_scenes.tolist() == [4] * 4


def test_a_new_scene_rewrites_the_list_it_falls_on_and_no_other(assigned):
    small, settings = assigned
    layout = Layout(settings.root)
    lists = {p: p.stat().st_mtime_ns for p in layout.root.glob("chips/*/*/scenes.csv")}
    name = new_scene(small)
    search(settings)
    assign(settings)
    changed = [p for p, before in lists.items() if p.stat().st_mtime_ns != before]
    assert changed == [layout.scene_list("2024", "r000c000")] and name in changed[0].read_text()


def test_a_list_with_a_flipped_bit_is_written_anew(assigned):
    """0xF2 in place of r is no UTF-8."""
    _, settings = assigned
    path = Layout(settings.root).scene_list("2023", "r000c000")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"r000c000", b"\xf2000c000", 1))
    assign(settings)
    assert path.read_bytes() == whole


def test_the_digest_follows_pixels_and_not_words(assigned):
    _, settings = assigned
    scene = read_ledger(Layout(settings.root).scenes)[0]
    assert digest(replace(scene, offset_decision="said otherwise", cloud_cover=99.0)) == digest(scene)
    for change in ({"offset": -0.1}, {"assets": {}}, {"generated": "2030-01-01"}, {"sun_elevation_deg": 1.0}, {"processing_baseline": "05.11"}):
        assert digest(replace(scene, **change)) != digest(scene)
