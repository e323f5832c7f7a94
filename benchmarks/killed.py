"""`kill -9` at random moments of the whole chain: every file with its final name must be complete, and the results must equal those of an undisturbed run.

`python -m benchmarks.killed FOLDER --kills 50` on the tiny world of tests/operations.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.harness import ROOT, differing, in_root, snakemake_command


def start(config: Path) -> subprocess.Popen:
    """Start Snakemake on a configuration in its own session."""
    with (config.parent / "snakemake.log").open("a") as log:
        return subprocess.Popen(snakemake_command(config), cwd=ROOT, stdout=log, stderr=log, env=in_root(), start_new_session=True)


def kill_machine(main: subprocess.Popen, _: random.Random) -> None:
    """Power loss: all processes end at once."""
    os.killpg(main.pid, signal.SIGKILL)
    main.wait()


def kill_scheduler(main: subprocess.Popen, _: random.Random) -> None:
    """Kill only Snakemake; its jobs continue as orphans."""
    main.kill()
    main.wait()


def is_job(process: psutil.Process) -> bool:
    """Whether a process runs or waits for a verb of `rs-pipeline`, or serves jobs by forking itself; False if it has just ended."""
    try:
        return "-m rs_pipeline" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def kill_job(main: subprocess.Popen, moments: random.Random) -> None:
    """Kill a job, as the kernel does when memory runs out; Snakemake continues for a while, then power loss."""
    jobs = [p for p in psutil.Process(main.pid).children(recursive=True) if is_job(p)]
    with suppress(psutil.NoSuchProcess):  # it ended a moment ago
        if jobs:
            moments.choice(jobs).kill()
    time.sleep(moments.uniform(0, 3))
    kill_machine(main, moments)


KINDS: tuple[Callable, ...] = (kill_machine, kill_scheduler, kill_job)


def disturb(config: Path, kills: int, seed: int, files: Callable[[], dict[str, bytes]], expected: dict[str, bytes], longest_s: float) -> Counter:
    """Kill a run ``kills`` times, the kinds in turn; after each, every file with its final name must equal that of the undisturbed run.

    Returns, by kind, how often something was running when it was killed. A run that ends before it is killed is not started again.
    """
    moments, cut = random.Random(seed), Counter()
    for i in range(kills):
        main = start(config)
        try:
            main.wait(moments.uniform(3, longest_s))
            cut["ended before"] += 1
            continue
        except subprocess.TimeoutExpired:
            kind = KINDS[i % len(KINDS)]
            kind(main, moments)
            cut[kind.__name__] += 1
        found = files()
        if wrong := [name for name, data in found.items() if expected.get(name) != data]:
            raise AssertionError(f"after {kind.__name__} number {i + 1}: not as in an undisturbed run: {wrong}")
    return cut


def main() -> None:
    from tests.operations.conftest import write_world

    parser = argparse.ArgumentParser(prog="python -m benchmarks.killed", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest-s", type=float, default=20.0)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True)
    small = write_world(chosen.folder.resolve())
    if start(small.config).wait() != 0:
        raise SystemExit((small.folder / "snakemake.log").read_text()[-3000:])
    expected, kills, total, rounds = small.files(), chosen.kills, Counter(), 0
    while kills > 0:
        small.layout.root.rename(small.folder / f"before{rounds}")
        done = disturb(small.config, min(kills, 10), chosen.seed + rounds, small.files, expected, chosen.longest_s)
        finished, wrong = start(small.config).wait() == 0, differing(small.files(), expected)
        if wrong or not finished:
            told = (small.folder / "snakemake.log").read_text()[-3000:]
            raise SystemExit(f"the end differs from that of an undisturbed run:\n{told}\n{wrong}")
        kills, total, rounds = kills - sum(done.values()) + done["ended before"], total + done, rounds + 1
        print(dict(total), "ends as an undisturbed run", flush=True)


if __name__ == "__main__":
    main()
