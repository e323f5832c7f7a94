"""Retries of jobs: how often a job was marked to run again, and whether it is given up. The Snakefile makes the job depend on them,
so that a job whose count changed runs again in the next run, and `snakemake -n` shows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rs_pipeline.storage.atomic import atomic_path, make_way


@dataclass(frozen=True)
class Retry:
    """Whether a job is to run again."""

    times: int = 0
    """Number of times the job was marked to run again."""
    given_up: str = ""
    """Why the job is given up; empty where it is not."""


def job_name(verb: str, tile: str | None = None, period: str | None = None) -> str:
    """Name of a job; periods and tiles have no dots, so that the name can be split.

    >>> job_name("observe", "r000c001", "2024"), job_name("search")
    ('observe.2024.r000c001', 'search')
    """
    return ".".join(filter(None, (verb, period, tile)))


def read_retries(folder: Path) -> dict[str, Retry]:
    """All retries by the job's name; an unreadable file counts as one mark."""
    retries = {}
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            retries[path.stem] = Retry(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            retries[path.stem] = Retry(1)
    return retries


def mark_retry(folder: Path, job: str) -> None:
    """Let the job run again in the next run."""
    before = read_retry(folder, job)
    _write(folder, job, Retry(before.times + 1, before.given_up))


def mark_given_up(folder: Path, job: str, reason: str) -> None:
    """Note that the job is given up, and let it run again in the next run."""
    _write(folder, job, Retry(read_retry(folder, job).times + 1, reason))


def mark_done(folder: Path, job: str) -> None:
    """Note that the job is done. The number of marks is kept, because the digest of the job's inputs includes it."""
    before = read_retry(folder, job)
    if before.given_up:
        _write(folder, job, Retry(before.times))


def read_retry(folder: Path, job: str) -> Retry:
    """The retry of one job."""
    path = folder / f"{job}.json"
    return read_retries(folder).get(job, Retry()) if path.exists() else Retry()


def _write(folder: Path, job: str, retry: Retry) -> None:
    path = folder / f"{job}.json"
    make_way(path)
    with atomic_path(path) as part:
        part.write_text(json.dumps(asdict(retry)), "utf-8")
