"""Step ``reaches``: scores over a period become a class, with what was seen when and what spoke against it."""

from __future__ import annotations

import logging

import geopandas as gpd
import numpy as np
import pandas as pd
from rs_kernels.black_odorous import CLEAR, POSSIBLE, SUSPECTED, TOO_FEW_DATES, VETOES, ClassLimits, reach_class

from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.products.black_odorous.change import add_change
from rs_pipeline.products.black_odorous.field import decided, field_results, recalibrated, shifted_visits, visited, without_reach
from rs_pipeline.products.black_odorous.model import KNOWN_BANDS, ProbabilityCalibration, load_detector
from rs_pipeline.products.black_odorous.reaches import middles
from rs_pipeline.products.black_odorous.scoring import BLOCKS
from rs_pipeline.products.black_odorous.season import persistence, season_logit, worst_months
from rs_pipeline.region import read_tiles
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import write_csv

log = logging.getLogger(__name__)

REACH_CLASSES = {CLEAR: "clear", POSSIBLE: "possible", SUSPECTED: "suspected", TOO_FEW_DATES: "insufficient"}

MARGINAL_MAX_PROBABILITY = 0.7
"""Channels of 20-30 m are mixed with their banks: they are never classified with more certainty."""

VETO_SHARE = 0.5
"""Another cause on more than this share of the dates withholds ``suspected``."""

COARSE_M, COARSE_SHARE = 30.0, 0.5
"""Pixel size from which, and share of dates above which, a reach counts as seen with coarse pixels (Landsat) and so a class weaker."""

FARM_PONDS, FARM_DISTANCE_M, FARM_RECTANGULARITY = 3, 40.0, 0.85
"""A pond is a fish farm's where it fills so much of its smallest rectangle and has so many others like it around it."""

CAUSES = (*VETOES[1:], "glint", *BLOCKS)
"""Vetoes of single dates, in the order they are written."""

WITHHOLDING = ("wetland", "aquaculture", "new_water", "unknown_water", "coarse_pixels")
"""Vetoes of whole reaches and periods: each makes ``suspected`` ``possible``."""

REACH_COLUMNS = (
    "reach_id", "period", "kind", "adcode", "length_m", "width_m", "width_class", "probability", "class", "satellite_class", "log_odds", "n_dates",
    "n_positive", "n_months", "persistence", "dates_seen", "dates_positive", "vetoes", "optical_blackness", "change", "log_odds_change", "change_lower",
    "change_upper", "field", "lon", "lat", "geometry",
)  # fmt: skip

SUMMARY = (
    "log_odds", "n_dates", "n_positive", "n_months", "persistence", "dates_seen", "dates_positive", "vetoes", "withheld", "coarse",
    "optical_blackness", *(f"{b}_refl" for b in KNOWN_BANDS),
)  # fmt: skip

INSPECTION = (
    "rank", "reach_id", "period", "class", "satellite_class", "probability", "lon", "lat", "adcode", "kind", "length_m", "width_m", "width_class",
    "n_dates", "n_positive", "dates_seen", "dates_positive", "vetoes", "optical_blackness", "change", "field",
)  # fmt: skip


def daily(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a reach, period and day, in time order: of several scenes of a day the one with most core pixels counts."""
    ordered = scores.sort_values(["n_core", "scene_id"], ascending=[False, True])
    return ordered.drop_duplicates(["reach_id", "period", "day"]).sort_values(["reach_id", "period", "day"], ignore_index=True)


def summarise_reaches(scores: pd.DataFrame, even: float = 0.0) -> pd.DataFrame:
    """One row a reach and period (columns reach_id, period, SUMMARY) from one row a reach and scene.

    ``log_odds`` is the evidence of the season (see `season`). A date is positive where its log-odds exceed ``even``; ``n_months`` counts
    months with one. A vetoed date is never positive, but its log-odds count: the detector has weighed the colours the veto goes by. ``withheld`` tells that another cause
    was seen on more than VETO_SHARE of the dates, ``coarse`` that more than COARSE_SHARE were seen with coarse pixels.
    ``optical_blackness`` is -log10 of the median green reflectance; the reflectances are medians over the worst months.
    """
    days = daily(scores)
    rows = [{"reach_id": reach, "period": period} | _summary(group, even) for (reach, period), group in days.groupby(["reach_id", "period"])]
    return pd.DataFrame(rows, columns=["reach_id", "period", *SUMMARY]).astype({"reach_id": "str", "period": "str"})


def _summary(dates: pd.DataFrame, even: float) -> dict:
    counts = {name: int((dates.veto == name).sum()) for name in CAUSES}
    seen = dates[dates.logit.notna()]
    logit, month, vetoed = seen.logit.to_numpy(), seen.day.str[5:7].astype(int).to_numpy(), (seen.veto != "").to_numpy()
    positive_date = (logit > even) & ~vetoed
    positive = seen.day[positive_date]
    worst = seen[worst_months(month, logit)] if len(seen) else seen
    return {
        "log_odds": season_logit(month, logit), "n_dates": len(seen), "n_positive": len(positive), "n_months": positive.str[:7].nunique(),
        "persistence": persistence(positive_date), "dates_seen": ";".join(seen.day), "dates_positive": ";".join(positive),
        "vetoes": ";".join(f"{name}:{n}" for name, n in counts.items() if n),
        "withheld": bool(vetoed.sum() > VETO_SHARE * len(seen)), "coarse": bool((seen.native_m >= COARSE_M).sum() > COARSE_SHARE * len(seen)),
        "optical_blackness": float(-np.log10(max(seen.green_refl.median(), 1e-4))) if len(seen) else np.nan,
        **{f"{b}_refl": float(worst[f"{b}_refl"].median()) if len(seen) else np.nan for b in KNOWN_BANDS},
    }  # fmt: skip


def classify_reach(
    *, width_class: str, probability: float, n_dates: int, persistence: float, n_months: int, withheld: bool, unknown: bool,
    section: BlackOdorousSection,
) -> str:  # fmt: skip
    """The class of a reach.

    Width decides first, then the number of dates, then the probability and its persistence. Where another cause explains the colour
    (``withheld``) ``suspected`` becomes ``possible``: colour alone does not accuse there. Water unlike any that the detector has been
    trained on is uncertain: ``possible`` whatever its probability.
    """
    if width_class == "not_assessable":
        return "not_assessable"
    limits = ClassLimits(
        section.min_dates, section.min_positive_share, section.min_months, section.suspected_probability, section.possible_probability
    )
    found = REACH_CLASSES[reach_class(probability, n_dates, persistence, n_months, limits)]
    if found == "insufficient":
        return found
    return "possible" if unknown or (withheld and found == "suspected") else found


def assess(
    lines: gpd.GeoDataFrame, scores: pd.DataFrame, periods: list[str], section: BlackOdorousSection, visits: pd.DataFrame | None = None,
    wetlands: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """A row a reach and period, columns REACH_COLUMNS, sorted by reach and period. Without evidence the probability is NaN.

    ``visits`` are field results (see `field.field_results`): each decides ``class`` of its reach in its period, and ``satellite_class`` stays
    as it was seen; enough of them recalibrate the probability. ``wetlands`` are the polygons of
    black_odorous.wetland_prior.
    """
    model = load_detector()
    every = lines.merge(pd.DataFrame({"period": periods}), how="cross")
    table = every.merge(summarise_reaches(scores, model.calibration.even), on=["reach_id", "period"], how="left")
    counts, texts, flags = ["n_dates", "n_positive", "n_months"], ["dates_seen", "dates_positive", "vetoes"], ["withheld", "coarse"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table[texts] = table[texts].fillna("").astype(str)
    table[flags] = table[flags].eq(True)
    numbers = ["log_odds", "persistence", "optical_blackness", *(f"{b}_refl" for b in KNOWN_BANDS)]
    table[numbers] = table[numbers].astype("float64")
    table = gpd.GeoDataFrame(table, geometry="geometry", crs=lines.crs).sort_values(["reach_id", "period"], ignore_index=True)
    table["field"] = visited(table, visits, section.visit_distance_m)
    table["probability"] = _probability(table, model.calibration, section)
    whole = pd.DataFrame({
        "wetland": _in_wetland(table, wetlands), "aquaculture": table.reach_id.isin(farm_ponds(lines)), "coarse_pixels": table.coarse,
        "new_water": (table.period == table.first_period) & (table.period != periods[0]),
        "unknown_water": model.known.unknown(table[[f"{b}_refl" for b in KNOWN_BANDS]].to_numpy()),
    })[list(WITHHOLDING)]  # fmt: skip
    table["satellite_class"] = [
        classify_reach(width_class=r.width_class, probability=r.probability, n_dates=r.n_dates, persistence=r.persistence, n_months=r.n_months,
             withheld=bool(r.withheld or w), unknown=bool(u), section=section)
        for r, w, u in zip(table.itertuples(), whole.any(axis=1), whole.unknown_water, strict=True)
    ]  # fmt: skip
    table["class"] = decided(table.satellite_class.to_numpy(str), table.field.to_numpy(str)).astype(object)
    table["vetoes"] = [";".join(filter(None, [v, *whole.columns[w]])) for v, w in zip(table.vetoes, whole.to_numpy(bool), strict=True)]
    table = add_change(table, daily(scores), section)
    middle = middles(table.geometry).to_crs(4326)
    table["lon"], table["lat"] = middle.x.astype("float64"), middle.y.astype("float64")
    return table[list(REACH_COLUMNS)]


def _probability(table: gpd.GeoDataFrame, calibration: ProbabilityCalibration, section: BlackOdorousSection) -> np.ndarray:
    """Probability of each row, float64 (n,): as simulated worlds or, where there are enough of them, field results calibrate it."""
    probability = recalibrated(table)
    if probability is None:
        probability = calibration.probability(table.log_odds, section.prevalence)
    return np.where(table.width_class == "marginal", np.minimum(probability, MARGINAL_MAX_PROBABILITY), probability)


def _in_wetland(table: gpd.GeoDataFrame, wetlands: gpd.GeoDataFrame | None) -> np.ndarray:
    """Whether each reach meets a polygon of the wetland prior, bool."""
    if wetlands is None or table.empty:
        return np.zeros(len(table), bool)
    return table.geometry.intersects(wetlands.to_crs(table.crs).union_all()).to_numpy()


def farm_ponds(lines: gpd.GeoDataFrame) -> set[str]:
    """Ids of the ponds of fish farms: rectangular ponds with at least FARM_PONDS others within FARM_DISTANCE_M."""
    ponds = lines[lines.kind == "pond"]
    filled = ponds.geometry.area / ponds.geometry.minimum_rotated_rectangle().area
    ponds = ponds[filled >= FARM_RECTANGULARITY]
    if ponds.empty:
        return set()
    pond, _ = ponds.sindex.query(ponds.geometry, predicate="dwithin", distance=FARM_DISTANCE_M)
    return set(ponds.reach_id[np.bincount(pond, minlength=len(ponds)) - 1 >= FARM_PONDS])


def inspection_list(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Suspected and possible reaches, columns INSPECTION: suspected ones first, each class by falling probability. Refuted ones are not on it."""
    chosen = table[table["class"].isin(["suspected", "possible"])]
    ranked = chosen.sort_values(["class", "probability", "reach_id", "period"], ascending=[False, False, True, True])
    return pd.DataFrame(ranked).assign(rank=np.arange(1, len(ranked) + 1))[list(INSPECTION)]


def reaches(settings: Settings) -> None:
    """Write ``water/reaches.gpkg``, layer ``reaches``, and beside it ``inspection_list.csv``, suspicions ranked by class and probability.

    Raises
    ------
    TableError : a tile and period has not been scored, or the table of field results cannot be used.
    """
    layout = Layout(settings.root)
    periods = [p.label for p in settings.all_periods]
    paths = [layout.reach_scores(period, tile.id) for period in periods for tile in read_tiles(settings)]
    missing = [p for p in paths if not p.exists()]
    if missing:
        raise TableError(f"{len(missing)} of {len(paths)} score tables are not made yet", where=str(missing[0]), remedy="run `reach-scores` for every tile and period")
    scores = pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)
    visits = field_results(settings)
    wetlands = load_vector(settings, "black_odorous.wetland_prior") if settings.black_odorous.wetland_prior else None
    table = assess(gpd.read_parquet(layout.reach_lines), scores, periods, settings.black_odorous, visits, wetlands)
    for told in (shifted_visits, without_reach):
        if words := told(table, visits, settings.black_odorous.visit_distance_m):
            log.warning("%s: %s", settings.tables.field_results, words)
    write_layer(table, layout.reaches, "reaches")
    write_csv(inspection_list(table), layout.inspection_list)
