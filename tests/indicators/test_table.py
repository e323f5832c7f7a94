"""The step ``indicators`` from files to files."""

import csv
import math
from dataclasses import dataclass, replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.estimate import Estimate
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.estimation.zones import REGION, Unit
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.status import STATUSES
from rs_pipeline.indicators.supplied import official
from rs_pipeline.indicators.table import INDICATOR_COLUMNS, Judge, Known, build, indicators, unanswered
from rs_pipeline.indicators.targets import load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.red_line.areas import geodesic_area_km2, red_line_areas

KM2 = 1e6
TARGETS = load_targets(config_folder() / "targets.csv", INDICATORS)


@pytest.fixture
def table(fake_run):
    """The table of a run of two counties and two years, changed by ``prepare(run)``."""

    def table(prepare=lambda run: None, supplied=None, **keywords):
        run = fake_run(**keywords)
        prepare(run)
        return build(Run.read(run.counties().settings), TARGETS, {key: official(value) for key, value in (supplied or {}).items()})

    return table


def pick(table, **wanted):
    """The one row with these values."""
    rows = table[np.all([table[c] == v for c, v in wanted.items()], axis=0)]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def test_every_target_and_indicator_for_every_unit_and_period(table):
    got = table()
    for (adcode, period), rows in got.groupby(["adcode", "period"]):
        assert {t.target_id for t in TARGETS} <= set(rows.target_id), (adcode, period)
        assert set(INDICATORS) <= set(rows.indicator)
        assert not rows.duplicated(["indicator", "target_id"]).any()
    assert set(got.adcode) == {"130001", "130002", "130000", REGION} and set(got.level[got.adcode == "130000"]) == {"prefecture"}
    assert set(got.period) == {"2023", "2024"}
    assert set(got.status) <= set(STATUSES)
    assert got.observed_fraction.notna().all() and got.observed_fraction.between(0, 1).all()


def test_a_row_without_value_says_why(table):
    got = table()
    assert (got.reason[got.value.isna()] != "").all()
    assert set(got.status[got.value.isna()]) <= {"insufficient_data", "not_built", "needs_table", "not_observable", "no_target"}
    assert got.lower.isna().eq(got.interval == "").all()


def test_not_observable_and_needs_table(table):
    got = table()
    carbon = pick(got, adcode="130001", period="2024", target_id="C00-03")
    assert (carbon.status, carbon.indicator, carbon.n_scenes) == ("not_observable", "C00-03", 2) and "emissions" in carbon.reason
    blue_green = pick(got, adcode=REGION, period="2024", target_id="C17-01")
    assert blue_green.status == "needs_table" and math.isnan(blue_green.value)
    assert blue_green.indicator == "blue_green_share" and "tables.xiongan" in blue_green.reason
    panels = pick(got, adcode=REGION, period="2024", target_id="C02-01")
    assert panels.status == "insufficient_data" and panels.indicator == "solar_capacity"
    for name in ("grassland_fvc", "grassland_cover"):
        assert pick(got, adcode="130001", period="2024", target_id="C10-02", indicator=name).status == "needs_table"
    forest = pick(got, adcode="130001", period="2024", target_id="C10-01", indicator="forest_cover")
    assert (forest.status, forest.indicator, forest.reason.partition(";")[0]) == ("insufficient_data", "forest_cover", "this run made no land map")


def test_region_is_the_sum_of_the_counties(table):
    got = table(lambda run: run.changes.update({("130001", 2024): {"water_permanent_m2": 12 * KM2, "greening_m2": 4 * KM2}}))
    got = got[got.period == "2024"].drop_duplicates(["adcode", "indicator"])
    for name in ("water_permanent_area", "water_seasonal_area", "greening_net"):
        rows = got[got.indicator == name].set_index("adcode").value
        assert rows[REGION] == pytest.approx(rows["130001"] + rows["130002"]), name
    assert got[(got.adcode == REGION)].n_scenes.eq(2).all()  # both counties lie in the same two scenes


def test_region_of_a_county_without_scenes_knows_half(table):
    unseen = {"n_scenes": 0, "water_observed_m2": 0.0, "fvc_peak_sigma": math.nan, "fvc_peak_observed_m2": 0.0}
    unseen |= {f"water_permanent_{s}": 0.0 for s in ("m2", "lower_m2", "upper_m2", "var_m4")}
    got = table(lambda run: run.changes.update({("130001", 2024): unseen | {"fvc_peak_sum_m2": 0.0}}))
    dark = pick(got, adcode="130001", period="2024", indicator="water_permanent_area")
    assert math.isnan(dark.value) and (dark.status, dark.n_scenes) == ("insufficient_data", 0)
    region = pick(got, adcode=REGION, period="2024", indicator="water_permanent_area")
    assert (region.observed_fraction, region.interval) == (0.5, "range")
    assert (region.value, region.lower, region.upper) == pytest.approx((20, 7.3836, 112.6164), abs=1e-3)
    assert pick(got, adcode=REGION, period="2024", indicator="fvc_peak_mean").value == pytest.approx(60.0)


def test_inland_and_coastal_county(table):
    got = table(lambda run: run.coast({}, {"unit_class": "artificial", "natural_probability": 0.0}))
    inland = pick(got, adcode="130001", period="2024", target_id="C01-03", indicator="natural_coast_retention")
    assert math.isnan(inland.value) and (inland.status, inland.reason) == ("no_target", "no coast in this county")
    coastal = pick(got, adcode="130002", period="2024", target_id="C01-03", indicator="natural_coast_retention")
    assert (coastal.value, coastal.status) == (50.0, "met") and "province-wide number, read for one county" in coastal.reason
    assert pick(got, adcode=REGION, period="2024", target_id="C01-03", indicator="natural_coast_retention").value == 50.0
    moratorium = pick(got, adcode="130002", period="2024", target_id="C01-06")
    assert (moratorium.value, moratorium.status) == (0.0, "on_track")


def test_a_target_has_no_verdict_before_its_baseline_year(table):
    got = table(years=(2022, 2023, 2024, 2025))
    before = pick(got, adcode="130001", period="2023", target_id="C10-04")
    assert (before.status, before.baseline, before.value) == ("no_target", "2022", pytest.approx(200.0))
    assert "the target is measured from 2024 on" in before.reason
    assert pick(got, adcode="130001", period="2024", target_id="C10-04").status == "no_target"
    now = pick(got, adcode="130001", period="2025", target_id="C10-04")
    assert (now.value, now.status, now.baseline) == (pytest.approx(200.0), "on_track", "2024")


def test_each_target_is_measured_from_its_own_baseline(table):
    """10 km2 of built land in 2019, 20 in 2020, 22 in 2025: 1.1 times that of 2020. What changed since 2020 is summed for itself."""
    grown = {2019: 10, 2020: 20, 2021: 20, 2025: 22}
    changes = {("130001", year): {"greening_m2": 6 * KM2, "browning_m2": 0.0} for year in grown}
    got = table(lambda run: (run.changes.update(changes), run.land(grown)), years=tuple(grown))
    ratio = pick(got, adcode="130001", period="2025", target_id="C01-07")
    assert (ratio.value, ratio.baseline) == (pytest.approx(1.1), "2020")
    assert pick(got, adcode="130001", period="2019", target_id="C01-07").status == "no_target"
    cropland = pick(got, adcode="130001", period="2025", target_id="C01-08")
    assert cropland.baseline == "2020"


def test_another_baseline_stands_in_only_where_the_own_was_not_observed(table):
    dark = {("130001", 2020): {"n_scenes": 0}}
    got = table(lambda run: (run.changes.update(dark), run.land({2019: 10, 2020: 20, 2021: 20, 2025: 22})), years=(2019, 2020, 2021, 2025))
    here, there = (pick(got, adcode=code, period="2025", target_id="C01-08") for code in ("130001", "130002"))
    assert here.baseline in ("2019", "2021") and "2020, the target's baseline, was not observed here" in here.reason
    assert there.baseline == "2020" and "the target's baseline" not in there.reason


def from_year(target_id, year):
    """The targets, one of them measured from another year."""
    return [replace(t, baseline_year=year) if t.target_id == target_id else t for t in TARGETS]


def test_a_trend_is_of_the_years_from_the_targets_baseline_on(fake_run):
    """Cover rises by 4 points a year to 2021 and falls by 1 since: up over all years, down over those that the target means."""
    cover = {2017: 0.50, 2018: 0.54, 2019: 0.58, 2020: 0.62, 2021: 0.66, 2022: 0.65, 2023: 0.64, 2024: 0.63, 2025: 0.62}
    run = fake_run(years=tuple(cover))
    run.changes.update({("130001", year): {"fvc_peak_sum_m2": c * 90 * KM2} for year, c in cover.items()})
    whole = Run.read(run.counties().settings)
    trend = pick(build(whole, from_year("C09-03", 2021), {}), adcode="130001", period="2025", target_id="C09-03", indicator="fvc_peak_trend")
    assert (trend.value, trend.baseline, trend.status) == (pytest.approx(-1.0), "2021", "off_track") and trend.reason.startswith("5 years")
    short = pick(build(whole, from_year("C09-03", 2025), {}), adcode="130001", period="2025", target_id="C09-03", indicator="fvc_peak_trend")
    assert (short.value > 0, short.baseline, short.status) == (True, "2017", "no_target") and "the target is measured from 2025 on" in short.reason
    all_years = pick(build(whole, from_year("C09-03", None), {}), adcode="130001", period="2025", target_id="C09-03", indicator="fvc_peak_trend")
    assert (all_years.value > 0, all_years.baseline) == (True, "2017") and all_years.reason.startswith("9 years")


def test_years_of_a_coarser_satellite_are_not_compared(fake_run, make_scene):
    """Flat cover of 60 %, which Landsat reads at 55 until 2020: no trend, no pace, and 2021 stands in for 2020."""
    years = tuple(range(2016, 2026))
    run = fake_run(years=years)
    run.changes.update({("130001", y): {"fvc_peak_sum_m2": (0.55 if y <= 2020 else 0.60) * 90 * KM2} for y in years})
    run.counties()
    sensors = {y: "earth-search-landsat-c2-l2" if y <= 2020 else "earth-search-sentinel-2-l2a" for y in years}
    write_ledger([make_scene(f"S2-{y}-{i}", sensors[y], "p") for y in years for i in range(2)], run.layout.scenes)
    cover = replace(next(t for t in TARGETS if t.target_id == "C10-02"), target_id="T", indicator=("fvc_peak_mean",), value=58.0)
    rise = replace(cover, target_id="U", operator="increase", value=None, baseline_year=2020)
    got = build(Run.read(run.settings), [*from_year("C09-03", 2016), cover, rise], {})
    trend = pick(got, adcode="130001", period="2025", target_id="C09-03", indicator="fvc_peak_trend")
    level, change = (pick(got, adcode="130001", period="2025", target_id=t) for t in ("T", "U"))
    assert (trend.value, trend.status) == (0.0, "off_track") and trend.reason.startswith("5 years")
    assert level.slope_per_year == 0.0
    assert "not compared with 2016, 2017, 2018, 2019, 2020, seen with other pixels than 2025" in level.reason and "not compared with 2016" in trend.reason
    assert change.baseline == "2021" and "measured from 2021: 2020, the target's baseline, was seen with other pixels" in change.reason


def test_the_period_that_contains_the_baseline_year_is_the_baseline(fake_run):
    """Three years each: 2020 is in the second of them, although that ends in 2022."""
    spans = [{"label": f"{a}-{a + 2}", "start": f"{a}-01-01", "end": f"{a + 2}-12-31"} for a in (2017, 2020, 2023)]
    run = fake_run(years=("2017-2019", "2020-2022", "2023-2025"), periods=spans)
    got = build(Run.read(run.counties().settings), from_year("C10-04", 2020), {})
    rows = {period: pick(got, adcode="130001", period=period, target_id="C10-04") for period in run.years}
    assert [r.status for r in rows.values()] == ["no_target", "no_target", "on_track"]
    assert rows["2023-2025"].baseline == "2020-2022" and "measured from" not in rows["2023-2025"].reason


SEASONS = [
    {"label": f"{y}-{name}", "start": f"{y}-{first}-01", "end": f"{y}-{last}-28"}
    for y in (2023, 2024, 2025)
    for name, first, last in (("spring", "03", "05"), ("summer", "06", "08"))
]


def test_a_change_is_measured_from_the_same_season(fake_run):
    run = fake_run(years=tuple(p["label"] for p in SEASONS), periods=SEASONS)
    got = build(
        Run.read(run.counties().settings),
        TARGETS,
        {("130001", "C10-02", f"{y}-summer"): official(Interval(value)) for y, value in ((2023, 70.0), (2024, 71.0), (2025, 72.0))},
    )
    rows = {p: pick(got, adcode="130001", period=p, target_id="C10-04") for p in run.years}
    assert {p: (r.status, r.baseline) for p, r in rows.items() if p[:4] == "2025"} == {
        "2025-spring": ("on_track", "2024-spring"),
        "2025-summer": ("on_track", "2024-summer"),
    }
    assert {r.status for p, r in rows.items() if p[:4] < "2025"} == {"no_target"}
    summer = pick(got, adcode="130001", period="2025-summer", indicator="C10-02")
    assert summer.slope_per_year == pytest.approx(1.0), "by the summers alone"
    assert (
        "measured from 2023-spring, which is of another season" in pick(got, adcode="130001", period="2023-summer", indicator="water_permanent_change").reason
    )


def test_no_verdict_without_a_baseline_of_the_season(fake_run):
    run = fake_run(years=("2024", "2025-half"), periods=[2024, {"label": "2025-half", "start": "2025-01-01", "end": "2025-06-30"}])
    got = build(Run.read(run.counties().settings), TARGETS, {})
    row = pick(got, adcode="130001", period="2025-half", target_id="C10-04")
    assert row.status == "insufficient_data"
    assert "changes are measured from 2025-half on; none of those before this period has its season, 01-01 to 06-30" in row.reason


def test_another_year_of_the_season_stands_in_and_is_said(fake_run):
    halves = [{"label": f"{y}-half", "start": f"{y}-01-01", "end": f"{y}-06-30"} for y in (2023, 2025)]
    run = fake_run(years=("2023-half", "2024", "2025-half"), periods=[halves[0], 2024, halves[1]])
    row = pick(build(Run.read(run.counties().settings), TARGETS, {}), adcode="130001", period="2025-half", target_id="C10-04")
    assert (row.baseline, row.status) == ("2023-half", "on_track")
    assert "measured from 2023-half: 2024, the target's baseline, is not among the periods of this season" in row.reason


def test_prefectures_are_sums_of_their_counties(table):
    got = table(lambda run: run.changes.update({("130001", 2024): {"water_permanent_m2": 12 * KM2}}))
    rows = got[(got.indicator == "water_permanent_area") & (got.period == "2024")].set_index("level").value
    assert rows["prefecture"] == pytest.approx(rows["county"].sum()) == rows["region"]
    assert set(got.name[got.level == "prefecture"]) == {"P"}


def test_black_odorous_reaches_are_judged(table, make):
    def reaches(run):
        rows = make.reaches(*[("suspected", "assessable", 200.0)] * 5, ("clear", "assessable", 200.0))
        run.layer(run.layout.reaches, "reaches", rows.assign(adcode="130002", period="2024"))

    got = table(reaches)
    rows = got[(got.target_id == "C06-01") & (got.period == "2024") & (got.adcode == "130002")]
    assert sorted(rows.indicator) == ["black_odorous_length_km", "black_odorous_reaches"]
    assert dict(zip(rows.indicator, rows.status, strict=True)) == {"black_odorous_length_km": "not_met", "black_odorous_reaches": "no_target"}
    assert rows.set_index("indicator").reason["black_odorous_reaches"].startswith("judged by black_odorous_length_km")
    rows = rows[rows.status == "not_met"]
    assert rows.reason.str.startswith("proxy: Sentence prints no year").all()
    none = got[(got.target_id == "C06-01") & (got.period == "2024") & (got.adcode == "130001")]
    assert none.value.isna().all() and set(none.status) == {"insufficient_data"}


def test_a_body_that_counted_once_is_missed_when_unseen(table):
    def bodies(run):
        rows = [("a", "2023", "wet", 2e4), ("a", "2024", "not_observed", math.nan), ("b", "2023", "wet", 2e4), ("b", "2024", "wet", 2e4)]
        run.layer(run.layout.bodies, "bodies", pd.DataFrame(rows, columns=["body_id", "period", "state", "area_m2"]).assign(adcode="130001", counted=True))

    got = table(bodies)
    assert pick(got, adcode="130001", period="2023", indicator="water_bodies").value == 2
    now = pick(got, adcode="130001", period="2024", indicator="water_bodies")
    assert (now.observed_fraction, now.lower, now.upper, now.interval) == (0.5, 1.0, 2.0, "range")


def test_an_official_value_is_judged_beside_the_satellite(table):
    supplied = {("130001", "C10-02", "2023"): Interval(72.0), ("130001", "C10-02", "2024"): Interval(73.0)}
    got = table(supplied=supplied | {(REGION, "C17-01", "2024"): Interval(80.6, 78, 83, "range")})
    official = pick(got, adcode="130001", period="2024", target_id="C10-02", indicator="C10-02")
    assert (official.value, official.status, official.interval) == (73.0, "on_track", "")
    assert "official value; does not hold today; at +1 % a year it comes to 84 in 2035, where it holds" in official.reason and math.isnan(
        official.observed_fraction
    )
    assert pick(got, adcode="130001", period="2024", indicator="grassland_fvc", target_id="C10-02").status == "needs_table"
    assert pick(got, adcode=REGION, period="2024", target_id="C17-01", indicator="C17-01").status == "met"


def test_one_cell_of_a_target_has_one_verdict(table):
    """Built land at 1.2 times that of 2020 by the map, at 1.4 by the statistics: the statistics are held to the number."""
    got = table(
        lambda run: run.land({2019: 20, 2020: 20, 2025: 24}),
        years=(2019, 2020, 2025),
        supplied={("130001", "C01-07", y): Interval(v) for y, v in (("2020", 1.0), ("2025", 1.4))},
    )
    map_, official = (pick(got, adcode="130001", period="2025", target_id="C01-07", indicator=i) for i in ("construction_land_ratio", "C01-07"))
    assert (map_.value, map_.status) == (pytest.approx(1.2), "no_target") and "judged by the official value" in map_.reason
    assert (official.value, official.status) == (1.4, "off_track")
    assert pick(got, adcode="130002", period="2025", target_id="C01-07").status != "no_target"


def test_of_several_indicators_the_first_with_a_value_judges():
    """What judges each sentence that names several, the first first; a qualitative sentence is judged by none."""
    several = {t.target_id: t.indicator for t in TARGETS if len(t.indicator) > 1 and t.operator != "qualitative"}
    assert several == {
        "C01-03": ("natural_coast_retention_official", "natural_coast_retention"),
        "C04-04": ("bare_mine_area", "regreened_mine_area"),
        "C05-04": ("site_bare_area", "settlement_bare_area", "settlement_bare_march", "settlement_bare_april", "settlement_bare_may"),
        "C06-01": ("black_odorous_length_km", "black_odorous_reaches"),
        "C06-08": ("tidal_flat_area", "coastal_wetland_area"),
        "C09-03": ("corridor_cover_trend", "fvc_peak_trend"),
        "C10-01": ("forest_cover", "forest_change"),
        "C10-02": ("grassland_cover", "grassland_fvc"),
        "C10-05": ("wetland_area", "open_wetland_area", "grassland_fvc"),
        "C19-04": ("black_odorous_rural_length_km", "black_odorous_rural_reaches"),
    }


def test_no_cell_has_two_verdicts(table):
    """A run with coast, land map and cover: of the rows of a cell that have a value, one at most is judged."""

    def prepare(run):
        run.coast({}, {})
        run.land({2023: 20, 2024: 24})

    got = table(prepare)
    judged = got[(got.target_id != "") & got.value.notna() & (got.status != "no_target")]
    assert len(judged) > 5 and not judged.duplicated(["adcode", "period", "target_id"]).any()


def test_what_a_row_needs_is_said_in_every_period(table):
    """A run of 2019 and 2024 lacks the same tables in both, though most sentences are measured from 2020 or later on."""
    got = table(years=(2019, 2024))
    for name in (
        "bare_mine_area", "site_bare_area", "reserve_converted_area", "red_line_converted_area", "construction_land_per_gdp_fall", "corridor_cover_trend",
        "grassland_fvc",
    ):  # fmt: skip
        rows = got[got.indicator == name]
        assert len(rows) and rows.value.isna().all() and set(rows.status) == {"needs_table"} and rows.reason.str.startswith("needs ").all(), name


def test_a_level_that_is_no_official_figure_is_not_judged(fake_run):
    """50 and 52 % against at least 84: uncalibrated, the row has its value, its pace and no verdict; calibrated, it comes to 74 % in 2035."""
    judge, target, unit = Judge(fake_run().settings, 1.0), next(t for t in TARGETS if t.target_id == "C10-03"), Unit("130001", "A", "P", "county")

    @dataclass
    class Values:
        no_level: str

        def estimate(self, name, period, baseline):
            return Estimate(Interval({"2023": 50.0, "2024": 52.0}[period]), 1.0, no_level=self.no_level)

        def comparable(self, name, period, other):
            return True

        def has(self, target_id, period):
            return False

    got = judge(target, unit, "soil_conservation_rate", "2024", Values("no bulletin")).verdict
    assert (got.status, got.reason, got.slope) == ("no_target", "no bulletin; it changes by +2 % a year", Interval(2.0))
    assert judge(target, unit, "soil_conservation_rate", "2023", Values("no bulletin")).verdict.reason == "no bulletin"
    assert judge(target, unit, "soil_conservation_rate", "2024", Values("")).verdict.status == "off_track"


def test_the_official_length_of_the_coast_rules_over_the_measured_one(table):
    rows = [{}, {"unit_class": "artificial", "natural_probability": 0.0}]
    got = table(lambda run: run.coast(*rows), indicators={"official_coast_km": {"130002": 0.25}})
    measured, official = (pick(got, adcode="130002", period="2024", target_id="C01-03", indicator=f"natural_coast_retention{of}") for of in ("", "_official"))
    assert (measured.value, measured.status) == (50.0, "no_target") and "judged by natural_coast_retention_official" in measured.reason
    assert (official.value, official.status) == (pytest.approx(40.0), "met")


def test_the_ecological_index_answers_both_sentences_on_ecological_quality(table):
    """Built-up land from 10 to 60 % of the unit costs 9 to 21 points; it is measured from 2024, not from the run's own baseline."""
    got = table(lambda run: run.land({2023: 60, 2024: 10, 2025: 60}), years=(2023, 2024, 2025))
    near, far = (pick(got, adcode="130001", period="2025", target_id=key) for key in ("C00-01", "C00-02"))
    assert (near.indicator, near.baseline, near.unit, near.detection_limit) == ("ecological_index_change", "2024", "index", 1.0)
    assert (near.status, far.status) == ("off_track", "off_track") and near.upper < -1 and "a part of the index alone" in near.reason


def test_less_cordgrass_on_a_coast_meets_its_sentence_and_an_inland_unit_has_none(table):
    def sums(m2):
        return {f"spartina{part}_m2": v for part, v in (("_ground", KM2), ("_observed", KM2), ("", m2), ("_surely", m2), ("_possibly", m2))}

    def prepare(run):
        run.changes |= {("130001", 2024): sums(0.2 * KM2), ("130001", 2025): sums(0.1 * KM2)}

    got = table(prepare, years=(2024, 2025), coastline={})
    coast, inland = (pick(got, adcode=code, period="2025", target_id="C14-01") for code in ("130001", "130002"))
    assert (coast.indicator, coast.value, coast.unit, coast.baseline, coast.status) == ("spartina_area", pytest.approx(10.0), "ha", "2024", "met")
    assert (inland.status, inland.reason.split("; ")[0]) == ("no_target", "no coast in this unit") and math.isnan(inland.value)


def test_no_sentence_waits_for_a_method():
    waiting = {t.target_id for t in TARGETS if not t.indicator and unanswered(t).status == "not_built"}
    assert waiting == set()


def test_what_a_sentence_needs_is_a_table_with_a_name():
    words = {t.target_id: unanswered(t).reason for t in TARGETS if not t.indicator and unanswered(t).status == "needs_table"}
    assert len(words) > 10 and [key for key, said in words.items() if "tables.values" not in said] == []
    listed = {key for key, said in words.items() if "tables.lists" in said}
    assert listed >= {"C06-05", "C06-06", "C09-01", "C19-01", "C19-03", "C20-01", "C20-02", "C22-01"} and "C06-02" not in listed
    assert {key for key, said in words.items() if "tables.rasters" in said} == {"C05-02", "C05-03"}


def test_evidence_beside_what_a_target_counts_has_a_value_and_no_verdict(table, monkeypatch):
    name = "water_permanent_area"
    monkeypatch.setitem(INDICATORS, name, replace(INDICATORS[name], is_evidence=True))
    rows = table().query("indicator == @name and target_id != '' and period == '2024'")
    assert rows.value.notna().all() and len(rows) and set(rows.status) == {"no_target"}
    assert rows.reason.str.contains("evidence beside what the target counts").any()


def test_an_indicator_goes_the_way_of_its_target_or_is_evidence():
    """What rises where a target asks for less, or is a change in km2 where it asks for percent, would be judged wrongly."""
    better = {"increase": "up", "no_decrease": "up", ">=": "up", "decrease": "down", "no_increase": "down", "eliminate": "down", "<=": "down"}
    for target in TARGETS:
        for found in (INDICATORS[name] for name in target.indicator):
            level = target.operator in (">=", "<=") and target.unit.split(" ")[0] != found.unit
            against = target.operator in better and found.direction != better[target.operator]
            assert not (level or against) or found.is_evidence, (target.target_id, found.name)


def test_places_without_their_table_name_it(table):
    got = table()
    for target, kind in (("C05-04", "construction_site"), ("C06-09", "water_source"), ("C07-02", "contaminated_plot")):
        rows = got[(got.target_id == target) & (got.adcode == REGION) & ~got.indicator.str.startswith("settlement_")]
        assert rows.value.isna().all() and rows.reason.str.contains(f"tables.places, kind {kind}", regex=False).all(), target


def test_without_sites_and_villages_the_run_has_its_own(table):
    """This run made no land map, which is what it lacks then."""
    got = table()
    for target, indicator in (("C05-04", "settlement_bare_area"), ("C05-04", "settlement_bare_april"), ("C19-05", "village_green_cover")):
        rows = got[(got.target_id == target) & (got.indicator == indicator)]
        assert rows.value.isna().all() and rows.reason.str.startswith("this run made no land map").all() and len(rows)


def test_a_provincial_total_is_not_asked_of_a_county_nor_of_a_part(fake_run):
    target = next(t for t in TARGETS if t.target_id == "C02-01")
    settings = fake_run().settings
    region, county = Unit(REGION, "All", "", "region"), Unit("130001", "Inland", "P")
    given = Known({}, {("C02-01", "2024"): official(Interval(140.0))})
    part, whole = Judge(settings, area_km2=200.0), Judge(settings, area_km2=188_000.0)
    assert part(target, county, "C02-01", "2024", given).verdict.reason == "the number is the province's total"
    assert part(target, region, "C02-01", "2024", given).verdict.status == "met"
    assert whole(target, region, "C02-01", "2024", given).verdict.status == "met"
    area = replace(target, target_id="T", indicator=("red_line_area",))
    seen = Known({}, {("C02-01", "2024"): official(Interval(140.0))})
    assert part._not_held(area, region, "red_line_area", "2024", seen).status == "no_target"
    assert whole._not_held(area, region, "red_line_area", "2024", seen) is None


@pytest.mark.parametrize(("today", "status"), [(date(2024, 12, 31), "off_track"), (date(2025, 1, 1), "not_met")])
def test_a_year_is_judged_as_over_when_it_is_over(fake_run, today, status):
    """2024 is the targets' year: 74 of 75, and less than in 2023. Both may still turn on its last day."""
    judged, county = Judge(fake_run().settings, 200.0, today), Unit("130001", "Inland", "P")
    target = replace(next(t for t in TARGETS if t.target_id == "C10-02"), target_year=2024)
    more = replace(target, operator="increase", value=None)
    known = Known({}, {("C10-02", "2023"): official(Interval(80.0)), ("C10-02", "2024"): official(Interval(74.0))})
    rows = [judged(t, county, "C10-02", "2024", known).verdict for t in (target, more)]
    assert [r.status for r in rows] == [status, status]
    assert all(("the period is not over, it ends on 2024-12-31" in r.reason) == (today.year == 2024) for r in rows)
    assert judged(target, county, "C10-02", "2023", known).verdict.reason.startswith("holds today")


def test_one_period_shows_no_pace(table):
    got = table(years=(2024,), supplied={("130001", "C10-02", "2024"): Interval(73.0)})
    assert pick(got, adcode="130001", period="2024", indicator="C10-02").status == "insufficient_data"


def test_files(fake_run, tmp_path):
    values = tmp_path / "values.csv"
    values.write_text("adcode,period,target_id,value\n130001,2024,C19-01,41\n999999,2024,C19-01,41\n")
    targets = tmp_path / "targets.csv"
    committed = (config_folder() / "targets.csv").read_text("utf-8")
    targets.write_text(committed.replace("not less than 24,>=,", "not less than 24,=,").replace("not less than 30,>=,", "not less than 30,>,"), "utf-8")
    run = fake_run(names=("=1+1", '@x, "y"'), tables={"values": str(values)}, indicators={"targets": str(targets)}).counties()
    indicators(run.settings)
    raw = run.layout.indicators.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert tuple(rows[0]) == INDICATOR_COLUMNS
    assert {r["name"] for r in rows} == {"'=1+1", '\'@x, "y"', "All units", "P"}
    formulas = [cell for r in rows for cell in r.values() if cell.startswith(("=", "+", "@")) and cell != "="]
    assert formulas == [] and {r["target_operator"] for r in rows} >= {"=", ">=", ">"}
    kept = pd.read_parquet(run.layout.indicators_parquet)
    assert tuple(kept.columns) == INDICATOR_COLUMNS and len(kept) == len(rows)
    assert set(kept.name) == {"=1+1", '@x, "y"', "All units", "P"}
    given = next(r for r in rows if r["target_id"] == "C19-01" and r["adcode"] == "130001" and r["period"] == "2024")
    assert (given["value"], given["status"], given["observed_fraction"]) == ("41", "met", "")
    empty = next(r for r in rows if r["target_id"] == "C00-03")
    assert (empty["value"], empty["lower"], empty["interval"], empty["target_value"]) == ("", "", "", "")


def test_columns_are_the_contract():
    assert ", ".join(INDICATOR_COLUMNS) == (
        "adcode, name, prefecture, period, indicator, value, unit, lower, upper, interval, observed_fraction, n_scenes, status, target_id, "
        "target_operator, target_value, target_year, clause, observability, reason, level, baseline, detection_limit, slope_per_year, slope_lower, slope_upper"
    )


def test_a_name_that_looks_like_a_negative_number(fake_run):
    run = fake_run(names=("-2", "B")).counties()
    indicators(run.settings)
    assert "130001,'-2,P,2023," in run.layout.indicators.read_text("utf-8-sig")


def test_missing_county_statistics(fake_run):
    run = fake_run().counties()
    run.layout.counties("2023").unlink()
    with pytest.raises(TableError, match="not made yet") as fault:
        indicators(run.settings)
    assert "2023.parquet" in fault.value.where and "zonal" in fault.value.remedy


def test_a_unit_with_the_code_of_the_region(fake_run):
    run = fake_run()
    run.codes[0] = REGION
    with pytest.raises(TableError, match="stands for the region"):
        Run.read(run.counties().settings)


def test_red_line_area_on_the_ellipsoid(fake_run, tmp_path):
    """A degree cell at the equator is 12 308.8 km2 (111.3195 km wide, 110.5744 km high, less 0.005 % for the taper)."""
    cell = shapely.box(0, 0, 1, 1)
    assert geodesic_area_km2(cell) == pytest.approx(12308.78, abs=0.1)
    assert geodesic_area_km2(cell.reverse()) == geodesic_area_km2(cell)
    assert geodesic_area_km2(shapely.LineString([(0, 0), (1, 1)])) == geodesic_area_km2(shapely.Polygon()) == 0
    run = fake_run(tables={"red_line": str(tmp_path / "red.gpkg")})
    units = gpd.GeoDataFrame({"adcode": ["130001", "130002"], "name": "n", "prefecture": "p"}, geometry=[cell, shapely.box(1, 0, 2, 1)], crs=4326)
    units.to_file(tmp_path / "units.gpkg")
    twice = [shapely.box(0.5, 0, 1.0, 1)] * 2
    gpd.GeoDataFrame({"id": [1, 2]}, geometry=twice, crs=4326).to_file(tmp_path / "red.gpkg")
    areas = {code: area.inside_km2 for code, area in red_line_areas(run.settings).items()}
    assert areas["130001"] == pytest.approx(12308.78 / 2, rel=1e-4) and areas["130002"] == 0.0
    got = build(Run.read(run.counties().settings), TARGETS, {})
    assert pick(got, adcode="130002", period="2024", indicator="red_line_area").value == 0.0
    assert pick(got, adcode=REGION, period="2024", indicator="red_line_area").value == pytest.approx(areas["130001"])


@pytest.fixture
def evidence(fake_run, make_scene):
    """Table of indicators and evidence of a run with a ledger of two optical scenes a year and one radar scene in 2024."""
    run = fake_run()
    ids = [f"S2-{y}-{i}" for y in run.years for i in range(2)]
    run.counties()
    counties = pd.read_parquet(run.layout.counties("2024"))
    counties["scene_ids"] = [["S1-2024", "S2-2024-0", "S2-2024-1"]] * len(counties)
    counties["n_scenes"] = 3
    counties.to_parquet(run.layout.counties("2024"))
    scenes = [make_scene(i, "earth-search-sentinel-2-l2a", "sentinel-2a") for i in ids]
    write_ledger([*scenes, make_scene("S1-2024", "planetary-computer-sentinel-1-rtc", "sentinel-1a")], run.layout.scenes)
    indicators(run.settings)
    return pd.read_parquet(run.layout.indicators_parquet), pd.read_parquet(run.layout.evidence), run.settings


def test_evidence_has_every_row_in_order(evidence):
    table, rows, _ = evidence
    key = ["adcode", "period", "indicator", "target_id"]
    assert (table[key].to_numpy() == rows[key].astype(str).to_numpy()).all()
    assert rows.configuration_sha256.str.fullmatch("[0-9a-f]{64}").all()
    assert all(word in rows.software.iloc[0] for word in ("rs-pipeline ", "numpy ", "rasterio ", "GDAL "))
    assert not rows.simulated.any()


def test_evidence_names_the_scenes_of_a_value(evidence):
    _, rows, settings = evidence
    cover = pick(rows, adcode="130001", period="2024", indicator="fvc_peak_mean")
    assert list(cover.scene_ids) == ["S2-2024-0", "S2-2024-1"]
    assert (list(cover.processing_baselines), list(cover.platforms)) == (["05.10"], ["sentinel-2a"])
    assert list(cover.offsets) == ["-0.1: from the item"]
    water = pick(rows, adcode="130001", period="2024", indicator="water_permanent_area")
    assert list(water.scene_ids) == ["S1-2024", "S2-2024-0", "S2-2024-1"]
    change = pick(rows, adcode="130001", period="2024", indicator="greening_net")
    assert list(change.scene_ids) == ["S2-2023-0", "S2-2023-1", "S2-2024-0", "S2-2024-1"]
    assert [i.split()[0] for i in change.inputs][1:] == [
        "counties/2023.parquet",
        "counties/2024.parquet",
        str(settings.units.path),
        "tiles/2023/r000c000/water.tif",
        "tiles/2024/r000c000/water.tif",
    ]
    assert all(" sha256:" in i for i in change.inputs if "units.gpkg" not in i)


def test_evidence_of_what_was_not_observed_is_empty(evidence):
    _, rows, _ = evidence
    carbon = pick(rows, adcode="130001", period="2024", target_id="C00-03")
    assert len(carbon.scene_ids) == 0
    assert len(carbon.inputs) == 1 and "targets.csv sha256:" in carbon.inputs[0]


def test_trends_of_five_years_from_the_files(fake_run):
    years = (2021, 2022, 2023, 2024, 2025)
    run = fake_run(years=years)
    for i, year in enumerate(years):
        for code in run.codes:
            run.changes[code, year] = {"fvc_peak_sum_m2": (0.5 + 0.01 * i) * 90e6}
    run.counties()
    areas = {"land_m2": 90e6, "trend_observed_m2": 90e6, "greening_m2": 9e6, "browning_m2": 0.0, "greening_possible_m2": 9e6, "browning_possible_m2": 0.0}
    pd.DataFrame([{"adcode": c, **areas} for c in [*run.codes, REGION]]).to_parquet(run.layout.trend_counties)
    indicators(run.settings)
    table, evidence = pd.read_parquet(run.layout.indicators_parquet), pd.read_parquet(run.layout.evidence)
    area = pick(table, adcode=REGION, period="2025", indicator="greening_trend_area")
    assert (area.value, area.lower, area.status) == (900, 855, "no_target")
    trend = pick(table, adcode="130001", period="2025", indicator="fvc_peak_trend")
    assert trend.value == pytest.approx(1.0) and (trend.target_id, trend.status, trend.baseline) == ("C09-03", "insufficient_data", "2021")
    assert "since 2024: a trend takes 5 years with a value, there are 2; the value is of all periods" in trend.reason
    earlier = pick(table, adcode="130001", period="2024", indicator="fvc_peak_trend")
    assert math.isnan(earlier.value) and (earlier.status, earlier.reason[:31]) == ("no_target", "the trend is of all periods: se")
    inputs = [i.split()[0] for i in pick(evidence, adcode=REGION, period="2025", indicator="greening_trend_area").inputs]
    assert inputs[:7] == [*(f"counties/{y}.parquet" for y in years), str(run.settings.units.path), "counties/vegetation_trend.parquet"]
    assert inputs[7:] == [f"tiles/{y}/r000c000/water.tif" for y in years]
