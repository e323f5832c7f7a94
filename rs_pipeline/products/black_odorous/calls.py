"""Step ``reaches``: scores over a period become a call, with what was seen when and what spoke against it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from kernels.black_odorous import BLOOM, MACROPHYTE, SEDIMENT
from rs_pipeline.config import BlackOdorousSection, Settings
from rs_pipeline.layout import Layout
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.output.tables import write_csv
from rs_pipeline.products.black_odorous.pixels import CLEAR, POSSIBLE, SUSPECTED, TOO_FEW, classify
from rs_pipeline.region import load_vector, read_tiles

CALLS = {CLEAR: "clear", POSSIBLE: "possible", SUSPECTED: "suspected", TOO_FEW: "insufficient"}
VETOES = {SEDIMENT: "sediment", BLOOM: "bloom", MACROPHYTE: "macrophyte"}

MARGINAL_MAX_PROBABILITY = 0.7
"""A channel of 20-30 m is one mixed pixel wide: it is never called with more certainty."""


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a reach and period from one row a reach and scene; scenes of one day count once, the one with most pixels."""
    daily = scores.sort_values(["n_core", "scene_id"], ascending=[False, True]).drop_duplicates(["reach_id", "period", "day"]).sort_values("day")

    def one(group: pd.DataFrame) -> pd.Series:
        positive = group.day[group.logit > 0]
        counts = {name: int(((group.vetoes & bit) > 0).sum()) for bit, name in VETOES.items()}
        return pd.Series({
            "probability": 1 / (1 + np.exp(-group.logit.mean())), "n_dates": len(group), "n_positive": len(positive),
            "n_months": group.day.str[:7].nunique(), "dates_seen": ";".join(group.day), "dates_positive": ";".join(positive),
            "vetoes": ";".join(f"{k}:{v}" for k, v in counts.items() if v),
            "optical_blackness": -np.log10(max(group.green_refl.median(), 1e-4)),
        })  # fmt: skip

    if daily.empty:
        return pd.DataFrame(columns=["reach_id", "period"])
    return daily.groupby(["reach_id", "period"]).apply(one, include_groups=False).reset_index()


def call(table: pd.DataFrame, section: BlackOdorousSection, in_wetland: np.ndarray) -> pd.DataFrame:
    """Add ``class``. Width decides what can be assessed, a wetland prior withholds ``suspected``.

    ``table`` has width_class, probability, n_dates, n_positive, n_months, vetoes. Clean water of a marsh is brown
    from dissolved matter and looks like black-odorous water: there the colour alone does not accuse.
    """
    table = table.copy()
    for column in ("n_dates", "n_positive", "n_months"):
        table[column] = table[column].fillna(0).astype("int64")
    for column in ("vetoes", "dates_seen", "dates_positive"):
        table[column] = table[column].fillna("")
    marginal = table.width_class == "marginal"
    table.loc[marginal, "probability"] = table.probability[marginal].clip(upper=MARGINAL_MAX_PROBABILITY)
    codes = classify(table.probability, table.n_dates, table.n_positive, table.n_months, section)
    table["class"] = pd.Series(codes, index=table.index).map(CALLS)
    withheld = in_wetland & (table["class"] == "suspected")
    table.loc[withheld, "class"] = "possible"
    table.loc[in_wetland, "vetoes"] = [f"{v};wetland" if v else "wetland" for v in table.vetoes[in_wetland]]
    table.loc[table.width_class == "not_assessable", "class"] = "not_assessable"
    return table


def reaches(settings: Settings) -> None:
    """Write ``water/reaches.gpkg`` (a row a reach and period) and ``water/inspection_list.csv`` (ranked suspicions)."""
    layout, section = Layout(settings.root), settings.black_odorous
    lines = gpd.read_parquet(layout.reach_lines)
    parts = [pd.read_parquet(layout.reach_scores(p.label, t.id)) for p in settings.all_periods for t in read_tiles(settings)]
    scores = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(map(len, parts)) else parts[0]
    every = lines.merge(pd.DataFrame({"period": [p.label for p in settings.all_periods]}), how="cross")
    table = every.merge(summarise(scores), on=["reach_id", "period"], how="left")
    for column in ("probability", "n_dates", "n_positive", "n_months", "dates_seen", "dates_positive", "vetoes", "optical_blackness"):
        if column not in table:
            table[column] = np.nan
    table = gpd.GeoDataFrame(call(table, section, _in_wetland(table, section)), geometry="geometry", crs=lines.crs)
    middle = table.geometry.representative_point().to_crs(4326) if len(table) else table.geometry
    table["lon"], table["lat"] = (middle.x, middle.y) if len(table) else (np.nan, np.nan)
    with atomic_path(layout.reaches) as part:
        table.drop(columns="tile").to_file(part, driver="GPKG", layer="reaches")
    ranked = table[table["class"].isin(["suspected", "possible"])].sort_values("probability", ascending=False)
    wanted = ["period", "adcode", "reach_id", "class", "probability", "lon", "lat", "kind", "length_m", "width_m", "width_class",
              "n_dates", "n_positive", "n_months", "dates_positive", "vetoes", "optical_blackness"]  # fmt: skip
    write_csv(pd.DataFrame(ranked[wanted]), layout.reaches.with_name("inspection_list.csv"))


def _in_wetland(table: gpd.GeoDataFrame, section: BlackOdorousSection) -> np.ndarray:
    """bool, whether a reach meets a polygon of the wetland prior."""
    if section.wetland_prior is None or table.empty:
        return np.zeros(len(table), bool)
    wetlands = load_vector(section.wetland_prior, key="black_odorous.wetland_prior").to_crs(table.crs).union_all()
    return gpd.GeoSeries(table.geometry, crs=table.crs).intersects(wetlands).to_numpy()
