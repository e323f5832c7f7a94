"""Why a pixel of a scene is not used: scene classes and quality bits, cloud buffers, and shadows that geometry confirms.

Black water is what cloud masks throw away: Sen2Cor and CFMask label it dark or shadow. A label of shadow is therefore
believed (SHADOW_CONFIRMED) only where a cloud stands where it would have to stand to cast it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntFlag
from functools import lru_cache

import numpy as np
import rasterio
from affine import Affine

from rs_pipeline.catalog.chips import Chip, pixel_index, read_role, read_stack
from rs_pipeline.config import MaskSection, load_sensor
from rs_pipeline.model import Grid, MaskRule, Scene

SHADOW_REACH_M = 12_000.0
"""Shadows are followed no further than this from their cloud, at the lowest sun; the same for every tile."""

BRIGHT_BLUE_REFL = 0.2
"""Without a mask asset, pixels brighter than this in blue count as cloud."""


_CLOUD_EDGE_M = 100.0
"""Clouds are grown by this before they cast shadows: their thin edges cast too, and are not labelled."""


class Reason(IntFlag):
    """Bits of the reasons a pixel may be dropped for."""

    NODATA = 1
    CLOUD = 2
    SHADOW = 4
    CIRRUS = 8
    SNOW = 16
    SATURATED = 32
    DARK = 64
    BUFFER = 128
    SHADOW_CONFIRMED = 256


def reject_bits(names: Sequence[str]) -> int:
    """The bits of reasons given by name, as configurations write them.

    >>> reject_bits(["nodata", "cloud"])
    3
    """
    return int(sum(Reason[name.upper()] for name in set(names)))


def mark(reasons: np.ndarray, where: np.ndarray, reason: Reason) -> None:
    """Set bits of a uint16 array in place."""
    reasons[where] |= np.uint16(reason)


def has(reasons: np.ndarray, reason: Reason) -> np.ndarray:
    """Where any of the bits is set (bool)."""
    return reasons & np.uint16(reason) != 0


def label_reasons(values: np.ndarray, rule: MaskRule) -> np.ndarray:
    """Reasons (uint16) of mask values, by the sensor table's rule; the rule's fill value is NODATA and nothing else."""
    reasons = np.zeros(values.shape, dtype="uint16")
    for key, name in rule.reasons.items():
        hit = values == key if rule.kind == "classes" else (values >> key) & 1 != 0
        mark(reasons, hit, Reason[name.upper()])
    reasons[values == rule.fill] = Reason.NODATA
    return reasons


def saturation_reasons(values: np.ndarray, platform: str) -> np.ndarray:
    """Reasons (uint16) of Landsat QA_RADSAT (USGS LSDS-1619).

    SATURATED where a used band is: bands 2-7 of OLI (bits 1-6), bands 1-5 and 7 of TM and ETM+ (bits 0-4 and 6).
    NODATA where the pixel was dropped (TM, ETM+, bit 9) or hidden by terrain (OLI, bit 11).
    """
    oli = platform in ("landsat-8", "landsat-9")
    saturated, lost = (0b1111110, 1 << 11) if oli else (0b1011111, 1 << 9)
    reasons = np.where(values & saturated, Reason.SATURATED, 0) | np.where(values & lost, Reason.NODATA, 0)
    return reasons.astype("uint16")


def _shifted(mask: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """The mask moved down and right by whole pixels; what comes in from outside is False."""
    out = np.zeros_like(mask)
    h, w = mask.shape
    if abs(rows) < h and abs(cols) < w:
        out[max(rows, 0) : h + min(rows, 0), max(cols, 0) : w + min(cols, 0)] = mask[max(-rows, 0) : h - max(rows, 0), max(-cols, 0) : w - max(cols, 0)]
    return out


def dilate(mask: np.ndarray, radius_m: float, step_m: tuple[float, float]) -> np.ndarray:
    """The mask grown by a disk: every pixel whose centre lies within ``radius_m`` of a masked centre.

    Parameters
    ----------
    step_m : pixel height and width, metres.
    """
    out = mask.copy()
    if radius_m <= 0 or not mask.any():
        return out
    for rows in range(int(radius_m / step_m[0] + 1e-9) + 1):
        half = int(math.sqrt(max(radius_m**2 - (rows * step_m[0]) ** 2, 0.0)) / step_m[1] + 1e-9)
        wide = _spread(mask, 0, 1, half) | _spread(mask, 0, -1, half)
        out |= _shifted(wide, rows, 0) | _shifted(wide, -rows, 0)
    return out


def _spread(mask: np.ndarray, rows: int, cols: int, steps: int) -> np.ndarray:
    """Union of the mask shifted by 0, 1, … ``steps`` times (rows, cols), in log2(steps) passes."""
    out, done = mask, 0
    while done < steps:
        stride = min(done + 1, steps - done)
        out = out | _shifted(out, rows * stride, cols * stride)
        done += stride
    return out


def shadow_reach_m(sun_elevation_deg: float | None, height_m: tuple[float, float]) -> float:
    """Ground distance from the highest cloud to its shadow, at most SHADOW_REACH_M; 0 where the sun is not known or not up."""
    if sun_elevation_deg is None or sun_elevation_deg <= 0:
        return 0.0
    return min(height_m[1] / math.tan(math.radians(sun_elevation_deg)), SHADOW_REACH_M)


def cast_shadow(
    cloud: np.ndarray, sun_elevation_deg: float, sun_azimuth_deg: float, height_m: tuple[float, float], step_m: tuple[float, float]
) -> np.ndarray:
    """Where clouds at any of the heights would cast a shadow: the union of the cloud mask moved away from the sun.

    The displacement is height / tan(elevation) toward azimuth + 180 degrees (north up, clockwise). The mask is sheared so that the
    path runs along its rows, spread there by doubling, and sheared back; rounding moves a pixel by at most one.
    """
    far = shadow_reach_m(sun_elevation_deg, height_m)
    if far == 0.0 or not cloud.any():
        return np.zeros_like(cloud)
    near = min(height_m[0] / math.tan(math.radians(sun_elevation_deg)), far)
    away = math.radians(sun_azimuth_deg + 180.0)
    down, right = -math.cos(away) / step_m[0], math.sin(away) / step_m[1]
    return _swept(cloud.T, right, down, near, far).T if abs(right) > abs(down) else _swept(cloud, down, right, near, far)


def _swept(mask: np.ndarray, down: float, right: float, near_m: float, far_m: float) -> np.ndarray:
    """Union of the mask moved by (down, right) pixels a metre, from ``near_m`` to ``far_m``; |down| >= |right|."""
    h, w = mask.shape
    drift = np.rint(np.arange(h) * right / down).astype("int64")
    rows = np.arange(h)[:, None]
    cols = np.arange(w)[None, :] - drift[:, None] + drift.max()
    sheared = np.zeros((h, w + int(drift.max() - drift.min())), dtype=bool)
    sheared[rows, cols] = mask
    first, last = math.floor(near_m * abs(down)), math.ceil(far_m * abs(down))
    sign = 1 if down > 0 else -1
    return _spread(_shifted(sheared, sign * first, 0), sign, 0, last - first)[rows, cols]


Slices = tuple[slice, slice]


def _dilated_inside(mask: np.ndarray, inner: Slices, radius_m: float, step_m: tuple[float, float]) -> np.ndarray:
    """The inner part of the dilated mask, without dilating the rest."""
    pad = [math.ceil(radius_m / s) for s in step_m]
    near = tuple(slice(max(s.start - p, 0), s.stop + p) for s, p in zip(inner, pad, strict=True))
    back = tuple(slice(s.start - n.start, s.stop - n.start) for s, n in zip(inner, near, strict=True))
    return dilate(mask[near], radius_m, step_m)[back]


def _add_geometry(reasons: np.ndarray, inner: Slices, scene: Scene, masks: MaskSection, step_m: tuple[float, float]) -> np.ndarray:
    """The inner part of labelled reasons with BUFFER and SHADOW_CONFIRMED added; the outer part lends its clouds."""
    cloud, out = has(reasons, Reason.CLOUD), reasons[inner].copy()
    grown = _dilated_inside(cloud, inner, masks.cloud_buffer_m, step_m)
    mark(out, grown & ~has(out, Reason.CLOUD), Reason.BUFFER)
    suspects = has(out, Reason.SHADOW | Reason.DARK)
    if scene.sun_elevation_deg is None or scene.sun_azimuth_deg is None:
        mark(out, has(out, Reason.SHADOW), Reason.SHADOW_CONFIRMED)
    elif suspects.any():
        cast = cast_shadow(cloud, scene.sun_elevation_deg, scene.sun_azimuth_deg, masks.shadow_height_m, step_m)
        # Growing the shadow is growing the cloud; one pixel more covers the rounding of the cast.
        mark(out, suspects & _dilated_inside(cast, inner, _CLOUD_EDGE_M + max(step_m), step_m), Reason.SHADOW_CONFIRMED)
    return out


class _Mask:
    """A chip's mask file as a cache key: equal when the file, the sun and the settings are."""

    def __init__(self, chip: Chip, masks: MaskSection):
        self.path, self.band = chip.files["mask"]
        self.inner = next(path for role, (path, _) in sorted(chip.files.items()) if role not in ("mask", "saturation"))
        self.scene, self.masks = chip.scene, masks
        self._key = (
            str(self.path), self.path.stat().st_mtime_ns, chip.scene.sensor, chip.scene.sun_elevation_deg,
            chip.scene.sun_azimuth_deg, masks.cloud_buffer_m, masks.shadow_height_m,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Mask) and self._key == other._key


@lru_cache(maxsize=160)
def _native_reasons(mask: _Mask) -> tuple[np.ndarray, Affine]:
    """Reasons on the mask's own pixels over the chip's data, and their transform. Blocks of one tile share them."""
    with rasterio.open(mask.inner, driver="GTiff") as data:
        bounds = data.bounds
    with rasterio.open(mask.path, driver="GTiff") as dataset:
        t, shape = dataset.transform, dataset.shape
        values = dataset.read(mask.band)
    step_m = (-t.e, t.a)
    top, bottom = _inside((t.f - bounds.top) / step_m[0], (t.f - bounds.bottom) / step_m[0], shape[0])
    left, right = _inside((bounds.left - t.c) / step_m[1], (bounds.right - t.c) / step_m[1], shape[1])
    labels = label_reasons(values, load_sensor(mask.scene.sensor).mask)
    reasons = _add_geometry(labels, (slice(top, bottom), slice(left, right)), mask.scene, mask.masks, step_m)
    reasons.setflags(write=False)
    return reasons, Affine(t.a, 0, t.c + left * t.a, 0, t.e, t.f + top * t.e)


def _inside(start: float, stop: float, size: int) -> tuple[int, int]:
    return max(0, math.floor(start + 1e-6)), min(size, math.ceil(stop - 1e-6))


def scene_reasons(chip: Chip, grid: Grid, masks: MaskSection) -> np.ndarray:
    """Why each pixel of the grid may be dropped from this scene: uint16 (h, w) of `Reason` bits, 0 where nothing is wrong.

    Labels of the mask, BUFFER around clouds, SHADOW_CONFIRMED (a dark or shadow label where geometry puts a cloud's shadow; every
    shadow label where the sun is not known) and NODATA wherever a required band has none. A scene without a
    mask asset gets CLOUD where blue reflectance exceeds 0.2, and nothing else.

    Dilation and shadows are computed on the mask's own pixels, so the answer does not depend on how a tile is cut.
    """
    sensor = load_sensor(chip.scene.sensor)
    reasons = np.zeros(grid.shape, dtype="uint16")
    if chip.has("mask"):
        native, transform = _native_reasons(_Mask(chip, masks))
        rows, cols = pixel_index(transform, native.shape, grid)
        reasons = native[rows[:, None], cols[None, :]]
        reasons[rows < 0, :] = Reason.NODATA
        reasons[:, cols < 0] = Reason.NODATA
    roles = [b.role for b in sensor.bands if b.required and b.role != "mask"]
    bands = read_stack([chip], roles, grid)[0]
    if sensor.family == "optical" and not chip.has("mask"):
        blue_dn = bands[roles.index("blue")]
        bright = blue_dn.astype("float64") * chip.scene.scale + chip.scene.offset > BRIGHT_BLUE_REFL
        mark(reasons, bright & (blue_dn > 0), Reason.CLOUD)
    if chip.has("saturation"):
        reasons |= saturation_reasons(read_role(chip, "saturation", grid), chip.scene.platform)
    mark(reasons, (bands == 0).any(axis=0), Reason.NODATA)
    return reasons
