"""The table and layer of watched places, from sums that a reader checks."""

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

from rs_pipeline.model import Grid
from rs_pipeline.products.places.table import EVENTS, OUTSIDE, PLACE_INDICATORS, converted_since, watched_places
from rs_pipeline.products.places.waters import NO_WATER, PROXIES
from tests.made_up_run import KM2, land_sums, sums, write_grid, write_seen

pytestmark = pytest.mark.usefixtures("plain_errors")

INSIDE, PARTLY, AWAY = shapely.box(115.2, 38.2, 115.21, 38.21), shapely.box(115.3, 38.2, 115.31, 38.21), shapely.box(120, 38.2, 120.01, 38.21)
AREA = 0.9732 * KM2
"""Of a box of a hundredth of a degree at 38.2 N, about."""


@pytest.fixture
def table_of(fake_run, tmp_path):
    """Rows of places.csv and the layer, of three places: seen whole, with two fifths beyond the maps, and elsewhere."""

    def table_of(**converted):
        names = {"place_id": ["A", "B", "C"], "kind": ["habitat", "village", "village"], "name": ["a", "b", "c"]}
        gpd.GeoDataFrame(names, geometry=[INSIDE, PARTLY, AWAY], crs=4326).to_file(tmp_path / "places.gpkg")
        run = fake_run(tables={"places": str(tmp_path / "places.gpkg")}).counties().land({2023: 10.0, 2024: 10.0})
        write_grid(run.settings, Grid("EPSG:32650", 10.0, 300_000, 4_400_000, 10, 10))
        for year in (2023, 2024):
            rows, land = [], []
            for place, share in (("A", 1.0), ("B", 0.6), ("C", 0.0)):
                m2 = share * AREA
                row = sums(**{k: 0.0 for k in sums() if k.endswith(("_m2", "_m4"))}) | {"n_scenes": 2, "fvc_peak_sigma": 0.04}
                row |= {
                    "area_m2": m2,
                    "land_m2": m2,
                    "water_observed_m2": m2,
                    "fvc_growing_observed_m2": m2,
                    "fvc_growing_sum_m2": 0.6 * m2,
                    "fvc_growing_square_m2": 0.36 * m2,
                }
                rows.append(row | {"zone": f"watched:{place}", "scene_ids": ["s"], "lost_scene_ids": []})
                of_land = dict.fromkeys(land_sums(0.0), 0.0) | {
                    "area_m2": m2,
                    "land_observed_m2": m2,
                    "common_m2": m2,
                    "built_m2": 0.1 * m2,
                    "class_built_m2": 0.1 * m2,
                }
                land.append(of_land | {"zone": f"watched:{place}"} | ({k: v * m2 for k, v in converted.items()} if year == 2024 else {}))
            for path, found in ((run.layout.place_sums(str(year)), rows), (run.layout.place_land(str(year)), land)):
                path.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame(found).to_parquet(path)
        write_seen(run.layout, INSIDE.buffer(-0.002))
        watched_places(run.settings)
        return pd.read_csv(run.layout.places_table, encoding="utf-8-sig", dtype={"adcode": str, "period": str}), pyogrio.read_dataframe(run.layout.places)

    return table_of


def pick(table, place, indicator, period="2024"):
    return table[(table.place_id == place) & (table.indicator == indicator) & (table.period == period)].iloc[0]


def test_every_place_has_a_row_an_indicator_and_period(table_of):
    table, layer = table_of()
    assert len(table) == 3 * 2 * (len(PLACE_INDICATORS) + len(PROXIES) + 1) and layer.place_id.tolist() == ["A", "B", "C"]
    assert layer.adcode.fillna("").tolist() == ["130001", "130001", ""] and (layer.period == "2024").all()
    assert layer.area_ha.tolist() == pytest.approx([AREA / 1e4] * 3, rel=0.01)


def test_a_place_that_was_seen_has_values_in_ha_and_percent(table_of):
    table, layer = table_of()
    built, cover = pick(table, "A", "construction_land_area"), pick(table, "A", "fvc_growing_mean")
    assert (built.value, built.unit) == (pytest.approx(0.1 * AREA / 1e4, rel=0.01), "ha") and built.interval == "model95"
    assert (cover.value, cover.unit) == (pytest.approx(60.0), "%") and cover.lower < 60 < cover.upper
    assert layer.set_index("place_id").construction_land_area["A"] == pytest.approx(built.value)


def test_a_place_that_lies_partly_beyond_the_maps_was_partly_seen(table_of):
    """0.6 of it seen, 0.56 to 0.64 covered; the rest may be bare or covered: 33.6 to 78.4 %."""
    cover = pick(table_of()[0], "B", "fvc_growing_mean")
    assert cover.observed_fraction == pytest.approx(0.6, abs=0.01) and cover.interval == "range"
    assert [cover.lower, cover.upper] == pytest.approx([33.6, 78.4], abs=1) and "the bounds are those of the unseen part at either extreme" in cover.reason


def test_a_place_elsewhere_has_no_value_and_says_why(table_of):
    rows = table_of()[0].query("place_id == 'C'")
    assert rows.value.isna().all() and set(rows.reason) == {OUTSIDE}


def test_a_place_names_the_sentences_of_its_kind_and_what_is_suspected_in_it(table_of, tmp_path):
    table, layer = table_of()
    assert table.groupby("place_id").target_ids.first().to_dict() == {"A": "C11-02;C24-01", "B": "C19-05", "C": "C19-05"}
    assert layer.target_ids.tolist()[0] == "C11-02;C24-01" and layer.events.fillna(-1).tolist() == [1, 0, -1]
    assert [pick(table, "A", EVENTS, period).value for period in ("2023", "2024")] == [0, 1] and pick(table, "A", EVENTS).unit == "count"
    (events,) = [pd.read_csv(path, encoding="utf-8-sig") for path in tmp_path.rglob("events.csv")]
    assert len(events) == 1 and events.iloc[0][["place_id", "event", "finding_id", "state", "probability"]].tolist() == [
        "A",
        "vegetation_lost",
        "V-1",
        "new",
        0.9,
    ]


def test_water_of_a_place_has_its_proxies_with_the_spread_of_the_dates(table_of):
    table = table_of()[0]
    turbid = pick(table, "A", "turbidity_fnu")
    assert (turbid.value, turbid.lower, turbid.upper, turbid.unit, turbid.interval) == (8, 4, 16, "FNU", "dates80") and "no measurement" in turbid.reason
    assert pick(table, "A", "chlorophyll_mg_m3").value == 12
    assert pick(table, "A", "turbidity_fnu", "2023").reason == pick(table, "B", "turbidity_fnu").reason == NO_WATER


def test_conversion_is_dated_by_the_first_period_that_shows_it_for_good(table_of):
    table, layer = table_of(converted_m2=0.2, converted_lower_m2=0.1, converted_upper_m2=0.3)
    found = pick(table, "A", "converted_area")
    assert [found.value, found.lower, found.upper] == pytest.approx([v * AREA / 1e4 for v in (0.2, 0.1, 0.3)], rel=0.01)
    assert layer.set_index("place_id").converted_since.fillna("").to_dict()["A"] == "2024"
    assert pd.isna(pick(table, "A", "converted_area", "2023").value), "the baseline shows no change"


@pytest.mark.parametrize(
    ("lower", "since"), [((0, 0, 0), ""), ((0, 1, 2), "2024"), ((1, 0, 2), "2025"), ((1, 2, 0), ""), ((1, None, 2), "2023"), ((None, None, None), "")]
)
def test_a_date_holds_only_if_every_later_period_shows_it(lower, since):
    """None: a period that did not see the place."""
    rows = pd.DataFrame(
        {
            "place_id": "P",
            "indicator": "converted_area",
            "period": ["2023", "2024", "2025"],
            "value": [None if v is None else 3.0 for v in lower],
            "lower": lower,
        }
    )
    assert converted_since(rows) == {"P": since}
