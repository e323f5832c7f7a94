"""Begin and end of a run of Snakemake: the lock on its folder, files from the future, the summary, and who is told."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.operations.code import note_code
from rs_pipeline.operations.due import outdated
from rs_pipeline.operations.job import SNAKEMAKE_BACKUPS, backup_of, check_space, drop_parts
from rs_pipeline.operations.locks import hold_run, is_free
from rs_pipeline.operations.repair import planned_by, put_damaged_aside, recorded_files, unfinished_jobs
from rs_pipeline.operations.summary import Summary, summarise_run, words
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import freeze
from rs_pipeline.storage.record import damaged
from rs_pipeline.storage.retry import mark_retry

log = logging.getLogger(__name__)

CLOCK_SLACK_S = 60.0
"""Clocks of the machines of a cluster differ by as much."""

MOST_NAMED = 5
"""So many jobs are named in a message."""

_held: list[int] = []
"""The lock lasts as long as the process."""


def begin(settings: Settings) -> None:
    """Take the run's folder, see that it can be written, and write the configuration and the code of the steps into it.

    Raises
    ------
    LockedError : another run works on it.
    SpaceError : it cannot be written, or its disk is as good as full.
    """
    layout = Layout(settings.root)
    _held.append(hold_run(layout.lock))
    drop_backups(settings.root)
    check_space(settings)
    freeze(settings)
    note_code(settings)


def drop_backups(root: Path) -> None:
    """Remove what Snakemake kept of the outputs of a run that was killed: it cannot write over folders there. Other runs of the working folder may be
    at work, and need theirs."""
    kept = backup_of(root)
    if kept.resolve().is_relative_to(SNAKEMAKE_BACKUPS.resolve()):  # ../results/x leads out
        shutil.rmtree(kept, ignore_errors=True)


def settle_times(folder: Path, *, only_tell: bool = False) -> int:
    """Give files from the future the time of now, in their order; how many there were. Nothing where another run is at work.

    A clock that was ahead leaves them behind, and Snakemake takes what rests on them for outdated until their time has come.

    Parameters
    ----------
    only_tell : change nothing, for a dry run.
    """
    if not is_free(Layout(folder).lock):
        return 0
    now, ahead = time.time(), []
    for base, folders, names in os.walk(folder):
        if Path(base).name in ("native", Layout(folder).parts.name):  # chips: their manifest counts; parts count for no rule
            folders.clear()
            continue
        for name in names:
            path = os.path.join(base, name)
            with suppress(FileNotFoundError):  # of a job that outlived its run, renamed meanwhile
                changed = os.stat(path, follow_symlinks=False).st_mtime
                if changed > now + CLOCK_SLACK_S:
                    ahead.append((changed, path))
    order = {changed: i for i, changed in enumerate(sorted({changed for changed, _ in ahead}, reverse=True))}
    for changed, path in [] if only_tell else ahead:
        then = now - order[changed] * 1e-3
        with suppress(OSError):  # a folder that cannot be written is told of when a job starts
            os.utime(path, (then, then))
    if ahead:
        log.warning(
            "%d files are from the future, the clock was ahead: %s", len(ahead), "a run puts their times right" if only_tell else "their times are put right"
        )
    return len(ahead)


def mend(settings: Settings, *, only_tell: bool = False) -> None:
    """Put aside what is damaged, by its size, so that it is made again, and mark jobs that did not end or are `outdated`; nothing where another run is
    at work. A mark is a file that its job reads (the Snakefile's ``inputs_of``): newer than what the job wrote, whatever Snakemake remembers.

    Parameters
    ----------
    only_tell : change nothing, for a dry run.
    """
    layout = Layout(settings.root)
    if not (layout.journal.exists() or layout.record.exists()) or not is_free(layout.lock):
        return
    if not only_tell:
        mark_unfinished(settings)
    harmed = damaged(recorded_files(settings), whole=False, always=planned_by(settings)) if only_tell else put_damaged_aside(settings)
    for path, how in harmed.items():
        log.warning("%s is damaged (%s): it is made again%s", path, how, "" if only_tell else f", what is left of it lies in {settings.root / 'damaged'}")
    again = outdated(settings)
    if again and only_tell:
        log.warning("jobs that a run does again, as their files are gone or were made from something else: %d (%s)", len(again), ", ".join(again[:MOST_NAMED]))
    for job in [] if only_tell else again:
        mark_retry(layout.retries, job)


def mark_unfinished(settings: Settings) -> None:
    """Let jobs that did not end well run again, as the files of the job may be those of before. A search that failed left the last one whole."""
    for job in unfinished_jobs(settings):
        mark_retry(Layout(settings.root).retries, job)


def end(settings: Settings, *, failed: bool) -> Summary:
    """Write ``summary.json`` and ``summary.txt``, tell whom the configuration names, and let the next run try lost scenes again."""
    if not failed:
        drop_parts(settings)
    found = summarise_run(settings)
    if worth_another_try(settings):
        mark_retry(Layout(settings.root).retries, "assign")
    if failed:
        found = replace(found, status="failed")
    write_summary(settings, found)
    notify(settings, found.status, _as_json(found))
    return found


def write_summary(settings: Settings, found: Summary) -> None:
    """Write ``summary.json`` and ``summary.txt``; a disk that takes none costs a line in the log."""
    path = Layout(settings.root).summary
    try:
        for target, content in ((path, _as_json(found)), (path.with_suffix(".txt"), words(found) + "\n")):
            with atomic_path(target) as part:
                part.write_text(content, "utf-8")
    except OSError as fault:
        log.warning("the summary cannot be written: %s", fault)


def _as_json(found: Summary) -> str:
    return json.dumps(asdict(found), ensure_ascii=False, indent=1)


def worth_another_try(settings: Settings) -> bool:
    """Whether a scene was lost that is not known to be damaged."""
    from rs_pipeline.catalog.assign import tries_of  # GeoPandas, which the Snakefile would load for every job of a cluster
    from rs_pipeline.catalog.ledger import read_ledger
    from rs_pipeline.catalog.losses import MAX_TRIES, losses, may_come_back

    layout, open_keys = Layout(settings.root), set()
    for loss in losses(settings):
        tried = tries_of(layout.scene_list(loss.period, loss.tile))
        open_keys |= {key for key in loss.lost if tried.get(key, 0) < MAX_TRIES}
    return bool(open_keys) and any(map(may_come_back, read_ledger(layout.scenes, key=open_keys)))


def notify(settings: Settings, status: str, text: str) -> None:
    """Start ``notify.command`` with the summary on its standard input. What becomes of it changes nothing but a line in the log."""
    command = settings.notify.command
    if not command:
        return
    about = {"RS_PIPELINE_RUN": settings.run, "RS_PIPELINE_STATUS": status}
    try:
        subprocess.run(command, input=text, text=True, env=os.environ | about, timeout=settings.notify.timeout_s, check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as fault:
        log.warning("notify.command did not work: %s", fault)
