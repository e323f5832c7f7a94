"""Black-odorous water against the truth: reaches and ponds as objects, and the map as pixels.

An object is truly black where at least half of it (of the length of a line, of the area of a polygon) lies in stretches that are black
in its year, and clean where less than a tenth does. Objects between the two are neither hits nor false alarms; ``partly_black`` counts
them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import rasterize

from rs_pipeline.validation import metrics
from rs_pipeline.validation.metrics import Counts, precision_at, ratio
from rs_pipeline.validation.truth import Score, Truth, black_years

BLACK_REACH_SHARE, CLEAN_SHARE = 0.5, 0.1
PREVALENCES = (0.01, 0.02)
"""Shares of black reaches that a province may have; in samples they are larger."""
FALSE_ALARMS = 0.01
WETLANDS, NO_WETLANDS = ("cdom", "seasonal wetland"), "assessable width, wetlands excluded"
"""Waters of marshes, which a wetland prior explains, and the name of the subset without them."""


def overlap(shape: shapely.Geometry, other: shapely.Geometry) -> float:
    """Share of a line's length or a polygon's area that lies in another shape."""
    size = "area" if shape.area > 0 else "length"
    return ratio(getattr(shape.intersection(other), size), getattr(shape, size))


def label(objects: gpd.GeoDataFrame, truth: Truth) -> gpd.GeoDataFrame:
    """The objects of the truth's years with ``black_share`` (0-1), ``black_type`` of the stretch (empty where clean) and ``water``,
    the kind of water under at least half of the object: a confuser, ``plain`` water, ``sea``, ``seasonal wetland`` or ``no water``.

    Parameters
    ----------
    objects : geometry in the CRS of the truth's grid, period (label of a year).
    """
    objects = objects[objects.period.astype(str).isin([str(y) for y in truth.years])].copy()
    stretches = truth.black_reaches
    assert stretches is not None, "scored where the world has some"
    years = black_years(stretches)
    kinds = stretches["type"] if "type" in stretches else pd.Series("", stretches.index)
    shares, types, on = [], [], []
    for item in objects.itertuples():
        mine = [overlap(item.geometry, g) if int(item.period) in y else 0.0 for g, y in zip(stretches.geometry, years, strict=True)]
        shares.append(min(1.0, sum(mine)))
        types.append(kinds.iloc[int(np.argmax(mine))] if any(mine) else "")
        on.append(_water_under(item.geometry, int(item.period), truth))
    return objects.assign(black_share=np.array(shares, "float64"), black_type=types, water=on)


def _water_under(shape: shapely.Geometry, year: int, truth: Truth) -> str:
    near = truth.waters[truth.waters.intersects(shape)]
    shares = [overlap(shape, g) for g in near.geometry]
    if sum(shares) >= BLACK_REACH_SHARE:
        return near.confuser.iloc[int(np.argmax(shares))] or "plain"
    touched = rasterize([shape], out_shape=truth.grid.shape, transform=truth.grid.transform, all_touched=True) == 1
    true = truth.true_water(year)
    for name, zone in (("sea", true.sea), ("seasonal wetland", true.seasonal)):
        if ratio(zone[touched].sum(), touched.sum()) >= BLACK_REACH_SHARE:
            return name
    return "no water"


@dataclass(frozen=True)
class _Judged:
    """Objects of one subset as arrays (n,)."""

    black: np.ndarray
    clean: np.ndarray
    assessed: np.ndarray
    flagged: np.ndarray
    probability: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, flag: str = "flagged") -> _Judged:
        share, assessed = table.black_share.to_numpy(), table.assessed.to_numpy(bool)
        probability = np.where(assessed, table.probability.to_numpy("float64"), np.nan)
        return cls(share >= BLACK_REACH_SHARE, share < CLEAN_SHARE, assessed, table[flag].to_numpy(bool) & assessed, probability)

    @property
    def counts(self) -> Counts:
        """Counts among the assessed objects."""
        known = self.assessed & (self.black | self.clean)
        return Counts.of(self.flagged[known], self.black[known])


def score_black_odorous(objects: gpd.GeoDataFrame, truth: Truth) -> list[Score]:
    """Scores of reaches and ponds, product ``black_odorous``. Empty where the world has no truth of black-odorous water.

    ``recall`` and the other rates are of the assessed objects. ``recall`` of ``all, unassessed missed`` counts objects that were not assessed
    as missed. ``stretches_found`` is the share of true stretches and years with a flagged object, so stretches without any object count as missed.

    Parameters
    ----------
    objects : a row an object and period: geometry (line or polygon, CRS of the truth's grid), period (label of a year), probability
        (NaN where not assessed), flagged (bool), assessed (bool). Optional: ``width_class`` (``assessable`` ...) and ``listed`` (bool:
        flagged, or named as possible), which add subsets.
    """
    if truth.black_reaches is None:
        return []
    table = label(objects, truth)
    everything = _Judged.of(table)
    missed = Counts.of(everything.flagged, everything.black)
    partly = int((~everything.black & ~everything.clean).sum())
    scores = [
        *_rates("all", everything),
        *_ranking("all", everything),
        Score("black_odorous", "recall", "all, unassessed missed", missed.recall, "1", missed.tp + missed.fn),
        Score("black_odorous", "not_assessed_share", "all", 100 * ratio((~everything.assessed).sum(), len(table)), "%", len(table)),
        Score(
            "black_odorous",
            "not_assessed_share",
            "truly black",
            100 * ratio((~everything.assessed & everything.black).sum(), everything.black.sum()),
            "%",
            int(everything.black.sum()),
        ),
        Score("black_odorous", "partly_black", "all", partly, "objects", len(table)),
        _stretches_found("all", table, "flagged", truth),
    ]
    if "width_class" in table:
        wide = _Judged.of(table[table.width_class == "assessable"])
        scores += _rates("assessable width", wide) + _ranking("assessable width", wide)
        open_rivers = _Judged.of(table[(table.width_class == "assessable") & ~table.water.isin(WETLANDS)])
        scores += _rates(NO_WETLANDS, open_rivers) + _ranking(NO_WETLANDS, open_rivers)
    if "listed" in table:
        scores += [*_rates("suspected or possible", _Judged.of(table, "listed")), _stretches_found("suspected or possible", table, "listed", truth)]
    return scores + _by_type(table) + _by_confuser(table)


def _rates(subset: str, judged: _Judged) -> list[Score]:
    c = judged.counts
    positives, negatives = c.tp + c.fn, c.fp + c.tn
    scores = [
        Score("black_odorous", "recall", subset, c.recall, "1", positives),
        Score("black_odorous", "false_alarm_rate", subset, c.false_alarm_rate, "1", negatives),
        Score("black_odorous", "precision", subset, c.precision, "1", c.tp + c.fp),
    ]
    for prevalence in PREVALENCES:
        value = precision_at(prevalence, c.recall, c.false_alarm_rate) if positives and negatives else math.nan
        scores.append(Score("black_odorous", f"precision_at_{100 * prevalence:g}%", subset, value, "1", positives + negatives))
    return scores


def _ranking(subset: str, judged: _Judged) -> list[Score]:
    known = judged.assessed & (judged.black | judged.clean) & np.isfinite(judged.probability)
    probability, black = judged.probability[known], judged.black[known]
    n = int(known.sum())
    return [
        Score("black_odorous", "recall_at_1%_false_alarms", subset, metrics.recall_at_false_alarms(probability, black, FALSE_ALARMS), "1", n),
        Score("black_odorous", "roc_auc", subset, metrics.roc_auc(probability, black), "1", n),
        Score("black_odorous", "average_precision", subset, metrics.average_precision(probability, black), "1", n),
        Score("black_odorous", "calibration_error", subset, metrics.expected_calibration_error(probability, black), "1", n),
    ]


def _by_type(table: pd.DataFrame) -> list[Score]:
    """Recall of each type of black-odorous water."""
    black = table[(table.black_share >= BLACK_REACH_SHARE) & (table.black_type != "") & table.assessed]
    return [
        Score("black_odorous", "recall", f"type {kind}", ratio(group.flagged.sum(), len(group)), "1", len(group)) for kind, group in black.groupby("black_type")
    ]


def _by_confuser(table: pd.DataFrame) -> list[Score]:
    """False-alarm rate of clean objects by the water under them, flagged and, where the table has them, listed."""
    clean = table[(table.black_share < CLEAN_SHARE) & table.assessed]
    scores = []
    for water, group in clean.groupby("water"):
        scores.append(Score("black_odorous", "false_alarm_rate", f"false on {water}", ratio(group.flagged.sum(), len(group)), "1", len(group)))
        if "listed" in group:
            subset = f"false on {water}, suspected or possible"
            scores.append(Score("black_odorous", "false_alarm_rate", subset, ratio(group.listed.sum(), len(group)), "1", len(group)))
    return scores


def _stretches_found(subset: str, table: pd.DataFrame, flag: str, truth: Truth) -> Score:
    """Share of true stretches and years that a flagged object lies in by half."""
    stretches = truth.black_reaches
    assert stretches is not None, "scored where the world has some"
    hits = table[table[flag].to_numpy(bool) & table.assessed & (table.black_share >= BLACK_REACH_SHARE)]
    found = [
        any(overlap(g, stretch) >= BLACK_REACH_SHARE for g in hits.geometry[hits.period.astype(str) == str(year)])
        for stretch, years in zip(stretches.geometry, black_years(stretches), strict=True)
        for year in sorted(years & set(truth.years))
    ]
    return Score("black_odorous", "stretches_found", subset, ratio(sum(found), len(found)), "1", len(found))


def score_black_odorous_pixels(bow_class: np.ndarray, truth: Truth, year: int) -> list[Score]:
    """Scores of the map's classes, product ``black_odorous``, subsets ``pixels``.

    Parameters
    ----------
    bow_class : float32 (h, w) on the truth's grid: 0 not water, 1 clear, 2 possible, 3 suspected, 4 too few dates, NaN not observed.
    """
    if truth.black_reaches is None:
        return []
    true, seen = truth.true_water(year), np.isfinite(bow_class)
    stretches = [g for g, y in zip(truth.black_reaches.geometry, black_years(truth.black_reaches), strict=True) if year in y]
    black = (truth.covered(stretches) >= BLACK_REACH_SHARE) & true.water & seen
    clean = true.water & seen & (truth.covered(stretches) == 0)
    assessed = (bow_class >= 1) & (bow_class <= 3)
    scores = []
    for subset, flagged in (("pixels", bow_class == 3), ("pixels, suspected or possible", (bow_class == 2) | (bow_class == 3))):
        scores += [
            Score("black_odorous", "recall", subset, ratio((flagged & black).sum(), black.sum()), "1", int(black.sum())),
            Score(
                "black_odorous",
                "false_alarm_rate",
                subset,
                ratio((flagged & clean & assessed).sum(), (clean & assessed).sum()),
                "1",
                int((clean & assessed).sum()),
            ),
        ]
    missed = 100 * ratio((black & ~assessed).sum(), black.sum())
    return [*scores, Score("black_odorous", "not_assessed_share", "pixels, truly black", missed, "%", int(black.sum()))]
