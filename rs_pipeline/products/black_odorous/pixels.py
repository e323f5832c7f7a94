"""Per-pixel probability and class of black-odorous water in a block of the observe step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rs_kernels.black_odorous import PIXEL_LAYERS, ClassLimits, pixel_black_odorous, pixel_classes
from rs_kernels.stack import Stack, one_a_day

from rs_pipeline.catalog.passes import Pass
from rs_pipeline.config import BlackOdorousSection, MaskSection, WaterSection
from rs_pipeline.products.black_odorous.model import load_detector
from rs_pipeline.products.calendar import in_window
from rs_pipeline.radiometry.masks import flag_bits

SUSPECTED_PROBABILITY, POSSIBLE_PROBABILITY = 0.9, 0.5
"""Thresholds of single pixels, whose probability is the mean of single dates and, unlike that of a reach, not calibrated."""


def in_season(passes: Sequence[Pass], section: BlackOdorousSection) -> np.ndarray:
    """bool (T,): in the yearly window and, where the catalog gives the sun's elevation, with the sun high enough."""
    sun = [p.scene.sun_elevation_deg for p in passes]
    high = np.array([s is None or np.isnan(s) or s > section.min_sun_elevation_deg for s in sun], bool)
    return in_window([p.scene.solar_day for p in passes], section.window) & high


def black_odorous_layers(
    section: BlackOdorousSection, water: WaterSection, masks: MaskSection, passes: Sequence[Pass], stack: Stack, frequency: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Probability, class and number of dates, float32 (h, w).

    The stack holds the optical passes; ``masks.black_odorous`` replaces its ``bad_bits``. ``frequency`` is the water frequency, NaN where unobserved. Land
    is class 0 without a probability; where water was not observed, all three are NaN.
    """
    model = load_detector()
    wet = np.nan_to_num(frequency, nan=-1.0) >= water.seasonal_frequency
    layers = np.empty((len(PIXEL_LAYERS), *frequency.shape), "float32")
    pixel_black_odorous(
        one_a_day(stack, flag_bits(masks.black_odorous)),
        np.array([p.has("rededge1") for p in passes], bool),
        in_season(passes, section),
        wet,
        section.max_swir1_refl,
        model.packed,
        layers,
    )
    classes = np.empty(frequency.shape, "float32")
    limits = ClassLimits(section.min_dates, section.min_positive_share, section.min_months, SUSPECTED_PROBABILITY, POSSIBLE_PROBABILITY)
    pixel_classes(layers, limits, classes)
    classes[~np.isfinite(frequency)] = np.nan
    return layers[PIXEL_LAYERS.index("probability")], classes, layers[PIXEL_LAYERS.index("n_dates")]
