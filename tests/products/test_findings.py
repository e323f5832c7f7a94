"""What products tell as suspected findings, on reaches, transects and pixels made by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.windows import Window

from rs_pipeline.config import parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.findings import reach_findings
from rs_pipeline.products.coastline.findings import coast_findings
from rs_pipeline.products.land import findings as land_findings_module
from rs_pipeline.products.land.classes import SHARES, Land
from rs_pipeline.products.land.findings import LISTED_PROBABILITY, _outlines, event_probability, events, land_findings, planted, plants_are_told
from rs_pipeline.products.land.maps import LAND
from rs_pipeline.products.register import region_maps
from rs_pipeline.storage.raster import write_cog
from rs_pipeline.storage.tables import write_parquet

YEARS = ["2023", "2024", "2025"]


def reaches(*classes: str, field=("", "", ""), **changes):
    """A reach with its satellite class in each year."""
    rows = pd.DataFrame(
        {
            "reach_id": "R-1",
            "period": YEARS,
            "adcode": "130203",
            "satellite_class": classes,
            "field": field,
            "probability": [0.7, 0.8, 0.9],
            "length_m": 200.0,
            "width_class": "assessable",
            "vetoes": ["", "bloom:2", "sediment:1"],
        }
        | changes
    )
    return gpd.GeoDataFrame(rows, geometry=[shapely.LineString([(0, 0), (200, 0)])] * 3, crs=32650)


@pytest.mark.parametrize(
    ("classes", "field", "told"),
    [
        (("suspected", "suspected", "possible"), ("", "", ""), ("2023", "2025", 0.9, "sediment:1")),
        (("clear", "clear", "suspected"), ("", "", ""), ("2025", "2025", 0.9, "sediment:1")),
        (("suspected", "clear", "clear"), ("", "", ""), None),
        (("suspected", "suspected", "insufficient"), ("", "", ""), ("2023", "2024", 0.8, "bloom:2;not_seen_in:2025")),
        (("suspected", "clear", "insufficient"), ("", "", ""), None),
        (("not_assessable",) * 3, ("", "", ""), None),
        (("suspected", "clear", "clear"), ("confirmed", "", ""), ("2023", "2023", 0.7, "clear_in:2025")),
        (("clear", "clear", "suspected"), ("", "", "refuted"), ("2025", "2025", 0.9, "sediment:1")),
        (("not_assessable",) * 3, ("", "confirmed", ""), ("2024", "2024", 0.8, "bloom:2;not_seen_in:2025")),
    ],
)
def test_a_reach_is_told_once_by_the_newest_period_that_judges_it(classes, field, told):
    found = reach_findings(reaches(*classes, field=field), YEARS)
    assert [(r.first_seen, r.last_seen, r.probability, r.against) for r in found.itertuples()] == ([told] if told else [])


def transects(*rows: dict):
    """Transects of 100 m length of coast, seaward to the north, 2 km long, their middle on the shore of 2023."""
    plain = {
        "adcode": "130203",
        "length_m": 100.0,
        "unit_class": "artificial",
        "natural_probability": 0.1,
        "converted_to": "",
        "converted_period": "",
        "converted_probability": np.nan,
        "step_m": 0.0,
        "step_period": "",
        "ambiguous_periods": "",
        "distance_2023": 1000.0,
        "distance_2024": 1000.0,
        "distance_2025": 1000.0,
        "error_2023": 3.0,
        "error_2025": 3.0,
    }
    lines = [shapely.LineString([(100 * i, -1000), (100 * i, 1000)]) for i in range(len(rows))]
    return gpd.GeoDataFrame([plain | r for r in rows], geometry=lines, crs=32650)


def test_natural_coast_lost_is_told_by_stretches():
    """Two neighbours of 2024 with 0.9 and 0.5: expected 140 m, sd 100 sqrt(0.09 + 0.25) = 58.3 m; one of 2025 beyond a unit that stayed."""
    lost = {"converted_to": "artificial", "converted_period": "2024", "converted_probability": 0.9}
    found = coast_findings(
        transects(
            lost, lost | {"converted_probability": 0.5}, {}, lost | {"converted_period": "2025"}, {"converted_to": "natural", "converted_period": "2025"}
        ),
        YEARS,
    )
    assert found[["kind", "first_seen", "last_seen", "amount", "against"]].to_numpy().tolist() == [
        ["natural_coast_lost", "2024", "2025", 200.0, "uncertain_class"],
        ["natural_coast_lost", "2025", "2025", 100.0, ""],
    ]
    assert found.probability.tolist() == pytest.approx([0.7, 0.9]) and found.lower[0] == pytest.approx(140 - 1.96 * 58.31, abs=0.1) and found.upper[0] == 200
    assert found.geometry[0].contains(shapely.Point(50, 0)) and not found.geometry[0].contains(shapely.Point(300, 0))


def test_a_step_seaward_is_new_reclamation_except_at_a_river_mouth():
    """Two transects of 100 m that moved by 150 m: 3 ha, with the error of two positions of 3 m: 1.96 sqrt(2) 3 x 200 = 1663 m2."""
    step = {"step_m": 150.0, "step_period": "2025", "distance_2025": 1150.0}
    found = coast_findings(transects({}, step, step, step | {"unit_class": "river mouth"}, {"step_m": -150.0, "step_period": "2025"}), YEARS)
    assert found.kind.tolist() == ["new_reclamation"] and found.amount[0] == 30_000 and pd.isna(found.probability[0])
    assert (found.lower[0], found.upper[0]) == pytest.approx((30_000 - 1663, 30_000 + 1663), abs=1) and found.against[0] == "seen_in_one_period"
    assert (
        found.geometry[0].area == pytest.approx(30_000, rel=0.01)
        and found.geometry[0].contains(shapely.Point(150, 75))
        and not found.geometry[0].contains(shapely.Point(150, -5))
    )


@pytest.mark.parametrize("distance_m", [0.0, 60.0, 1150.0])
def test_reclamation_has_its_area_wherever_the_last_shoreline_lies(distance_m):
    """150 m on 100 m of coast, also where the shoreline has come back to the transect's landward end."""
    found = coast_findings(transects({"step_m": 150.0, "step_period": "2024", "distance_2025": distance_m}), YEARS)
    assert found.geometry.area.tolist() == pytest.approx(found.amount.tolist()) == [15_000]


@pytest.mark.parametrize(("apart_m", "amounts"), [(100, [400.0]), (190, [400.0]), (210, [200.0, 200.0]), (20_000, [200.0, 200.0])])
def test_a_stretch_ends_where_the_coast_does(apart_m, amounts):
    """Two pairs of transects of 100 m of coast each, so far apart."""
    lost = {"converted_to": "artificial", "converted_period": "2024", "converted_probability": 0.9}
    table = transects(lost, lost, lost, lost)
    lines = [shapely.LineString([(x, -1000), (x, 1000)]) for x in (0, 100, 100 + apart_m, 200 + apart_m)]
    found = coast_findings(table.set_geometry(lines, crs=32650), YEARS)
    assert found.amount.tolist() == amounts and found.geometry.length.max() < 1500


def test_a_coast_without_transects():
    assert coast_findings(transects({})[:0], YEARS).empty


GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 8, 6)
G, B, C, W = Land.GRASS, Land.BUILT, Land.CROPLAND, float("nan")


@pytest.fixture
def settings(tmp_path):
    """A county with a reserve over its left three columns; tiles of four columns, so that events cross their border."""
    gpd.GeoDataFrame({"adcode": ["130001"], "name": ["A"], "prefecture": ["P"]}, geometry=[shapely.box(*GRID.bounds)], crs=32650).to_file(tmp_path / "u.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.box(500_000, 4_299_940, 500_030, 4_300_000)], crs=32650).to_file(tmp_path / "r.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=32650).to_file(tmp_path / "far.gpkg")
    settings = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "u.gpkg")},
            "periods": YEARS,
            "land_zones": {"min_event_px": 4},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "tables": {"reserves": str(tmp_path / "r.gpkg"), "shoreline_buffers": str(tmp_path / "far.gpkg")},
        }
    )
    row = {
        "row": 0,
        "width": 4,
        "height": 6,
        "crs": GRID.crs,
        "resolution_m": 10.0,
        "grid_left": GRID.left,
        "grid_top": GRID.top,
        "grid_width": 8,
        "grid_height": 6,
    }
    write_parquet(pd.DataFrame([row | {"tile": f"r000c00{k}", "col": 4 * k} for k in (0, 1)]), Layout(settings.root).tiles)
    return settings


def write_map(settings, product, period, layers):
    """A map with these layers (h, w), and 0 in the others."""
    bands = region_maps()[product].bands
    stack = np.stack([np.asarray(layers.get(b.name, np.zeros(GRID.shape)), "float32") for b in bands])
    write_cog(Layout(settings.root).map(product, period), GRID, iter([(Window(0, 0, 8, 6), stack)]), bands, {})


def write_land(settings, period, built=(), unseen=(), ground=G, cover=0.8):
    """All of one class and peak cover, but for windows (row, column, rows, columns) that are built or were not seen."""
    write_map(settings, "vegetation", period, {"fvc_peak": np.full(GRID.shape, cover)})
    classes = np.full(GRID.shape, float(ground), "float32")
    for value, windows in ((B, built), (np.nan, unseen)):
        for row, col, rows, cols in windows:
            classes[row : row + rows, col : col + cols] = value
    shares = np.where(np.isnan(classes), np.nan, np.stack([classes == c for c in Land])).astype("float32")
    write_map(settings, LAND, period, {"class": classes} | dict(zip(SHARES, shares, strict=True)))


def told(settings):
    found = events(settings)
    return sorted((r.kind, r.first_seen, r.last_seen, round(r.amount), r.against) for r in found.itertuples())


def test_events_by_zone_across_tiles(settings):
    """2 x 6 pixels: three columns of them in the reserve, three columns of lost grass beyond it, over the border of the tiles; the second year shows it first."""
    write_land(settings, "2023")
    for period in ("2024", "2025"):
        write_land(settings, period, [(1, 0, 2, 6)])
    assert told(settings) == [("converted_in_reserve", "2024", "2025", 600, "small"), ("vegetation_lost", "2024", "2025", 600, "small;indistinct_plants")]
    found = land_findings(settings)
    assert found.geometry.area.tolist() == [600, 600] and found.lower.tolist() == found.upper.tolist() == [600, 600]
    assert found.probability.tolist() == pytest.approx([event_probability(1.0, 6)] * 2) and event_probability(1.0, 6) > LISTED_PROBABILITY


@pytest.mark.parametrize(
    ("second", "third", "unseen", "expected"),
    [
        ([], [(1, 0, 2, 3)], [], [("converted_in_reserve", "2025", "2025", 600, "seen_in_one_period;small")]),
        ([(1, 0, 2, 3)], [], [], []),
        ([(1, 0, 2, 3)], [], [(0, 0, 6, 8)], [("converted_in_reserve", "2024", "2024", 600, "seen_in_one_period;small;not_seen_in:2025")]),
        ([(1, 0, 1, 3)], [(1, 0, 1, 3)], [], []),
    ],
)
def test_the_newest_period_that_saw_it_decides(settings, second, third, unseen, expected):
    """New; built for one year alone; hidden in the newest; below the smallest event."""
    write_land(settings, "2023")
    write_land(settings, "2024", second)
    write_land(settings, "2025", third, unseen)
    assert told(settings) == expected


def test_an_event_that_is_less_probable_stays_off_the_list(settings, caplog, monkeypatch):
    """Six pixels that rose by 0.6: none is beyond doubt, 0.54 that it is true."""
    caplog.set_level("INFO")
    monkeypatch.setattr(land_findings_module, "LISTED_PROBABILITY", 0.6)
    write_land(settings, "2023")
    write_land(settings, "2024")
    half = {"class": np.full(GRID.shape, float(G))} | {n: np.zeros(GRID.shape) for n in SHARES}
    half["share_grass"][:], half["share_grass"][1:3, :3], half["share_built"][1:3, :3] = 1.0, 0.4, 0.6
    write_map(settings, LAND, "2025", half)
    assert told(settings) == [("converted_in_reserve", "2025", "2025", 360, "seen_in_one_period;small;partial_rise")]
    assert land_findings(settings).empty and "1 of 1 events of converted land are less probable than 0.6" in caplog.text


def test_lost_plants_say_that_the_map_confuses_plants(monkeypatch):
    """As the shipped model is: trees and grass of real pixels are taken for cropland. Then all classes told well."""
    assert not plants_are_told()
    monkeypatch.setattr(land_findings_module, "NATURAL_PLANTS", (Land.CROPLAND,))
    assert plants_are_told()


@pytest.mark.parametrize(("pixels", "parts"), [([(0, 0), (1, 1)], 2), ([(0, 0), (0, 1), (1, 1), (2, 2), (2, 3)], 2), ([(0, 1), (1, 0), (1, 2), (2, 1)], 4)])
def test_outlines_of_pixels_that_meet_in_corners_are_valid(pixels, parts):
    labels = np.zeros((6, 8), int)
    for row, col in pixels:
        labels[row, col] = 7
    outline = _outlines(labels, GRID)[7]
    assert outline.is_valid and outline.area == 100 * len(pixels) and len(shapely.get_parts(outline)) == parts


def test_any_outline_is_valid():
    labels = (np.random.default_rng(1).random((60, 80)) < 0.5).astype(int)
    outline = _outlines(labels, Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 80, 60))[1]
    assert outline.is_valid and outline.area == 100 * labels.sum()


@pytest.mark.parametrize("n_px", [5, 100, 20_000, 10**6])
def test_size_alone_makes_no_event_probable(n_px):
    assert event_probability(0.0, n_px) == event_probability(0.0, 5) < event_probability(1.0, 5) and event_probability(1.0, n_px) <= event_probability(1.0, 450)
    assert event_probability(0.1, n_px) >= event_probability(0.09, n_px) >= event_probability(0.0, n_px)


def test_an_event_of_other_pixels_counts_by_its_area(settings, monkeypatch):
    """Six pixels of 10 m, had the weights been fitted on pixels of 5 m: 24 of those."""
    for period in YEARS:
        write_land(settings, period, [(1, 0, 2, 3)] if period != "2023" else [])
    monkeypatch.setattr(land_findings_module, "FITTED_PIXEL_M", 5.0)
    assert events(settings).probability.tolist() == pytest.approx([event_probability(1.0, 24)])


def test_fields_are_no_plants_that_were_lost(settings):
    for period, built in zip(YEARS, ([], [(1, 4, 3, 3)], [(1, 4, 3, 3)]), strict=True):
        write_land(settings, period, built, ground=C)
    assert told(settings) == []


def plants(*rows):
    return np.array([[float(v) for v in row.split()] for row in rows])


@pytest.mark.parametrize(
    ("shares", "stood"),
    [
        (("0.4 0.4 0.4",), "111"), (("0.39 0.39 0.39",), "000"),
        (("0.9 0.0 0.9",), "111"),  # a field by itself, meadow all around
        (("0.0 0.5 0.0",), "010"),  # plants by themselves among fields
        (("nan 0.9 nan",), "111"), (("nan nan nan",), "000"),
    ],
)  # fmt: skip
def test_plants_stood_by_the_pixel_or_by_its_neighbours(shares, stood):
    assert planted(np.ones((1, 3), bool), plants(*shares), np.full((1, 3), 0.8)).astype(int).tolist() == [[int(c) for c in stood]]


def test_only_pixels_of_the_event_say_what_stood_on_it():
    """Meadow beside a field that is built on makes no meadow of it."""
    event = np.array([[False, True, True, False]])
    cover = np.full((1, 4), 0.8)
    assert not planted(event, plants("1 0.2 0.2 1"), cover).any() and not planted(np.zeros((1, 4), bool), plants("1 1 1 1"), cover).any()


@pytest.mark.parametrize(("cover", "lost"), [(0.2, True), (0.19, False), (float("nan"), True)])
def test_ground_without_plant_cover_loses_no_plants(settings, cover, lost):
    """A tidal flat is wetland too; where the peak is not known the land map alone tells."""
    write_land(settings, "2023", ground=Land.WETLAND, cover=cover)
    for period in ("2024", "2025"):
        write_land(settings, period, [(1, 4, 3, 3)], ground=Land.WETLAND, cover=0.0 if np.isfinite(cover) else cover)
    assert [kind for kind, *_ in told(settings)] == ["vegetation_lost"] * lost


def test_what_stood_is_told_by_all_periods_before_the_event(settings):
    """Taken for maize in the first year, meadow in the second, built in the third: 0.5 of it was plants."""
    write_land(settings, "2023", ground=C)
    write_land(settings, "2024")
    write_land(settings, "2025", [(1, 4, 3, 3)])
    assert [(kind, first, area) for kind, first, _, area, _ in told(settings)] == [("vegetation_lost", "2025", 900)]


def write_going(settings, period, grass, built, cover):
    """A window of 3 x 3 pixels with these shares of grass and built ground and this peak cover; fields around it and for the rest of it."""
    window = np.zeros(GRID.shape, bool)
    window[1:4, 4:7] = True
    write_map(settings, "vegetation", period, {"fvc_peak": np.where(window, cover, 0.8)})
    shares = {"share_grass": grass * window, "share_built": built * window, "share_cropland": np.where(window, 1 - grass - built, 1)}
    write_map(settings, LAND, period, {"class": np.full(GRID.shape, C)} | shares)


@pytest.mark.parametrize(("built_before", "lost"), [(0.25, True), (0.24, False)])
def test_what_stood_is_told_by_the_periods_before_the_ground_began_to_change(settings, built_before, lost):
    """Plants that go bit by bit: 0.6, 0.1 and 0 of the ground with cover 0.3, 0.05 and 0. Their mean before the event, 0.35 and 0.175, is that of no plants."""
    for period, *ground in ((YEARS[0], 0.6, 0.0, 0.3), (YEARS[1], 0.1, built_before, 0.05), (YEARS[2], 0.0, 1.0, 0.0)):
        write_going(settings, period, *ground)
    assert [(kind, first, area) for kind, first, _, area, _ in told(settings)] == [("vegetation_lost", "2025", 900)] * lost


def test_a_run_that_begins_with_its_newest_period_has_nothing_to_compare(settings):
    assert land_findings(parse(settings.model_dump(mode="json") | {"baseline": "2025"})) is None
