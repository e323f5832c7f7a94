"""Green cover against the truth, pixel by pixel."""

from __future__ import annotations

import numpy as np

from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.validation.metrics import bias, concordance, interval_coverage, ratio, rmse
from rs_pipeline.validation.truth import Score, Truth

DECILES = 10


def score_vegetation(fvc_peak: np.ndarray, fvc_growing: np.ndarray | None, truth: Truth, year: int, *, fvc_peak_sigma: np.ndarray | None = None) -> list[Score]:
    """Bias, RMSE and concordance of cover, overall and by decile of the true cover.

    Only pixels that are not permanent water in truth are scored: cover is reported for land only. Products ``fvc_peak`` and ``fvc_growing``.

    Parameters
    ----------
    fvc_peak, fvc_growing : float32 (h, w) on the truth's grid, 0-1, NaN where not observed; None leaves a product out.
    fvc_peak_sigma : standard error of each pixel; adds ``coverage`` of fvc_peak +- 1.96 sigma.
    """
    land, known = ~truth.true_water(year).permanent, truth.vegetation(year)
    scores = []
    for product, found in (("fvc_peak", fvc_peak), ("fvc_growing", fvc_growing)):
        if found is not None and product in known:
            scores += _cover(product, found[land], known[product][land])
    if fvc_peak_sigma is not None:
        half = Z95 * fvc_peak_sigma[land]
        lower, upper, true = fvc_peak[land] - half, fvc_peak[land] + half, known["fvc_peak"][land]
        n = int((np.isfinite(lower) & np.isfinite(true)).sum())
        scores.append(Score("fvc_peak", "coverage", "pixel sigma", 100 * interval_coverage(lower, upper, true), "%", n))
    return scores


def _cover(product: str, found: np.ndarray, true: np.ndarray) -> list[Score]:
    seen = np.isfinite(found) & np.isfinite(true)
    n = int(seen.sum())
    scores = [
        Score(product, "bias", "all", bias(found, true), "1", n),
        Score(product, "rmse", "all", rmse(found, true), "1", n),
        Score(product, "concordance", "all", concordance(found, true), "1", n),
        Score(product, "observed_share", "all", 100 * ratio(n, np.isfinite(true).sum()), "%", int(np.isfinite(true).sum())),
    ]
    decile = np.clip(np.floor(true * DECILES + 1e-6), 0, DECILES - 1)
    for k in range(DECILES):
        mine = seen & (decile == k)
        subset = f"cover {10 * k}-{10 * (k + 1)} %"
        scores += [
            Score(product, "bias", subset, bias(found[mine], true[mine]), "1", int(mine.sum())),
            Score(product, "rmse", subset, rmse(found[mine], true[mine]), "1", int(mine.sum())),
        ]
    return scores
