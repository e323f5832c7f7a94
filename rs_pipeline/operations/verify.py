"""Verb ``verify``: checks that every file of a run still has the content that its job wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.errors import DamagedError, LockedError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.locks import is_free
from rs_pipeline.operations.repair import damaged_chips, damaged_signatures, known_tiles, missing_chips, put_damaged_aside, recorded_files, unfinished_jobs
from rs_pipeline.products.register import StepContext
from rs_pipeline.steps import Step, final_outputs, step_places, steps_of
from rs_pipeline.storage.record import Recorded, damaged, read_record
from rs_pipeline.storage.retry import job_name


@dataclass(frozen=True)
class Verification:
    """Result of the verification of a run; files as paths."""

    files: int
    """Number of recorded files that were checked."""
    damaged: dict[str, str]
    """File, or folder of a chip, to how it differs from what was written, in words."""
    missing: list[str]
    """Outputs of a complete run, and recorded files, that do not exist."""
    missing_chips: list[str]
    """Missing folders of chips in a run that keeps its chips; they are known only from the manifests."""
    unknown: dict[str, str]
    """File of the run without a record (made by an earlier version, or the record is lost), to the name of its step."""
    unfinished: list[str]
    """Jobs that failed, were killed or are running: their files are not checked."""
    for_good: list[str]
    """Damaged and missing files that no job of the run, with its present configuration, makes again."""
    configuration: Path
    """The configuration file in the run's folder."""

    @property
    def sound(self) -> bool:
        """Whether every file of the run was checked and is as written."""
        return not (self.damaged or self.missing or self.missing_chips or self.unknown or self.unfinished)


def verify_run(settings: Settings, *, whole: bool = True, repair: bool = False) -> Verification:
    """Check the files of a run against its record.

    Parameters
    ----------
    whole : read every file and chip; else only sizes of files are compared.
    repair : put damaged files aside, see `repair.put_damaged_aside`.

    Raises
    ------
    LockedError : with ``repair``, another process works on the run. SpaceError : with ``repair``, the run's folder cannot be written.
    """
    layout, recorded = Layout(settings.root), recorded_files(settings)
    noted, unfinished = read_record(layout.record, settings.root), unfinished_jobs(settings)
    jobs = _jobs(settings, noted.values())
    missing = [r.path for r in recorded if not r.path.exists()] + [p for p in final_outputs(settings) if not p.exists() and p.absolute() not in noted]
    written = ((path, step.name) for job, (step, place) in jobs.items() if job not in unfinished for path in step.writes(place))
    unknown = {str(path.absolute()): name for path, name in written if path.is_file() and path.absolute() not in noted}
    signatures = damaged_signatures(settings)
    if repair:
        if not is_free(layout.lock):
            raise LockedError("a run works on this folder", where=str(settings.root), remedy="verify it when that has ended")
        found = put_damaged_aside(settings, whole=whole)
    else:
        found = damaged(recorded, whole=whole) | (damaged_chips(settings) if whole else {})
    chips = missing_chips(settings) if whole else []
    return Verification(
        files=len(recorded),
        damaged={str(path): how for path, how in (found | signatures).items()},
        missing=[str(path) for path in missing],
        missing_chips=[str(path) for path in chips],
        unknown=unknown,
        unfinished=sorted(unfinished & {r.job for r in noted.values()}),
        for_good=[str(r.path) for r in recorded if r.job not in jobs and (r.path in found or r.path in missing)],
        configuration=layout.settings,
    )


def _jobs(settings: Settings, noted: Iterable[Recorded]) -> dict[str, tuple[Step, StepContext]]:
    """Name of every job of the run, to its step and place."""
    ids = _tiles(settings, noted)
    return {_name(step, place): (step, place) for step in steps_of(settings) for place in step_places(step, settings, ids)}


def _name(step: Step, place: StepContext) -> str:
    verb = f"{step.verb}:{place.product}" if step.scope == "map" else step.verb
    return job_name(verb, *(getattr(place, name) if name in step.names else None for name in ("tile", "period")))


def _tiles(settings: Settings, noted: Iterable[Recorded]) -> list[str]:
    """Ids of the run's tiles; where their table is missing or damaged, those in the record."""
    try:
        if ids := known_tiles(settings):
            return ids
    except DamagedError:
        pass
    return sorted({last for r in noted if re.fullmatch(r"r\d+c\d+", last := r.job.rpartition(".")[2])})


def told(found: Verification, *, repaired: bool) -> str:
    """The result as text: one line per file, and what to do."""
    missing = [*found.missing, *found.missing_chips]
    lines = [f"{path}: {how}" for path, how in found.damaged.items()]
    lines += [f"{path}: missing" for path in missing]
    lines += [f"{path}: there is no record of what was written" for path in found.unknown]
    lines += [f"{job}: did not end well, or is running; its files were not checked" for job in found.unfinished]
    lines.append(f"{found.files} files checked: {len(found.damaged)} damaged, {len(missing)} missing, {len(found.unknown)} unknown")
    return "\n".join([*lines, *_remedies(found, repaired=repaired)])


def _remedies(found: Verification, *, repaired: bool) -> list[str]:
    lines = []
    if found.unfinished or {*found.damaged, *found.missing, *found.missing_chips} - {*found.for_good}:
        alone = not found.damaged and not found.missing_chips
        again = "start the run again: they are made again"
        lines.append(again if repaired or alone else "with --repair what is damaged is put aside, and the next run makes all of them again")
    if found.for_good:
        lines.append(
            f"no job of the run, as it is configured now, makes these again; take them from a backup, or configure again what made them: {', '.join(found.for_good)}"
        )
    if found.unknown:
        lines.append(
            "an earlier version made what is unknown, or its record in logs/ is lost: it may be damaged. To make it again, with a record: "
            f"rs-pipeline run --config {found.configuration} --forcerun {' '.join(dict.fromkeys(found.unknown.values()))}"
        )
    return lines
