"""Terminal output of a run: one line per step with the time left, warnings, and at the end what was made, what is missing and which files to open.

It is a log handler of Snakemake that receives the events of every job and writes a short output; Snakemake's own messages still go to its log file.
`rs-pipeline run` installs it in place of Snakemake's handler; under plain `snakemake` the functions of this module have no effect.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import ENDS, journal_since
from rs_pipeline.operations.run import write_summary
from rs_pipeline.operations.summary import Summary, rest_seconds, summarise_run, troubles, words
from rs_pipeline.steps import BEFORE_TILES, final_outputs, rounds, step_of

MAX_WARNINGS = 20
"""Most warnings shown during a run; the summary has all."""

QUIET_S = 60.0
"""Least time between lines, seconds, while no step ends."""

IN_SNAKEFILE = re.compile(r'^WorkflowError in file ".*", line \d+:\n|\n  File ".*", line \d+, in <module>')
"""Text that Snakemake puts around errors of the pipeline."""

TOLD_OF_THE_JOB = "returned non-zero exit status"
"""Part of the message of Snakemake about a failed command, which repeats the event of its job and is not shown."""

NO_BACKUP = "no backup found"
"""Part of its message about every file of a failed job, not shown: backups are removed on purpose (`operations.job`)."""

NOT_STEPS = ("all",)
"""Rules without work."""

LISTING = BEFORE_TILES[-1].name
"""The step after which the jobs of tiles are known."""

BEFORE_JOBS = ("simulate", "province_units", *(step.name for step in BEFORE_TILES))
"""Steps that run once, before the jobs of tiles: their duration says nothing about that of the others."""

_listening: LogHandler | None = None


class Progression:
    """Progress of the steps of a run, and the time left. Times are seconds of a monotonic clock.

    Parameters
    ----------
    earlier : step to durations of its jobs in earlier runs, seconds; used until a job of the step has ended in this run.
    """

    def __init__(self, earlier: Mapping[str, Sequence[float]] = {}):
        self.earlier, self.done, self.rest = earlier, Counter[str](), Counter[str]()
        self.is_planned = False
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.spent: dict[str, float] = defaultdict(float)
        self._running: dict[Any, tuple[str, float]] = {}
        self._recent: deque[tuple[float, float]] = deque(maxlen=100)
        self._changed = 0.0

    def plan(self, rest: Mapping[str, int], now: float) -> None:
        """Set the number of jobs left, by step. While `LISTING` is among them, the jobs of tiles are not known."""
        self.rest = Counter({step: count for step, count in rest.items() if step not in NOT_STEPS})
        self.is_planned, self._changed = LISTING not in self.rest, now

    def start(self, job: Any, step: str, now: float) -> None:
        if step not in NOT_STEPS:
            self._running[job] = (step, now)

    def finish(self, job: Any, now: float, *, well: bool = True) -> str | None:
        """Note the end of a job and return its step; None for a job whose start was not noted."""
        step, then = self._running.pop(job, (None, now))
        if step and well:
            self.is_planned &= step != LISTING
            self.done[step] += 1
            self.rest[step] = max(0, self.rest[step] - 1)
            self.spent[step] += now - then
            if step not in BEFORE_JOBS:
                self.seconds[step].append(now - then)
                self._recent.append((then, now))
            self._changed = now
        return step

    def at_work(self) -> list[str]:
        """Steps with running jobs."""
        return list(dict.fromkeys(step for step, _ in self._running.values()))

    def left(self, now: float) -> str:
        """The time left, in words; it says where the time is not known."""
        rest, seconds = {step: count for step, count in self.rest.items() if count}, dict(self.earlier) | self.seconds
        if not self.is_planned:
            return "time left: known when the scenes are listed"
        if not rest:
            return "the last step is done"
        timed = {step: count for step, count in rest.items() if step in seconds}
        if not timed:
            return "time left: known when the first of these jobs has ended"
        low, high = (in_words(max(0.0, value - (now - self._changed))) for value in rest_seconds(timed, seconds, self._pace()))
        left, untimed = f"about {low} left" if low == high else f"{low} to {high} left", len(rest) - len(timed)
        return f"{left}, without the time of {untimed} of {len(rest)} steps, of which no job has ended yet" if untimed else left

    def _pace(self) -> float:
        """Job-seconds done per second of the clock, over the last hundred jobs; 1 before the first."""
        if not self._recent:
            return 1.0
        clock = max(end for _, end in self._recent) - min(start for start, _ in self._recent)
        return sum(end - start for start, end in self._recent) / max(clock, 1e-3)


def in_words(seconds: float) -> str:
    """A duration as text, with a unit that suits its size.

    >>> [in_words(s) for s in (42, 600, 9000, 400000)]
    ['42 s', '10 min', '2.5 h', '4.6 days']
    """
    for unit, size, limit in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if round(seconds / size) < limit:
            return f"{seconds / size:.1f} {unit}" if unit == "h" else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


class _Bars(Progress):
    """A progress bar for every running step, and below them the time left."""

    left = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.left, no_wrap=True, overflow="ellipsis")


class LogHandler(LogHandlerBase):
    """Receives Snakemake's log records and writes to standard error: bars on a terminal, lines elsewhere."""

    writes_to_stream, writes_to_file, has_filter, has_formatter, needs_rulegraph = True, False, True, True, False

    def __post_init__(self) -> None:
        global _listening
        _listening = self
        self.run_settings: Settings | None = None
        self.found: Summary | None = None
        self._logs: Sequence[str] = ()
        self._planned: Callable[[], Mapping[str, int]] = dict
        self.is_idle, self._is_stale, self._total, self._journal_place = False, True, 0, 0
        self._shown: set[str] = set()
        self._begun = self._last_line = time.monotonic()
        self._steps = Progression()
        self._names: dict[Any, str] = {}
        self._screen = Console(stderr=True)
        columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = _Bars(*columns, console=self._screen, transient=True, disable=not self._screen.is_terminal)
        self._tasks: dict[str, Any] = {}

    def watch(self, settings: Settings, planned: Callable[[], Mapping[str, int]]) -> None:
        """See the function `watch`."""
        earlier: dict[str, list[float]] = defaultdict(list)
        entries, self._journal_place = journal_since(Layout(settings.root).journal, 0)
        planned_rounds = rounds(settings)
        rule_of = {step.name: r.name for r in planned_rounds for step in r.steps}
        of_rounds: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for entry in entries:
            if entry.state in ENDS and (step := step_of(entry.verb)) and step.name not in BEFORE_JOBS:
                if step.name in rule_of:
                    of_rounds[rule_of[step.name], entry.job.partition(".")[2]][step.name] = entry.seconds
                else:
                    earlier[step.name].append(entry.seconds)
        for (rule, _), seconds in of_rounds.items():
            earlier[rule].append(sum(seconds.values()))
        self.run_settings, self._planned, self._steps = settings, planned, Progression(earlier)
        does = "; ".join(f"{r.name} does {', '.join(step.name for step in r.steps)}" for r in planned_rounds)
        self._say(f"run {settings.run}{' (SIMULATED)' if settings.simulation else ''}: results go to {settings.root}; planning the jobs ({does})")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._hear(record, time.monotonic())
        except Exception:
            self.handleError(record)

    def _hear(self, record: Any, now: float) -> None:
        """Process a log record of Snakemake; its attributes describe the event."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            if self._is_stale:
                self._plan(now)
            self._steps.start(record.jobid, record.rule_name, now)
            self._names[record.jobid] = " ".join([record.rule_name, *map(str, (record.wildcards or {}).values())])
            if record.rule_name in BEFORE_JOBS:
                self._say(f"{time.strftime('%H:%M:%S')}  {record.rule_name:18} begins")
            self._draw(now)
        elif event == LogEvent.JOB_FINISHED:
            self._names.pop(record.job_id, None)
            if step := self._steps.finish(record.job_id, now):
                self._is_stale |= step == LISTING
                self._warn_of_jobs()
                self._tell_step(step, now)
        elif event == LogEvent.JOB_ERROR:
            self._steps.finish(record.jobid, now, well=False)
            self._warn(f"{self._names.pop(record.jobid, record.rule_name)} failed: {_last_words(record.log)} (log: {', '.join(record.log)})")
        elif event == LogEvent.PROGRESS:  # sent before the plan notes the end of the job, so the plan is asked at the start of the next job
            self._is_stale, self._total = self._is_stale or record.total != self._total, record.total
        elif record.getMessage().startswith("Nothing to be done"):
            self.is_idle = True
        elif (
            record.levelno >= logging.WARNING
            and event != LogEvent.GROUP_ERROR
            and not any(words in record.getMessage() for words in (TOLD_OF_THE_JOB, NO_BACKUP))
        ):
            self._say(IN_SNAKEFILE.sub("", record.getMessage()))

    def _plan(self, now: float) -> None:
        """Get the jobs left. The plan belongs to another thread: if that changes it meanwhile, the next job gets it again."""
        try:
            self._steps.plan(self._planned(), now)
            self._is_stale = False
        except RuntimeError:
            self._is_stale = True

    def _tell_step(self, step: str, now: float) -> None:
        done, rest = self._steps.done[step], self._steps.rest[step]
        if not rest or now - self._last_line > QUIET_S:
            seconds = in_words(self._steps.spent[step])
            self._say(f"{time.strftime('%H:%M:%S')}  {step:18} {done:6} of {done + rest:<6} {seconds + ' of jobs':20} {self._steps.left(now)}")
        self._draw(now)

    def _draw(self, now: float) -> None:
        """Update the bars of the running steps."""
        if self._bars.disable:
            return
        self._bars.start()
        at_work = self._steps.at_work()
        for step in self._tasks.keys() - set(at_work):
            self._bars.remove_task(self._tasks.pop(step))
        for step in at_work:
            done, total = self._steps.done[step], self._steps.done[step] + max(self._steps.rest[step], 1)
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step)
            self._bars.update(self._tasks[step], completed=done, total=total)
        self._bars.left = self._steps.left(now)

    def _warn_of_jobs(self) -> None:
        """Show the warnings of jobs that ended since, and jobs that were given up, from the journal."""
        entries, self._journal_place = journal_since(Layout(self.run_settings.root).journal, self._journal_place) if self.run_settings else ([], 0)
        for entry in entries:
            for line in entry.said:
                self._warn(f"{entry.job}: {line}", line)
            if entry.state == "given up":
                self._warn(f"{entry.job} was given up: {entry.reason}")

    def _warn(self, text: str, key: str = "") -> None:
        """Show a warning, each only once and at most ``MAX_WARNINGS`` in all."""
        if (key or text) not in self._shown and len(self._shown) < MAX_WARNINGS:
            self._shown.add(key or text)
            self._say(f"warning: {text}")
            if len(self._shown) == MAX_WARNINGS:
                self._say("warning: further ones stand in summary.txt and in the logs")

    def _say(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._screen.print(text, markup=False, highlight=False, soft_wrap=True)

    def end(self, settings: Settings, found: Summary, logs: Sequence[str]) -> None:
        """Keep what `close` writes after the last record."""
        self.run_settings, self.found, self._logs = settings, found, logs

    def close(self) -> None:
        self._bars.stop()
        if self.run_settings and self.found:
            self._say("\n" + end_words(self.run_settings, self.found, self._logs, time.monotonic() - self._begun))
        self.found = None
        super().close()


def _last_words(logs: Sequence[str]) -> str:
    """The error of the pipeline at the end of a job's log, else its last line."""
    lines = [line for path in logs if Path(path).is_file() for line in Path(path).read_text("utf-8", errors="replace").splitlines() if line.strip()]
    named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (named or lines or ["its log is empty"])[-1].strip()[:300]


def end_words(settings: Settings, found: Summary, logs: Sequence[str], seconds: float) -> str:
    """Text at the end of a run: files made and missing, warnings, files to open, and where details are."""
    layout, final = Layout(settings.root), len(final_outputs(settings))
    to_open = (
        (layout.report, "the page, in a browser"),
        (layout.indicators_workbook, "the answers, in Excel"),
        (layout.findings.with_suffix(".csv"), "where to look on the ground"),
        (layout.counties_latest, "the counties, in QGIS"),
        (layout.root / "maps", "the maps, in QGIS"),
    )
    there = [f"  {path}: {what}" for path, what in to_open if path.exists()]
    return "\n".join(
        [
            f"run {found.run}{' (SIMULATED)' if found.simulated else ''}: {found.status}, after {in_words(seconds)}",
            f"made: {final - len(found.missing)} of {final} files, {sum(mb for name, mb in found.disk_mb.items() if name != 'files'):.0f} MB in {layout.root}",
            *(troubles(found) or ["missing: nothing"] * (found.status == "complete")),
            *([] if found.status == "complete" else ["\nThe same command goes on from here; what is finished stays."]),
            "",
            *(["open:", *there, f'  rs_pipeline.open_run("{layout.root}"): maps and tables, in a notebook'] if there else []),
            f"details: {', '.join(map(str, [layout.summary.with_suffix('.txt'), layout.journal.parent, *logs]))}",
        ]
    )


def watch(settings: Settings, planned: Callable[[], Mapping[str, int]]) -> None:
    """Tell the handler, if there is one, which run begins.

    Parameters
    ----------
    planned : rule to the number of its jobs that are left; may raise RuntimeError while the plan changes.
    """
    if _listening:
        _listening.watch(settings, planned)


def tell_end(settings: Settings, found: Summary, logs: Sequence[str]) -> None:
    """Report the end of a run: the whole summary, or, if the handler is installed, its short text."""
    if _listening:
        _listening.end(settings, found, logs)
    else:
        print(words(found), file=sys.stderr)


def tell_nothing_to_do(*, only_tell: bool) -> None:
    """Report the state of a run that had no job to do, and update its summary, as earlier failures may be resolved. ``only_tell`` : in a dry run, no file is
    written."""
    if _listening and _listening.run_settings and _listening.is_idle:
        settings = _listening.run_settings
        found = summarise_run(settings)
        if not only_tell:
            write_summary(settings, found)
        print(f"nothing to do\n{end_words(settings, found, (), 0.0)}", file=sys.stderr)
