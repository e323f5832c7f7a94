"""What the indicators of soil need besides county sums: tolerance and uncertainty, the scale to the bulletin's rate, and notes on the factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rs_pipeline.catalog.heights import why_no_heights
from rs_pipeline.config import Settings, SoilSection
from rs_pipeline.estimation.estimate import Estimate, missing
from rs_pipeline.estimation.uncertainty import Z95
from rs_pipeline.layout import Layout
from rs_pipeline.products.soil.county import LEVELS_T_KM2
from rs_pipeline.products.soil.maps import has_heights


@dataclass(frozen=True)
class SoilFacts:
    """Facts of a run with heights."""

    tolerance_t_km2: float
    """Tolerated soil loss, t/km2 in a year."""
    log_doubt: float
    """Standard error of the logarithm of soil loss, common to a unit."""
    scale: float | None = None
    """Factor on soil loss that gives the bulletin's rate in the bulletin's period; None where no rate is given or none can be reached."""
    unknown: str = ""
    """Why the run has heights but knows none; empty where it knows them."""
    words: tuple[str, ...] = ()
    """Notes on the scale and the factors, for the reason of an estimate."""

    @property
    def scales(self) -> tuple[float, float, float]:
        """Factors on soil loss as it is, and with it smaller and larger by Z95 standard errors of its logarithm."""
        doubt, scale = math.exp(Z95 * self.log_doubt), self.scale or 1.0
        return scale, scale * (1 / doubt), scale * doubt


def why_unknown(soil: SoilFacts | None, row: Mapping[str, float]) -> Estimate | None:
    """Why the soil loss of a unit is not known; None where it is."""
    if soil is None:
        return missing("needs_table", "needs heights (soil.dem, or masks.dem)")
    if soil.unknown:
        return missing("insufficient_data", f"heights could not be brought along: {soil.unknown}")
    if not row.get("soil_land_m2", 0.0) > 0:
        return missing("no_target", "no land in this unit")
    if not row.get("soil_observed_m2", 0.0) > 0:
        return missing("insufficient_data", "no pixel with heights, a land class and its cover")
    return None


def log_doubt(section: SoilSection) -> float:
    """Standard error of the logarithm of R K L S B E T: those of the factors, lognormal and independent of one another.

    >>> round(log_doubt(SoilSection()), 4)
    0.762
    """
    doubts = (section.erosivity_doubt, section.erodibility_doubt, section.terrain_doubt, section.cover_doubt)
    return math.sqrt(sum(math.log(1 + d**2) for d in doubts))


def shares_up_to(row: Mapping[str, float]) -> np.ndarray:
    """Share (0-1) of the observed land that loses soil up to each of LEVELS_T_KM2."""
    return np.array([row[f"soil_up_to_{level}_m2"] for level in LEVELS_T_KM2]) / row["soil_observed_m2"]


def share_up_to(row: Mapping[str, float], loss_t_km2: float) -> float:
    """Share (0-1) of the observed land that loses soil up to an amount: linear in its logarithm between levels, that of the nearest level beyond them."""
    return float(np.interp(math.log(loss_t_km2), np.log(LEVELS_T_KM2), shares_up_to(row)))


def scale_to(row: Mapping[str, float], share: float, tolerance_t_km2: float) -> float | None:
    """Factor on soil loss with which a share (0-1) of the observed land loses no more than the tolerance; None where the levels do not reach that share."""
    known, logs = shares_up_to(row), np.log(LEVELS_T_KM2)
    if not known[0] <= share <= known[-1]:
        return None
    last = int(np.searchsorted(known, share))
    low = max(last - 1, 0)
    part = (share - known[low]) / (known[last] - known[low]) if known[last] > known[low] else 0.0
    return tolerance_t_km2 / math.exp(logs[low] + part * (logs[last] - logs[low]))


def _held_to_bulletin(settings: Settings) -> tuple[float | None, tuple[str, ...]]:
    """(scale, words) for the bulletin's rate; no scale and no words where none is given, no scale and why where it cannot be reached."""
    section = settings.soil
    if section.bulletin_rate is None or section.bulletin_period is None:
        return None, ()
    table = pd.read_parquet(Layout(settings.root).counties(section.bulletin_period))
    whole = table[(table.zone == "county") & table.in_region].filter(regex="^soil_").sum().to_dict()
    scale = scale_to(whole, section.bulletin_rate / 100, section.tolerance_t_km2) if whole.get("soil_observed_m2", 0) > 0 else None
    if scale is None:
        return None, (f"the bulletin's {section.bulletin_rate:g} % of {section.bulletin_period} is beyond what this map can be scaled to, and is not used",)
    return scale, (f"soil loss times {scale:.3g}, so that all units together have the bulletin's {section.bulletin_rate:g} % in {section.bulletin_period}",)


def _factor_words(section: SoilSection) -> tuple[str, ...]:
    said = []
    if section.erosivity is None:
        said.append(f"rain erosivity {section.erosivity_constant:g} everywhere, a guess (soil.erosivity)")
    if section.erodibility is None:
        said.append(f"soil erodibility {section.erodibility_constant:g} everywhere, a guess (soil.erodibility)")
    return tuple(said)


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``soil``: `SoilFacts`, None in a run without heights."""
    if not has_heights(settings):
        return {"soil": lambda adcode, period: None}
    scale, words = _held_to_bulletin(settings)
    unknown = why_no_heights(settings.brought_heights) if settings.brought_heights else ""
    found = SoilFacts(settings.soil.tolerance_t_km2, log_doubt(settings.soil), scale, unknown, (*words, *_factor_words(settings.soil)))
    return {"soil": lambda adcode, period: found}
