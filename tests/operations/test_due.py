"""What a job of several steps does, and what it leaves: only what is due, whatever fails, is killed or is forced beside it."""

import os

import pytest

from benchmarks.harness import jobs_run
from rs_pipeline.config import load, parse
from rs_pipeline.errors import ConfigError, PipelineError
from rs_pipeline.operations import job as module
from rs_pipeline.operations.due import FORCED, forced_steps, is_due
from rs_pipeline.operations.job import SNAKEMAKE_BACKUPS, run_round
from rs_pipeline.operations.journal import read_journal
from rs_pipeline.operations.repair import job_place
from rs_pipeline.operations.run import mark_unfinished
from rs_pipeline.operations.start import force_steps
from rs_pipeline.steps import rounds, steps
from rs_pipeline.storage.record import read_record
from rs_pipeline.storage.retry import job_name, mark_retry, read_retries

TILE, PERIOD = "r000c000", "2024"


@pytest.fixture
def settings(copied_run, monkeypatch):
    monkeypatch.chdir(copied_run.folder)
    return load(copied_run.config)


@pytest.fixture
def doing(monkeypatch):
    """The steps that a round does, by name in order, in place of doing them; an error in ``fails`` is raised by its step."""
    done, fails = [], {}

    def call(step, settings, names, threads=1):
        done.append(step.name)
        if step.name in fails:
            raise fails[step.name]

    monkeypatch.setattr(module, "call_step", call)
    return done, fails


def changed(settings, section, **values):
    whole = settings.model_dump(mode="json")
    return parse({**whole, section: {**whole[section], **values}})


def due(settings, *names) -> list[str]:
    return [n for n in names if is_due(settings, steps()[n], job_place(settings, steps()[n].verb, TILE, PERIOD), job_name(steps()[n].verb, TILE, PERIOD))]


def test_rounds_follow_from_the_graph(settings):
    """Reaches and lakes are cut from the maps of the region: they cannot be scored before all tiles are seen."""
    first, second = rounds(settings)
    assert first.steps[0].name == "fetch" and {s.name for s in first.steps} == {"fetch", "observe", "land", "preview", "soil_loss"}
    assert {s.name for s in second.steps} == {"reach_scores", "quality_scores"} and (first.name, second.name) == ("round_1", "round_2")
    assert first.needs["land"] == {"fetch"} and first.needs["fetch"] == set() == second.needs["reach_scores"]
    assert first.memory_mb(settings) == max(s.memory_mb(settings) for s in first.steps if s.memory_mb) and first.threads == 2


def test_of_a_finished_run_nothing_is_due(settings, doing):
    done, _ = doing
    for number in (1, 2):
        run_round(settings, number, TILE, PERIOD)
    assert done == []
    with pytest.raises(ConfigError, match=r"there is no round 3[\s\S]*count from 1 to 2"):
        run_round(settings, 3, TILE, PERIOD)


@pytest.mark.parametrize(("section", "values", "expected"), [
    ("land", {"min_dates": 3}, ["land"]),
    ("vegetation", {"min_dates": 3, "min_span_days": 21}, ["observe"]),
    ("masks", {"cloud_buffer_m": 77.0}, ["observe", "land"]),
    ("indicators", {"publish_fraction": 0.9}, []),
])  # fmt: skip
def test_a_changed_key_makes_its_own_steps_due(settings, doing, section, values, expected):
    done, _ = doing
    run_round(changed(settings, section, **values), 1, TILE, PERIOD)
    assert done == expected


def test_files_that_are_missing_cut_marked_or_not_known_to_be_whole_are_made_again(settings, copied_run):
    layout, every = copied_run.layout, ("fetch", "observe", "land", "preview")
    layout.tile_map(PERIOD, TILE, "land").unlink()
    layout.preview(PERIOD, TILE).write_bytes(b"cut")
    mark_retry(layout.retries, f"fetch.{PERIOD}.{TILE}")
    with layout.journal.open("a") as out:  # it was killed
        out.write(f'{{"job": "observe.{PERIOD}.{TILE}", "verb": "observe", "state": "started", "time": "2026-01-01T00:00:00+00:00"}}\n')
    assert due(settings, *every) == ["fetch", "observe", "land", "preview"]


def test_times_of_files_count_for_nothing_and_what_they_hold_does(settings, copied_run):
    layout = copied_run.layout
    for path in (layout.tiles, layout.scene_list(PERIOD, TILE), layout.chips(PERIOD, TILE)):
        os.utime(path)
    assert due(settings, "fetch", "observe", "land") == []
    text, known = layout.record.read_text("utf-8"), read_record(layout.record, layout.root)
    for path, expected in ((layout.chips(PERIOD, TILE), ["observe", "land"]), (layout.scene_list(PERIOD, TILE), ["fetch", "observe", "land"])):
        layout.record.write_text(text.replace(known[path.absolute()].content.digest, "0" * 32), "utf-8")
        assert due(settings, "fetch", "observe", "land") == expected, f"as if {path.name} held something else: other chips, or another offset of a scene"


def test_a_step_that_fails_leaves_the_others_done_and_is_given_up_by_itself(settings, doing, copied_run):
    done, fails = doing
    fails["observe"] = PipelineError("a bad tile")
    other = changed(settings, "masks", cloud_buffer_m=77.0)
    for attempt in (1, 2):
        with pytest.raises(PipelineError, match="a bad tile"):
            run_round(other, 1, TILE, PERIOD, attempt=attempt)
    assert done == ["observe", "land", "observe"], "land was done in the first attempt"
    run_round(other, 1, TILE, PERIOD, attempt=3)
    retries = read_retries(copied_run.layout.retries)
    assert done[3:] == ["soil_loss"] and retries[f"observe.{PERIOD}.{TILE}"].given_up == "PipelineError: a bad tile" and f"land.{PERIOD}.{TILE}" not in retries
    run_round(other, 1, TILE, PERIOD, attempt=4)
    assert done[4:] == ["fetch"], "it is not begun again in this run"
    assert due(other, "fetch", "observe", "land") == ["observe"], "but in the next"


def test_what_rests_on_a_step_that_failed_waits(settings, doing, copied_run):
    """Soil loss too, which rests on land, which rests on what failed."""
    done, fails = doing
    fails["fetch"] = PipelineError("no chips")
    copied_run.layout.tile_map(PERIOD, TILE, "soil_loss").unlink()
    mark_retry(module.Layout(settings.root).retries, f"fetch.{PERIOD}.{TILE}")
    with pytest.raises(PipelineError, match="no chips"):
        run_round(changed(settings, "masks", cloud_buffer_m=77.0), 1, TILE, PERIOD)
    assert done == ["fetch"]


def test_snakemake_cannot_put_back_what_was_before(settings, doing, copied_run):
    """It keeps files of a job while they are made anew, and puts all of them back where one step fails."""
    kept = SNAKEMAKE_BACKUPS / copied_run.layout.tile_map(PERIOD, TILE, "land").relative_to(copied_run.folder)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"before")
    run_round(settings, 1, TILE, PERIOD)
    assert not kept.exists()


def test_jobs_that_did_not_end_are_marked_and_a_search_is_not(settings, copied_run):
    line = '{{"job": "{}", "verb": "{}", "state": "{}", "time": "2026-01-01T00:00:00+00:00"}}\n'
    with copied_run.layout.journal.open("a") as out:
        out.writelines(
            line.format(*about) for about in (("land.2024.r000c000", "land", "started"), ("reaches", "reaches", "failed"), ("search", "search", "failed"))
        )
    mark_unfinished(settings)
    assert {job: r.times for job, r in read_retries(copied_run.layout.retries).items()} == {"land.2024.r000c000": 1, "reaches": 1}


def test_a_user_forces_steps_by_their_names_or_files(settings, copied_run, monkeypatch):
    monkeypatch.setenv(FORCED, "land")
    assert due(settings, "observe", "land") == ["land"]
    wanted = str(copied_run.layout.tile_map(PERIOD, TILE, "water").relative_to(copied_run.folder))
    assert force_steps(["--forcerun", "land", "mosaic", wanted, "-n", "land"], settings) == ["--forcerun", "round_1", "mosaic", wanted, "-n", "land"]
    assert os.environ[FORCED] == "land mosaic observe"
    assert forced_steps(settings, ["round_2", "search"]) == {"reach_scores", "quality_scores", "search"}


def test_a_threshold_of_a_product_costs_that_product(copied_run, small_run, snakemake):
    """The jobs of all tiles and all that rests on them are planned; chips, other maps and what is made from them stay."""
    layout, since = copied_run.layout, len(read_journal(copied_run.layout.journal))
    copied_run.configure(land={"min_dates": 3})
    done = snakemake(copied_run.config)
    ran, began = jobs_run(done.stdout + done.stderr), {e.job for e in read_journal(layout.journal)[since:]}
    assert ran["round_1"] == 4 and ran["mosaic"] > 4
    of_tiles = {job for job in began if "r000c" in job}
    assert of_tiles == {f"{step}.{period}.{tile}" for step in ("land", "soil-loss") for period in ("2023", "2024") for tile in ("r000c000", "r000c001")}
    assert {job for job in began if job.startswith("mosaic")} <= {
        f"mosaic:{name}.{period}" for name in ("land", "soil_loss", "solar", "spartina", "dust") for period in ("2023", "2024")
    } and not {"bodies", "reach-lines", "reaches"} & began
    before, after = small_run.files(), copied_run.files()
    assert all(after[name] == data for name, data in before.items() if name.startswith(("chips", "water", "maps/water", "maps/vegetation")))


def test_what_is_forced_and_comes_out_as_it_was_makes_nothing_else_due(copied_run, snakemake):
    layout = copied_run.layout
    since = len(read_journal(layout.journal))
    snakemake(copied_run.config, "--forcerun", "round_1")
    began = {e.verb for e in read_journal(layout.journal)[since:] if e.state == "started"}
    assert began == {"fetch", "observe", "land", "preview", "soil-loss"}, "what is made again is what it was, so nothing that rests on it is due"
