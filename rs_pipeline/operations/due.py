"""What is due: a job that Snakemake plans does only steps whose files are missing, or that are made from something else now.

Snakemake plans by the job. A job of a tile and period does several steps (`steps.Round`), and all that rests on it is planned with it; so each step
asks here. Contents are compared and not times, because Snakemake renews the times of all files of a job that ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import xxhash

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.operations.journal import ENDS, entries_of
from rs_pipeline.operations.repair import read_known
from rs_pipeline.products.register import Step, StepContext
from rs_pipeline.steps import depends_on, maker, rounds, steps
from rs_pipeline.storage.record import Recorded, damage
from rs_pipeline.storage.retry import read_retries, read_retry

FORCED = "RS_PIPELINE_FORCED"
"""Variable of the environment that tells jobs which steps the user asked for in any case, by name."""

_CHIPS, _SCENES = (path_of("", "").name for path_of in (Layout(Path()).chips, Layout(Path()).scene_list))
"""Names of the list of a tile's chips and of the list of its scenes; they lie in one folder."""


def made_from(settings: Settings, step: Step, place: StepContext, job: str) -> str:
    """Digest of everything that the files of a step are made from: keys and tables, how often it was to run again, and what its files hold. Steps of
    the region tell of tiles that were given up as well. Who reads chips reads what the ledger says of their scenes, such as offsets: the list of
    scenes beside the chips changes with it.

    A file of the run holds what was noted when it was written (`repair.mend_inputs` sees to it); of the user's files size and time count.
    """
    paths = _made_of(step, place)
    return _digest(settings, step, job, paths, read_known(settings, paths, job))


def _made_of(step: Step, place: StepContext) -> list[Path]:
    paths = [path for path in (*step.reads(place), *step.side_files(place)) if path is not None]
    return paths + [path.with_name(_SCENES) for path in paths if path.name == _CHIPS]


def _digest(settings: Settings, step: Step, job: str, paths: list[Path], record: Mapping[Path, Recorded]) -> str:
    layout = Layout(settings.root)
    told = [depends_on(step, settings), read_retry(layout.retries, job).times]
    if not step.of_tile:
        told += [(name, retry.given_up) for name, retry in read_retries(layout.retries).items() if retry.given_up]
    for path in paths:
        if not path.is_dir():  # chips: their manifest counts
            told.append((str(path), record[path.absolute()].content if path.absolute() in record else _identity(path)))
    return xxhash.xxh3_128("\n".join(map(str, told)).encode()).hexdigest()


def _identity(path: Path) -> tuple[int, int] | None:
    """Size and time of change (ns); None where there is none."""
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else None


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
    mine = [known for known in record.values() if known.job == job]
    whole = mine and all(known.path.exists() and not damage(known, whole=False) for known in mine)
    return not whole or mine[0].made_from != _digest(settings, step, job, paths, record)


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
