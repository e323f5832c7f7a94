"""Estimates from a probability sample of reference pixels: design-based, model-assisted, synthetic. Pure functions on plain numbers.

A sample is simple random, or random within the strata of the map's own class; pixels are weighted by the area of their stratum.

A few pixels that all agree do not show that all others agree. So the variance of a stratum whose references are all equal is computed with one more pixel of
each kind, a share of 1 / (n + 2) (Agresti and Caffo 2000, Am. Stat. 54:280, after Agresti and Coull 1998, Am. Stat. 52:119).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rs_pipeline.estimation.uncertainty import Interval, possible

MIN_SAMPLES = 30
"""With fewer reference pixels in a unit, the region's sample is used for it."""

REPLICATES = 2000
"""Number of bootstrap replicates of an interval."""


@dataclass(frozen=True)
class Sample:
    """Reference pixels of a unit, all arrays (n,)."""

    stratum: np.ndarray
    """int, 0 to k - 1."""
    mapped: np.ndarray
    """Value of the map: a share or a cover, 0-1."""
    true: np.ndarray
    """Value of the reference, 0-1."""

    @property
    def residual(self) -> np.ndarray:
        return self.true - self.mapped

    def of(self, chosen: np.ndarray) -> Sample:
        return Sample(self.stratum[chosen], self.mapped[chosen], self.true[chosen])

    def counts(self, k: int) -> np.ndarray:
        """Number of pixels of each stratum, int (k,)."""
        return np.bincount(self.stratum, minlength=k)


@dataclass(frozen=True)
class TotalEstimate:
    """An amount with its interval, and the name of the estimator; where the samples do not fit the unit, None and the reason."""

    interval: Interval | None
    estimator: str


def difference_total(mapped_total: float, stratum_area: np.ndarray, sample: Sample) -> float:
    """The map's total corrected by the mean residual of each stratum (Sarndal, Swensson and Wretman 1992, eq. 6.3.4).

    ``sum of the map + sum over h of A_h x mean(true - mapped)``: model-assisted (GREG) where the sample is the unit's own, synthetic
    where it is the region's. Where the map has one value per stratum it is the stratified estimator of Olofsson et al. (2014).
    """
    n = np.maximum(sample.counts(len(stratum_area)), 1)
    mean = np.bincount(sample.stratum, sample.residual, len(stratum_area)) / n
    return float(mapped_total + stratum_area @ mean)


def bootstrap95(mapped_total: float, stratum_area: np.ndarray, sample: Sample, seed: int = 0) -> tuple[float, float]:
    """2.5 and 97.5 % quantiles of the difference estimator over resamples of n_h - 1 pixels of each stratum (Rao and Wu 1988, JASA 83:231).

    The same seed gives the same bounds.
    """
    rng, totals = np.random.default_rng(seed), np.full(REPLICATES, float(mapped_total))
    for h, area in enumerate(stratum_area):
        residual = _with_one_of_either(sample.of(sample.stratum == h))
        if area > 0 and residual.size:
            draws = rng.integers(0, residual.size, (REPLICATES, max(residual.size - 1, 1)))
            totals += area * residual[draws].mean(axis=1)
    lower, upper = np.quantile(totals, [0.025, 0.975])
    return float(lower), float(upper)


def _with_one_of_either(sample: Sample) -> np.ndarray:
    """Residuals of a stratum. Where its references are all 0 or all 1, the residuals of two more pixels are added, one of each kind, with the mean mapped
    value."""
    if sample.true.size == 0 or sample.true[0] not in (0, 1) or (sample.true != sample.true[0]).any():
        return sample.residual
    mapped = sample.mapped.mean()
    return np.r_[sample.residual, 0 - mapped, 1 - mapped]


def estimate_total(mapped_total: float, stratum_area: np.ndarray, own: Sample, region: Sample) -> TotalEstimate | None:
    """Amount of a unit from its own reference pixels where they are enough, else from the region's; None where these are too few as well.

    Parameters
    ----------
    mapped_total : sum of the map over the observed part of the unit. stratum_area : (k,) area of the strata there, in the same measure.

    Notes
    -----
    Enough means MIN_SAMPLES, and two in every stratum that the unit has. The interval of a synthetic estimate is that of the region's
    residuals; it does not include how the unit differs from the region, so it is called ``model95``. If the residuals of the region would make the
    amount negative or larger than the whole, they do not fit the unit and are not used; with the unit's own sample such an amount is clipped.
    """

    def enough(sample: Sample) -> bool:
        counts = sample.counts(len(stratum_area))
        return counts.sum() >= MIN_SAMPLES and bool((counts[stratum_area > 0] >= 2).all())

    if enough(own):
        sample, kind, name = own, "design95", f"model-assisted (GREG): {own.true.size} reference samples here"
    elif enough(region):
        sample, kind = region, "model95"
        name = f"synthetic: {own.true.size} reference samples here, too few; the errors of the region's {region.true.size} are used"
    else:
        return None
    value, whole = difference_total(mapped_total, stratum_area, sample), float(stratum_area.sum())
    if sample is not own and not 0 <= value <= whole:
        return TotalEstimate(None, f"not corrected: the errors of the region's {region.true.size} reference samples are larger than what is mapped here")
    lower, upper = bootstrap95(mapped_total, stratum_area, sample)
    return TotalEstimate(possible(Interval(value, min(lower, value), max(upper, value), kind), 0.0, whole), name)


def stratified_total(stratum_area: np.ndarray, sample: Sample) -> TotalEstimate:
    """Area of class 1 of a map of classes 0 and 1, which are the strata, from 0-1 references: Olofsson et al. (2014).

    Raises
    ------
    ValueError : a stratum has fewer than two samples or no area.
    """
    counts = np.zeros((2, 2))
    np.add.at(counts, (sample.stratum, np.rint(sample.true).astype(int)), 1)
    found = stratified_area(counts, stratum_area)
    words = (
        f"stratified estimator (Olofsson 2014): {sample.true.size} reference samples, overall accuracy "
        f"{100 * found.overall:.1f} +- {100 * found.overall_half95:.1f} %"
    )
    value, half = float(found.area[1]), float(found.area_half95[1])
    return TotalEstimate(possible(Interval(value, value - half, value + half, "design95"), 0.0, float(stratum_area.sum())), words)


@dataclass(frozen=True)
class StratifiedAccuracy:
    """Result of ``stratified_area``; ``_half95`` is half the 95 % design-based interval (1.96 standard errors)."""

    overall: float
    overall_half95: float
    users: np.ndarray
    users_half95: np.ndarray
    producers: np.ndarray
    producers_half95: np.ndarray
    area: np.ndarray
    """Area of each reference class, in the unit of ``mapped_area``."""
    area_half95: np.ndarray


def stratified_area(counts: np.ndarray, mapped_area: np.ndarray) -> StratifiedAccuracy:
    """Area and accuracy of map classes from a stratified random sample (Olofsson et al. 2014, RSE 148:42-57, eqs 5-11).

    Parameters
    ----------
    counts : (k, k) sample counts, rows the map class (stratum), columns the reference class.
    mapped_area : (k,) area of each map class, any unit.

    Raises
    ------
    ValueError : the shapes disagree, or a stratum has fewer than two samples or no area.
    """
    n = np.asarray(counts, "float64")
    area = np.asarray(mapped_area, "float64")
    if n.ndim != 2 or n.shape[0] != n.shape[1] or area.shape != (n.shape[0],):
        raise ValueError(f"counts must be (k, k) and mapped_area (k,), got {n.shape} and {area.shape}")
    rows = n.sum(1)
    if (rows < 2).any() or (area <= 0).any():
        raise ValueError("every stratum needs at least two samples and an area above zero")
    weight = area / area.sum()
    share = n / rows[:, None]
    p = weight[:, None] * share
    reference = p.sum(0)
    users = np.diag(share)
    least = 1 / (rows + 2)[:, None]
    scattered = np.where(share.max(1, keepdims=True) == 1, np.clip(share, least, 1 - least), share)
    variance = scattered * (1 - scattered) / (rows[:, None] - 1)
    users_variance = np.diag(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        producers = np.diag(p) / reference
        spread = area[:, None] ** 2 * variance
        others = spread.sum(0) - np.diag(spread)
        producers_variance = (area**2 * (1 - producers) ** 2 * users_variance + producers**2 * others) / (area.sum() * reference) ** 2
    area_error = np.sqrt((weight[:, None] ** 2 * variance).sum(0))
    return StratifiedAccuracy(
        overall=float(np.trace(p)),
        overall_half95=float(1.96 * np.sqrt((weight**2 * users_variance).sum())),
        users=users,
        users_half95=1.96 * np.sqrt(users_variance),
        producers=producers,
        producers_half95=1.96 * np.sqrt(producers_variance),
        area=area.sum() * reference,
        area_half95=1.96 * area.sum() * area_error,
    )


def sample_size(weight: np.ndarray, users: np.ndarray, overall_error: float) -> int:
    """Samples needed for a standard error of overall accuracy (Cochran 1977, eq. 5.25; Olofsson et al. 2014, eq. 13)."""
    weight, users = np.asarray(weight, "float64"), np.asarray(users, "float64")
    return math.ceil(((weight * np.sqrt(users * (1 - users))).sum() / overall_error) ** 2)
