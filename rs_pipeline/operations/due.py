"""What is due: a job that Snakemake plans does only steps whose files are missing, or that are made from something else now.

Snakemake plans by the job. A job of a tile and period does several steps (`steps.Round`), and all that rests on it is planned with it; so each step
asks here. Contents are compared and not times, because Snakemake renews the times of all files of a job that ended.

Snakemake itself plans by times, and by what it remembers in the folder where it was started. It overlooks a file that is replaced by an older one, and
forgets where that memory is lost; `outdated` says what it does not know, at the start of a run.
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
"""Variable of the environment that tells jobs which steps the user asked for in any case, by name."""

_CHIPS, _SCENES, _FOLDER = (path_of("", "").name for path_of in (Layout(Path()).chips, Layout(Path()).scene_list, Layout(Path()).chip_folder))
"""Names of the list of a tile's chips, of the list of its scenes, and of the folder of the chips; they lie in one folder."""

_WHOLE_BYTES = 16 * 2**20
"""Of larger files of the user, such as rasters, size and time count: every job asks."""


def made_from(settings: Settings, step: Step, place: StepContext, job: str) -> str:
    """Digest of everything that the files of a step are made from: keys and tables, how often it was to run again, and what its files hold. Steps of
    the region tell of tiles that were given up as well. Who reads chips reads what the ledger says of their scenes, such as offsets: the list of
    scenes beside the chips changes with it.

    A file of the run holds what was noted when it was written (`repair.mend_inputs` sees to it); the user's files are looked at.
    """
    paths = _made_of(step, place)
    return _digest(_asked(settings, step, job), step, place, paths, read_known(settings, paths, job))


@dataclass(frozen=True)
class _Asked:
    """What a digest rests on besides files."""

    settings: Settings
    depends: str
    times: int
    """How often the job was to run again."""
    given_up: tuple[tuple[str, str], ...] = ()
    """Jobs that were given up, and why."""


def _asked(settings: Settings, step: Step, job: str) -> _Asked:
    folder = Layout(settings.root).retries
    retries = {job: read_retry(folder, job)} if step.of_tile else read_retries(folder)
    return _Asked(settings, depends_on(step, settings), retries.get(job, Retry()).times, _given_up(step, retries))


def _given_up(step: Step, retries: Mapping[str, Retry]) -> tuple[tuple[str, str], ...]:
    """Jobs of tiles that were given up: what steps of the region sum."""
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
        elif path.name != _FOLDER:  # of chips the manifest counts
            told += [(str(part), _identity(part)) for part in user_files(path)]
    return xxhash.xxh3_128("\n".join(map(str, told)).encode()).hexdigest()


def _identity(path: Path) -> str:
    """Digest of a file, or size and time of change of a large one; empty where there is none."""
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
    """Whether a step has to be done: the user asks for it, it did not end, its files are not what it wrote, or it is made from something else now.

    Parameters
    ----------
    attempt : of the job. One that was given up in an earlier attempt is for the next run, which counts anew.
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
    """Whether all that a job wrote is there, and is made from what there is now."""
    whole = mine and all(known.path.exists() and not damage(known, whole=False) for known in mine)
    return bool(whole) and mine[0].made_from == _digest(asked, step, place, paths, record)


def outdated(settings: Settings) -> list[str]:
    """Jobs of this run that have ended, and whose files are gone or made from something else than there is now. While the tiles are not known, of the
    steps before them alone: what rests on tiles is asked when they are."""
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
        where = dict(zip([name for name in ("period", "tile") if name in step.names], names, strict=False))  # as `job_name` puts them together
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
    """The steps that a user forces by names of rules, steps or files."""
    found, of_round = set(), {r.name: r for r in rounds(settings)}
    for word in words:
        if word in of_round:
            found |= {step.name for step in of_round[word].steps}
        elif word in steps():
            found.add(word)
        elif made := maker(settings, Path(word).absolute(), Path(word).parts):  # one of them may be a tile's
            found.add(made[0].name)
    return found
