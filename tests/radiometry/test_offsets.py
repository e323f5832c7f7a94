"""Truth tables of the offset decision, and the pixels that overrule it."""

import numpy as np
import pytest

from rs_pipeline.radiometry.offsets import PENDING, Facts, by_metadata, decide_offset, pixel_test, too_negative

RNG = np.random.default_rng(7)


def land(offset_dn: int, darkest_refl: float = 0.005) -> tuple[np.ndarray, np.ndarray]:
    """Red and SWIR2 numbers of 50x50 pixels: 20 % water at the darkest reflectance, vegetation and soil above it."""
    refl = RNG.uniform(darkest_refl + 0.03, 0.30, (50, 50))
    refl[:10] = darkest_refl
    dn = np.round(refl * 10000 + offset_dn).astype("uint16")
    return dn, dn + 20


METADATA = [
    # rule, flag, raster:bands offset, baseline -> offset, confidence
    ("earth_search", True, None, "05.09", 0.0, "high"),
    ("earth_search", True, -0.1, "05.09", 0.0, "low"),
    ("earth_search", True, 0.0, "05.09", 0.0, "high"),
    ("earth_search", False, -0.1, "", PENDING, "low"),
    ("earth_search", False, -0.1, "05.09", PENDING, "low"),
    ("earth_search", False, 0.0, "05.09", PENDING, "low"),
    ("earth_search", False, None, "05.09", PENDING, "low"),
    ("earth_search", False, 0.0, "02.14", 0.0, "high"),
    ("earth_search", False, -0.1, "02.14", 0.0, "high"),
    ("earth_search", False, 0.0, "", 0.0, "high"),
    ("earth_search", None, -0.1, "05.09", PENDING, "low"),
    ("earth_search", None, None, "", 0.0, "low"),
    ("raster_bands", None, -0.1, "05.10", PENDING, "high"),
    ("raster_bands", None, 0.0, "05.10", 0.0, "high"),
    ("raster_bands", None, None, "05.10", PENDING, "high"),
    ("raster_bands", None, None, "", 0.0, "low"),
    ("baseline", None, None, "04.00", PENDING, "high"),
    ("baseline", None, None, "05.11", PENDING, "high"),
    ("baseline", None, None, "03.01", 0.0, "high"),
    ("baseline", None, None, "02.12", 0.0, "high"),
    ("baseline", None, None, "", 0.0, "low"),
    ("baseline", None, None, "nonsense", 0.0, "low"),
]


@pytest.mark.parametrize("rule, flag, raster, baseline, offset, confidence", METADATA)
def test_metadata(rule, flag, raster, baseline, offset, confidence):
    decision = by_metadata(rule, Facts(flag, raster, baseline), 0.0)
    assert (decision.offset, decision.confidence) == (offset, confidence)
    assert decision.words


def test_contradiction_is_named():
    words = by_metadata("earth_search", Facts(True, -0.1, "05.09"), 0.0).words
    assert "contradicts" in words and "raster:bands offset -0.1" in words


def test_fixed_never_looks_at_pixels():
    test = pixel_test(*land(0), None)
    decision = decide_offset("fixed", Facts(), -0.2, test)
    assert (decision.offset, decision.confidence) == (-0.2, "high")


@pytest.mark.parametrize("flag", [True, False, None])
@pytest.mark.parametrize("raster", [-0.1, 0.0, None])
@pytest.mark.parametrize("in_pixels, offset", [(1000, PENDING), (0, 0.0)])
def test_conclusive_pixels_overrule_every_metadata(flag, raster, in_pixels, offset):
    test = pixel_test(*land(in_pixels), None)
    decision = decide_offset("earth_search", Facts(flag, raster, "05.09"), 0.0, test)
    assert (decision.offset, decision.confidence) == (offset, "high")
    assert "overrule" in decision.words or "confirmed" in decision.words


@pytest.mark.parametrize("flag, offset", [(True, 0.0), (False, PENDING)])
def test_bright_scene_without_dark_targets_decides_nothing(flag, offset):
    """Snow or desert: nothing below 1000, but no floor at 1000 either. Trusting that alone would add -0.1 wrongly."""
    test = pixel_test(*land(0, darkest_refl=0.20), None)
    assert test.verdict is None
    decision = decide_offset("earth_search", Facts(flag, None, "05.09"), 0.0, test)
    assert (decision.offset, decision.confidence) == (offset, "low")
    assert "not conclusive" in decision.words


def test_old_baseline_stays_certain_when_pixels_say_nothing():
    test = pixel_test(*land(0, darkest_refl=0.20), None)
    assert decide_offset("baseline", Facts(None, None, "02.14"), 0.0, test).confidence == "high"


def test_noise_below_1000_over_dark_water_is_not_a_removed_offset():
    """SWIR over water scatters around 1000 while the offset is in: half the pixels lie below, none far below."""
    red, swir2 = land(1000)
    swir2 = np.where(np.arange(2500).reshape(50, 50) < 600, RNG.integers(975, 1015, (50, 50)), swir2).astype("uint16")
    assert np.mean(swir2 < 1000) > 0.1
    assert pixel_test(red, swir2, None).verdict == PENDING


def test_clouds_and_shadows_are_not_looked_at():
    red, swir2 = land(1000)
    classes = np.full(red.shape, 4)
    red[40:], classes[40:] = 200, 3
    assert pixel_test(red, swir2, classes).verdict == PENDING
    assert pixel_test(red, swir2, None).verdict == 0.0


def test_too_few_pixels_decide_nothing():
    red, swir2 = land(0)
    assert pixel_test(red[:1, :50], swir2[:1, :50], None).verdict is None
    nothing = pixel_test(np.zeros((9, 9)), np.zeros((9, 9)), None)
    assert nothing.pixels == 0 and nothing.verdict is None
    assert not too_negative(decide_offset("baseline", Facts(baseline="05.00"), 0.0, nothing), nothing)


def test_scene_that_comes_out_negative_is_refused():
    red, swir2 = land(0)
    red[:5] = 850
    red[5:] = 3000
    swir2[:] = 3000
    test = pixel_test(red, swir2, None)
    assert test.negative_share[PENDING] == pytest.approx(0.1)
    assert too_negative(by_metadata("baseline", Facts(baseline="05.00"), 0.0), test)
    assert not too_negative(by_metadata("baseline", Facts(baseline="02.00"), 0.0), test)
