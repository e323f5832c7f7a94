"""Archives that fail for a while: what was computed stays, what is lost is told and tried again, and a search that shrinks is refused."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.harness import jobs_run
from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.losses import MAX_TRIES, losses
from rs_pipeline.catalog.search import search
from rs_pipeline.catalog.shrinking import NOT_FOUND_AGAIN
from rs_pipeline.config import load
from rs_pipeline.errors import CatalogError
from rs_pipeline.operations.run import worth_another_try
from rs_pipeline.storage.retry import job_name, mark_retry


@pytest.fixture
def settings(copied_run, monkeypatch):
    monkeypatch.chdir(copied_run.folder)
    return load(copied_run.config)


def lose(layout, tile="r000c000", period="2024") -> str:
    """Say of the first scene of a tile and period that it could not be read; gives its key."""
    path = layout.chips(period, tile)
    table = pd.read_parquet(path)
    table.loc[0, ["status", "reason", "digest"]] = ["failed", "403 Forbidden", ""]
    table.to_parquet(path, index=False)
    return table.key[0]


@contextmanager
def unreadable(layout, year: int):
    """Hide the rasters of a year, which all runs of this package share."""
    files = [Path(href) for s in read_ledger(layout.scenes) if s.solar_day.year == year for href in s.assets.values()]
    for path in files:
        path.rename(path.with_suffix(".gone"))
    try:
        yield
    finally:
        for path in files:
            path.with_suffix(".gone").rename(path)


def tries(layout, key, tile="r000c000", period="2024") -> int:
    return int(pd.read_csv(layout.scene_list(period, tile)).set_index("key").tries[key])


def test_a_lost_scene_that_opens_is_tried_three_times_and_one_that_does_not_is_opened_every_time(settings, copied_run):
    layout, key = copied_run.layout, lose(copied_run.layout)
    assert [(loss.tile, loss.period, loss.lost, loss.scenes, loss.words()) for loss in losses(settings)] == [
        ("r000c000", "2024", (key,), 4, "1 of 4 scenes could not be read (403 Forbidden)")
    ]
    others = {p: p.stat().st_mtime_ns for p in layout.root.glob("chips/*/*/scenes.csv")}
    with unreadable(layout, 2024):
        assign(settings)
        assert tries(layout, key) == 0 and worth_another_try(settings)
    assert not worth_another_try(settings)  # its files are there: they are damaged
    for n in range(1, MAX_TRIES + 2):
        assign(settings)
        assert tries(layout, key) == min(n, MAX_TRIES)
    assert not worth_another_try(settings)
    assert [p for p, then in others.items() if p.stat().st_mtime_ns != then] == [layout.scene_list("2024", "r000c000")]


def test_a_search_that_finds_less_is_refused_and_the_last_one_stays(settings, copied_run, caplog):
    layout, items = copied_run.layout, sorted((copied_run.folder / "items").glob("**/*.json"))
    before = layout.scenes.read_bytes()
    for path in items[:2]:
        path.rename(path.with_suffix(".gone"))
    with pytest.raises(CatalogError, match=r"2 of the 8 scenes that earlier searches used are found no more .*more than 10% is refused") as told:
        search(settings)
    assert "search.max_lost_share" in told.value.remedy and layout.scenes.read_bytes() == before
    lenient = settings.model_copy(update={"search": settings.search.model_copy(update={"max_lost_share": 0.5})})
    search(lenient)
    assert "2 of the 8 scenes that earlier searches used are found no more" in caplog.text
    gone = read_ledger(layout.scenes, status=["skipped"])
    assert [s.reason for s in gone] == [NOT_FOUND_AGAIN] * 2
    search(settings)  # they are no loss again


def test_what_was_processed_anew_or_is_asked_for_no_more_is_no_loss(settings, copied_run):
    items = sorted((copied_run.folder / "items").glob("**/*.json"))
    for path in items[:3]:
        item = json.loads(path.read_text())
        path.write_text(json.dumps(item | {"id": item["id"] + "-again"}))
    search(settings)
    narrow = settings.model_copy(update={"periods": [2024]})
    search(type(settings).model_validate(narrow.model_dump()))
    assert not [s for s in read_ledger(copied_run.layout.scenes) if s.reason == NOT_FOUND_AGAIN]


def test_an_outage_and_a_lost_year_leave_a_finished_run_whole(copied_run, small_run, snakemake):
    """The catalog is gone when the search is repeated; then the rasters of a year are refused, and come back."""
    layout, data = copied_run.layout, copied_run.folder / "items"
    data.rename(copied_run.folder / "away")
    done = snakemake(copied_run.config, "--forcerun", "search", check=False)
    assert done.returncode != 0 and copied_run.files() == small_run.files()
    (copied_run.folder / "away").rename(data)
    assert "Nothing to be done" in snakemake(copied_run.config).stderr

    for tile in ("r000c000", "r000c001"):
        shutil.rmtree(layout.chip_folder("2023", tile))
        mark_retry(layout.retries, job_name("fetch", tile, "2023"))
    with unreadable(layout, 2023):
        done = snakemake(copied_run.config, check=False)
        again = snakemake(copied_run.config, check=False)
    assert again.returncode != 0 and set(jobs_run(again.stdout + again.stderr)) == {"assign"}  # opened in vain, and nothing else runs
    told = done.stdout + done.stderr
    assert done.returncode != 0 and "scenes lost beyond indicators.max_lost_share" in told and "2023: 2 of 2 units" in told
    assert json.loads(layout.summary.read_text())["status"] == "incomplete"
    rows = pd.read_csv(layout.indicators, dtype=str).query("period == '2023' and indicator == 'water_permanent_area'")
    assert rows.value.isna().all() and rows.reason.str.startswith("lost: 4 of 4 scenes could not be read (").all()
    assert "lost: 4 of 4 scenes could not be read" in layout.report.read_text("utf-8")

    ran = jobs_run(snakemake(copied_run.config).stderr)
    assert ran["assign"] == 1 and ran["round_1"] == 2
    lists = {name for name in small_run.files() if name.endswith("scenes.csv")}
    assert {n: d for n, d in copied_run.files().items() if n not in lists} == {n: d for n, d in small_run.files().items() if n not in lists}
