"""What a run does again although Snakemake knows nothing of it: its own record says what every job was made from."""

import os
import shutil

import geopandas as gpd
import pytest

from benchmarks.harness import jobs_run
from rs_pipeline.config import load
from rs_pipeline.inputs.parts import user_files
from rs_pipeline.operations.due import outdated
from rs_pipeline.operations.journal import read_journal
from rs_pipeline.operations.repair import recorded_files
from rs_pipeline.operations.run import mend
from rs_pipeline.storage.retry import mark_given_up, read_retries

TILE, PERIOD = "r000c000", "2024"


@pytest.fixture
def again(copied_run, monkeypatch):
    """What is outdated in the run, with another configuration where keys are given."""
    monkeypatch.chdir(copied_run.folder)

    def find(**changes) -> set[str]:
        if changes:
            copied_run.configure(**changes)
        return set(outdated(load(copied_run.config)))

    return find


def rename_units(path, name: str) -> None:
    frame = gpd.read_file(path)
    frame["name"] = name
    path.unlink()
    frame.to_file(path)


def test_nothing_of_a_finished_run_is_outdated(again):
    assert again() == set()


def test_a_file_that_is_replaced_by_an_older_one(again, copied_run):
    units = copied_run.folder / "units.gpkg"
    before = units.read_bytes()
    rename_units(units, "Other")
    os.utime(units, (1.6e9, 1.6e9))
    assert {"search", "grid", "zonal.2023", "zonal.2024", "indicators"} <= again() and not [job for job in again() if job.startswith("mosaic")]
    units.write_bytes(before)
    assert again() == set(), "what it holds counts, not when it was written"


def test_a_key_makes_what_has_it_outdated(again):
    assert again(water={"min_months": 3, "min_reported_area_m2": 5000.0}) == {"bodies", "indicators", "report"}


def test_other_days_of_a_period_make_what_is_of_it_outdated(again):
    found = again(periods=[{"label": "2023", "start": "2023-01-01", "end": "2023-12-31"}, {"label": "2024", "start": "2024-01-01", "end": "2024-12-30"}])
    assert {f"observe.2024.{TILE}", "zonal.2024", "indicators", "search"} <= found and not {job for job in found if ".2023" in job}


@pytest.mark.parametrize("job, place", [
    ("assign", lambda layout: layout.scene_list(PERIOD, TILE)), ("mosaic:water.2024", lambda layout: layout.map("water", PERIOD).with_suffix(".qml")),
    ("stac", lambda layout: layout.root / "stac" / "2024" / "2024.json"), (f"land.2024.{TILE}", lambda layout: layout.tile_map(PERIOD, TILE, "land")),
])  # fmt: skip
def test_a_file_that_is_gone(again, copied_run, job, place):
    path = place(copied_run.layout)
    assert path.absolute() in {r.path for r in recorded_files(load(copied_run.config))}
    path.unlink()
    assert again() == {job}


def test_a_job_that_was_given_up(again, copied_run):
    mark_given_up(copied_run.layout.retries, f"observe.2024.{TILE}", "no memory")
    assert f"observe.2024.{TILE}" in again()


def test_years_and_steps_that_the_run_has_no_more_are_left(again):
    assert not {job for job in again(periods=[2024], soil={}) if "2023" in job or job.startswith("soil-loss")}


def test_marks_let_snakemake_do_it_without_its_memory(copied_run, snakemake, monkeypatch):
    """Where it was started from another folder, or what it remembers was lost, it plans by times alone."""
    monkeypatch.chdir(copied_run.folder)
    shutil.rmtree(copied_run.folder / ".snakemake", ignore_errors=True)
    copied_run.configure(water={"min_months": 3, "min_reported_area_m2": 5000.0})
    copied_run.layout.map("water", PERIOD).with_suffix(".qml").unlink()
    since = len(read_journal(copied_run.layout.journal))
    done = snakemake(copied_run.config)
    ran, began = jobs_run(done.stdout + done.stderr), {e.job for e in read_journal(copied_run.layout.journal)[since:]}
    assert {"bodies", "indicators", "mosaic:water.2024"} <= began and not {job for job in began if TILE in job} and ran["bodies"] == 1
    assert copied_run.layout.map("water", PERIOD).with_suffix(".qml").exists()
    assert not jobs_run((again := snakemake(copied_run.config)).stdout + again.stderr)


def test_a_dry_run_tells_and_changes_nothing(again, copied_run, caplog, snakemake):
    copied_run.layout.map("water", PERIOD).with_suffix(".qml").unlink()
    cut = copied_run.layout.bodies
    cut.write_bytes(cut.read_bytes()[:-1])
    before = copied_run.files()
    assert "bodies.gpkg is damaged" in (done := snakemake(copied_run.config, "-np")).stdout + done.stderr
    assert copied_run.files() == before and not (copied_run.layout.root / "damaged").exists()
    mend(load(copied_run.config), only_tell=True)
    assert "were made from something else: 2 (" in caplog.text and read_retries(copied_run.layout.retries) == {}


def test_files_behind_what_a_user_names(tmp_path):
    for name in ("units.shp", "units.dbf", "units.PRJ", "units.shp.xml", "units2.dbf", "lone.gpkg"):
        (tmp_path / name).touch()
    base = tmp_path / "units.gdb"
    base.mkdir()
    for name in ("a00000001.gdbtable", "b.lock"):
        (base / name).touch()
    assert [p.name for p in user_files(tmp_path / "units.shp")] == ["units.PRJ", "units.dbf", "units.shp"]
    assert [p.name for p in user_files(base)] == ["a00000001.gdbtable"] and user_files(tmp_path / "lone.gpkg") == [tmp_path / "lone.gpkg"]
    assert user_files(tmp_path / "gone.csv") == [tmp_path / "gone.csv"]
