"""Runs a step as a job: its lock, the space on the disk, checks of the files it reads, the record of those it writes, the journal, and giving up."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import LASTING, MAKE_ROOM, ConfigError, DamagedError, ModelError, PipelineError, SpaceError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.due import is_due, made_from
from rs_pipeline.operations.journal import Watch, failures
from rs_pipeline.operations.locks import job_lock
from rs_pipeline.operations.repair import job_place, make_again, mend_inputs
from rs_pipeline.products.register import kept_bytes, resolve
from rs_pipeline.steps import call_step, rounds, step_of
from rs_pipeline.storage.atomic import written_files
from rs_pipeline.storage.disk import disk_fault, free_bytes
from rs_pipeline.storage.record import note_job
from rs_pipeline.storage.retry import job_name, mark_done, mark_given_up, mark_retry

log = logging.getLogger(__name__)


SNAKEMAKE_BACKUPS = Path(".snakemake/backups")
"""Folder in which Snakemake keeps the previous outputs of running jobs."""


def backup_of(path: Path) -> Path:
    """Path of Snakemake's backup of a file or folder; for an absolute path without its leading ``/``."""
    return SNAKEMAKE_BACKUPS / path.relative_to(path.anchor)


def run_job(
    settings: Settings, verb: str, step: Callable[[], None], *, tile: str | None = None, period: str | None = None, attempt: int = 1, only_due: bool = False
) -> None:
    """Run a step as a job of the run.

    The files of the run that the step reads are checked against the record of the jobs that wrote them; damaged files are made again first.
    A job of a tile that failed ``resources.attempts`` times is given up in the next attempt: its outputs state that nothing was
    observed, its retry states the reason, and the run continues without the tile. The next run tries it again, and also fetches its chips again, which may
    be the cause. A job whose inputs are at fault (errors.LASTING) is neither tried again in the same run nor given up; one that failed with an invalid
    value (ModelError) is given up in the next attempt.

    Parameters
    ----------
    only_due : do nothing where the step is not due (`operations.due`).

    Raises
    ------
    ConfigError : an earlier attempt met a lasting error.
    DamagedError : a file is damaged and cannot be made again here.
    SpaceError : there is too little space to start, or the disk is full or read-only; such a job is never given up.
    """
    layout, job, known = Layout(settings.root), job_name(verb, tile, period), step_of(verb)
    place = job_place(settings, verb, tile, period)
    check_space(settings)
    with job_lock(layout.lock, job):
        _drop_backups(known.writes(place) if known else ())
        if only_due and known and not is_due(settings, known, place, job, attempt):
            return
        before = failures(layout.journal, job, attempt)
        reason = before[-1] if before else None
        kind = (reason or "").partition(":")[0]
        if kind in {error.__name__ for error in LASTING}:
            raise ConfigError(f"not tried again, the inputs being the same. {reason}", where=job)
        tried_enough = len(before) >= settings.resources.attempts or kind == ModelError.__name__
        reason = reason if tried_enough and kind != SpaceError.__name__ else None
        watch = Watch(layout.journal, job, verb, attempt)
        try:
            written_files()  # discard files that this process wrote before the job
            if reason is None:
                with _warnings() as said:
                    mend_inputs(settings, verb, tile, period)
                    source = made_from(settings, known, place, job) if known else ""
                    _mending(settings, step)
                mark_done(layout.retries, job)
                note_job(layout.record, settings.root, job, written_files(), source)
                watch.write("done", said=said)
            else:
                source = made_from(settings, known, place, job) if known else ""
                give_up(settings, verb, tile, period, reason)
                note_job(layout.record, settings.root, job, written_files(), source)
                mark_given_up(layout.retries, job, reason)
                if period and verb != "fetch":
                    mark_retry(layout.retries, job_name("fetch", tile, period))
                watch.write("given up", reason)
        except BaseException as fault:
            if not isinstance(fault, KeyboardInterrupt | SystemExit) and (what := disk_fault(settings.root, fault)):
                drop_parts(settings)  # frees space; a used-up quota may not show before this error
                full = SpaceError(what, where=f"{job}, {settings.root}", remedy=MAKE_ROOM)
                watch.write("failed", _words(full))
                raise full from fault
            watch.write("failed", _words(fault))
            raise


def run_round(settings: Settings, number: int, tile: str, period: str, *, threads: int = 1, attempt: int = 1) -> None:
    """Run the steps of a round (`steps.rounds`) that are due, each as a job, in this process; they share what they decode. When a step fails, the steps that depend on it are
    skipped; the others are still done, and finished steps are kept.

    Raises
    ------
    ConfigError : there is no such round.
    Exception : the error of the first step that failed, after the others are done; a SpaceError at once.
    """
    from rs_pipeline.catalog.decoded import sharing  # imports rasterio, which a job of the region does not need

    wanted = next((r for r in rounds(settings) if r.number == number), None)
    if wanted is None:
        raise ConfigError(f"there is no round {number}", where="--number", remedy=f"rounds count from 1 to {len(rounds(settings))}")
    place, failed, undone = job_place(settings, "", tile, period), dict[str, Exception](), set[str]()
    _drop_backups(path for step in wanted.steps for path in step.writes(place))
    with sharing(kept_bytes(settings)):
        for step in wanted.steps:
            if wanted.needs[step.name] & undone:
                undone.add(step.name)
                continue
            call = partial(call_step, step, settings, (tile, period), threads)
            try:
                run_job(settings, step.verb, call, tile=tile, period=period, attempt=attempt, only_due=True)
            except SpaceError:
                raise
            except Exception as fault:
                failed[step.name] = fault
                undone.add(step.name)
    for name, other in [*failed.items()][1:]:
        log.error("%s failed too: %s", name, _words(other))
    for first in failed.values():
        raise first


def _drop_backups(paths: Iterable[Path]) -> None:
    """Remove Snakemake's backups of a job's files. Steps write files atomically. After a failure, or where Snakemake does not learn of a success, it would
    overwrite the files of the job with these backups."""
    for path in paths:
        kept = backup_of(path)
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink(missing_ok=True)


def _mending(settings: Settings, step: Callable[[], None]) -> None:
    """Do a step; if it finds a damaged file, the file is made again and the step repeated, once."""
    try:
        step()
    except DamagedError as fault:
        make_again(settings, fault)
        step()


class _Listener(logging.StreamHandler):
    """Collects warnings, and also writes them to the job's log."""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        super().emit(record)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """List of the warnings that the pipeline logs inside the context."""
    listener, top = _Listener(), logging.getLogger("rs_pipeline")
    top.addHandler(listener)
    try:
        yield listener.said
    finally:
        top.removeHandler(listener)


def drop_parts(settings: Settings) -> None:
    """Remove the shared parts of remote files: they can be requested again, and must not end a run for lack of space."""
    shutil.rmtree(Layout(settings.root).parts, ignore_errors=True)


def check_space(settings: Settings) -> None:
    """Raise SpaceError where the disk of the results has less than ``resources.free_gb`` left, also after removing the shared parts of remote files."""
    free_gb = free_bytes(settings.root) / 1e9
    if free_gb < settings.resources.free_gb and Layout(settings.root).parts.exists():
        drop_parts(settings)
        free_gb = free_bytes(settings.root) / 1e9
    if free_gb < settings.resources.free_gb:
        raise SpaceError(
            f"{free_gb:.2f} GB are left on the disk of the results, {settings.resources.free_gb:g} are asked for",
            where=str(settings.root),
            remedy=f"{MAKE_ROOM}; resources.free_gb sets the limit",
        )


def _words(fault: BaseException) -> str:
    what = fault.what if isinstance(fault, PipelineError) and not isinstance(fault, LASTING) else str(fault)
    return " ".join(f"{type(fault).__name__}: {what}".split())


def give_up(settings: Settings, verb: str, tile: str | None, period: str | None, reason: str) -> None:
    """Write a job's outputs as those of a tile without any observation.

    Raises
    ------
    PipelineError : the job is not one of a tile, so that the run cannot continue without it.
    """
    words = f"{verb} was given up: {reason}"
    step = step_of(verb)
    if step is None or not step.of_tile:
        raise PipelineError(words, where=tile or settings.run, remedy="see its log, then start the same command again")
    if step.give_up:
        resolve(step.give_up)(settings, tile, period, words)
    else:
        resolve(step.function)(settings, tile, period, chips=[])
