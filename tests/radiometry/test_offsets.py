"""Truth tables of the offset decision, and the pixels that overrule it."""

import numpy as np
import pytest

from rs_pipeline.radiometry.offsets import PENDING, SEEN, OffsetFacts, OtherDates, by_metadata, pixel_test, too_negative, weigh

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
@pytest.mark.parametrize("in_pixels, offset", [(1000, PENDING), (0, 0.0)])
def test_conclusive_pixels_overrule_every_metadata(flag, raster, in_pixels, offset):
    test = pixel_test(*land(in_pixels), None)
    decision = weigh(by_metadata("earth_search", OffsetFacts(flag, raster, "05.09"), 0.0), test)
    assert (decision.offset, decision.confidence) == (offset, "high")
    assert "overrule" in decision.words or "confirmed" in decision.words


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
