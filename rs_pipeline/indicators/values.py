"""The indicators: what each is called, and how it comes from the facts of a unit and period.

Every indicator is a mean over the observed part of a unit (a share, a cover, a rate) times an amount (area, length, count), so the
missing-data rule is written once, in ``uncertainty.complete``. The bounds are:

* ``model95``: cover. The error of fixed endmembers does not average out, so the standard error of the mean is the mean of the pixels'
  standard errors (fully correlated: the largest it can be). Coast rates and reclaimed land likewise; natural coast from the class
  probabilities of its units, taken as independent.
* ``range``: water from the Wilson bounds of the frequency; black-odorous water from the surely suspected to all that are possible;
  everything seen to less than the scale fraction.
* empty: map areas and counts without an error model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from kernels.trends import series_trend
from rs_pipeline.indicators.plots import Calibration, shortage
from rs_pipeline.indicators.uncertainty import Z95, Interval, Thresholds, around, complete, missing_rule, within

NATURAL_WEIGHT = {"natural": 1.0, "artificial": 0.0, "uncertain": 0.5}
"""Part of a coast unit's length that counts as natural; river mouths are no coast."""

RECLAIMED_STEP_M = 100.0
"""Least advance of reclaimed land, metres: what an unseen transect may hide."""


@dataclass(frozen=True)
class Facts:
    """All that was measured of one unit (or the region) in one period."""

    period: str
    baseline: str
    """Label of the baseline period."""
    is_last: bool
    """The last period of the run."""
    zones: Mapping[str, Mapping[str, float]]
    """Zone (``county``, ``grassland:<type>``) to the sums of counties/<period>.parquet."""
    base: Mapping[str, float]
    """The zone ``county`` in the baseline period."""
    reaches: pd.DataFrame | None
    """Rows of the unit and period; None where the run made no such layer."""
    bodies: pd.DataFrame | None
    """Likewise, with ``ever_counted``: the body was large enough in some period of the run."""
    transects: pd.DataFrame | None
    """Rows of the unit, all periods."""
    has_grassland: bool
    """The run has a table of grassland polygons."""
    red_line_km2: float | None
    """Area of red-line polygons in the unit; None without the table."""
    limits: Thresholds
    trend: Mapping[str, float] | None = None
    """The unit's row of counties/vegetation_trend.parquet; None where the run made no map of trends."""
    yearly: Sequence[tuple[float, Mapping[str, float]]] = ()
    """(decimal year, zone ``county``) of all periods, in time order."""
    min_trend_years: int = 5
    false_discovery_rate: float = 0.05
    plots: Mapping[str, Calibration | int] | None = None
    """Grassland type to its calibration, or to its number of plots where they are too few; None without the table."""

    @property
    def county(self) -> Mapping[str, float]:
        return self.zones["county"]

    @property
    def land_m2(self) -> float:
        """Where cover can be seen: all but permanent water."""
        return self.county.get("land_m2", self.county["area_m2"])


@dataclass(frozen=True)
class Answer:
    """The value of an indicator; ``interval`` is None where there is none, and then ``status`` and ``reason`` say why."""

    interval: Interval | None
    observed_fraction: float
    status: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Indicator:
    """One indicator as data."""

    name: str
    title: str
    unit: str
    product: str
    """Layer it is read from: vegetation, water, black_odorous, coastline or red_line."""
    direction: str
    """``up`` or ``down``: which way is better; empty where neither is."""
    estimate: Callable[[Facts], Answer] = field(repr=False)
    is_change: bool = False
    """The value is itself a change since the baseline."""
    of_all_periods: bool = False
    """The value rests on all periods, and the last one carries it."""


def _missing(status: str, reason: str, observed_fraction: float = 0.0) -> Answer:
    return Answer(None, observed_fraction, status, reason)


def _ratio(part: float, whole: float) -> float:
    """part / whole as an observed fraction: 0 of nothing is 0."""
    return min(1.0, part / whole) if whole > 0 and math.isfinite(part) else 0.0


def _published(
    seen: Interval, v: float, facts: Facts, factor: float, *, low: float = 0.0, high: float = 1.0, total: bool = False
) -> Answer:
    """The missing-data rule applied to a mean over the observed part, times ``factor``."""
    rule = missing_rule(v, facts.limits)
    whole = complete(seen, v, facts.limits, low=low, high=high, total=total)
    if whole is None:
        return _missing("insufficient_data", f"{100 * v:.3g} % observed; at least {100 * facts.limits.range:.3g} % is needed", v)
    words = {
        "publish": "",
        "scale": f"{100 * v:.3g} % observed: scaled to the whole, interval widened",
        "range": f"{100 * v:.3g} % observed: the bounds are those of the unseen part at either extreme",
    }
    return Answer(whole.times(factor), v, "", words[rule])


def _cover(facts: Facts, name: str) -> Answer:
    """Mean cover in percent over land, ``name`` of fvc_peak and fvc_growing. Both take the peak's standard error."""
    row = facts.county
    observed = row[f"{name}_observed_m2"]
    if not observed > 0:
        return _missing("insufficient_data", "no pixel with enough clear dates")
    seen = within(around(row[f"{name}_sum_m2"] / observed, Z95 * row["fvc_peak_sigma"]), 0, 1)
    return _published(seen, _ratio(observed, facts.land_m2), facts, 100.0)


def weighted_cover(area_m2: np.ndarray, cover: np.ndarray) -> float:
    """Comprehensive vegetation cover of grassland, sum(A_t C_t) / sum(A_t) over types t (Yang and Xu 2019).

    >>> round(weighted_cover(np.array([1200, 800, 400]), np.array([0.78, 0.70, 0.62])), 5)
    0.72667
    """
    return float((area_m2 * cover).sum() / area_m2.sum())


def _grassland(facts: Facts, *, calibrated: bool) -> Answer:
    """Cover of grassland, percent, the types weighted by area: as the satellite sees it, or as plots would show it.

    The satellite's is never called the official index. The calibrated one adds the error of the calibration, independent between types,
    to the satellite's, which is taken as common to all.
    """
    if not facts.has_grassland:
        return _missing("needs_table", "needs grassland polygons by type (tables.grassland)")
    if calibrated and facts.plots is None:
        return _missing("needs_table", "needs plots (tables.grassland_plots); until then grassland_fvc is what the satellite sees")
    zones = {zone.partition(":")[2]: row for zone, row in facts.zones.items() if zone.startswith("grassland:")}
    types = pd.DataFrame(list(zones.values()), index=list(zones))
    if types.empty or not types.area_m2.sum() > 0:
        return _missing("no_target", "no grassland in this unit")
    v = _ratio(types.fvc_peak_observed_m2.sum(), types.area_m2.sum())
    types = types[types.fvc_peak_observed_m2 > 0]
    if types.empty:
        return _missing("insufficient_data", "no grassland pixel with enough clear dates")
    area, sigma = types.area_m2.to_numpy(), types.fvc_peak_sigma.to_numpy()
    fvc = (types.fvc_peak_sum_m2 / types.fvc_peak_observed_m2).to_numpy()
    if not calibrated:
        return _published(within(around(weighted_cover(area, fvc), Z95 * weighted_cover(area, sigma)), 0, 1), v, facts, 100.0)
    if lacking := shortage(types.index, facts.plots):
        return _missing("needs_table", f"{lacking}; grassland_fvc is what the satellite sees", v)
    lines = [facts.plots[name] for name in types.index]
    cover = np.clip([line.cover(x) for line, x in zip(lines, fvc, strict=True)], 0, 1)
    seen = Z95 * weighted_cover(area, np.array([abs(line.beta) for line in lines]) * sigma)
    fitted = np.array([line.half95(x) for line, x in zip(lines, fvc, strict=True)])
    half = math.hypot(seen, float(np.sqrt(((area * fitted) ** 2).sum()) / area.sum()))
    answer = _published(within(around(weighted_cover(area, cover), half), 0, 1), v, facts, 100.0)
    used = ", ".join(f"{name} {line.n}" for name, line in zip(types.index, lines, strict=True))
    return replace(answer, reason="; ".join(filter(None, [f"calibrated to plots: {used}", answer.reason])))


def _baseline_period(facts: Facts) -> Answer | None:
    if facts.period == facts.baseline:
        return _missing("insufficient_data", "this is the baseline period: changes are measured from it", 1.0)
    return None


def _greening(facts: Facts) -> Answer:
    """Greened minus browned land, ha, where both periods were seen."""
    row = facts.county
    common = row["fvc_common_m2"]
    if first := _baseline_period(facts):
        return first
    if not common > 0:
        return _missing("insufficient_data", "no pixel seen in both this and the baseline period")
    seen = Interval((row["greening_m2"] - row["browning_m2"]) / common)
    return _published(seen, _ratio(common, facts.land_m2), facts, facts.land_m2 / 1e4, low=-1, total=True)


def _too_few_years(facts: Facts, n_years: int) -> Answer | None:
    """Why there is no trend; None where there may be one."""
    if not facts.is_last:
        return _missing("insufficient_data", "the trend is of all periods: see the last one")
    if n_years < facts.min_trend_years:
        return _missing("insufficient_data", f"a trend takes {facts.min_trend_years} years with a value, there are {n_years}")
    return None


def _trend_area(facts: Facts, name: str) -> Answer:
    """Land with a trend, ha, ``name`` of greening and browning; false discoveries are controlled over the region.

    Bounds are a range: below, the share that may be called by chance taken off; above, all land whose own p is low enough, chance not
    controlled. Weak trends that the years are too few to show are in neither.
    """
    if first := _too_few_years(facts, len(facts.yearly)):
        return first
    row = facts.trend
    if row is None:
        return _missing("insufficient_data", "this run made no map of trends")
    observed = row["trend_observed_m2"]
    if not observed > 0:
        return _missing("insufficient_data", f"no pixel with a value in {facts.min_trend_years} years")
    area, possible = row[f"{name}_m2"], row[f"{name}_possible_m2"]
    seen = Interval(area / observed, (1 - facts.false_discovery_rate) * area / observed, max(area, possible) / observed, "range")
    return _published(seen, _ratio(observed, row["land_m2"]), facts, row["land_m2"] / 1e4, total=True)


def _cover_trend(facts: Facts) -> Answer:
    """Percentage points a year: Theil-Sen slope of the yearly means of peak cover, with its interval.

    Only years in which enough of the land was seen to scale a mean to the whole take part: between others the part that was seen changes.
    """
    fraction = [_ratio(row["fvc_peak_observed_m2"], row.get("land_m2", row["area_m2"])) for _, row in facts.yearly]
    used = [v >= facts.limits.scale for v in fraction]
    if first := _too_few_years(facts, sum(used)):
        return first
    years, cover = np.array([(t, row["fvc_peak_sum_m2"] / row["fvc_peak_observed_m2"]) for (t, row), u in zip(facts.yearly, used, strict=True) if u]).T
    slope, lower, upper, p = series_trend(years, cover)
    seen = float(np.mean([v for v, u in zip(fraction, used, strict=True) if u]))
    return Answer(Interval(slope, lower, upper, "model95").times(100.0), seen, "", f"{len(years)} years, Mann-Kendall p {p:.2g}")


def _water(facts: Facts, name: str, bounds: tuple[str, str] | None = None) -> Answer:
    """Area of a water class, km2, ``name`` a column of the counties' table."""
    row = facts.county
    observed = row["water_observed_m2"]
    if not observed > 0:
        return _missing("insufficient_data", "no pixel with enough clear months")
    seen = Interval(row[name] / observed)
    if bounds:
        seen = Interval(seen.value, min(row[bounds[0]], row[name]) / observed, max(row[bounds[1]], row[name]) / observed, "range")
    return _published(seen, _ratio(observed, row["area_m2"]), facts, row["area_m2"] / 1e6, total=True)


def _water_change(facts: Facts) -> Answer:
    """Change of permanent water since the baseline, km2, on what both saw. The bounds of either year add up."""
    row, base = facts.county, facts.base
    common = row["water_common_m2"]
    if first := _baseline_period(facts):
        return first
    if not common > 0:
        return _missing("insufficient_data", "no pixel seen in both this and the baseline period")
    change = row["water_permanent_common_m2"] - row["water_permanent_baseline_m2"]

    def slack(sums: Mapping[str, float], side: str) -> float:
        return max(0.0, abs(sums[f"water_permanent_{side}_m2"] - sums["water_permanent_m2"]))

    lower = change - slack(row, "lower") - slack(base, "upper")
    upper = change + slack(row, "upper") + slack(base, "lower")
    seen = within(Interval(change / common, lower / common, upper / common, "range"), -1, 1)
    return _published(seen, _ratio(common, row["area_m2"]), facts, row["area_m2"] / 1e6, low=-1, total=True)


def _bodies(facts: Facts) -> Answer:
    """Number of water bodies that are large enough to be counted, of those that ever were in the run."""
    if facts.bodies is None:
        return _missing("insufficient_data", "this run made no layer of water bodies")
    known = facts.bodies[facts.bodies.ever_counted]
    if known.empty:
        return _missing("no_target", "no water body large enough to be counted in this unit")
    seen = known[known.state != "not_observed"]
    share = Interval(seen.counted.mean() if len(seen) else math.nan)
    return _published(share, _ratio(len(seen), len(known)), facts, len(known), total=True)


def _black_odorous(facts: Facts, *, by_length: bool) -> Answer:
    """Suspected reaches and ponds, number or km, as counted: what was not seen is in the upper bound, not scaled in.

    Lower bound: suspected and fully assessable (not marginal in width). Upper bound: all that may be black:
    suspected, possible, without enough dates, or too narrow to be assessed. What cannot be seen is not eliminated.
    """
    reaches = facts.reaches
    if reaches is None:
        return _missing("insufficient_data", "this run made no layer of reaches")
    size = reaches.length_m / 1e3 if by_length else pd.Series(1.0, reaches.index)
    called = {name: reaches["class"] == name for name in ("suspected", "possible", "clear", "insufficient", "not_assessable")}
    wide = size[~called["not_assessable"]].sum()
    if not wide > 0:
        return _missing("insufficient_data", "no reach or pond wide enough to be assessed")
    v = _ratio(wide - size[called["insufficient"]].sum(), wide)
    if v == 0:
        return _missing("insufficient_data", "no reach or pond with enough clear dates")
    if v < facts.limits.range:
        return _missing("insufficient_data", f"{100 * v:.3g} % assessed; at least {100 * facts.limits.range:.3g} % is needed", v)
    sure = called["suspected"] & (reaches.width_class == "assessable")
    interval = Interval(size[called["suspected"]].sum(), size[sure].sum(), size[~called["clear"]].sum(), "range")
    unseen = {"without enough clear dates": called["insufficient"], "too narrow to be assessed": called["not_assessable"]}
    notes = [f"{which.sum()} ({reaches.length_m[which].sum() / 1e3:.3g} km) {why} are in the upper bound" for why, which in unseen.items() if which.any()]
    return Answer(interval, v, "", "; ".join(notes))


def _unassessable(facts: Facts) -> Answer:
    """Length of reaches too narrow to be assessed, km: geometry, so it is known whatever the clouds do."""
    if facts.reaches is None:
        return _missing("insufficient_data", "this run made no layer of reaches")
    narrow = facts.reaches[facts.reaches["class"] == "not_assessable"]
    return Answer(Interval(narrow.length_m.sum() / 1e3), 1.0)


def _coast(facts: Facts) -> pd.DataFrame | Answer:
    """The unit's transects without river mouths, with ``distance`` in this period."""
    if facts.transects is None:
        return _missing("insufficient_data", "this run made no coastline")
    if facts.transects.empty:
        return _missing("no_target", "no coast in this county")
    coast = facts.transects[facts.transects.unit_class != "river mouth"]
    column = f"distance_{facts.period}"
    return coast.assign(distance=coast[column] if column in coast else math.nan)


def _natural_coast(facts: Facts, *, share: bool) -> Answer:
    """Natural coast, % or km of the coast without river mouths; uncertain units count half."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    seen = coast[coast.unit_class.isin(NATURAL_WEIGHT) & np.isfinite(coast.distance)]
    length = seen.length_m.sum()
    if not length > 0:
        return _missing("insufficient_data", "no coast unit seen in this period")
    p = seen.natural_probability.fillna(0.5)
    half = Z95 * math.sqrt((seen.length_m**2 * p * (1 - p)).sum()) / length
    mean = within(around((seen.length_m * seen.unit_class.map(NATURAL_WEIGHT)).sum() / length, half), 0, 1)
    v = _ratio(length, coast.length_m.sum())
    return _published(mean, v, facts, 100.0 if share else coast.length_m.sum() / 1e3, total=not share)


def _coast_rate(facts: Facts) -> Answer:
    """Mean shoreline rate, m a year, seaward positive, weighted by length. It is of all periods, so only the last one carries it."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    if not facts.is_last:
        return _missing("insufficient_data", "the rate is of all periods: see the last one")
    seen = coast[np.isfinite(coast.lrr_m_yr)]
    if seen.empty:
        return _missing("insufficient_data", "no transect with enough periods for a rate")
    mean = around(np.average(seen.lrr_m_yr, weights=seen.length_m), np.average(seen.lrr_ci95_m_yr, weights=seen.length_m))
    v = _ratio(seen.length_m.sum(), coast.length_m.sum())
    return _published(mean, v, facts, 1.0, low=seen.lrr_m_yr.min(), high=seen.lrr_m_yr.max())


def _reclaimed(facts: Facts) -> Answer:
    """Land won from the sea since the baseline, ha: length times advance of the transects classed ``reclaimed``."""
    coast = _coast(facts)
    if isinstance(coast, Answer):
        return coast
    if first := _baseline_period(facts):
        return first
    base = f"distance_{facts.baseline}"
    coast = coast.assign(advance=coast.distance - (coast[base] if base in coast else math.nan))
    seen = coast[np.isfinite(coast.advance)]
    length = seen.length_m.sum()
    if not length > 0:
        return _missing("insufficient_data", "no transect seen in both this and the baseline period")
    new = seen[(seen["class"] == "reclaimed") & (seen.advance > 0)]
    error = np.hypot(new[f"error_{facts.period}"], new[f"error_{facts.baseline}"]) if len(new) else pd.Series(dtype=float)
    mean = around((new.length_m * new.advance).sum() / length, Z95 * (new.length_m * error).sum() / length)
    high = max(RECLAIMED_STEP_M, new.advance.max() if len(new) else 0.0)
    seen_mean = within(mean, 0, math.inf)
    return _published(seen_mean, _ratio(length, coast.length_m.sum()), facts, coast.length_m.sum() / 1e4, high=high, total=True)


def _red_line(facts: Facts) -> Answer:
    """Red-line area in the unit, km2: geometry of the supplied polygons, on the ellipsoid."""
    if facts.red_line_km2 is None:
        return _missing("needs_table", "needs red-line polygons (tables.red_line)")
    return Answer(Interval(facts.red_line_km2), 1.0, "", "polygons inside the unit; the sea beyond it is left out")


INDICATORS = {
    i.name: i
    for i in (
        Indicator("fvc_peak_mean", "Mean vegetation cover at its peak", "%", "vegetation", "up", lambda f: _cover(f, "fvc_peak")),
        Indicator("fvc_growing_mean", "Mean vegetation cover, growing season", "%", "vegetation", "up", lambda f: _cover(f, "fvc_growing")),
        Indicator("grassland_fvc", "Satellite vegetation cover of grassland", "%", "vegetation", "up", lambda f: _grassland(f, calibrated=False)),
        Indicator(
            "grassland_cover", "Comprehensive vegetation cover of grassland, calibrated to plots", "%", "vegetation", "up",
            lambda f: _grassland(f, calibrated=True),
        ),
        Indicator("greening_net", "Greened minus browned land since the baseline", "ha", "vegetation", "up", _greening, is_change=True),
        Indicator(
            "greening_trend_area", "Land whose cover rose over the periods", "ha", "vegetation", "up", lambda f: _trend_area(f, "greening"),
            of_all_periods=True,
        ),
        Indicator(
            "browning_trend_area", "Land whose cover fell over the periods", "ha", "vegetation", "down", lambda f: _trend_area(f, "browning"),
            of_all_periods=True,
        ),
        Indicator(
            "fvc_peak_trend", "Trend of vegetation cover at its peak", "%/yr", "vegetation", "up", _cover_trend, is_change=True, of_all_periods=True
        ),
        Indicator(
            "water_permanent_area", "Permanent water", "km2", "water", "up",
            lambda f: _water(f, "water_permanent_m2", ("water_permanent_lower_m2", "water_permanent_upper_m2")),
        ),
        Indicator("water_seasonal_area", "Seasonal water", "km2", "water", "", lambda f: _water(f, "water_seasonal_m2")),
        Indicator("water_permanent_change", "Change of permanent water since the baseline", "km2", "water", "up", _water_change, is_change=True),
        Indicator("water_bodies", "Water bodies large enough to be counted", "count", "water", "up", _bodies),
        Indicator(
            "black_odorous_reaches", "Suspected black-odorous reaches and ponds", "suspected reaches", "black_odorous", "down",
            lambda f: _black_odorous(f, by_length=False),
        ),
        Indicator(
            "black_odorous_length_km", "Length of suspected black-odorous reaches and ponds", "km", "black_odorous", "down",
            lambda f: _black_odorous(f, by_length=True),
        ),
        Indicator(
            "black_odorous_unassessable_length_km", "Length of reaches too narrow to be assessed", "km", "black_odorous", "", _unassessable
        ),
        Indicator("natural_coast_length_km", "Natural coast", "km", "coastline", "up", lambda f: _natural_coast(f, share=False)),
        Indicator("natural_coast_retention", "Share of natural coast", "%", "coastline", "up", lambda f: _natural_coast(f, share=True)),
        Indicator("coast_mean_rate", "Mean shoreline rate, seaward positive", "m/yr", "coastline", "", _coast_rate),
        Indicator("reclaimed_area", "Land won from the sea since the baseline", "ha", "coastline", "down", _reclaimed, is_change=True),
        Indicator("red_line_area", "Area of the supplied ecological red line", "km2", "red_line", "up", _red_line),
    )
}  # fmt: skip
"""Every indicator by name, in the order of the answer."""


def estimate(indicator: Indicator, facts: Facts) -> Answer:
    """The answer of one indicator; without a single scene nothing is said that a scene would have to show."""
    answer = indicator.estimate(facts)
    if facts.county["n_scenes"] > 0 or indicator.product == "red_line" or answer.status in ("needs_table", "no_target"):
        return answer
    return _missing("insufficient_data", "no scene was used in this period")
