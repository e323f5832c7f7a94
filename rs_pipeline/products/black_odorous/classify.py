"""Step ``reaches``: the scores of a reach over a period become a probability and a class, with its dates and the causes that speak against it.

No single rule decides: the evidence for and against black-odorous water enters one model (`model.ReachModel`), whose weights and probability are
fitted on simulated worlds with known truth. The class is a threshold on the probability. Other causes of a colour are recorded for the inspector
(``vetoes``).
"""

from __future__ import annotations

import logging

import geopandas as gpd
import numpy as np
import pandas as pd
from rs_kernels.black_odorous import VETOES

from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.products.black_odorous.change import add_change
from rs_pipeline.products.black_odorous.field import decided, of_reaches, recalibrated, shifted_visits, visited, without_reach
from rs_pipeline.products.black_odorous.model import KNOWN_BANDS, ReachModel, load_detector
from rs_pipeline.products.black_odorous.scoring import BLOCKS
from rs_pipeline.products.black_odorous.season import SEASON_FEATURES, month_number, persistence, season_features, worst_months
from rs_pipeline.products.visits import field_results, middles
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_tiles

log = logging.getLogger(__name__)

BANK_WIDTH_M = 40.0
"""In narrower water some pixels across are mixed with the banks, even in its core: four pixels of 10 m."""

EVEN = 0.0
"""Log-odds of a date above which it is positive: it looks rather black-odorous than not."""

COARSE_SHARE = 0.5
"""A reach that was seen with coarse pixels on more than this share of its dates is marked ``coarse_pixels``."""

FARM_PONDS, FARM_DISTANCE_M, FARM_RECTANGULARITY = 3, 40.0, 0.85
"""A pond belongs to a fish farm where it fills at least FARM_RECTANGULARITY of its smallest rectangle and has at least FARM_PONDS others like it within
FARM_DISTANCE_M."""

CAUSES = (*VETOES[1:], "glint", *BLOCKS)
"""Vetoes of single dates, in the order they are written."""

WHOLE = ("wetland", "aquaculture", "new_water", "unknown_water", "coarse_pixels")
"""What may explain the colour of a whole reach and period; written after the causes of single dates."""

REACH_COLUMNS = (
    "reach_id", "period", "kind", "adcode", "length_m", "width_m", "width_class", "probability", "class", "satellite_class", "log_odds", "n_dates",
    "n_positive", "n_months", "persistence", "dates_seen", "dates_positive", "vetoes", "optical_blackness", "change", "log_odds_change", "change_lower",
    "change_upper", "field", "lon", "lat", "geometry",
)  # fmt: skip

SUMMARY = (
    "n_dates", "n_positive", "n_months", "persistence", "dates_seen", "dates_positive", "vetoes", "coarse_pixels", "optical_blackness",
    *SEASON_FEATURES, *(f"{b}_refl" for b in KNOWN_BANDS),
)  # fmt: skip

INSPECTION = (
    "rank", "reach_id", "period", "class", "satellite_class", "probability", "lon", "lat", "adcode", "kind", "length_m", "width_m", "width_class",
    "n_dates", "n_positive", "dates_seen", "dates_positive", "vetoes", "optical_blackness", "change", "field",
)  # fmt: skip


def daily(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per reach, period and day, in time order: of several scenes of a day the one with most core pixels counts."""
    ordered = scores.sort_values(["n_core", "scene_id"], ascending=[False, True])
    return ordered.drop_duplicates(["reach_id", "period", "day"]).sort_values(["reach_id", "period", "day"], ignore_index=True)


def summarise_reaches(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per reach and period (columns reach_id, period, SUMMARY) from one row per reach and scene.

    A date is positive where its log-odds exceed EVEN and no other cause was seen on it; ``n_months`` counts months with one. The
    SEASON_FEATURES (see `season.season_features`) are of all dates that have log-odds. ``coarse_pixels``: more than COARSE_SHARE
    of them were seen with coarse pixels. ``optical_blackness`` is -log10 of the median green reflectance; the reflectances are medians over
    the worst months. Without a date, numbers are NaN.
    """
    days = daily(scores)
    days = days.assign(month=month_number(days.day))
    rows = [{"reach_id": reach, "period": period} | _summary(group) for (reach, period), group in days.groupby(["reach_id", "period"])]
    return pd.DataFrame(rows, columns=["reach_id", "period", *SUMMARY]).astype({"reach_id": "str", "period": "str"})


def _summary(dates: pd.DataFrame) -> dict:
    counts = {name: int((dates.veto == name).sum()) for name in CAUSES}
    seen = dates[dates.logit.notna()]
    positive_date = ((seen.logit > EVEN) & (seen.veto == "")).to_numpy()
    positive = seen.day[positive_date]
    told = {
        "n_dates": len(seen),
        "n_positive": len(positive),
        "n_months": positive.str[:7].nunique(),
        "persistence": persistence(positive_date),
        "dates_seen": ";".join(seen.day),
        "dates_positive": ";".join(positive),
        "vetoes": ";".join(f"{name}:{n}" for name, n in counts.items() if n),
    }
    if seen.empty:
        return told
    worst, season = seen[worst_months(seen.month.to_numpy(), seen.logit.to_numpy())], season_features(seen)
    return (
        told
        | season
        | {
            "coarse_pixels": season["coarse"] > COARSE_SHARE,
            "optical_blackness": float(-np.log10(max(seen.green_refl.median(), 1e-4))),
            **{f"{b}_refl": float(worst[f"{b}_refl"].median()) for b in KNOWN_BANDS},
        }
    )


def classify_reach(*, width_class: str, probability: float, n_dates: int, section: BlackOdorousSection) -> str:
    """The class of a reach: narrower than black_odorous.marginal_width_m it is ``not_assessable``, with fewer than
    black_odorous.min_reach_dates dates ``insufficient``; else its probability alone decides.
    """
    if width_class == "not_assessable":
        return "not_assessable"
    if n_dates < section.min_reach_dates or np.isnan(probability):
        return "insufficient"
    if probability >= section.suspected_probability:
        return "suspected"
    return "possible" if probability >= section.possible_probability else "clear"


def narrowness(width_m: pd.Series) -> pd.Series:
    """How much light from the banks may mix in: ln(BANK_WIDTH_M / width), 0 from BANK_WIDTH_M on.

    >>> narrowness(pd.Series([20.0, 40.0, 90.0])).round(3).tolist()
    [0.693, 0.0, 0.0]
    """
    return np.log(BANK_WIDTH_M / width_m).clip(lower=0.0)


def evidence(
    lines: gpd.GeoDataFrame, scores: pd.DataFrame, periods: list[str], wetlands: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:  # fmt: skip
    """One row per reach and period, sorted by reach, periods in time order: the columns of ``lines``, SUMMARY, `model.REACH_FEATURES` and WHOLE.

    Without a date the features of the season are NaN. ``wetlands`` are the polygons of black_odorous.wetland_prior.
    """
    table = lines.merge(pd.DataFrame({"period": periods}), how="cross").merge(summarise_reaches(scores), on=["reach_id", "period"], how="left")
    counts, texts = ["n_dates", "n_positive", "n_months"], ["dates_seen", "dates_positive", "vetoes"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table[texts] = table[texts].fillna("").astype(str)
    table["coarse_pixels"] = table.coarse_pixels.eq(True)
    numbers = ["persistence", "optical_blackness", *SEASON_FEATURES, *(f"{b}_refl" for b in KNOWN_BANDS)]
    table[numbers] = table[numbers].astype("float64")
    table = gpd.GeoDataFrame(table, geometry="geometry", crs=lines.crs).sort_values("reach_id", kind="stable", ignore_index=True)
    return table.assign(
        narrow=narrowness(table.width_m),
        wetland=_in_wetland(table, wetlands),
        aquaculture=table.reach_id.isin(farm_ponds(lines)),
        new_water=(table.period == table.first_period) & (table.period != periods[0]),
        unknown_water=load_detector().known.unknown(table[[f"{b}_refl" for b in KNOWN_BANDS]].to_numpy()),
    )


def assess(
    lines: gpd.GeoDataFrame, scores: pd.DataFrame, periods: list[str], section: BlackOdorousSection, visits: pd.DataFrame | None = None,
    wetlands: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """One row per reach and period, columns REACH_COLUMNS, sorted by reach, periods in time order. Without evidence the probability is NaN.

    ``visits`` are field results (see `products.visits.field_results`): each decides ``class`` of its reach in its period, while ``satellite_class`` is the
    class without visits; enough of them recalibrate the probability. ``wetlands`` are the polygons of black_odorous.wetland_prior.
    """
    model, table = load_detector().reach, evidence(lines, scores, periods, wetlands)
    table["log_odds"] = model.log_odds(table)
    table["field"] = visited(table, visits, section.visit_distance_m)
    table["probability"] = _probability(table, model, section)
    table["satellite_class"] = [
        classify_reach(width_class=r.width_class, probability=r.probability, n_dates=r.n_dates, section=section) for r in table.itertuples()
    ]
    table["class"] = decided(table.satellite_class.to_numpy(str), table.field.to_numpy(str)).astype(object)
    whole = table[list(WHOLE)]
    table["vetoes"] = [";".join(filter(None, [v, *whole.columns[w]])) for v, w in zip(table.vetoes, whole.to_numpy(bool), strict=True)]
    table = add_change(table, daily(scores), section)
    middle = middles(table.geometry).to_crs(4326)
    table["lon"], table["lat"] = middle.x.astype("float64"), middle.y.astype("float64")
    return table[list(REACH_COLUMNS)]


def _probability(table: gpd.GeoDataFrame, model: ReachModel, section: BlackOdorousSection) -> np.ndarray:
    """Probability of each row, float64 (n,), calibrated on field results where there are enough of them, else on simulated worlds."""
    recalibration = recalibrated(table)
    return model.probability(table.log_odds, section.prevalence) if recalibration is None else recalibration


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


def inspection_list(table: gpd.GeoDataFrame, period: str) -> pd.DataFrame:
    """Suspected and possible reaches of a period, columns INSPECTION: suspected ones first, each class by falling probability. Refuted ones are not on it."""
    chosen = table[(table.period == period) & table["class"].isin(["suspected", "possible"])]
    ranked = chosen.sort_values(["class", "probability", "reach_id"], ascending=[False, False, True])
    return pd.DataFrame(ranked).assign(rank=np.arange(1, len(ranked) + 1))[list(INSPECTION)]


def reaches(settings: Settings) -> None:
    """Write ``water/reaches.gpkg``, layer ``reaches``, and beside it ``inspection_list.csv``, the suspicions of the newest period,
    ranked by class and probability.

    Raises
    ------
    TableError : a tile and period has not been scored, or the table of field results cannot be used.
    """
    layout = Layout(settings.root)
    periods = [p.label for p in settings.all_periods]
    paths = [layout.reach_scores(period, tile.id) for period in periods for tile in read_tiles(settings)]
    missing = [p for p in paths if not p.exists()]
    if missing:
        raise TableError(
            f"{len(missing)} of {len(paths)} score tables are not made yet",
            where=str(missing[0]),
            remedy="`rs-pipeline run` makes them; by hand `rs-pipeline reach-scores --tile <tile> --period <period> --config <configuration>` for each",
        )
    scores = pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)
    visits = of_reaches(field_results(settings))
    wetlands = load_vector(settings, "black_odorous.wetland_prior") if settings.black_odorous.wetland_prior else None
    table = assess(gpd.read_parquet(layout.reach_lines), scores, periods, settings.black_odorous, visits, wetlands)
    for told in (shifted_visits, without_reach):
        if words := told(table, visits, settings.black_odorous.visit_distance_m):
            log.warning("%s: %s", settings.tables.field_results, words)
    write_layer(table, layout.reaches, "reaches")
    write_csv(inspection_list(table, periods[-1]), layout.inspection_list)
