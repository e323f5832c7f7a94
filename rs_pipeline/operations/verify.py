"""`rs-pipeline verify`: is every file of a run what its job wrote?"""

from __future__ import annotations

from dataclasses import dataclass

from rs_pipeline.config import Settings
from rs_pipeline.errors import LockedError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.locks import is_free
from rs_pipeline.operations.repair import damaged_chips, damaged_signatures, missing_chips, put_damaged_aside, recorded_files
from rs_pipeline.steps import final_outputs
from rs_pipeline.storage.record import damaged


@dataclass(frozen=True)
class Verification:
    """What was found of the files of a run, as paths."""

    files: int
    """Recorded files that were looked at."""
    damaged: dict[str, str]
    """File, or folder of a chip, to how it differs from what was written."""
    missing: list[str]
    """Outputs of a complete run, and recorded files, that are not there."""
    missing_chips: list[str]
    """Folders of chips that are gone though the run keeps them: nothing but their manifest tells of them."""
    unknown: list[str]
    """Outputs that no record tells of: made by an earlier version, or their record is lost."""


def verify_run(settings: Settings, *, whole: bool = True, repair: bool = False) -> Verification:
    """Hold the files of a run to its record.

    Parameters
    ----------
    whole : read every file and chip; else only sizes of files are looked at.
    repair : put aside what is damaged, see `repair.put_damaged_aside`.

    Raises
    ------
    LockedError : with ``repair``, another process works on the run.
    """
    layout, recorded = Layout(settings.root), recorded_files(settings)
    outputs, known = final_outputs(settings), {r.path for r in recorded}
    missing = [r.path for r in recorded if not r.path.exists()] + [p for p in outputs if not p.exists() and p.absolute() not in known]
    unknown = [p for p in outputs if p.is_file() and p.absolute() not in known]
    signatures = damaged_signatures(settings)
    if repair:
        if not is_free(layout.lock):
            raise LockedError("a run works on this folder", where=str(settings.root), remedy="verify it when that has ended")
        found = put_damaged_aside(settings, whole=whole)
    else:
        found = damaged(recorded, whole=whole) | (damaged_chips(settings) if whole else {})
    found |= signatures
    chips = missing_chips(settings) if whole else []
    told = [[str(p) for p in paths] for paths in (missing, chips, unknown)]
    return Verification(len(recorded), {str(path): how for path, how in found.items()}, *told)


def told(found: Verification, *, repaired: bool) -> str:
    """The result for people, a line a file."""
    lines = [f"{path}: {how}" for path, how in found.damaged.items()]
    missing = [*found.missing, *found.missing_chips]
    lines += [f"{path}: missing" for path in missing]
    lines += [f"{path}: nothing is known of what was written" for path in found.unknown]
    lines.append(f"{found.files} files looked at: {len(found.damaged)} damaged, {len(missing)} missing, {len(found.unknown)} unknown")
    if found.damaged or missing:
        alone = not found.damaged and not found.missing_chips
        lines.append(
            "start the run again: they are made again"
            if repaired or alone
            else "with --repair what is damaged is put aside, and the next run makes all of them again"
        )
    return "\n".join(lines)
