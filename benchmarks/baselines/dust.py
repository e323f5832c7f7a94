"""Bare ground of spring by the year's map: ``bare_all_year`` is ground that the land map calls bare, the same in each month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rs_pipeline.layout import Layout
from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.validation.counties import true_units
from rs_pipeline.validation.dust import SETTLED
from rs_pipeline.validation.truth import Truth, on_grid

METHODS = ("bare_all_year",)


def bare_all_year(layout: Layout, settled: np.ndarray, truth: Truth, labels: dict[str, int]) -> pd.DataFrame:
    """Area of the expected share of bare land in settlements, ha, in the form of `validation.dust.score_dust`.

    ``settled`` : bool (h, w) on the truth's grid. ``labels`` : of the periods that are a whole year, to the year.
    """
    rows = []
    for label, year in labels.items():
        bare = np.where(settled, np.nan_to_num(on_grid(layout.map(LAND, label), f"share_{Land.BARE.word}", truth.grid)), 0)
        rows += [(place.adcode, str(year), SETTLED + month, place.total(bare) / 1e4) for place in true_units(truth) for month in SPRING_MONTHS]
    return pd.DataFrame(rows, columns=["adcode", "period", "indicator", "value"])
