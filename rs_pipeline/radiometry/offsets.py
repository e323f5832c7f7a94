"""Whether the additive offset of Sentinel-2 L2A is still in the pixels: metadata first, then the pixels themselves.

From processing baseline 04.00 on ESA adds 1000 to every digital number (BOA_ADD_OFFSET). Catalogs remove it or not, and say
so or not, and what they say is sometimes wrong. A wrong offset turns an NDVI of 0.75 into 0.50, so pixels overrule
metadata wherever they are conclusive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

PENDING = -0.1
"""Reflectance to add while BOA_ADD_OFFSET is still in the numbers."""

CLEAR_CLASSES = (2, 4, 5, 6, 7)
"""Scene classes the self-test looks at: dark, vegetation, bare, water, unclassified."""

MIN_PIXELS = 100
"""Fewer clear pixels say nothing."""

_DARK_DN = 900
_FLOOR_DN = (950, 1300)
_NEGATIVE_SHARE = 0.05


@dataclass(frozen=True)
class Facts:
    """What the metadata of a scene say of its offset; None where they are silent."""

    flag: bool | None = None
    """earthsearch:boa_offset_applied: True says the offset is removed from the pixels."""
    raster_offset: float | None = None
    """offset in raster:bands, reflectance."""
    baseline: str = ""
    """Processing baseline such as ``05.09``."""


@dataclass(frozen=True)
class PixelTest:
    """What the clear pixels of a scene say."""

    pixels: int
    """Number of clear pixels looked at."""
    dark_share: float
    """Share with red or SWIR2 below 900: reflectance below -0.01 if the offset were still in, which is rare."""
    floor_dn: float
    """1st percentile of the smaller of red and SWIR2."""
    negative_share: dict[float, float]
    """For each possible offset, the share of pixels whose red reflectance would be below -0.01."""

    @property
    def verdict(self) -> float | None:
        """0.0: the offset is removed; PENDING: it is still in; None: not conclusive (for instance no dark targets)."""
        if self.pixels < MIN_PIXELS:
            return None
        if self.dark_share > 0.02:
            return 0.0
        if self.dark_share < 0.001 and _FLOOR_DN[0] <= self.floor_dn <= _FLOOR_DN[1]:
            return PENDING
        return None

    @property
    def words(self) -> str:
        return f"{self.pixels} clear pixels, {self.dark_share:.1%} of them below {_DARK_DN}, 1st percentile {self.floor_dn:.0f}"


@dataclass(frozen=True)
class Decision:
    offset: float
    """Reflectance to add to digital number times scale."""
    words: str
    """How it was decided."""
    confidence: str
    """``high`` or ``low``."""


def pixel_test(red_dn: np.ndarray, swir2_dn: np.ndarray, scene_class: np.ndarray | None) -> PixelTest:
    """Look at the clear pixels of a coarse reading of a scene (three arrays of one shape, 0 or NaN is nodata).

    A scene whose numbers still carry +1000 has its dark targets at a floor of 1000 and next to nothing below 900; one that has
    lost it has vegetation and water far below. A bright scene without dark targets shows neither and stays undecided.
    """
    clear = (red_dn > 0) & (swir2_dn > 0)
    if scene_class is not None:
        clear &= np.isin(scene_class, CLEAR_CLASSES)
    red, swir2 = red_dn[clear].astype("float64"), swir2_dn[clear].astype("float64")
    if red.size == 0:
        return PixelTest(0, float("nan"), float("nan"), {0.0: 0.0, PENDING: 0.0})
    darker = np.minimum(red, swir2)
    negative = {offset: float(np.mean(red * 1e-4 + offset < -0.01)) for offset in (0.0, PENDING)}
    return PixelTest(red.size, float(np.mean(darker < _DARK_DN)), float(np.percentile(darker, 1)), negative)


def baseline_number(baseline: str) -> float | None:
    """``05.09`` as 5.09; None where it is not a number."""
    return float(baseline) if re.fullmatch(r"\d{1,2}(\.\d{1,2})?", baseline or "") else None


def _by_baseline(facts: Facts) -> Decision | None:
    number = baseline_number(facts.baseline)
    if number is None:
        return None
    if number >= 4.0:
        return Decision(PENDING, f"baseline {facts.baseline} is 04.00 or later: offset in the pixels", "high")
    return Decision(0.0, f"baseline {facts.baseline} is before 04.00: no offset", "high")


def _by_raster_bands(facts: Facts) -> Decision | None:
    if facts.raster_offset is None:
        return None
    return Decision(facts.raster_offset, f"raster:bands offset {facts.raster_offset:g}", "high")


def _earth_search(facts: Facts) -> Decision | None:
    by_baseline, by_bands = _by_baseline(facts), _by_raster_bands(facts)
    if by_baseline is not None and by_baseline.offset == 0.0:
        return by_baseline
    if facts.flag is True:
        if by_bands is not None and by_bands.offset != 0.0:
            return Decision(0.0, f"flag says the offset is removed, {by_bands.words} contradicts it: flag taken", "low")
        return Decision(0.0, "flag says the offset is removed", "high")
    said = "flag says the offset is not removed" if facts.flag is False else "no flag"
    fallback = by_bands or by_baseline
    if fallback is None:
        return None
    if by_baseline is not None and by_baseline.offset != fallback.offset:
        return Decision(PENDING, f"{said}, {by_baseline.words}, {fallback.words} contradicts it: baseline taken", "low")
    return Decision(fallback.offset, f"{said}, {fallback.words}", "low" if fallback.offset else "high")


def by_metadata(rule: str, facts: Facts, table_offset: float) -> Decision:
    """What the metadata alone say, by the rule of the sensor's table (see Sensor.offset_rule)."""
    if rule == "fixed":
        return Decision(table_offset, f"offset {table_offset:g} of the sensor table", "high")
    found = {
        "earth_search": lambda: _earth_search(facts),
        "raster_bands": lambda: _by_raster_bands(facts) or _by_baseline(facts),
        "baseline": lambda: _by_baseline(facts) or _by_raster_bands(facts),
    }[rule]()
    return found or Decision(table_offset, f"metadata say nothing: offset {table_offset:g} of the sensor table", "low")


def decide_offset(rule: str, facts: Facts, table_offset: float, test: PixelTest | None) -> Decision:
    """The offset of a scene: conclusive pixels overrule metadata, otherwise metadata stand.

    Parameters
    ----------
    rule : ``fixed``, ``earth_search``, ``raster_bands`` or ``baseline``.
    test : None where the pixels were not looked at.
    """
    told = by_metadata(rule, facts, table_offset)
    if rule == "fixed" or test is None:
        return told
    verdict = test.verdict
    if verdict is None:
        number = baseline_number(facts.baseline)
        certain = number is not None and number < 4.0
        return Decision(told.offset, f"{told.words}; pixels not conclusive ({test.words})", "high" if certain else "low")
    seen = "removed from" if verdict == 0.0 else "still in"
    if verdict == told.offset:
        return Decision(verdict, f"{told.words}; confirmed: offset {seen} the pixels ({test.words})", "high")
    return Decision(verdict, f"pixels overrule metadata: offset {seen} the pixels ({test.words}); metadata: {told.words}", "high")


def too_negative(decision: Decision, test: PixelTest | None) -> bool:
    """Whether more than 5 % of the clear pixels have a red reflectance below -0.01 under the decided offset."""
    return test is not None and test.pixels >= MIN_PIXELS and test.negative_share.get(decision.offset, 0.0) > _NEGATIVE_SHARE
