"""Repair: damaged files are found by the record of the run, moved aside, and made again by the steps that wrote them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import DamagedError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import ENDS, read_journal
from rs_pipeline.products.register import StepContext
from rs_pipeline.steps import BEFORE_TILES, Step, maker, step_of
from rs_pipeline.storage.atomic import remove
from rs_pipeline.storage.disk import blaming_disk
from rs_pipeline.storage.record import Recorded, damage, damaged, put_aside, read_record
from rs_pipeline.storage.retry import job_name, mark_retry

log = logging.getLogger(__name__)


FEW = 20
"""A job that reads at most this many files searches the record for their lines, instead of reading all of it."""


def known_tiles(settings: Settings) -> list[str]:
    """Ids of the tiles of a run; an empty list before they are made."""
    from rs_pipeline.tiles import tile_ids  # imported here: it needs PyArrow, which the Snakefile would load for every job of a cluster

    return tile_ids(settings)


WHOLE_BYTES = 64 * 2**20
"""Larger files of the region are checked whole only by jobs of the region: each of hundreds of jobs of tiles reads only a corner of them."""


def job_place(settings: Settings, verb: str, tile: str | None, period: str | None) -> StepContext:
    """Place (tile, period, product) of a job. The verb may name a product after a colon."""
    names = {"tile": tile, "period": period, "product": verb.partition(":")[2]}
    return StepContext(settings, ask_tiles=lambda: known_tiles(settings)).at(**{name: value for name, value in names.items() if value})


def read_known(settings: Settings, paths: Collection[Path], *jobs: str) -> dict[Path, Recorded]:
    """Records of the given files and of the files of the given jobs; it may contain others."""
    root = settings.root.absolute()
    few = [str(p.absolute().relative_to(root)) for p in paths if p.absolute().is_relative_to(root)]
    return read_record(Layout(settings.root).record, settings.root, [*few, *jobs] if len(paths) <= FEW else [])


def mend_inputs(settings: Settings, verb: str, tile: str | None, period: str | None) -> None:
    """Check every file of the run that a job reads against its record, and make damaged files again. Files are read whole; a job of a tile reads
    files larger than WHOLE_BYTES whole only if they belong to the tile.

    Raises
    ------
    DamagedError : a file cannot be made again here.
    """
    step = step_of(verb)
    if step is None:
        return
    paths = [path for path in step.reads(job_place(settings, verb, tile, period)) if path is not None]
    record = read_known(settings, paths)
    for path in paths:
        known = record.get(path.absolute())
        mine = tile is None or tile in path.parts
        if known and (how := damage(known, whole=mine or known.content.size <= WHOLE_BYTES)):
            make_again(settings, DamagedError(f"{path.name} is damaged: {how}", str(path)))


def make_again(settings: Settings, fault: DamagedError) -> None:
    """Make a damaged file again, by running its step in a process of its own. If the new content equals the recorded one, the file keeps its time,
    so that files made from it do not become outdated.

    Raises
    ------
    DamagedError : the step fails, or no step of the run writes it.
    """
    path, layout = Path(fault.path).absolute(), Layout(settings.root)
    found = maker(settings, path, [] if path in planned_by(settings) else known_tiles(settings))
    if found is None:
        raise fault
    before, times = read_record(layout.record, settings.root).get(path), path.stat() if path.exists() else None
    log.warning("%s; it is made again", fault.what)
    done = subprocess.run(_command(layout, *found), check=False)
    if done.returncode:
        raise DamagedError(f"{fault.what}; it could not be made again, `{found[0].verb}` fails", str(path))
    after = read_record(layout.record, settings.root).get(path)
    if times and before and after and before.content == after.content:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _command(layout: Layout, step: Step, place: StepContext) -> list[str]:
    options = [word for name in step.names for word in (f"--{name}", getattr(place, name))]
    return [sys.executable, "-m", "rs_pipeline.cli", step.verb, *options, "--config", str(layout.settings)]


def unfinished_jobs(settings: Settings) -> set[str]:
    """Jobs that failed, were killed or are running: their files may be old or new. Steps before tiles are not included: a search that fails
    leaves the files of the last one unchanged, so a difference in them is damage."""
    last, whole = {e.job: e for e in read_journal(Layout(settings.root).journal)}, {step.verb for step in BEFORE_TILES}
    return {job for job, entry in last.items() if entry.state not in ENDS and entry.verb not in whole}


def recorded_files(settings: Settings) -> list[Recorded]:
    """The recorded files of all jobs except `unfinished_jobs`."""
    unfinished = unfinished_jobs(settings)
    return [r for r in read_record(Layout(settings.root).record, settings.root).values() if r.job not in unfinished]


def planned_by(settings: Settings) -> set[Path]:
    """Files from which Snakemake plans the jobs: no job runs before that could find them damaged."""
    return {Layout(settings.root).tiles.absolute()}


def damaged_chips(settings: Settings) -> dict[Path, str]:
    """Folder of each chip that differs from its manifest, to the fault; unreadable manifests are skipped."""
    from rs_pipeline.catalog.chips import damaged_in

    return {path: how for manifest in _manifests(settings) for path, how in damaged_in(manifest).items()}


def missing_chips(settings: Settings) -> list[Path]:
    """Missing folders of chips, in a run that keeps its chips."""
    from rs_pipeline.catalog.chips import missing_in

    return [path for manifest in _manifests(settings) for path in missing_in(manifest)] if settings.fetch.keep_chips else []


def damaged_signatures(settings: Settings) -> dict[Path, str]:
    """The file of signatures, to the fault, if it cannot be read; it is outside the run's folder and not recorded."""
    path = Layout(settings.root).signatures
    if not path.exists():
        return {}
    from rs_pipeline.catalog.ledger import read_signatures

    try:
        read_signatures(path)
    except TableError as fault:
        return {path: fault.what}
    return {}


def _manifests(settings: Settings) -> list[Path]:
    return sorted(settings.root.glob(str(Layout(Path()).chips("*", "*"))))


def put_damaged_aside(settings: Settings, *, whole: bool = False) -> dict[Path, str]:
    """Move damaged files aside, and mark the jobs that wrote them to run again; returns each file and its fault. Chips are checked only with ``whole``: the
    fetch is marked where they are damaged or missing. A damaged file of signatures is removed, and the search is marked.

    Raises
    ------
    SpaceError : the run's folder cannot be written.
    """
    with blaming_disk(Layout(settings.root).retries):
        return _put_aside(settings, whole=whole)


def _put_aside(settings: Settings, *, whole: bool) -> dict[Path, str]:
    layout, recorded = Layout(settings.root), recorded_files(settings)
    found = damaged(recorded, whole=whole, always=planned_by(settings))
    for path in found:
        put_aside(path, settings.root)
    for job in {r.job for r in recorded if r.path in found}:
        mark_retry(layout.retries, job)
    for path, how in damaged_signatures(settings).items():
        log.warning("%s: %s; the search that writes them runs again", path, how)
        remove(path)
        mark_retry(layout.retries, "search")
    chips = damaged_chips(settings) if whole else {}
    for folder in [*chips, *(missing_chips(settings) if whole else ())]:
        tile = folder.parent.parent
        mark_retry(layout.retries, job_name("fetch", tile.name, tile.parent.name))
    return found | chips
