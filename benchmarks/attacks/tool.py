"""The command for a new user: a wheel beside another package's folder, thousands of warnings, a wrong folder, and a run that is stopped by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.attack import Attack
from benchmarks.attacks.disk import copied
from benchmarks.harness import ROOT, in_root
from rs_pipeline.operations.console import MAX_WARNINGS
from tests.operations.conftest import Small

TIMEOUT_S = 300


def command(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run `rs-pipeline` in a folder, by default in the checkout's environment."""
    return subprocess.run(
        [sys.executable, "-m", "rs_pipeline.cli", *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment or in_root()
    )


def strangers_config(folder: Path) -> str:
    """Another package left a folder ``config`` in site-packages, beside the installed package."""
    pip, site = [sys.executable, "-m", "pip", "--disable-pip-version-check"], folder / "site"
    subprocess.run([*pip, "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True, timeout=TIMEOUT_S)
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", "--target", str(site), *map(str, folder.glob("*.whl"))], check=True, timeout=TIMEOUT_S)
    (site / "config" / "sensors").mkdir(parents=True)
    (folder / "empty").mkdir()
    done = command(folder / "empty", "init", "--hebei", environment=os.environ | {"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    planned = command(folder / "empty", "run", "-n", environment=os.environ | {"PYTHONPATH": str(site)})
    assert planned.returncode == 0 and "province_units" in planned.stdout, planned.stderr
    return f"init and run -n from the wheel in an empty folder: exit 0, {len(planned.stdout.splitlines())} lines"


def begun(small: Small) -> subprocess.Popen:
    """`rs-pipeline run` that has started its first job, as its own process group that receives Ctrl-C."""
    words, size = [sys.executable, "-m", "rs_pipeline.cli", "run", small.config.name, "--cores", "2"], small.layout.journal.stat().st_size
    hears = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    process = subprocess.Popen(words, cwd=small.folder, env=in_root(), stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hears)
    until = time.monotonic() + TIMEOUT_S
    while small.layout.journal.stat().st_size == size and process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    return process


def thousands_of_warnings(folder: Path) -> str:
    """The journal of a run gets 5,000 different warnings while it runs."""
    small = copied(folder)
    small.layout.report.unlink()
    process, line = begun(small), {"verb": "fetch", "state": "done", "time": "2026-01-01T00:00:00+00:00", "seconds": 1.0}
    with small.layout.journal.open("a") as journal:
        journal.write("".join(json.dumps(line | {"job": f"fetch.2024.x{i}", "said": [f"scene {i} cannot be read"]}) + "\n" for i in range(5000)))
    told = process.communicate(timeout=TIMEOUT_S)[1].splitlines()
    shown = [text for text in told if text.startswith("warning:")]
    assert process.returncode == 0 and 0 < len(shown) <= MAX_WARNINGS + 1 and len(told) < 70, "\n".join(told[-40:])
    return f"5000 warnings: {len(shown)} lines on them as they came, {len(told)} lines in all, exit 0"


def stopped_by_hand(folder: Path) -> str:
    """Ctrl-C in the middle, then the same command again."""
    small = copied(folder)
    for path in (small.layout.report, small.layout.map("water", "2024")):
        path.unlink()
    process = begun(small)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode != 0 and "Traceback" not in told and "The same command goes on" in told, told
    again = command(small.folder, "run", small.config.name, "--cores", "2")
    assert again.returncode == 0 and "missing: nothing" in again.stderr, again.stderr
    return f"stopped: exit {process.returncode}, {len(told.splitlines())} lines, no traceback; the same command again: exit 0, nothing missing"


def nothing_here(folder: Path) -> str:
    """`run` where there is no configuration, `init` where there is one, `open_run` on a wrong folder."""
    import rs_pipeline
    from rs_pipeline.errors import ConfigError

    none = command(folder, "run")
    assert none.returncode == 2 and "rs-pipeline init" in none.stderr and "--sample" in none.stderr, none.stderr
    (folder / "rs-pipeline.yaml").write_text("mine")
    there = command(folder, "init")
    assert there.returncode == 2 and (folder / "rs-pipeline.yaml").read_text() == "mine", there.stderr
    try:
        rs_pipeline.open_run(folder)
    except ConfigError as fault:
        return f"exit 2 with the remedy, twice; the file stays; open_run: {fault.what}"
    raise AssertionError("open_run took a folder without a run")


ATTACKS = (
    Attack("a stranger's config folder", "a wheel finds what it brought, whatever lies beside it", strangers_config),
    Attack("5000 warnings", "the console stays within bounds and the run ends well", thousands_of_warnings),
    Attack("stopped by hand", "Ctrl-C ends in words, and the same command goes on", stopped_by_hand),
    Attack("nothing here", "a wrong folder is told with its remedy, and no file is overwritten", nothing_here),
)
