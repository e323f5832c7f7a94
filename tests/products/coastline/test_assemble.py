"""The whole step on synthetic composites: a coast that grows, a pond, a coast that is not there."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from rs_pipeline.config import CoastlineSection, parse
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Tile
from rs_pipeline.products.coastline import assemble
from rs_pipeline.products.coastline.assemble import coastline
from rs_pipeline.products.coastline.composite import SHORE_BANDS
from rs_pipeline.products.coastline.dates import DATE_BAND, DATE_TIDES_TAG
from rs_pipeline.products.coastline.findings import shore_findings
from rs_pipeline.products.visits import field_results
from rs_pipeline.publish.findings import listed
from rs_pipeline.storage.raster import MapBand, write_map

PERIODS = [2020, 2021, 2022, 2023]
TRANSECT_COLUMNS = {
    "transect_id", "adcode", "length_m", "class", "unit_class", "natural_probability", "nsm_m", "epr_m_yr", "epr_sigma_m_yr",
    "sce_m", "lrr_m_yr", "lrr_ci95_m_yr", "sen_m_yr", "mk_p", *(f"distance_{p}" for p in PERIODS), *(f"error_{p}" for p in PERIODS),
    *(f"class_{p}" for p in PERIODS), *(f"natural_probability_{p}" for p in PERIODS), "converted_after", "converted_period", "converted_to", "conversions", "step_period",
    "satellite_class", "satellite_unit_class", "satellite_conversions", *(f"{name}_{p}" for name in ("satellite_class", "satellite_natural_probability", "field", "field_step") for p in PERIODS),
}  # fmt: skip
SHORE_COLUMNS = {"period", "reference", "class", "certainty", "edge_method", "position_error_m", "length_m", "sensor", "n_dates", "level_m", "geometry"}


@pytest.fixture
def world(tmp_path, monkeypatch, coast):
    """write(period, family, land_share, n_dates) puts a composite down; run() works the coastline out."""
    grid = coast(np.zeros((600, 480))).grid
    tiles = [Tile("r000c000", 0, 0, grid.window(0, 0, 75, 120)), Tile("r001c000", 75, 0, grid.window(75, 0, 75, 120))]
    box = gpd.GeoSeries([shapely.box(*grid.bounds)], crs=grid.crs).to_crs(4326)
    units = gpd.GeoDataFrame({"adcode": ["130200"], "name": ["A"], "prefecture": ["B"], "in_region": True}, geometry=box.values, crs=4326)
    monkeypatch.setattr(assemble, "read_grid", lambda s: grid)
    monkeypatch.setattr(assemble, "read_tiles", lambda s: tiles)
    monkeypatch.setattr(assemble, "load_units", lambda s: units)

    tables = {}

    def settings(**section):
        base = parse(
            {
                "run": "t",
                "output": str(tmp_path),
                "units": {"path": "u.gpkg"},
                "periods": PERIODS,
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            }
        )
        return base.model_copy(update={"coastline": CoastlineSection(**section), "tables": base.tables.model_copy(update=tables)})

    def write(period, family, land_share, *, n_dates=10, tags=None, low=None, high=None, dates=None, **look):
        r = 20.0 if family == "sentinel-2" else 30.0
        seen = coast(land_share, resolution_m=r, fine=int(r / 5), seed=period, **look)
        at_low, at_high = (seen if share is None else coast(share, resolution_m=r, fine=int(r / 5), seed=period, **look) for share in (low, high))
        layers = {"nir_refl": seen.nir, "swir1_refl": seen.swir1, "mndwi": seen.mndwi, "nir_low_tide": at_low.nir, "nir_high_tide": at_high.nir}
        layers["n_dates"] = np.full(seen.grid.shape, n_dates) if np.isscalar(n_dates) else n_dates
        named = {"reference": "msl", "level_m": "0.000", "scenes": "a b", "tide_m": "nan", "tide_low_m": "nan", "tide_high_m": "nan"} | (tags or {})
        middles_m = (np.arange(seen.grid.width) + 0.5) * r
        for name, x_m in (dates or {}).items():
            layers[name] = np.clip(0.5 + (middles_m - x_m) / 80, 0, 1)[None].repeat(seen.grid.height, axis=0)
        bands = (*SHORE_BANDS, *(MapBand(name, name) for name in dates or {}))
        half = seen.grid.height // 2
        for tile, rows in zip(tiles, (slice(0, half), slice(half, None)), strict=True):
            part = seen.grid.window(rows.start, 0, len(range(*rows.indices(seen.grid.height))), seen.grid.width)
            path = Layout(tmp_path / "t").shore(str(period), tile.id, family)
            write_map(path, part, {k: v[rows] for k, v in layers.items()}, bands, named)

    def run(**section):
        s = settings(**section)
        coastline(s)
        layout = Layout(s.root)
        return gpd.read_file(layout.shorelines), gpd.read_file(layout.transects), pd.read_csv(layout.transects.with_suffix(".csv"))

    return SimpleNamespace(write=write, run=run, grid=grid, folder=tmp_path, settings=settings, tables=tables)


def land_to(x_m, shape=(600, 480)):
    return np.clip((x_m - np.arange(shape[1]) * 5.0) / 5.0, 0, 1)[None, :].repeat(shape[0], axis=0)


def test_a_coast_that_grows(world):
    truth = {2020: 1003.0, 2021: 1011.0, 2022: 1019.0, 2023: 1027.0}
    for period, x_m in truth.items():
        world.write(period, "sentinel-2", land_to(x_m))
    shores, transects, csv = world.run()
    assert set(shores.columns) == SHORE_COLUMNS and set(transects.columns) >= TRANSECT_COLUMNS | {"geometry"}
    assert set(csv.columns) >= TRANSECT_COLUMNS and len(csv) == len(transects) == 30
    assert transects.nsm_m.median() == pytest.approx(24, abs=1.5) and transects.lrr_m_yr.median() == pytest.approx(8, abs=0.5)
    for period, x_m in truth.items():
        lines = shores[shores.period == str(period)]
        x = shapely.get_coordinates(lines.geometry.values)[:, 0] - world.grid.left
        assert abs(x.mean() - x_m) < 1.5 and lines.length_m.sum() == pytest.approx(2980, rel=0.02)
    assert set(shores.reference) == {"msl"} and set(shores.sensor) == {"sentinel-2"} and set(shores.edge_method) == {"nir_fraction"}
    assert set(transects["class"]) == {"undecidable"}, "four yearly dates cannot be significant"
    assert set(transects.adcode) == {"130200"} and transects.length_m.sum() == pytest.approx(2980, rel=0.02)
    starts, ends = (shapely.get_coordinates(shapely.get_point(transects.geometry.values, k))[:, 0] for k in (0, -1))
    assert (ends > starts).all(), "seaward is east"


def test_the_rate_is_that_of_the_dates_where_one_family_saw_every_period(world):
    """Yearly lines jump by 8 m to and fro; the dates move 3 m a year seaward, and 25 m landward with a metre of tide."""
    for k, period in enumerate(PERIODS):
        tides_m = (0.4, -0.3, 0.2, -0.1)
        times = {
            f"{DATE_BAND}{period}{month}15T030000": 1003 + 3 * (k + share) - 25 * h
            for month, share, h in zip(("02", "05", "08", "11"), (0.12, 0.37, 0.62, 0.87), tides_m, strict=True)
        }
        world.write(period, "sentinel-2", land_to(1003.0 + 8 * (k % 2)), dates=times, tags={DATE_TIDES_TAG: " ".join(str(h) for h in tides_m)})
    _, transects, _ = world.run()
    assert transects.lrr_m_yr.to_numpy() == pytest.approx(3, abs=0.2) and (transects.lrr_ci95_m_yr < 0.5).all()
    assert transects.wlr_m_yr.median() == pytest.approx(1.6, abs=0.5), "that of the yearly lines"


def test_positions_of_two_families_give_the_rate_of_the_yearly_lines(world):
    times = {f"{DATE_BAND}2020{month:02d}15T030000": 900.0 + 50 * month for month in range(1, 13)}
    world.write(2020, "landsat", land_to(1003.0), dates=times, tags={DATE_TIDES_TAG: " ".join(["0.0"] * 12)})
    for k, period in enumerate(PERIODS[1:], start=1):
        world.write(period, "sentinel-2", land_to(1003.0 + 8 * k))
    _, transects, _ = world.run()
    assert transects.lrr_m_yr.median() == pytest.approx(8, abs=2)


def test_reclaimed_land_is_found(world):
    for period, x_m in {2020: 1003, 2021: 1003, 2022: 1301, 2023: 1302}.items():
        world.write(period, "sentinel-2", land_to(float(x_m)))
    _, transects, _ = world.run()
    assert set(transects["class"]) == {"reclaimed"} and set(transects.unit_class) == {"artificial"}
    assert transects.step_m.median() == pytest.approx(298, abs=3)


TIDES = {"tide_low_m": "-1.0", "tide_high_m": "1.0"}


def bent(x_m, *, fill_m=0.0, shape=(600, 480)):
    """Land to a shore that swings by 40 m every 400 m; its northern half filled to a straight wall ``fill_m`` further out, if any."""
    y = np.arange(shape[0]) * 5.0
    edge = x_m + 40 * np.sin(2 * np.pi * y / 400)
    if fill_m:
        edge[: shape[0] // 2] = x_m + fill_m
    return np.clip((edge[:, None] - np.arange(shape[1]) * 5.0) / 5.0, 0, 1)


def beach(x_m, fill_m=0.0):
    """At mean sea level, low and high tide: a beach that 1 m of tide moves by 20 m, and the fill's wall that stays."""
    shares = [bent(x_m + out, fill_m=fill_m and fill_m - out) for out in (0.0, 20.0, -20.0)]
    return {"land_share": shares[0], "low": shares[1], "high": shares[2], "tags": TIDES}


def test_a_shore_is_artificial_from_the_year_it_was_filled(world):
    """A bent beach of 3 km; its northern half is filled to a wall 200 m out in 2022."""
    for period, fill_m in {2020: 0.0, 2021: 0.0, 2022: 200.0, 2023: 200.0}.items():
        world.write(period, "sentinel-2", **beach(1003.0, fill_m))
    shores, transects, _ = world.run()
    north = shapely.get_coordinates(shapely.line_interpolate_point(transects.geometry.values, 0.5, normalized=True))[:, 1] > world.grid.top - 1350
    south = shapely.get_coordinates(shapely.line_interpolate_point(transects.geometry.values, 0.5, normalized=True))[:, 1] < world.grid.top - 1650
    classes = {p: transects[f"class_{p}"] for p in PERIODS}
    assert (classes[2020] == "natural").mean() > 0.9 and (classes[2021] == "natural").mean() > 0.9
    assert (classes[2022][north] == "artificial").all() and (classes[2023][south] == "natural").mean() > 0.9
    turned = transects[north & (classes[2021] == "natural")]
    assert set(turned.converted_period) == {"2022"} == set(turned.step_period) and set(turned.converted_after) == {"2021"}
    assert set(turned.converted_to) == {"artificial"} and (turned.converted_probability > 0.85).all()
    assert not transects.converted_to[south].fillna("").any()
    assert transects.unit_class.tolist() == classes[2023].tolist() and transects.natural_probability.tolist() == transects.natural_probability_2023.tolist()
    km = shores.groupby(["period", "class"]).length_m.sum() / 1e3
    assert km.get(("2021", "artificial"), 0.0) < 0.1 and 1.2 < km["2022", "artificial"] < 1.8, "each line is cut by the classes of its own year"


@pytest.fixture
def visited(world):
    """The coast of the test above, its own findings visited: visited((kind, day, answer), ...) gives shorelines, transects, findings told, and which transects were filled."""

    def visited(*visits):
        for period, fill_m in {2020: 0.0, 2021: 0.0, 2022: 200.0, 2023: 200.0}.items():
            world.write(period, "sentinel-2", **beach(1003.0, fill_m))
        world.run()
        found = shore_findings(world.settings())
        known = found.assign(finding_id=[f"X-{k}" for k in range(len(found))], state="new")
        known.to_file(world.folder / "known.gpkg")
        rows = [f"{name},{day},{answer},118,39" for kind, day, answer in visits for name in known.finding_id[known.kind == kind]]
        (world.folder / "v.csv").write_text("\n".join(["finding_id,date,found,lon,lat", *rows]), "utf-8")
        world.tables.update(known_findings=world.folder / "known.gpkg", field_results=world.folder / "v.csv")
        shores, transects, _ = world.run()
        return shores, transects, (found, shore_findings(world.settings())), transects.satellite_converted_period.fillna("") == "2022"

    return visited


def twins(table):
    return {name: name.removeprefix("satellite_") for name in table if name.startswith("satellite_")}


def test_without_visits_the_table_is_what_the_satellite_saw(visited):
    _, transects, _, filled = visited()
    assert filled.sum() > 10 and (transects.filter(like="field_").fillna("") == "").all(axis=None)
    for satellite, name in twins(transects).items():
        pd.testing.assert_series_equal(transects[satellite], transects[name], check_names=False)


def test_refuted_conversion_stays_natural_and_the_satellite_keeps_its_word(visited):
    shores, transects, (before, after), filled = visited(("natural_coast_lost", "2023-05-01", "否"))
    assert set(transects.class_2022[filled]) == set(transects.class_2023[filled]) == set(transects.unit_class[filled]) == {"natural"}
    assert (transects.natural_probability_2022[filled] == 1).all() and not transects.conversions[filled].fillna("").any()
    assert (transects.natural_probability_2021 == transects.satellite_natural_probability_2021).all(), "before the conversion nothing is decided"
    assert set(transects.satellite_class_2022[filled]) == {"artificial"} and set(transects.field_2022[filled]) == {"refuted"}
    assert not set(transects["class"][filled]) & {"reclaimed"} and set(transects.satellite_class[filled]) == {"reclaimed"}, "natural coast is not built"
    assert (transects.class_2022 == transects.satellite_class_2022)[~filled].all()
    km = shores.groupby(["period", "class"]).length_m.sum() / 1e3
    assert km.get(("2022", "artificial"), 0.0) < 0.1, "lines follow"
    pd.testing.assert_frame_equal(after, before, check_like=True)  # what is found on the list is what the satellite saw


def test_the_next_run_takes_the_decision_from_the_list_alone(visited, world):
    """The list of the run with the visit, in degrees and with its day, is the known one of the next; no visits any more."""
    visited(("natural_coast_lost", "2022-05-01", "是"), ("natural_coast_lost", "2023-03-01", "否"))
    s = world.settings()
    list_ = listed(shore_findings(s), load_vector(s, "tables.known_findings"), assemble.load_units(s), s.all_periods, field_results(s))
    lost = list_[list_.kind == "natural_coast_lost"]
    assert set(lost.state) == {"remedied"} and set(lost.visited) == {"2023-03-01"} and not lost.against.str.contains("not_found_again").any()
    list_.to_file(world.folder / "next.gpkg")
    world.tables.update(known_findings=world.folder / "next.gpkg", field_results=None)
    _, transects, _ = world.run()
    filled = transects.satellite_converted_period.fillna("") == "2022"
    assert set(transects.conversions[filled]) == {"artificial:2022;natural:2023"}


def test_confirmed_conversion_is_beyond_doubt_until_it_is_found_gone(visited):
    kind = "natural_coast_lost"
    _, transects, _, filled = visited((kind, "2023-05-01", "是"))
    assert (transects.natural_probability_2022[filled] == 0).all() and set(transects.conversions[filled]) == {"artificial:2022"}
    assert (transects.converted_probability[filled] == transects.natural_probability_2021[filled]).all()
    _, transects, _, filled = visited((kind, "2022-05-01", "是"), (kind, "2023-01-01", "否"))
    assert set(transects.conversions[filled]) == {"artificial:2022;natural:2023"} and set(transects.field_2023[filled]) == {"refuted"}


def test_a_visit_to_reclamation_decides_its_step(visited):
    _, transects, _, filled = visited(("new_reclamation", "2023-05-01", "否"))
    stepped = transects.step_period.fillna("") == "2022"
    assert stepped.sum() > 10 and not (transects["class"][stepped] == "reclaimed").any() and (transects.step_m[stepped] >= 100).all()
    assert set(transects.field_step_2022[stepped]) == {"refuted"} and set(transects.field_step_2021.fillna("")) == {""}
    assert (transects.class_2022 == transects.satellite_class_2022).all(), "what the coast is, is another finding"
    _, transects, _, filled = visited(("new_reclamation", "2023-05-01", "是"), ("natural_coast_lost", "2023-05-01", "否"))
    assert set(transects["class"][stepped]) == {"reclaimed"} and set(transects.class_2023[filled]) == {"natural"}


def test_a_restored_shore_has_its_date(world):
    """The wall of the northern half is taken away in 2022 and the beach lies bare again."""
    for period, fill_m in {2020: 200.0, 2021: 200.0, 2022: 0.0, 2023: 0.0}.items():
        world.write(period, "sentinel-2", **beach(1003.0, fill_m))
    _, transects, _ = world.run()
    north = transects[shapely.get_coordinates(shapely.line_interpolate_point(transects.geometry.values, 0.5, normalized=True))[:, 1] > world.grid.top - 1350]
    assert set(north.conversions) == {"natural:2022"} and set(north.converted_after) == {"2021"} and set(north.unit_class) == {"natural"}
    assert (north.converted_probability > 0.8).all()


def test_a_year_that_is_hidden_keeps_the_class(world):
    for period in (2020, 2022, 2023):
        world.write(period, "sentinel-2", **beach(1003.0))
    _, transects, _ = world.run()
    assert transects.distance_2021.isna().all() and (transects.class_2021 == transects.class_2020).mean() > 0.95
    world.write(2023, "sentinel-2", np.zeros((600, 480)))
    _, transects, _ = world.run()
    assert set(transects.class_2023.fillna("")) == {""} and transects.natural_probability_2023.isna().all(), "after the last sight nothing is known"
    assert (transects.unit_class == transects.class_2022).all()


def test_where_the_tide_was_not_told_a_year_is_no_change(world):
    """2021 has too few dates for low and high tide: its wall-like straightness is that of every year, and the beach stays a beach."""
    for period in PERIODS:
        world.write(period, "sentinel-2", **(beach(1003.0) | ({"tags": {}} if period == 2021 else {})))
    _, transects, _ = world.run()
    assert (transects.natural_probability_2021 == transects.natural_probability_2020).mean() > 0.95
    assert transects.error_2021.median() == pytest.approx(transects.error_2020.median(), rel=0.01)


def test_ponds_are_no_coast_and_islands_are(world):
    land = land_to(1500.0)
    land[200:300, 100:180] = 0  # pond of 400 m by 500 m
    land[400:480, 400:450] = 1  # island
    world.write(2020, "sentinel-2", land)
    shores, _, _ = world.run()
    inland = shores.geometry.intersects(shapely.box(*world.grid.bounds).intersection(shapely.box(0, 0, world.grid.left + 1400, 1e8)))
    assert not inland.any()
    assert shores.geometry.distance(shapely.Point(world.grid.left + 2125, world.grid.top - 2200)).min() < 150


def test_a_lake_that_a_river_joins_to_the_sea_is_no_coast(world):
    land = land_to(1500.0)
    land[200:320, 60:160] = 0  # lake of 500 m by 600 m
    land[252:268, 160:300] = 0  # river of 80 m
    world.write(2020, "sentinel-2", land)
    shores, _, _ = world.run()
    assert shapely.get_coordinates(shores.geometry.values)[:, 0].min() > world.grid.left + 1400
    assert (shores["class"] == "river mouth").any()


def test_landsat_stands_in_where_sentinel_2_has_too_few_dates(world):
    count = np.full((150, 120), 10)
    count[:75] = 2
    world.write(2020, "sentinel-2", land_to(1003.0), n_dates=count)
    world.write(2020, "landsat", land_to(1003.0), n_dates=8)
    shores, transects, _ = world.run(min_dates=5)
    middle = shores.geometry.centroid.y > world.grid.top - 1500
    assert set(shores.sensor[middle]) == {"landsat"} and set(shores.sensor[~middle]) == {"sentinel-2"}
    assert set(shores.n_dates) == {8, 10} and transects.distance_2020.notna().mean() > 0.85
    assert transects.error_2020.max() > transects.error_2020.min()


@pytest.mark.parametrize("landward_side", ["land", "nothing"])
def test_a_run_without_a_line_writes_empty_files_with_all_columns(world, caplog, landward_side):
    if landward_side == "land":
        world.write(2020, "sentinel-2", np.ones((600, 480)))
    shores, transects, csv = world.run()
    assert len(shores) == len(transects) == len(csv) == 0
    assert set(shores.columns) == SHORE_COLUMNS and set(csv.columns) >= TRANSECT_COLUMNS
    assert "no shoreline" in caplog.text


def test_too_few_dates_are_no_shoreline(world):
    world.write(2020, "sentinel-2", land_to(1003.0), n_dates=4)
    assert len(world.run(min_dates=5)[0]) == 0
    assert len(world.run(min_dates=4)[0]) > 0


def test_a_reference_in_another_crs_and_drawn_backwards(world):
    world.write(2020, "sentinel-2", land_to(1003.0))
    x, top = world.grid.left + 953, world.grid.top
    line = shapely.LineString([(x, top - 5000), (x, top + 2000)])
    path = world.folder / "reference.gpkg"
    gpd.GeoDataFrame(geometry=[line], crs=world.grid.crs).to_crs(4490).to_file(path)
    for reference in (line, line.reverse()):
        gpd.GeoDataFrame(geometry=[reference], crs=world.grid.crs).to_crs(4490).to_file(path)
        _, transects, _ = world.run(reference=path, max_distance_m=400.0)
        assert len(transects) == 30
        assert (transects.distance_2020 - 450).median() == pytest.approx(0, abs=1.5)


def test_shorelines_far_from_the_reference_are_not_sought(world):
    world.write(2020, "sentinel-2", land_to(1003.0))
    x, top = world.grid.left + 200, world.grid.top
    path = world.folder / "reference.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.LineString([(x, top), (x, top - 3000)])], crs=world.grid.crs).to_file(path)
    assert len(world.run(reference=path, max_distance_m=500.0)[0]) == 0


def test_a_river_mouth_is_closed_and_named(world):
    land = land_to(1500.0)
    land[290:312, :] = 0  # river, 110 m wide
    world.write(2020, "sentinel-2", land)
    shores, transects, _ = world.run()
    mouth = shores[shores["class"] == "river mouth"]
    assert len(mouth) and set(mouth.certainty) == {"low"}
    assert shapely.get_coordinates(mouth.geometry.values)[:, 0].min() > world.grid.left + 1250
    assert (transects.unit_class == "river mouth").sum() in (1, 2, 3, 4)


def test_a_line_has_the_error_of_the_tide_at_its_own_shore(world):
    other = np.sqrt(1.5**2 + 4**2 + 5**2 + 3**2)
    world.write(2020, "sentinel-2", land_to(1003.0))
    shores, _, _ = world.run()
    assert shores.position_error_m.to_numpy() == pytest.approx(np.hypot(other, 0.25 * 20), abs=0.1), "not measured: as on a slope of 0.05"
    world.write(2020, "sentinel-2", land_to(1003.0), tags={"tide_low_m": "-1.0", "tide_high_m": "1.0"})
    shores, _, _ = world.run()
    assert shores.position_error_m.to_numpy() == pytest.approx(other, abs=0.1), "low and high tide look alike: a wall"


def test_tiles_may_stand_for_different_levels(world):
    """The line of each tile says its own: at mean high water springs, and below where the passes did not come so high."""
    land, layout = land_to(1003.0), Layout(world.folder / "t")
    world.write(2020, "sentinel-2", land, tags={"reference": "mhws", "level_m": "1.400"})
    with rasterio.open(layout.shore("2020", "r001c000", "sentinel-2"), "r+") as file:
        file.update_tags(reference="below mhws", level_m="0.900")
    shores, _, _ = world.run()
    told = {(r, c, m) for r, c, m in zip(shores.reference, shores.certainty, shores.level_m.round(3), strict=True)}
    assert told == {("mhws", "high", 1.4), ("below mhws", "medium", 0.9)}
    assert shores.groupby("reference").length_m.sum().to_numpy() == pytest.approx([1490, 1490], rel=0.05)


def test_instantaneous_lines_say_so_and_are_less_certain(world):
    world.write(2020, "sentinel-2", land_to(1003.0), tags={"reference": "instantaneous"})
    shores, _, _ = world.run()
    assert set(shores.reference) == {"instantaneous"} and set(shores.certainty) == {"medium"}
    assert shores.position_error_m.min() > 10


def test_nothing_is_written_without_coastline_settings(world):
    s = world.settings().model_copy(update={"coastline": None})
    coastline(s)
    assert not Layout(s.root).shorelines.parent.exists()
