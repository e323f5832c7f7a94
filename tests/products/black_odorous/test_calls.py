"""From dates to a call."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.output.tables import write_parquet
from rs_pipeline.products.black_odorous.calls import COLUMNS, INSPECTION, assess, call, reaches, summarise
from rs_pipeline.products.black_odorous.scoring import DTYPES
from rs_pipeline.region import grid as make_grid
from rs_pipeline.region import read_tiles

SIX_DAYS = ["2024-04-05", "2024-05-05", "2024-06-04", "2024-07-04", "2024-08-03", "2024-09-02"]


def scores(logits, *, reach="R-1", days=SIX_DAYS, vetoes=None, n_core=50, green=0.01):
    n = len(logits)
    return pd.DataFrame({
        "reach_id": reach, "period": "2024", "day": days[:n], "scene_id": [f"s{i}" for i in range(n)], "sensor": "s2", "n_core": n_core,
        "logit": np.asarray(logits, float), "rededge": True, "veto": vetoes or [""] * n, "green_refl": green, "grey_refl": 0.0,
    }).astype(DTYPES)  # fmt: skip


def lines(*width_classes, x=500_000):
    n = len(width_classes)
    return gpd.GeoDataFrame(
        {"reach_id": [f"R-{i + 1}" for i in range(n)], "kind": "river", "adcode": "990101", "tile": "r000c000", "length_m": 200.0,
         "width_m": 40.0, "width_class": list(width_classes)},
        geometry=[shapely.LineString([(x, 4_300_000 + 100 * i), (x + 200, 4_300_000 + 100 * i)]) for i in range(n)], crs="EPSG:32650",
    )  # fmt: skip


@pytest.fixture
def section(make_settings):
    return make_settings().black_odorous


def test_summary_by_hand():
    row = summarise(scores([4, 4, 2, 2, -2, 2])).iloc[0]
    assert row.probability == pytest.approx(1 / (1 + math.exp(-2 * 2)))
    assert (row.n_dates, row.n_positive, row.n_months) == (6, 5, 5)
    assert row.dates_seen == ";".join(SIX_DAYS)
    assert row.dates_positive == ";".join(d for d in SIX_DAYS if d != "2024-08-03")
    assert row.optical_blackness == pytest.approx(2.0)
    assert row.vetoes == ""


def test_a_vetoed_date_is_logged_and_not_positive():
    row = summarise(scores([4, 4, -3], vetoes=["sediment", "", "bloom"])).iloc[0]
    assert row.probability == pytest.approx(1 / (1 + math.exp(-2 * (-2 + 4 - 3) / 3)))
    assert (row.n_dates, row.n_positive) == (3, 1)
    assert row.vetoes == "sediment:1;bloom:1"


def test_two_scenes_of_a_day_count_once():
    both = pd.concat([scores([4, 4]), scores([-4], n_core=9).assign(scene_id="other")])
    row = summarise(both).iloc[0]
    assert (row.n_dates, row.n_positive) == (2, 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "suspected"),
        ({"probability": 0.89}, "possible"),
        ({"probability": 0.5, "n_positive": 0}, "possible"),
        ({"probability": 0.49}, "clear"),
        ({"n_dates": 5, "n_positive": 5}, "insufficient"),
        ({"n_dates": 0, "n_positive": 0, "probability": math.nan}, "insufficient"),
        ({"n_positive": 3}, "possible"),
        ({"n_months": 1}, "possible"),
        ({"in_wetland": True}, "possible"),
        ({"in_wetland": True, "probability": 0.1}, "clear"),
        ({"vetoes": "macrophyte:2"}, "possible"),
        ({"vetoes": "sediment:3;macrophyte:1"}, "suspected"),
        ({"width_class": "not_assessable"}, "not_assessable"),
    ],
)
def test_truth_table(section, change, expected):
    given = {
        "width_class": "assessable", "probability": 0.95, "n_dates": 6, "n_positive": 4, "n_months": 2, "vetoes": "", "in_wetland": False
    }  # fmt: skip
    assert call(**(given | change), section=section) == expected


def test_a_marginal_reach_is_capped_and_never_suspected(section):
    table = assess(lines("marginal", "assessable"), pd.concat([scores([4] * 6), scores([4] * 6, reach="R-2")]), ["2024"], section)
    assert table.probability.tolist() == pytest.approx([0.7, 1 / (1 + math.exp(-2 * 4))])
    assert table["class"].tolist() == ["possible", "suspected"]


def test_every_reach_has_a_row_in_every_period_and_missing_is_missing(section):
    table = assess(lines("assessable", "not_assessable"), scores([4] * 6), ["2023", "2024"], section)
    assert list(table.columns) == list(COLUMNS)
    assert list(zip(table.reach_id, table.period, table["class"], strict=True)) == [
        ("R-1", "2023", "insufficient"), ("R-1", "2024", "suspected"), ("R-2", "2023", "not_assessable"), ("R-2", "2024", "not_assessable"),
    ]  # fmt: skip
    assert table.probability.isna().tolist() == [True, False, True, True]
    assert table.n_dates.tolist() == [0, 6, 0, 0]
    assert table.lon.iloc[0] == pytest.approx(117.00115, abs=1e-4)


def test_the_wetland_prior_withholds(make_settings, tmp_path):
    path = tmp_path / "wetlands.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(499_900, 4_299_900, 500_300, 4_300_050)], crs=32650).to_file(path)
    section = make_settings(black_odorous={"wetland_prior": str(path)}).black_odorous
    table = assess(lines("assessable", "assessable"), pd.concat([scores([4] * 6), scores([4] * 6, reach="R-2")]), ["2024"], section)
    assert table["class"].tolist() == ["possible", "suspected"]
    assert table.vetoes.tolist() == ["wetland", ""]


# --- the step --------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(make_settings):
    made = make_settings(periods=[2024], grid={"crs": "EPSG:32650", "tile_px": 128})
    make_grid(made)
    return made


def put(settings, table, frame):
    layout = Layout(settings.root)
    write_parquet(frame, layout.reach_lines)
    for tile in read_tiles(settings):
        write_parquet(table, layout.reach_scores("2024", tile.id))
        table = table.iloc[:0]


def test_files_of_the_step(settings):
    put(settings, pd.concat([scores([1] * 6), scores([4] * 6, reach="R-2"), scores([-4] * 6, reach="R-3")]), lines(*["assessable"] * 3))
    reaches(settings)
    layout = Layout(settings.root)
    table = gpd.read_file(layout.reaches, layer="reaches")
    assert dict(zip(table.reach_id, table["class"], strict=True)) == {"R-1": "possible", "R-2": "suspected", "R-3": "clear"}
    assert table.crs == "EPSG:32650"
    ranked = pd.read_csv(layout.reaches.with_name("inspection_list.csv"), encoding="utf-8-sig")
    assert list(ranked.columns) == list(INSPECTION)
    assert ranked.reach_id.tolist() == ["R-2", "R-1"] and ranked["rank"].tolist() == [1, 2]
    assert ranked.dates_positive[0] == ";".join(SIX_DAYS)


def test_no_reaches_at_all(settings):
    put(settings, scores([]), lines("assessable").iloc[:0])
    reaches(settings)
    table = gpd.read_file(Layout(settings.root).reaches, layer="reaches")
    assert len(table) == 0 and "class" in table


def test_a_missing_score_table_is_an_error(settings):
    write_parquet(lines("assessable"), Layout(settings.root).reach_lines)
    with pytest.raises(TableError, match="not made yet") as fault:
        reaches(settings)
    assert "reach-scores" in fault.value.remedy
