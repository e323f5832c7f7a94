"""Surface temperature against the truth, pixel by pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.products.heat.step import HALF_FULL, RURAL_LAND, pixels_across
from rs_pipeline.products.land.classes import Land
from rs_pipeline.validation.land import MATERIALS
from rs_pipeline.validation.metrics import bias, interval_coverage, ratio, rmse
from rs_pipeline.validation.truth import Score, Truth


def rural_share(truth: Truth, year: int) -> np.ndarray:
    """Share (0-1) of each pixel that is rural land, float32 (h, w)."""
    return truth.share(year, [m for c in RURAL_LAND for m in MATERIALS[c]])


def by_sensor_pixels(values: np.ndarray, truth: Truth, edge_m: float) -> np.ndarray:
    """Mean of a map over the square of ``edge_m`` around each pixel, float32 (h, w)."""
    return ndimage.uniform_filter(values, pixels_across(edge_m, truth.grid.resolution_m))


def wide_built_share(truth: Truth, year: int, edge_m: float) -> np.ndarray:
    """Share (0-1) of each pixel that is built-up, 0 where less than half of the square of ``edge_m`` around it is, float32 (h, w)."""
    share = truth.share(year, MATERIALS[Land.BUILT])
    return np.where(by_sensor_pixels(share, truth, edge_m) >= HALF_FULL, share, 0)


def true_anomaly(truth: Truth, year: int) -> np.ndarray | None:
    """True temperature of the season above the mean of the world's rural land, K, float32 (h, w); None in worlds without temperature."""
    warmth = truth.heat(year).get("warmth_k")
    if warmth is None:
        return None
    share = rural_share(truth, year)
    return warmth - np.float32((warmth * share).sum() / share.sum())


def score_heat(anomaly_k: np.ndarray, truth: Truth, year: int, *, error_k: np.ndarray | None = None) -> list[Score]:
    """Bias and RMSE of the anomaly, of all land and of pixels that are wholly built-up or rural, and the error of the difference of these two; product
    ``heat``. The sensor's pixels are 100 m wide and the truth's 10 m: so roads and courtyards are wrong by the mixture.

    Parameters
    ----------
    anomaly_k : float32 (h, w) on the truth's grid, K, NaN where not observed. error_k : its standard errors; adds ``coverage`` of 1.96 of them.
    """
    true = true_anomaly(truth, year)
    if true is None:
        return []
    built, rural = truth.share(year, MATERIALS[Land.BUILT]) == 1, rural_share(truth, year) == 1
    seen, land = np.isfinite(anomaly_k), ~truth.true_water(year).water
    scores = [Score("heat", "observed_share", "all", 100 * ratio((seen & land).sum(), land.sum()), "%", int(land.sum()))]
    for subset, inside in (("all", land), ("built-up", built), ("rural", rural)):
        found, known, n = anomaly_k[inside], true[inside], int((seen & inside).sum())
        scores += [Score("heat", "bias", subset, bias(found, known), "K", n), Score("heat", "rmse", subset, rmse(found, known), "K", n)]
    if (seen & built).any() and (seen & rural).any():
        found, known = (values[built & seen].mean() - values[rural & seen].mean() for values in (anomaly_k, true))
        scores.append(Score("heat", "rmse", "built-up less rural", float(abs(found - known)), "K", 1))
    if error_k is not None:
        low, high = anomaly_k - Z95 * error_k, anomaly_k + Z95 * error_k
        scores.append(Score("heat", "coverage", "pixel sigma", 100 * interval_coverage(low[land], high[land], true[land]), "%", int((seen & land).sum())))
    return scores
