"""Ground that is bare in spring: its evidence, its area, and when there is none."""

import numpy as np
import pytest

from rs_pipeline.estimation.estimate import Facts, missing
from rs_pipeline.estimation.uncertainty import Thresholds
from rs_pipeline.indicators.targets import load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.calendar import SPRING_MONTHS
from rs_pipeline.products.dust.county import county_sums, open_ground
from rs_pipeline.products.dust.evidence import BARE_NDVI, BUILT_NDVI, SCATTER_NDVI, bare_margin, kind_of, spring_layers
from rs_pipeline.products.dust.indicators import NARROW_GROUND, UNSOWN_TOO
from rs_pipeline.products.dust.maps import BANDS, Spring
from rs_pipeline.products.land.facts import LandFacts
from rs_pipeline.products.seasons import GREEN_PARTS, LATE_AUTUMN, SEASONS, STATISTICS, SeasonStatistics
from rs_pipeline.products.settlements import SETTLED_ZONE

NAN, KM2 = np.nan, 1e6


def statistics(*pixels):
    """Statistics of a strip of one row; a pixel is its NDVI of late autumn, March, April and May, NaN where there was no clear date."""
    ndvi = np.array(pixels, "float32").reshape(-1, len(GREEN_PARTS)).T[:, None]
    values, dates = np.full((len(STATISTICS), *ndvi.shape[1:]), NAN, "float32"), np.zeros((len(SEASONS), *ndvi.shape[1:]), "int64")
    return SeasonStatistics(values, dates, np.stack([ndvi, ndvi], axis=1), np.where(np.isnan(ndvi), 0, 2))


def test_a_month_is_that_of_its_own_greenest_date():
    assert tuple(GREEN_PARTS) == (LATE_AUTUMN, *SPRING_MONTHS)
    layers = spring_layers(statistics((0.9, 0.15, 0.30, 0.60), (0.1, NAN, 0.15, NAN)))
    assert set(layers) == {b.name for b in BANDS} and all(v.dtype == "float32" for v in layers.values())
    kinds = np.array([layers[month][0] for month in SPRING_MONTHS])
    np.testing.assert_array_equal(kinds, [[Spring.BARE, NAN], [Spring.DOUBTFUL, Spring.BARE], [Spring.COVERED, NAN]])
    assert layers["april_ndvi"][0].tolist() == pytest.approx([0.30, 0.15]) and layers["march_dates"][0].tolist() == [2, 0]


@pytest.mark.parametrize(("ndvi", "kind"), [
    (0.19, Spring.BARE), (0.21, Spring.DOUBTFUL), (BARE_NDVI, Spring.DOUBTFUL), (0.34, Spring.DOUBTFUL), (0.36, Spring.COVERED), (-0.2, Spring.BARE), (NAN, NAN),
])  # fmt: skip
def test_bare_is_below_the_limit_by_its_scatter(ndvi, kind):
    np.testing.assert_equal(float(kind_of(bare_margin(np.array(ndvi)))), float(kind))


def test_the_limits_themselves_belong_to_the_barer_side():
    assert kind_of(np.array([1.0, -1.0, 0.999, -1.001])).tolist() == [Spring.BARE, Spring.DOUBTFUL, Spring.DOUBTFUL, Spring.COVERED]


def test_the_limit_of_a_pixel_that_is_built_up_is_the_mean_of_its_parts():
    assert bare_margin(np.array(BARE_NDVI)) == 0 and bare_margin(np.array(BUILT_NDVI), 1.0) == pytest.approx(0)
    assert bare_margin(np.array((BARE_NDVI + BUILT_NDVI) / 2), 0.5) == pytest.approx(0)
    assert bare_margin(np.array(BARE_NDVI), 0.5) == pytest.approx(-(BARE_NDVI - BUILT_NDVI) / 2 / SCATTER_NDVI)
    assert np.isnan(bare_margin(np.array(0.1), np.array(NAN)))


def bands(ndvi, built=0.0, water=0.0):
    """Bands of the land map and of March of one pixel; April and May were not seen."""
    one = np.ones((1, 1), "float32")
    return {
        "land.share_built": built * one,
        "land.share_water": water * one,
        "dust.march_ndvi": ndvi * one,
        "dust.april_ndvi": NAN * one,
        "dust.may_ndvi": NAN * one,
    }


@pytest.mark.parametrize(("ndvi", "built", "water", "found"), [
    # observed, bare, surely, possibly, unseen
    (0.10, 0.0, 0.0, (1, 1, 1, 1, NAN)),
    (0.24, 0.0, 0.0, (1, 1, NAN, 1, NAN)),
    (0.30, 0.0, 0.0, (1, NAN, NAN, 1, NAN)),
    (0.50, 0.0, 0.0, (1, NAN, NAN, NAN, NAN)),
    (0.02, 0.4, 0.1, (1, 0.5, 0.25, 0.75, NAN)),
    (0.02, 1.0, 0.0, (1, 0, 0, 0, NAN)),
    (0.02, 0.0, 1.0, (1, 0, 0, 0, NAN)),
    (0.02, 0.7, 0.4, (1, 0, 0, 0, NAN)),
    (NAN, 0.4, 0.1, (NAN, NAN, NAN, NAN, 0.75)),
    (0.10, NAN, NAN, (NAN, NAN, NAN, NAN, NAN)),
])  # fmt: skip
def test_counties_sum_open_ground_by_its_share_and_its_doubt(ndvi, built, water, found):
    layers = county_sums(None, bands(ndvi, built, water), {}).layers
    got = [layers[f"dust_march{part}_m2"][0, 0] for part in ("_observed", "", "_surely", "_possibly", "_unseen")]
    np.testing.assert_allclose(got, found, atol=1e-6)
    np.testing.assert_equal(float(layers["dust_known_m2"][0, 0]), NAN if np.isnan(built) else 1.0)
    assert np.isnan(open_ground(bands(ndvi, built))).all() == np.isnan(built)


def sums(month="march", *, area=KM2, known=KM2, observed=KM2, bare=0.2, surely=0.1, possibly=0.4, unseen=0.0):
    """Sums of a zone; amounts in km2 except the first three."""
    amounts = {"_observed": observed, "": bare * KM2, "_surely": surely * KM2, "_possibly": possibly * KM2, "_unseen": unseen * KM2}
    return {"area_m2": area, "dust_known_m2": known, **{f"dust_{month}{part}_m2": v for part, v in amounts.items()}}


def facts(unit, settled=None, *, unfit=None, known_m2=None, land=True):
    unit = {"n_scenes": 9.0, **unit}
    zones = {"county": unit} | ({SETTLED_ZONE: settled} if settled else {})
    of_land = LandFacts(
        {"county": {"area_m2": unit["area_m2"], "settlements_known_m2": unit["area_m2"] if known_m2 is None else known_m2}},
        {}, frozenset(), {}, settlements="the rule of 2023",
    )  # fmt: skip
    return Facts("2024", "2023", True, zones, {}, Thresholds(0.95, 0.7, 0.4), own={"land": of_land if land else None, "settlements_unfit": unfit})


def got(name, of):
    return INDICATORS[name].estimator(of)


def test_a_month_is_a_range_from_what_is_sure_to_what_is_possible():
    found = got("settlement_bare_march", facts(sums(area=9 * KM2), sums()))
    assert (found.interval.value, found.interval.lower, found.interval.upper) == pytest.approx((20, 10, 40))
    assert found.interval.kind == "range" and found.observed_fraction == 1
    assert found.reason == f"{UNSOWN_TOO}; {NARROW_GROUND}; the rule of 2023" and (
        INDICATORS["settlement_bare_march"].unit,
        INDICATORS["settlement_bare_march"].direction,
    ) == ("ha", "down")


def test_what_was_not_seen_may_all_be_bare_and_counts_as_the_rest():
    """A tenth of the ground has no clear date in the month; of that, open ground is at most .05 km2. The seen .9 km2 have 20, 10 and 40 ha."""
    found = got("settlement_bare_march", facts(sums(area=9 * KM2), sums(observed=0.9 * KM2, unseen=0.05)))
    assert (found.interval.value, found.interval.lower, found.interval.upper) == pytest.approx((20 / 0.9, 10, 45)) and found.observed_fraction == pytest.approx(
        0.9
    )
    dark = got("settlement_bare_march", facts(sums(area=9 * KM2), sums(known=0.9 * KM2, observed=0.9 * KM2)))
    assert dark.interval.upper == pytest.approx(50), "ground without a land class may be bare as a whole"


def test_ground_beyond_the_map_of_settlements_has_as_many_of_them():
    found = got("settlement_bare_march", facts(sums(area=10 * KM2), sums(), known_m2=8 * KM2))
    assert (found.interval.value, found.interval.lower, found.interval.upper) == pytest.approx((25, 10, 65)) and found.observed_fraction == pytest.approx(0.8)


@pytest.mark.parametrize(("of", "status", "said"), [
    (facts(sums(), land=False), "insufficient_data", "this run made no land map"),
    (facts(sums()), "no_target", "no settlement in this unit"),
    (facts(sums(), sums(area=0.5)), "no_target", "no settlement in this unit"),
    (facts(sums(), sums(), known_m2=0.3 * KM2), "insufficient_data", "% of this unit is on the land map that settlements are drawn from"),
    (facts(sums(), sums(observed=0.0)), "insufficient_data", "no pixel with a land class and a clear date in the month"),
    (facts(sums(), {"area_m2": KM2}), "insufficient_data", "no pixel with a land class and a clear date in the month"),
    (facts(sums(), sums(observed=0.3 * KM2)), "insufficient_data", "30 % observed; at least 40 % is needed"),
    (facts(sums(), sums(), unfit=missing("insufficient_data", "built is not told from other cover")), "insufficient_data", "built is not told from other cover"),
])  # fmt: skip
def test_why_there_is_no_value(of, status, said):
    found = got("settlement_bare_march", of)
    assert found.interval is None and found.status == status and said in found.reason


def test_settlements_without_open_ground_have_none_that_is_bare():
    found = got("settlement_bare_march", facts(sums(), sums(bare=0.0, surely=0.0, possibly=0.0)))
    assert (found.interval.value, *found.interval.bounds) == (0, 0, 0)


def test_a_unit_of_one_pixel_has_a_value():
    pixel = {name: value / 1e4 for name, value in sums(area=9 * KM2).items()}
    found = got("settlement_bare_march", facts(pixel, {name: value / 1e4 for name, value in sums().items()}))
    assert found.interval.value == pytest.approx(20e-4)


@pytest.mark.parametrize("month", SPRING_MONTHS)
def test_each_month_has_its_own_sums(month):
    of = facts(sums(month), sums(month))
    assert {m: got(f"settlement_bare_{m}", of).interval is not None for m in SPRING_MONTHS} == {m: m == month for m in SPRING_MONTHS}


def test_the_sentence_on_dust_is_answered_by_the_year_and_by_each_month():
    [target] = [t for t in load_targets(config_folder() / "targets.csv", INDICATORS) if t.target_id == "C05-04"]
    assert target.indicator == ("site_bare_area", "settlement_bare_area", *(f"settlement_bare_{m}" for m in SPRING_MONTHS))
    assert "fields that are not yet sown" in target.caveat and "no satellite tells from building soil" in target.caveat
