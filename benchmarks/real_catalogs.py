"""The configuration of docs/howto/your_scenes.md on catalogs of real scenes on a local disk, with default settings, from `rs-pipeline check` to the page.

`python -m benchmarks.real_catalogs FOLDER`: FOLDER holds ``catalog/`` (a static STAC catalog) and ``regions/`` (polygons). It is not part of the tests:
the scenes belong to others and are not in this repository, and a run takes minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.harness import ROOT, in_root

WORLDS = {
    "parana": ("parana_zones.geojson", {"sensor": "earth-search-sentinel-2-l2a", "allow_unmasked": True}, [2023, 2024, 2025]),
    "barbellino": ("barbellino.geojson", {"sensor": "earth-search-sentinel-2-l2a"}, [2017, 2019]),
    "hls": ("hls_quadrants.geojson", {"sensor": "hls2-s30"}, [2021]),
    "landsat": ("landsat_098084_quadrants.geojson", {"sensor": "planetary-computer-landsat-c2-l2"}, [2021]),
}
"""Polygons, source and years; the scenes of Paraná have no cloud mask, which a user must allow."""


def shown_configuration() -> dict:
    """The configuration on docs/howto/your_scenes.md."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "howto" / "your_scenes.md").read_text("utf-8"), re.DOTALL)
    return yaml.safe_load(next(b for b in blocks if b.startswith("run: mine")))


def run(name: str, data: Path, folder: Path) -> str:
    """Run one data set to its page; returns a summary of the page in one line.

    Raises
    ------
    RuntimeError : a command failed; with its output.
    """
    regions, source, years = WORLDS[name]
    values = shown_configuration() | {"run": name, "periods": years, "sources": [source | {"catalog": str(data / "catalog")}]}
    values["units"] |= {"path": str(data / "regions" / regions)}
    (folder / "rs-pipeline.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    started = time.perf_counter()
    for verb in (["check", "--config", "rs-pipeline.yaml"], ["run", "--cores", "2"]):
        command = [sys.executable, "-c", "from rs_pipeline.cli import main; main()", *verb]
        done = subprocess.run(command, cwd=folder, env=os.environ | in_root(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name}: {verb[0]}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    root = folder / "results" / name
    scenes, page = pd.read_parquet(root / "scenes.parquet"), root / "report" / "index.html"
    table = pd.read_csv(root / "indicators.csv")
    known = table[table.value.notna()]
    return (
        f"{name}: {time.perf_counter() - started:.0f} s; {(scenes.status == 'used').sum()} of {len(scenes)} scenes used; {len(known)} of {len(table)} indicators with a value, "
        f"{known.indicator.nunique()} kinds; page of {page.stat().st_size / 1e3:.0f} kB: {page}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", action="append", choices=list(WORLDS))
    parser.add_argument("--folder", type=Path, help="Where the runs stay; default a folder that is removed.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name in chosen.only or WORLDS:
            folder = (chosen.folder or Path(scratch)) / name
            folder.mkdir(parents=True, exist_ok=True)
            print(run(name, chosen.data.resolve(), folder.resolve()), flush=True)


if __name__ == "__main__":
    main()
