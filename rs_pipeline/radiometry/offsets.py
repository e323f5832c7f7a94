"""Decides whether the additive offset of Sentinel-2 L2A is still in the pixels, from metadata, the scene's own pixels, and its other dates.

From processing baseline 04.00 on ESA adds 1000 to every digital number (BOA_ADD_OFFSET). Catalogs may remove it, may say so,
and are sometimes wrong. A wrong offset turns an NDVI of 0.75 into 0.50. No source is reliable alone:
flags may be wrong, and a scene's own pixels show nothing under snow and mislead under haze. So each source gives its evidence as
log odds (natural logarithm, positive: offset still in the pixels) and the sum decides. A scene whose sum is too small is refused
unless its metadata settle it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rs_pipeline.radiometry.scaling import reflectance

PENDING = -0.1
"""Reflectance to add while BOA_ADD_OFFSET is still in the numbers."""

CLEAR_CLASSES = (2, 4, 5, 6, 7)
"""Scene classes that the self-test uses: dark, vegetation, bare, water, unclassified."""

MIN_OFFSET_PIXELS = 100
"""With fewer clear pixels the test gives no evidence: a percentile of them would be a single pixel."""

CERTAIN = 5.0
"""Log odds (150 to 1) from which a decision has high confidence."""

_DARK_DN = 900
"""Digital number of reflectance -0.01 while the offset is still in the numbers: few clear pixels are below."""
_FLOOR_DN = (950, 1300)
"""Range of the 1st percentile while the offset is still in the numbers: reflectance 0, which is 1000, or a little above."""
_NEGATIVE_SHARE = 0.05
"""Share of clear pixels that may be negative, see `too_negative`."""
_OPPOSED = 1.0
"""Log odds of pixels against the metadata from which the decision is left open, unless the sum is certain."""

TOLD = {"history": -8.0, "convention": 4.0, "flag": -3.0, "flag, contradicted": -1.5, "not removed": 1.5, "bands": 1.0, "bands, contradicted": 0.5}
"""Log odds of metadata: ``history`` a baseline before 04.00, which has no offset to remove; ``convention`` a catalog that
documents that it keeps ESA's numbers; the others are Earth Search's flag and raster:bands, which are wrong at times."""

SEEN = {"dark": -9.0, "floors": 8.0, "floor": 1.0}
"""Log odds of a scene's own pixels, see `PixelTest.log_odds`. These and TOLD were tested on the simulated dates
of `tests/radiometry/offset_trial.py`."""


@dataclass(frozen=True)
class OffsetFacts:
    """Metadata of a scene about its offset; None where not stated."""

    flag: bool | None = None
    """earthsearch:boa_offset_applied: True says the offset is removed from the pixels."""
    raster_offset: float | None = None
    """Offset in raster:bands, reflectance."""
    baseline: str = ""
    """Processing baseline such as ``05.09``."""


@dataclass(frozen=True)
class PixelTest:
    """Evidence of the clear pixels of a scene itself."""

    pixels: int
    """Number of clear pixels."""
    dark_share: float
    """Share with red or SWIR2 below 900: reflectance below -0.01 if the offset were still in, which is rare."""
    floors_dn: tuple[float, float]
    """1st percentile of red and of SWIR2, digital numbers."""
    negative_share: dict[float, float]
    """For each possible offset, the share of pixels whose red reflectance would be below -0.01."""

    @property
    def log_odds(self) -> float:
        """Evidence for an offset still in the pixels; 0 where they give none (for instance without dark targets).

        Dark targets far below 1000 show that the offset was removed. 1st percentiles of red (vegetation, clear water) and SWIR2 (water) that are
        both near 1000 show that it is still there; one alone may be due to snow or uniform haze.
        """
        if self.pixels < MIN_OFFSET_PIXELS:
            return 0.0
        if self.dark_share > 0.02:
            return SEEN["dark"]
        at_floor = sum(_FLOOR_DN[0] <= f <= _FLOOR_DN[1] for f in self.floors_dn)
        if self.dark_share >= 0.001 or at_floor == 0:
            return 0.0
        return SEEN["floors"] if at_floor == 2 else SEEN["floor"]

    @property
    def words(self) -> str:
        red, swir2 = self.floors_dn
        return f"{self.pixels} clear pixels, {self.dark_share:.1%} of them below {_DARK_DN}, 1st percentile {red:.0f} red, {swir2:.0f} SWIR2"


@dataclass(frozen=True)
class OtherDates:
    """Evidence of other dates of the same place, see `radiometry.dates.compare_dates`."""

    log_odds: float
    """Evidence for an offset still in the pixels."""
    dates: int
    """Number of dates compared with."""
    level: float
    """Median difference of the scene's reflectance, without an offset added, from theirs: near 0 or near 0.1."""

    @property
    def words(self) -> str:
        return f"stable targets lie {self.level:+.3f} from their reflectance on {self.dates} other dates"


@dataclass(frozen=True)
class Decision:
    offset: float
    """Reflectance to add to digital number times scale."""
    words: str
    """How it was decided."""
    confidence: str
    """``high`` or ``low``."""
    log_odds: float = 0.0
    """Evidence for an offset still in the pixels, natural logarithm."""
    open: bool = False
    """Of metadata: they contradict each other or state nothing. Of a scene: the offset cannot be decided, and the scene must not be used."""


def pixel_test(red_dn: np.ndarray, swir2_dn: np.ndarray, scene_class: np.ndarray | None) -> PixelTest:
    """Test the clear pixels of a coarse reading of a scene (three arrays of one shape, 0 or NaN is nodata)."""
    clear = (red_dn > 0) & (swir2_dn > 0)
    if scene_class is not None:
        clear &= np.isin(scene_class, CLEAR_CLASSES)
    red, swir2 = red_dn[clear].astype("float64"), swir2_dn[clear].astype("float64")
    if red.size == 0:
        return PixelTest(0, float("nan"), (float("nan"),) * 2, {0.0: 0.0, PENDING: 0.0})
    negative = {offset: float(np.mean(reflectance(red, 1e-4, offset) < -0.01)) for offset in (0.0, PENDING)}
    floors = (float(np.percentile(red, 1)), float(np.percentile(swir2, 1)))
    return PixelTest(red.size, float(np.mean(np.minimum(red, swir2) < _DARK_DN)), floors, negative)


def baseline_number(baseline: str) -> float | None:
    """``05.09`` as 5.09; None where it is not a number."""
    return float(baseline) if re.fullmatch(r"\d{1,2}(\.\d{1,2})?", baseline or "") else None


def _by_baseline(facts: OffsetFacts) -> Decision | None:
    number = baseline_number(facts.baseline)
    if number is None:
        return None
    if number >= 4.0:
        return Decision(PENDING, f"baseline {facts.baseline} is 04.00 or later: offset in the pixels", "high", TOLD["convention"])
    return Decision(0.0, f"baseline {facts.baseline} is before 04.00: no offset", "high", TOLD["history"])


def _by_raster_bands(facts: OffsetFacts) -> Decision | None:
    if facts.raster_offset is None:
        return None
    odds = TOLD["convention"] if facts.raster_offset else -TOLD["convention"]
    return Decision(facts.raster_offset, f"raster:bands offset {facts.raster_offset:g}", "high", odds)


def _collection_1(facts: OffsetFacts) -> Decision | None:
    """Decision by raster:bands, checked against the baseline: from 04.00 on there is an offset unless the catalog removed it."""
    by_bands, by_baseline = _by_raster_bands(facts), _by_baseline(facts)
    if by_baseline is not None and by_baseline.offset == 0.0:
        return by_baseline
    if by_bands is None or by_baseline is None or by_bands.offset == by_baseline.offset:
        return by_bands or by_baseline
    words = f"{by_bands.words}, {by_baseline.words}: contradiction, raster:bands taken"
    return Decision(by_bands.offset, words, "low", -TOLD["bands, contradicted"], open=True)


def _earth_search(facts: OffsetFacts) -> Decision | None:
    by_baseline, by_bands = _by_baseline(facts), _by_raster_bands(facts)
    if by_baseline is not None and by_baseline.offset == 0.0:
        return by_baseline
    if facts.flag is True:
        if by_bands is not None and by_bands.offset != 0.0:
            words = f"flag says the offset is removed, {by_bands.words} contradicts it: flag taken"
            return Decision(0.0, words, "low", TOLD["flag, contradicted"], open=True)
        return Decision(0.0, "flag says the offset is removed", "high", TOLD["flag"])
    said = "flag says the offset is not removed" if facts.flag is False else "no flag"
    fallback = by_bands or by_baseline
    if fallback is None:
        return None
    if by_baseline is not None and by_baseline.offset != fallback.offset:
        words = f"{said}, {by_baseline.words}, {fallback.words} contradicts it: baseline taken"
        return Decision(PENDING, words, "low", TOLD["bands, contradicted"], open=True)
    odds = TOLD["not removed" if facts.flag is False else "bands"]
    if fallback.offset == 0.0:
        return Decision(0.0, f"{said}, {fallback.words}", "high", -odds)
    return Decision(fallback.offset, f"{said}, {fallback.words}", "low", odds, open=facts.flag is None)


def by_metadata(rule: str, facts: OffsetFacts, table_offset: float) -> Decision:
    """The decision by metadata alone, by the rule of the sensor's table (see `Sensor.offset_rule`)."""
    if rule == "fixed":
        return Decision(table_offset, f"offset {table_offset:g} of the sensor table", "high")
    found = {
        "earth_search": lambda: _earth_search(facts),
        "raster_bands": lambda: _collection_1(facts),
        "baseline": lambda: _by_baseline(facts) or _by_raster_bands(facts),
    }[rule]()
    return found or Decision(table_offset, f"metadata say nothing: offset {table_offset:g} of the sensor table", "low", open=True)


def weigh(told: Decision, test: PixelTest, others: OtherDates | None = None) -> Decision:
    """The offset of a scene from all its evidence: the sum of the log odds decides; confidence is high from CERTAIN on.

    Where the sum is smaller, the decision of metadata is kept with low confidence if they neither contradict each other nor are opposed by pixels;
    else the decision is ``open`` and the scene must not be used.

    Parameters
    ----------
    told : from `by_metadata`.
    test, others : the scene's own pixels, and its other dates where there are enough of them.
    """
    seen = test.log_odds + (others.log_odds if others else 0.0)
    total = told.log_odds + seen
    pixels = "; ".join([test.words, *([others.words] if others else [])])
    if abs(total) < CERTAIN:
        opposed = abs(seen) >= _OPPOSED and seen * told.log_odds <= 0
        verdict = f"pixels speak against it ({pixels})" if opposed else f"pixels not conclusive ({pixels})"
        return Decision(told.offset, f"{told.words}; {verdict}", "low", total, open=told.open or opposed)
    offset = PENDING if total > 0 else 0.0
    place = "still in" if total > 0 else "removed from"
    if abs(seen) < _OPPOSED:
        return Decision(offset, f"{told.words}; pixels not conclusive ({pixels})", "high", total)
    if offset == told.offset:
        return Decision(offset, f"{told.words}; confirmed: offset {place} the pixels ({pixels})", "high", total)
    return Decision(offset, f"pixels overrule metadata: offset {place} the pixels ({pixels}); metadata: {told.words}", "high", total)


def too_negative(decision: Decision, test: PixelTest) -> bool:
    """Whether more than 5 % of the clear pixels have a red reflectance below -0.01 under the decided offset."""
    return test.pixels >= MIN_OFFSET_PIXELS and test.negative_share.get(decision.offset, 0.0) > _NEGATIVE_SHARE
