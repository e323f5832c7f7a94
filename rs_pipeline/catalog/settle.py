"""Compares a scene's bands over a tile, to decide which missing numbers are fill, which are dark ground, and which bands are lost."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import shapely
from rasterio.features import geometry_mask

from rs_pipeline.catalog.chips import containing, pixel_centres, taken
from rs_pipeline.catalog.clip import ClippedBand
from rs_pipeline.model import SIDE_BANDS, Scene, Sensor
from rs_pipeline.radiometry.fill import split_missing
from rs_pipeline.radiometry.scaling import number_range, reflectance

LOST_SHARE = 0.2
"""A band is lost, and its scene with it, where this share of its data over the tile is missing."""

DARKEST_REFL = -0.02
"""Where all bands are at or below this reflectance, the pixel is fill: atmospheric correction makes one or two bands negative, not all."""

VARIED = 16
"""A band with more distinct numbers than this shows varied ground."""


def settle(pieces: list[ClippedBand], scene: Scene, sensor: Sensor, crs: str) -> list[str]:
    """Make the bands of an optical scene agree on what is fill, in place, and name the bands that are lost.

    A pixel becomes 0 in all bands where all bands are fill, at their lowest number (a strip of ones) or at most DARKEST_REFL; and where a band is missing and
    the mask is fill or the pixel lies outside the footprint. Elsewhere a missing number of dark ground becomes the lowest number; a lost number stays 0.

    Returns
    -------
    Roles of bands that lost LOST_SHARE of the tile's data or hold a single number where most bands show varied ground; ``mask`` where it is all fill.
    """
    data = [p for p in pieces if p.role not in SIDE_BANDS]
    lost = [p.role for p in pieces if p.role == "mask" and (p.numbers == sensor.mask.fill).all()] if any(p.numbers.any() for p in data) else []
    if sensor.family == "optical":
        lost += _settle_optical(data, next((p for p in pieces if p.role == "mask"), None), scene, sensor, crs)
    return lost + [role for role in _flat(data, sensor) if role not in lost]


def _settle_optical(data: list[ClippedBand], mask: ClippedBand | None, scene: Scene, sensor: Sensor, crs: str) -> list[str]:
    lowest, _ = number_range(sensor)
    unseen = max(lowest, math.floor((DARKEST_REFL - scene.offset) / scene.scale + 1e-6))
    lost, dark = [], []
    for piece in data:
        others, missing, fill = [p for p in data if p is not piece], piece.numbers == 0, piece.numbers <= unseen
        for other in others:
            if fill.any():
                fill &= _sampled(other, piece) <= unseen
        if mask is not None and missing.any():
            fill |= missing & (_sampled(mask, piece, outside=sensor.mask.fill) == sensor.mask.fill)
        if (missing & ~fill).any():
            fill |= missing & _outside(scene, piece, crs)
        asked = (missing & ~fill).any()  # few tiles have such pixels, and computing reflectances of seven bands takes as long as reading them
        refl = {p.role: reflectance(_sampled(p, piece), scene.scale, scene.offset) for p in others if asked}
        black, gone = split_missing(piece.role, missing, fill, refl)
        dark.append((piece, black, fill))
        seen = np.count_nonzero(~fill)
        if seen and np.count_nonzero(gone) >= LOST_SHARE * seen and seen >= LOST_SHARE * fill.size:
            lost.append(piece.role)
    for piece, black, fill in dark:  # after all bands are judged, because each is judged by the unchanged others
        piece.numbers[black] = lowest
        piece.numbers[fill] = 0
    return lost


def _flat(data: list[ClippedBand], sensor: Sensor) -> list[str]:
    """Roles of bands with a single number, other than the lowest, where most bands show varied ground."""
    lowest = number_range(sensor)[0] if sensor.family == "optical" else 0
    share = {p.role: np.count_nonzero(p.numbers) / p.numbers.size for p in data}
    flat = [p.role for p in data if share[p.role] >= LOST_SHARE and np.ptp(p.numbers[p.numbers > 0]) == 0 and p.numbers.max() > lowest]
    return flat if flat and 2 * sum(len(np.unique(p.numbers)) > VARIED for p in data) >= len(data) else []


def _sampled(piece: ClippedBand, like: ClippedBand, outside: int = 0) -> np.ndarray:
    """Numbers of a piece at the pixel centres of another, uint16 (h, w)."""
    if piece.transform == like.transform and piece.numbers.shape == like.numbers.shape:
        return piece.numbers
    x, y = pixel_centres(like.transform, like.numbers.shape)
    return taken(piece.numbers, *containing(piece.transform, piece.numbers.shape, x, y), outside)


def _outside(scene: Scene, piece: ClippedBand, crs: str) -> np.ndarray:
    """Pixels outside the scene's footprint, bool (h, w); none where it has none."""
    if not scene.footprint_wkt:
        return np.zeros(piece.numbers.shape, bool)
    to_run = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform
    footprint = shapely.transform(shapely.from_wkt(scene.footprint_wkt), to_run, interleaved=False)
    return geometry_mask([footprint], piece.numbers.shape, piece.transform)
