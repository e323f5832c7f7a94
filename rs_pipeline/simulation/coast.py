"""The simulated coast: a shoreline known in closed form, plane beaches, and a tide.

Positions are in coast coordinates: ``along_m`` from the south-western end and ``seaward_m`` at right angles to a straight base
line, positive towards the sea. So waterlines have no discretisation error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from rs_pipeline.model import Grid

PERIOD_H = {"M2": 12.4206, "S2": 12.0, "K1": 23.9345, "O1": 25.8193}
"""Periods of the tidal constituents, hours."""

TIDE_M = {"sand": {"M2": 0.38, "S2": 0.12, "K1": 0.30, "O1": 0.26}, "mud": {"M2": 0.90, "S2": 0.25, "K1": 0.35, "O1": 0.30}}
"""Amplitudes in m by type of shore, about those near Caofeidian and Huanghua (public tables, rounded)."""

FLOODED_TO_M, MOST_FLAT_M = 0.8, 400.0
"""Height above mean sea level to which beaches and flats are wet, and the greatest width of this strip, m."""

SURGE_M = {"sand": 0.12, "mud": 0.25}
"""Standard deviation of the surge, m."""


@dataclass(frozen=True)
class CoastSection:
    """A stretch of coast of one type."""

    name: str
    type: str
    """``sand``, ``mudflat``, ``dyke``, ``port``, ``reclamation`` or ``river mouth``."""
    start_m: float
    """Position along the coast."""
    stop_m: float
    offset_m: float
    """Seaward position relative to the base line at mean sea level."""
    slope: float
    """tan(beta) of the beach; infinite for a wall."""
    wave_m: float = 0.0
    """Amplitude of the bends of a natural shore."""
    rate_m_yr: tuple[float, float] = (0.0, 0.0)
    """Seaward movement at both ends of the section, linear between them."""
    begins: float = -np.inf
    """Decimal year from which the section exists (reclamation); before that the section that it replaces counts."""

    @property
    def kind(self) -> str:
        """``natural``, ``artificial`` or ``river mouth``."""
        return {"sand": "natural", "mudflat": "natural", "river mouth": "river mouth"}.get(self.type, "artificial")


@dataclass(frozen=True)
class Coast:
    """The sections in order of painting: later ones replace earlier ones."""

    origin: tuple[float, float]
    """Projected coordinates of the south-western end of the base line."""
    direction: tuple[float, float]
    """Unit vector along the base line; the sea lies to its right."""
    length_m: float
    sections: tuple[CoastSection, ...]
    bends: tuple[tuple[float, float], ...]
    """Wavelength (m) and phase of the bends."""
    first_year: float
    """Decimal year at which rates begin to move the shore."""

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(along_m, seaward_m) of projected coordinates; arrays of any one shape."""
        dx, dy = x - self.origin[0], y - self.origin[1]
        tx, ty = self.direction
        return dx * tx + dy * ty, dx * ty - dy * tx

    def point(self, along_m: float | np.ndarray, seaward_m: float | np.ndarray) -> np.ndarray:
        """Projected coordinates (..., 2) of coast coordinates: the inverse of `coordinates`."""
        tx, ty = self.direction
        x = self.origin[0] + along_m * tx + seaward_m * ty
        y = self.origin[1] + along_m * ty - seaward_m * tx
        return np.stack([x, y], axis=-1)

    def _inside(self, section: CoastSection, along_m: np.ndarray, year: float) -> np.ndarray:
        return (along_m >= section.start_m) & (along_m < section.stop_m) & (year >= section.begins)

    def section_index(self, along_m: np.ndarray, year: float) -> np.ndarray:
        """Index into ``sections`` of the section that exists at a decimal year, int, shape of ``along_m``."""
        index = np.zeros(np.shape(along_m), dtype=int)
        for i, section in enumerate(self.sections):
            index[self._inside(section, along_m, year)] = i
        return index

    def shoreline(self, along_m: np.ndarray, year: float) -> np.ndarray:
        """Seaward position in m of the shoreline at mean sea level at a decimal year, shape of ``along_m``."""
        bend = sum(np.sin(2 * np.pi * along_m / length + phase) for length, phase in self.bends) / len(self.bends)
        position = np.zeros(np.shape(along_m))
        for section in self.sections:
            inside = self._inside(section, along_m, year)
            share = np.clip((along_m - section.start_m) / (section.stop_m - section.start_m), 0, 1)
            rate = section.rate_m_yr[0] + share * (section.rate_m_yr[1] - section.rate_m_yr[0])
            position = np.where(inside, section.offset_m + section.wave_m * bend + rate * (year - self.first_year), position)
        return position

    def runup(self, along_m: np.ndarray, tide_m: float, year: float) -> np.ndarray:
        """Distance in m of the waterline at a tide seaward of the shoreline: -tide / tan(beta), 0 at a wall."""
        slope = np.array([s.slope for s in self.sections])[self.section_index(along_m, year)]
        return -tide_m / slope

    def line(self, year: float, step_m: float = 5.0) -> list[tuple[CoastSection, np.ndarray]]:
        """The shoreline at mean sea level as pieces (section, projected coordinates (n, 2)), south-west to north-east."""
        along = np.arange(0.0, self.length_m + step_m, step_m)
        index = self.section_index(along, year)
        position = self.shoreline(along, year)
        cuts = [0, *(np.flatnonzero(np.diff(index)) + 1), len(along)]
        pieces = []
        for start, stop in pairwise(cuts):
            reach = slice(start, min(stop + 1, len(along)))
            pieces.append((self.sections[index[start]], self.point(along[reach], position[reach])))
        return pieces


def make_coast(grid: Grid, first_year: int, rng: np.random.Generator, shore: str = "sand") -> Coast:
    """The coast of a world: from the southern to the eastern border, ponds behind a dyke, river mouth, beach or flat, port, beach or flat.

    Lengths scale with the grid; offsets, slopes and rates are in m. The reclamation is finished on 1 March of the second year.

    Parameters
    ----------
    shore : ``sand`` (slopes of 0.025-0.05) or ``mud`` (0.003-0.006: kilometres fall dry at low tide).
    """
    left, bottom, right, top = grid.bounds
    width, height = right - left, top - bottom
    run = np.array([0.72 * width, 0.72 * height])
    length = float(np.hypot(*run))
    at = np.array([0.24, 0.31, 0.58, 0.80]) * length + rng.uniform(-0.03, 0.03, 4) * length
    west, east = (rng.uniform(5, 9), -rng.uniform(4, 7)), (-rng.uniform(3, 5), -rng.uniform(3, 5))
    slopes, type_ = (rng.uniform(0.035, 0.05), rng.uniform(0.025, 0.035)), "sand"
    if shore == "mud":
        west, east = (rng.uniform(8, 20), rng.uniform(2, 6)), (-rng.uniform(2, 8), rng.uniform(0, 5))
        slopes, type_ = (rng.uniform(0.003, 0.004), rng.uniform(0.004, 0.006)), "mudflat"
    fill_start = at[2] + 0.05 * length
    fill_stop = fill_start + min(400.0, 0.14 * length)
    far = 10 * length
    sections = (
        CoastSection("dyke", "dyke", -far, at[0], 60.0, np.inf),
        CoastSection("mouth", "river mouth", at[0], at[1], 10.0, 0.03, wave_m=10.0),
        CoastSection("west shore", type_, at[1], at[2], 0.0, slopes[0], wave_m=40.0, rate_m_yr=west),
        CoastSection("port", "port", at[2], at[3], 110.0, np.inf),
        CoastSection("east shore", type_, at[3], far, 0.0, slopes[1], wave_m=40.0, rate_m_yr=east),
        CoastSection("reclamation", "reclamation", fill_start, fill_stop, 260.0, np.inf, begins=first_year + 1 + 59 / 365),
    )
    bends = tuple((rng.uniform(700, 1100) * k, rng.uniform(0, 2 * np.pi)) for k in (1.0, 1.9))
    return Coast((left + 0.28 * width, bottom), tuple(run / length), length, sections, bends, float(first_year))


def no_coast(grid: Grid, first_year: int) -> Coast:
    """The coast of an inland world: a straight shore 100 km to the east of it."""
    shore = (CoastSection("shore", "sand", -1e7, 1e7, 0.0, 0.05),)
    return Coast((grid.bounds[2] + 1e5, grid.bounds[1]), (0.0, 1.0), 1.0, shore, ((1000.0, 0.0),), float(first_year))


@dataclass(frozen=True)
class SimulatedTide:
    """Heights above mean sea level, hourly."""

    start: datetime
    heights_m: np.ndarray
    """float64 (n,), one an hour from ``start``."""

    def height(self, when: datetime) -> float:
        """Height at a moment (UTC), linear between the hours."""
        hours = (when - self.start).total_seconds() / 3600
        return float(np.interp(hours, np.arange(len(self.heights_m)), self.heights_m))


def make_tide(first_year: int, years: int, rng: np.random.Generator, shore: str = "sand") -> SimulatedTide:
    """Hourly heights over all years: four constituents and a surge with a correlation time of about a day."""
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    hours = np.arange(int((datetime(first_year + years, 1, 1, tzinfo=UTC) - start).total_seconds() // 3600) + 1)
    heights = sum(amplitude * np.cos(2 * np.pi * hours / PERIOD_H[name] + rng.uniform(0, 2 * np.pi)) for name, amplitude in TIDE_M[shore].items())
    memory = np.exp(-1 / 24)
    surge, shocks = np.zeros(len(hours)), rng.normal(0, SURGE_M[shore] * np.sqrt(1 - memory**2), len(hours))
    for i in range(1, len(hours)):
        surge[i] = memory * surge[i - 1] + shocks[i]
    heights = heights + surge
    return SimulatedTide(start, heights - heights.mean())
