"""Black-odorous objects and the coast: shapes whose marks a reader can count. The grid has 40 x 30 pixels of 10 m."""

import math

import geopandas as gpd
import numpy as np
import pytest

from rs_pipeline.simulation.materials import Material as M
from rs_pipeline.validation import black_odorous, coastline, counties

NAN = float("nan")


@pytest.fixture
def river(build):
    """A river of 40 m across the map in rows 10-13, black from column 10 to 20 in 2024 and clean in 2025; a muddy pond beside it."""
    for year in (2024, 2025):
        stretch = ((M.BLACK_FES, 10, 10, 10, 4),) if year == 2024 else ()
        build.year(year, (M.RIVER, 0, 10, 40, 4), (M.POND, 5, 20, 6, 6), *stretch)
    build.vector("rivers", [build.line((0, 12), (40, 12))], name=["river"], width_m=[40.0])
    build.vector("black_odorous", [build.area(10, 10, 10, 4)], river=["river"], years=["2024"], type=["fes"], months=["4;5;6"])
    return build.waters(("river", "river", "", 40.0, build.area(0, 10, 40, 4)), ("pond", "pond", "aquaculture", NAN, build.area(5, 20, 6, 6)))


def objects(build, **changes):
    """Four reaches of 100 m in 2024, of which the second is black, and the pond."""
    shapes = [build.line((c, 12), (c + 10, 12)) for c in (0, 10, 20, 30)] + [build.area(5, 20, 6, 6)]
    columns = {
        "period": ["2024"] * 5,
        "probability": [0.1, 0.9, 0.2, 0.1, 0.6],
        "flagged": [False, True, False, False, False],
        "assessed": [True] * 5,
    } | changes
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=build.grid.crs)


def test_objects_are_matched_by_their_share(river):
    labels = black_odorous.label(objects(river), river.truth)
    assert labels.black_share.tolist() == pytest.approx([0, 1, 0, 0, 0])
    assert labels.black_type.tolist() == ["", "fes", "", "", ""] and labels.water.tolist() == ["plain"] * 4 + ["aquaculture"]


def test_a_year_without_black_water_has_none(river):
    assert black_odorous.label(objects(river, period=["2025"] * 5), river.truth).black_share.sum() == 0
    assert black_odorous.label(objects(river, period=["1999"] * 5), river.truth).empty


def test_right_classes_get_perfect_scores(river, read):
    scores = black_odorous.score_black_odorous(objects(river), river.truth)
    assert read(scores, "recall") == read(scores, "precision") == read(scores, "roc_auc") == read(scores, "average_precision") == 1
    assert read(scores, "false_alarm_rate") == 0 and read(scores, "precision_at_1%") == 1 and read(scores, "recall", "type fes") == 1
    assert read(scores, "recall_at_1%_false_alarms") == 1 and read(scores, "stretches_found") == 1


def test_a_false_alarm_is_laid_at_the_door_of_its_water(river, read):
    table = objects(river, flagged=[False, True, False, False, True])
    scores = black_odorous.score_black_odorous(table, river.truth)
    assert read(scores, "false_alarm_rate") == 0.25 and read(scores, "precision") == 0.5
    assert read(scores, "precision_at_1%") == pytest.approx(0.01 / (0.01 + 0.99 * 0.25))
    assert read(scores, "false_alarm_rate", "false on aquaculture") == 1 and read(scores, "false_alarm_rate", "false on plain") == 0


def test_what_was_not_assessed_is_told_and_not_counted_as_clean(river, read):
    table = objects(river, assessed=[True, False, True, True, False], probability=[0.1, NAN, 0.2, 0.1, NAN], flagged=[False] * 5)
    scores = black_odorous.score_black_odorous(table, river.truth)
    assert math.isnan(read(scores, "recall")) and read(scores, "recall", "all, unassessed missed") == 0
    assert read(scores, "not_assessed_share") == 40 and read(scores, "not_assessed_share", "truly black") == 100
    assert read(scores, "stretches_found") == 0 and math.isnan(read(scores, "roc_auc"))


def test_a_stretch_that_was_never_made_an_object_is_missed(river, read):
    scores = black_odorous.score_black_odorous(objects(river).drop(index=1), river.truth)
    assert math.isnan(read(scores, "recall")) and read(scores, "stretches_found") == 0


def test_partly_black_objects_are_neither_hits_nor_false_alarms(river, read):
    table = objects(river, flagged=[True, True, False, False, False])
    table.loc[0, "geometry"] = river.line((2, 12), (12, 12))  # a fifth of it is black
    scores = black_odorous.score_black_odorous(table, river.truth)
    assert read(scores, "partly_black") == 1 and read(scores, "precision") == 1 and read(scores, "false_alarm_rate") == 0


def test_subsets_by_width_and_by_possible(river, read):
    table = objects(
        river, flagged=[False] * 5, listed=[False, True, False, False, True], width_class=["marginal", "marginal", "assessable", "assessable", "assessable"]
    )
    scores = black_odorous.score_black_odorous(table, river.truth)
    assert (
        read(scores, "recall") == 0 and read(scores, "recall", "suspected or possible") == 1 and read(scores, "stretches_found", "suspected or possible") == 1
    )
    assert math.isnan(read(scores, "recall", "assessable width")) and read(scores, "false_alarm_rate", "assessable width") == 0
    assert read(scores, "false_alarm_rate", "false on aquaculture, suspected or possible") == 1


def test_objects_away_from_inland_water(build, river):
    build.year(2024, (M.SEA, 0, 26, 40, 4), (M.WETLAND_EDGE, 30, 18, 8, 5))
    shapes = [build.line((2, 28), (12, 28)), build.area(31, 19, 5, 3), build.line((20, 3), (30, 3))]
    table = gpd.GeoDataFrame({"period": "2024", "probability": 0.1, "flagged": False, "assessed": True}, geometry=shapes, crs=build.grid.crs, index=[0, 1, 2])
    assert black_odorous.label(table, build.truth).water.tolist() == ["sea", "seasonal wetland", "no water"]


def test_pixels(river, read):
    found = np.zeros(river.grid.shape, "float32")
    found[10:14] = 1
    found[10:14, 10:15], found[10:14, 15:18], found[10:14, 18:20], found[10:14, 30] = 3, 2, 4, 3
    scores = black_odorous.score_black_odorous_pixels(found, river.truth, 2024)
    assert read(scores, "recall", "pixels") == 0.5 and read(scores, "recall", "pixels, suspected or possible") == 0.8
    assert read(scores, "not_assessed_share", "pixels, truly black") == pytest.approx(20)
    assert read(scores, "false_alarm_rate", "pixels") == pytest.approx(4 / (30 * 4))  # the pond is class 0: not assessed


SHORE_ROW = 20.0


@pytest.fixture
def coast(build):
    """A straight coast at row 20, drawn from west to east, so that the sea lies to the south. Its western half is sand that moves seaward by
    4 m a year, its eastern half a dyke that stays."""
    shapes, columns = [], {"year": [], "section": [], "class": [], "type": []}
    for i, year in enumerate((2023, 2024, 2025)):
        build.year(year, (M.SEA, 0, SHORE_ROW, 40, 10))
        moved = SHORE_ROW + 0.4 * i
        parts = ((0, 20, moved, "beach", "natural", "sand"), (20, 40, SHORE_ROW, "dyke", "artificial", "dyke"))
        for left, right, row, section, kind, type_ in parts:
            shapes.append(build.line(*((c, row) for c in np.linspace(left, right, 41))))
            for name, entry in zip(columns, (year, section, kind, type_), strict=True):
                columns[name].append(entry)
    return build.vector("shorelines", shapes, **columns)


def drawn(build, *parts, sensor="sentinel-2", sigma=NAN):
    """Lines at a row; each part is (year, left, right, row)."""
    return gpd.GeoDataFrame(
        {"year": [p[0] for p in parts], "sensor": sensor, "position_error_m": sigma},
        geometry=[build.line((left, row), (right, row)) for _, left, right, row in parts],
        crs=build.grid.crs,
    )


def test_the_true_coast_gets_perfect_scores(coast, read):
    lines = coast.truth.shorelines.assign(sensor="truth")
    scores = coastline.score_lines(lines, coast.truth)
    for subset in ("all", "sand", "dyke"):
        assert [read(scores, m, subset) for m in ("bias", "rmse", "sd", "found_share")] == pytest.approx([0, 0, 0, 100], abs=1e-6)
    assert read(scores, "untrue_share") == pytest.approx(0, abs=1e-6)
    assert next(s.n for s in scores if s.metric == "found_share" and s.subset == "all") == 60  # 400 m, every 20 m, three years


def test_lines_too_far_to_sea_have_a_positive_bias(coast, read):
    scores = coastline.score_lines(drawn(coast, (2023, 0, 40, SHORE_ROW + 0.5)), coast.truth)
    assert read(scores, "bias") == pytest.approx(5) and read(scores, "rmse") == pytest.approx(5) and read(scores, "sd") == pytest.approx(0, abs=1e-6)
    landward = coastline.score_lines(drawn(coast, (2023, 40, 0, SHORE_ROW - 0.5)), coast.truth)  # drawn the other way round
    assert read(landward, "bias") == pytest.approx(-5) and read(landward, "rmse", "dyke") == pytest.approx(5)


def test_coast_beyond_the_world_is_not_missed(build, read):
    build.year(2023, (M.SEA, 0, SHORE_ROW, 40, 10))
    long = build.line(*((c, SHORE_ROW) for c in range(-10, 51)))  # 100 m further than the 400 m of the world, at both ends
    build.vector("shorelines", [long], year=[2023], section=["dyke"], type=["dyke"], **{"class": ["artificial"]})
    scores = coastline.score_lines(drawn(build, (2023, 0, 40, SHORE_ROW)), build.truth)
    found = next(s for s in scores if s.metric == "found_share" and s.subset == "all")
    assert found.n == 20 and found.value == 100


def test_coast_that_was_not_drawn_is_told(coast, read):
    scores = coastline.score_lines(drawn(coast, (2023, 0, 20, SHORE_ROW), (2024, 0, 0, 0), (2025, 0, 0, 0)), coast.truth)
    assert read(scores, "found_share", "sand") == pytest.approx(100 / 3) and read(scores, "found_share", "dyke") == 0
    assert math.isnan(read(scores, "rmse", "dyke")) and read(scores, "rmse", "sand") == pytest.approx(0, abs=1e-6)


def test_lines_where_there_is_no_coast(coast, read):
    scores = coastline.score_lines(drawn(coast, (2023, 0, 40, SHORE_ROW), (2023, 0, 10, 5.0)), coast.truth)  # 100 of 500 m, 150 m inland
    assert read(scores, "untrue_share") == pytest.approx(20) and read(scores, "rmse") == pytest.approx(0, abs=1e-6)


def test_stated_position_errors_are_held_to(coast, read):
    parts = ((2023, 0, 40, SHORE_ROW + 0.5),)  # 5 m off
    assert read(coastline.score_lines(drawn(coast, *parts, sigma=3.0), coast.truth), "coverage") == 100
    assert read(coastline.score_lines(drawn(coast, *parts, sigma=2.0), coast.truth), "coverage") == 0


def test_sensors_apart(coast, read):
    lines = drawn(coast, (2023, 0, 40, SHORE_ROW), (2024, 0, 40, SHORE_ROW + 0.4))
    lines.loc[1, "sensor"] = "landsat"
    assert read(coastline.score_lines(lines, coast.truth, sensor="landsat"), "bias", "dyke, landsat") == pytest.approx(4)
    assert read(coastline.score_lines(lines, coast.truth, sensor="sentinel-2"), "bias", "dyke, sentinel-2") == pytest.approx(0, abs=1e-6)


def transects(build, **columns):
    """Four transects of 200 m from land to sea: two on the sand, two on the dyke."""
    shapes = [build.line((c, SHORE_ROW - 10), (c, SHORE_ROW + 10)) for c in (5, 15, 25, 35)]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=build.grid.crs)


def test_true_distances_and_rates(coast):
    true = coastline.true_distances(transects(coast, x=[0] * 4), coast.truth)
    assert true.loc[0, [2023, 2024, 2025]].tolist() == pytest.approx([100, 104, 108]) and true.loc[3, 2025] == pytest.approx(100)
    assert true.type.tolist() == ["sand", "sand", "dyke", "dyke"]
    assert coastline.slopes(np.array([2023, 2024, 2025]), true[[2023, 2024, 2025]].to_numpy()) == pytest.approx([4, 4, 0, 0], abs=1e-6)


def test_rates_by_hand(coast, read):
    table = transects(coast, lrr_m_yr=[4.5, 3.5, 0.0, 1.0], lrr_ci95_m_yr=[0.6, 0.4, 1.0, NAN])
    scores = coastline.score_rates(table, coast.truth)
    assert read(scores, "mae", "sand") == pytest.approx(0.5) and read(scores, "bias", "sand") == pytest.approx(0, abs=1e-6)
    assert read(scores, "coverage", "sand") == 50 and read(scores, "median_width", "sand") == pytest.approx(1.0)
    assert read(scores, "coverage", "dyke") == 100 and read(scores, "mae") == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)


def test_classes_by_hand(coast, read):
    called = ["natural", "uncertain", "artificial", "natural"]
    table = transects(coast, unit_class=called, length_m=[100.0] * 4, converted_to=["", "", "artificial", None])
    scores = coastline.score_classes(table, coast.truth)
    assert read(scores, "accuracy") == 0.5 and read(scores, "accuracy", "decided") == pytest.approx(2 / 3)
    assert read(scores, "recall", "natural") == 0.5 == read(scores, "recall", "artificial")
    assert read(scores, "retention_error") == pytest.approx(12.5)  # 2.5 of 4 units are called natural, half of the coast is
    assert read(scores, "false_conversion_share") == 25.0, "the dyke was one all the time"
    assert math.isnan(read(scores, "conversion_found_share"))


def test_the_true_rate_and_lengths_of_a_coast_with_a_fill(build):
    """200 m of sand at 4 m a year, 100 m of dyke that stays, 80 m filled 110 m out in 2024, and 20 m of a river mouth: the fill is in no rate."""
    shapes, columns = [], {"year": [], "section": [], "class": [], "type": []}
    for i, year in enumerate((2023, 2024, 2025)):
        build.year(year, (M.SEA, 0, SHORE_ROW, 40, 10))
        filled = SHORE_ROW - 11 + 11 * (i > 0)
        parts = (
            (0, 20, SHORE_ROW - 5 + 0.4 * i, "natural", "sand"),
            (20, 30, SHORE_ROW - 5, "artificial", "dyke"),
            (30, 38, filled, "artificial", "reclamation"),
            (38, 40, SHORE_ROW - 5, "river mouth", "river mouth"),
        )
        for left, right, row, kind, type_ in parts:
            shapes.append(build.line(*((c, row) for c in np.linspace(left, right, 41))))
            for name, entry in zip(columns, (year, type_, kind, type_), strict=True):
                columns[name].append(entry)
    build.vector("shorelines", shapes, **columns)
    build.vector("units", [build.area(0, 0, 40, 30)], adcode=["990101"], name=["W"], prefecture=[""])
    table = counties.true_indicators(build.truth).query("adcode == '990101'")
    true = {(r.period, r.indicator): r.true for r in table.itertuples()}
    assert true["2025", "coast_mean_rate"] == pytest.approx(4 * 200 / 300, rel=0.01)
    lengths = [true["2025", name] for name in ("natural_coast_length_km", "artificial_coast_length_km", "estuary_length_km")]
    assert lengths == pytest.approx([0.2, 0.18, 0.02], rel=0.01)


def test_cross_checks_by_hand(coast, read):
    """The shore of 2023 lies at 100 m, and maize begins right behind it."""
    table = transects(coast, radar_2023=[107.0, NAN, 98.0, 96.0], vegetation_line_2023=[70.0, 90.0, NAN, 100.0])
    scores = coastline.score_cross_checks(table, coast.truth, {"2023": 2023})
    radar = [read(scores, m, subset, "shoreline_radar") for m, subset in (("bias", "sand"), ("bias", "dyke"), ("rmse", "dyke"), ("found_share", "sand"))]
    assert radar == pytest.approx([7, -3, 10**0.5, 50]) and read(scores, "median_absolute_error", "all", "shoreline_radar") == pytest.approx(4)
    plants = [read(scores, m, "all", "vegetation_line") for m in ("bias", "median_absolute_error", "found_share")]
    assert plants == pytest.approx([-40 / 3, 10, 75])
    assert coastline.score_cross_checks(table.iloc[:0], coast.truth, {"2023": 2023}) == []


def test_steps_between_sections_are_no_coast(build):
    points = [(c, 20.0) for c in range(10)] + [(c, 5.0) for c in range(10, 20)]
    parts = coastline._without_steps(build.line(*points))
    assert [p.length for p in parts] == pytest.approx([90, 90])


def test_an_inland_world_has_no_coast_to_score(build):
    truth, lines = build.year(2024).truth, drawn(build, (2024, 0, 40, 20.0))
    assert coastline.score_lines(lines, truth) == coastline.score_rates(transects(build), truth) == coastline.score_classes(transects(build), truth) == []
    assert black_odorous.score_black_odorous(lines, truth) == [] == black_odorous.score_black_odorous_pixels(np.zeros(build.grid.shape), truth, 2024)
