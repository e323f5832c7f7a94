"""The record of a run, ``logs/checksums.jsonl``: what the files of every job held when it ended, a line a job.

Later lines of a job stand for earlier ones. What differs from its record was damaged, or changed by somebody; a job that has not ended since is none.
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
    """What a file held when the job that wrote it ended."""

    path: Path
    job: str
    content: Content
    made_from: str = ""
    """Digest of what the job made it from (`operations.due`); empty where it was not noted."""


def note_job(record: Path, root: Path, job: str, files: Mapping[Path, Content], made_from: str = "") -> None:
    """Add what a job wrote below ``root``, and what it was made from; what it wrote earlier and left as it was stays noted."""
    root = root.absolute()
    mine = {str(path.relative_to(root)): content for path, content in files.items() if path.is_relative_to(root)}
    known = read_record(record, root, [job]).values()
    before = {str(r.path.relative_to(root)): r.content for r in known if r.job == job and r.path.is_file()}
    line = {"job": job, "made_from": made_from, "files": {name: [content.size, content.digest] for name, content in sorted((before | mine).items())}}
    append_line(record, line, lasting=True)


def read_record(record: Path, root: Path, names: Collection[str] = ()) -> dict[Path, Recorded]:
    """What is noted of each file, by absolute path; lines cut off by a full disk are left out.

    Parameters
    ----------
    names : jobs, or files relative to ``root``, of which at least these lines are wanted: others are passed over, because a province has tens of
        thousands and every job asks. Default: all.
    """
    jobs: dict[str, tuple[str, dict[str, list]]] = {}
    for job, made_from, files in _lines(record, [json.dumps(n, ensure_ascii=False) for n in names]):
        jobs.pop(job, None)  # the last line counts, and stands last
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
    """In which way a file is not what was recorded, in words; empty where it is, or is not there at all: that is for Snakemake to see.

    Parameters
    ----------
    whole : read the file, and not only its size.
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
    """Of recorded files those that are damaged, and how; ``always``: those that are read whole in any case."""
    return {r.path: words for r in found if (words := damage(r, whole=whole or r.path in always))}


def put_aside(path: Path, root: Path) -> Path:
    """Move a damaged file out of the way, to ``damaged/`` of the run, in its own folder there; gives where it lies. Its folder may lie on another disk."""
    to = root / "damaged" / path.absolute().relative_to(root.absolute())
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, to)
    force(path.parent)
    return to
