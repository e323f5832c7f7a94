"""The record of a run, ``logs/checksums.jsonl``: size and digest of the files of every job when it ended, one line per job.

A later line of a job replaces earlier ones. A file that differs from its record was damaged or changed by somebody, unless its job has started again and not
ended.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rs_pipeline.storage.atomic import Content, content_of, force
from rs_pipeline.storage.lines import append_line


@dataclass(frozen=True)
class Recorded:
    """Content of a file when the job that wrote it ended."""

    path: Path
    job: str
    content: Content
    made_from: str = ""
    """Digest of the inputs that the job made it from (`operations.due`); empty where unknown."""


def note_job(record: Path, root: Path, job: str, files: Mapping[Path, Content], made_from: str = "") -> None:
    """Record the files that a job wrote below ``root``, and the digest of its inputs; its files of earlier runs that still exist stay recorded."""
    root = root.absolute()
    mine = {str(path.relative_to(root)): content for path, content in files.items() if path.is_relative_to(root)}
    known = read_record(record, root, [job]).values()
    before = {str(r.path.relative_to(root)): r.content for r in known if r.job == job and r.path.is_file()}
    line = {"job": job, "made_from": made_from, "files": {name: [content.size, content.digest] for name, content in sorted((before | mine).items())}}
    append_line(record, line, lasting=True)


def read_record(record: Path, root: Path, names: Collection[str] = ()) -> dict[Path, Recorded]:
    """The record of each file, by absolute path; lines cut off by a full disk are skipped.

    Parameters
    ----------
    names : jobs, or files relative to ``root``; lines that contain none of them are not parsed, because a province has tens of
        thousands and every job calls this. Default: all lines.
    """
    jobs: dict[str, tuple[str, dict[str, list]]] = {}
    for job, made_from, files in _lines(record, [json.dumps(n, ensure_ascii=False) for n in names]):
        jobs.pop(job, None)  # the last line of a job replaces earlier ones, also in the order
        jobs[job] = made_from, files
    root = root.absolute()
    return {
        root / name: Recorded(root / name, job, Content(*content), made_from) for job, (made_from, files) in jobs.items() for name, content in files.items()
    }


def _lines(record: Path, words: list[str]) -> Iterator[tuple[str, str, dict[str, list]]]:
    with suppress(FileNotFoundError, IsADirectoryError), record.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            if words and not any(word in text for word in words):
                continue
            with suppress(ValueError, TypeError, KeyError):
                line = json.loads(text)
                yield line["job"], line.get("made_from", ""), dict(line["files"])


def damage(recorded: Recorded, *, whole: bool) -> str:
    """How a file differs from its record, in words; empty where it does not, or does not exist: Snakemake notices missing files.

    Parameters
    ----------
    whole : compare the content, not only the size.
    """
    try:
        size = recorded.path.stat().st_size
        if size != recorded.content.size:
            return f"{size} bytes, written were {recorded.content.size}"
        if whole and content_of(recorded.path).digest != recorded.content.digest:
            return "its content is not what was written"
    except FileNotFoundError:
        return ""
    except OSError as fault:
        return f"it cannot be read: {fault.strerror}"
    return ""


def damaged(found: Iterable[Recorded], *, whole: bool, always: Collection[Path] = ()) -> dict[Path, str]:
    """Recorded files that are damaged, each with the fault; ``always`` : files that are read whole in any case."""
    return {r.path: words for r in found if (words := damage(r, whole=whole or r.path in always))}


def put_aside(path: Path, root: Path) -> Path:
    """Move a damaged file to the same relative path below ``damaged/`` of the run; returns its new path. It may be on another disk than the run's folder."""
    to = root / "damaged" / path.absolute().relative_to(root.absolute())
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, to)
    force(path.parent)
    return to
