"""Lakes of the United States: the chlorophyll index of the month against the severity of cyanobacteria in samples (1-5), 1,024 lakes whose pixel is water.

The images are top-of-atmosphere reflectance, monthly: no concentration can be read from them, so ranks alone are compared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rs_kernels.black_odorous import ndci
from scipy.stats import rankdata

from benchmarks.accuracy.real_table import Row, Table, correlation

WORLD = "algae_severity_lakes"
LAST_STEP = 11
"""Monthly step of the sample."""
SEVERE, LIGHT = 4, 2
"""Least severity of a severe bloom, and greatest of a light one."""


def is_here(ground: Path) -> bool:
    """Whether the lakes are in the folder of the real ground."""
    return (ground / "real_water").is_dir()


def lake_rows(ground: Path) -> list[Row]:
    """Figures of the lakes."""
    series, samples = pd.read_parquet(ground / "real_water" / "algae_toa_series.parquet"), pd.read_csv(ground / "real_water" / "algae_samples.csv")
    seen = series[(series.step == LAST_STEP) & (series.dynamic_world == 0)].merge(samples[["sample_id", "severity"]], on="sample_id")
    blue, green, red, rededge = (seen[f"toa_{role}"].to_numpy(float) for role in ("blue", "green", "red", "rededge1"))
    indices = {"ours": np.array([ndci(r, e) for r, e in zip(red, rededge, strict=True)]), "green to blue": green / blue, "red": red}
    table, severity = Table(WORLD), seen.severity.to_numpy()
    for method, index in indices.items():
        known = np.isfinite(index)
        table.add("chlorophyll", "rank_correlation", correlation(rankdata(index[known]), rankdata(severity[known])), subset="severity 1-5", method=method)
        severe, light = index[known & (severity >= SEVERE)], index[known & (severity <= LIGHT)]
        table.add("chlorophyll", "auc", ranked_right(severe, light), subset="severe and light blooms", method=method)
    table.add("chlorophyll", "lakes", len(seen), subset="severity 1-5", unit="lakes")
    return table.rows


def ranked_right(high: np.ndarray, low: np.ndarray) -> float:
    """Share of the pairs of one of each in which the first is greater; ties count half.

    >>> ranked_right(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    above = high[:, None] - low[None]
    return float(np.mean(np.where(above == 0, 0.5, above > 0)))
