"""Indicators of vegetation: cover, grassland, greening, trends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from rs_kernels.trends import series_trend

from rs_pipeline.estimation.error_model import spread
from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, baseline_period, by_samples, missing, modelled, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Z95, Interval, around, within
from rs_pipeline.products.vegetation.field_plots import shortage


def _cover(facts: Facts, name: str) -> Estimate:
    """Mean cover over land, percent; ``name`` is fvc_peak or fvc_growing. Both use the standard error of the peak."""
    row = facts.county
    observed, total = row[f"{name}_observed_m2"], row[f"{name}_sum_m2"]
    if not observed > 0:
        return missing("insufficient_data", "no pixel with enough clear dates")
    v = observed_ratio(observed, facts.land_m2)
    error = spread(f"{name}_mean", math.sqrt(row["fvc_peak_var_m4"]) / observed, row["fvc_peak_sigma"])
    mapped = published(modelled(total / observed, error), v, facts, 100.0, square=row[f"{name}_square_m2"] / observed, spread=error)
    return by_samples(mapped, facts, name, total, [observed], observed, facts.land_m2, 100.0)


def weighted_cover(area_m2: np.ndarray, cover: np.ndarray) -> float:
    """Comprehensive vegetation cover of grassland, sum(A_t C_t) / sum(A_t) over types t (Yang and Xu 2019).

    >>> round(weighted_cover(np.array([1200, 800, 400]), np.array([0.78, 0.70, 0.62])), 5)
    0.72667
    """
    return float((area_m2 * cover).sum() / area_m2.sum())


def _grassland(facts: Facts, *, calibrated: bool) -> Estimate:
    """Cover of grassland, percent, the types weighted by area: as the satellite sees it or, ``calibrated``, as plots would show it.

    The satellite's value is not the official index. The interval of the calibrated one adds the error of the calibration, independent between types,
    to the satellite's error, which is taken as common to all types.
    """
    if not facts["has_grassland"]:
        return missing("needs_table", "needs grassland polygons by type (tables.grassland)")
    if calibrated and facts["plots"] is None:
        return missing("needs_table", "needs plots (tables.grassland_plots); until then grassland_fvc is what the satellite sees")
    zones = {zone.partition(":")[2]: row for zone, row in facts.zones.items() if zone.startswith("grassland:")}
    types = pd.DataFrame(list(zones.values()), index=list(zones))
    if types.empty or not types.area_m2.sum() > 0:
        return missing("no_target", "no grassland in this unit")
    v = observed_ratio(types.fvc_peak_observed_m2.sum(), types.area_m2.sum())
    types = types[types.fvc_peak_observed_m2 > 0]
    if types.empty:
        return missing("insufficient_data", "no grassland pixel with enough clear dates")
    area, sigma = types.area_m2.to_numpy(), types.fvc_peak_sigma.to_numpy()
    fvc = (types.fvc_peak_sum_m2 / types.fvc_peak_observed_m2).to_numpy()
    if not calibrated:
        random = math.sqrt((area**2 * types.fvc_peak_var_m4 / types.fvc_peak_observed_m2**2).sum()) / area.sum()
        error = spread("grassland_fvc", random, weighted_cover(area, sigma))
        square = weighted_cover(area, (types.fvc_peak_square_m2 / types.fvc_peak_observed_m2).to_numpy())
        return published(modelled(weighted_cover(area, fvc), error), v, facts, 100.0, square=square, spread=error)
    if lacking := shortage(types.index, facts["plots"]):
        return missing("needs_table", f"{lacking}; grassland_fvc is what the satellite sees", v)
    lines = [facts["plots"][name] for name in types.index]
    cover = np.clip([line.cover(x) for line, x in zip(lines, fvc, strict=True)], 0, 1)
    seen = Z95 * weighted_cover(area, np.array([abs(line.beta) for line in lines]) * sigma)
    fitted = np.array([line.half95(x) for line, x in zip(lines, fvc, strict=True)])
    half = math.hypot(seen, float(np.sqrt(((area * fitted) ** 2).sum()) / area.sum()))
    estimate = published(within(around(weighted_cover(area, cover), half), 0, 1), v, facts, 100.0)
    used = ", ".join(f"{name} {line.n}" for name, line in zip(types.index, lines, strict=True))
    return estimate.noting(f"calibrated to plots: {used}")


def _greening(facts: Facts) -> Estimate:
    """Greened minus browned land, ha, where both periods were seen."""
    row = facts.county
    common = row["fvc_common_m2"]
    if first := baseline_period(facts):
        return first
    if not common > 0:
        return missing("insufficient_data", "no pixel seen in both this and the baseline period")
    error = spread("greening_net", 0.0)
    seen = modelled((row["greening_m2"] - row["browning_m2"]) / common, error, low=-1)
    square = (row["greening_m2"] + row["browning_m2"]) / common
    return published(seen, observed_ratio(common, facts.land_m2), facts, facts.land_m2 / 1e4, low=-1, square=square, spread=error)


def too_few_years(facts: Facts, times: Sequence[float]) -> Estimate | None:
    """Why there is no trend; None where there may be one. ``times`` : decimal years with a value; those of one year count once."""
    n_years = len({round(t - times[0]) for t in times})
    if not facts.is_last:
        return missing("insufficient_data", "the trend is of all periods: see the last one")
    if n_years < facts["min_trend_years"]:
        return missing("insufficient_data", f"a trend takes {facts['min_trend_years']} years with a value, there are {n_years}")
    return None


def _trend_area(facts: Facts, name: str) -> Estimate:
    """Land with a trend, ha, ``name`` of greening and browning; false discoveries are controlled over the region.

    Bounds are a range. The lower one is the area less the expected share of false discoveries, the upper one all land whose own p is at most that rate.
    Trends too weak to show in so few years are in neither.
    """
    if first := too_few_years(facts, [t for t, _ in facts.yearly]):
        return first
    row = facts["trend"]
    if row is None:
        return missing("insufficient_data", "this run made no map of trends")
    observed = row["trend_observed_m2"]
    if not observed > 0:
        return missing("insufficient_data", f"no pixel with a value in {facts['min_trend_years']} years")
    area, possible = row[f"{name}_m2"], row[f"{name}_possible_m2"]
    seen = Interval(area / observed, (1 - facts["false_discovery_rate"]) * area / observed, max(area, possible) / observed, "range")
    return published(seen, observed_ratio(observed, row["land_m2"]), facts, row["land_m2"] / 1e4)


def _cover_trend(facts: Facts) -> Estimate:
    """Percentage points per year: Theil-Sen slope of the yearly means of peak cover, with its interval.

    The years are those from the baseline on, which is the first of all unless a target has its own. Only years in which enough of the land was observed to
    scale a mean to the whole are used, because in others the observed part differs from year to year.
    """
    fraction = [observed_ratio(row["fvc_peak_observed_m2"], row.get("land_m2", row["area_m2"])) for _, row in facts.yearly]
    used = [v >= facts.limits.scale for v in fraction]
    if first := too_few_years(facts, [t for (t, _), u in zip(facts.yearly, used, strict=True) if u]):
        return first
    years, cover = np.array([(t, row["fvc_peak_sum_m2"] / row["fvc_peak_observed_m2"]) for (t, row), u in zip(facts.yearly, used, strict=True) if u]).T
    slope, lower, upper, p = series_trend(years, cover)
    seen = float(np.mean([v for v, u in zip(fraction, used, strict=True) if u]))
    return Estimate(Interval(slope, lower, upper, "model95").times(100.0), seen, "", f"{len(years)} years, Mann-Kendall p {p:.2g}")


_LAND = "mean over land (all but permanent water and the sea), weighted by pixel area on the ellipsoid and the exact share of the pixel inside the unit, of "
_MODEL = "errors of the pixels, correlated over 300 m, and the systematic error of cover found in simulated worlds"
_TREND_BOUNDS = "lower: the area less the expected share of false discoveries (trend.false_discovery_rate); upper: all land whose own p is at most that rate"

INDICATORS = (
    Indicator(
        "fvc_peak_mean", "Mean vegetation cover at its peak", "%", "vegetation", "up", partial(_cover, name="fvc_peak"),
        of_one_pixel=True, formula=_LAND + "the cover at its peak of the year", bounds=_MODEL,
    ),
    Indicator(
        "fvc_growing_mean", "Mean vegetation cover, growing season", "%", "vegetation", "up", partial(_cover, name="fvc_growing"),
        of_one_pixel=True, formula=_LAND + "the mean in time of the cover of the growing season", bounds=_MODEL,
    ),
    Indicator(
        "grassland_fvc", "Satellite vegetation cover of grassland", "%", "vegetation", "up", partial(_grassland, calibrated=False),
        of_one_pixel=True, formula="sum of area x mean peak cover over the types of grassland / sum of area", bounds=_MODEL,
    ),
    Indicator(
        "grassland_cover", "Comprehensive vegetation cover of grassland, calibrated to plots", "%", "vegetation", "up",
        partial(_grassland, calibrated=True), bounds="standard errors of the pixels, taken as common to all, and the error of the calibration",
        of_one_pixel=True, formula="sum of area x (alpha + beta x mean peak cover) over the types of grassland / sum of area, alpha and beta from the plots",
    ),
    Indicator(
        "greening_net", "Greened minus browned land since the baseline", "ha", "vegetation", "up", _greening, is_change=True,
        of_one_pixel=True, formula="area whose peak cover (median change of a pixel and its eight neighbours) rose since the baseline by more than 0.1 and by more than 1.96 standard errors of the change (0.3 x the root of the summed squares of both years' standard errors), less the area where it fell by as much",
        bounds="the systematic error of that area found in simulated worlds",
    ),
    Indicator(
        "greening_trend_area", "Land whose cover rose over the periods", "ha", "vegetation", "up", partial(_trend_area, name="greening"),
        of_all_periods=True, formula="area of class 1 of the map of trends, false discoveries controlled over the region", bounds=_TREND_BOUNDS,
    ),
    Indicator(
        "browning_trend_area", "Land whose cover fell over the periods", "ha", "vegetation", "down", partial(_trend_area, name="browning"),
        of_all_periods=True, formula="area of class -1 of the map of trends, false discoveries controlled over the region", bounds=_TREND_BOUNDS,
    ),
    Indicator(
        "fvc_peak_trend", "Trend of vegetation cover at its peak", "%/yr", "vegetation", "up", _cover_trend, is_change=True, of_all_periods=True,
        of_one_pixel=True, formula="median of the slopes of all pairs of yearly means of peak cover (Theil-Sen), from the target's baseline year on", bounds="95 % interval of that slope (Kendall)",
    ),
)  # fmt: skip
