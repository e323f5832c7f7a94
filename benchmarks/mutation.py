"""Do the tests notice a fault? `python -m benchmarks.mutation` plants faults one at a time, into ``benchmarks/mutation.json``.

A fault changes one place of a module: a number, a comparison, a plus or minus, an `and` or `or`, the 1 of `n - 1`. It is planted in a
copy of the checkout, and the tests of the module run on it. A fault that they pass has survived: a threshold that nobody guards, or a
change without effect. The same seed plants the same faults, and a larger --limit plants more of them. Kernels run as plain Python where
their tests pass so: that spares the compiler's time. (There numpy's booleans add up to one, not to a count; such sums are judged by tests
that give plain numbers.)

`--planted` plants the faults of PLANTED instead, which were once found to survive.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from benchmarks.faults import Fault, Places
from benchmarks.harness import ROOT

FOLDERS = {
    "kernels": "tests/kernels",
    "rs_pipeline/indicators": "tests/indicators",
    "rs_pipeline/radiometry": "tests/radiometry",
    "rs_pipeline/products": "tests/products",
}
"""Folder of modules to the folder of their tests; folders within them are mirrored."""

SAMPLED = ("kernels", "rs_pipeline/indicators", "rs_pipeline/radiometry")
"""Folders that faults are drawn from unless --only says otherwise."""

IMPORT_ROOTS = (".",)
"""Folders that packages are imported from."""

PLANTED = [
    # file, text before, text after
    ("kernels/indices.py", "nir < 0.15 and v < 0.7", "nir < 0.15 and v < 0.9"),
    ("kernels/indices.py", "m > -0.5 and blue < 0.1", "m > -0.5 and blue < 0.2"),
    ("kernels/indices.py", "swir1 < 0.3 and swir2 < 0.1", "swir1 < 0.3 and swir2 < 0.2"),
    ("kernels/vegetation.py", "DARK, LEAF_RATIO = 0.5, 2.0", "DARK, LEAF_RATIO = 0.5, 3.0"),
    ("kernels/vegetation.py", "SLOPE_PENALTY = 0.25", "SLOPE_PENALTY = 0.5"),
    ("kernels/vegetation.py", "FEW_DATES = 8", "FEW_DATES = 6"),
    ("kernels/vegetation.py", "REACH_DAYS = 40", "REACH_DAYS = 60"),
    ("rs_pipeline/radiometry/offsets.py", "self.dark_share > 0.02", "self.dark_share > 0.05"),
    ("rs_pipeline/radiometry/masks.py", "_CLOUD_EDGE_M = 100.0", "_CLOUD_EDGE_M = 200.0"),
    ("rs_pipeline/products/coastline/rates.py", "moved = abs(r.epr_m_yr) > 1.96 *", "moved = abs(r.epr_m_yr) > 1.0 *"),
    ("rs_pipeline/products/coastline/classify.py", '"ponds": -2.0', '"ponds": -1.0'),
    ("rs_pipeline/products/coastline/classify.py", "POND_SHARE = 0.2", "POND_SHARE = 0.4"),
    ("rs_pipeline/products/black_odorous/calls.py", "FARM_RECTANGULARITY = 3, 40.0, 0.85", "FARM_RECTANGULARITY = 3, 80.0, 0.85"),
    ("rs_pipeline/products/black_odorous/reaches.py", "MIN_POND_M2 = 1000.0", "MIN_POND_M2 = 2000.0"),
    ("rs_pipeline/products/black_odorous/reaches.py", "ELONGATION = 4.0", "ELONGATION = 6.0"),
    ("rs_pipeline/indicators/sampling.py", "max(residual.size - 1, 1)", "max(residual.size, 1)"),
]
"""Faults that once survived the tests."""

LEAST_LIMIT_S, TIMES_AS_LONG = 20.0, 5.0
"""A fault may keep the tests busy for so long, and so many times as long as without it; then it counts as noticed."""

RECORD = Path(__file__).with_suffix(".json")


def all_faults(folders: Iterable[str]) -> list[Fault]:
    """In the order of files and places; ``folders`` may be files too."""
    files = {p for f in folders for p in ([ROOT / f] if f.endswith(".py") else (ROOT / f).rglob("*.py")) if p.name != "__init__.py"}
    return [f for p in sorted(files) for f in Places(p.relative_to(ROOT).as_posix(), p.read_bytes()).faults()]


def planted_faults() -> list[Fault]:
    """Of PLANTED.

    Raises
    ------
    SystemExit : a text does not stand in its file exactly once.
    """
    faults = []
    for path, before, after in PLANTED:
        source = (ROOT / path).read_bytes() if (ROOT / path).exists() else b""
        start, n = source.find(before.encode()), source.count(before.encode())
        if n != 1:
            raise SystemExit(f"{path}: {before!r} stands there {n} times, not once; put PLANTED right in {Path(__file__).name}")
        faults.append(Fault(path, source.count(b"\n", 0, start) + 1, start, start + len(before.encode()), before, after))
    return faults


def folder_of(path: str) -> str:
    return next(f for f in FOLDERS if path.startswith(f + "/"))


def module_of(path: Path) -> str:
    """Dotted name of a file, from the deepest of IMPORT_ROOTS that holds it."""
    root = max((ROOT / r for r in IMPORT_ROOTS if path.is_relative_to(ROOT / r)), key=lambda r: len(r.parts))
    return ".".join(path.relative_to(root).with_suffix("").parts)


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names that a file imports: modules, and what it takes from them, which may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return frozenset(found)


def users_of(module: str) -> set[str]:
    """The module and all modules that import it, through others too."""
    every = {module_of(p): imports(p) for f in FOLDERS for p in (ROOT / f).rglob("*.py")}
    users, before = {module}, set()
    while users != before:
        before, users = users, users | {name for name, taken in every.items() if taken & users}
    return users


@cache
def tests_of(path: str) -> tuple[str, ...]:
    """Test files of a module: those of the mirrored folder that import it, then those there that reach it through others; where there are
    none, those anywhere that import it."""
    module, folder = module_of(ROOT / path), folder_of(path)
    mirrored, users = ROOT / FOLDERS[folder] / Path(path).relative_to(folder).parent, users_of(module)
    every = sorted((ROOT / "tests").rglob("test_*.py"))
    near = sorted((t for t in every if t.is_relative_to(mirrored) and imports(t) & users), key=lambda t: module not in imports(t))
    return tuple(t.relative_to(ROOT).as_posix() for t in near or [t for t in every if module in imports(t)])


class Trial:
    """A copy of the checkout in which faults are planted and tests run."""

    def __init__(self, folder: Path):
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def _passes(self, tests: tuple[str, ...], compiled: bool, limit_s: float | None) -> bool:
        """Whether the tests pass in time. No bytecode is kept: two faults of one length in one second would share it."""
        paths = os.pathsep.join(str(self.folder / r) for r in IMPORT_ROOTS)
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_DISABLE_JIT": "0" if compiled else "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        try:
            return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=limit_s).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    @cache  # noqa: B019 - there is one trial a run
    def usual(self, tests: tuple[str, ...]) -> tuple[bool, float]:
        """Whether the tests need compiled kernels, and the seconds they take without a fault."""
        for compiled in (False, True):
            start = time.perf_counter()
            if tests and self._passes(tests, compiled, None):
                return compiled, time.perf_counter() - start
        raise SystemExit(f"tests fail without a fault, or there are none: {' '.join(tests)}")

    def survives(self, fault: Fault) -> bool:
        tests = tests_of(fault.path)
        compiled, usual_s = self.usual(tests)
        file = self.folder / fault.path
        source = file.read_bytes()
        file.write_bytes(fault.planted_in(source))
        try:
            return self._passes(tests, compiled, LEAST_LIMIT_S + TIMES_AS_LONG * usual_s)
        finally:
            file.write_bytes(source)


def report(faults: list[Fault]) -> dict:
    """Plant the faults one after the other and print those that survive: the score of each folder, and the survivors."""
    score: dict[str, list[int]] = {}
    survivors = []
    with tempfile.TemporaryDirectory(prefix="rs-pipeline-mutation-") as scratch:
        trial = Trial(Path(scratch))
        for fault in sorted(faults, key=lambda f: (f.path, f.start, f.after)):
            noticed_of = score.setdefault(folder_of(fault.path), [0, 0])
            survives = trial.survives(fault)
            noticed_of[0] += not survives
            noticed_of[1] += 1
            if not survives:
                continue
            line = (ROOT / fault.path).read_text("utf-8").splitlines()[fault.line - 1].strip()
            print(f"{fault.path}:{fault.line}: {fault.before} -> {fault.after or '(nothing)'} in: {line}", flush=True)
            survivors.append({"file": fault.path, "line": fault.line, "before": fault.before, "after": fault.after})
    for folder, (noticed, n) in score.items():
        print(f"{folder}: {noticed} of {n} noticed")
    return {"noticed_of": score, "survivors": survivors}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=80, help="number of faults, drawn at random")
    parser.add_argument("--only", action="append", help="draw from this folder or file only; may be repeated")
    parser.add_argument("--planted", action="store_true", help="plant the faults of PLANTED")
    parser.add_argument("--output", type=Path, default=RECORD)
    chosen = parser.parse_args()
    faults = planted_faults() if chosen.planted else all_faults(chosen.only or SAMPLED)
    if not chosen.planted:
        random.Random(chosen.seed).shuffle(faults)
        faults = faults[: chosen.limit]
    found = {"planted": report(faults)} if chosen.planted else {"sample": {"seed": chosen.seed, "of": chosen.only or SAMPLED, **report(faults)}}
    record = json.loads(chosen.output.read_text("utf-8")) if chosen.output.exists() else {}
    chosen.output.write_text(json.dumps(record | found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
