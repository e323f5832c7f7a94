"""Step ``reaches``: scores over a period become a call, with what was seen when and what spoke against it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from kernels.black_odorous import CLEAR, POSSIBLE, SUSPECTED, TOO_FEW_DATES, VETOED_LOG_ODDS, VETOES, call_class
from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.output.tables import write_csv
from rs_pipeline.products.black_odorous.reaches import middles
from rs_pipeline.region import load_vector, read_tiles

CALLS = {CLEAR: "clear", POSSIBLE: "possible", SUSPECTED: "suspected", TOO_FEW_DATES: "insufficient"}

EVIDENCE_GAIN = 2.0
"""Agreeing dates say more than one of them, but less than if they were independent. Fitted by logistic regression on 417 reaches of
three simulated worlds (seeds 11 and 12: slope 2.02). The fitted intercept of 3.06 is left out: black water is far rarer than there, and
waters that nobody simulated must stay in doubt. Single pixels, which are noisier, go without the gain."""

MARGINAL_MAX_PROBABILITY = 0.7
"""Channels of 20-30 m are mixed with their banks: they are never called with more certainty."""

MACROPHYTE_DATES = 2
"""Water plants on so many dates speak against black-odorous water."""

COLUMNS = (
    "reach_id", "period", "kind", "adcode", "length_m", "width_m", "width_class", "probability", "class", "n_dates", "n_positive",
    "n_months", "dates_seen", "dates_positive", "vetoes", "optical_blackness", "lon", "lat", "geometry",
)  # fmt: skip

SUMMARY = ("probability", "n_dates", "n_positive", "n_months", "dates_seen", "dates_positive", "vetoes", "optical_blackness")

INSPECTION = (
    "rank", "reach_id", "period", "class", "probability", "lon", "lat", "adcode", "kind", "length_m", "width_m", "width_class",
    "n_dates", "n_positive", "dates_seen", "dates_positive", "vetoes", "optical_blackness",
)  # fmt: skip


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a reach and period (columns reach_id, period, SUMMARY) from one row a reach and scene.

    Of several scenes of a day the one with most core pixels counts. A vetoed date is never positive and its log-odds
    count at most VETOED_LOG_ODDS. ``n_months`` counts months with a positive date; ``optical_blackness`` is
    -log10 of the median green reflectance. The probability is that of EVIDENCE_GAIN times the mean log-odds.
    """
    ordered = scores.sort_values(["n_core", "scene_id"], ascending=[False, True])
    daily = ordered.drop_duplicates(["reach_id", "period", "day"]).sort_values("day")
    rows = [{"reach_id": reach, "period": period} | _summary(group) for (reach, period), group in daily.groupby(["reach_id", "period"])]
    return pd.DataFrame(rows, columns=["reach_id", "period", *SUMMARY])


def _summary(dates: pd.DataFrame) -> dict:
    vetoed = (dates.veto != "").to_numpy()
    logit = np.where(vetoed, np.minimum(dates.logit, VETOED_LOG_ODDS), dates.logit)
    positive = dates.day[logit > 0]
    counts = {name: int((dates.veto == name).sum()) for name in VETOES if name}
    return {
        "probability": float(1 / (1 + np.exp(-EVIDENCE_GAIN * logit.mean()))), "n_dates": len(dates), "n_positive": len(positive),
        "n_months": positive.str[:7].nunique(), "dates_seen": ";".join(dates.day), "dates_positive": ";".join(positive),
        "vetoes": ";".join(f"{name}:{n}" for name, n in counts.items() if n),
        "optical_blackness": float(-np.log10(max(dates.green_refl.median(), 1e-4))),
    }  # fmt: skip


def call(
    *, width_class: str, probability: float, n_dates: int, n_positive: int, n_months: int, vetoes: str, in_wetland: bool,
    section: BlackOdorousSection,
) -> str:  # fmt: skip
    """The class of a reach.

    Width decides first, then the number of dates, then the probability and its persistence. In a wetland, and where
    water plants were seen repeatedly, ``suspected`` is withheld and becomes ``possible``: colour alone does not accuse
    there, since clean marsh water is dark from dissolved matter.
    """
    if width_class == "not_assessable":
        return "not_assessable"
    found = CALLS[call_class(
        probability, n_dates, n_positive, n_months, section.min_dates, section.min_positive_share, section.min_months,
        section.suspected_probability, section.possible_probability,
    )]  # fmt: skip
    counts = dict(v.split(":") for v in vetoes.split(";") if ":" in v)
    withheld = in_wetland or int(counts.get("macrophyte", 0)) >= MACROPHYTE_DATES
    return "possible" if found == "suspected" and withheld else found


def assess(lines: gpd.GeoDataFrame, scores: pd.DataFrame, periods: list[str], section: BlackOdorousSection) -> gpd.GeoDataFrame:
    """A row a reach and period, columns COLUMNS, sorted by reach and period. Without evidence the probability is NaN."""
    every = lines.merge(pd.DataFrame({"period": periods}), how="cross")
    table = every.merge(summarise(scores), on=["reach_id", "period"], how="left")
    counts = ["n_dates", "n_positive", "n_months"]
    table[counts] = table[counts].fillna(0).astype("int64")
    texts = ["dates_seen", "dates_positive", "vetoes"]
    table[texts] = table[texts].fillna("").astype(str)
    table[["probability", "optical_blackness"]] = table[["probability", "optical_blackness"]].astype("float64")
    marginal = table.width_class == "marginal"
    table.loc[marginal, "probability"] = table.probability[marginal].clip(upper=MARGINAL_MAX_PROBABILITY)
    table = gpd.GeoDataFrame(table, geometry="geometry", crs=lines.crs)
    wetland = _in_wetland(table, section)
    table["class"] = [
        call(width_class=r.width_class, probability=r.probability, n_dates=r.n_dates, n_positive=r.n_positive, n_months=r.n_months,
             vetoes=r.vetoes, in_wetland=bool(w), section=section)
        for r, w in zip(table.itertuples(), wetland, strict=True)
    ]  # fmt: skip
    table["vetoes"] = [";".join(filter(None, [v, "wetland" if w else ""])) for v, w in zip(table.vetoes, wetland, strict=True)]
    middle = middles(table.geometry).to_crs(4326)
    table["lon"], table["lat"] = middle.x.astype("float64"), middle.y.astype("float64")
    return table[list(COLUMNS)].sort_values(["reach_id", "period"], ignore_index=True)


def _in_wetland(table: gpd.GeoDataFrame, section: BlackOdorousSection) -> np.ndarray:
    """Whether each reach meets a polygon of the wetland prior, bool."""
    if section.wetland_prior is None or table.empty:
        return np.zeros(len(table), bool)
    wetlands = load_vector(section.wetland_prior, key="black_odorous.wetland_prior").to_crs(table.crs).union_all()
    return table.geometry.intersects(wetlands).to_numpy()


def reaches(settings: Settings) -> None:
    """Write ``water/reaches.gpkg``, layer ``reaches``, and beside it ``inspection_list.csv``, suspicions ranked by probability.

    Raises
    ------
    TableError : a tile and period has not been scored.
    """
    layout = Layout(settings.root)
    periods = [p.label for p in settings.all_periods]
    paths = [layout.reach_scores(period, tile.id) for period in periods for tile in read_tiles(settings)]
    missing = [p for p in paths if not p.exists()]
    if missing:
        raise TableError(f"{len(missing)} of {len(paths)} score tables are not made yet", where=str(missing[0]), remedy="run `reach-scores` for every tile and period")
    scores = pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)
    table = assess(gpd.read_parquet(layout.reach_lines), scores, periods, settings.black_odorous)
    with atomic_path(layout.reaches) as part:
        table.to_file(part, driver="GPKG", layer="reaches")
    ranked = table[table["class"].isin(["suspected", "possible"])].sort_values(["probability", "reach_id", "period"], ascending=[False, True, True])
    ranked = pd.DataFrame(ranked).assign(rank=np.arange(1, len(ranked) + 1))
    write_csv(ranked[list(INSPECTION)], layout.inspection_list)
