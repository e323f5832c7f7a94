"""Fault injection: each attack injects a real fault into a run, and one line of the table gives its outcome.

`python -m benchmarks.attack --out FILE` runs all of them, `--kinds network` those of a kind, `--names redirect` those whose name begins with it. A kind is a
module of `benchmarks.attacks`. All traffic stays on 127.0.0.1. The exit code is 1 where something was lost, silently wrong, or let in.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import attacks
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import git_commit

COLUMNS = ("kind", "name", "must_hold", "held", "seen", "seconds", "commit")


@dataclass(frozen=True)
class Attack:
    """One fault."""

    name: str
    must_hold: str
    """What must be true afterwards, in one sentence."""
    inject: Callable[[Path], str]
    """Injects the fault in an empty folder and returns the observation, one line with figures; raises AssertionError where ``must_hold`` is false."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of an attack."""

    kind: str
    name: str
    must_hold: str
    held: bool
    seen: str
    seconds: float
    commit: str
    """Commit of the code that was attacked, see `git_commit`."""

    @property
    def row(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in COLUMNS} | {"held": "yes" if self.held else "NO"}


def kinds() -> list[str]:
    """Names of the modules with attacks."""
    return sorted(module.name for module in pkgutil.iter_modules(attacks.__path__))


def attacks_of(kind: str) -> tuple[Attack, ...]:
    return importlib.import_module(f"{attacks.__name__}.{kind}").ATTACKS


def attempted(kind: str, attack: Attack) -> Outcome:
    """Inject one fault in a folder of its own, which is removed afterwards."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attack-", ignore_cleanup_errors=True) as folder:
        try:
            held, seen = True, attack.inject(Path(folder))
        except Exception as fault:
            held, seen = False, f"{type(fault).__name__}: {fault}"
    return Outcome(
        kind, attack.name, attack.must_hold, held, " ".join(seen.replace(folder, "FOLDER").split())[:400], round(time.monotonic() - started, 1), git_commit()
    )


def note(outcome: Outcome, path: Path) -> None:
    """Put the outcome into the table in place of an earlier one of the same attack. The table is sorted, because attacks may run in any order."""
    rows = {(o["kind"], o["name"]): o for o in csv.DictReader(path.open(encoding="utf-8"))} if path.exists() else {}
    rows[outcome.kind, outcome.name] = outcome.row
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows[key] for key in sorted(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=kinds(), default=kinds())
    parser.add_argument("--names", nargs="+", default=[""], help="beginnings of names")
    parser.add_argument("--out", type=Path, help="table of outcomes; those of other attacks stay in it")
    chosen = parser.parse_args()
    outcomes = []
    for kind in chosen.kinds:
        for attack in attacks_of(kind):
            if attack.name.startswith(tuple(chosen.names)):
                outcomes.append(attempted(kind, attack))
                last = outcomes[-1]
                print(f"{'held' if last.held else 'BROKEN':8s}{last.seconds:7.1f} s  {kind}: {last.name}: {last.seen}", flush=True)
                if chosen.out:
                    note(last, chosen.out)
    sys.exit(not all(o.held for o in outcomes))


if __name__ == "__main__":
    main()
