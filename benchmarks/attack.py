"""The repeated attack: faults of every kind are injected for real, and what became of each is told in a line.

`python -m benchmarks.attack --out FILE` runs all of them, `--kinds network` those of a kind, `--names redirect` those whose name begins so. A kind is a
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

COLUMNS = ("kind", "name", "must_hold", "held", "seen", "seconds")


@dataclass(frozen=True)
class Attack:
    """One fault."""

    name: str
    must_hold: str
    """What must be true afterwards, in one sentence."""
    inject: Callable[[Path], str]
    """Does it in an empty folder and gives what was seen, in one line with its figures; raises AssertionError where it does not hold."""


@dataclass(frozen=True)
class Outcome:
    """What became of an attack."""

    kind: str
    name: str
    must_hold: str
    held: bool
    seen: str
    seconds: float


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
    return Outcome(kind, attack.name, attack.must_hold, held, " ".join(seen.split())[:400], round(time.monotonic() - started, 1))


def write_outcomes(outcomes: list[Outcome], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([o.kind, o.name, o.must_hold, "yes" if o.held else "NO", o.seen, o.seconds] for o in outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=kinds(), default=kinds())
    parser.add_argument("--names", nargs="+", default=[""], help="beginnings of names")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    outcomes = []
    for kind in chosen.kinds:
        for attack in attacks_of(kind):
            if attack.name.startswith(tuple(chosen.names)):
                outcomes.append(attempted(kind, attack))
                last = outcomes[-1]
                print(f"{'held' if last.held else 'BROKEN':8s}{last.seconds:7.1f} s  {kind}: {last.name}: {last.seen}", flush=True)
    if chosen.out:
        write_outcomes(outcomes, chosen.out)
    sys.exit(not all(o.held for o in outcomes))


if __name__ == "__main__":
    main()
