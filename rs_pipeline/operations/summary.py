"""Summary of a run: what it has done, what is missing, its cost and the time left, from the journal, the retries and the files."""

from __future__ import annotations

import errno
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import DISK_FAULTS, MAKE_ROOM, SpaceError
from rs_pipeline.indicators.losses import lost_units
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import ENDS, JournalEntry, read_journal
from rs_pipeline.operations.repair import recorded_files
from rs_pipeline.steps import final_outputs, step_places, steps_of
from rs_pipeline.storage.disk import is_full
from rs_pipeline.storage.record import damaged
from rs_pipeline.storage.retry import read_retries

MAX_JOBS_NAMED = 20
"""Most jobs named in the text; summary.json names all."""


@dataclass(frozen=True)
class Cost:
    """Cost of the ended jobs of a verb."""

    verb: str
    jobs: int
    expected: int
    """Number of jobs in the whole run; 0 for a verb that is no step of the run."""
    missing: int
    """Jobs of these that have not ended."""
    seconds: float
    median_seconds: float
    memory_mb: float
    """Largest memory of a job, MB."""
    read_mb: float
    written_mb: float


@dataclass(frozen=True)
class Summary:
    """State of a run."""

    run: str
    status: str
    """``complete``; ``incomplete`` where outputs are missing or tiles given up; ``failed`` where Snakemake ended with an error."""
    simulated: bool
    time: str
    costs: list[Cost]
    given_up: dict[str, str]
    """Job to reason."""
    failed: dict[str, str]
    """Job whose last attempt did not end well, to reason."""
    said: dict[str, str]
    """Warning of jobs that ended well, to the jobs that gave it, in words."""
    missing: list[str]
    """Final outputs that do not exist."""
    damaged: dict[str, str]
    """Recorded file whose size differs from what was written, to the fault; the next run makes it again."""
    lost_scenes: int
    """Chips that could not be read."""
    lost: dict[str, str]
    """Period in which units lost more than indicators.max_lost_share of their scenes, to the loss in words."""
    disk_mb: dict[str, float]
    """Size by folder of the run, MB, and ``files``, their number."""
    disk_full: bool
    """Whether the disk of the results is full (`disk.is_full`): failed jobs may then have been unable to write why they failed."""
    rest_minutes: tuple[float, float] | None
    """Range of the time of the missing jobs, minutes, see `rest_minutes`; None where too few jobs have ended, 0 where none is missing."""


def summarise_run(settings: Settings) -> Summary:
    """Summary of the present state of a run."""
    layout = Layout(settings.root)
    entries = read_journal(layout.journal)
    last = {e.job: e for e in entries}
    retries = read_retries(layout.retries)
    given_up = {job: retry.given_up for job, retry in retries.items() if retry.given_up}
    missing = [str(p) for p in final_outputs(settings) if not p.exists()]
    costs, lost = _costs(settings, entries), {loss.period: loss.words() for loss in lost_units(settings)}
    harmed = {str(path): how for path, how in damaged(recorded_files(settings), whole=False).items()}
    return Summary(
        run=settings.run,
        status="incomplete" if missing or given_up or lost or harmed else "complete",
        simulated=settings.simulation is not None,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        costs=costs,
        given_up=given_up,
        failed={job: _reason(e) for job, e in last.items() if e.state not in ENDS},
        said=_said(last.values()),
        missing=missing,
        damaged=harmed,
        lost_scenes=_lost_scenes(layout),
        lost=lost,
        disk_mb=disk_mb(settings.root),
        disk_full=is_full(settings.root),
        rest_minutes=rest_minutes(costs, entries),
    )


def _said(entries: Iterable[JournalEntry]) -> dict[str, str]:
    jobs: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for line in entry.said:
            jobs[line].append(entry.job)
    return {line: found[0] + (f" and {len(found) - 1} more" if len(found) > 1 else "") for line, found in jobs.items()}


def expected_jobs(settings: Settings) -> dict[str, int]:
    """Verb to number of jobs of the whole run; without jobs of tiles before the tiles are made."""
    from rs_pipeline.tiles import tile_ids  # imported here: it needs PyArrow, which the Snakefile would load for every job of a cluster

    tiles = tile_ids(settings)
    found: dict[str, int] = {}
    for step in steps_of(settings):
        for place in step_places(step, settings, tiles):
            verb = f"{step.verb}:{place.product}" if step.scope == "map" else step.verb
            found[verb] = found.get(verb, 0) + 1
    return found


def _costs(settings: Settings, entries: list[JournalEntry]) -> list[Cost]:
    ended: dict[str, dict[str, JournalEntry]] = defaultdict(dict)
    for entry in entries:
        if entry.state in ENDS:
            ended[entry.verb][entry.job] = entry
    costs = []
    for verb, expected in (dict.fromkeys(ended, 0) | expected_jobs(settings)).items():
        done = list(ended[verb].values())
        seconds = [e.seconds for e in done]
        costs.append(
            Cost(
                verb,
                len(done),
                expected,
                max(0, expected - len(done)),
                round(sum(seconds), 1),
                statistics.median(seconds) if seconds else 0.0,
                max((e.memory_mb for e in done), default=0.0),
                round(sum(e.read_mb for e in done), 1),
                round(sum(e.written_mb for e in done), 1),
            )
        )
    return costs


def rest_minutes(costs: Iterable[Cost], entries: list[JournalEntry]) -> tuple[float, float] | None:
    """Range of the time of the missing jobs, minutes, at the pace of the last hundred jobs that ended; None where fewer than four have ended."""
    ended = [e for e in entries if e.state in ENDS]
    rest = {c.verb: c.missing for c in costs if c.missing}
    if not rest:
        return 0.0, 0.0
    if len(ended) < 4:
        return None
    recent, seconds = ended[-100:], defaultdict(list)
    for entry in ended:
        seconds[entry.verb].append(entry.seconds)
    clock = (_time(recent[-1]) - _time(recent[0])).total_seconds() + recent[0].seconds
    low, high = rest_seconds(rest, seconds, sum(e.seconds for e in recent) / max(clock, 1.0))
    return round(low / 60, 1), round(high / 60, 1)


def rest_seconds(rest: Mapping[str, int], seconds: Mapping[str, Sequence[float]], pace: float) -> tuple[float, float]:
    """Lower and upper estimate of the clock time of the jobs left, seconds, from the quartiles of the jobs that ended.

    Parameters
    ----------
    rest : verb or step to its number of jobs left.
    seconds : verb or step to the durations of its ended jobs, at least one in all; for a verb without any, those of all verbs are used.
    pace : job-seconds done per second of the clock; limited for each verb to its number of jobs left, all in parallel.
    """
    everything = [value for taken in seconds.values() for value in taken]
    low = high = 0.0
    for verb, count in rest.items():
        taken, abreast = seconds.get(verb) or everything, max(1.0, min(pace, count))
        quartiles = statistics.quantiles(taken, n=4) if len(taken) > 1 else [taken[0]] * 3
        low, high = low + count * max(quartiles[0], 0.0) / abreast, high + count * quartiles[2] / abreast
    return low, high


def _time(entry: JournalEntry) -> datetime:
    return datetime.fromisoformat(entry.time)


def _reason(entry: JournalEntry) -> str:
    return entry.reason or f"started at {entry.time} on {entry.host}, no end so far: still at work, or killed"


def _lost_scenes(layout: Layout) -> int:
    import pyarrow.parquet as pq

    manifests = layout.root.glob(str(Layout(Path()).chips("*", "*")))
    return sum(pq.read_table(m, columns=["status"]).column("status").to_pylist().count("failed") for m in manifests)


def disk_mb(folder: Path) -> dict[str, float]:
    """Size of each entry of a folder, MB, and ``files``: the number of files."""
    sizes: dict[str, float] = defaultdict(float)
    count = 0
    for base, _, names in os.walk(folder):
        top = Path(base).relative_to(folder).parts[:1]
        for name in names:
            try:
                sizes[top[0] if top else "."] += os.path.getsize(os.path.join(base, name)) / 1e6
                count += 1
            except FileNotFoundError:  # a job is at work
                continue
    return {name: round(size, 2) for name, size in sorted(sizes.items())} | {"files": count}


def words(found: Summary) -> str:
    """The summary as text."""
    lines = [f"run {found.run}{' (SIMULATED)' if found.simulated else ''}: {found.status}", ""]
    lines.append(f"{'step':20s}{'jobs':>8s}{'of':>8s}{'seconds':>10s}{'median':>8s}{'MB':>8s}{'read MB':>10s}{'written':>10s}")
    for c in found.costs:
        lines.append(f"{c.verb:20s}{c.jobs:8d}{c.expected:8d}{c.seconds:10.0f}{c.median_seconds:8.1f}{c.memory_mb:8.0f}{c.read_mb:10.0f}{c.written_mb:10.0f}")
    lines.append("disk, MB: " + ", ".join(f"{k} {v:g}" for k, v in found.disk_mb.items()))
    if found.rest_minutes is None:
        lines.append("no estimate of the rest before the first jobs have ended")
    elif found.rest_minutes[1] > 0:
        lines.append(f"the missing jobs take about {found.rest_minutes[0]:g} to {found.rest_minutes[1]:g} minutes at the pace so far")
    return "\n".join([*lines, *troubles(found)])


def troubles(found: Summary) -> list[str]:
    """Lines on everything given up, failed, missing, lost or damaged, and on warnings; empty where there is nothing."""
    lines = []
    for title, listed in (
        ("given up: their tiles are missing in the maps and indicators; the next run tries them again", found.given_up),
        ("did not end well", {k: v for k, v in found.failed.items() if k not in found.given_up}),
        ("said by jobs", found.said),
        ("missing", dict.fromkeys(found.missing, "")),
        ("damaged: the next run makes them again", found.damaged),
        ("scenes lost beyond indicators.max_lost_share; the next run tries them again, and the rows of these units say so", found.lost),
    ):
        if listed:
            lines.append(f"\n{title} ({len(listed)}):")
            lines += [f"  {name}{': ' + reason if reason else ''}" for name, reason in list(listed.items())[:MAX_JOBS_NAMED]]
            lines += [f"  … and {len(listed) - MAX_JOBS_NAMED} more, see summary.json"] if len(listed) > MAX_JOBS_NAMED else []
    if found.disk_full:
        lines.append(f"\n{DISK_FAULTS[errno.ENOSPC]}")
    if found.disk_full or any(reason.startswith(SpaceError.__name__) for reason in found.failed.values()):
        lines.append(f"\n{MAKE_ROOM}")  # a full disk may have prevented it in the jobs' own logs
    if found.lost_scenes:
        lines.append(
            f"\n{found.lost_scenes} chips could not be read; the next run tries those that can be opened by then, `rs-pipeline retry` makes it try all"
        )
    return lines
