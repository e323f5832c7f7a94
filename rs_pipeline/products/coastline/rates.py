"""Rates of shoreline change along transects: pure functions of decimal years and distances.

Terms follow DSAS (Himmelstoss et al. 2018): NSM net shoreline movement, EPR end point rate, SCE shoreline change
envelope, LRR linear regression rate, LCI95 the half-width of its 95 % interval, WLR the regression weighted by the positions'
errors. Distances are metres, seaward positive.

A few yearly positions are too few to estimate their scatter about a line: with three, the interval takes 12.7 standard errors. So the variance of
a transect is shrunk towards that of its coast (Smyth 2004), in units of the stated error of its positions (method, geolocation, tide
sampling), and more so the more alike the transects are. The correlation between successive years is estimated from all transects too (`coast_noise`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from rs_kernels.trends import LAG1_MAX, inflated_trend, variance_inflation
from scipy import special, stats

from rs_pipeline.products.coastline.classes import MIN_STEP_M

MIN_RATE_DATES = 3
"""Fewer dates: no regression, class ``insufficient_data``."""
MIN_SEN_DATES = 5
"""Fewer dates: even the extreme slopes of their pairs contain the rate less often than 95 times in 100, so Theil-Sen has no interval."""
SPIKE_M = 40.0
"""A date that stands out from both neighbours by more than this is a spike."""
STEP_YEARS = 3.0
"""Longest time that a step takes."""
MIN_SCATTER_M = 0.1
"""Least standard deviation of positions about a line, even where three lie on it by chance."""
MIN_LAG_DATES = 8
"""Shorter series are not used to estimate serial correlation."""
MIN_TRANSECTS = 10
"""With fewer transects, the scatter of a coast is not estimated."""
MAX_PRIOR_DATES = 5.0
"""The coast counts as at most so many more dates of a transect, because its transects differ and share the errors of a year."""


@dataclass(frozen=True)
class PositionNoise:
    """Scatter of yearly positions, estimated from all transects of a coast. With the default, each transect relies on its own scatter."""

    variance_ratio: float = 1.0
    """Variance about a transect's line over the mean square of its stated errors."""
    freedom: float = 0.0
    """Degrees of freedom that it adds to those of a transect."""
    lag1: float = 0.0
    """Correlation of a year's deviation with the next one's."""


@dataclass(frozen=True)
class Rates:
    """Rates of one transect; NaN where the dates do not allow them."""

    nsm_m: float = math.nan
    epr_m_yr: float = math.nan
    epr_sigma_m_yr: float = math.nan
    sce_m: float = math.nan
    lrr_m_yr: float = math.nan
    lrr_ci95_m_yr: float = math.nan
    wlr_m_yr: float = math.nan
    wlr_sigma_m_yr: float = math.nan
    sen_m_yr: float = math.nan
    sen_lower_m_yr: float = math.nan
    sen_upper_m_yr: float = math.nan
    mk_p: float = math.nan
    """Exact up to ten dates: never below 0.05 with four or fewer."""
    step_m: float = 0.0
    """Lasting step, seaward positive; 0 for none."""
    n_dates: int = 0
    """Dates that are left after spikes are removed."""


def end_point_rate(years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray) -> tuple[float, float]:
    """(distance_last - distance_first) / (years between), and its 1-sigma error."""
    span = years[-1] - years[0]
    return (distance_m[-1] - distance_m[0]) / span, math.hypot(error_m[0], error_m[-1]) / span


@dataclass(frozen=True)
class Fit:
    """A least-squares line through n positions."""

    slope_m_yr: float
    residual_m: np.ndarray
    """float (n,)."""
    spread_yr2: float
    """Sum of the squared deviations of the years from their mean."""

    @property
    def freedom(self) -> int:
        return self.residual_m.size - 2

    @property
    def variance_m2(self) -> float:
        """Variance of the positions about the line, at least MIN_SCATTER_M squared."""
        return max(float(self.residual_m @ self.residual_m) / self.freedom, MIN_SCATTER_M**2)


def fit_line(years: np.ndarray, distance_m: np.ndarray) -> Fit:
    """Least squares; needs MIN_RATE_DATES."""
    t = years - years.mean()
    slope = float(t @ distance_m / (t @ t))
    return Fit(slope, distance_m - distance_m.mean() - slope * t, float(t @ t))


def ci95(fit: Fit, error_m: np.ndarray, noise: PositionNoise) -> float:
    """Half-width of the 95 % interval of a slope: that of the t distribution, with the coast's `PositionNoise`."""
    freedom = fit.freedom + noise.freedom
    usual_m2 = noise.variance_ratio * float(np.mean(error_m**2))
    variance_m2 = (fit.freedom * fit.variance_m2 + noise.freedom * usual_m2) / freedom
    inflation = variance_inflation(noise.lag1, fit.residual_m.size)
    return float(stats.t.ppf(0.975, freedom) * math.sqrt(variance_m2 * inflation / fit.spread_yr2))


def weighted_rate(years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray) -> tuple[float, float]:
    """Slope of the regression with weights 1 / error_m², and its standard error from the errors as they are stated."""
    weight = 1 / error_m**2
    t = years - np.average(years, weights=weight)
    spread = weight @ t**2
    return float(weight * t @ distance_m / spread), float(1 / math.sqrt(spread))


def coast_noise(fits: Sequence[Fit], error_m: Sequence[np.ndarray]) -> PositionNoise:
    """The scatter that is usual on a coast and how far transects agree on it (Smyth 2004, section 6.2), and the lag-1 correlation.

    The correlation is the median over transects of MIN_LAG_DATES and more, of coefficients corrected for the bias -(2 + 4 rho) / n of a
    detrended series, limited to 0 and LAG1_MAX.

    Parameters
    ----------
    fits : of transects without a step. error_m : stated errors, 1 sigma, of the positions of each.
    """
    if len(fits) < MIN_TRANSECTS:
        return PositionNoise()
    freedom = np.array([f.freedom for f in fits], "float64")
    ratio = np.array([f.variance_m2 / np.mean(e**2) for f, e in zip(fits, error_m, strict=True)])
    z = np.log(ratio) - special.digamma(freedom / 2) + np.log(freedom / 2)
    excess = z.var(ddof=1) - special.polygamma(1, freedom / 2).mean()
    worth = min(2 * _inverse_trigamma(excess), MAX_PRIOR_DATES) if excess > 0 else MAX_PRIOR_DATES
    usual = math.exp(z.mean() + special.digamma(worth / 2) - math.log(worth / 2))
    lag1 = [_lag1(f.residual_m) for f in fits if f.residual_m.size >= MIN_LAG_DATES]
    return PositionNoise(usual, worth, min(max(float(np.median(lag1)), 0.0), LAG1_MAX) if lag1 else 0.0)


def _inverse_trigamma(value: float) -> float:
    """y with trigamma(y) = value, by Newton's method on 1 / trigamma, which is nearly straight (Smyth 2004, appendix)."""
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = special.polygamma(1, y)
        step = trigamma * (1 - trigamma / value) / special.polygamma(2, y)
        y += step
        if abs(step) < 1e-8 * y:
            break
    return float(y)


def _lag1(residual_m: np.ndarray) -> float:
    """Lag-1 correlation of the residuals of a line, corrected for its bias, so that it may be negative; 0 where they scatter less than MIN_SCATTER_M."""
    n, square = residual_m.size, residual_m @ residual_m
    return float((n * (residual_m[1:] @ residual_m[:-1]) / square + 2) / (n - 4)) if square > n * MIN_SCATTER_M**2 else 0.0


class ShoreStep(NamedTuple):
    """A lasting change of a shore, metres, seaward positive, and the decimal year of the first date beyond its half."""

    change_m: float = 0.0
    year: float = math.nan


def lasting_step(years: np.ndarray, distance_m: np.ndarray) -> ShoreStep:
    """Largest lasting change within STEP_YEARS; none if it is below MIN_STEP_M.

    Lasting: every distance after lies beyond every distance before by that much, so that a single wrong date
    within the series is no step. (A wrong date at the very end cannot be told from one.)
    """
    best = ShoreStep()
    if years.size < 2:
        return best
    between = years[None, :] - years[:, None]
    for sign in (1.0, -1.0):
        x = sign * distance_m
        before, after = np.maximum.accumulate(x), np.minimum.accumulate(x[::-1])[::-1]
        change = np.where((between > 0) & (between <= STEP_YEARS), after[None, :] - before[:, None], 0.0)
        i, j = np.unravel_index(change.argmax(), change.shape)
        if change[i, j] >= MIN_STEP_M and change[i, j] > abs(best.change_m):
            first = i + 1 + int((x[i + 1 : j + 1] > before[i] + change[i, j] / 2).argmax())
            best = ShoreStep(float(sign * change[i, j]), float(years[first]))
    return best


def steps_along(years: np.ndarray, distance_m: np.ndarray) -> list[ShoreStep]:
    """Lasting steps of transects, years (p,) and distances (n, p), NaN where there is no shoreline."""
    return [lasting_step(years[seen], x[seen]) for x, seen in zip(distance_m, np.isfinite(distance_m), strict=True)]


def spikes(distance_m: np.ndarray) -> np.ndarray:
    """bool (n,): dates that stand out from both neighbours, on the same side, by more than SPIKE_M (CoastSat)."""
    spike = np.zeros(distance_m.size, bool)
    before = distance_m[1:-1] - distance_m[:-2]
    after = distance_m[1:-1] - distance_m[2:]
    spike[1:-1] = (np.minimum(before, after) > SPIKE_M) | (np.maximum(before, after) < -SPIKE_M)
    return spike


@dataclass(frozen=True)
class Series:
    """The positions of a transect that count, in time order: seen, and without spikes."""

    years: np.ndarray
    distance_m: np.ndarray
    error_m: np.ndarray
    step_m: float

    @classmethod
    def of(cls, years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray) -> Series:
        """The series of one transect with NaN for dates without a shoreline. Steps are searched first, and spikes are removed only from a series
        without a step, so that reclamation is kept."""
        seen = np.isfinite(distance_m)
        t, x, e = (np.asarray(a, "float64")[seen] for a in (years, distance_m, error_m))
        step_m = lasting_step(t, x).change_m
        kept = ~spikes(x) if step_m == 0.0 else np.ones(x.size, bool)
        return cls(t[kept], x[kept], e[kept], step_m)

    @property
    def has_line(self) -> bool:
        return self.years.size >= MIN_RATE_DATES

    @cached_property
    def fit(self) -> Fit:
        """The line of a series that `has_line`."""
        return fit_line(self.years, self.distance_m)


def rates_along(years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray, kind: np.ndarray) -> list[Rates]:
    """Rates of all transects of a coast. Those of one kind share an estimate of the scatter, except transects with a step.

    Parameters
    ----------
    years : float (p,), decimal years, rising. distance_m, error_m : float (n, p), metres, 1 sigma, NaN where there is no shoreline.
    kind : (n,), for example whether the shore is built: a wall's positions scatter less than a beach's.
    """
    series = [Series.of(years, x, e) for x, e in zip(distance_m, error_m, strict=True)]
    noise = {}
    for k in set(kind):
        usual = [s for s, mine in zip(series, kind == k, strict=True) if mine and s.has_line and s.step_m == 0.0]
        noise[k] = coast_noise([s.fit for s in usual], [s.error_m for s in usual])
    return [series_rates(s, noise[k] if s.step_m == 0.0 else PositionNoise()) for s, k in zip(series, kind, strict=True)]


def series_rates(s: Series, noise: PositionNoise) -> Rates:
    """All rates of one transect."""
    t, x, e = s.years, s.distance_m, s.error_m
    if t.size < 2:
        return Rates(n_dates=t.size)
    epr, epr_sigma = end_point_rate(t, x, e)
    ends = {"nsm_m": x[-1] - x[0], "epr_m_yr": epr, "epr_sigma_m_yr": epr_sigma, "sce_m": x.max() - x.min(), "step_m": s.step_m, "n_dates": t.size}
    if not s.has_line:
        return Rates(**ends)
    inflation = variance_inflation(noise.lag1, t.size)
    wlr, wlr_sigma = weighted_rate(t, x, e)
    sen, lower, upper, p = inflated_trend(t, x, inflation)
    if t.size < MIN_SEN_DATES:
        lower = upper = math.nan
    return Rates(
        **ends,
        lrr_m_yr=s.fit.slope_m_yr,
        lrr_ci95_m_yr=ci95(s.fit, e, noise),
        wlr_m_yr=wlr,
        wlr_sigma_m_yr=wlr_sigma,
        sen_m_yr=sen,
        sen_lower_m_yr=lower,
        sen_upper_m_yr=upper,
        mk_p=p,
    )


def change_class(r: Rates, *, built: bool, stable_m_yr: float) -> str:
    """Class of a transect.

    ``reclaimed``: a seaward step of a shore that looks built (straight, or not moved by the tide). Eroding and accreting need all three: the 95 % interval of the
    regression rate excludes zero, Mann-Kendall p < 0.05, and the net movement exceeds 1.96 sigma of its ends.
    ``stable`` needs evidence too: a significant rate within +-``stable_m_yr``, or an interval that lies wholly within it.
    Everything else is ``undecidable``. With yearly shorelines, a significant rate takes at least five years.
    """
    if r.n_dates < MIN_RATE_DATES:
        return "insufficient_data"
    if r.step_m >= MIN_STEP_M and built:
        return "reclaimed"
    moved = abs(r.epr_m_yr) > 1.96 * r.epr_sigma_m_yr
    significant = abs(r.lrr_m_yr) > r.lrr_ci95_m_yr and r.mk_p < 0.05 and moved
    if significant and r.lrr_m_yr <= -stable_m_yr:
        return "eroding"
    if significant and r.lrr_m_yr > stable_m_yr:
        return "accreting"
    if significant or abs(r.lrr_m_yr) + r.lrr_ci95_m_yr <= stable_m_yr:
        return "stable"
    return "undecidable"
