"""Truth tables of the offset decision, and the pixels that overrule it."""

import numpy as np
import pytest

from rs_pipeline.radiometry.offsets import PENDING, SEEN, Decision, OffsetFacts, OtherDates, PixelTest, by_metadata, pixel_test, too_negative, weigh

RNG = np.random.default_rng(7)


def land(offset_dn: int, darkest_refl: float = 0.005) -> tuple[np.ndarray, np.ndarray]:
    """Red and SWIR2 numbers of 50x50 pixels: 20 % water at the darkest reflectance, vegetation and soil above it."""
    refl = RNG.uniform(darkest_refl + 0.03, 0.30, (50, 50))
    refl[:10] = darkest_refl
    dn = np.round(refl * 10000 + offset_dn).astype("uint16")
    return dn, dn + 20


METADATA = [
    # rule, flag, raster:bands offset, baseline -> offset, confidence, open
    ("earth_search", True, None, "05.09", 0.0, "high", False),
    ("earth_search", True, -0.1, "05.09", 0.0, "low", True),
    ("earth_search", True, 0.0, "05.09", 0.0, "high", False),
    ("earth_search", True, None, "", 0.0, "high", False),
    ("earth_search", False, -0.1, "", PENDING, "low", False),
    ("earth_search", False, -0.1, "05.09", PENDING, "low", False),
    ("earth_search", False, 0.0, "05.09", PENDING, "low", True),
    ("earth_search", False, None, "05.09", PENDING, "low", False),
    ("earth_search", False, 0.0, "02.14", 0.0, "high", False),
    ("earth_search", False, -0.1, "02.14", 0.0, "high", False),
    ("earth_search", False, 0.0, "", 0.0, "high", False),
    ("earth_search", None, -0.1, "05.09", PENDING, "low", True),
    ("earth_search", None, None, "05.09", PENDING, "low", True),
    ("earth_search", None, None, "02.14", 0.0, "high", False),
    ("earth_search", None, None, "", 0.0, "low", True),
    ("raster_bands", None, -0.1, "05.10", PENDING, "high", False),
    ("raster_bands", None, 0.0, "05.10", 0.0, "low", True),
    ("raster_bands", None, -0.1, "02.14", 0.0, "high", False),
    ("raster_bands", None, None, "05.10", PENDING, "high", False),
    ("raster_bands", None, None, "02.14", 0.0, "high", False),
    ("raster_bands", None, None, "", 0.0, "low", True),
    ("baseline", None, None, "04.00", PENDING, "high", False),
    ("baseline", None, None, "05.11", PENDING, "high", False),
    ("baseline", None, None, "03.01", 0.0, "high", False),
    ("baseline", None, None, "02.12", 0.0, "high", False),
    ("baseline", None, None, "", 0.0, "low", True),
    ("baseline", None, None, "nonsense", 0.0, "low", True),
]


@pytest.mark.parametrize("rule, flag, raster, baseline, offset, confidence, undecided", METADATA)
def test_metadata(rule, flag, raster, baseline, offset, confidence, undecided):
    decision = by_metadata(rule, OffsetFacts(flag, raster, baseline), 0.0)
    assert (decision.offset, decision.confidence, decision.open) == (offset, confidence, undecided)
    assert decision.words
    assert decision.log_odds == 0 or (decision.log_odds > 0) == (offset == PENDING)


@pytest.mark.parametrize("rule, flag, raster, baseline, offset, confidence, undecided", METADATA)
def test_silent_pixels_leave_metadata_or_refuse(rule, flag, raster, baseline, offset, confidence, undecided):
    """Snow says nothing: metadata that are clear stand, those that contradict themselves or are silent do not."""
    decision = weigh(by_metadata(rule, OffsetFacts(flag, raster, baseline), 0.0), pixel_test(*land(0, darkest_refl=0.20), None))
    assert decision.offset == offset and decision.open == undecided
    assert decision.confidence == ("high" if baseline in ("02.14", "02.12", "03.01") and not undecided else "low")


@pytest.mark.parametrize("rule, flag, raster, baseline, offset, confidence, undecided", METADATA)
@pytest.mark.parametrize("in_pixels, truth", [(1000, PENDING), (0, 0.0)])
def test_pixels_and_other_dates_together_overrule_all_metadata(rule, flag, raster, baseline, offset, confidence, undecided, in_pixels, truth):
    """Only a baseline before 04.00 outweighs one source of pixels; nothing outweighs both."""
    others = OtherDates(10.0 if truth else -10.0, 12, -truth)
    decision = weigh(by_metadata(rule, OffsetFacts(flag, raster, baseline), 0.0), pixel_test(*land(in_pixels), None), others)
    assert (decision.offset, decision.confidence, decision.open) == (truth, "high", False)


def test_contradiction_is_named():
    words = by_metadata("earth_search", OffsetFacts(True, -0.1, "05.09"), 0.0).words
    assert "contradicts" in words and "raster:bands offset -0.1" in words


def test_a_fixed_offset_is_the_tables():
    decision = by_metadata("fixed", OffsetFacts(True, -0.1, "05.09"), -0.2)
    assert (decision.offset, decision.confidence) == (-0.2, "high")


@pytest.mark.parametrize("flag", [True, False, None])
@pytest.mark.parametrize("raster", [-0.1, 0.0, None])
@pytest.mark.parametrize("in_pixels, offset, place", [(1000, PENDING, "still in"), (0, 0.0, "removed from")])
def test_conclusive_pixels_overrule_every_metadata(flag, raster, in_pixels, offset, place):
    test = pixel_test(*land(in_pixels), None)
    decision = weigh(by_metadata("earth_search", OffsetFacts(flag, raster, "05.09"), 0.0), test)
    assert (decision.offset, decision.confidence) == (offset, "high")
    assert f"overrule metadata: offset {place} the pixels" in decision.words or f"confirmed: offset {place} the pixels" in decision.words


@pytest.mark.parametrize("flag, offset", [(True, 0.0), (False, PENDING)])
def test_bright_scene_without_dark_targets_decides_nothing(flag, offset):
    """Snow or desert: nothing below 1000, but no floor at 1000 either. Trusting that alone would add -0.1 wrongly."""
    test = pixel_test(*land(0, darkest_refl=0.20), None)
    assert test.log_odds == 0
    decision = weigh(by_metadata("earth_search", OffsetFacts(flag, None, "05.09"), 0.0), test)
    assert (decision.offset, decision.confidence) == (offset, "low")
    assert "not conclusive" in decision.words


def test_old_baseline_stays_certain_when_pixels_say_nothing():
    test = pixel_test(*land(0, darkest_refl=0.20), None)
    assert weigh(by_metadata("baseline", OffsetFacts(None, None, "02.14"), 0.0), test).confidence == "high"


def test_noise_below_1000_over_dark_water_is_not_a_removed_offset():
    """SWIR over water scatters around 1000 while the offset is in: half the pixels lie below, none far below."""
    red, swir2 = land(1000)
    swir2 = np.where(np.arange(2500).reshape(50, 50) < 600, RNG.integers(975, 1015, (50, 50)), swir2).astype("uint16")
    assert np.mean(swir2 < 1000) > 0.1
    assert pixel_test(red, swir2, None).log_odds == SEEN["floors"]


def test_clouds_and_shadows_are_not_looked_at():
    red, swir2 = land(1000)
    classes = np.full(red.shape, 4)
    red[40:], classes[40:] = 200, 3
    assert pixel_test(red, swir2, classes).log_odds == SEEN["floors"]
    assert pixel_test(red, swir2, None).log_odds == SEEN["dark"]


def test_too_few_pixels_decide_nothing():
    red, swir2 = land(0)
    assert pixel_test(red[:1, :50], swir2[:1, :50], None).log_odds == 0
    nothing = pixel_test(np.zeros((9, 9)), np.zeros((9, 9)), None)
    assert nothing.pixels == 0 and nothing.log_odds == 0
    assert not too_negative(weigh(by_metadata("baseline", OffsetFacts(baseline="05.00"), 0.0), nothing), nothing)


def test_scene_that_comes_out_negative_is_refused():
    red, swir2 = land(0)
    red[:5] = 850
    red[5:] = 3000
    swir2[:] = 3000
    test = pixel_test(red, swir2, None)
    assert test.negative_share[PENDING] == pytest.approx(0.1)
    assert too_negative(by_metadata("baseline", OffsetFacts(baseline="05.00"), 0.0), test)
    assert not too_negative(by_metadata("baseline", OffsetFacts(baseline="02.00"), 0.0), test)


def test_one_floor_alone_is_weak():
    """Snow with the offset removed: SWIR2 near 0.1 looks like a floor at 1000, red does not."""
    red = np.full((50, 50), 8000)
    swir2 = RNG.integers(1000, 1200, (50, 50))
    assert pixel_test(red, swir2, None).log_odds == SEEN["floor"]


def test_opposed_but_uncertain_is_refused_with_its_reason():
    told = by_metadata("earth_search", OffsetFacts(True, None, "05.09"), 0.0)
    silent = pixel_test(*land(0, darkest_refl=0.20), None)
    decision = weigh(told, silent, OtherDates(6.0, 12, 0.09))
    assert decision.open and decision.confidence == "low" and decision.log_odds == pytest.approx(3.0)
    assert "pixels speak against it" in decision.words and "+0.090" in decision.words and "12 other dates" in decision.words


FLOORS_AT_1000 = (1000.0, 1000.0)


def seen(share: float, floors=FLOORS_AT_1000, pixels: int = 100) -> float:
    return PixelTest(pixels, share, floors, {}).log_odds


def test_dark_pixels_speak_from_two_in_a_hundred_and_spoil_floors_from_one_in_a_thousand():
    assert seen(0.021) == SEEN["dark"] and seen(0.02) == 0
    assert seen(0.001) == 0 and seen(0.0009) == SEEN["floors"]


@pytest.mark.parametrize(("red_floor", "at_floor"), [(949.0, False), (950.0, True), (1300.0, True), (1301.0, False)])
def test_a_floor_lies_from_950_to_1300(red_floor, at_floor):
    assert seen(0.0, (red_floor, 1000.0)) == SEEN["floors" if at_floor else "floor"]


def test_a_hundred_pixels_are_enough():
    assert seen(0.5, pixels=99) == 0 and seen(0.5, pixels=100) == SEEN["dark"]


def test_a_pixel_is_dark_and_negative_below_900_in_either_band():
    """Of 100 pixels one has red 899, one SWIR2 899, one both 900: two are dark, and one is negative once 1000 is taken off."""
    red, swir2 = np.full(100, 2000), np.full(100, 2000)
    red[0], swir2[1], red[2], swir2[2] = 899, 899, 900, 900
    test = pixel_test(red, swir2, None)
    assert (test.dark_share, test.negative_share) == (0.02, {0.0: 0.0, PENDING: 0.01})
    assert test.floors_dn == pytest.approx((899 + 0.99, 899 + 0.99))  # 1st percentile at place 0.99 of 899, 900


@pytest.mark.parametrize(("share", "pixels", "refused"), [(0.05, 100, False), (0.051, 100, True), (0.051, 99, False)])
def test_more_than_five_in_a_hundred_negative_pixels_are_too_many(share, pixels, refused):
    assert too_negative(Decision(PENDING, "", "high"), PixelTest(pixels, 0.0, FLOORS_AT_1000, {PENDING: share})) == refused


SILENT = PixelTest(0, 0.0, FLOORS_AT_1000, {})


@pytest.mark.parametrize(("others", "confidence"), [(0.99, "low"), (1.0, "high")])
def test_certain_is_a_sum_of_five(others, confidence):
    """A catalog that documents its offset says 4."""
    told = by_metadata("baseline", OffsetFacts(None, None, "05.09"), 0.0)
    assert weigh(told, SILENT, OtherDates(others, 12, 0.1)).confidence == confidence


@pytest.mark.parametrize(("others", "refused"), [(0.99, False), (1.0, True)])
def test_pixels_oppose_the_flag_from_one_on(others, refused):
    told = by_metadata("earth_search", OffsetFacts(True, None, "05.09"), 0.0)
    assert weigh(told, SILENT, OtherDates(others, 12, 0.1)).open == refused


@pytest.mark.parametrize(
    ("rule", "facts", "needed"),
    [
        # what other dates have to add to make the metadata's offset certain: 5 less what the metadata say
        ("earth_search", OffsetFacts(True, None, "05.09"), -2.0), ("earth_search", OffsetFacts(True, -0.1, "05.09"), -3.5),
        ("earth_search", OffsetFacts(False, None, "05.09"), 3.5), ("earth_search", OffsetFacts(None, -0.1, ""), 4.0),
        ("earth_search", OffsetFacts(False, 0.0, "05.09"), 4.5), ("raster_bands", OffsetFacts(None, 0.0, "05.09"), -4.5),
        ("raster_bands", OffsetFacts(None, -0.1, "05.09"), 1.0), ("baseline", OffsetFacts(None, None, "03.99"), 3.0),
    ],
)  # fmt: skip
def test_metadata_weigh_by_how_often_they_lie(rule, facts, needed):
    """The baseline before 04.00 is the one that stays certain until 3 speak against it."""
    told, towards = by_metadata(rule, facts, 0.0), np.sign(needed)
    just, short = (weigh(told, SILENT, OtherDates(needed + d * towards, 12, 0.1)).confidence for d in (0.001, -0.001))
    assert {just, short} == {"high", "low"} and (just == "high") == (facts.baseline != "03.99")
