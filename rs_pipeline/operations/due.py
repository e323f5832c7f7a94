"""Decides which steps are due: a job that Snakemake plans does only steps whose files are missing, or whose inputs have changed.

Snakemake plans whole jobs. A job of a tile and period does several steps (`steps.Round`), and all jobs that depend on it are planned with it; so each step
is checked here. Contents are compared and not times, because Snakemake renews the times of all files of a job that ended.

Snakemake itself plans by file times and by its metadata in the folder where it was started. It misses a file that was replaced by an older one, and changes
where its metadata are lost; `outdated` finds these jobs at the start of a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import xxhash

from rs_pipeline.config import Settings
from rs_pipeline.errors import DamagedError
from rs_pipeline.inputs.parts import user_files
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import ENDS, entries_of
from rs_pipeline.operations.repair import job_place, known_tiles, read_known, unfinished_jobs
from rs_pipeline.products.register import Step, StepContext
from rs_pipeline.steps import BEFORE_TILES, depends_on, maker, rounds, steps, steps_of
from rs_pipeline.storage.record import Recorded, damage, read_record
from rs_pipeline.storage.retry import Retry, read_retries, read_retry

FORCED = "RS_PIPELINE_FORCED"
"""Environment variable with the names of the steps that the user forces to run."""

_CHIPS, _SCENES, _FOLDER = (path_of("", "").name for path_of in (Layout(Path()).chips, Layout(Path()).scene_list, Layout(Path()).chip_folder))
"""Names of a tile's manifest of chips, its list of scenes, and its folder of chips; they are in one folder."""

_WHOLE_BYTES = 16 * 2**20
"""For larger files of the user, such as rasters, size and time are compared instead of the content, because every job checks them."""


def made_from(settings: Settings, step: Step, place: StepContext, job: str) -> str:
    """Digest of everything that the files of a step are made from: keys and tables, the number of its retries, and the contents of its inputs. For steps
    of the region also the jobs of tiles that were given up. For a step that reads chips also the list of scenes, which changes with facts of the
    ledger such as offsets.

    For a file of the run the recorded content is used (`repair.mend_inputs` makes sure that it still holds); files of the user are read.
    """
    paths = _made_of(step, place)
    return _digest(_asked(settings, step, job), step, place, paths, read_known(settings, paths, job))


@dataclass(frozen=True)
class _Asked:
    """Inputs of the digest besides files."""

    settings: Settings
    depends: str
    times: int
    """How often the job was marked to run again."""
    given_up: tuple[tuple[str, str], ...] = ()
    """(job, reason) of jobs that were given up."""


def _asked(settings: Settings, step: Step, job: str) -> _Asked:
    folder = Layout(settings.root).retries
    retries = {job: read_retry(folder, job)} if step.of_tile else read_retries(folder)
    return _Asked(settings, depends_on(step, settings), retries.get(job, Retry()).times, _given_up(step, retries))


def _given_up(step: Step, retries: Mapping[str, Retry]) -> tuple[tuple[str, str], ...]:
    """Jobs of tiles that were given up; empty for steps of tiles. Results of the region depend on them."""
    if step.of_tile or step in BEFORE_TILES:
        return ()
    return tuple((name, retry.given_up) for name, retry in retries.items() if retry.given_up)


def _made_of(step: Step, place: StepContext) -> list[Path]:
    paths = [path for path in (*step.reads(place), *step.side_files(place)) if path is not None]
    return paths + [path.with_name(_SCENES) for path in paths if path.name == _CHIPS]


def _digest(asked: _Asked, step: Step, place: StepContext, paths: list[Path], record: Mapping[Path, Recorded]) -> str:
    root = asked.settings.root.absolute()
    spans = [(p.label, p.start, p.end) for p in asked.settings.all_periods if place.period in (p.label, StepContext.period)]
    told: list[object] = [asked.depends, asked.times, *asked.given_up, *spans]
    for path in paths:
        here = path.absolute()
        if here in record:
            told.append((here.relative_to(root), record[here].content))
        elif path.name != _FOLDER:  # chips are covered by the manifest
            told += [(str(part), _identity(part)) for part in user_files(path)]
    return xxhash.xxh3_128("\n".join(map(str, told)).encode()).hexdigest()


def _identity(path: Path) -> str:
    """Digest of a file, or size and time of modification of a large one; empty where it does not exist."""
    try:
        about = path.stat()
    except OSError:
        return ""
    if about.st_size > _WHOLE_BYTES:
        return f"{about.st_size} {about.st_mtime_ns}"
    return _content_digest(path, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@lru_cache(maxsize=1024)
def _content_digest(path: Path, *_about: int) -> str:
    return xxhash.xxh3_128(path.read_bytes()).hexdigest()


def is_due(settings: Settings, step: Step, place: StepContext, job: str, attempt: int = 1) -> bool:
    """Whether a step has to be done: the user forces it, it did not end, its files are not as written, or its inputs changed.

    Parameters
    ----------
    attempt : number of this attempt at the job. A job that was given up in an earlier attempt is left to the next run, which counts from 1 again.
    """
    layout = Layout(settings.root)
    last = next(reversed(entries_of(layout.journal, job)), None)
    if step.name in os.environ.get(FORCED, "").split() or not last or last.state not in ENDS or not all(path.exists() for path in step.writes(place)):
        return True
    if last.state == "given up":
        return attempt <= last.attempt
    paths = _made_of(step, place)
    record = read_known(settings, paths, job)
    return not _is_made(_asked(settings, step, job), step, place, paths, record, [known for known in record.values() if known.job == job])


def _is_made(asked: _Asked, step: Step, place: StepContext, paths: list[Path], record: Mapping[Path, Recorded], mine: Sequence[Recorded]) -> bool:
    """Whether all files of a job exist with their recorded size, and its inputs are unchanged."""
    whole = mine and all(known.path.exists() and not damage(known, whole=False) for known in mine)
    return bool(whole) and mine[0].made_from == _digest(asked, step, place, paths, record)


def outdated(settings: Settings) -> list[str]:
    """Jobs of this run that have ended, but whose files are missing or whose inputs have changed since. While the tiles are not known, only jobs of the
    steps before them."""
    layout, tiles = Layout(settings.root), set(_readable_tiles(settings))
    named = {step.verb: step for step in steps_of(settings) if tiles or step in BEFORE_TILES}
    record, retries, periods = read_record(layout.record, settings.root), read_retries(layout.retries), {p.label for p in settings.all_periods}
    unfinished = unfinished_jobs(settings)
    of_job: dict[str, list[Recorded]] = {}
    for known in record.values():
        of_job.setdefault(known.job, []).append(known)
    depends = {step.name: depends_on(step, settings) for step in named.values()}
    found = []
    for job, mine in of_job.items():
        verb, *names = job.split(".")
        step = named.get(verb.partition(":")[0])
        if step is None or job in unfinished:
            continue
        where = dict(zip([name for name in ("period", "tile") if name in step.names], names, strict=False))  # in the order of `job_name`
        if not ({where.get("period")} <= periods | {None} and {where.get("tile")} <= tiles | {None}):
            continue
        place = job_place(settings, verb, where.get("tile"), where.get("period"))
        asked = _Asked(settings, depends[step.name], retries.get(job, Retry()).times, _given_up(step, retries))
        if retries.get(job, Retry()).given_up or not _is_made(asked, step, place, _made_of(step, place), record, mine):
            found.append(job)
    return found


def _readable_tiles(settings: Settings) -> list[str]:
    try:
        return known_tiles(settings)
    except DamagedError:
        return []


def forced_steps(settings: Settings, words: Iterable[str]) -> set[str]:
    """The steps that a user forces, by names of rules, steps or files."""
    found, of_round = set(), {r.name: r for r in rounds(settings)}
    for word in words:
        if word in of_round:
            found |= {step.name for step in of_round[word].steps}
        elif word in steps():
            found.add(word)
        elif made := maker(settings, Path(word).absolute(), Path(word).parts):  # one of them may be a tile's
            found.add(made[0].name)
    return found
