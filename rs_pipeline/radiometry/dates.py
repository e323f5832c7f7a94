"""Compares the reflectance level of a scene with other dates of the same place, to decide whether Sentinel-2's offset is in its numbers.

The offset shifts every band of every pixel by exactly 0.1. Weather does not: haze decreases towards the infrared, snow is dark there,
cloud and glint reduce contrast, and seasons change only some pixels. So the levels of all bands, on dark and on brighter
targets that hardly change, distinguish an offset from weather where a single scene cannot.

The numbers below were tested on the simulated dates of `tests/radiometry/offset_trial.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rs_kernels.statistics import SIGMA_PER_MAD

from rs_pipeline.radiometry.offsets import CERTAIN, PENDING, OtherDates

LOOK_BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands compared."""

MIN_REFERENCE_DATES = 3
"""Least number of certain dates for a reference."""

REFERENCE_DATES = 12
"""Number of certain dates, those nearest in season, that a scene is compared with."""

_LIKELY = (2.5, CERTAIN, CERTAIN)
"""Least absolute log odds of reference dates, per round: dates that are only likely in the first, certain ones after it."""

LIMIT = 10.0
"""Largest absolute log odds that other dates give."""

_STABILITY_DATES = 30
"""Most certain dates, spread over all, from which stable pixels are found."""

_KINDS_PERCENT = (30, 80)
"""A band's dark targets lie below the first percentile of its levels, its brighter ones above the second."""

_TARGETS = 1500
"""Most pixels per kind of target and band."""
_MIN_TARGETS = 30
"""Least clear pixels of a kind of target for a level."""
_MIN_LEVELS = 3
"""Least number of levels, over bands and targets, for a comparison."""
_INDEPENDENT = 3.0
"""The errors of levels of bands and targets are correlated: their median counts as this many independent levels."""
_SIGMA_REFL = (0.008, 0.05)
"""Least and greatest standard error of a level between clear dates."""
_BRIGHTER, _DARKER = 0.15, 0.01
"""Share of levels that weather brightened, and share of levels that are darker for unknown reasons."""
_BRIGHTENING_REFL = 0.05
"""Median of the brightening by weather."""
_BETWEEN_REFL, _BETWEEN_LIMIT = (0.025, 0.075), 3.0
"""Levels in this range fit neither offset; their absolute log odds are limited to the second value."""


@dataclass(frozen=True)
class Look:
    """A coarse reading of a scene, one of several dates on the same pixels."""

    dn: np.ndarray
    """uint16 (6, pixels), bands of LOOK_BANDS, 0 for nodata."""
    clear: np.ndarray
    """bool (pixels,): the pixel is clear by the mask, and every band has data."""
    day_of_year: int
    log_odds: float
    """Log odds of its offset from metadata and the scene's own pixels."""


@dataclass(frozen=True)
class _Targets:
    """Stable pixels of one band and kind, and their reflectance on the certain dates."""

    band: int
    pixels: np.ndarray
    refl: np.ndarray
    """float32 (certain dates, pixels), NaN where not clear."""


def _season_distance(days: np.ndarray, day: int) -> np.ndarray:
    """Days between days of the year, across the new year where that is shorter."""
    apart = np.abs(days - day)
    return np.minimum(apart, 365 - apart)


def _refl(look: Look, band: int, pixels: np.ndarray) -> np.ndarray:
    """Reflectance before any offset, NaN where not clear."""
    return np.where(look.clear[pixels], look.dn[band, pixels] * np.float32(1e-4), np.float32(np.nan))


def _median(values: np.ndarray) -> np.ndarray:
    """Median over the first axis without NaN; NaN where fewer than MIN_REFERENCE_DATES remain. Sorting puts NaN last."""
    count = np.isfinite(values).sum(axis=0)
    ordered = np.sort(values, axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1)
    middle = (np.take_along_axis(ordered, low[None], 0)[0] + np.take_along_axis(ordered, high[None], 0)[0]) / 2
    return np.where(count >= MIN_REFERENCE_DATES, middle, np.float32(np.nan))


def _thin(pixels: np.ndarray) -> np.ndarray:
    return pixels[:: max(1, -(-pixels.size // _TARGETS))]


def _find_targets(looks: Sequence[Look], offsets: np.ndarray) -> list[_Targets]:
    """Two kinds of targets per band: of its dark and of its bright pixels, the half that varies least over the dates."""
    targets = []
    everywhere = np.arange(looks[0].clear.size)
    some = np.unique(np.linspace(0, len(looks) - 1, min(len(looks), _STABILITY_DATES)).round().astype(int))
    for band in range(len(LOOK_BANDS)):
        refl = np.stack([_refl(looks[i], band, everywhere) + offsets[i] for i in some])
        level = _median(refl)
        change = _median(np.abs(refl - level))
        known = np.flatnonzero(np.isfinite(change))
        if known.size == 0:
            continue
        dark, bright = np.percentile(level[known], _KINDS_PERCENT)
        for kind in (known[level[known] <= dark], known[level[known] >= bright]):
            stable = kind[change[kind] <= np.median(change[kind])]
            if stable.size >= _MIN_TARGETS:
                thinned = _thin(stable)
                seen = [_refl(look, band, thinned) + offset for look, offset in zip(looks, offsets, strict=True)]
                targets.append(_Targets(band, thinned, np.stack(seen)))
    return targets


def _levels(look: Look, near: np.ndarray, targets: Sequence[_Targets]) -> np.ndarray:
    """For each kind of target the median difference of the scene, without an offset, from its reference; NaN where too few pixels are clear."""
    levels = np.full(len(targets), np.nan)
    for i, target in enumerate(targets):
        above = _refl(look, target.band, target.pixels) - _median(target.refl[near])
        above = above[np.isfinite(above)]
        if above.size >= _MIN_TARGETS:
            levels[i] = np.median(above)
    return levels


def _density(level: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Probability density of a level under the right offset: near 0, seldom brighter (heavy tail), hardly ever darker."""
    core = np.exp(-0.5 * (level / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    brighter = np.where(level > 0, 1 / (_BRIGHTENING_REFL * (1 + np.maximum(level, 0) / _BRIGHTENING_REFL) ** 2), 0.0)
    return (1 - _BRIGHTER - _DARKER) * core + _BRIGHTER * brighter + _DARKER


def _support(levels: np.ndarray, sigma: np.ndarray, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each date's levels, (T,) twice: offset removed, and still in. ``levels`` is (T, targets), NaN where unknown.

    The median over bands and targets is used because glint brightens water only and snow darkens the infrared only, while an offset shifts all.
    """
    removed, pending = (np.log(_density(levels + shift + offset, sigma)) for offset in (0.0, PENDING))
    return tuple(_INDEPENDENT * np.nan_to_num(np.nanmedian(values, axis=1)) for values in (removed, pending))


def _reference_shift(levels: np.ndarray, sigma: np.ndarray, odds: np.ndarray) -> float:
    """0, or the offset by which the reference itself is wrong: the value with the highest likelihood over all dates, given their own log odds."""

    def explained(shift: float) -> float:
        removed, pending = _support(levels, sigma, shift)
        return float((np.logaddexp(removed - np.logaddexp(0, odds), pending - np.logaddexp(0, -odds))).sum())

    return max((0.0, -PENDING, PENDING), key=explained)


def _evidence(levels: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Log odds of an offset still in the pixels of each date, (T,). Levels half-way between the offsets are due to weather: their odds are limited."""
    ratio = np.log(_density(levels + PENDING, sigma)) - np.log(_density(levels, sigma))
    odds = np.clip(_INDEPENDENT * np.nanmedian(ratio, axis=1), -LIMIT, LIMIT)
    level = np.nanmedian(levels, axis=1)
    between = (level > _BETWEEN_REFL[0]) & (level < _BETWEEN_REFL[1])
    return np.where(between, np.clip(odds, -_BETWEEN_LIMIT, _BETWEEN_LIMIT), odds)


def _round(looks: Sequence[Look], told: np.ndarray, odds: np.ndarray, likely: float) -> list[OtherDates | None]:
    """Compare every date with those of the others whose odds are at least ``likely``."""
    certain = np.flatnonzero(np.abs(odds) >= likely)
    found: list[OtherDates | None] = [None] * len(looks)
    if certain.size < MIN_REFERENCE_DATES:
        return found
    offsets = np.where(odds[certain] > 0, PENDING, 0.0).astype("float32")
    references = [looks[int(i)] for i in certain]
    targets = _find_targets(references, offsets)
    days = np.array([look.day_of_year for look in references])
    levels, dates = np.full((len(looks), len(targets)), np.nan), np.zeros(len(looks), int)
    for t, look in enumerate(looks):
        near = np.argsort(_season_distance(days, look.day_of_year), kind="stable")
        near = near[certain[near] != t][:REFERENCE_DATES]
        if near.size >= MIN_REFERENCE_DATES and targets:
            levels[t], dates[t] = _levels(look, near, targets), near.size
    seen = np.flatnonzero(np.isfinite(levels).sum(axis=1) >= _MIN_LEVELS)
    if seen.size == 0:
        return found
    own = (levels[certain] + offsets[:, None]).T
    spread = [SIGMA_PER_MAD * np.median(np.abs(c[np.isfinite(c)] - np.median(c[np.isfinite(c)]))) if np.isfinite(c).any() else np.inf for c in own]
    sigma = np.clip(spread, *_SIGMA_REFL)
    levels = levels[seen] + _reference_shift(levels[seen], sigma, told[seen])
    for t, level, evidence in zip(seen.tolist(), levels, _evidence(levels, sigma), strict=True):
        found[t] = OtherDates(float(evidence), int(dates[t]), float(np.nanmedian(level)))
    return found


def compare_dates(looks: Sequence[Look]) -> list[OtherDates | None]:
    """Compare each date with the others: one result per look, None where there are too few certain dates or clear targets.

    All looks must show the same pixels. The other dates whose offset is certain from metadata and pixels form the reference of a scene.
    In later rounds dates that the earlier one made certain join the reference, and dates that the others contradict leave it.
    """
    told = np.array([look.log_odds for look in looks], "float64")
    odds = told
    found: list[OtherDates | None] = [None] * len(looks)
    for likely in _LIKELY:
        found = _round(looks, told, odds, likely)
        odds = told + np.array([o.log_odds if o else 0.0 for o in found])
    return found
