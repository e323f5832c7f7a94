"""Natural or artificial shore of each unit (transect) and period, from the available evidence.

The weights are set by hand after the rules of thumb in the literature (straight shore, hard wall that
the tide does not move, ponds behind a dyke, reclaimed ground), not fitted to surveyed shores. The probability is
therefore a ranking, not a frequency. Where there is no evidence it stays at 0.5 and the class is ``uncertain``. `states` combines the periods of a
unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
import shapely

from rs_pipeline.products.coastline.classes import ARTIFICIAL, MOUTH, NATURAL, UNCERTAIN

STRAIGHT_REACH_M = 300.0
MIN_CHORD_SHARE = 0.98
MAX_LINE_RMS_M = 3.0
NATURAL_PROBABILITY, ARTIFICIAL_PROBABILITY = 0.7, 0.3
"""At least this probability: natural; at most: artificial; between: uncertain."""

MOUTH_LOG_ODDS = 2.2
"""Log-odds that a line is rightly drawn as closing a river mouth, or rightly not: nine times in ten."""

LOG_ODDS = {"reclaimed": -4.0, "hard_edge": -1.5, "ponds": -2.0, "straight": -0.6, "crooked": 0.6, "moved_by_tide": 2.0, "fixed": -0.4, "bright_sand": 0.6}
"""What each piece of evidence adds to the log-odds of a natural shore."""
HARD_EDGE_M_PER_M = 5.0
"""In pixels of 10 m, a metre of tide moves the waterline of a wall by less than this; that of a beach of slope 0.1 to 0.02 moves by 10 to 50 m."""
BEACH_M_PER_M = 10.0
FLAT_M_PER_M = 100.0
"""From this on, the shore is a mudflat, however straight."""
POND_SHARE = 0.2
FIXED_SD_M = 5.0
BRIGHT_SWIR1_REFL = 0.30


@dataclass(frozen=True)
class Evidence:
    """Evidence of units in periods, float arrays of one shape, as (n, p); NaN where it was not observed.

    chord_share : chord over arc within STRAIGHT_REACH_M. line_rms_m : deviation from the best straight line.
    tide_m_per_m : metres the waterline moves for a metre of tide. pond_share : water behind the shore, 0-1.
    swir1_land_refl : reflectance of the land behind. position_sd_m : scatter between the periods before, or from, a lasting step. step_m : lasting step that
    lies in this or an earlier period.
    """

    chord_share: np.ndarray
    line_rms_m: np.ndarray
    tide_m_per_m: np.ndarray
    pond_share: np.ndarray
    swir1_land_refl: np.ndarray
    position_sd_m: np.ndarray
    step_m: np.ndarray

    @property
    def straight(self) -> np.ndarray:
        """bool: straight as a built edge."""
        return (self.chord_share > MIN_CHORD_SHARE) & (self.line_rms_m < MAX_LINE_RMS_M)

    @property
    def built(self) -> np.ndarray:
        """bool: straight, or less moved by the tide than a beach (fill narrower than the reach has corners, and is not straight);
        and not a mudflat."""
        return (self.straight | (self.tide_m_per_m < BEACH_M_PER_M)) & ~(self.tide_m_per_m >= FLAT_M_PER_M)


def straightness(line: shapely.LineString, place: shapely.Point) -> tuple[float, float]:
    """(chord over arc, RMS distance from the best straight line in m) of the reach of a line around a place.

    NaN where the line is shorter than half the reach.
    """
    along = line.project(place)
    low, high = max(0.0, along - STRAIGHT_REACH_M / 2), min(line.length, along + STRAIGHT_REACH_M / 2)
    if high - low < STRAIGHT_REACH_M / 2:
        return np.nan, np.nan
    xy = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(low, high, 31)))
    arc = np.hypot(*np.diff(xy, axis=0).T).sum()
    across = np.linalg.svd(xy - xy.mean(axis=0), compute_uv=False)[1]
    return float(np.hypot(*(xy[-1] - xy[0])) / arc), float(across / np.sqrt(len(xy)))


def natural_log_odds(e: Evidence) -> np.ndarray:
    """Log-odds of a natural shore, the sum of LOG_ODDS of what was observed; missing evidence adds nothing."""
    crooked = (e.chord_share <= MIN_CHORD_SHARE) | (e.line_rms_m >= MAX_LINE_RMS_M)
    holds = {
        "reclaimed": (e.step_m > 0) & e.built,
        "hard_edge": e.tide_m_per_m < HARD_EDGE_M_PER_M,
        "ponds": e.pond_share > POND_SHARE,
        "straight": e.straight,
        "crooked": crooked,
        "moved_by_tide": e.tide_m_per_m >= BEACH_M_PER_M,
        "fixed": e.position_sd_m < FIXED_SD_M,
        "bright_sand": e.swir1_land_refl > BRIGHT_SWIR1_REFL,
    }
    return reduce(np.add, (LOG_ODDS[name] * np.asarray(true, "float64") for name, true in holds.items()))


def unit_class(probability: np.ndarray, river_mouth: np.ndarray) -> np.ndarray:
    """natural, artificial, river mouth or uncertain, object array of the shape of both; NaN probability is uncertain."""
    names = np.full(np.shape(probability), UNCERTAIN, dtype=object)
    names[probability >= NATURAL_PROBABILITY] = NATURAL
    names[probability <= ARTIFICIAL_PROBABILITY] = ARTIFICIAL
    names[river_mouth] = MOUTH
    return names


@dataclass(frozen=True)
class Conversion:
    """The last change of a unit between natural and artificial; empty where there is none. Periods are labels."""

    converted_after: str = ""
    """Last period that shows the former class."""
    converted_period: str = ""
    """First period that shows the new one."""
    converted_to: str = ""


def conversions(classes: Sequence[str], labels: Sequence[str]) -> list[Conversion]:
    """Conversions in the classes of one unit, periods in time order: built over, and restored. Periods in which it is neither natural nor artificial are skipped.

    >>> conversions(["natural", "uncertain", "artificial"], ["2022", "2023", "2024"])
    [Conversion(converted_after='2022', converted_period='2024', converted_to='artificial')]
    """
    decided = [(name, label) for name, label in zip(classes, labels, strict=True) if name in (NATURAL, ARTIFICIAL)]
    return [Conversion(before, label, name) for (was, before), (name, label) in pairwise(decided) if name != was]


def dated(changes: Sequence[Conversion]) -> str:
    """All conversions of a unit as column ``conversions`` has them.

    >>> dated([Conversion("2020", "2021", "artificial"), Conversion("2023", "2024", "natural")])
    'artificial:2021;natural:2024'
    """
    return ";".join(f"{c.converted_to}:{c.converted_period}" for c in changes)


def tide_width_m(distance_m: np.ndarray, low_tide_refl: np.ndarray, high_tide_refl: np.ndarray, level: float) -> float:
    """How far the waterline at low tide lies seaward of that at high tide, along one profile.

    Parameters
    ----------
    distance_m : float (k,), rising seaward, 0 at the median waterline. low_tide_refl, high_tide_refl : NIR reflectance (k,).
    level : NIR reflectance at the median waterline.

    Returns
    -------
    Metres, NaN where either waterline is not found; near 0 at a wall, where noise may make it negative.
    """
    return _waterline_m(distance_m, low_tide_refl, level) - _waterline_m(distance_m, high_tide_refl, level)


def _waterline_m(distance_m: np.ndarray, refl: np.ndarray, level: float) -> float:
    """Where the profile falls through the level on its way to sea, the place nearest to 0."""
    k = np.flatnonzero((refl[:-1] >= level) & (refl[1:] < level))
    if k.size == 0:
        return np.nan
    share = (refl[k] - level) / (refl[k] - refl[k + 1])
    places = distance_m[k] + share * (distance_m[k + 1] - distance_m[k])
    return places[np.argmin(np.abs(places))]


def parted_water(water_class: np.ndarray) -> np.ndarray:
    """Share of the seen places of profiles that are permanent or seasonal water behind the first dry one, float (n,).

    ``water_class`` : float (n, k), classes of the water map from the shore inland, NaN where not seen. NaN where nothing was seen.

    >>> parted_water(np.array([[2, 2, 0, 0], [0, 1, 1, np.nan], [np.nan] * 4]))
    array([0.        , 0.66666667,        nan])
    """
    seen, wet = np.isfinite(water_class), (water_class == 1) | (water_class == 2)
    parted = np.logical_or.accumulate(seen & ~wet, axis=1)
    n = seen.sum(axis=1)
    return np.where(n > 0, (wet & parted).sum(axis=1) / np.maximum(n, 1), np.nan)
