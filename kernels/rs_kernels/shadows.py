"""Growing of cloud masks by a disk, shadows of clouds and of terrain, and a test whether ground is lit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from rs_kernels.calibration import reflectance

NO_SOURCE = -(2**30)
"""Row number that means "no cloud on this path": farther away than any raster is high."""
SLACK = 1e-3
"""Tolerance of a ray for rounding, pixels and metres."""


class LitRule(NamedTuple):
    """When ground is bright, and when it is lit, see `lit_ground`."""

    unusable: int | np.uint16
    """QA bits of pixels that do not count."""
    least: int
    """Ground is bright where its median is at least this, in steps of 1e-4."""
    share: float
    """Ground is lit where the sum over the bright ground reaches this share of the sum of its medians."""
    radius: int
    """Half the side of the square that is summed, pixels."""
    min_pixels: int
    """Least number of bright pixels in it."""


@njit(cache=True, nogil=True)
def dilate_disk(mask, halves, out):
    """Grow a mask by a disk.

    Parameters
    ----------
    mask : bool (h, w).
    halves : int64 (r + 1,), half the disk's width, pixels, at 0, 1, … r rows from its centre; decreasing.
    out : bool (h, w), overwritten.
    """
    h, w = mask.shape
    far = halves[0] + 1
    across = np.empty((h, w), np.uint16)
    filled = np.zeros(h, np.bool_)
    for i in range(h):
        run = far
        for j in range(w):
            run = 0 if mask[i, j] else min(run + 1, far)
            across[i, j] = run
        filled[i] = False
        run = far
        for j in range(w - 1, -1, -1):
            run = 0 if mask[i, j] else min(run + 1, far)
            if run < across[i, j]:
                across[i, j] = run
            if run == 0:
                filled[i] = True
    out[:] = False
    for i in range(h):
        for k in range(max(i - halves.size + 1, 0), min(i + halves.size, h)):
            if filled[k]:
                half = np.uint16(halves[abs(k - i)])
                for j in range(w):
                    out[i, j] |= across[k, j] <= half


@njit(cache=True, nogil=True)
def sweep(mask, drift, first, last, downward, out):
    """Union of a mask moved by ``first`` to ``last`` rows along slanted paths.

    Parameters
    ----------
    mask : bool (h, w).
    drift : int64 (h,), columns by which a path has drifted in each row.
    downward : whether the mask moves to higher rows.
    out : bool (h, w), overwritten.
    """
    h, w = mask.shape
    least = drift.min()
    seen = np.full(w + drift.max() - least, NO_SOURCE, np.int64)
    top = drift.max()
    for n in range(h):
        i = n if downward else h - 1 - n
        source = n - first
        if source >= 0:
            k = source if downward else h - 1 - source
            for j in range(w):
                if mask[k, j]:
                    seen[j - drift[k] + top] = source
        for j in range(w):
            out[i, j] = n - seen[j - drift[i] + top] <= last


@njit(cache=True, nogil=True)
def median_brightness(dn, scale, offset, bits, unclear, min_dates, out):
    """Median reflectance over all clear dates of a pixel, in steps of 1e-4.

    Parameters
    ----------
    dn : uint16 (T, h, w), 0 nodata; ``scale`` and ``offset`` float32 (T,).
    bits : uint16 (T, h, w), QA flags; a date counts where none of the bits of ``unclear`` is set.
    out : int64 (h, w), overwritten; 0 where fewer than ``min_dates`` are clear.
    """
    n, h, w = dn.shape
    clear = np.empty(n, np.float32)
    for i in range(h):
        for j in range(w):
            count = 0
            for t in range(n):
                if dn[t, i, j] > 0 and bits[t, i, j] & unclear == 0:
                    clear[count] = reflectance(dn[t, i, j], scale[t], offset[t])
                    count += 1
            out[i, j] = int(np.median(clear[:count]) * 1e4 + 0.5) if count >= min_dates and count > 0 else 0


@njit(cache=True, nogil=True)
def lit_ground(dn, scale, offset, bits, median, rule, out):
    """Find pixels around which the bright ground is, on one date, as bright as on its clear dates.

    Parameters
    ----------
    dn, bits : uint16 (h, w); pixels without data do not count. rule : `LitRule`.
    median : int64 (h, w), of `median_brightness`.
    out : bool (h, w), overwritten; False where there is too little bright ground to tell.
    """
    unusable, least, share, radius, min_pixels = rule
    h, w = dn.shape
    sums = np.zeros((3, h + 1, w + 1), np.int64)
    for i in range(h):
        for j in range(w):
            now, usual, one = 0, 0, 0
            if median[i, j] >= least and dn[i, j] > 0 and bits[i, j] & unusable == 0:
                now, usual, one = int(np.floor(reflectance(dn[i, j], scale, offset) * 1e4 + 0.5)), median[i, j], 1
            for k, value in enumerate((now, usual, one)):
                sums[k, i + 1, j + 1] = value + sums[k, i, j + 1] + sums[k, i + 1, j] - sums[k, i, j]
    for i in range(h):
        top, bottom = max(i - radius, 0), min(i + radius + 1, h)
        for j in range(w):
            left, right = max(j - radius, 0), min(j + radius + 1, w)
            box = sums[:, bottom, right] - sums[:, top, right] - sums[:, bottom, left] + sums[:, top, left]
            out[i, j] = box[2] >= min_pixels and box[0] >= share * box[1]


@njit(cache=True, nogil=True)
def trace_terrain_shadow(height_m, step_m, sun_elevation_deg, sun_azimuth_deg, out):
    """Find pixels from which terrain hides the sun: a ray from the pixel towards the sun meets higher ground.

    Heights between pixels are interpolated linearly. Beyond the raster there is no terrain.

    Parameters
    ----------
    height_m : float32 (h, w), north up; NaN casts no shadow and gets none.
    step_m : pixel size, metres.
    out : bool (h, w), overwritten.
    """
    h, w = height_m.shape
    azimuth = np.radians(sun_azimuth_deg)
    down, right = -np.cos(azimuth), np.sin(azimuth)
    longest = max(abs(down), abs(right))
    down, right = down / longest, right / longest
    rise_m = step_m / longest * np.tan(np.radians(sun_elevation_deg))
    summit = np.nanmax(height_m)
    for i in range(h):
        for j in range(w):
            out[i, j] = False
            ray = height_m[i, j]
            y, x = float(i), float(j)
            while True:
                y, x, ray = y + down, x + right, ray + rise_m
                if not ray < summit or y < -SLACK or x < -SLACK or y > h - 1 + SLACK or x > w - 1 + SLACK:
                    break
                a, b = int(max(y, 0.0)), int(max(x, 0.0))
                c, d = min(a + 1, h - 1), min(b + 1, w - 1)
                fy, fx = y - a, x - b
                ground = (height_m[a, b] * (1 - fx) + height_m[a, d] * fx) * (1 - fy) + (height_m[c, b] * (1 - fx) + height_m[c, d] * fx) * fy
                if ground > ray + SLACK:
                    out[i, j] = True
                    break
