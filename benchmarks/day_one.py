"""First day of a new user: from the wheel, in an empty folder, by `rs-pipeline init --quick`, `plan` and `run` to the page. The archive is a local
imitation of a distant Earth Search: items of its structure, full-size COGs, latency, one bandwidth, refusals with Retry-After, signatures that expire.
The requests and bytes used are compared with the plan. `python -m benchmarks.day_one --folder FOLDER`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd

from benchmarks import granule
from benchmarks.far import Archive, Far, far_archive
from benchmarks.harness import ROOT
from benchmarks.network import COGS

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"


def installed(folder: Path) -> Path:
    """The command, from a wheel of this checkout in its own environment. Libraries come from the environment that runs this, so that no package index is needed."""
    pip = ["-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([sys.executable, *pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    subprocess.run([str(venv / "bin/python"), *pip, "install", "--no-index", "--no-deps", str(next(folder.glob("*.whl")))], check=True)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin" / "rs-pipeline"


def written(command: Path, folder: Path, url: str, counties: list[str]) -> None:
    """Write the configuration of `init --quick`, with its address, and other counties where any are given, replaced as a user does in an editor."""
    told(command, folder, "init", "--quick")
    path = folder / "rs-pipeline.yaml"
    text = path.read_text("utf-8").replace(f"catalog: {EARTH_SEARCH}", f"catalog: {url}/v1, schemes: [http], internal_hosts: true")
    if counties:
        text = re.sub(r"only: \[[^\]]*\]", f"only: {json.dumps(counties)}", text)
    path.write_text(text, "utf-8")


def told(command: Path, folder: Path, *arguments: str) -> str:
    """Output of the command.

    Raises
    ------
    RuntimeError : the command failed; with its output.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-6000:] + done.stderr[-6000:])
    return done.stdout + done.stderr


def planned(folder: Path) -> Counter[str]:
    """Requests and bytes in the plan's table."""
    import pandas as pd

    table = pd.read_csv(folder / "plan.csv")
    return Counter(requests=int(table.requests.sum()), bytes=int(table.network_bytes.sum()))


def day_one(folder: Path, archive: Archive, far: Far, counties: list[str], cores: str) -> None:
    """Take every step of a new user, and print the cost of each."""
    seconds, work, started = {}, folder / "empty", time.perf_counter()

    def done(step: str) -> None:
        nonlocal started
        seconds[step], started = time.perf_counter() - started, time.perf_counter()
        print(f"{step:44s}{seconds[step]:8.0f} s", flush=True)

    command = installed(folder)
    done("wheel built, installed in an empty venv")
    work.mkdir()
    written(command, work, archive.url, counties)
    done("rs-pipeline init --quick, its address edited")
    plan = told(
        command,
        work,
        "plan",
        "--config",
        "rs-pipeline.yaml",
        "--csv",
        "plan.csv",
        "--bandwidth-mbit",
        f"{far.bytes_s * 8e-6:g}",
        "--latency-ms",
        f"{far.latency_s * 1e3:g}",
    )
    done("rs-pipeline plan")
    print(plan)
    archive.told()
    told(command, work, "run", "--cores", cores)
    done("rs-pipeline run")
    paid, expected = archive.told(), planned(work)
    requests = paid["requests"] + paid["api_requests"] - paid["refused"] - paid["expired"]
    for name, took, wanted in (("requests", requests, expected["requests"]), ("MB", paid["bytes"] / 1e6, expected["bytes"] / 1e6)):
        print(f"{name}: {took:.0f} paid, {wanted:.0f} planned ({wanted / took - 1:+.0%})")
    print(
        f"{paid['refused']} requests were refused (429, 503) and asked again, {paid['expired']} had an expired signature; {paid['heads']} HEAD; at this bandwidth the bytes alone take {paid['bytes'] / far.bytes_s:.0f} s"
    )
    page = next(work.glob("results/*/report/index.html"))
    rows = pd.read_csv(page.parents[1] / "indicators.csv", low_memory=False).dropna(subset="target_id")
    print(f"{rows.target_id[rows.value.notna()].nunique()} of {rows.target_id.nunique()} sentences have a value")
    print(f"{sum(seconds.values()):.0f} s in {len(seconds)} steps; the page: {page} ({page.stat().st_size / 1e3:.0f} kB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="Folder to work in, new or empty; default one that is removed.")
    parser.add_argument("--only", action="append", help="Code of a county that lies in the granule; default those of the quick run.")
    parser.add_argument("--days", type=int, default=12, help="Dates a year, at most 36; with fewer than one a month most indicators have no value.")
    parser.add_argument("--latency-ms", type=float, default=75.0)
    parser.add_argument("--mbyte-s", type=float, default=25.0)
    parser.add_argument("--refused-every", type=int, default=60, help="Every so many-th request is refused; 0: none.")
    parser.add_argument("--signature-s", type=float, default=60.0, help="How long the signature of an address is valid; 0: none is wanted.")
    parser.add_argument("--cores", default="2")
    chosen = parser.parse_args()
    dates = [f"{month:02d}-{day:02d}" for day in (11, 21, 1) for month in range(1, 13)][: chosen.days]
    days = [f"{year}-{date}" for year in (2023, 2024) for date in dates]
    far = Far(chosen.latency_ms / 1e3, chosen.mbyte_s * 1e6, chosen.refused_every, signature_s=chosen.signature_s)
    height_files, height_items = granule.heights(COGS)
    files = granule.cogs(COGS) | height_files
    with tempfile.TemporaryDirectory() as scratch, far_archive(files, far, [*(granule.item(d) for d in days), *height_items]) as archive:
        folder = chosen.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        day_one(folder.resolve(), archive, far, chosen.only or [], chosen.cores)


if __name__ == "__main__":
    main()
