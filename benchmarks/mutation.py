"""Mutation testing: `python -m benchmarks.mutation` plants faults one at a time and writes to ``benchmarks/mutation.json`` whether the tests notice them.

A fault changes one place of a module: a number, a comparison, a plus or minus, an `and` or `or`, the 1 of `n - 1`. It is planted in a
copy of the checkout, and the tests of the module run on it. A fault survives where they pass: no test covers the threshold, or the
change has no effect. The same seed plants the same faults, and a larger --limit plants more of them. Kernels run as plain Python where
their tests pass that way, which saves compilation. (In plain Python the sum of two numpy booleans is a boolean, not a count; tests with
plain numbers cover such sums.)

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
    "kernels/rs_kernels": ("tests/kernels",),
    "rs_pipeline/estimation": ("tests/estimation", "tests/indicators"),
    "rs_pipeline/indicators": ("tests/indicators",),
    "rs_pipeline/radiometry": ("tests/radiometry",),
    "rs_pipeline/products": ("tests/products",),
}
"""Folder of modules to the folders of their tests; the tests have the same subfolders."""

INDICATORS, ASKED_BY = "rs_pipeline/products/*/indicators.py", "rs_pipeline.indicators.values"
"""Modules of indicators, and the module that reaches them through the register. No import shows that the tests of the one cover the others."""

SAMPLED = ("kernels/rs_kernels", "rs_pipeline/estimation", "rs_pipeline/indicators", "rs_pipeline/radiometry", INDICATORS)
"""Folders and files that faults are drawn from unless --only says otherwise."""

IMPORT_ROOTS = (".", "kernels")
"""Folders that packages are imported from."""

PLANTED = [
    # file, text before, text after
    ("kernels/rs_kernels/indices.py", "nir < 0.15 and v < 0.7", "nir < 0.15 and v < 0.9"),
    ("kernels/rs_kernels/indices.py", "m > -0.5 and blue < 0.1", "m > -0.5 and blue < 0.2"),
    ("kernels/rs_kernels/indices.py", "swir1 < 0.3 and swir2 < 0.1", "swir1 < 0.3 and swir2 < 0.2"),
    ("kernels/rs_kernels/vegetation.py", "DARK, LEAF_RATIO = 0.5, 2.0", "DARK, LEAF_RATIO = 0.5, 3.0"),
    ("kernels/rs_kernels/vegetation.py", "SLOPE_PENALTY = 0.25", "SLOPE_PENALTY = 0.5"),
    ("kernels/rs_kernels/vegetation.py", "FEW_DATES = 8", "FEW_DATES = 6"),
    ("kernels/rs_kernels/vegetation.py", "REACH_DAYS = 40", "REACH_DAYS = 60"),
    ("rs_pipeline/radiometry/offsets.py", "self.dark_share > 0.02", "self.dark_share > 0.05"),
    ("rs_pipeline/radiometry/masks.py", "_CLOUD_EDGE_M = 100.0", "_CLOUD_EDGE_M = 200.0"),
    ("rs_pipeline/products/coastline/rates.py", "moved = abs(r.epr_m_yr) > 1.96 *", "moved = abs(r.epr_m_yr) > 1.0 *"),
    ("rs_pipeline/products/coastline/classify.py", '"ponds": -2.0', '"ponds": -1.0'),
    ("rs_pipeline/products/coastline/classify.py", "POND_SHARE = 0.2", "POND_SHARE = 0.4"),
    ("rs_pipeline/products/black_odorous/classify.py", "FARM_RECTANGULARITY = 3, 40.0, 0.85", "FARM_RECTANGULARITY = 3, 80.0, 0.85"),
    ("rs_pipeline/products/black_odorous/reaches.py", "if area_m2 < min_pond_m2", "if area_m2 < 2 * min_pond_m2"),
    ("rs_pipeline/products/black_odorous/reaches.py", "ELONGATION = 4.0", "ELONGATION = 6.0"),
    ("rs_pipeline/estimation/sampling.py", "max(residual.size - 1, 1)", "max(residual.size, 1)"),
]
"""Faults that survived the tests when they were found; the tests must notice them."""

LEAST_LIMIT_S, TIMES_AS_LONG = 20.0, 5.0
"""Time limit of the tests with a fault: at least this many seconds, and this many times the time without a fault. Beyond it the fault counts as noticed."""

RECORD = Path(__file__).with_suffix(".json")


def all_faults(folders: Iterable[str]) -> list[Fault]:
    """Faults in the order of files and positions; ``folders`` may also be files or patterns of files."""
    files = {p for f in folders for p in (ROOT.glob(f) if f.endswith(".py") else (ROOT / f).rglob("*.py")) if p.name != "__init__.py"}
    return [f for p in sorted(files) for f in Places(p.relative_to(ROOT).as_posix(), p.read_bytes()).faults()]


def planted_faults() -> list[Fault]:
    """The faults of PLANTED.

    Raises
    ------
    SystemExit : a text does not occur exactly once in its file.
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
    """Dotted names that a file imports: modules, and the names imported from them, which may be modules too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return frozenset(found)


def users_of(module: str) -> set[str]:
    """The module and all modules that import it, directly or through others."""
    every = {module_of(p): imports(p) for f in FOLDERS for p in (ROOT / f).rglob("*.py")}
    users, before = {module}, set()
    while users != before:
        before, users = users, users | {name for name, taken in every.items() if taken & users}
    return users


@cache
def tests_of(path: str) -> tuple[str, ...]:
    """Test files of a module, the nearest first: those in its test folders that import it, or, where none does, those anywhere that do; then those
    in its test folders that reach it through other modules."""
    folder, modules = folder_of(path), {module_of(ROOT / path)}
    mirrored = [ROOT / f / Path(path).relative_to(folder).parent for f in FOLDERS[folder]]
    if Path(path).match(INDICATORS):
        modules, mirrored = modules | {ASKED_BY}, [*mirrored, ROOT / "tests/indicators"]
    every, users = sorted((ROOT / "tests").rglob("test_*.py")), set().union(*map(users_of, modules))
    near = [t for t in every if any(t.is_relative_to(f) for f in mirrored)]
    nearest = [t for t in near if imports(t) & modules] or [t for t in every if imports(t) & modules]
    others = [t for t in near if imports(t) & users and t not in nearest]
    return tuple(t.relative_to(ROOT).as_posix() for t in nearest + others)


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
