"""Suspected findings: places that the satellite says an inspector should look at. Each product tells its own; the step ``findings`` makes a list of them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

FOUND_DTYPES = {
    "kind": "str", "place": "str", "adcode": "str", "first_seen": "str", "last_seen": "str", "amount": "float64", "lower": "float64", "upper": "float64", "unit": "str",
    "probability": "float64", "against": "str",
}  # fmt: skip
"""Columns of what a product tells, beside ``geometry`` in the run's CRS.

kind : one of FINDING_KINDS. place : what names the place as long as the product does, such as a reach; empty where nothing does. adcode : empty
where the product does not say. first_seen, last_seen : first and last period that show it. amount, lower, upper : length (m) or area (m2),
with its interval; NaN bounds where there is none. probability : 0-1, NaN where none is calibrated. against : what speaks against it, causes
separated by ``;``. What visits found the list knows by itself (`publish.findings.with_visits`).
"""

BLACK, NATURAL_COAST, RECLAIMED = "black_odorous_water", "natural_coast_lost", "new_reclamation"
IN_ZONE = {"red_line": "converted_in_red_line", "reserve": "converted_in_reserve", "shore": "converted_in_water_zone", "mine": "bared_in_mine"}
"""Zone of land to the kind of what was converted in it; a place in several is told of the first."""
VEGETATION = "vegetation_lost"

FINDING_KINDS = {
    BLACK: "B", **dict(zip(IN_ZONE.values(), "RNZM", strict=True)), NATURAL_COAST: "C", RECLAIMED: "L", VEGETATION: "V",
}  # fmt: skip
"""Kind, in the order in which the list has equally probable ones, to the letter that its ids begin with."""


def said(words: dict[str, bool]) -> str:
    """The words that hold, as column ``against`` has them.

    >>> said({"small": True, "partial_rise": False, "seen_in_one_period": True})
    'small;seen_in_one_period'
    """
    return ";".join(word for word, holds in words.items() if holds)


def found_table(rows: list[dict], geometry: list, crs: object) -> gpd.GeoDataFrame:
    """Rows (FOUND_DTYPES; what a row leaves out is empty or NaN) as a table."""
    columns = {
        name: pd.Series([r.get(name, "" if kind == "str" else float("nan")) for r in rows], dtype="object" if kind == "str" else kind) for name, kind in FOUND_DTYPES.items()
    }  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)
