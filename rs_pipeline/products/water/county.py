"""Water as it is summed over counties."""

from __future__ import annotations

import numpy as np
from rs_kernels.edges import VEGETATED
from scipy import ndimage
from scipy.special import ndtr

from rs_pipeline.config import Settings, WaterSection
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.estimation.zones import EIGHT, CountySums, marked
from rs_pipeline.products.sea import SEA

CHANGING = ("water_permanent", "water_seasonal", "sea")
"""Kinds of water whose change is summed pixel by pixel."""

CHANGES = (
    "water_common_m2", *(f"{name}_{when}_m2" for name in CHANGING for when in ("common", "baseline", "change_square")), *(f"{name}_change" for name in CHANGING),
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
    return np.where(seen, lower, np.nan).astype("float32"), np.where(seen, upper, np.nan).astype("float32")


def standard_errors(section: WaterSection, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per-pixel standard errors of the layers, float (h, w), NaN where not observed.

    A class that is there with probability p has the standard error sqrt(p (1 - p)). The probability that a frequency is above a threshold comes from
    its Wilson bounds; in a rim pixel that is partly water it is the share of water. Pixels that are hard to classify are so in both years, so the
    probability of a change by chance is the difference of the two years' probabilities.
    """
    chances, before = _chances(section, now), _chances(section, base)
    return {
        **{name: np.sqrt(_variance(chance)) for name, chance in chances.items()},
        **{f"{name}_change": np.sqrt(_variance(np.abs(chances[name] - before[name]))) for name in CHANGING},
    }


def _chances(section: WaterSection, bands: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Probability of each kind of water of `_areas`; whether a pixel is sea or inland is taken as certain."""
    permanent, seasonal = _class_chances(section, bands)
    return _by_place(permanent, seasonal, np.clip(permanent + seasonal, 0, 1), bands[SEA])


def _variance(chance: np.ndarray) -> np.ndarray:
    """Variance of a class that is there with this probability."""
    return chance * (1 - chance)


def _class_chances(section: WaterSection, bands: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Probability of permanent and of seasonal water, float (h, w); NaN not observed."""
    error = (bands["water.frequency_upper"] - bands["water.frequency_lower"]) / (2 * Z95)
    with np.errstate(invalid="ignore", divide="ignore"):
        permanent = ndtr((bands["water.frequency"] - np.float32(section.permanent_frequency)) / error)
        seasonal = np.clip(ndtr((bands["water.frequency"] - np.float32(section.seasonal_frequency)) / error) - permanent, 0, 1)
    share = bands["water.permanent_fraction"]
    rim = (share > 0) & (share < 1)
    return np.where(rim, share, permanent), seasonal * (1 - np.nan_to_num(share))


def county_sums(settings: Settings, now: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> CountySums:
    """Areas of water by class and how they changed since the baseline, inland and at sea. ``now`` and ``base``: ``map.band`` to (h, w).

    Each period decides for itself whether a pixel is sea or inland; a change is the area of this period less that of the baseline, on the pixels that
    both saw.
    """
    kind, before, section = now["water.class"], base["water.class"], settings.water
    threshold, fraction, inland = np.float32(section.permanent_frequency), now["water.permanent_fraction"], ~now[SEA]
    surely, possibly = (inland & (now[f"water.frequency_{end}"] >= threshold) for end in ("lower", "upper"))
    lower, upper = area_bounds(surely, possibly, np.isfinite(kind) & inland)
    true, common = np.ones_like(kind, bool), np.isfinite(kind) & np.isfinite(before)
    areas, areas_before = _areas(now), _areas(base)
    layers = {
        "water_observed_m2": marked(true, kind),
        **{f"{name}_m2": area for name, area in areas.items()},
        "water_permanent_lower_m2": np.where(inland, np.fmin(lower, fraction), np.nan),
        "water_permanent_upper_m2": np.where(inland, np.fmax(upper, fraction), np.nan),
        "water_ephemeral_m2": marked(inland & (kind == 3), kind),
        "water_plants_m2": marked(inland & (now["water.plants"] == VEGETATED), kind),
        "water_common_m2": marked(true, kind, before),
    }
    for name in CHANGING:
        layers[f"{name}_common_m2"] = np.where(common, areas[name], np.nan)
        layers[f"{name}_baseline_m2"] = np.where(common, areas_before[name], np.nan)
        layers[f"{name}_change_square_m2"] = (areas[name] - areas_before[name]) ** 2
    return CountySums(layers, standard_errors(section, now, base), changes=CHANGES)


def _areas(bands: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Share of each pixel that is permanent and seasonal inland water, that is sea, and that is tidal flat, float32 (h, w); NaN not observed.

    A seasonal pixel is seasonal water but for its permanent share. The sea is its permanent and seasonal water; its seasonal water is the tidal flats.
    """
    kind = bands["water.class"]
    permanent = np.where(np.isfinite(kind), bands["water.permanent_fraction"], np.nan)
    seasonal = np.where(kind == 2, 1 - permanent, 0)
    shares = _by_place(permanent, seasonal, permanent + seasonal, bands[SEA])
    return {name: np.where(np.isfinite(kind), share, np.nan).astype("float32") for name, share in shares.items()}


def _by_place(permanent: np.ndarray, seasonal: np.ndarray, wet: np.ndarray, at_sea: np.ndarray) -> dict[str, np.ndarray]:
    """Permanent and seasonal water as inland water or as sea and tidal flats, (h, w) each; ``wet`` : both together."""
    inland = {"water_permanent": np.where(at_sea, 0, permanent), "water_seasonal": np.where(at_sea, 0, seasonal)}
    return inland | {"sea": np.where(at_sea, wet, 0), "tidal_flat": np.where(at_sea, seasonal, 0)}
