"""Whether the run measured the displacement of each scene and corrected it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score

SATELLITES = ("sentinel-2", "landsat", "sentinel-1")


def score_registration(scenes: pd.DataFrame, displaced_m: Mapping[str, Sequence[float]]) -> list[Score]:
    """Scores of the ledger, product ``registration``, of each family's used scenes.

    ``measured_share`` of the scenes, and ``rmse``, m, of both axes together: of the measured displacement (``told``), of the position of the scenes as
    they come, and of their position as they are read, after the correction. Refused scenes are left out.

    Parameters
    ----------
    scenes : scenes.parquet: scene_id, platform, status, displaced_x_m, displaced_y_m, moved_x_m, moved_y_m.
    displaced_m : scene id to its true displacement, metres to the east and to the north.
    """
    known = scenes[(scenes.status == "used") & scenes.scene_id.isin(displaced_m)]
    return [s for family in SATELLITES for s in _of_family(known[known.platform.str.startswith(family)], family, displaced_m)]


def _of_family(scenes: pd.DataFrame, family: str, displaced_m: Mapping[str, Sequence[float]]) -> Iterator[Score]:
    true = np.array([displaced_m[i] for i in scenes.scene_id], "float64").reshape(-1, 2)
    told = scenes[["displaced_x_m", "displaced_y_m"]].to_numpy("float64")
    left = true + scenes[["moved_x_m", "moved_y_m"]].to_numpy("float64")
    measured = np.isfinite(told).all(axis=1)
    n = int(measured.sum())
    yield Score("registration", "measured_share", family, ratio(n, len(scenes)), "1", len(scenes))
    yield Score("registration", "rmse", f"{family}, told", _rms((told - true)[measured]), "m", n)
    yield Score("registration", "rmse", f"{family}, as they come", _rms(true), "m", len(scenes))
    yield Score("registration", "rmse", f"{family}, as they are read", _rms(left), "m", len(scenes))


def _rms(vectors: np.ndarray) -> float:
    """Root of the mean square length of vectors (n, 2); NaN without any."""
    return float(np.sqrt((vectors**2).sum(axis=1).mean())) if len(vectors) else float("nan")
