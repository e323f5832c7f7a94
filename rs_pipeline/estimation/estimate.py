"""The parts of an indicator: the facts of a unit and period, the estimate, and the common missing-data rule.

Every indicator is a mean over the observed part of a unit (a share, a cover, a rate) times an amount (area, length, count), so one
missing-data rule applies to all: ``uncertainty.complete``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rs_pipeline.config import IndicatorsSection, Settings
from rs_pipeline.estimation.error_model import Spread
from rs_pipeline.estimation.reference import NO_REFERENCES, References, corrected_mean
from rs_pipeline.estimation.uncertainty import Interval, Thresholds, complete, missing_rule, possible, within

FORESHORE = "foreshore"
"""Zone of the ground before the coast of a unit (`indicators.foreshore`)."""


LEAST_F1 = 0.7
"""Least F1 of a class of ground whose area is published: on simulated worlds and, where there are enough of them, on real pixels, none of which took part in
the training."""


def limits_of(section: IndicatorsSection) -> Thresholds:
    """The thresholds of the observed fraction in a configuration."""
    return Thresholds(section.publish_fraction, section.scale_fraction, section.range_fraction)


def lost_too_many(lost: int, used: int, max_share: float) -> bool:
    """Whether more than a share, 0-1, of a unit's scenes could not be read."""
    return lost > max_share * (lost + used)


@dataclass(frozen=True)
class Facts:
    """All measurements of one unit (or the region) in one period: facts that every product needs, and by name the facts that products add.

    The facts of a product are read as ``facts["reaches"]``; they exist in every run, and are None where the run made no such layer.
    """

    period: str
    baseline: str
    """Label of the baseline period."""
    is_last: bool
    """Whether it is the last period of the run."""
    zones: Mapping[str, Mapping[str, float]]
    """Zone (``county``, ``grassland:<type>``) to the sums of counties/<period>.parquet."""
    base: Mapping[str, float]
    """Sums of the zone ``county`` in the baseline period."""
    limits: Thresholds
    max_lost_share: float = 1.0
    """Largest share of unreadable scenes that is not reported."""
    yearly: Sequence[tuple[float, Mapping[str, float]]] = ()
    """(decimal year, sums of zone ``county``) of the periods of the same season from the baseline on that are `as_fine`, in time order."""
    years: Mapping[str, float] = field(default_factory=dict)
    """Label of every period to its middle, decimal year, in time order."""
    pixel_m: Mapping[str, float] = field(default_factory=dict)
    """Label of every period to the finest near-infrared pixel of the unit's scenes, metres, NaN without one."""
    references: References = NO_REFERENCES
    """Reference samples of the unit and period."""
    base_references: References = NO_REFERENCES
    """Reference samples of the unit and the baseline period."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Facts of products (`Product.facts`), by name."""
    measured: Callable[[str, str], Facts] | None = field(default=None, repr=False)
    """Function of (period, baseline) that gives the facts of the same unit."""

    def since(self, baseline: str) -> Facts:
        """Facts of the same unit and period, with changes measured from another baseline."""
        return self if baseline == self.baseline else self.at(self.period, baseline)

    def at(self, period: str, baseline: str) -> Facts:
        """Facts of the same unit in a period of the run, with changes measured from a baseline."""
        assert self.measured is not None, "facts that were not read from a run"
        return self.measured(period, baseline)

    def as_fine(self, label: str) -> bool:
        """Whether a period has the same finest pixel size as this one: a coarser sensor gives a lower cover. True where either is unknown."""
        here, there = self.pixel_m.get(self.period, math.nan), self.pixel_m.get(label, math.nan)
        return not here < there and not there < here

    def __getitem__(self, name: str) -> Any:
        return self.own[name]

    def with_own(self, **changes: Any) -> Facts:
        """The same facts with other values of products."""
        return replace(self, own={**self.own, **changes})

    @property
    def county(self) -> Mapping[str, float]:
        return self.zones["county"]

    @property
    def to_sea(self) -> Mapping[str, float]:
        """Areas of `county`, m2, and their variances, m4, with those of the FORESHORE of the unit, where it has one."""
        before = self.zones.get(FORESHORE, {})
        return {name: value + before.get(name, 0.0) for name, value in self.county.items() if name.endswith(("_m2", "_m4"))}

    @property
    def lost(self) -> str:
        """Number of the unit's scenes that could not be read, in words; empty where they are at most `max_lost_share` of all."""
        lost, used = int(self.county.get("n_lost", 0)), int(self.county["n_scenes"])
        said = lost_too_many(lost, used, self.max_lost_share)
        return f"lost: {lost} of {lost + used} scenes could not be read ({self.county['lost_reason']})" if said else ""

    @property
    def land_m2(self) -> float:
        """Area where cover can be observed, m2: all but permanent water."""
        return self.county.get("land_m2", self.county["area_m2"])


@dataclass(frozen=True)
class Estimate:
    """The value of an indicator; ``interval`` is None where there is none: ``status`` and ``reason`` then say why."""

    interval: Interval | None
    observed_fraction: float
    status: str = ""
    reason: str = ""
    spread: Spread | None = None
    """The parts of a ``model95`` interval, in the unit of the value; None for other intervals."""
    mapped: Estimate | None = None
    """The estimate of the map alone, where reference samples correct it; used for comparison with years without samples."""
    no_level: str = ""
    """Why no number of a target is compared with the value, though its changes are known; empty where one is."""

    def noting(self, *words: str) -> Estimate:
        """The same estimate with more words in front of the reason."""
        return replace(self, reason="; ".join(filter(None, [*words, self.reason])))


@dataclass(frozen=True)
class Indicator:
    """One indicator as data."""

    name: str
    title: str
    unit: str
    product: str
    """Product that it is computed from, such as vegetation, water, black_odorous, coastline, red_line or land."""
    direction: str
    """``up`` or ``down``: the better direction; empty where neither is better."""
    estimator: Callable[[Facts], Estimate] = field(repr=False)
    is_change: bool = False
    """Whether the value is itself a change since the baseline."""
    of_all_periods: bool = False
    """Whether the value is computed from all periods and reported for the last one."""
    at_baseline: float = 0.0
    """Value of a change in the baseline period itself: 0, or 1 for a ratio."""
    least: Callable[[Settings], float] | None = field(default=None, repr=False)
    """Detection limit, in ``unit``: the smallest amount, or for a level the smallest change, that can be distinguished from zero."""
    often_missed: bool = False
    """Whether so much of it is missed that seeing none does not show that none is left."""
    of_one_pixel: bool = False
    """Whether periods with coarser or finer pixels are not compared, because their values differ by the sensor."""
    is_evidence: bool = False
    """Whether it only stands beside the indicator that its targets count, and gets no verdict: their number or operator is not of it."""
    formula: str = ""
    """How the value is computed, in words."""
    bounds: str = ""
    """Meaning of the interval without reference samples, in words; empty where there is no interval."""


def missing(status: str, reason: str, observed_fraction: float = 0.0) -> Estimate:
    return Estimate(None, observed_fraction, status, reason)


def observed_ratio(part: float, whole: float) -> float:
    """part / whole as an observed fraction, at most 1; 0 where the whole is 0 or the part is not finite."""
    return min(1.0, part / whole) if whole > 0 and math.isfinite(part) else 0.0


def published(
    seen: Interval, v: float, facts: Facts, factor: float, *, low: float = 0.0, high: float = 1.0, square: float | None = None,
    spread: Spread | None = None, part: float = 0.0,
) -> Estimate:  # fmt: skip
    """The missing-data rule applied to a mean over the observed part, times ``factor``. ``square`` : mean of the squared values over it; ``spread`` : error
    model of the mean; ``part`` : share of the whole of one countable part, see `uncertainty.complete`."""
    rule = missing_rule(v, facts.limits)
    whole = complete(seen, v, facts.limits, low=low, high=high, square=square, part=part)
    if whole is None:
        return missing("insufficient_data", f"{100 * v:.3g} % observed; at least {100 * facts.limits.range:.3g} % is needed", v)
    words = {
        "publish": "",
        "scale": f"{100 * v:.3g} % observed: scaled to the whole, interval widened",
        "range": f"{100 * v:.3g} % observed: the bounds are those of the unseen part at either extreme",
    }
    return Estimate(whole.times(factor), v, "", words[rule], spread and replace(spread, unseen=_widened(seen, whole)).times(factor))


def _widened(seen: Interval, whole: Interval) -> tuple[float, float]:
    """Contribution of the unobserved part to an interval, below and above, as the difference of squares, because the contributions are added in squares."""
    (lower, upper), (lowest, highest) = seen.bounds, whole.bounds
    below, above = (whole.value - lowest, seen.value - lower), (highest - whole.value, upper - seen.value)
    return _difference(*below), _difference(*above)


def _difference(whole: float, part: float) -> float:
    """sqrt(whole^2 - part^2), at least 0."""
    return math.sqrt(max(0.0, whole**2 - part**2))


def by_samples(
    mapped: Estimate, facts: Facts, product: str, mapped_total: float, stratum_area: Sequence[float], observed: float, whole: float, factor: float
) -> Estimate:
    """The mean of a map over the observed part of ``whole``, corrected by reference samples, times ``factor``. Without enough samples, or where they do not
    fit, the estimate ``mapped`` of the map itself. The reason begins with the estimator."""
    found = corrected_mean(facts.references, product, mapped_total, stratum_area, observed)
    if found is None:
        return mapped
    mean, words = found
    if mean is None:
        return mapped.noting(words)
    return replace(published(possible(mean, 0.0, 1.0), observed_ratio(observed, whole), facts, factor), mapped=mapped).noting(words)


def modelled(value: float, spread: Spread, low: float = 0.0, high: float = 1.0) -> Interval:
    """A mean with the interval of the error model, cut to what is possible."""
    return within(spread.around(value), low, high)


def baseline_period(facts: Facts) -> Estimate | None:
    if facts.period == facts.baseline:
        return missing("insufficient_data", "this is the baseline period: changes are measured from it", 1.0)
    return None
