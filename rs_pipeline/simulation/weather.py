"""Sun, clouds and their shadows, and random patches for errors of a cloud mask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import ndimage

from rs_pipeline.model import Grid

SKY_PX = 768
SKY_M = 20.0
"""The sky is a periodic field of SKY_PX x SKY_PX pixels of SKY_M: larger than the world, so that shadows can come from clouds outside."""


def sun_angles(when: datetime, lon: float, lat: float) -> tuple[float, float]:
    """Elevation and azimuth (clockwise from north) of the sun in degrees, accurate to about half a degree.

    Source: NOAA solar equations (Spencer 1971 series for declination and equation of time).
    """
    g = 2 * np.pi * (when.timetuple().tm_yday - 1 + (when.hour - 12) / 24) / 365
    declination = (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g)
        + 0.00148 * np.sin(3 * g)
    )
    equation_min = 229.18 * (0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g) - 0.014615 * np.cos(2 * g) - 0.040849 * np.sin(2 * g))
    solar_minutes = when.hour * 60 + when.minute + when.second / 60 + equation_min + 4 * lon
    hour_angle = np.radians(solar_minutes / 4 - 180)
    phi = np.radians(lat)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    azimuth = np.arctan2(np.sin(hour_angle), np.cos(hour_angle) * np.sin(phi) - np.tan(declination) * np.cos(phi)) + np.pi
    return float(np.degrees(np.arcsin(sine))), float(np.degrees(azimuth) % 360)


def shadow_offset_m(height_m: float, elevation_deg: float, azimuth_deg: float) -> tuple[float, float]:
    """(east, north) displacement in m of the shadow of a cloud at a height: away from the sun.

    >>> [round(v) for v in shadow_offset_m(1000, 45, 180)]
    [0, 1000]
    """
    reach = height_m / np.tan(np.radians(elevation_deg))
    azimuth = np.radians(azimuth_deg)
    return float(-reach * np.sin(azimuth)), float(-reach * np.cos(azimuth))


@dataclass(frozen=True)
class Sky:
    """Clouds of one scene over the world; `on_grid` resamples them."""

    left: float
    top: float
    opacity: np.ndarray
    """0-1, float32 (SKY_PX, SKY_PX), periodic."""
    shadow: np.ndarray
    """0-1, the same clouds moved to their shadows."""
    cirrus: np.ndarray
    """0-1, thin high cloud."""

    def on_grid(self, field: np.ndarray, grid: Grid) -> np.ndarray:
        """A field of the sky at the pixel centres of a grid, bilinear, float32 (height, width)."""
        columns = (grid.left - self.left + (np.arange(grid.width) + 0.5) * grid.resolution_m) / SKY_M - 0.5
        rows = (self.top - grid.top + (np.arange(grid.height) + 0.5) * grid.resolution_m) / SKY_M - 0.5
        across = _linear(field, columns, axis=1)
        return _linear(across, rows, axis=0)


def _linear(field: np.ndarray, position: np.ndarray, axis: int) -> np.ndarray:
    below = np.floor(position).astype(int)
    share = (position - below).astype("float32")
    share = share[None, :] if axis == 1 else share[:, None]
    n = field.shape[axis]
    return np.take(field, below % n, axis=axis) * (1 - share) + np.take(field, (below + 1) % n, axis=axis) * share


def fractal_field(rng: np.random.Generator, exponent: float = 1.9) -> np.ndarray:
    """Periodic noise with a power-law spectrum, mean 0 and standard deviation 1, float32 (SKY_PX, SKY_PX)."""
    fy, fx = np.fft.fftfreq(SKY_PX)[:, None], np.fft.rfftfreq(SKY_PX)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    amplitude = np.where(frequency < 3 / SKY_PX, (3 / SKY_PX) ** -exponent, frequency**-exponent)
    amplitude[0, 0] = 0.0
    phase = np.exp(2j * np.pi * rng.random(frequency.shape))
    field = np.fft.irfft2(amplitude * phase, s=(SKY_PX, SKY_PX)).astype("float32")
    return (field - field.mean()) / field.std()


def make_sky(grid: Grid, cover: float, sun: tuple[float, float], cirrus: bool, rng: np.random.Generator) -> Sky:
    """Clouds that cover about the share ``cover`` (0-1) of the world, with shadows for the sun's (elevation, azimuth) in degrees."""
    field = fractal_field(rng)
    rows, columns = round(grid.height * grid.resolution_m / SKY_M), round(grid.width * grid.resolution_m / SKY_M)
    threshold = np.quantile(field[:rows, :columns], 1 - cover) if cover > 0 else np.inf
    opacity = np.clip((field - threshold) / 0.25 + 0.4, 0, 1) if cover > 0 else np.zeros_like(field)
    east, north = shadow_offset_m(rng.uniform(500, 3500), *sun)
    shadow = np.roll(opacity, (-round(north / SKY_M), round(east / SKY_M)), axis=(0, 1))
    thin = np.clip(fractal_field(rng, 2.2) * 0.15 + 0.1, 0, 0.3) if cirrus else np.zeros_like(field)
    return Sky(grid.left, grid.top, opacity.astype("float32"), shadow.astype("float32"), thin.astype("float32"))


def patches(shape: tuple[int, int], share: float, size_px: float, rng: np.random.Generator) -> np.ndarray:
    """Random patches that cover about the share ``share`` (0-1) of a map, bool."""
    if share <= 0:
        return np.zeros(shape, dtype=bool)
    noise = ndimage.gaussian_filter(rng.normal(size=shape).astype("float32"), size_px)
    return noise > np.quantile(noise, 1 - share)
