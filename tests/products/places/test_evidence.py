"""What is suspected in watched places, and the proxies of the water in them: squares of a metre grid."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.products.places.events import events_in, number_of_events
from rs_pipeline.products.places.waters import NO_WATER, TOO_FEW_VALUES, TOO_TURBID, proxy, waters_in

CRS = 32650


def places_of(*shapes):
    n = len(shapes)
    names = {"place_id": [f"P{i}" for i in range(n)], "kind": ["village"] * n, "name": [""] * n, "target_ids": ["C19-05"] * n}
    return gpd.GeoDataFrame(names, geometry=list(shapes), crs=CRS)


def findings_of(*rows):
    """(geometry, state, first_seen, last_seen)."""
    columns = {"finding_id": [f"V-{i}" for i in range(len(rows))], "kind": ["vegetation_lost"] * len(rows), "unit": ["m2"] * len(rows)}
    columns |= dict(zip(("state", "first_seen", "last_seen"), ([row[i] for row in rows] for i in (1, 2, 3)), strict=True))
    columns |= dict.fromkeys(("amount", "lower", "upper", "probability"), np.nan)
    return gpd.GeoDataFrame(columns, geometry=[row[0] for row in rows], crs=CRS)


def test_an_event_shares_ground_with_its_place_and_may_lie_in_several():
    places = places_of(shapely.box(0, 0, 10, 10), shapely.box(5, 0, 20, 10))
    line, beside = shapely.LineString([(8, -5), (8, 5)]), shapely.box(20, 0, 30, 10)
    got = events_in(places, findings_of((beside, "new", "2024", "2024"), (line, "new", "2024", "2024"), (shapely.box(0, 0, 1, 1), "new", "2024", "2024")))
    assert list(zip(got.place_id, got.finding_id, strict=True)) == [("P0", "V-1"), ("P0", "V-2"), ("P1", "V-1")]
    none = events_in(places, findings_of())
    assert none.empty and {"place_id", "target_ids", "event", "probability"} <= set(none)


@pytest.mark.parametrize(
    ("state", "first", "last", "shown"),
    [
        ("new", "2023", "2025", [1, 1, 1]),
        ("remedied", "2024", "2024", [0, 1, 0]),
        ("refuted", "2023", "2025", [0, 0, 0]),
        ("confirmed", "2019", "2023", [1, 0, 0]),
        ("confirmed", "2019", "2019", [0, 0, 0]),
    ],
)
def test_a_period_counts_the_events_that_it_shows_and_no_visit_refuted(state, first, last, shown):
    """2019 is a period of an earlier run."""
    box, labels = shapely.box(0, 0, 10, 10), ["2023", "2024", "2025"]
    events = events_in(places_of(box), findings_of((box, state, first, last)))
    assert [number_of_events(events, "P0", label, labels).interval.value for label in labels] == shown


def waters_of(*rows, **columns):
    """(geometry, turbidity, chlorophyll, tli) of one period; bounds are half and twice the value."""
    table = pd.DataFrame([row[1:] for row in rows], columns=["turbidity_fnu", "chlorophyll_mg_m3", "tli_chlorophyll"], dtype=float)
    for name in ("turbidity_fnu", "chlorophyll_mg_m3"):
        table[f"{name}_p10"], table[f"{name}_p90"] = table[name] / 2, table[name] * 2
    names = [f"W{i}" for i in range(len(rows))]
    return gpd.GeoDataFrame(table.assign(body_id=names, period="2024"), geometry=[row[0] for row in rows], crs=CRS)


@pytest.mark.parametrize(("width", "belongs"), [(10, True), (5, True), (4.99, False), (0, False)])
def test_a_water_belongs_to_a_place_with_half_of_the_smaller_of_the_two(width, belongs):
    """A pond of 10 m, of which so much lies in the place."""
    pond = shapely.box(100 - width, 0, 110 - width, 10)
    assert len(waters_in(places_of(shapely.box(0, 0, 100, 100)), waters_of((pond, 1, 1, 30)))) == belongs


def test_a_place_within_a_lake_has_its_water():
    lake = shapely.box(-1000, -1000, 1000, 1000)
    (row,) = waters_in(places_of(shapely.box(0, 0, 10, 10)), waters_of((lake, 1, 1, 30))).itertuples()
    assert row.shared_m2 == pytest.approx(100)


def test_waters_of_a_place_count_by_their_area_in_it():
    """Three parts of 4 FNU and one of 8."""
    place = shapely.box(0, 0, 100, 100)
    found = waters_in(places_of(place), waters_of((shapely.box(0, 0, 30, 10), 4, 10, 50), (shapely.box(50, 0, 60, 10), 8, 30, np.nan)))
    got = proxy(found, "P0", "2024", "turbidity_fnu")
    assert (got.interval.value, got.interval.lower, got.interval.upper, got.interval.kind) == (5, 2.5, 10, "dates80") and got.observed_fraction == 1
    clear = proxy(found, "P0", "2024", "chlorophyll_mg_m3")
    assert clear.interval.value == 10 and clear.observed_fraction == pytest.approx(0.75), "the second is too turbid for a trophic level"


def test_a_place_without_water_or_without_dates_says_so():
    place = shapely.box(0, 0, 100, 100)
    found = waters_in(places_of(place), waters_of((shapely.box(0, 0, 30, 10), np.nan, np.nan, np.nan)))
    assert proxy(found, "P0", "2024", "turbidity_fnu").reason == TOO_FEW_VALUES and proxy(found, "P0", "2024", "chlorophyll_mg_m3").reason == TOO_TURBID
    assert proxy(found, "P0", "2023", "turbidity_fnu").reason == NO_WATER
    assert proxy(waters_in(places_of(place), waters_of()), "P0", "2024", "turbidity_fnu").reason == NO_WATER
