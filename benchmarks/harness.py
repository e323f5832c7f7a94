"""Comparison of ours and a peer in one run on the same data: their results must be equal, then both are timed in turn."""

from __future__ import annotations

import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """One line of ``latest.json``."""

    name: str
    ours: float | None
    peer: float | None
    """None where there is no peer, or where its library is not installed."""
    unit: str
    ratio: float | None
    """How many times better ours is; below 1 the peer is better."""
    note: str = ""
    """What the peer is, and what the figure leaves out."""

    def record(self, machine: str) -> dict:
        """The result with four significant digits and the machine's name."""
        values = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(self).items()}
        return {**values, "machine": machine}


def times(name: str, ours_s: float, peer_s: float, note: str = "") -> Result:
    """A comparison of seconds: the ratio is the peer's over ours."""
    return Result(name, ours_s, peer_s, "s", peer_s / ours_s, note)


def alone(name: str, value: float, unit: str, note: str = "") -> Result:
    """A measurement without a peer."""
    return Result(name, value, None, unit, None, note)


def absent(name: str, library: str) -> Result:
    """A comparison that was skipped because the peer is not installed."""
    return Result(name, None, None, "s", None, f"{library} is not installed or cannot be imported here, see benchmarks/peers.txt")


@dataclass
class Run:
    """What the command line asked for."""

    scratch: Path
    quick: bool = False
    threads: int = 2
    repeats: int = 3
    seconds: dict[str, float] = field(default_factory=dict)

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def in_turn(sides: dict[str, Callable[[], object]], repeats: int, *, warm: bool = True) -> dict[str, float]:
    """Median seconds of each side, called in turn so that a busy machine slows all alike.

    ``warm`` calls each once before timing; it is not needed where a check of the results has already compiled and read everything.
    """
    for call in sides.values() if warm else ():
        call()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in taken.items()}


def require_equal(ours: np.ndarray, peer: np.ndarray, what: str, atol: float = 1e-5, differing: float = 0.0) -> None:
    """Refuse to compare times of different results.

    Parameters
    ----------
    differing : share of pixels that may differ, where the peer works in float32 and decides at a threshold.

    Raises
    ------
    AssertionError : names what differs and by how much.
    """
    ours, peer = np.asarray(ours, "float64"), np.asarray(peer, "float64")
    same = np.isclose(ours, peer, atol=atol, rtol=0, equal_nan=True)
    share = 1 - same.mean() if same.size else 0.0
    if ours.shape != peer.shape or share > differing:
        raise AssertionError(f"{what}: {share:.2%} of the values differ by more than {atol} (at most {differing:.2%} may)")


def peak_mb(code: str, *arguments: str) -> float:
    """Peak memory (resident) of Python code in a process of its own, in MB. The arguments are ``sys.argv[1:]``.

    Raises
    ------
    RuntimeError : the code failed; carries its error output.
    """
    tail = "\nfrom benchmarks.harness import peak_kb; print('PEAK', peak_kb())"
    done = subprocess.run(
        [sys.executable, "-c", code + tail, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return int(done.stdout.rsplit("PEAK", 1)[1]) / 1024


def machine() -> str:
    """Processor, cores and memory of this machine, in one line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory_gb:.0f} GB, Python {platform.python_version()}"


def peak_kb() -> int:
    """Peak resident memory of this process since its start or the last `forget_peak`, kB."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def forget_peak() -> None:
    """Reset the peak memory of this process (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


Case = Callable[[Run], Iterator[Result]]


def snakemake_command(config: Path, *options: str) -> list[str]:
    """Command that runs Snakemake on a configuration, on two cores in the configuration's folder; start it in ROOT with the environment `in_root`."""
    return [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(config), "--directory", str(config.parent), *options]


def in_root() -> dict[str, str]:
    """Environment variables that put this checkout's packages before installed ones."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}


def snakemake(config: Path, *options: str) -> str:
    """Output of Snakemake for a run that it finishes.

    Raises
    ------
    RuntimeError : it failed; with its output.
    """
    done = subprocess.run(snakemake_command(config, *options), cwd=ROOT, env=in_root(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def job_counts(told: str) -> Counter:
    """Rule to number of its jobs, and ``total``, from the table that Snakemake prints first; empty where there is nothing to do."""
    return Counter({rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", told, re.M)})


def jobs_run(told: str) -> Counter:
    """Rule to number of its jobs that Snakemake says it started, or would start."""
    return Counter(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", told, re.M))


def planned_jobs(config: Path) -> int:
    """Jobs that Snakemake plans for a run; 0 where there is nothing to do."""
    return job_counts(snakemake(config, "-n", "--quiet", "rules"))["total"]


def planned_calls(config: Path) -> list[list[str]]:
    """The verb of `rs-pipeline` and its arguments of every job that Snakemake plans for a run."""
    commands = [shlex.split(line) for line in snakemake(config, "-n", "--printshellcmds").splitlines() if " -m rs_pipeline " in line]
    return [c[c.index("rs_pipeline") + 1 : c.index("2>")] for c in commands]


def run_files(root: Path) -> dict[str, bytes]:
    """Path to content of a run's results: all files except records of the process (logs, retries, the summary, damaged files put aside) and hidden files."""
    told = {"logs", "retry", "damaged", "summary.json", "summary.txt"}
    found = [p for p in root.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.relative_to(root).parts)]
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(found) if p.relative_to(root).parts[0] not in told}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Files that only one run has, or that are not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
