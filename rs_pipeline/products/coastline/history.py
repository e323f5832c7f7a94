"""What each unit of the coast was in every period, by the satellite and after field visits, as columns of the table of transects."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np

from rs_pipeline.config import Settings, coast_of
from rs_pipeline.products.coastline import classify
from rs_pipeline.products.coastline.classes import ARTIFICIAL, UNCERTAIN
from rs_pipeline.products.coastline.rates import Rates, change_class
from rs_pipeline.products.coastline.states import probability_by_period
from rs_pipeline.products.coastline.visits import decided_built, decided_classes, decided_transects
from rs_pipeline.products.findings import CONFIRMED, NATURAL_COAST, RECLAIMED


@dataclass(frozen=True)
class States:
    """What n units were in p periods, by the evidence or a visit. classes : str (n, p). natural : float (n, p), probability. known : bool (n, p), whether
    the period shows the unit, or a visit decides it there. mouth : bool (n, p), river mouth.
    """

    classes: np.ndarray
    natural: np.ndarray
    known: np.ndarray
    mouth: np.ndarray

    def after(self, field: np.ndarray) -> States:
        """After visits, str (n, p): see `decided_transects`."""
        classes, natural = decided_classes(self.classes, self.natural, field)
        return States(classes, natural, self.known | (field != ""), self.mouth)


def classified(years: np.ndarray, seen: np.ndarray, evidence: classify.Evidence, at_mouth: np.ndarray, side: np.ndarray) -> States:
    """Class of each unit in every period by the satellite alone. River mouths, like the natural state, are decided from all periods together.

    Parameters
    ----------
    seen : bool (n, p), whether there is a crossing. evidence : of (n, p). at_mouth : bool (n, p), the line there closes a river mouth.
    side : int (n, p), 0 before a lasting step, 1 from it on.
    """
    drawn = np.where(seen, np.where(at_mouth, classify.MOUTH_LOG_ODDS, -classify.MOUTH_LOG_ODDS), np.nan)
    mouth = probability_by_period(drawn, years, side) > 0.5
    natural = probability_by_period(np.where(seen & ~at_mouth, classify.natural_log_odds(evidence), np.nan), years, side)
    return States(classify.unit_class(natural, mouth), natural, seen, mouth)


def _conversions(labels: list[str], states: States) -> list[list[classify.Conversion]]:
    return [classify.conversions(row, labels) for row in np.where(states.known, states.classes, "")]


def first_conversions(labels: list[str], states: States) -> np.ndarray:
    """Index of the period that first shows the last conversion of each unit to artificial, int (n,); the number of periods where there is none."""
    found = [[labels.index(c.converted_period) for c in own if c.converted_to == ARTIFICIAL] for own in _conversions(labels, states)]
    return np.array([own[-1] if own else len(labels) for own in found], "int64")


def class_columns(labels: list[str], states: States) -> dict[str, Any]:
    """Columns of what each unit was in every period, of its last conversion, and of all of them.

    A period without a crossing has the class of those before and after it where both are the same, else none, because the year of a change that was not
    observed is not known.
    """
    classes, natural, mouth, known = states.classes, states.natural, states.mouth, states.known
    period = np.arange(len(labels))
    before = np.maximum.accumulate(np.where(known, period, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, period, len(labels))[:, ::-1], axis=1)[:, ::-1]
    between = (before >= 0) & (after < len(labels))
    of_before, of_after = (np.take_along_axis(classes, np.clip(at, 0, len(labels) - 1), axis=1) for at in (before, after))
    told = known | mouth | (between & (of_before == of_after))
    classes = np.where(told, np.where(known | mouth, classes, of_before), "")
    natural = np.where(told, natural, np.nan)
    last = before[:, -1]
    ever, latest = last >= 0, np.maximum(last, 0)[:, None]
    every = _conversions(labels, states)
    changes = [found[-1] if found else classify.Conversion() for found in every]
    return {
        "unit_class": np.where(ever, np.take_along_axis(classes, latest, axis=1)[:, 0], UNCERTAIN),
        "natural_probability": np.where(ever, np.take_along_axis(natural, latest, axis=1)[:, 0], np.nan),
        **{f"class_{p}": classes[:, k] for k, p in enumerate(labels)},
        **{f"natural_probability_{p}": natural[:, k] for k, p in enumerate(labels)},
        **{f.name: [getattr(c, f.name) for c in changes] for f in fields(classify.Conversion)},
        "conversions": [classify.dated(found) for found in every],
        "converted_probability": [_chance(c, dict(zip(labels, p, strict=True))) for c, p in zip(changes, natural, strict=True)],
    }


def _chance(change: classify.Conversion, natural: dict[str, float]) -> float:
    """Probability that both classes of a conversion are right; NaN where there is no conversion."""
    if not change.converted_to:
        return math.nan
    before, after = natural[change.converted_after], natural[change.converted_period]
    return before * (1 - after) if change.converted_to == ARTIFICIAL else (1 - before) * after


def decided_columns(
    settings: Settings, placed: gpd.GeoDataFrame, step_period: list[str], rates: list[Rates], built: np.ndarray, states: States
) -> dict[str, Any]:
    """Columns of movement and class of each transect after visits, what visits decided (``field_<period>`` of its conversion, ``field_step_<period>`` of its
    step), and what the satellite alone saw (``satellite_<name>``). The movement is of all periods, so the newest decision counts for it.

    Parameters
    ----------
    placed : ``transects`` of `decided_transects`. built : bool (n,), whether the newest shore looks built. states : what the satellite saw.
    """
    labels = [p.label for p in settings.all_periods]
    satellite = class_columns(labels, states)
    stepped = np.array([labels.index(p) if p and r.step_m > 0 else len(labels) for p, r in zip(step_period, rates, strict=True)], "int64")
    field = decided_transects(settings, NATURAL_COAST, placed, first_conversions(labels, states))
    field_step = decided_transects(settings, RECLAIMED, placed, stepped)
    after = class_columns(labels, states.after(field))
    stable_m_yr = coast_of(settings).stable_m_yr
    change, after_change = (
        [change_class(r, built=bool(b), stable_m_yr=stable_m_yr) for r, b in zip(rates, which, strict=True)]
        for which in (built, decided_built(built, field[:, -1], field_step[:, -1]))
    )
    return {
        "class": np.where(field_step[:, -1] == CONFIRMED, "reclaimed", after_change),
        **after,
        **{f"{name}_{p}": values[:, k] for name, values in (("field", field), ("field_step", field_step)) for k, p in enumerate(labels)},
        "satellite_class": change,
        **{f"satellite_{name}": values for name, values in satellite.items()},
    }
