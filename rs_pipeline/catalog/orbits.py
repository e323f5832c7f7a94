"""Compares the passes found with those expected: an orbit that passed over the region once passes again after every repeat cycle.

A track is a platform on one orbit. Its passes are known from the days on which scenes were found; days at multiples of the cycle on
which the catalog has no scene are missing: not acquired, not processed, or not published.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from rs_pipeline.catalog.api import DateRange
from rs_pipeline.model import Scene
from rs_pipeline.paths import config_folder
from rs_pipeline.storage.tables import write_csv

ORBIT_COLUMNS = ("sensor", "platform", "relative_orbit", "cycle_days", "expected", "found", "used", "first_day", "last_day", "missing_days")
"""Columns of orbits.csv, one row per track: numbers of passes (days), the first and last day found, and the days that lack a scene."""

_DRIFT_DAYS = 1
"""Tolerance between the expected and the found solar day: a pass may be near local midnight, or the orbit may be adjusted."""


@dataclass(frozen=True)
class Platform:
    """A satellite's repeat cycle and days of service (``last`` None: still in service)."""

    cycle_days: int
    first: date
    last: date | None


@cache
def platforms() -> dict[str, Platform]:
    """The table of satellites, by lower-case name."""
    raw = yaml.safe_load((config_folder() / "platforms.yaml").read_text("utf-8"))
    return {name: Platform(int(p["cycle_days"]), p["first"], p["last"]) for name, p in raw.items()}


@dataclass(frozen=True)
class Track:
    """Passes of one platform on one orbit: those expected and those found."""

    sensor: str
    platform: str
    relative_orbit: int | None
    cycle_days: int
    expected: tuple[date, ...]
    """Days of passes by the repeat cycle, within the searched intervals and the platform's service."""
    found: frozenset[date]
    """Days with a scene of whatever status."""
    used: frozenset[date]

    @property
    def missing(self) -> list[date]:
        """Expected days without a scene."""
        near = {day + timedelta(days=d) for day in self.found for d in range(-_DRIFT_DAYS, _DRIFT_DAYS + 1)}
        return [day for day in self.expected if day not in near]


def _phase(days: Counter[int], cycle: int) -> int:
    """The day of the cycle on which most passes fall."""
    phases: Counter[int] = Counter()
    for day, n in days.items():
        phases[day % cycle] += n
    return max(phases, key=lambda p: (phases[p], -p))


def _expected(phase: int, about: Platform, spans: Sequence[DateRange]) -> tuple[date, ...]:
    days = []
    for first, last in spans:
        first, last = max(first, about.first), min(last, about.last or last)
        start = first + timedelta(days=(phase - first.toordinal()) % about.cycle_days)
        days += [start + timedelta(days=n) for n in range(0, (last - start).days + 1, about.cycle_days)]
    return tuple(days)


def tracks(scenes: Sequence[Scene], spans: Sequence[DateRange], today: date | None = None) -> list[Track]:
    """Tracks of all scenes whose platform is known, sorted. Scenes whose items name no orbit are grouped by their day in the cycle.

    Parameters
    ----------
    spans : disjoint intervals of searched days, both ends included. In an interval that is not over, passes are expected up to the newest of all scenes,
        so that the same catalog gives the same tracks on any day.
    today : an interval that ends today or later is not over; default the current date.
    """
    today, newest = today or date.today(), max((s.solar_day for s in scenes), default=date.min)
    spans = [(first, last if last < today else min(last, today, newest)) for first, last in spans]
    groups: dict[tuple, list[Scene]] = defaultdict(list)
    for scene in scenes:
        about = platforms().get(scene.platform)
        if about and scene.footprint_wkt:
            day = scene.solar_day.toordinal() % about.cycle_days if scene.relative_orbit is None else -1
            groups[(scene.sensor, scene.platform, -1 if scene.relative_orbit is None else scene.relative_orbit, day)].append(scene)
    found = []
    for (sensor, platform, orbit, _), members in sorted(groups.items()):
        about, days = platforms()[platform], {s.solar_day for s in members}
        expected = _expected(_phase(Counter(d.toordinal() for d in days), about.cycle_days), about, spans)
        used = frozenset(s.solar_day for s in members if s.status == "used")
        found.append(Track(sensor, platform, None if orbit < 0 else orbit, about.cycle_days, expected, frozenset(days), used))
    return found


def write_tracks(found: Sequence[Track], path: Path) -> None:
    """Write orbits.csv (columns: `ORBIT_COLUMNS`; days as ISO text, several joined by ``;``)."""
    rows = [
        (
            t.sensor,
            t.platform,
            t.relative_orbit,
            t.cycle_days,
            len(t.expected),
            len(t.found),
            len(t.used),
            min(t.found).isoformat(),
            max(t.found).isoformat(),
            ";".join(d.isoformat() for d in t.missing),
        )
        for t in found
    ]
    table = pd.DataFrame(rows, columns=list(ORBIT_COLUMNS)).astype({"relative_orbit": "Int64"})
    write_csv(table, path)
