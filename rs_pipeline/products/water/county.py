"""What counties sum of water."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from rs_pipeline.config import Settings, WaterSection
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.estimation.zones import EIGHT, CountySums, marked

CHANGES = (
    "water_common_m2", *(f"water_{kind}_{when}_m2" for kind in ("permanent", "seasonal") for when in ("common", "baseline")),
    "water_permanent_change", "water_seasonal_change",
)  # fmt: skip
"""Layers and errors that depend on the baseline."""


def area_bounds(surely: np.ndarray, possibly: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Water share of pixels, lower and upper, float32 (h, w), NaN where not ``seen``.

    A map of whole pixels places a bank to half a pixel: the rim of the water may be half land and the land along it
    half water. ``surely`` and ``possibly`` are the water masks by the lower and upper frequency.
    """
    inner = ndimage.binary_erosion(surely | ~seen, EIGHT, border_value=1)
    outer = ndimage.binary_dilation(possibly, EIGHT) & ~possibly
    lower = np.where(surely, np.where(inner, 1.0, 0.5), 0.0)
    upper = np.where(possibly, 1.0, np.where(outer, 0.5, 0.0))
    return tuple(np.where(seen, share, np.nan).astype("float32") for share in (lower, upper))


def standard_errors(section: WaterSection, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per-pixel standard errors of the layers, float (h, w), NaN or 0 where there is nothing to be wrong about.

    A class is a chance: with probability p its error is sqrt(p (1 - p)). That of a frequency being above a threshold comes from its
    Wilson bounds; a rim pixel that is a share of water may be wrong by as much as a whole pixel that is water with that chance. What is
    hard to tell is so in both years: two years disagree by chance where their chances differ.
    """
    permanent, seasonal = _class_chances(section, now)
    permanent_before, seasonal_before = _class_chances(section, base)
    return {
        "water_permanent": np.sqrt(_variance(permanent)),
        "water_seasonal": np.sqrt(_variance(seasonal)),
        "water_permanent_change": np.sqrt(_variance(np.abs(permanent - permanent_before))),
        "water_seasonal_change": np.sqrt(_variance(np.abs(seasonal - seasonal_before))),
    }


def _variance(chance: np.ndarray) -> np.ndarray:
    """Of a class that is there with this chance."""
    return chance * (1 - chance)


def _class_chances(section: WaterSection, bands: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Chance of permanent and of seasonal water, float (h, w); NaN not observed."""
    error = (bands["water.frequency_upper"] - bands["water.frequency_lower"]) / (2 * Z95)
    with np.errstate(invalid="ignore", divide="ignore"):
        permanent = ndtr((bands["water.frequency"] - np.float32(section.permanent_frequency)) / error)
        seasonal = np.clip(ndtr((bands["water.frequency"] - np.float32(section.seasonal_frequency)) / error) - permanent, 0, 1)
    share = bands["water.permanent_fraction"]
    rim = (share > 0) & (share < 1)
    return np.where(rim, share, permanent), seasonal


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Areas of water by class and how they changed since the baseline. ``now`` and ``base``: ``map.band`` to (h, w)."""
    kind, before, section = now["water.class"], base["water.class"], settings.water
    both, threshold, fraction = (kind, before), np.float32(section.permanent_frequency), now["water.permanent_fraction"]
    lower, upper = area_bounds(now["water.frequency_lower"] >= threshold, now["water.frequency_upper"] >= threshold, np.isfinite(kind))
    true = np.ones_like(kind, bool)
    layers = {
        "water_observed_m2": marked(true, kind),
        "water_permanent_m2": fraction,
        "water_permanent_lower_m2": np.fmin(lower, fraction),
        "water_permanent_upper_m2": np.fmax(upper, fraction),
        "water_seasonal_m2": marked(kind == 2, kind),
        "water_ephemeral_m2": marked(kind == 3, kind),
        "water_common_m2": marked(true, *both),
        "water_permanent_common_m2": marked(kind == 1, *both),
        "water_permanent_baseline_m2": marked(before == 1, *both),
        "water_seasonal_common_m2": marked(kind == 2, *both),
        "water_seasonal_baseline_m2": marked(before == 2, *both),
    }
    return CountySums(layers, standard_errors(section, now, base), changes=CHANGES)
