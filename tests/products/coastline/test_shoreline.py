"""The waterline inside the pixel on coasts whose place is known."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from rs_pipeline.model import Grid
from rs_pipeline.products.coastline import shoreline
from rs_pipeline.products.coastline.shoreline import EDGE_METHODS, contour_lines, position_error_m, seed_threshold, water_fraction

CRS = "EPSG:32650"
WATERS = {"clear": (0.05, 0.015, 0.010), "turbid": (0.12, 0.060, 0.020)}
LANDS = {
    "wet sand": (0.12, 0.165, 0.160), "dry sand": (0.25, 0.335, 0.377), "mudflat": (0.10, 0.130, 0.116),
    "concrete": (0.25, 0.285, 0.281), "vegetation": (0.06, 0.420, 0.180),
}  # fmt: skip
"""(green, NIR, SWIR1) reflectance."""
SUBSTRATES = [(w, g) for w in WATERS for g in LANDS]


def bias_m(line, grid, x_m, slant=0.0):
    """Seaward (east) offset of a line's vertices from land's edge x = x_m + slant * y, ends left out."""
    xy = shapely.get_coordinates(line.segmentize(5.0))
    x, y = xy[:, 0] - grid.left, grid.top - xy[:, 1]
    inner = (y > 100) & (y < grid.height * grid.resolution_m - 100)
    return (x - x_m - slant * y)[inner] / np.hypot(1, slant)


def nothing(seen):
    """NIR that nobody saw."""
    return np.full_like(seen.swir1, np.nan)


def longest(lines):
    return max(lines, key=lambda g: g.length)


def test_marching_squares_golden_value():
    # 0.35 at x = 5 m and -0.15 at x = 15 m cross zero at 12.0 m
    grid = Grid(CRS, 10.0, 0.0, 30.0, 2, 3)
    (line,) = contour_lines(np.tile(np.array([0.35, -0.15], "float32"), (3, 1)), grid, level=0.0)
    assert shapely.get_coordinates(line)[:, 0] == pytest.approx(12.0, abs=1e-4)


@pytest.mark.parametrize(("water", "land"), SUBSTRATES)
@pytest.mark.parametrize("resolution_m", [10.0, 30.0])
@pytest.mark.parametrize("band", ["nir_fraction", "swir1_fraction"])
def test_unbiased_on_every_substrate(coast, straight, water, land, resolution_m, band):
    rng = np.random.default_rng(7)
    offsets = []
    for seed in range(6):
        x_m, slant = rng.uniform(20, 25) * resolution_m, rng.uniform(-0.3, 0.3)
        seen = coast(straight(x_m, slant=slant, resolution_m=resolution_m), WATERS[water], LANDS[land], seed=seed, resolution_m=resolution_m)
        field = water_fraction(seen.nir if band == "nir_fraction" else nothing(seen), seen.swir1, seen.mndwi, nothing(seen), resolution_m, 0.06)
        assert EDGE_METHODS[np.bincount(field.method[field.method > 0]).argmax()] == band
        offsets.append(bias_m(longest(contour_lines(field.fraction, seen.grid)), seen.grid, x_m, slant))
    offsets = np.concatenate(offsets)
    assert abs(offsets.mean()) <= 1.5 and offsets.std() <= resolution_m / 10


def test_nearer_the_truth_than_mndwi(coast, straight):
    ours, theirs = [], []
    for k, (water, land) in enumerate(SUBSTRATES):
        x_m = 430.0 + 3.7 * k
        seen = coast(straight(x_m), WATERS[water], LANDS[land], seed=k)
        field = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06)
        ours.append(abs(bias_m(longest(contour_lines(field.fraction, seen.grid)), seen.grid, x_m).mean()))
        theirs.append(abs(bias_m(longest(contour_lines(seen.mndwi, seen.grid, level=0.0)), seen.grid, x_m).mean()))
    assert max(ours) <= 1.5 < 5.0 < np.mean(theirs)
    assert np.mean(ours) < np.mean(theirs) / 5


def test_low_contrast_falls_back_and_says_so(coast, straight):
    seen = coast(straight(400.0), (0.12, 0.05, 0.03), (0.08, 0.09, 0.085), noise=0.002)
    field = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06)
    shore = field.method > 0
    assert shore.any() and {EDGE_METHODS[k] for k in np.unique(field.method[shore])} == {"swir1_threshold"}
    seen.nir[:] = np.nan
    lenient = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.03).method
    assert {EDGE_METHODS[k] for k in np.unique(lenient[lenient > 0])} == {"swir1_fraction"}


def test_water_as_bright_as_its_shore_in_nir_goes_by_swir1(coast, straight):
    # mud under a film before sediment-laden water: NIR 0.085 on both sides
    seen = coast(straight(400.0, resolution_m=10.0), (0.14, 0.085, 0.015), (0.10, 0.090, 0.110), resolution_m=10.0)
    field = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 10.0, 0.06)
    assert {EDGE_METHODS[k] for k in np.unique(field.method[field.method > 0])} == {"swir1_fraction"}
    assert abs(bias_m(longest(contour_lines(field.fraction, seen.grid)), seen.grid, 400.0).mean()) < 1.5


def beach(coast, straight, waterline_m, dry_sand_m):
    """(NIR, SWIR1, MNDWI, grid) of water (NIR 0.02), wet sand (0.165) and, west of ``dry_sand_m``, dry sand (0.335), on 10 m pixels."""
    wet = coast(straight(waterline_m, resolution_m=10.0), (0.05, 0.02, 0.01), (0.12, 0.165, 0.160), resolution_m=10.0, noise=0.002)
    dry = coast(straight(dry_sand_m, resolution_m=10.0), (0.0, 0.0, 0.0), (0.13, 0.170, 0.217), resolution_m=10.0, noise=0.0)
    nir, swir1, green = wet.nir + dry.nir, wet.swir1 + dry.swir1, wet.green + dry.green
    return nir, swir1, (green - swir1) / (green + swir1), wet.grid


def test_a_strip_of_wet_sand_does_not_draw_the_line_onto_the_beach(coast, straight):
    nir, swir1, mndwi, grid = beach(coast, straight, 400.0, 375.0)
    field = water_fraction(nir, swir1, mndwi, np.full_like(nir, np.nan), 10.0, 0.06)
    assert abs(bias_m(longest(contour_lines(field.fraction, grid)), grid, 400.0).mean()) < 3.0


def test_a_narrow_strip_of_wet_sand_is_known_by_low_tide(coast, straight):
    nir, swir1, mndwi, grid = beach(coast, straight, 402.0, 386.0)
    low = beach(coast, straight, 414.0, 386.0)[0]  # 12 m more fall dry, a third of a metre of tide on a slope of 0.03

    def off_m(nir_low_tide):
        field = water_fraction(nir, swir1, mndwi, nir_low_tide, 10.0, 0.06)
        return bias_m(longest(contour_lines(field.fraction, grid)), grid, 402.0).mean()

    assert off_m(np.full_like(nir, np.nan)) < -3.0
    assert abs(off_m(low)) < 1.0


def test_low_tide_changes_nothing_at_a_wall(coast, straight):
    seen, low = (coast(straight(403.0, resolution_m=10.0), land=LANDS["concrete"], resolution_m=10.0, seed=k) for k in (1, 2))
    fractions = [water_fraction(seen.nir, seen.swir1, seen.mndwi, nir, 10.0, 0.06).fraction for nir in (nothing(seen), low.nir)]
    np.testing.assert_array_equal(*fractions)


def test_missing_pixels_stay_missing_and_break_the_line(coast, straight):
    seen = coast(straight(600.0))
    seen.swir1[20:25, 20:40] = np.nan
    field = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06)
    assert np.isnan(field.fraction[20:25, 20:40]).all() and np.isfinite(field.fraction).sum() == field.fraction.size - 100
    lines = [g for g in contour_lines(field.fraction, seen.grid) if g.length > 200]
    assert len(lines) == 2
    assert all(abs(bias_m(g, seen.grid, 600.0).mean()) < 1.5 for g in lines)


def test_all_land_all_water_and_nothing():
    for value in (0.3, 0.01, np.nan):
        swir1 = np.full((30, 30), value, "float32")
        field = water_fraction(swir1, swir1, *np.full((2, *swir1.shape), np.nan), 20.0, 0.06)
        assert contour_lines(field.fraction, Grid(CRS, 20.0, 0, 0, 30, 30)) == []
        assert (np.isnan(field.fraction) == np.isnan(swir1)).all()


def test_island_area_is_that_of_the_disc(coast):
    step, radius = 5.0, 300.0
    yy, xx = np.mgrid[:200, :200] * step
    seen = coast(np.clip((radius - np.hypot(yy - 503, xx - 498)) / step + 0.5, 0, 1))
    field = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06)
    (ring,) = contour_lines(field.fraction, seen.grid)
    assert ring.is_closed
    assert shapely.Polygon(ring).area == pytest.approx(np.pi * radius**2, rel=0.01)


def test_blocks_make_no_difference(coast, straight, monkeypatch):
    seen = coast(straight(500.0, slant=0.2, height_px=70))
    whole = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06).fraction
    (line,) = contour_lines(whole, seen.grid)
    monkeypatch.setattr(shoreline, "WORK_PX", 16)
    monkeypatch.setattr(shoreline.blocks, "__defaults__", (16,))
    pieced = water_fraction(seen.nir, seen.swir1, seen.mndwi, nothing(seen), 20.0, 0.06).fraction
    np.testing.assert_allclose(pieced, whole, atol=1e-6)
    (joined,) = contour_lines(pieced, seen.grid)
    assert joined.hausdorff_distance(line) < 1.0 and joined.length == pytest.approx(line.length, rel=1e-3)


def test_seed_threshold_is_guarded():
    assert seed_threshold(np.full(10, np.nan)) == 0.08
    halves = np.concatenate([np.linspace(0.005, 0.04, 500), np.linspace(0.06, 0.10, 500)])
    assert 0.04 <= seed_threshold(halves) <= 0.06
    assert seed_threshold(np.repeat([0.001, 0.02], 50)) == 0.03


def test_position_error_budget():
    # 1.5, 4, 5, 3 and 0.25 * 20 = 5
    assert position_error_m("sentinel-2", "msl", "nir_fraction") == pytest.approx(np.sqrt(2.25 + 16 + 25 + 9 + 25))
    assert position_error_m("landsat", "msl", "swir1_fraction") == pytest.approx(np.sqrt(9 + 36 + 25 + 9 + 25))
    assert position_error_m("sentinel-2", "msl", "swir1_fraction", 1e4) == pytest.approx(np.sqrt(52.25 + 2500))
    assert position_error_m("sentinel-2", "instantaneous", "swir1_threshold") > position_error_m("sentinel-2", "msl", "swir1_threshold") > 15
