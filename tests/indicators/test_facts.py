"""Side tables of places: which reaches are urban, which coast is restored, which part of a lake lies in a unit; and sums of units."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.estimation.layers import ByUnit
from rs_pipeline.estimation.propagation import add_variances, correlated_variance
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.facts import Run, read_counties
from rs_pipeline.indicators.zonal import county_zones
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.facts import read_reaches
from rs_pipeline.products.coastline.facts import read_transects
from rs_pipeline.products.red_line.areas import red_line_areas
from rs_pipeline.products.water.facts import read_bodies
from tests.made_up_run import write_settlements


def write(path, shapes, crs=32650, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    layer = columns.pop("layer", path.stem)
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path, layer=layer, driver="GPKG")
    return str(path)


EAST, NORTH = 500_000.0, 4_400_000.0


def at(x, y):
    return EAST + x, NORTH + y


def test_reaches_in_towns(fake_run, tmp_path):
    town = write(tmp_path / "towns.gpkg", [shapely.box(*at(0, 0), *at(100, 100))])
    run = fake_run(tables={"urban": town})
    lines = [shapely.LineString([at(10, 10), at(60, 10)]), shapely.LineString([at(90, 50), at(400, 50)])]
    write(run.layout.reaches, lines, adcode=["130001"] * 2, period=["2024"] * 2, layer="reaches")
    assert read_reaches(run.settings).place.tolist() == ["urban", "rural"]  # the middle of the second lies outside
    assert read_reaches(fake_run().settings).place.tolist() == ["", ""], "without a map of settlements nothing is known"


def test_reaches_in_towns_that_the_run_has_drawn(fake_run):
    """A town of 2 x 2 pixels and a village beside it; reaches 90 m and 110 m from the town, in the village, and where nothing is known."""
    run, grid = fake_run(), Grid("EPSG:32650", 10.0, EAST, NORTH + 500, 100, 50)
    kinds = np.zeros(grid.shape)
    kinds[10:12, 10:12], kinds[10:12, 60:62], kinds[:, 88:] = 2, 1, np.nan
    write_settlements(run.settings, grid, kinds)
    middles = [(grid.left + 5 + 10 * col, grid.top - 5 - 10 * row) for row, col in ((11, 21), (11, 22), (11, 61), (49, 99), (49, 99))]
    write(run.layout.reaches, [shapely.LineString([(x, y - 1), (x, y + 1)]) for x, y in middles], adcode=["130001"] * 5, period=["2024"] * 5, layer="reaches")
    assert read_reaches(run.settings).place.tolist() == ["urban", "rural", "rural", "", ""]


@pytest.mark.parametrize(
    ("south_m", "north_m", "distance_m", "restored"),
    [
        (-50, 50, 1500.0, True),
        (-1000, -700, 1500.0, False),
        (-1000, -99, 1500.0, True),
        (-1000, -101, 1500.0, False),
        (-1000, -700, 600.0, True),
        (-50, 50, None, True),
    ],
)
def test_a_transect_is_restored_where_its_newest_shore_is(fake_run, tmp_path, south_m, north_m, distance_m, restored):
    """A transect from y = -1500 to 1500 m; the shore of 2024 at 1500 m along it is y = 0, as is its middle, where none was found."""
    area = write(tmp_path / "restored.gpkg", [shapely.box(*at(-50, south_m), *at(50, north_m))])
    run = fake_run(tables={"restored_coast": area})
    line, shores = shapely.LineString([at(0, -1500), at(0, 1500)]), {"distance_2023": [None if distance_m is None else 100.0], "distance_2024": [distance_m]}
    write(run.layout.transects, [line], adcode=["130001"], **{k: np.array(v, float) for k, v in shores.items()}, layer="transects")
    assert read_transects(run.settings).restored.tolist() == [restored]


def test_parts_of_a_lake_in_each_unit(fake_run, tmp_path):
    lake = write(tmp_path / "lakes.gpkg", [shapely.box(0.5, 0, 1.5, 1)], crs=4326, name=["Baiyangdian"])
    run = fake_run(tables={"lakes": lake})
    write(
        tmp_path / "units.gpkg", [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], crs=4326, adcode=["130001", "130002"], name=["A", "B"], prefecture=["", ""]
    )
    found = county_zones(run.settings, "2024")
    parts = found[found.zone == "lake:Baiyangdian"]
    assert parts.adcode.tolist() == ["130001", "130002"] and [g.area for g in parts.geometry] == pytest.approx([0.5, 0.5])


def test_the_region_is_the_sum_of_its_units_in_every_column(fake_run):
    run = fake_run()
    run.changes["130001", 2024] = {"water_permanent_m2": 12e6, "fvc_peak_var_m4": 1e11}
    table = read_counties(run.counties().settings)
    now = table[(table.period == "2024") & (table.zone == "county")].set_index("adcode")
    sums = [c for c in now if c.endswith(("_m2", "_m4"))]
    assert len(sums) > 20
    pd.testing.assert_series_equal(now.loc[REGION, sums].astype(float), now.loc[["130001", "130002"], sums].sum().astype(float), check_names=False)
    assert len(Run.read(run.settings).maps[REGION, "2024"]) == 1  # both units rest on the same tile


def test_facts_stay_those_of_their_unit_however_late_they_are_asked(fake_run):
    """The tables read one unit ahead, and ask facts for facts since another baseline, and those again."""
    every = list(Run.read(fake_run().counties().settings).facts())
    for unit, period, facts in every:
        again = facts.measured(period, "2024").measured(facts.baseline, facts.baseline).measured(period, facts.baseline)
        assert (again.county["adcode"], dict(again.county)) == (unit.adcode, dict(facts.county))


def test_variance_of_a_zone_is_that_of_its_own_pixels():
    """A zone of the left half of 4 x 8 pixels of 100 m2 and one of a single pixel."""
    error = {"x": np.full((4, 8), 0.5), "y": np.zeros((4, 8))}
    cells = np.array([r * 8 + c for r in range(4) for c in range(4)] + [7])
    sums = np.zeros((2, 2))
    add_variances(np.array([0] * 16 + [1]), cells, np.full(17, 100.0), error, 10.0, sums)
    assert sums[0, 0] == pytest.approx(correlated_variance(np.full((4, 4), 50.0), 10.0))
    assert sums[1, 0] == pytest.approx(50.0**2, rel=0.02) and sums[:, 1].tolist() == [0, 0]


def prefecture_beside_counties(run, tmp_path):
    """Counties 130001 and 130002, a degree wide each, and 130000, which is both."""
    counties = [shapely.box(115, 38, 116, 39), shapely.box(116, 38, 117, 39)]
    write(
        tmp_path / "units.gpkg",
        [*counties, shapely.box(115, 38, 117, 39)],
        crs=4326,
        adcode=["130001", "130002", "130000"],
        name=["A", "B", "P"],
        prefecture=[""] * 3,
    )
    return run


def test_a_prefecture_beside_its_counties_has_their_rows_and_the_region_has_each_once(fake_run, tmp_path):
    run = prefecture_beside_counties(fake_run(), tmp_path)
    lines = [shapely.LineString([at(10, 10), at(60, 10)])] * 2
    write(run.layout.reaches, lines, adcode=["130001", "130002"], period=["2024"] * 2, layer="reaches")
    of = ByUnit(read_reaches(run.settings), run.settings).of
    assert [len(of(code, "2024")) for code in ("130001", "130002", "130000", REGION)] == [1, 1, 2, 2]


def test_what_lies_outside_all_units_counts_in_none(fake_run, tmp_path):
    run = prefecture_beside_counties(fake_run(), tmp_path)
    write(run.layout.reaches, [shapely.LineString([at(10, 10), at(60, 10)])] * 2, adcode=["130001", ""], period=["2024"] * 2, layer="reaches")
    of = ByUnit(read_reaches(run.settings), run.settings).of
    assert [len(of(code, "2024")) for code in ("130001", "130000", REGION)] == [1, 1, 1]


def test_a_lake_that_dries_up_is_no_large_one_any_more(tmp_path):
    """Two lakes of 2 ha in 2023; in 2024 one is a pool of 500 m2, the other is not seen."""
    lakes = [("W-1", "2023", 20_000.0), ("W-1", "2024", 500.0), ("W-2", "2023", 20_000.0), ("W-2", "2024", np.nan)]
    ids, periods, area_m2 = zip(*lakes, strict=True)
    path = write(
        tmp_path / "bodies.gpkg", [shapely.box(0, 0, 1, 1)] * 4, body_id=ids, period=periods, area_m2=area_m2, counted=[True] * 4, kind="inland", layer="bodies"
    )
    bodies = read_bodies(Path(path), min_area_m2=10_000.0)
    assert bodies.large.tolist() == [True, False, True, False] and bodies.counted.all()


def test_red_line_of_a_prefecture_beside_its_counties(fake_run, tmp_path):
    line = write(tmp_path / "line.gpkg", [shapely.box(115.5, 38, 116.5, 39)], crs=4326)
    run = prefecture_beside_counties(fake_run(tables={"red_line": line}), tmp_path)
    area = {code: found.inside_km2 for code, found in red_line_areas(run.settings).items()}
    assert area["130000"] == pytest.approx(area["130001"] + area["130002"], rel=1e-4) and area[REGION] == pytest.approx(area["130000"], rel=1e-4)


def test_county_sums_of_the_region_rest_on_the_union(fake_run, tmp_path):
    lake = write(tmp_path / "lakes.gpkg", [shapely.box(115.5, 38, 116.5, 39)], crs=4326, name=["Lake"])
    run = prefecture_beside_counties(fake_run(tables={"lakes": lake}), tmp_path)
    zones = county_zones(run.settings, "2024")
    for zone, degrees in (("county", 2.0), ("lake:Lake", 1.0)):
        rows = zones[zones.zone == zone]
        assert sorted(rows.adcode) == ["", "130000", "130001", "130002"] and rows[rows.in_region].geometry.area.sum() == pytest.approx(degrees)


def test_rows_of_a_union_count_for_the_region_alone(fake_run):
    run = fake_run().counties()
    path = run.layout.counties("2024")
    table = pd.read_parquet(path)
    union = table.iloc[[0]].assign(adcode="", name="", area_m2=150e6)
    pd.concat([table.assign(in_region=False), union]).to_parquet(path)
    found = read_counties(run.settings)
    found = found[(found.period == "2024") & (found.zone == "county")].set_index("adcode").area_m2
    assert found.to_dict() == {"130001": 100e6, "130002": 100e6, "130000": 150e6, REGION: 150e6}
