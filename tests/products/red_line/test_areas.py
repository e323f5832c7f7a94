"""The red line on land, at sea and in neighbouring land: on squares of hundredths of a degree at the equator, some 1.231 km2 each."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.table import build
from rs_pipeline.indicators.targets import load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.red_line.areas import load_red_line, red_line_areas

SQUARE_KM2 = 1.230908
"""0.01 x 0.01 degrees at the equator."""


def square(column, row, columns=1, rows=1):
    return shapely.box(0.01 * column, 0.01 * row, 0.01 * (column + columns), 0.01 * (row + rows))


@pytest.fixture
def run(fake_run, tmp_path):
    """Two counties side by side, 130001 (columns 0-9) and 130002 (10-19), with the sea below them (rows -10 to -1, columns 0-19) and a neighbour above."""

    def run(*polygons, sea=True, **columns):
        made = fake_run(tables={"red_line": str(tmp_path / "red.gpkg")})
        units = {"adcode": ["130001", "130002"], "name": ["A", "B"], "prefecture": ["P", "P"]}
        gpd.GeoDataFrame(units, geometry=[square(0, 0, 10, 10), square(10, 0, 10, 10)], crs=4326).to_file(tmp_path / "units.gpkg")
        gpd.GeoDataFrame({"id": range(len(polygons)), **columns}, geometry=list(polygons), crs=4326).to_file(tmp_path / "red.gpkg")
        if sea:
            made.layout.bodies.parent.mkdir(parents=True, exist_ok=True)
            bodies = {
                "body_id": ["W-1", "W-1", "W-2"],
                "period": ["2023", "2024", "2023"],
                "kind": ["sea", "sea", "inland"],
                "adcode": "130001",
                "state": "wet",
                "counted": True,
                "area_m2": 2e4,
            }
            shapes = gpd.GeoDataFrame(bodies, geometry=[square(0, -10, 20, 10)] * 2 + [square(5, 12)], crs=4326)
            shapes.to_file(made.layout.bodies, layer="bodies", driver="GPKG")
        return made

    return run


PREFECTURE = "130000"
"""Of both units."""


def squares(areas):
    """Squares (inside, at sea, elsewhere) of each unit."""
    return {code: tuple(round(v / SQUARE_KM2, 3) for v in (a.inside_km2, a.sea_km2, a.elsewhere_km2)) for code, a in areas.items() if code != PREFECTURE}


def test_a_polygon_over_land_and_sea_counts_on_both(run):
    """Four squares of land and two of sea in one polygon of county A."""
    areas = red_line_areas(run(square(1, -2, 1, 6)).settings)
    assert squares(areas) == {"130001": (4, 2, 0), "130002": (0, 0, 0), REGION: (4, 2, 0)}
    assert areas[PREFECTURE].inside_km2 == areas[REGION].inside_km2 and areas[PREFECTURE].sea_km2 == pytest.approx(areas[REGION].sea_km2)


def test_a_piece_at_sea_counts_for_the_nearest_unit_and_for_the_region_once(run):
    areas = red_line_areas(run(square(9, -5), square(12, -1, 2, 1), square(12, -1, 2, 1)).settings)
    assert squares(areas) == {"130001": (0, 1, 0), "130002": (0, 2, 0), REGION: (0, 3, 0)}


def test_a_piece_that_touches_two_units_is_that_of_its_middle(run):
    assert squares(red_line_areas(run(square(8, -1, 6, 1)).settings))["130002"] == (0, 6, 0)


def test_land_of_neighbours_is_in_no_total_and_is_said(run):
    """One square in A, three in the neighbour, an inland water among them, and beyond the maps of the sea two."""
    made = run(square(5, 9, 1, 4), square(3, -12, 1, 2))
    assert squares(red_line_areas(made.settings)) == {"130001": (1, 0, 0), "130002": (0, 0, 0), REGION: (1, 0, 5)}
    got = build(Run.read(made.counties().settings), load_targets(config_folder() / "targets.csv", INDICATORS), {})
    row = got[(got.adcode == REGION) & (got.period == "2024") & (got.indicator == "red_line_area")].iloc[0]
    assert row.value == pytest.approx(SQUARE_KM2, rel=1e-4) and "6.155 km2 lie in no unit and not at sea and are not counted" in row.reason


@pytest.mark.parametrize("yes", ["yes", "1", "是"])
def test_a_column_says_what_is_at_sea(run, yes):
    """Without a map of the sea: what the column calls marine counts, what it denies does not, and what it leaves open cannot be told."""
    polygons = square(3, -12, 1, 2), square(4, -1), square(5, -1)
    areas = red_line_areas(run(*polygons, sea=False, marine=[yes, "no", ""]).settings)
    assert squares(areas) == {"130001": (0, 2, 0), "130002": (0, 0, 0), REGION: (0, 2, 2)}
    with_map = red_line_areas(run(*polygons, marine=[yes, "no", None]).settings)
    assert squares(with_map)[REGION] == (0, 3, 1)


def test_numbers_and_truth_values_are_answers(run):
    assert load_red_line(run(square(0, 0), square(1, 0), marine=[1, 0]).settings).marine.tolist() == [True, False]
    assert load_red_line(run(square(0, 0), square(1, 0), marine=[1.0, None]).settings).marine.tolist() == [True, None]
    assert load_red_line(run(square(0, 0), square(1, 0), marine=[True, False]).settings).marine.tolist() == [True, False]


def test_an_answer_that_is_none_is_refused_with_its_feature(run):
    with pytest.raises(ConfigError, match="'perhaps' is neither yes nor no") as fault:
        load_red_line(run(square(0, 0), square(1, 0), marine=["yes", "perhaps"]).settings)
    assert fault.value.where.endswith("red.gpkg, feature 2") and "write yes, no, or nothing" in fault.value.remedy
