"""Whether a pixel is green like cordgrass: its part in the pass over the seasons.

Cordgrass (Spartina alterniflora) greens up later than the plants around it and stays green longer: it is not green in April and May and still is when
reed and bulrush are dead (Zhang, X. et al. 2020, Remote Sens. 12(3), PMC7357893, who map it on Chongming by these two seasons). On the colder Bohai coast
its late green is that of October and November. What is green at that time is also green in spring (winter wheat) or in winter (evergreen trees), not
green in summer (algae on mud), or yellow and red rather than green (reed, seepweed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rs_kernels.greenest import ndvi_layer

from rs_pipeline.products.seasons import LATE_AUTUMN, SeasonStatistics
from rs_pipeline.products.spartina.maps import LateGreen


@dataclass(frozen=True)
class GreenLimit:
    """A limit on one quantity of a pixel."""

    value: float
    scatter: float
    """Distance from the limit that counts as 1 in the margin."""
    least: bool = True
    """Whether cordgrass lies above the limit; else below."""

    def margin(self, values: np.ndarray) -> np.ndarray:
        """Distance inside the limit, in units of the scatter, shape of ``values``."""
        return (values - self.value) / (self.scatter if self.least else -self.scatter)


GREEN_LIMITS = {
    "late": GreenLimit(0.37, 0.05), "colour": GreenLimit(-0.07, 0.03), "peak": GreenLimit(0.42, 0.05), "spring": GreenLimit(0.22, 0.05, least=False),
    "winter": GreenLimit(0.38, 0.05, least=False), "wet": GreenLimit(-0.11, 0.05),
}  # fmt: skip
"""Limits of `quantities`, chosen on simulated worlds of development seeds: ``python -m benchmarks.accuracy.cordgrass``."""


def quantities(seasons: SeasonStatistics) -> dict[str, np.ndarray]:
    """What is compared with GREEN_LIMITS, float32 (h, w), NaN where not seen: NDVI and colour (GRVI) of the greenest date of late autumn, the year's peak of
    NDVI, the median NDVI of spring and winter, and the 90th percentile of the year's MNDWI: the tide covers the ground on some dates."""
    median = {s: ndvi_layer(seasons.named(f"{s}_red"), seasons.named(f"{s}_nir")) for s in ("spring", "winter")}
    late = seasons.greenest_in(LATE_AUTUMN)
    return {"late": late.ndvi, "colour": late.grvi, "peak": seasons.named("ndvi_p90"), **median, "wet": seasons.named("mndwi_p90")}


LEAST_LATE_DATES = 2
"""Least clear dates of late autumn: a single one may be of high tide, or so late that cordgrass is brown too."""

UNDER_WATER_NDVI = 0.0
"""Below this NDVI on the greenest date of late autumn, water covered the ground on every date. A design value."""


def late_green_margin(found: dict[str, np.ndarray], limits: Mapping[str, GreenLimit] = GREEN_LIMITS) -> np.ndarray:
    """Distance inside the nearest limit, below 0 outside; NaN where any quantity is NaN, and where water covered the ground on every date of late autumn and
    nothing else speaks against cordgrass. ``found``: see `quantities`."""
    margins = {name: limit.margin(found[name]) for name, limit in limits.items()}
    others = np.min([m for name, m in margins.items() if name not in ("late", "colour")], axis=0)
    return np.where((found["late"] < UNDER_WATER_NDVI) & (others >= 0), np.nan, np.min(list(margins.values()), axis=0))


def season_layers(seasons: SeasonStatistics) -> dict[str, np.ndarray]:
    """Bands of the map of a strip, float32 (h, w): see `products.spartina.maps.BANDS`."""
    found, n_dates = quantities(seasons), seasons.greenest_in(LATE_AUTUMN).n_dates
    margin = np.where(n_dates >= LEAST_LATE_DATES, late_green_margin(found), np.nan)
    kind = np.select([np.isnan(margin), margin >= 0, margin >= -1], [np.nan, LateGreen.LIKE, LateGreen.DOUBTFUL], LateGreen.OTHER)
    bands = {"class": kind, "margin": margin, "late_ndvi": found["late"], "n_dates": n_dates}
    return {name: np.asarray(values, "float32") for name, values in bands.items()}
