"""Settlements that a run draws against the towns and villages of the simulated world. Product ``settlements``."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.products.land.classes import Land
from rs_pipeline.simulation.side_tables import TOWN_FRINGE_M
from rs_pipeline.validation.land import MATERIALS
from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score, Truth


def true_settlements(truth: Truth) -> gpd.GeoSeries | None:
    """Outlines of towns and villages that have houses in the first year, in the truth's CRS; None in worlds without such outlines."""
    places, towns = truth.watched, truth.towns
    if places is None or towns is None:
        return None
    return with_houses(pd.concat([places.geometry[places.kind == "village"], towns.geometry.buffer(-TOWN_FRINGE_M)], ignore_index=True), truth)


def with_houses(outlines: gpd.GeoSeries, truth: Truth) -> gpd.GeoSeries:
    """The outlines that have built-up ground in the first year: worlds without a town outline villages too."""
    houses = truth.share(truth.years[0], MATERIALS[Land.BUILT]) > 0
    return outlines[[bool(houses[_within(outline, truth)].any()) for outline in outlines]]


def _within(outline: shapely.Geometry, truth: Truth) -> np.ndarray:
    """Pixels that an outline meets, bool (h, w)."""
    return truth.covered([outline]) > 0


def score_settlements(kinds: np.ndarray, truth: Truth) -> list[Score]:
    """``precision``, ``recall`` and ``f1`` of the ground in settlements of any kind, by area, and ``found_share``, the percentage of towns and villages
    that a drawn settlement touches. Empty in worlds without outlines.

    ``kinds`` : float32 (h, w) on the truth's grid, 0 none, 1 village, 2 town, NaN where not known.
    """
    outlines = true_settlements(truth)
    if outlines is None:
        return []
    true, seen = truth.covered(outlines), np.isfinite(kinds)
    drawn = kinds > 0
    hit, n, area = float(true[drawn].sum()), int(drawn.sum()), float(true[seen].sum())
    touched = [bool(drawn[_within(outline, truth)].any()) for outline in outlines]
    return [
        Score("settlements", "precision", "all", ratio(hit, n), "1", n),
        Score("settlements", "recall", "all", ratio(hit, area), "1", round(area)),
        Score("settlements", "f1", "all", ratio(2 * hit, n + area), "1", round(area)),
        Score("settlements", "found_share", "all", 100 * ratio(sum(touched), len(touched)), "%", len(touched)),
    ]
