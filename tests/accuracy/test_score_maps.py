"""Vegetation, water and missing data: maps whose marks a reader can count. The grid has 40 x 30 pixels of 10 m."""

import math

import numpy as np
import pytest

from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.simulation.materials import Material as M
from rs_pipeline.storage.raster import MapBand, write_map
from rs_pipeline.validation import missing, vegetation, water
from rs_pipeline.validation.truth import Score, Truth, combine, on_grid

NAN = float("nan")


@pytest.fixture
def pond(build):
    """A pond of 12 x 12 pixels (0.0144 km2), columns 20-31, rows 5-16, and nothing else."""
    build.year(2024, (M.POND, 20, 5, 12, 12))
    return build.waters(("pond", "pond", "aquaculture", NAN, build.area(20, 5, 12, 12))).truth


def classes(truth, year=2024):
    """The true classes as a map that a run would write."""
    true = truth.true_water(year)
    return np.select([true.permanent, true.seasonal], [1.0, 2.0], 0.0).astype("float32")


def test_the_truth_itself_gets_perfect_scores(pond, read):
    scores = water.score_water(pond.water(2024)["frequency"], classes(pond), pond, 2024)
    for subset in ("all", "inland", "bodies above 0.01 km2", "permanent class"):
        assert [read(scores, m, subset) for m in ("precision", "recall", "f1")] == [1, 1, 1]
    assert all(read(scores, "area_bias", s) == 0 for s in ("all", "inland", "bodies above 0.01 km2"))
    assert read(scores, "rmse", "frequency") == 0 and read(scores, "recall", "pond") == 1 and read(scores, "observed_share") == 100
    assert read(scores, "false_share", "false on maize") == 0 and read(scores, "false_share", "false on bank") == 0
    assert all(s.n > 0 or math.isnan(s.value) for s in scores)


def test_a_map_shifted_by_a_pixel(pond, read):
    scores = water.score_water(None, np.roll(classes(pond), 1, axis=1), pond, 2024)
    for metric in ("precision", "recall", "f1"):
        assert read(scores, metric) == pytest.approx(132 / 144)  # one column of 12 is lost on the left and gained on the right
        assert read(scores, metric, "bodies above 0.01 km2") == pytest.approx(132 / 144)
    assert read(scores, "area_bias") == 0  # the shift does not change the area
    assert read(scores, "false_share", "false on bank") == pytest.approx(100 * 12 / 52)  # a rim of 14 * 14 - 12 * 12 pixels


def test_false_water_by_cause_and_ice(pond, read):
    """The pond freezes: half of it called seasonal. Ten of the dry pixels away from it are called water, all of them on fields."""
    found = classes(pond)
    found[5:11, 20:32] = 2
    found[25, 5:15] = 1
    scores = water.score_water(None, found, pond, 2024)
    land = 40 * 30 - 14 * 14
    assert read(scores, "false_share", "false from cloud edges") == pytest.approx(100 * 10 / land)
    assert not [s for s in scores if s.subset == "false from building shadow"]
    assert read(scores, "missed_share", "permanent water lost to ice") == pytest.approx(50)
    assert read(scores, "f1", "lakes and ponds above 0.01 km2") == 1  # the false water lies farther away than its rim


def test_a_map_of_zeros_finds_nothing(pond, read):
    scores = water.score_water(None, np.zeros(pond.grid.shape, "float32"), pond, 2024)
    assert read(scores, "recall") == read(scores, "f1") == 0 and math.isnan(read(scores, "precision"))
    assert read(scores, "area_bias") == -100 and read(scores, "f1", "bodies above 0.01 km2") == 0


def test_a_map_of_nothing_but_missing_has_no_marks(pond, read):
    scores = water.score_water(np.full(pond.grid.shape, np.nan), np.full(pond.grid.shape, np.nan), pond, 2024)
    assert read(scores, "observed_share") == 0
    others = [s for s in scores if s.metric != "observed_share"]
    assert others and all(math.isnan(s.value) and s.n == 0 for s in others)


def test_a_missing_part_is_neither_right_nor_wrong(pond, read):
    found = classes(pond)
    found[:, 26:] = np.nan  # 6 of the 12 columns of the pond, 14 of the 40 of the map
    scores = water.score_water(None, found, pond, 2024)
    assert read(scores, "f1") == 1 and read(scores, "area_bias") == 0 and read(scores, "observed_share") == 65
    assert next(s.n for s in scores if s.metric == "recall" and s.subset == "all") == 72


def test_false_water_is_laid_at_the_door_of_the_ground_under_it(build, read):
    build.year(2024, (M.BUILT, 2, 2, 10, 10), (M.POND, 20, 5, 12, 12))
    truth = build.waters(("pond", "pond", "", NAN, build.area(20, 5, 12, 12))).truth
    found = classes(truth)
    found[2:7, 2:12] = 1  # half of the built ground
    scores = water.score_water(None, found, truth, 2024)
    assert read(scores, "false_share", "false on built") == 50 and read(scores, "false_share", "false on maize") == 0
    assert read(scores, "precision") == pytest.approx(144 / 194) and read(scores, "recall", "pond") == 1


def test_a_half_pixel_counts_as_water_and_its_area_as_a_half(build, read):
    """A creek of 5 m in the middle of column 3, 30 pixels long: half of each pixel."""
    build.year(2024, (M.RIVER, 3.25, 0, 0.5, 30))
    build.vector("rivers", [build.line((3.5, 0), (3.5, 30))], name=["creek"], width_m=[5.0])
    truth = build.waters(("creek", "river", "", 5.0, build.area(3.25, 0, 0.5, 30))).truth
    true = truth.true_water(2024)
    assert true.water[:, 3].all() and true.water.sum() == 30 and true.water_share.sum() == 15
    scores = water.score_water(None, classes(truth), truth, 2024)
    assert read(scores, "recall", "rivers under 20 m") == 1 and read(scores, "f1") == 1
    assert read(scores, "area_bias") == 100  # 30 pixels are called, 15 pixels of water are there
    assert read(scores, "width_bias", "rivers under 20 m") == pytest.approx(5)  # 10 m are called, 5 m are there


def test_rivers_by_width(build, read):
    """A river of 20 m in columns 5-6 and one of 100 m in columns 20-29; the map misses half the narrow one, and adds a column to the wide."""
    build.year(2024, (M.RIVER, 5, 0, 2, 30), (M.RIVER, 20, 0, 10, 30))
    build.vector("rivers", [build.line((6, 0), (6, 30)), build.line((25, 0), (25, 30))], name=["a", "b"], width_m=[20.0, 100.0])
    truth = build.waters(("a", "river", "", 20.0, build.area(5, 0, 2, 30)), ("b", "canal", "", 100.0, build.area(20, 0, 10, 30))).truth
    found = classes(truth)
    found[:, 6], found[:, 30] = 0, 1
    scores = water.score_water(None, found, truth, 2024)
    assert read(scores, "recall", "rivers 20-40 m") == 0.5 == read(scores, "recall", "river")
    assert read(scores, "recall", "rivers above 80 m") == 1 == read(scores, "recall", "canal")
    assert read(scores, "width_bias", "rivers 20-40 m") == pytest.approx(-10)
    assert read(scores, "width_bias", "rivers above 80 m") == pytest.approx(10)


def test_seasonal_water_is_told_from_permanent(build, read):
    build.year(2024, (M.LAKE, 5, 5, 10, 10), (M.WETLAND_CORE, 15, 5, 10, 10))
    truth = build.waters(("lake", "lake", "", NAN, build.area(5, 5, 10, 10))).truth
    assert truth.true_water(2024).permanent.sum() == truth.true_water(2024).seasonal.sum() == 100
    found = np.where(truth.true_water(2024).water, np.float32(1), np.float32(0))  # all of it called permanent
    scores = water.score_water(None, found, truth, 2024)
    assert read(scores, "f1") == 1 and read(scores, "f1", "permanent class") == pytest.approx(2 / 3) and read(scores, "recall", "seasonal class") == 0


def test_small_water_and_the_sea_are_not_among_the_bodies(build, read):
    """The sea in the lowest four rows, a pond of 3 x 3 pixels, a large one of 12 x 12; the map misses the sea and the small pond."""
    build.year(2024, (M.SEA, 0, 26, 40, 4), (M.POND, 5, 5, 3, 3), (M.POND, 20, 5, 12, 12))
    truth = build.waters(("s", "pond", "", NAN, build.area(5, 5, 3, 3)), ("l", "pond", "", NAN, build.area(20, 5, 12, 12))).truth
    found = classes(truth)
    found[26:], found[5:8, 5:8] = 0, 0
    scores = water.score_water(None, found, truth, 2024)
    assert read(scores, "f1", "bodies above 0.01 km2") == 1 and read(scores, "area_bias", "bodies above 0.01 km2") == 0
    assert read(scores, "recall", "inland") == pytest.approx(144 / 153) and read(scores, "recall") == pytest.approx(144 / 313)


def test_a_tidal_pixel_is_judged_by_time_a_bank_by_area(build):
    build.year(2024, (M.WET_SAND, 0, 20, 40, 6), (M.SEA, 0, 26, 40, 4), (M.CONCRETE, 20, 20, 20, 6), (M.SEA, 20, 25.75, 20, 0.25))
    truth = build.truth
    truth.water(2024)["frequency"][24, :20] = 0.3  # a row of the beach lies under water for 30 % of the year
    true = truth.true_water(2024)
    assert true.seasonal[24, :20].all() and not true.water[23].any()
    assert not true.water[25, 20:].any() and true.water_share[25, 30] == 0.25  # a quarter of the pixel at the wall is sea
    assert true.permanent[26:].all() and true.sea[22:].any() and not true.sea[:20].any()


def test_cover_by_hand(build, read):
    truth = build.year(2024, (M.LAKE, 0, 0, 40, 15)).truth  # half the map is water; 600 pixels of land have cover 0.8
    found = np.full(truth.grid.shape, 0.9, "float32")
    found[15:20] = 0.6  # a third of the land
    scores = vegetation.score_vegetation(found, None, truth, 2024, fvc_peak_sigma=np.full_like(found, 0.06))
    assert read(scores, "bias") == pytest.approx((-0.2 + 2 * 0.1) / 3, abs=1e-6)
    assert read(scores, "rmse") == pytest.approx(math.sqrt((0.04 + 2 * 0.01) / 3), abs=1e-6)
    assert read(scores, "bias", "cover 80-90 %") == read(scores, "bias") and math.isnan(read(scores, "bias", "cover 0-10 %"))
    assert read(scores, "coverage", "pixel sigma") == pytest.approx(200 / 3)  # 1.96 * 0.06 holds 0.1 and not 0.2
    assert {s.product for s in scores} == {"fvc_peak"} and {s.n for s in scores if s.subset == "all"} == {600}


def test_true_cover_gets_perfect_scores(build, read):
    truth = build.year(2024, (M.LAKE, 0, 0, 4.25, 15)).truth
    bands = truth.vegetation(2024)
    scores = vegetation.score_vegetation(bands["fvc_peak"], bands["fvc_growing"], truth, 2024)
    for product in ("fvc_peak", "fvc_growing"):
        assert [read(scores, m, "all", product) for m in ("bias", "rmse", "concordance", "observed_share")] == [0, 0, 1, 100]


def test_cover_that_was_not_observed_has_no_marks(build, read):
    truth = build.year(2024).truth
    nothing = np.full(truth.grid.shape, np.nan, "float32")
    scores = vegetation.score_vegetation(nothing, None, truth, 2024)
    assert read(scores, "observed_share") == 0 and math.isnan(read(scores, "bias")) and math.isnan(read(scores, "concordance"))


def test_missing_pixels(read):
    values, seen = np.array([0.5, np.nan, np.nan, 0.7]), np.array([3, 0, 1, 0])
    scores = missing.score_missing_pixels("fvc_peak", values, seen, least=2)
    assert read(scores, "without_observation", "fvc_peak") == 50  # one of two numbers rests on nothing
    assert read(scores, "told_missing", "fvc_peak") == pytest.approx(200 / 3)  # two of the three seen fewer than twice


def test_missing_where_all_was_seen(read):
    scores = missing.score_missing_pixels("water", np.zeros(4), np.full(4, 9))
    assert read(scores, "without_observation", "water") == 0 and math.isnan(read(scores, "told_missing", "water"))


def test_missing_county_values(read):
    import pandas as pd

    table = pd.DataFrame(
        {
            "indicator": ["a", "a", "a", "b"],
            "value": [1.0, np.nan, 2.0, np.nan],
            "observed_fraction": [1.0, 0.2, 0.3, 0.1],
            "status": ["met", "insufficient_data", "met", "no_target"],
            "reason": ["", "20 % observed", "", ""],
        }
    )
    scores = missing.score_missing_counties(table, {"a": 0.5})
    assert read(scores, "withheld", "county values") == 50 and read(scores, "without_reason", "county values") == 50
    assert read(missing.score_missing_counties(table, 0.5), "withheld", "county values") == pytest.approx(200 / 3)


def test_years_together():
    first = [Score("water", "rmse", "all", 3.0, "1", 10), Score("water", "recall", "all", 0.5, "1", 10), Score("water", "f1", "x", NAN, "1", 0)]
    second = [Score("water", "rmse", "all", 4.0, "1", 10), Score("water", "recall", "all", 1.0, "1", 30), Score("water", "f1", "x", NAN, "1", 0)]
    rmse, recall, f1 = combine([first, second])
    assert (rmse.value, rmse.n) == (pytest.approx(math.sqrt(12.5)), 20) and (recall.value, recall.n) == (0.875, 40)
    assert math.isnan(f1.value) and f1.n == 0


def test_a_map_on_another_part_of_the_grid_is_laid_in_place(tmp_path, build):
    truth, bands = build.year(2024).truth, [MapBand("class", "class")]
    larger = truth.grid.window(-2, -3, 40, 50)
    values = np.arange(2000, dtype="float32").reshape(40, 50)
    write_map(tmp_path / "m.tif", larger, {"class": values}, bands, {})
    assert np.array_equal(on_grid(tmp_path / "m.tif", "class", truth.grid), values[2:32, 3:43])
    write_map(tmp_path / "s.tif", truth.grid.window(10, 10, 20, 30), {"class": np.ones((20, 30))}, bands, {})
    part = on_grid(tmp_path / "s.tif", "class", truth.grid)
    assert np.isnan(part[:10]).all() and np.isnan(part[:, :10]).all() and (part[10:, 10:] == 1).all()


def test_a_map_of_other_pixels_is_refused(tmp_path, build):
    from dataclasses import replace

    truth, bands = build.year(2024).truth, [MapBand("class", "class")]
    write_map(tmp_path / "m.tif", replace(truth.grid, left=truth.grid.left + 4), {"class": np.ones(truth.grid.shape)}, bands, {})
    with pytest.raises(RasterError, match="not those of the world") as fault:
        on_grid(tmp_path / "m.tif", "class", truth.grid)
    assert "grid.resolution_m 10" in fault.value.remedy
    with pytest.raises(RasterError, match="not made yet"):
        on_grid(tmp_path / "none.tif", "class", truth.grid)


def test_a_folder_without_truth_is_told(tmp_path):
    with pytest.raises(ConfigError, match="no truth of a simulated world") as fault:
        _ = Truth(tmp_path).years
    assert "--truth" in fault.value.remedy


@pytest.mark.parametrize("width, covered", [(0.75, True), (1, False)])
def test_the_sea_covers_what_is_no_inland_water(build, width, covered):
    """Soil that the sea covers for a tenth of the year, and a pond over ``width`` of the pixels of column 0."""
    build.year(2024, (M.SOIL, 0, 0, 2, 30), (M.POND, 0, 0, width, 30), flooded=0.1, tidal=M.SOIL)
    flooded = build.truth.flooded_by_sea(2024)
    assert flooded[:, 0].all() == covered and flooded[:, 1].all() and not flooded[:, 2:].any()
