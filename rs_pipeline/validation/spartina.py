"""Cordgrass against the truth, pixel by pixel."""

from __future__ import annotations

import numpy as np

from rs_pipeline.validation.metrics import percent_error, ratio
from rs_pipeline.validation.truth import Score, Truth

CORDGRASS = ("cordgrass",)
"""Materials of the simulated worlds that are cordgrass."""


def score_spartina(found: np.ndarray, ground: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """Accuracy of cordgrass by area on tidal ground; product ``spartina``. In worlds without cordgrass only ``false_alarms``, the area that is mapped.

    A pixel is right to the extent that it truly is cordgrass: ``users`` is the right share of what is mapped, ``producers`` of what truly is cordgrass
    and was seen, ``f1`` their harmonic mean; ``area_bias`` is that of the seen area.

    Parameters
    ----------
    found : float32 (h, w) on the truth's grid, 1 cordgrass, 0 other ground, NaN where not seen. ground : bool (h, w), the ground of which it is asked.
    """
    mapped, true = found == 1, truth.share(year, CORDGRASS)
    pixel_ha, n = truth.grid.resolution_m**2 / 1e4, int(mapped.sum())
    scores = [Score("spartina", "observed_share", "all", 100 * ratio((np.isfinite(found) & ground).sum(), ground.sum()), "%", int(ground.sum()))]
    if not true.any():
        return [*scores, Score("spartina", "false_alarms", "all", n * pixel_ha, "ha", int(np.isfinite(found).sum()))]
    seen, hit = np.where(np.isfinite(found), true, 0), float(true[mapped].sum())
    truly = float(seen.sum())
    scores += [
        Score("spartina", "users", "all", ratio(hit, n), "1", n),
        Score("spartina", "producers", "all", ratio(hit, truly), "1", round(truly)),
        Score("spartina", "f1", "all", ratio(2 * hit, n + truly), "1", round(max(n, truly))),
        Score("spartina", "area_bias", "all", percent_error(n, truly), "%", round(truly)),
    ]
    return scores
