"""Begin and end of a run of Snakemake: the lock on its folder, files from the future, the summary, and who is told."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.operations.code import note_code
from rs_pipeline.operations.job import check_space
from rs_pipeline.operations.locks import hold_run
from rs_pipeline.operations.summary import Summary, summarise_run, words
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import freeze

log = logging.getLogger(__name__)

CLOCK_SLACK_S = 60.0
"""Clocks of the machines of a cluster differ by as much."""

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
    check_space(settings)
    freeze(settings)
    note_code(settings)


def settle_times(folder: Path) -> int:
    """Give files from the future the time of now, in their order; how many there were.

    A clock that was ahead leaves them behind, and Snakemake takes what rests on them for outdated until their time has come.
    """
    now, ahead = time.time(), []
    for base, folders, names in os.walk(folder):
        if Path(base).name == "native":  # chips: their manifest counts
            folders.clear()
            continue
        for name in names:
            path = os.path.join(base, name)
            changed = os.stat(path, follow_symlinks=False).st_mtime
            if changed > now + CLOCK_SLACK_S:
                ahead.append((changed, path))
    order = {changed: i for i, changed in enumerate(sorted({changed for changed, _ in ahead}, reverse=True))}
    for changed, path in ahead:
        then = now - order[changed] * 1e-3
        with suppress(OSError):  # a folder that cannot be written is told of when a job starts
            os.utime(path, (then, then))
    if ahead:
        log.warning("%d files were from the future: the clock was ahead, their times are put right", len(ahead))
    return len(ahead)


def end(settings: Settings, *, failed: bool) -> Summary:
    """Write ``summary.json`` and ``summary.txt`` and tell whom the configuration names."""
    found = summarise_run(settings)
    if failed:
        found = replace(found, status="failed")
    path = Layout(settings.root).summary
    text = json.dumps(asdict(found), ensure_ascii=False, indent=1)
    try:
        for target, content in ((path, text), (path.with_suffix(".txt"), words(found) + "\n")):
            with atomic_path(target) as part:
                part.write_text(content, "utf-8")
    except OSError as fault:
        log.warning("the summary cannot be written: %s", fault)
    notify(settings, found.status, text)
    return found


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
