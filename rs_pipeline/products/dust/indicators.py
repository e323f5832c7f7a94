"""Indicators of ground that is bare in spring: its area in settlements by month."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.products.settlements import LEAST_M2, SETTLED_ZONE, settled_sums

UNSOWN_TOO = "fields that are not yet sown and ground under dry litter count too: their colour is that of building soil"
NARROW_GROUND = "pixels of 10 m: yards and strips that are narrower are estimated"


def _bare(facts: Facts, row: Mapping[str, float], month: str) -> Estimate:
    """Open ground of a zone that is bare in a month, ha: at least what surely is, at most what possibly is and all open ground that was not seen."""
    observed, area = row.get(f"dust_{month}_observed_m2", 0.0), row["area_m2"]
    if not observed > 0:
        return missing("insufficient_data", "no pixel with a land class and a clear date in the month")
    hidden = row[f"dust_{month}_unseen_m2"] + area - row["dust_known_m2"]
    value, lower, upper = (row[f"dust_{month}{part}_m2"] / observed for part in ("", "_surely", "_possibly"))
    most = min(1.0, hidden / max(area - observed, LEAST_M2))
    return published(Interval(value, lower, upper, "range"), observed_ratio(observed, area), facts, area / 1e4, high=most)


def _of_settlements(facts: Facts, month: str) -> Estimate:
    """`_bare` of the unit's part in settlements, or why there is none."""
    row = settled_sums(facts, SETTLED_ZONE, none_here="no settlement in this unit", no_map="this run made no land map")
    if isinstance(row, Estimate):
        return row
    found = _bare(facts, row, month)
    return found.noting(UNSOWN_TOO, NARROW_GROUND, facts["land"].settlements) if found.interval else found


_SUM = (
    "sum over the pixels of the map of settlements, which is the same for all periods, by area on the ellipsoid, of the expected share that is neither built-up "
    "nor water, where NDVI is low on every clear date of {}"
)
_RANGE = "lower: ground that is surely bare; upper: ground that is possibly bare, and all open ground that was not seen in the month"

INDICATORS = tuple(
    Indicator(
        f"settlement_bare_{month}", f"Bare ground in towns and villages in {month.title()}", "ha", "dust", "down", partial(_of_settlements, month=month),
        formula=_SUM.format(month.title()), bounds=_RANGE,
    )
    for month in SPRING_MONTHS
)  # fmt: skip
