"""Begin and end of a run of Snakemake: the lock on its folder, file times in the future, repair, summary and notification."""

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
"""Tolerated difference of the clocks of the machines of a cluster, seconds."""

MOST_NAMED = 5
"""Number of jobs that a message names."""

_held: list[int] = []
"""Descriptor of the run's lock, kept open as long as the process lives."""


def begin(settings: Settings) -> None:
    """Lock the run's folder, check that it can be written, and write the configuration and the code digests of the steps into it.

    Raises
    ------
    LockedError : another run works on it.
    SpaceError : it cannot be written, or its disk has less than resources.free_gb left.
    """
    layout = Layout(settings.root)
    _held.append(hold_run(layout.lock))
    drop_backups(settings.root)
    check_space(settings)
    freeze(settings)
    note_code(settings)


def drop_backups(root: Path) -> None:
    """Remove Snakemake's backups of the outputs of this run, left by a killed process: Snakemake cannot overwrite folders there. Backups of other runs in the
    working folder are kept, because these runs may be active."""
    kept = backup_of(root)
    if kept.resolve().is_relative_to(SNAKEMAKE_BACKUPS.resolve()):  # not for a path such as ../results/x
        shutil.rmtree(kept, ignore_errors=True)


def settle_times(folder: Path, *, only_tell: bool = False) -> int:
    """Set the times of files in the future to the present, keeping their order; returns their number. Does nothing where another run is active.

    Such files come from a clock that was ahead. Until their time has come, Snakemake takes the files made from them for outdated.

    Parameters
    ----------
    only_tell : change nothing, for a dry run.
    """
    if not is_free(Layout(folder).lock):
        return 0
    now, ahead = time.time(), []
    for base, folders, names in os.walk(folder):
        if Path(base).name in ("native", Layout(folder).parts.name):  # chips, for which the manifest is the output, and parts, which are no output of a rule
            folders.clear()
            continue
        for name in names:
            path = os.path.join(base, name)
            with suppress(FileNotFoundError):  # renamed meanwhile by a job that outlived its run
                changed = os.stat(path, follow_symlinks=False).st_mtime
                if changed > now + CLOCK_SLACK_S:
                    ahead.append((changed, path))
    order = {changed: i for i, changed in enumerate(sorted({changed for changed, _ in ahead}, reverse=True))}
    for changed, path in [] if only_tell else ahead:
        then = now - order[changed] * 1e-3
        with suppress(OSError):  # a folder that cannot be written is reported when a job starts
            os.utime(path, (then, then))
    if ahead:
        log.warning(
            "%d files have times in the future, from a clock that was ahead: %s",
            len(ahead),
            "a run corrects their times" if only_tell else "their times are corrected",
        )
    return len(ahead)


def mend(settings: Settings, *, only_tell: bool = False) -> None:
    """Move files of wrong size aside, so that they are made again, and mark jobs that did not end or are `outdated`. Does nothing where another run is
    active. A mark is an input file of its job (``inputs_of`` in the Snakefile) that is newer than the job's outputs, so Snakemake runs the job again.

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
    """Mark jobs that did not end well to run again, because their files may be old ones. Not a failed search: it left the files of the last one unchanged."""
    for job in unfinished_jobs(settings):
        mark_retry(Layout(settings.root).retries, job)


def end(settings: Settings, *, failed: bool) -> Summary:
    """Write ``summary.json`` and ``summary.txt``, start ``notify.command``, and let the next run try lost scenes again."""
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
    """Write ``summary.json`` and ``summary.txt``; where they cannot be written only a warning is logged."""
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
    """Whether a scene was lost that another try may read."""
    from rs_pipeline.catalog.assign import tries_of  # imported here: it needs GeoPandas, which the Snakefile would load for every job of a cluster
    from rs_pipeline.catalog.ledger import read_ledger
    from rs_pipeline.catalog.losses import MAX_TRIES, losses, may_come_back

    layout, open_keys = Layout(settings.root), set()
    for loss in losses(settings):
        tried = tries_of(layout.scene_list(loss.period, loss.tile))
        open_keys |= {key for key in loss.lost if tried.get(key, 0) < MAX_TRIES}
    return bool(open_keys) and any(map(may_come_back, read_ledger(layout.scenes, key=open_keys)))


def notify(settings: Settings, status: str, text: str) -> None:
    """Start ``notify.command`` with the summary on its standard input. If it fails only a warning is logged."""
    command = settings.notify.command
    if not command:
        return
    about = {"RS_PIPELINE_RUN": settings.run, "RS_PIPELINE_STATUS": status}
    try:
        subprocess.run(command, input=text, text=True, env=os.environ | about, timeout=settings.notify.timeout_s, check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as fault:
        log.warning("notify.command did not work: %s", fault)
