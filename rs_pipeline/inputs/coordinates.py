"""Coordinate systems in use in China: GCJ-02 and BD-09 of phones, zones of Gauss-Krueger, and a guess of the CRS from bare numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyproj

from rs_pipeline.config import SHIFTED

# Krasovsky ellipsoid as GCJ-02 uses it: semi-major axis (m) and squared eccentricity.
_A = 6378245.0
_EE = 0.00669342162296594323

Places = np.ndarray
"""Float64 (n, 2): longitude and latitude, or x and y."""


def gcj02_shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset that GCJ-02 adds to WGS 84, degrees (Krasovsky ellipsoid; published reverse engineering, 2010)."""
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves * 2 / 3
    dlat = dlat + (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    dlat = dlat + (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves * 2 / 3
    dlon = dlon + (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    dlon = dlon + (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    sine = np.sin(np.radians(lat))
    magic = 1 - _EE * sine * sine
    dlat = dlat * 180 / (_A * (1 - _EE) / (magic * np.sqrt(magic)) * np.pi)
    dlon = dlon * 180 / (_A / np.sqrt(magic) * np.cos(np.radians(lat)) * np.pi)
    return dlon, dlat


def wgs84_to_gcj02(places: Places) -> Places:
    """Longitude and latitude from WGS 84 to GCJ-02, degrees."""
    return places + np.column_stack(gcj02_shift(places[:, 0], places[:, 1]))


def gcj02_to_bd09(places: Places) -> Places:
    """Longitude and latitude from GCJ-02 to BD-09, degrees (published reverse engineering)."""
    x, y = places[:, 0], places[:, 1]
    wave = np.pi * 3000 / 180
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * wave)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * wave)
    return np.column_stack([radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006])


def _inverse(forward: Callable[[Places], Places], places: Places) -> Places:
    """Inverse of ``forward`` by fixed-point iteration, to below 1e-9 degrees."""
    target = np.asarray(places, "float64")
    guess = target.copy()
    for _ in range(12):
        guess = guess + target - forward(guess)
    return guess


def gcj02_to_wgs84(places: Places) -> Places:
    """Longitude and latitude from GCJ-02 to WGS 84, degrees."""
    return _inverse(wgs84_to_gcj02, places)


def bd09_to_wgs84(places: Places) -> Places:
    """Longitude and latitude from BD-09 to WGS 84, degrees."""
    return gcj02_to_wgs84(_inverse(gcj02_to_bd09, places))


UNSHIFT = dict(zip(SHIFTED, (gcj02_to_wgs84, bd09_to_wgs84), strict=True))
"""Name of a shifted system to the function that converts it to WGS 84."""


def to_wgs84(places: Places, crs: str | None) -> Places:
    """Places (n, 2), x or longitude first, converted from a CRS as `InputSection.crs` names it to longitude and latitude on WGS 84, degrees."""
    if crs is None or not len(places):
        return places
    if crs in UNSHIFT:
        return UNSHIFT[crs](places)
    return np.column_stack(pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(*places.T))


def is_degrees(bounds: np.ndarray) -> bool:
    """Whether (west, south, east, north) can be longitudes and latitudes."""
    west, south, east, north = bounds
    return west >= -180 and east <= 180.0001 and south >= -90 and north <= 90


def is_swapped(bounds: np.ndarray) -> bool:
    """Whether bounds make sense only with the axes exchanged: degrees with latitude first, or northing before easting with its zone."""
    x0, y0, x1, y1 = bounds
    if not is_degrees(bounds):
        return is_degrees(np.array([y0, x0, y1, x1])) or (1e6 < x0 and x1 < 6.5e6 and ((1e5 < y0 and y1 < 9e5) or (1.3e7 < y0 and y1 < 4.6e7)))
    return False


def zone_number(west: float, east: float) -> int | None:
    """Number of the Gauss-Krueger zone that eastings such as 39 412 345 m begin with; None where they have none."""
    first, last = int(west // 1e6), int(east // 1e6)
    return first if first == last and 13 <= first <= 45 else None


def looks_like(bounds: np.ndarray) -> tuple[str, str]:
    """What coordinates without a CRS look like, and what their CRS may be, in words."""
    west, south, east, north = bounds
    numbers = f"x {west:.6g} to {east:.6g}, y {south:.6g} to {north:.6g}"
    if is_degrees(bounds):
        return f"{numbers} look like degrees", "EPSG:4490 (CGCS2000) or EPSG:4326 (WGS 84)"
    if is_swapped(bounds):
        return f"{numbers} look like axes that are exchanged (latitude or northing first)", "the right one, and exchange the axes"
    if zone := zone_number(west, east):
        epsg = 4513 + zone - 25 if zone >= 25 else 4491 + zone - 13
        return f"{numbers} look like metres of Gauss-Krueger zone {zone}", f"EPSG:{epsg} (CGCS2000, zone {zone}) if the datum is CGCS2000"
    if 1e5 <= west and east < 1e6 and abs(north) < 1e7:
        return (
            f"{numbers} look like metres of a zone without its number",
            "EPSG:4547 (CGCS2000, 114 E), EPSG:4548 (117 E), EPSG:4549 (120 E) or EPSG:32650 (UTM 50N)",
        )
    if max(abs(west), abs(east)) < 2.01e7 and max(abs(south), abs(north)) < 2.01e7:
        return f"{numbers} look like metres of Web Mercator", "EPSG:3857 if the file is of a web map"
    return f"{numbers} are no coordinates on Earth", "the right one"
