"""Searches that find less than earlier ones did."""

import json
import logging

import pytest

from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.catalog.shrinking import NOT_FOUND_AGAIN
from rs_pipeline.errors import CatalogError
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder

QUICK = {"self_test": False, "register_scenes": False}
OTHER = "other-sensor"


@pytest.fixture
def settings(world):
    """22 scenes of one sensor in 2022 and two of another in 2023, searched once."""
    table = (config_folder() / "sensors" / "earth-search-sentinel-2-l2a.yaml").read_text("utf-8")
    (world.root / "other.yaml").write_text(table.replace("collection: sentinel-2-l2a", f"collection: {OTHER}"), "utf-8")
    for n in range(22):
        world.scene(f"a{n:02d}", f"2022-{1 + n // 2:02d}-{5 + 10 * (n % 2):02d}T03:00:00Z")
    for day in (1, 11):
        world.scene(f"b{day}", f"2023-06-{day:02d}T03:00:00Z")
        path = world.items / f"{len(list(world.items.glob('*.json'))) - 1:03d}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"collection": OTHER}))
    sources = [
        {"sensor": name, "catalog": str(world.items), "folders": [str(world.root)]} for name in ("earth-search-sentinel-2-l2a", str(world.root / "other.yaml"))
    ]
    settings = world.settings(periods=[2022, 2023], sources=sources, search=QUICK)
    search(settings)
    assert len(used(settings)) == 24
    return settings


def used(settings):
    return {s.key for s in read_ledger(Layout(settings.root).scenes, status=["used"])}


def marked(settings):
    return {s.key for s in read_ledger(Layout(settings.root).scenes, reason=[NOT_FOUND_AGAIN])}


def withdraw(world, *ids):
    """Take items out of the catalog; gives what brings them back."""
    taken = [(p, p.read_text()) for p in world.items.glob("*.json") if json.loads(p.read_text())["id"] in ids]
    for path, _ in taken:
        path.unlink()
    return lambda: [path.write_text(text) for path, text in taken]


def test_all_scenes_of_a_sensor_are_too_many_though_few_in_all(world, settings):
    withdraw(world, "b1", "b11")
    with pytest.raises(CatalogError, match=r"2 of the 2 scenes of \S*other\.yaml that earlier searches used are found no more \(b1, b11\)"):
        search(settings)
    assert len(used(settings)) == 24


def test_all_scenes_of_a_period_are_too_many_though_few_of_their_sensor(world, settings):
    both = settings.model_copy(update={"periods": [2022, 2023], "search": settings.search.model_copy(update={"max_lost_share": 0.1})})
    for path in world.items.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"collection": "sentinel-2-l2a"}))
    search(both.model_copy(update={"sources": settings.sources[:1]}))
    withdraw(world, "b1", "b11")
    with pytest.raises(CatalogError, match=r"2 of the 2 scenes of 2023 that earlier searches used are found no more"):
        search(both.model_copy(update={"sources": settings.sources[:1]}))


def test_one_scene_less_with_every_search_adds_up_and_each_is_told(world, settings, caplog):
    with caplog.at_level(logging.WARNING):
        for n in (1, 2):
            withdraw(world, f"a{n:02d}")
            caplog.clear()
            search(settings)
            assert f"{n} of the 24 scenes that earlier searches used are found no more: a0{n}" in caplog.text
    assert marked(settings) == {"a01", "a02"}
    withdraw(world, "a03")
    with pytest.raises(CatalogError, match=r"3 of the 24 scenes that earlier searches used are found no more \(a03, a01, a02\)"):
        search(settings)


def test_a_scene_that_comes_back_is_lost_no_more(world, settings, caplog):
    bring_back = withdraw(world, "a01", "a02")
    search(settings)
    assert marked(settings) == {"a01", "a02"}
    bring_back()
    caplog.clear()
    search(settings)
    assert not marked(settings) and len(used(settings)) == 24 and "found no more" not in caplog.text


def test_one_scene_alone_is_told_and_not_refused(world, settings, caplog):
    """One of the two of a period is more than a tenth of them."""
    withdraw(world, "b1")
    search(settings)
    assert marked(settings) == {"b1"} and "1 of the 24 scenes that earlier searches used are found no more: b1" in caplog.text


def test_what_was_allowed_for_one_search_is_withdrawn_for_good(world, settings):
    withdraw(world, *(f"a{n:02d}" for n in range(8)))
    with pytest.raises(CatalogError, match="8 of the 24 scenes"):
        search(settings)
    search(settings.model_copy(update={"search": settings.search.model_copy(update={"max_lost_share": 0.5})}))
    assert len(marked(settings)) == 8
    search(settings)
    assert not marked(settings) and len(used(settings)) == 16
    withdraw(world, "a08", "a09")
    with pytest.raises(CatalogError, match="2 of the 16 scenes|2 of the 14 scenes of"):
        search(settings)


def test_what_is_asked_for_no_more_is_neither_lost_nor_counted(world, settings):
    withdraw(world, "a01", "a02")
    search(settings)
    search(settings.model_copy(update={"periods": [2023], "sources": settings.sources[1:]}))
    assert not marked(settings) and used(settings) == {"b1", "b11"}
