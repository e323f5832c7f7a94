"""What an indicator is made of: the facts of a unit and period, the estimate, and the missing-data rule that all share.

Every indicator is a mean over the observed part of a unit (a share, a cover, a rate) times an amount (area, length, count), so the
missing-data rule is written once, in ``uncertainty.complete``.
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


def limits_of(section: IndicatorsSection) -> Thresholds:
    """The observed fractions that a configuration asks for."""
    return Thresholds(section.publish_fraction, section.scale_fraction, section.range_fraction)


def lost_too_many(lost: int, used: int, max_share: float) -> bool:
    """Whether more than a share, 0-1, of a unit's scenes could not be read."""
    return lost > max_share * (lost + used)


@dataclass(frozen=True)
class Facts:
    """All that was measured of one unit (or the region) in one period: what every product needs, and by name what each adds of its own.

    What a product adds is looked up, ``facts["reaches"]``; it is there in every run, None where the run made no such layer.
    """

    period: str
    baseline: str
    """Label of the baseline period."""
    is_last: bool
    """The last period of the run."""
    zones: Mapping[str, Mapping[str, float]]
    """Zone (``county``, ``grassland:<type>``) to the sums of counties/<period>.parquet."""
    base: Mapping[str, float]
    """The zone ``county`` in the baseline period."""
    limits: Thresholds
    max_lost_share: float = 1.0
    """Where more than this share of the scenes could not be read, it is said."""
    yearly: Sequence[tuple[float, Mapping[str, float]]] = ()
    """(decimal year, zone ``county``) of the periods of this season, seen `as_fine`, from the baseline on, in time order."""
    years: Mapping[str, float] = field(default_factory=dict)
    """Label of every period to its middle, decimal year, in time order."""
    pixel_m: Mapping[str, float] = field(default_factory=dict)
    """Label of every period to the finest near-infrared pixel of the unit's scenes, NaN without one."""
    references: References = NO_REFERENCES
    """Reference samples of the unit and period."""
    base_references: References = NO_REFERENCES
    """Likewise, of the baseline period."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """What products add (`Product.facts`), by name."""
    measured: Callable[[str, str], Facts] | None = field(default=None, repr=False)
    """(period, baseline) to the facts of the same unit."""

    def since(self, baseline: str) -> Facts:
        """The same unit and period, changes measured from another period."""
        return self if baseline == self.baseline else self.at(self.period, baseline)

    def at(self, period: str, baseline: str) -> Facts:
        """The facts of the same unit in a period of the run, changes measured from a baseline."""
        assert self.measured is not None, "facts that were not read from a run"
        return self.measured(period, baseline)

    def as_fine(self, label: str) -> bool:
        """Whether the finest pixels of a period were those of this one: a coarser sensor reads cover lower. True where either is not known."""
        here, there = self.pixel_m.get(self.period, math.nan), self.pixel_m.get(label, math.nan)
        return not here < there and not there < here

    def __getitem__(self, name: str) -> Any:
        return self.own[name]

    def with_own(self, **changes: Any) -> Facts:
        """The same with other facts of a product."""
        return replace(self, own={**self.own, **changes})

    @property
    def county(self) -> Mapping[str, float]:
        return self.zones["county"]

    @property
    def lost(self) -> str:
        """How many of the unit's scenes could not be read, in words; empty where these are no more than `max_lost_share` of all."""
        lost, used = int(self.county.get("n_lost", 0)), int(self.county["n_scenes"])
        said = lost_too_many(lost, used, self.max_lost_share)
        return f"lost: {lost} of {lost + used} scenes could not be read ({self.county['lost_reason']})" if said else ""

    @property
    def land_m2(self) -> float:
        """Where cover can be seen: all but permanent water."""
        return self.county.get("land_m2", self.county["area_m2"])


@dataclass(frozen=True)
class Estimate:
    """The value of an indicator; ``interval`` is None where there is none, and then ``status`` and ``reason`` say why."""

    interval: Interval | None
    observed_fraction: float
    status: str = ""
    reason: str = ""
    spread: Spread | None = None
    """The parts of a ``model95`` interval, in the unit of the value; None for other intervals."""
    mapped: Estimate | None = None
    """What the map alone says, where reference samples correct it: what years without samples are compared with."""

    def noting(self, *words: str) -> Estimate:
        """The same with more words in front of the reason."""
        return replace(self, reason="; ".join(filter(None, [*words, self.reason])))


@dataclass(frozen=True)
class Indicator:
    """One indicator as data."""

    name: str
    title: str
    unit: str
    product: str
    """Layer it is read from: vegetation, water, black_odorous, coastline, red_line or land."""
    direction: str
    """``up`` or ``down``: which way is better; empty where neither is."""
    estimator: Callable[[Facts], Estimate] = field(repr=False)
    is_change: bool = False
    """The value is itself a change since the baseline."""
    of_all_periods: bool = False
    """The value rests on all periods, and the last one carries it."""
    at_baseline: float = 0.0
    """What a change is in the baseline period itself: 0, of a ratio 1."""
    least: Callable[[Settings], float] | None = field(default=None, repr=False)
    """The smallest amount that can be told from none, or of a level the smallest change, in ``unit``."""
    of_one_pixel: bool = False
    """Periods that were seen with coarser or finer pixels are not compared: their values differ by the sensor."""
    rules_over: str = ""
    """Name of the indicator whose verdict this one takes over in a unit and period where it has a value: the nearer of two to what a target says."""
    formula: str = ""
    """How the value comes about, in words."""
    bounds: str = ""
    """What the interval is without reference samples, in words; empty where there is none."""


def missing(status: str, reason: str, observed_fraction: float = 0.0) -> Estimate:
    return Estimate(None, observed_fraction, status, reason)


def observed_ratio(part: float, whole: float) -> float:
    """part / whole as an observed fraction: 0 of nothing is 0."""
    return min(1.0, part / whole) if whole > 0 and math.isfinite(part) else 0.0


def published(
    seen: Interval, v: float, facts: Facts, factor: float, *, low: float = 0.0, high: float = 1.0, square: float | None = None,
    spread: Spread | None = None, part: float = 0.0,
) -> Estimate:  # fmt: skip
    """The missing-data rule applied to a mean over the observed part, times ``factor``; ``square`` is the mean of the squared values over it,
    ``spread`` that of the mean, ``part`` what one of its countable parts is of the whole."""
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
    """By how much, below and above, what was not seen widens an interval: in squares, as it was put together."""
    (lower, upper), (lowest, highest) = seen.bounds, whole.bounds
    below, above = (whole.value - lowest, seen.value - lower), (highest - whole.value, upper - seen.value)
    return _difference(*below), _difference(*above)


def _difference(whole: float, part: float) -> float:
    """What a part lacks of a whole, both in squares."""
    return math.sqrt(max(0.0, whole**2 - part**2))


def by_samples(
    mapped: Estimate, facts: Facts, product: str, mapped_total: float, stratum_area: Sequence[float], observed: float, whole: float, factor: float
) -> Estimate:
    """The mean of a map over the observed part of ``whole`` as reference samples of it correct it, times ``factor``; the estimate ``mapped`` of the
    map itself without enough of them, or where they do not fit. The reason begins with the estimator."""
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
