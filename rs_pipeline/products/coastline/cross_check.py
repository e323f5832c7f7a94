"""Cross-checks of where the shore lies, on the transects of the optical lines: Sentinel-1's waterline, and the edge of lasting plants.

Neither enters the rates. Radar sees through cloud and is not affected by turbidity, but a smooth wet beach looks nearly like water. The edge of plants
follows the water with a lag of years, and marks how far storms reach (vegetation line, after Muir et al. 2024, who contour NDVI; here cover, which
is comparable between sensors).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rs_pipeline.products.coastline.mosaic import bands_of, bilinear, grid_and_tags
from rs_pipeline.products.coastline.transects import Transects
from rs_pipeline.storage.raster import open_own

PROFILE_STEP_M = 5.0
ACROSS_M = np.arange(-250.0, 251.0, PROFILE_STEP_M)
"""Profile of the radar, around the optical shore, seaward positive."""
SEA_M, GROUND_M = (100.0, 250.0), (-70.0, -30.0)
"""Distances from the optical shore at which the power of the sea and of the ground is measured. The ground must be near the shore, because a beach is
much darker than the fields behind it."""
MIN_CONTRAST = 10**0.3
"""Least ratio of the power of the ground to that of the sea: 3 dB."""
MIN_SEEN = 0.8
"""Share of a profile that must be known."""
LANDWARD_M = np.arange(0.0, -501.0, -PROFILE_STEP_M)
"""Profile of the plants, from the shore landward."""
VEGETATION_LINE_COVER = 0.2
"""Cover from which ground counts as grown over."""
RUN_M = 20.0
"""Beyond an edge the values stay at or above the level for this length, so that a ship, a groyne or a tuft does not count."""


def radar_distance(paths: Iterable[Path], transects: Transects, shore_m: np.ndarray, min_dates: int) -> np.ndarray:
    """Distance of Sentinel-1's waterline along transects, float (n,), NaN where ground and sea are not told apart.

    It lies where the power is the mean of that of the sea and that of the ground at the shore: a pixel on the edge holds half of each.

    Parameters
    ----------
    paths : ``shore_sentinel-1.tif`` of the tiles.
    shore_m : float (n,), the optical shore, around which it is searched; NaN where there is none.
    """
    power = band_profiles(paths, "vv_gamma0", transects, shore_m, ACROSS_M, min_dates)
    sea, ground = (np.nanmedian(_known(power[:, (low <= ACROSS_M) & (high >= ACROSS_M)]), axis=1) for low, high in (SEA_M, GROUND_M))
    offset = edge(power[:, ::-1], ACROSS_M[::-1], np.where(ground >= sea * MIN_CONTRAST, (sea + ground) / 2, np.nan))
    return shore_m + offset


def vegetation_distance(cover_map: Path, transects: Transects, shore_m: np.ndarray) -> np.ndarray:
    """Distance along transects of the first ground behind the shore with a peak cover of VEGETATION_LINE_COVER, float (n,); NaN where there is none.

    Parameters
    ----------
    cover_map : raster with a band ``fvc_peak``, in the transects' CRS.
    shore_m : float (n,), where to begin; NaN where there is none.
    """
    cover = band_profiles([cover_map], "fvc_peak", transects, shore_m, LANDWARD_M)
    # unmapped ends of a profile are water or lie beyond the map; unmapped ground between mapped ground was not observed
    before, beyond = (np.logical_and.accumulate(~np.isfinite(side), axis=1) for side in (cover, cover[:, ::-1]))
    cover[before | beyond[:, ::-1]] = 0
    return shore_m + edge(cover, LANDWARD_M, np.where(np.isfinite(shore_m), VEGETATION_LINE_COVER, np.nan))


def band_profiles(
    paths: Iterable[Path], band: str, transects: Transects, shore_m: np.ndarray, offset_m: np.ndarray, min_dates: int = 0
) -> np.ndarray:  # fmt: skip
    """Profiles float (n, m) of a band at distances ``shore_m`` + ``offset_m`` along transects, from whichever raster holds the point; NaN elsewhere.

    ``min_dates``: least value of the band ``n_dates`` where above 0.
    """
    points = transects.at(shore_m[:, None] + offset_m)
    found = np.full(points.shape[:2], np.nan)
    for path in paths:
        if not path.exists():
            continue
        grid, _ = grid_and_tags(path)
        left, bottom, right, top = grid.bounds
        here = (points[..., 0] >= left) & (points[..., 0] < right) & (points[..., 1] > bottom) & (points[..., 1] <= top)
        if not here.any():
            continue
        with open_own(path) as src:
            values = src.read(bands_of(src, band)[0])
            if min_dates:
                values[src.read(bands_of(src, "n_dates")[0]) < min_dates] = np.nan
        found[here] = bilinear(values, grid, points[here])
    return found


def edge(values: np.ndarray, offset_m: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Offset, float (n,), at which profiles (n, m) first reach a level (n,) and stay there for RUN_M, between samples by a straight line.

    0 where the first sample already has it; NaN where none does, where the level is NaN, or where less than MIN_SEEN is known.

    >>> float(edge(np.array([[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]]), np.arange(7) * 5.0, np.array([0.5]))[0])
    7.5
    """
    out, run = np.full(len(values), np.nan), round(RUN_M / abs(offset_m[1] - offset_m[0]))
    rising = np.argsort(offset_m)
    for i in np.flatnonzero(np.isfinite(level)):
        known = np.isfinite(values[i])
        if known.mean() < MIN_SEEN:
            continue
        order = rising[known[rising]]
        profile = np.interp(offset_m, offset_m[order], values[i][order])
        above = np.convolve(profile >= level[i], np.ones(run, int), "valid") == run
        if above.any():
            first = int(above.argmax())
            out[i] = _between(profile, offset_m, first, level[i])
    return out


def _between(profile: np.ndarray, offset_m: np.ndarray, first: int, level: float) -> float:
    if first == 0:
        return float(offset_m[0])
    low, high = profile[first - 1], profile[first]
    return float(offset_m[first - 1] + (level - low) / (high - low) * (offset_m[first] - offset_m[first - 1]))


def _known(values: np.ndarray) -> np.ndarray:
    """The values with infinity in rows that are all NaN, so that medians give no warning; such a level is not finite, and so has no edge."""
    return np.where(np.isfinite(values).any(axis=1, keepdims=True), values, np.inf)
