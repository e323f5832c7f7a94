"""Water of single dates by published methods, and its frequency over the year.

``mndwi`` : MNDWI > 0 (Xu 2006). ``otsu`` : MNDWI above Otsu's (1979) threshold of all clear pixels of the tile and date.
``wofs`` : decision tree of Water Observations from Space (Mueller et al. 2016). ``dswe`` : at least three of the five tests of
Dynamic Surface Water Extent (Jones 2019), its classes of high and moderate confidence.

Each month has one vote, and only the finest sensor of a month counts, as in ours; the published methods count scenes, which favours summer.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from rs_kernels.indices import mndwi, water_tests, wofs_water
from skimage.filters import threshold_otsu

from benchmarks.baselines.scenes import Stack
from rs_pipeline.config import Settings
from rs_pipeline.model import Period
from rs_pipeline.products.calendar import Calendar

METHODS = ("mndwi", "otsu", "wofs", "dswe")

DRY, WET, UNSEEN = 0, 1, 2
"""State of a pixel on a date."""

MIN_OTSU_PIXELS = 500
"""With fewer clear pixels on a date the threshold is 0 instead of Otsu's."""

DSWE_TESTS = 3


@njit(cache=True, nogil=True)
def mndwi_of(refl):
    """MNDWI float32 (h, w) of reflectance float32 (6, h, w); NaN where undefined."""
    _, h, w = refl.shape
    out = np.empty((h, w), np.float32)
    for y in range(h):
        for x in range(w):
            out[y, x] = mndwi(refl[1, y, x], refl[4, y, x])
    return out


@njit(cache=True, nogil=True)
def wofs_of(refl):
    """Water by the WOfS tree, bool (h, w), of reflectance float32 (6, h, w)."""
    _, h, w = refl.shape
    out = np.empty((h, w), np.bool_)
    for y in range(h):
        for x in range(w):
            p = refl[:, y, x]
            out[y, x] = wofs_water(p[0], p[1], p[2], p[3], p[4], p[5])
    return out


@njit(cache=True, nogil=True)
def dswe_of(refl):
    """Water by at least DSWE_TESTS of the five tests, bool (h, w), of reflectance float32 (6, h, w)."""
    _, h, w = refl.shape
    out = np.empty((h, w), np.bool_)
    for y in range(h):
        for x in range(w):
            p = refl[:, y, x]
            first, second = water_tests(p[0], p[1], p[2], p[3], p[4], p[5])
            out[y, x] = first + second >= DSWE_TESTS
    return out


def water_of_date(method: str, refl: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """uint8 (h, w): WET, DRY or UNSEEN (not clear, or the index is undefined).

    Parameters
    ----------
    refl : float32 (6, h, w), bands of scenes.BANDS. clear : bool (h, w).

    Raises
    ------
    ValueError : there is no such method.
    """
    seen = clear
    if method in ("mndwi", "otsu"):
        index = mndwi_of(refl)
        seen = clear & np.isfinite(index)
        wet = index > (tile_threshold(index[seen]) if method == "otsu" else 0.0)
    elif method == "wofs":
        wet = wofs_of(refl)
    elif method == "dswe":
        wet = dswe_of(refl)
    else:
        raise ValueError(f"no water method {method!r}; there are {', '.join(METHODS)}")
    return np.where(seen, wet, UNSEEN).astype("uint8")


def tile_threshold(index: np.ndarray) -> float:
    """Otsu's threshold of clear MNDWI (n,); 0 where there are too few pixels or only one value."""
    if index.size < MIN_OTSU_PIXELS or np.ptp(index) == 0:
        return 0.0
    return float(threshold_otsu(index))


@njit(cache=True, nogil=True)
def vote(states, native_m, day, month, n_months, min_months):
    """Share of months that are wet, float32 (h, w); NaN below ``min_months`` seen months.

    A month is wet where at least half of its dates are. Only dates of the month's finest sensor count, one a day.

    Parameters
    ----------
    states : uint8 (T, h, w) of WET, DRY, UNSEEN, ascending in time. native_m : float32 (T,). day, month : int64 (T,).
    """
    n_dates, h, w = states.shape
    out = np.full((h, w), np.nan, np.float32)
    for y in range(h):
        for x in range(w):
            months, wet_months, t = 0, 0, 0
            for m in range(n_months):
                n, wet, last_day, finest = 0, 0, -1, np.inf
                while t < n_dates and month[t] == m:
                    state = states[t, y, x]
                    if state != 2 and native_m[t] <= finest and (day[t] != last_day or native_m[t] < finest):
                        if native_m[t] < finest:
                            n, wet, finest = 0, 0, native_m[t]
                        n += 1
                        wet += state
                        last_day = day[t]
                    t += 1
                if n > 0:
                    months += 1
                    wet_months += 2 * wet >= n
            if months > 0 and months >= min_months:
                out[y, x] = wet_months / months
    return out


def water_class(frequency: np.ndarray, settings: Settings) -> np.ndarray:
    """Class float32 (h, w) by the thresholds of the run: 0 land, 1 permanent, 2 seasonal, 3 ephemeral; NaN unobserved."""
    s = settings.water
    conditions = [frequency >= least for least in (s.permanent_frequency, s.seasonal_frequency, s.ephemeral_frequency)]
    return np.where(np.isnan(frequency), np.nan, np.select(conditions, [1, 2, 3], 0)).astype("float32")


def water_frequency(settings: Settings, period: Period, stack: Stack, methods: tuple[str, ...] = METHODS) -> dict[str, np.ndarray]:
    """Method to the share of the period's months under water, float32 (h, w), NaN where too few months were seen."""
    states = {m: np.empty((len(stack), *stack.grid.shape), "uint8") for m in methods}
    for t in range(len(stack)):
        refl, clear = stack.refl(t), stack.clear(t, settings.masks.water)
        for method in methods:
            states[method][t] = water_of_date(method, refl, clear)
    calendar = Calendar.of(stack.days, period)
    return {m: vote(s, stack.native_m, calendar.day, calendar.month, calendar.n_months, settings.water.min_months) for m, s in states.items()}
