"""QA flags of the pixels of a scene: scene classes and quality bits, cloud buffers, and shadows that geometry confirms.

Cloud masks remove black water: Sen2Cor and CFMask label it as dark or shadow. A shadow label is therefore
confirmed (SHADOW_CONFIRMED) only where a cloud is at a position from which it can cast that shadow, and where the ground
around is not as bright as on its clear dates. Arrays in, arrays out; `catalog.qa_flags` reads the chips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntFlag

import numpy as np
from rs_kernels.ranges import mark_ranges
from rs_kernels.shadows import LitRule, dilate_disk, lit_ground, median_brightness, sweep
from rs_kernels.shadows import trace_terrain_shadow as terrain_kernel

from rs_pipeline.config import MaskSection
from rs_pipeline.model import MaskRule
from rs_pipeline.radiometry.scaling import reflectance

SHADOW_REACH_M = 12_000.0
"""Greatest distance of a shadow from its cloud, however low the sun; the same for every tile. A design value."""

LIT_RADIUS_M = 100.0
"""Half the side of the square around a pixel whose ground decides whether the pixel lies in a cloud's shadow, see `lit_pixels`. This value and
the next two are design values."""

BRIGHT_GROUND_REFL = 0.06
"""Ground is used for that where its NIR reflectance is at least this on clear dates."""

MIN_GROUND_PIXELS, MIN_CLEAR_DATES = 5, 3
"""With fewer ground pixels, or fewer clear dates of them, geometry alone decides."""

_CLOUD_EDGE_M = 100.0
"""Clouds are dilated by this before their shadows are computed, because their thin edges cast shadows too but are not labelled."""


class QAFlag(IntFlag):
    """Quality flags of a pixel as bits; each is a reason to drop the pixel."""

    NODATA = 1
    CLOUD = 2
    SHADOW = 4
    CIRRUS = 8
    SNOW = 16
    SATURATED = 32
    DARK = 64
    BUFFER = 128
    SHADOW_CONFIRMED = 256
    TERRAIN = 512
    HAZE = 1024
    EDGE = 2048
    CLAMPED = 4096


def flag_bits(names: Sequence[str]) -> int:
    """The bits of QA flags given by name, as configurations write them.

    >>> flag_bits(["nodata", "cloud"])
    3
    """
    return int(sum(QAFlag[name.upper()] for name in set(names)))


def set_flag(qa: np.ndarray, where: np.ndarray, flag: QAFlag) -> None:
    """Set bits of a uint16 array in place; ``where`` is bool of the same shape."""
    qa |= where * np.uint16(flag)


def has_flag(qa: np.ndarray, flag: QAFlag) -> np.ndarray:
    """Where any of the bits is set, bool of the same shape."""
    return qa & np.uint16(flag) != 0


def label_flags(values: np.ndarray, rule: MaskRule) -> np.ndarray:
    """QA flags (uint16) of mask values, by the sensor table's rule; the rule's fill value gets NODATA only."""
    numbers = np.arange(int(values.max(initial=rule.fill)) + 1)
    table = np.zeros(numbers.size, dtype="uint16")
    for key, name in rule.flags.items():
        hit = numbers == key if rule.kind == "classes" else (numbers >> key) & 1 != 0
        set_flag(table, hit, QAFlag[name.upper()])
    table[rule.fill] = QAFlag.NODATA
    return table[values]


def saturation_flags(values: np.ndarray, platform: str) -> np.ndarray:
    """QA flags (uint16) of Landsat QA_RADSAT (USGS LSDS-1619).

    SATURATED where a band in use is saturated: bands 2-7 of OLI (bits 1-6), bands 1-5 and 7 of TM and ETM+ (bits 0-4 and 6).
    NODATA where the pixel was dropped (TM, ETM+, bit 9) or hidden by terrain (OLI, bit 11).
    """
    oli = platform in ("landsat-8", "landsat-9")
    saturated, lost = (0b1111110, 1 << 11) if oli else (0b1011111, 1 << 9)
    qa = np.zeros(values.shape, dtype="uint16")
    if values.any():
        set_flag(qa, values & saturated != 0, QAFlag.SATURATED)
        set_flag(qa, values & lost != 0, QAFlag.NODATA)
    return qa


def aerosol_flags(values: np.ndarray) -> np.ndarray:
    """HAZE (uint16) where SR_QA_AEROSOL of OLI states a high level: bits 6-7 are 3 (USGS LSDS-1619)."""
    return np.where(values >> 6 & 3 == 3, np.uint16(QAFlag.HAZE), np.uint16(0))


def opacity_flags(values: np.ndarray) -> np.ndarray:
    """HAZE (uint16) where SR_ATMOS_OPACITY of TM and ETM+ exceeds 0.3; numbers are thousandths (USGS LSDS-1618)."""
    return np.where(values > 300, np.uint16(QAFlag.HAZE), np.uint16(0))


def number_flags(dn: np.ndarray, required: Sequence[int], lowest: int, highest: int) -> np.ndarray:
    """QA flags uint16 (h, w) of numbers uint16 (B, h, w): NODATA where a required band has none, CLAMPED where one of them lies at the low
    end of the sensor's range, SATURATED where one lies at the high end."""
    qa = np.empty(dn.shape[1:], "uint16")
    absent, low, high = (np.uint16(flag) for flag in (QAFlag.NODATA, QAFlag.CLAMPED, QAFlag.SATURATED))
    mark_ranges(dn, np.array(required, "int64"), lowest, highest, absent, low, high, qa)
    return qa


def brightness_flags(blue_dn: np.ndarray, scale: float, offset: float, bright_refl: float) -> np.ndarray:
    """CLOUD (uint16) where blue reflectance exceeds ``bright_refl``: the only cloud test for a scene without a mask."""
    bright = reflectance(blue_dn, scale, offset) > bright_refl
    return np.where(bright, np.uint16(QAFlag.CLOUD), np.uint16(0))


def dilate(mask: np.ndarray, radius_m: float, step_m: tuple[float, float]) -> np.ndarray:
    """The mask grown by a disk: every pixel whose centre lies within ``radius_m`` of a masked centre.

    Parameters
    ----------
    step_m : pixel height and width, metres.
    """
    if radius_m <= 0 or not mask.any():
        return mask.copy()
    rows = np.arange(int(radius_m / step_m[0] + 1e-9) + 1)
    halves = np.sqrt(np.maximum(radius_m**2 - (rows * step_m[0]) ** 2, 0.0)) / step_m[1] + 1e-9
    out = np.empty(mask.shape, dtype=bool)
    dilate_disk(np.ascontiguousarray(mask), halves.astype("int64"), out)
    return out


def shadow_reach_m(sun_elevation_deg: float | None, height_m: tuple[float, float]) -> float:
    """Ground distance from the highest cloud to its shadow, at most SHADOW_REACH_M; 0 where the sun is not known or not up."""
    if sun_elevation_deg is None or sun_elevation_deg <= 0:
        return 0.0
    return min(height_m[1] / math.tan(math.radians(sun_elevation_deg)), SHADOW_REACH_M)


def cast_cloud_shadow(
    cloud: np.ndarray, sun_elevation_deg: float, sun_azimuth_deg: float, height_m: tuple[float, float], step_m: tuple[float, float]
) -> np.ndarray:
    """Where clouds at any height in ``height_m`` (lowest, highest) would cast a shadow: the union of the cloud mask shifted away from the sun.

    The displacement is height / tan(elevation) toward azimuth + 180 degrees (north up, clockwise). Paths run along the
    rows (or columns) and drift across them; rounding moves a pixel by at most one.
    """
    far = shadow_reach_m(sun_elevation_deg, height_m)
    if far == 0.0 or not cloud.any():
        return np.zeros_like(cloud)
    near = min(height_m[0] / math.tan(math.radians(sun_elevation_deg)), far)
    away = math.radians(sun_azimuth_deg + 180.0)
    down, right = -math.cos(away) / step_m[0], math.sin(away) / step_m[1]
    return _swept(cloud.T, right, down, near, far).T if abs(right) > abs(down) else _swept(cloud, down, right, near, far)


def _swept(mask: np.ndarray, down: float, right: float, near_m: float, far_m: float) -> np.ndarray:
    """Union of the mask shifted by (down, right) pixels per metre, from ``near_m`` to ``far_m``; |down| >= |right|."""
    drift = np.rint(np.arange(mask.shape[0]) * right / down).astype("int64")
    out = np.empty(mask.shape, dtype=bool)
    sweep(np.ascontiguousarray(mask), drift, math.floor(near_m * abs(down)), math.ceil(far_m * abs(down)), down > 0, out)
    return out


Slices = tuple[slice, slice]


def _dilated_inside(mask: np.ndarray, inner: Slices, radius_m: float, step_m: tuple[float, float]) -> np.ndarray:
    """The inner part of the dilated mask, without dilating the rest."""
    pad = [math.ceil(radius_m / s) for s in step_m]
    near = tuple(slice(max(s.start - p, 0), s.stop + p) for s, p in zip(inner, pad, strict=True))
    back = tuple(slice(s.start - n.start, s.stop - n.start) for s, n in zip(inner, near, strict=True))
    return dilate(mask[near], radius_m, step_m)[back]


def add_geometry(
    qa: np.ndarray, inner: Slices, sun: tuple[float, float] | None, masks: MaskSection, step_m: tuple[float, float]
) -> np.ndarray:  # fmt: skip
    """The inner part of label flags with BUFFER and SHADOW_CONFIRMED added; of the outer part only the clouds are used.

    Parameters
    ----------
    sun : elevation and azimuth, degrees; None where not known: then every label of shadow counts as confirmed.
    step_m : pixel height and width, metres.
    """
    cloud, out = has_flag(qa, QAFlag.CLOUD), qa[inner].copy()
    grown = _dilated_inside(cloud, inner, masks.cloud_buffer_m, step_m)
    set_flag(out, grown & ~has_flag(out, QAFlag.CLOUD), QAFlag.BUFFER)
    suspects = has_flag(out, QAFlag.SHADOW | QAFlag.DARK)
    if sun is None:
        set_flag(out, has_flag(out, QAFlag.SHADOW), QAFlag.SHADOW_CONFIRMED)
    elif suspects.any():
        cast = cast_cloud_shadow(cloud, *sun, masks.shadow_height_m, step_m)
        # Dilating the shadow equals dilating the cloud; one more pixel covers the rounding of the cast.
        set_flag(out, suspects & _dilated_inside(cast, inner, _CLOUD_EDGE_M + max(step_m), step_m), QAFlag.SHADOW_CONFIRMED)
    return out


def lit_pixels(
    nir_dn: np.ndarray, qa: np.ndarray, scale: np.ndarray, offset: np.ndarray, step_m: float, darkness: float
) -> np.ndarray:  # fmt: skip
    """Where there is no cloud shadow although geometry allows one: the ground within LIT_RADIUS_M is as bright as on its clear dates. bool (T, h, w).

    Water itself does not show a shadow: its NIR reflectance of a few thousandths changes more by turbidity and haze than by shadow (in the
    simulated world the darkness of the pixel itself separates shadow from no shadow no better than chance, that of the ground around it
    in 94 of 100 pairs). So the brighter ground nearby decides, and where there is none, geometry.

    Parameters
    ----------
    nir_dn, qa : uint16 (T, h, w); 0 is nodata in ``nir_dn``.
    scale, offset : float32 (T,), to reflectance.
    step_m : pixel size, metres.
    darkness : in a shadow NIR is below this share of the median over the clear dates (0.9 in the specification).
    """
    cloudy = ["nodata", "cloud", "cirrus", "snow", "saturated", "buffer"]
    unusable, unclear = np.uint16(flag_bits(cloudy)), np.uint16(flag_bits([*cloudy, "shadow_confirmed"]))
    lit = np.zeros(nir_dn.shape, dtype=bool)
    suspects = [t for t in range(len(nir_dn)) if has_flag(qa[t], QAFlag.SHADOW_CONFIRMED).any()]
    if suspects:
        median = np.empty(nir_dn.shape[1:], dtype="int64")
        median_brightness(nir_dn, scale, offset, qa, unclear, MIN_CLEAR_DATES, median)
    rule = LitRule(unusable, round(BRIGHT_GROUND_REFL * 1e4), darkness, int(LIT_RADIUS_M / step_m), MIN_GROUND_PIXELS)
    for t in suspects:
        lit_ground(nir_dn[t], scale[t], offset[t], qa[t], median, rule, lit[t])
    return lit


def terrain_shadow(height_m: np.ndarray, step_m: float, sun: tuple[float, float]) -> np.ndarray:
    """Where terrain hides the sun, bool (h, w); see `rs_kernels.shadows.trace_terrain_shadow`. ``sun`` is elevation and azimuth, degrees."""
    out = np.zeros(height_m.shape, dtype=bool)
    if sun[0] > 0 and np.isfinite(height_m).any():
        terrain_kernel(np.ascontiguousarray(height_m, dtype="float32"), float(step_m), *sun, out)
    return out
