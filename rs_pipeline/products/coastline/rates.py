"""Rates of shoreline change along a transect: pure functions of decimal years and distances.

Terms follow DSAS (Himmelstoss et al. 2018): NSM net shoreline movement, EPR end point rate, SCE shoreline change
envelope, LRR linear regression rate, LCI95 the half-width of its 95 % interval. Distances are metres, seaward positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kernels.trends import kendall_s, kendall_variance, normal_p, theil_sen

MIN_DATES = 3
"""Fewer dates: no regression, class ``insufficient_data``."""
SPIKE_M = 40.0
"""A date that stands out from both neighbours by more than this is a spike."""
STEP_M = 100.0
"""Least lasting change within STEP_YEARS that counts as a step (reclamation, removal of a dyke)."""
STEP_YEARS = 3.0
STABLE_M_YR = 1.0
"""Rates within +-STABLE_M_YR are stable."""


@dataclass(frozen=True)
class Rates:
    """Rates of one transect; NaN where the dates do not allow them."""

    nsm_m: float = math.nan
    epr_m_yr: float = math.nan
    epr_sigma_m_yr: float = math.nan
    sce_m: float = math.nan
    lrr_m_yr: float = math.nan
    lrr_ci95_m_yr: float = math.nan
    sen_m_yr: float = math.nan
    mk_p: float = math.nan
    step_m: float = 0.0
    """Lasting step, seaward positive; 0 for none."""
    n_dates: int = 0
    """Dates that are left after spikes are removed."""


def end_point_rate(years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray) -> tuple[float, float]:
    """(distance_last - distance_first) / (years between), and its 1-sigma error."""
    span = years[-1] - years[0]
    return (distance_m[-1] - distance_m[0]) / span, math.hypot(error_m[0], error_m[-1]) / span


def linear_rate(years: np.ndarray, distance_m: np.ndarray) -> tuple[float, float]:
    """Least-squares slope and the half-width of its 95 % interval (t distribution with n - 2); needs 3 dates."""
    t = years - years.mean()
    slope = (t @ distance_m) / (t @ t)
    residual = distance_m - distance_m.mean() - slope * t
    freedom = years.size - 2
    error = math.sqrt(residual @ residual / freedom / (t @ t))
    return float(slope), float(stats.t.ppf(0.975, freedom) * error)


def mann_kendall(distance_m: np.ndarray) -> tuple[int, float, float]:
    """S, Z and two-sided p of the Mann-Kendall test with ties and continuity correction (Kendall 1975).

    The normal approximation is used at every length; with 4 dates or fewer p never falls below 0.05.
    """
    n = distance_m.size
    s, variance = int(kendall_s(distance_m, n)), kendall_variance(distance_m, n)
    z = 0.0 if s == 0 or variance == 0 else (s - math.copysign(1, s)) / math.sqrt(variance)
    return s, z, float(normal_p(s, variance))


def lasting_step(years: np.ndarray, distance_m: np.ndarray) -> float:
    """Largest lasting change within STEP_YEARS, metres, seaward positive; 0 if it is below STEP_M.

    Lasting: every distance after lies beyond every distance before by that much, so that a single wrong date
    within the series is no step. (A wrong date at the very end cannot be told from one.)
    """
    best = 0.0
    for i in range(years.size):
        for j in range(i + 1, years.size):
            if years[j] - years[i] > STEP_YEARS:
                break
            advance = distance_m[j:].min() - distance_m[: i + 1].max()
            retreat = distance_m[: i + 1].min() - distance_m[j:].max()
            change = advance if advance > retreat else -retreat
            if abs(change) >= STEP_M and max(advance, retreat) > abs(best):
                best = float(change)
    return best


def spikes(distance_m: np.ndarray) -> np.ndarray:
    """bool (n,): dates that stand out from both neighbours, on the same side, by more than SPIKE_M (CoastSat)."""
    spike = np.zeros(distance_m.size, bool)
    before = distance_m[1:-1] - distance_m[:-2]
    after = distance_m[1:-1] - distance_m[2:]
    spike[1:-1] = (np.minimum(before, after) > SPIKE_M) | (np.maximum(before, after) < -SPIKE_M)
    return spike


def rates(years: np.ndarray, distance_m: np.ndarray, error_m: np.ndarray) -> Rates:
    """All rates of a transect. NaN distances are dates without a shoreline.

    Steps are sought first; only a series without a step is freed of spikes, so that reclamation survives.

    Parameters
    ----------
    years : float (n,), decimal years, rising. distance_m, error_m : float (n,), metres, 1 sigma.
    """
    seen = np.isfinite(distance_m)
    t, x, e = (np.asarray(a, "float64")[seen] for a in (years, distance_m, error_m))
    step = lasting_step(t, x)
    if step == 0.0:
        kept = ~spikes(x)
        t, x, e = t[kept], x[kept], e[kept]
    if t.size < 2:
        return Rates(n_dates=t.size)
    epr, epr_sigma = end_point_rate(t, x, e)
    ends = {"nsm_m": x[-1] - x[0], "epr_m_yr": epr, "epr_sigma_m_yr": epr_sigma, "sce_m": x.max() - x.min()}
    if t.size < MIN_DATES:
        return Rates(**ends, step_m=step, n_dates=t.size)
    lrr, ci95 = linear_rate(t, x)
    return Rates(
        **ends, lrr_m_yr=lrr, lrr_ci95_m_yr=ci95, sen_m_yr=float(theil_sen(t, x)), mk_p=mann_kendall(x)[2], step_m=step, n_dates=t.size
    )


def change_class(r: Rates, *, built: bool) -> str:
    """Class of a transect.

    ``reclaimed``: a seaward step of a shore that looks built (straight, or not moved by the tide). Eroding and accreting need all three: the 95 % interval of the
    regression rate excludes zero, Mann-Kendall p < 0.05, and the net movement exceeds 1.96 sigma of its ends.
    ``stable`` needs evidence too: a significant rate within +-1 m/yr, or an interval that lies wholly within it.
    Everything else is ``undecidable``: with yearly shorelines that takes at least five years to leave.
    """
    if r.n_dates < MIN_DATES:
        return "insufficient_data"
    if r.step_m >= STEP_M and built:
        return "reclaimed"
    moved = abs(r.epr_m_yr) > 1.96 * r.epr_sigma_m_yr
    significant = abs(r.lrr_m_yr) > r.lrr_ci95_m_yr and r.mk_p < 0.05 and moved
    if significant and r.lrr_m_yr <= -STABLE_M_YR:
        return "eroding"
    if significant and r.lrr_m_yr > STABLE_M_YR:
        return "accreting"
    if significant or abs(r.lrr_m_yr) + r.lrr_ci95_m_yr <= STABLE_M_YR:
        return "stable"
    return "undecidable"
