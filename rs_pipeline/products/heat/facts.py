"""What the indicators of heat need besides county sums: limits, and the scenes that carry no temperature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.config import Settings, holds_day
from rs_pipeline.layout import Layout
from rs_pipeline.model import THERMAL_BANDS, Scene
from rs_pipeline.products.heat.maps import has_heat
from rs_pipeline.sensors import load_sensor


@dataclass(frozen=True)
class HeatFacts:
    """Facts of a period of a run with the section ``heat``."""

    min_rural_m2: float
    min_built_m2: float
    words: tuple[str, ...] = ()
    """Note on scenes without temperature, for the reason of an estimate; empty where all have it."""


def without_temperature(scenes: list[Scene]) -> int:
    """How many scenes, of sensors that can measure surface temperature, carry none."""
    able = [s for s in scenes if any(b.role in THERMAL_BANDS for b in load_sensor(s.sensor).bands)]
    return sum(not set(THERMAL_BANDS) <= set(s.assets) for s in able)


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``heat``: `HeatFacts` of a period, None in a run without the section ``heat``."""
    section = settings.heat
    if section is None or not has_heat(settings):
        return {"heat": lambda adcode, period: None}
    used = [s for s in read_ledger(Layout(settings.root).scenes, status=["used"]) if holds_day(section.window, s.solar_day)]
    found = {}
    for period in settings.all_periods:
        lacking = without_temperature([s for s in used if s.solar_day in period])
        words = (f"{lacking} scenes of the season carry no surface temperature and are left out",) if lacking else ()
        found[period.label] = HeatFacts(section.min_rural_km2 * 1e6, section.min_built_km2 * 1e6, words)
    return {"heat": lambda adcode, period: found[period]}
