"""What a person sees of a run: how far it is, how long the rest may take, warnings within bounds, and the end."""

import io
import json
import logging
import re

import pytest
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent

from rs_pipeline.operations import console
from rs_pipeline.operations.console import MAX_WARNINGS, LogHandler, Progression, in_words


def clock_seconds(words: str) -> list[float]:
    units = {"s": 1, "min": 60, "h": 3600, "days": 86400}
    return [float(n) * units[unit] for n, unit in re.findall(r"([\d.]+) (s|min|h|days)\b", words)]


def test_the_time_that_is_left_holds_the_time_that_it_took():
    """Two at a time: 20 jobs of 60 s, then a report; at 300 s ten are done, and 300 s are left beside the report, of which nothing is known."""
    told = Progression()
    told.plan({"observe": 20, "report": 1, "all": 1}, 0)
    assert told.left(0) == "time left: known when the first of these jobs has ended"
    for job in range(10):
        told.start(job, "observe", 60.0 * (job // 2))
    for job in range(10):
        assert told.finish(job, 60.0 * (job // 2 + 1)) == "observe"
    assert told.done == {"observe": 10} and told.rest == {"observe": 10, "report": 1}
    assert told.left(300) == "about 5 min left, without the time of 1 of 2 steps, of which no job has ended yet"
    assert told.left(360) == "about 4 min left, without the time of 1 of 2 steps, of which no job has ended yet"  # and it counts down while nothing ends


def test_nothing_is_promised_before_the_jobs_of_tiles_are_known():
    told = Progression()
    told.plan({"search": 1, "assign": 1}, 0)
    told.start(1, "search", 0)
    told.finish(1, 900)
    assert told.spent["search"] == 900
    assert told.left(900) == "time left: known when the scenes are listed"
    told.start(2, "assign", 900)
    told.finish(2, 901)
    assert told.left(901) == "time left: known when the scenes are listed"  # done, but Snakemake has not planned the rest
    told.plan({"fetch": 4}, 902)
    assert told.left(902) == "time left: known when the first of these jobs has ended"  # an hour of search says nothing about a tile


def test_earlier_runs_tell_what_has_not_run_yet_and_a_failed_job_is_not_done():
    told = Progression({"report": [100.0, 100.0, 100.0]})
    told.plan({"report": 1}, 0)
    assert clock_seconds(told.left(0)) == [120.0] and told.left(0).startswith("about 2 min left")
    told.start(1, "report", 0)
    assert told.finish(1, 50, well=False) == "report" and told.rest["report"] == 1 and not told.done
    assert told.finish("never started", 60) is None


@pytest.mark.parametrize("seconds, words", [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (6000, "1.7 h"), (200_000, "2.3 days")])
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


@pytest.fixture
def handler(make_settings, monkeypatch):
    """A handler of a run that plans one observe and one report; what it wrote is in ``_screen.file``."""
    monkeypatch.setattr(console, "_listening", None)
    listener = LogHandler(None, None)
    listener._screen = Console(file=io.StringIO())
    console.watch(make_settings(), lambda: {"observe": 1, "report": 1})
    return listener


def hear(handler, event=None, level=logging.INFO, **about):
    handler.emit(logging.makeLogRecord({"levelno": level, "msg": about.pop("msg", ""), "event": event, **about}))


def shown(handler) -> list[str]:
    return handler._screen.file.getvalue().splitlines()


def test_a_step_is_one_line_and_what_snakemake_chats_is_none(handler):
    hear(handler, msg="Building DAG of jobs...")
    hear(handler, LogEvent.JOB_INFO, jobid=1, rule_name="observe", wildcards={"period": "2024", "tile": "r000c000"})
    hear(handler, LogEvent.SHELLCMD, msg="python -m rs_pipeline observe")
    hear(handler, LogEvent.JOB_FINISHED, job_id=1)
    first, line = shown(handler)
    assert first.startswith("run test: results go to ") and re.match(r"\d\d:\d\d:\d\d  observe +1 of 1 +0 s of jobs +time left: known when the first", line), (
        line
    )


def test_a_step_that_all_others_wait_for_is_told_when_it_begins(handler):
    hear(handler, LogEvent.JOB_INFO, jobid=1, rule_name="simulate", wildcards={})
    assert re.fullmatch(r"\d\d:\d\d:\d\d  simulate +begins", shown(handler)[1])


def test_a_terminal_has_a_bar_for_each_step_at_work_and_the_time_below(handler):
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    handler._bars = console._Bars(*handler._bars.columns, console=screen, transient=True)
    hear(handler, LogEvent.JOB_INFO, jobid=1, rule_name="observe", wildcards={})
    hear(handler, LogEvent.JOB_INFO, jobid=2, rule_name="report", wildcards={})
    handler._bars.stop()
    page = Console(file=io.StringIO(), width=80)
    page.print(*handler._bars.get_renderables())
    rows = page.file.getvalue().splitlines()
    assert (
        [row.split()[0] for row in rows[:2]] == ["observe", "report"]
        and "0/1" in rows[0]
        and rows[2] == "time left: known when the first of these jobs has ended"
    ), rows


def test_an_error_is_shown_with_the_last_words_of_its_log_and_our_own_without_the_place_in_the_snakefile(handler, tmp_path):
    (tmp_path / "observe.log").write_text("reading\nerror: the disk is full\n  where:  /data\n")
    hear(handler, LogEvent.JOB_INFO, jobid=1, rule_name="observe", wildcards={"period": "2024", "tile": "r000c000"})
    hear(handler, LogEvent.JOB_ERROR, logging.ERROR, jobid=1, rule_name="observe", log=[str(tmp_path / "observe.log")])
    hear(
        handler,
        LogEvent.ERROR,
        logging.ERROR,
        msg="RuleException:\nCalledProcessError in file \"/x/Snakefile\", line 172:\nCommand 'observe' returned non-zero exit status 2.",
    )
    hear(handler, level=logging.WARNING, msg="Cannot restore results/a/tiles/2024/r000c000/water.tif: no backup found.")
    hear(
        handler,
        LogEvent.ERROR,
        logging.ERROR,
        msg='WorkflowError in file "/x/Snakefile", line 37:\nno such key\n  where:  my.yaml\n  File "/x/Snakefile", line 33, in <module>',
    )
    assert shown(handler)[1:] == [f"warning: observe 2024 r000c000 failed: the disk is full (log: {tmp_path}/observe.log)", "no such key", "  where:  my.yaml"]


def test_warnings_of_jobs_are_told_once_and_within_bounds(handler):
    journal = handler.run_settings.root / "logs" / "jobs.jsonl"
    journal.parent.mkdir(parents=True)
    line = {"verb": "observe", "state": "done", "time": "2026-01-01T00:00:00+00:00", "seconds": 1}
    same = [line | {"job": f"observe.2024.r{i}", "said": ["values.csv: read as GB18030"]} for i in range(500)]
    others = [line | {"job": f"fetch.2024.r{i}", "said": [f"scene {i} cannot be read"]} for i in range(500)]
    journal.write_text("\n".join(map(json.dumps, [*same, *others])) + "\n" + '{"job": "cut off')
    hear(handler, LogEvent.JOB_INFO, jobid=1, rule_name="observe", wildcards={})
    hear(handler, LogEvent.JOB_FINISHED, job_id=1)
    warnings = [text for text in shown(handler) if text.startswith("warning")]
    assert warnings[0] == "warning: observe.2024.r0: values.csv: read as GB18030" and len(warnings) == MAX_WARNINGS + 1
    assert warnings[1] == "warning: fetch.2024.r0: scene 0 cannot be read" and "further ones stand in summary.txt" in warnings[-1]


def test_without_the_handler_the_whole_summary_is_printed_as_ever(small_run, monkeypatch, capsys):
    from rs_pipeline.config import load
    from rs_pipeline.operations.summary import summarise_run, words

    monkeypatch.chdir(small_run.folder)
    monkeypatch.setattr(console, "_listening", None)
    settings = load(small_run.layout.settings)
    found = summarise_run(settings)
    console.watch(settings, dict)
    console.tell_end(settings, found, [])
    console.tell_nothing_to_do(only_tell=True)
    assert capsys.readouterr().err == words(found) + "\n"


@pytest.mark.parametrize("status, said", [("complete", "missing: nothing"), ("failed", "The same command goes on from here; what is finished stays.")])
def test_the_end_says_how_to_go_on(small_run, monkeypatch, status, said):
    from dataclasses import replace

    from rs_pipeline.config import load
    from rs_pipeline.operations.summary import summarise_run

    monkeypatch.chdir(small_run.folder)
    settings = load(small_run.layout.settings)
    lines = console.end_words(settings, replace(summarise_run(settings), status=status), ["a.log"], 61).splitlines()
    assert lines[0] == f"run small: {status}, after 61 s" and said in lines and lines[-1].endswith("a.log")
    assert ("missing: nothing" in lines) == (status == "complete")


def test_a_run_without_work_says_what_there_is_and_what_to_open(small_run):
    """The command in another folder than the checkout."""
    import subprocess
    import sys

    from benchmarks.harness import in_root

    small_run.layout.summary.write_text('{"status": "failed"}')
    command = [sys.executable, "-m", "rs_pipeline.cli", "run", "config.yaml", "--cores", "1"]
    done = subprocess.run(command, cwd=small_run.folder, capture_output=True, text=True, timeout=300, env=in_root())
    assert done.returncode == 0 and done.stdout == "", done.stderr
    lines = done.stderr.splitlines()
    assert "nothing to do" in lines and "run small: complete, after 0 s" in lines and "missing: nothing" in lines and len(lines) < 20
    assert any(line.startswith("made: 53 of 53 files") for line in lines)
    assert '"status": "complete"' in small_run.layout.summary.read_text("utf-8"), "what failed before stands there no more"
    assert [line.split(": ")[0].strip() for line in lines if line.startswith("  ")][:2] == ["results/small/report/index.html", "results/small/indicators.xlsx"]
