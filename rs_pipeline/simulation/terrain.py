"""Heights of the simulated land and the direct sunlight that reaches it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

NEAR_STEP_PX, FAR_STEP_PX, NEAR_PX = 1, 3, 30
"""Steps, pixels, of the search for obstacles towards the sun, and the distance at which the wider steps begin."""


def hills(water: np.ndarray, pixel_m: float, relief_m: float, noise: np.ndarray) -> np.ndarray:
    """Heights in m (float32) that rise from the waters, for a relief of 320 m with about 30 degrees at the foot and less further up.

    Parameters
    ----------
    water : bool, ground that is flat and at 0 m.
    noise : mean 0, standard deviation 1, smooth over hundreds of metres.
    """
    away_m = ndimage.distance_transform_edt(~water) * pixel_m
    rise = 1 - np.exp(-np.maximum(away_m - 30, 0) / 550)
    return (relief_m * rise * np.clip(1 + 0.45 * noise, 0.15, 2.2)).astype("float32")


def cast_terrain_shadow(heights_m: np.ndarray, pixel_m: float, elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """Pixels in shadow, bool: an obstacle towards the sun is higher than the sunbeam. Beyond the border the heights of the border continue.

    Parameters
    ----------
    azimuth_deg : of the sun, clockwise from north; rows run to the south.
    """
    slope = np.tan(np.radians(elevation_deg)) * pixel_m
    reach = int((heights_m.max() - heights_m.min()) / slope) + 1
    azimuth = np.radians(azimuth_deg)
    rows, columns = np.arange(heights_m.shape[0]), np.arange(heights_m.shape[1])
    shadow = np.zeros(heights_m.shape, dtype=bool)
    for step in [*range(1, min(reach, NEAR_PX) + 1, NEAR_STEP_PX), *range(NEAR_PX + 1, reach + 1, FAR_STEP_PX)]:
        row = np.clip(rows - round(step * np.cos(azimuth)), 0, len(rows) - 1)
        column = np.clip(columns + round(step * np.sin(azimuth)), 0, len(columns) - 1)
        shadow |= heights_m[row][:, column] > heights_m + step * slope
    return shadow


def incidence(dem_m: np.ndarray, pixel_m: float, elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """Direct sunlight on a slope relative to level ground, cos(i) / cos(zenith), 0-2.5, float32.

    >>> incidence(np.zeros((3, 3)), 10.0, 40.0, 150.0)[1, 1]
    np.float32(1.0)
    """
    down, east = np.gradient(dem_m, pixel_m)
    azimuth, tangent = np.radians(azimuth_deg), np.tan(np.radians(elevation_deg))
    towards = -east * np.sin(azimuth) + down * np.cos(azimuth)
    cosine = (1 + towards / tangent) / np.sqrt(1 + east**2 + down**2)
    return np.clip(cosine, 0, 2.5).astype("float32")


def direct_light(dem_m: np.ndarray, obstacles_m: np.ndarray, pixel_m: float, sun: tuple[float, float]) -> np.ndarray:
    """Direct sunlight relative to level open ground, float32: 0 in shadow, above 1 on slopes that face the sun.

    Parameters
    ----------
    obstacles_m : height of buildings and trees above the ground.
    sun : elevation and azimuth in degrees.
    """
    shadow = cast_terrain_shadow(dem_m + obstacles_m, pixel_m, *sun)
    light = incidence(dem_m, pixel_m, *sun) if dem_m.any() else np.ones(dem_m.shape, dtype="float32")
    return np.where(shadow, np.float32(0), light)
