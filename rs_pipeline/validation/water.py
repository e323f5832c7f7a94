"""Surface water against the truth: pixels, bodies, rivers by width, and where false water lies.

A pixel of the truth is water where at least half of its area is (see `truth.WaterTruth`); areas are compared with the true
sub-pixel area, so that a map does not gain by calling every mixed pixel water.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage

from rs_pipeline.estimation.zones import large_patches
from rs_pipeline.simulation.materials import FREEZING
from rs_pipeline.storage.raster import EIGHT_NEIGHBOURS
from rs_pipeline.validation.metrics import Counts, bias, percent_error, ratio, rmse
from rs_pipeline.validation.truth import Score, Truth, WaterTruth

BODY_M2 = 10_000.0
"""Least area, m2, of a large body; the accuracy of published products is stated for such bodies."""
BODY_RIM_PX = 2
"""Pixels around a body within which its mapped area is measured."""
WIDTHS_M = (0.0, 20.0, 40.0, 80.0, np.inf)
"""Classes of river width."""
STANDING = ("lake", "pond", "reservoir")
"""Kinds of water that are no rivers."""
TOWN = ("built", "roof", "concrete", "road", "garden", "greenhouse")
"""Materials of towns, where only shadows of buildings are dark."""
HILLS = "mountain"
"""The landscape with hills that cast shadows."""
BANK_M = 30.0
"""Distance to either side of a river within which its mapped width is measured."""


def score_water(frequency: np.ndarray | None, water_class: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """All scores of a water map of one year, product ``water``.

    Parameters
    ----------
    frequency : float32 (h, w) on the truth's grid, share of the year under water; None leaves its bias out.
    water_class : float32 (h, w), 0 land, 1 permanent, 2 seasonal, 3 ephemeral; NaN where not observed. Unobserved pixels are neither
        right nor wrong; ``observed_share`` says how many there are.
    """
    true, seen = truth.true_water(year), np.isfinite(water_class)
    found = np.isin(water_class, (1, 2))
    inland = seen & ~true.sea
    pixel_m2 = truth.grid.pixel_area_m2
    scores = [Score("water", "observed_share", "all", 100 * ratio(seen.sum(), seen.size), "%", seen.size)]
    for subset, where in (("all", seen), ("inland", inland)):
        scores += _counts(subset, Counts.of(found[where], true.water[where]))
        scores.append(_area_error(subset, found & where, true.water_share * where))
    scores += _bodies(found, true, inland, pixel_m2) + _standing(found, true, inland, truth)
    scores += _classes(water_class, true, seen)
    if frequency is not None:
        known = truth.water(year)["frequency"]
        n = int((np.isfinite(frequency) & np.isfinite(known)).sum())
        scores += [Score("water", "bias", "frequency", bias(frequency, known), "1", n), Score("water", "rmse", "frequency", rmse(frequency, known), "1", n)]
    scores += _kinds(found, true, inland, truth) + _rivers(found, true, inland, truth)
    scores += _false_water(found, true, seen, truth, year) + _false_by_cause(found, true, seen, truth, year)
    return [*scores, _lost_to_ice(water_class, true, seen, truth, year)]


def _counts(subset: str, c: Counts) -> list[Score]:
    return [
        Score("water", "precision", subset, c.precision, "1", c.tp + c.fp),
        Score("water", "recall", subset, c.recall, "1", c.tp + c.fn),
        Score("water", "f1", subset, c.f1, "1", c.tp + c.fp + c.fn),
    ]


def _area_error(subset: str, found: np.ndarray, share: np.ndarray) -> Score:
    """Mapped area minus true sub-pixel area, % of the true one."""
    return Score("water", "area_bias", subset, percent_error(found.sum(), float(share.sum())), "%", int((share > 0).sum()))


def large_bodies(water: np.ndarray, pixel_m2: float) -> np.ndarray:
    """The 8-connected patches of a mask of at least BODY_M2, bool (h, w)."""
    return large_patches(water, BODY_M2, pixel_m2)


def _bodies(found: np.ndarray, true: WaterTruth, inland: np.ndarray, pixel_m2: float) -> list[Score]:
    """Recall over the pixels of large true bodies, precision over those of large mapped ones, F1 their harmonic mean."""
    subset, water = f"bodies above {BODY_M2 / 1e6:g} km2", found & inland
    large, mapped = large_bodies(true.water & inland, pixel_m2), large_bodies(water, pixel_m2)
    recall, precision = ratio((large & water).sum(), large.sum()), ratio((mapped & true.water).sum(), mapped.sum())
    both = precision + recall
    f1 = 0.0 if both == 0 or (np.isnan(precision) and recall == 0) else 2 * precision * recall / both
    others = true.water & ~large
    zone = ndimage.binary_dilation(large, EIGHT_NEIGHBOURS, iterations=BODY_RIM_PX) & inland & ~others if large.any() else np.zeros_like(large)
    return [
        Score("water", "precision", subset, precision, "1", int(mapped.sum())),
        Score("water", "recall", subset, recall, "1", int(large.sum())),
        Score("water", "f1", subset, f1, "1", int((large | mapped).sum())),
        _area_error(subset, water & zone, true.water_share * zone),
    ]


def _standing(found: np.ndarray, true: WaterTruth, inland: np.ndarray, truth: Truth) -> list[Score]:
    """Lakes, ponds and reservoirs of at least BODY_M2 with BODY_RIM_PX around them, without the pixels that other waters cover by more than a tenth."""
    subset, waters = f"lakes and ponds above {BODY_M2 / 1e6:g} km2", truth.waters
    large = waters.kind.isin(STANDING) & (waters.area >= BODY_M2)
    near = ndimage.binary_dilation(truth.covered(waters.geometry[large]) >= 0.5, EIGHT_NEIGHBOURS, iterations=BODY_RIM_PX)
    zone = near & inland & (truth.covered(waters.geometry[~large]) < 0.1)
    return [*_counts(subset, Counts.of(found[zone], true.water[zone])), _area_error(subset, found & zone, true.water_share * zone)]


def _classes(water_class: np.ndarray, true: WaterTruth, seen: np.ndarray) -> list[Score]:
    scores = []
    for name, value, mask in (("permanent", 1, true.permanent), ("seasonal", 2, true.seasonal)):
        scores += _counts(f"{name} class", Counts.of((water_class == value)[seen], mask[seen]))
    return scores


def _kinds(found: np.ndarray, true: WaterTruth, inland: np.ndarray, truth: Truth) -> list[Score]:
    """Recall by kind of water, over the true water that at least half belongs to waters of that kind."""
    scores = []
    for kind, group in truth.waters.groupby("kind"):
        wet = true.water & inland & (truth.covered(group.geometry) >= 0.5)
        scores.append(Score("water", "recall", str(kind), ratio((found & wet).sum(), wet.sum()), "1", int(wet.sum())))
    return scores


def river_width_class(width_m: float) -> str:
    """Class of a river's width.

    >>> river_width_class(12.0), river_width_class(20.0), river_width_class(80.0)
    ('rivers under 20 m', 'rivers 20-40 m', 'rivers above 80 m')
    """
    k = int(np.searchsorted(WIDTHS_M, width_m, side="right")) - 1
    low, high = WIDTHS_M[k], WIDTHS_M[min(k + 1, len(WIDTHS_M) - 1)]
    if k == 0:
        return f"rivers under {high:g} m"
    return f"rivers above {low:g} m" if high == np.inf else f"rivers {low:g}-{high:g} m"


def _rivers(found: np.ndarray, true: WaterTruth, inland: np.ndarray, truth: Truth) -> list[Score]:
    """Recall of the pixels a river covers by half, by class of width, and the bias of its width.

    The width is the area within BANK_M of the banks over the length of the centreline, mapped and true alike, so that a tributary
    or a pond beside the river adds the same to both.
    """
    flowing, lines = truth.waters[truth.waters.width_m.notna()], truth.rivers
    if lines is None or flowing.empty:
        return []
    flowing = flowing.assign(width_class=flowing.width_m.map(river_width_class))
    scores = []
    for subset in dict.fromkeys(map(river_width_class, sorted(flowing.width_m))):
        group = flowing[flowing.width_class == subset]
        wet = true.water & inland & (truth.covered(group.geometry) >= 0.5)
        scores.append(Score("water", "recall", subset, ratio((found & wet).sum(), wet.sum()), "1", int(wet.sum())))
        scores.append(_width_bias(subset, lines[lines.name.isin(group.name)], found, true, inland, truth))
    return scores


def _width_bias(subset: str, lines: pd.DataFrame, found: np.ndarray, true: WaterTruth, inland: np.ndarray, truth: Truth) -> Score:
    """Mean of mapped minus true width, m, weighted by length; ``n`` is the metres of river."""
    excess_m2, length_m = 0.0, 0.0
    for line in lines.itertuples():
        zone = inland & (truth.covered([line.geometry.buffer(line.width_m / 2 + BANK_M, cap_style="flat")]) >= 0.5)
        along = truth.covered([line.geometry.buffer(line.width_m / 2, cap_style="flat")])
        excess_m2 += (found[zone].sum() - true.water_share[zone].sum()) * truth.grid.pixel_area_m2
        length_m += along[zone].sum() * truth.grid.pixel_area_m2 / line.width_m
    return Score("water", "width_bias", subset, ratio(excess_m2, length_m) if length_m else np.nan, "m", round(length_m))


def _false_water(found: np.ndarray, true: WaterTruth, seen: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """Share of land pixels called water, by the material that covers most of them; pixels that touch water are apart, as ``bank``."""
    bank = ndimage.binary_dilation(true.water_share > 0, EIGHT_NEIGHBOURS) & ~true.water
    land = seen & ~true.water
    dominant = truth.dominant(year)
    groups = {"false on bank": land & bank}
    for name, value in truth.legend.items():
        groups[f"false on {name}"] = land & ~bank & (dominant == value)
    return [
        Score("water", "false_share", subset, 100 * ratio((found & where).sum(), where.sum()), "%", int(where.sum()))
        for subset, where in groups.items()
        if where.any()
    ]


def _false_by_cause(found: np.ndarray, true: WaterTruth, seen: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """Share of land pixels called water by what darkens them: buildings in towns, hills in a hilly world, else clouds and their shadows.

    Pixels that touch water, and ground that the tide reaches, take no part.
    """
    land = seen & ~ndimage.binary_dilation(true.water_share > 0, EIGHT_NEIGHBOURS) & ~true.sea
    town = np.isin(truth.dominant(year), [truth.legend[name] for name in TOWN if name in truth.legend])
    hilly = truth.world.get("recipe", {}).get("landscape") == HILLS
    groups = {"false from building shadow": land & town, f"false from {'hill shadow' if hilly else 'cloud edges'}": land & ~town}
    return [
        Score("water", "false_share", subset, 100 * ratio((found & where).sum(), where.sum()), "%", int(where.sum()))
        for subset, where in groups.items()
        if where.any()
    ]


def _lost_to_ice(water_class: np.ndarray, true: WaterTruth, seen: np.ndarray, truth: Truth, year: int) -> Score:
    """Share of permanent water that freezes in winter and is not called permanent, %."""
    freezing = np.isin(truth.dominant(year), [truth.legend[m.name.lower()] for m in FREEZING if m.name.lower() in truth.legend])
    where = seen & true.permanent & freezing
    return Score("water", "missed_share", "permanent water lost to ice", 100 * ratio((where & (water_class != 1)).sum(), where.sum()), "%", int(where.sum()))
