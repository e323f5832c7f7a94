"""Events of watched places: the suspected findings of the run that lie in them."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.products.findings import REFUTED

OF_FINDING = ("finding_id", "state", "first_seen", "last_seen", "amount", "lower", "upper", "unit", "probability")
"""Columns of the list of findings that an event has too."""

EVENTS_COUNTED = "suspected findings that this period shows; those that a visit refuted are left out"


def events_in(places: gpd.GeoDataFrame, findings: gpd.GeoDataFrame) -> pd.DataFrame:
    """One row per place and finding that share ground, in the order of both tables: place_id, kind, name and target_ids of the place, ``event``, the kind of
    the finding, and OF_FINDING. Those that only touch share none.

    ``places`` and ``findings`` : in one CRS.
    """
    place, found = places.sindex.query(findings.geometry, predicate="intersects")[::-1]
    apart = shapely.touches(places.geometry.to_numpy()[place], findings.geometry.to_numpy()[found])
    place, found = place[~apart], found[~apart]
    order = np.lexsort((found, place))
    of_place = places[["place_id", "kind", "name", "target_ids"]].iloc[place[order]].reset_index(drop=True)
    of_finding = pd.DataFrame(findings[["kind", *OF_FINDING]]).rename(columns={"kind": "event"}).iloc[found[order]].reset_index(drop=True)
    return pd.concat([of_place, of_finding], axis=1)


def number_of_events(events: pd.DataFrame, place: str, period: str, periods: Sequence[str]) -> Estimate:
    """How many events of a place a period shows. A first period that is none of ``periods``, which an earlier run saw, lies before them."""
    order = {label: i for i, label in enumerate(periods)}
    mine = events[(events.place_id == place) & (events.state != REFUTED)]
    shown = [order.get(first, -1) <= order[period] <= order.get(seen, -1) for first, seen in zip(mine.first_seen, mine.last_seen, strict=True)]
    return Estimate(Interval(float(sum(shown))), 1.0).noting(EVENTS_COUNTED)
