"""Whether the additive offset of Sentinel-2 L2A is still in the pixels: metadata, the scene's own pixels, and its other dates.

From processing baseline 04.00 on ESA adds 1000 to every digital number (BOA_ADD_OFFSET). Catalogs remove it or not, and say
so or not, and what they say is sometimes wrong. A wrong offset turns an NDVI of 0.75 into 0.50. No source is right alone:
flags lie, and a scene's own pixels are silent under snow and misleading under haze. So each gives its evidence as a
log odds (natural logarithm, positive: still in the pixels), the sum decides, and a scene they leave open is refused
where its metadata do not settle it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rs_pipeline.radiometry.scaling import reflectance

PENDING = -0.1
"""Reflectance to add while BOA_ADD_OFFSET is still in the numbers."""

CLEAR_CLASSES = (2, 4, 5, 6, 7)
"""Scene classes the self-test looks at: dark, vegetation, bare, water, unclassified."""

MIN_OFFSET_PIXELS = 100
"""Fewer clear pixels say nothing: a percentile of them is a single pixel."""

CERTAIN = 5.0
"""Log odds from which a decision is of high confidence: 150 to 1."""

_DARK_DN = 900
"""Reflectance -0.01 while the offset is still in the numbers: few clear pixels fall below."""
_FLOOR_DN = (950, 1300)
"""Where the darkest percentile lies while the offset is still in the numbers: at reflectance 0, which is 1000, or a little above."""
_NEGATIVE_SHARE = 0.05
"""Share of clear pixels that may be negative, see `too_negative`."""
_OPPOSED = 1.0
"""Pixels that speak at least so loudly against the metadata leave the scene open unless they are certain."""

TOLD = {"history": -8.0, "convention": 4.0, "flag": -3.0, "flag, contradicted": -1.5, "not removed": 1.5, "bands": 1.0, "bands, contradicted": 0.5}
"""Log odds of what metadata say: ``history`` a baseline before 04.00, which has no offset to remove; ``convention`` a catalog that
documents that it keeps ESA's numbers; the others are Earth Search's flag and raster:bands, which are wrong at times."""

SEEN = {"dark": -9.0, "floors": 8.0, "floor": 1.0}
"""Log odds of what a scene's own pixels say, see `PixelTest.log_odds`. These and TOLD were tried on the simulated dates
of `tests/radiometry/offset_trial.py`."""


@dataclass(frozen=True)
class OffsetFacts:
    """What the metadata of a scene say of its offset; None where they are silent."""

    flag: bool | None = None
    """earthsearch:boa_offset_applied: True says the offset is removed from the pixels."""
    raster_offset: float | None = None
    """offset in raster:bands, reflectance."""
    baseline: str = ""
    """Processing baseline such as ``05.09``."""


@dataclass(frozen=True)
class PixelTest:
    """What the clear pixels of a scene say by themselves."""

    pixels: int
    """Number of clear pixels looked at."""
    dark_share: float
    """Share with red or SWIR2 below 900: reflectance below -0.01 if the offset were still in, which is rare."""
    floors_dn: tuple[float, float]
    """1st percentile of red and of SWIR2."""
    negative_share: dict[float, float]
    """For each possible offset, the share of pixels whose red reflectance would be below -0.01."""

    @property
    def log_odds(self) -> float:
        """Evidence for an offset still in the pixels; 0 where they say nothing (for instance without dark targets).

        Dark targets far below 1000 have lost the offset. Floors of red (vegetation, clear water) and SWIR2 (water) that both
        lie at 1000 show it is still there; one alone may be snow or a uniform haze.
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
    """What other dates of the same place say, see `radiometry.dates.compare_dates`."""

    log_odds: float
    """Evidence for an offset still in the pixels."""
    dates: int
    """Number of dates compared with."""
    level: float
    """Median reflectance by which the scene lies above them while no offset is added: near 0 or near 0.1."""

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
    """Metadata: they contradict themselves or say nothing. A scene: nothing settles it, it must not be used."""


def pixel_test(red_dn: np.ndarray, swir2_dn: np.ndarray, scene_class: np.ndarray | None) -> PixelTest:
    """Look at the clear pixels of a coarse reading of a scene (three arrays of one shape, 0 or NaN is nodata)."""
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
    """raster:bands, checked against the baseline: one of 04.00 or later has an offset unless somebody removed it."""
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
    """What the metadata alone say, by the rule of the sensor's table (see Sensor.offset_rule)."""
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

    Where the sum stays below, metadata that neither contradict themselves nor are opposed by pixels stand, with low confidence;
    else the decision is ``open`` and the scene must not be used.

    Parameters
    ----------
    told : of `by_metadata`.
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
