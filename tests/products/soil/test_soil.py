"""Soil loss of a slope by hand, what is said where something is missing, the doubt of the factors, and the rate of the bulletin."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from rs_kernels.soil import segment_length_factor, steepness_factor

from rs_pipeline.config import SoilSection, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.estimation.change import change_between
from rs_pipeline.estimation.error_model import Systematic
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid, MapBand
from rs_pipeline.products.register import county_maps, period_maps
from rs_pipeline.products.sea import SEA
from rs_pipeline.products.soil.county import LEVELS_T_KM2, county_sums
from rs_pipeline.products.soil.facts import SoilFacts, log_doubt, scale_to, share_up_to
from rs_pipeline.products.soil.facts import facts as soil_facts
from rs_pipeline.products.soil.indicators import NO_BULLETIN
from rs_pipeline.products.soil.rasters import check_factor, heights_grid, terrain_factor
from rs_pipeline.products.soil.step import class_factors, cover_practice, soil_loss
from rs_pipeline.steps import graph, steps_of
from rs_pipeline.storage.raster import write_map
from tests.made_up_run import write_grid

KM2 = 1e6
NAN = math.nan
GRID = Grid("EPSG:32650", 10.0, 500_010.0, 4_300_020.0, 16, 16)
BULLETIN = {"bulletin_period": "2023", "bulletin_rate": 78.84}


def write_tif(path, values, *, grid=GRID, crs=GRID.crs):
    values = np.asarray(values, "float32")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype="float32",
        crs=crs,
        nodata=np.nan,
        transform=Affine(grid.resolution_m, 0, grid.left, 0, -grid.resolution_m, grid.top),
    ) as out:
        out.write(values, 1)
    return path


def slope_file(path, degrees=9.0, pixel_m=30.0):
    """Heights that fall to the east, 600 m around GRID."""
    around = Grid(GRID.crs, pixel_m, GRID.left - 600, GRID.top + 600, round(1360 / pixel_m), round(1360 / pixel_m))
    fall = math.tan(math.radians(degrees)) * pixel_m * np.arange(around.width)
    return write_tif(path, np.broadcast_to(1000 - fall, around.shape), grid=around)


@pytest.fixture
def settings_of(tmp_path):
    """Settings of a run of one tile, GRID, and two years; ``soil`` and other sections as given."""

    def settings_of(**sections):
        values = {
            "run": "slopes",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "units.gpkg")},
            "periods": [2023, 2024],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(tmp_path)}],
        }
        settings = parse(values | sections)
        write_grid(settings, GRID)
        return settings

    return settings_of


def write_inputs(settings, land, peak, growing):
    for name, bands in (("land", {"class": land}), ("vegetation", {"fvc_peak": peak, "fvc_growing": growing})):
        layers = {band: np.full(GRID.shape, value, "float32") for band, value in bands.items()}
        write_map(Layout(settings.root).tile_map("2023", "r000c000", name), GRID, layers, [MapBand(band, band) for band in bands], {})


def made(settings, chips=None):
    soil_loss(settings, "r000c000", "2023", chips=chips)
    with rasterio.open(Layout(settings.root).tile_map("2023", "r000c000", "soil_loss")) as src:
        return dict(zip(src.descriptions, src.read(), strict=True)), src.tags()


def test_soil_loss_of_a_slope_by_hand(tmp_path, settings_of):
    """9 degrees, pixels of 30 m far down a slope of at most 100 m: S 2.1281, L of its part from 70 to 100 m with m 0.5 (1000 - 585.66) / (30 x 4.7043)
    = 2.9359. Crops: B E T 0.4. So A = 1800 x 0.035 x 2.1281 x 2.9359 x 0.4 = 157.4 t/ha."""
    length = (100**1.5 - 70**1.5) / (30 * math.sqrt(22.13))
    assert segment_length_factor(70.0, 100.0, 0.5) == pytest.approx(length) and length == pytest.approx(2.9359, abs=1e-3)
    settings = settings_of(soil={"dem": str(slope_file(tmp_path / "dem.tif"))})
    write_inputs(settings, 5, NAN, NAN)
    bands, _ = made(settings)
    expected = 100 * 1800 * 0.035 * steepness_factor(9.0) * length * 0.4
    assert bands["loss_t_km2"] == pytest.approx(np.full(GRID.shape, expected), rel=2e-3)


def test_factors_of_rasters_take_the_place_of_constants(tmp_path, settings_of):
    dem = str(slope_file(tmp_path / "dem.tif"))
    around = Grid(GRID.crs, 100.0, GRID.left - 600, GRID.top + 600, 14, 14)
    rain, soil = (str(write_tif(tmp_path / f"{n}.tif", np.full(around.shape, v), grid=around)) for n, v in (("r", 3600.0), ("k", 0.0175)))
    plain, given = settings_of(soil={"dem": dem}), settings_of(soil={"dem": dem, "erosivity": rain})
    both = settings_of(soil={"dem": dem, "erosivity": rain, "erodibility": soil})
    write_inputs(plain, 5, NAN, NAN)
    losses = [made(s)[0]["loss_t_km2"][8, 8] for s in (plain, given, both)]
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-5) and losses[2] == pytest.approx(losses[0], rel=1e-5)


def test_beyond_the_heights_and_the_rain_nothing_is_known(tmp_path, settings_of):
    half = Grid(GRID.crs, 10.0, GRID.left, GRID.top, 8, 16)
    settings = settings_of(
        soil={"dem": str(slope_file(tmp_path / "dem.tif")), "erosivity": str(write_tif(tmp_path / "r.tif", np.full(half.shape, 900.0), grid=half))}
    )
    write_inputs(settings, 5, NAN, NAN)
    loss = made(settings)[0]["loss_t_km2"]
    assert np.isfinite(loss[:, :7]).all() and np.isnan(loss[:, 9:]).all()


def test_without_scenes_the_map_is_empty(settings_of):
    """No file but that of the tiles is asked for."""
    bands, tags = made(settings_of(soil={"dem": "heights.tif"}), [])
    assert all(np.isnan(b).all() for b in bands.values()) and tags["PERIOD"].startswith("2023")


def test_a_run_without_heights_has_no_such_step_map_or_sums(settings_of):
    without, given = settings_of(), settings_of(masks={"dem": "heights.tif"})
    for has in (lambda s: "soil_loss" in [step.name for step in steps_of(s)], lambda s: "soil_loss" in period_maps(s), lambda s: "soil_loss" in county_maps(s)):
        assert has(given) and not has(without)
    assert "soil_loss" in period_maps() and "soil_loss" not in [product for step, product in graph(without) if step == "mosaic"]
    with pytest.raises(ConfigError, match="no heights, so no map of soil loss"):
        soil_loss(without, "r000c000", "2023")


def test_heights_that_could_not_be_brought_leave_the_loss_unknown_with_the_reason(settings_of, estimate_of):
    unknown = SoilFacts(200.0, 0.6, unknown="no heights there")
    found = estimate_of(soil=unknown)
    assert (found.interval, found.status, found.reason) == (None, "insufficient_data", "heights could not be brought along: no heights there")


def test_masks_dem_stands_in_for_heights_of_its_own(tmp_path, settings_of):
    settings = settings_of(masks={"dem": str(slope_file(tmp_path / "dem.tif"))})
    write_inputs(settings, 4, 0.5, 0.5)
    assert np.isfinite(made(settings)[0]["loss_t_km2"]).all()


def test_the_same_ground_has_the_same_slopes_in_every_tile(tmp_path):
    """Heights of 30 m with bumps; tiles of 10 m pixels that begin 70 m apart."""
    around = Grid(GRID.crs, 30.0, GRID.left - 600, GRID.top + 600, 46, 46)
    path = write_tif(tmp_path / "dem.tif", np.random.default_rng(2).normal(100, 8, around.shape), grid=around)
    other = GRID.window(0, 7, 16, 9)
    whole, part = (terrain_factor(path, "soil.dem", SoilSection(), g) for g in (GRID, other))
    assert np.array_equal(whole[:, 7:], part) and np.isfinite(whole).all()
    assert heights_grid(path, "soil.dem", GRID, 100).resolution_m == 30.0


def test_heights_finer_than_the_run_are_taken_at_its_pixels(tmp_path):
    path = slope_file(tmp_path / "dem.tif", pixel_m=2.0)
    assert heights_grid(path, "soil.dem", GRID, 100).resolution_m == 10.0


def test_class_factors_and_cover():
    assert np.array_equal(class_factors(SoilSection(cropland_practice_factor=0.5)), [NAN, 0, 0, NAN, NAN, 0.2, 0.02, 1.0], equal_nan=True)
    land, cover = np.full((1, 2), 4, "float32"), np.array([[0.5, NAN]], "float32")
    found = cover_practice(SoilSection(), land, cover, cover)
    assert found[0, 0] == pytest.approx(0.06426, abs=1e-4) and np.isnan(found[0, 1])
    assert cover_practice(SoilSection(cover_curve="cai2000"), land, cover, cover)[0, 0] == pytest.approx(0.6508 - 0.3436 * math.log10(50), abs=1e-5)


@pytest.mark.parametrize("value, fault", [(2500.0, None), (3.0, "10 to 30000"), (NAN, "holds no value")])
def test_a_raster_in_another_unit_is_refused(tmp_path, value, fault):
    path = write_tif(tmp_path / "r.tif", np.full((4, 4), value))
    if fault is None:
        check_factor("soil.erosivity", path)
    else:
        with pytest.raises(ConfigError, match=fault):
            check_factor("soil.erosivity", path)


def test_erodibility_in_us_units_is_told(tmp_path):
    with pytest.raises(ConfigError, match="US units times 0.1317"):
        check_factor("soil.erodibility", write_tif(tmp_path / "k.tif", np.full((4, 4), 0.3)))


def test_a_raster_without_a_crs_and_a_file_that_is_none_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no CRS"):
        check_factor("soil.erosivity", write_tif(tmp_path / "r.tif", np.full((4, 4), 1800.0), crs=None))
    (tmp_path / "text.tif").write_text("R = 1800")
    with pytest.raises(ConfigError, match="cannot be read as a raster"):
        check_factor("soil.erosivity", tmp_path / "text.tif")


@pytest.mark.parametrize("wrong, told", [({"bulletin_rate": 78.84}, "go together"), (BULLETIN | {"bulletin_period": 2022}, "not one of the periods")])
def test_half_a_bulletin_and_one_of_another_period_are_refused(settings_of, wrong, told):
    with pytest.raises(ConfigError, match=told):
        settings_of(soil=wrong)


def test_sums_of_counties():
    """Four pixels: 200 t/km2 exactly, above it, unknown, and the sea, which is no land."""
    bands = {"soil_loss.loss_t_km2": np.array([[200.0, 201.0, NAN, 5.0]], "float32"), SEA: np.array([[False, False, False, True]])}
    layers = {name: np.nansum(v) for name, v in county_sums(None, bands, bands).layers.items()}
    assert (layers["soil_land_m2"], layers["soil_observed_m2"]) == (3, 2)
    assert (layers["soil_up_to_100_m2"], layers["soil_up_to_200_m2"], layers["soil_up_to_400_m2"]) == (0, 1, 2)


def soil_row(shares=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), observed=90.0, land=100.0):
    """km2; shares up to 12, 25, 50, 100, 200 ... 6400 t/km2."""
    sums = {f"soil_up_to_{level}_m2": share * observed * KM2 for level, share in zip(LEVELS_T_KM2, shares, strict=True)}
    return sums | {"soil_land_m2": land * KM2, "soil_observed_m2": observed * KM2}


SOIL = SoilFacts(200.0, math.log(2) / 1.959964)
"""Soil loss known to a factor of two, 95 %."""


@pytest.fixture
def estimate_of(make):
    def estimate_of(name="soil_conservation_rate", row=None, soil=SOIL, **changes):
        return estimate_indicator(INDICATORS[name], make.facts(county=make.sums() | (soil_row(observed=100.0) if row is None else row), soil=soil, **changes))

    return estimate_of


def test_rate_and_its_bounds_by_hand(estimate_of):
    """Half of the land loses 200 t or less. Were soil loss twice as large, that which now loses 100 or less would: 40 %; half as large: 60 %."""
    got = estimate_of().interval
    assert (got.value, got.lower, got.upper, got.kind) == (pytest.approx(50), pytest.approx(40, abs=1e-3), pytest.approx(60, abs=1e-3), "model95")
    area = estimate_of("soil_loss_area").interval
    assert (area.value, area.lower, area.upper) == (pytest.approx(50), pytest.approx(40, abs=1e-3), pytest.approx(60, abs=1e-3))


def test_bounds_are_those_of_a_monte_carlo_draw_of_the_factors():
    """40 000 draws of four lognormal factors: quantiles of the share that passes lie within a point of the bounds."""
    section = SoilSection()
    doubts = (section.erosivity_doubt, section.erodibility_doubt, section.terrain_doubt, section.cover_doubt)
    rng, row = np.random.default_rng(1), soil_row()
    scale = np.exp(sum(rng.normal(0, math.sqrt(math.log(1 + d**2)), 40_000) for d in doubts))
    drawn = np.quantile([share_up_to(row, 200 / k) for k in scale[:4000]], [0.025, 0.975])
    half = math.exp(1.959964 * log_doubt(section))
    assert drawn == pytest.approx([share_up_to(row, 200 / half), share_up_to(row, 200 * half)], abs=0.01)


def test_the_error_of_a_change_is_learnt_from_changes(estimate_of, monkeypatch):
    """Both levels are 50 % in [40, 60]. A change that errs by .1 and .2 of the sum of both half widths, 20: 0 in [-2, 4]; learnt from no world, it is the
    difference of two independent values: 0 in [-14.1, 14.1]."""
    rows = {f"{name}:change": Systematic(0.1, 0.2, 5, 40) for name in ("soil_conservation_rate", "soil_loss_area")}
    for name in ("soil_conservation_rate", "soil_loss_area"):
        monkeypatch.setattr("rs_pipeline.estimation.error_model.systematic_errors", dict)
        unlearnt = change_between(estimate_of(name), estimate_of(name))
        assert (unlearnt.lower, unlearnt.upper) == pytest.approx((-math.hypot(10, 10), math.hypot(10, 10)), abs=1e-2)
        monkeypatch.setattr("rs_pipeline.estimation.error_model.systematic_errors", lambda: rows)
        learnt = change_between(estimate_of(name), estimate_of(name))
        assert (learnt.value, learnt.lower, learnt.upper) == pytest.approx((0, -2, 4), abs=1e-3)
        assert estimate_of(name).spread.words() == ""  # the level's bounds are the doubt of the factors


def test_no_doubt_no_width(estimate_of):
    got = estimate_of(soil=replace(SOIL, log_doubt=0.0)).interval
    assert got.lower == pytest.approx(got.value) == pytest.approx(got.upper)


@pytest.mark.parametrize("share, rule", [(0.95, ""), (0.90, "scaled to the whole"), (0.60, "unseen part at either extreme"), (0.49, "at least 50 %")])
def test_what_was_not_seen(estimate_of, share, rule):
    got = estimate_of(row=soil_row(observed=100 * share))
    assert rule in got.reason and (got.interval is None) == (share < 0.5)
    assert got.observed_fraction == pytest.approx(share)


def test_why_there_is_no_value(estimate_of):
    assert (estimate_of(soil=None).status, estimate_of(soil=None).reason) == ("needs_table", "needs heights (soil.dem, or masks.dem)")
    empty = soil_row((0,) * 10, 0.0, 0.0)
    assert (estimate_of(row=empty).status, estimate_of(row=empty).reason) == ("no_target", "no land in this unit")
    unseen = soil_row((0,) * 10, 0.0)
    assert (estimate_of(row=unseen).status, estimate_of(row=unseen).reason) == ("insufficient_data", "no pixel with heights, a land class and its cover")
    assert estimate_of(row={}).status == "no_target"


def test_guessed_constants_are_told(settings_of):
    found = soil_facts(settings_of(soil={"dem": "heights.tif", "erosivity": "r.tif"}))["soil"]("130001", "2023")
    assert found.words == ("soil erodibility 0.035 everywhere, a guess (soil.erodibility)",)
    assert soil_facts(settings_of())["soil"]("130001", "2023") is None


def test_scale_of_the_bulletin_by_hand():
    """65 % is half way, in the logarithm, between 400 (60 %) and 800 (70 %): 565.7 must become 200."""
    row = soil_row()
    assert scale_to(row, 0.65, 200.0) == pytest.approx(200 / (400 * math.sqrt(2)))
    assert share_up_to(row, 200 / scale_to(row, 0.65, 200.0)) == pytest.approx(0.65)
    assert scale_to(row, 0.05, 200.0) is None and scale_to(row, 0.5, 200.0) == pytest.approx(1.0)


def write_counties(settings, *rows):
    path = Layout(settings.root).counties("2023")
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([{"adcode": str(i), "zone": "county", "in_region": True, **row} for i, row in enumerate(rows)]).to_parquet(path)


def test_the_bulletin_holds_for_all_units_together_and_says_so(settings_of, estimate_of):
    settings = settings_of(soil={"dem": "heights.tif", **BULLETIN})
    rows = soil_row(), soil_row((0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0), observed=90.0)
    write_counties(settings, *rows, soil_row(observed=7.0) | {"in_region": False}, soil_row(observed=9.0) | {"zone": "grassland:meadow"})
    found = soil_facts(settings)["soil"]("130001", "2023")
    assert np.mean([share_up_to(r, 200 / found.scale) for r in rows]) == pytest.approx(0.7884, abs=2e-3)
    assert found.words[0] == f"soil loss times {found.scale:.3g}, so that all units together have the bulletin's 78.84 % in 2023"
    got = estimate_of(soil=found)
    assert found.words[0] in got.reason and not got.no_level


def test_without_the_bulletin_no_number_is_compared_with_the_level(estimate_of):
    got = estimate_of()
    assert got.interval and got.no_level == NO_BULLETIN and not estimate_of("soil_loss_area").no_level


@pytest.mark.parametrize("rows", [(), (soil_row((0.99,) * 10),)])
def test_a_bulletin_out_of_reach_is_told_and_not_used(settings_of, rows):
    settings = settings_of(soil={"dem": "heights.tif", **BULLETIN})
    write_counties(settings, *(rows or ({"soil_observed_m2": 0.0},)))
    found = soil_facts(settings)["soil"]("130001", "2023")
    assert found.scale is None and "is beyond what this map can be scaled to" in found.words[0]
