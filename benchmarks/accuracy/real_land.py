"""Land cover on real labelled pixels, each source left out of the training in turn: ``python -m benchmarks.accuracy.real_land FOLDER``.

The rows of the table are those that the training stored in ``config/land.json``. The command trains the networks again, each without one
source (about ten minutes), prints their scores, and writes the ranges of real pixels that the tests compare the training library with.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.real_table import Row, Table
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.model import land_model
from rs_pipeline.products.seasons import STATISTICS
from rs_pipeline.training.land import read_left_out, real_reports, simulate_land, temperature_of
from rs_pipeline.training.land_library import measured_ground
from rs_pipeline.training.real_land import read_real_land, read_spectra

WORLD = "real_land_by_source_left_out"
RANGES = Path(__file__).resolve().parents[2] / "tests" / "training" / "real_land_ranges.csv"
SOURCES = """\
# 10th, 50th and 90th percentile of STATISTICS by class, of real pixels and measured ground under the MIT licence:
# cropland, grass, tree: monthly Sentinel-2 and Sentinel-1 of WorldCereal's public extractions, LUCAS 2018 and Flanders 2021
# (github.com/WorldCereal/worldcereal-classification, github.com/WorldCereal/prometheo; (c) 2024, 2025 ESA WorldCereal);
# bare, built: spectra of the package earthlib 1.1.0 ((c) 2023 C. Anderson), through a year of moisture, weeds and air. Made by
# python -m benchmarks.accuracy.real_land.
"""
MIN_CLASS_PIXELS = 20


def land_rows(report: Mapping | None = None) -> list[Row]:
    """Rows of the table, from the ``real`` report of the shipped model or of another."""
    report = land_model().report["real"] if report is None else report
    table = Table(WORLD)
    for source, found in report.items():
        subset = "all sources" if source == "labelled" else source
        for metric in ("overall", "kappa", "right_when_sure", "sure_share", "calibration_error"):
            if found[metric] is not None:
                table.add("land", metric, found[metric], subset=subset)
        for name, row in found["classes"].items():
            if row["n"] >= MIN_CLASS_PIXELS:
                for metric in ("users", "producers", "f1"):
                    table.add("land", metric, row[metric], subset=f"{name}, {subset}")
    return table.rows


def real_ranges(folder: Path) -> pd.DataFrame:
    """Percentiles of the features of real pixels, by class and feature: columns class, feature, p10, p50, p90."""
    real, (spectra, *_) = read_real_land(folder), read_spectra(folder)
    ground, of_ground = measured_ground(spectra, 1)
    values, land = np.concatenate([real.values, ground], axis=1), np.concatenate([real.land, of_ground])
    rows = []
    for c in Land:
        mine = values[:, land == c] if c in (Land.BARE, Land.CROPLAND, Land.GRASS, Land.TREE) else ground[:, of_ground == c]
        for feature, known in zip(STATISTICS, mine, strict=True):
            if np.isfinite(known).sum() >= MIN_CLASS_PIXELS:
                rows.append((c.word, feature, *np.nanpercentile(known, [10, 50, 90]).round(4)))
    return pd.DataFrame(rows, columns=["class", "feature", "p10", "p50", "p90"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.real_land", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the real pixels and spectra, with real_land and real_spectra")
    parser.add_argument("--ranges", action="store_true", help="only write the ranges")
    options = parser.parse_args()
    RANGES.write_text(SOURCES + real_ranges(options.folder).to_csv(index=False, lineterminator="\n"), "utf-8")
    if options.ranges:
        return
    spectra, *places = read_spectra(options.folder)
    found = read_left_out(simulate_land(), read_real_land(options.folder), spectra, places)
    print(json.dumps(real_reports(found, temperature_of(found)), indent=1))


if __name__ == "__main__":
    main()
