"""False alarms of cordgrass on real pixels of crops, grass and trees, none of which is cordgrass: the season of the green alone, without the edge of the sea.

The pixels are monthly series of WorldCereal's public extractions (MIT licence), see the README of the real data. The seasons of East Africa are others;
those of Europe are near those of Hebei.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rs_kernels.greenest import ndvi_layer

from benchmarks.accuracy.real_table import Row, Table
from rs_pipeline.products.spartina.evidence import late_green_margin

WORLD = "worldcereal_series"
EUROPE = ("wc_lucas_2018", "wc_flanders_2021", "prometheo_2021")
MONTHS = {"late": (10, 11), "spring": (3, 4, 5), "winter": (12, 1, 2)}
"""Months whose middle lies in late autumn, in spring and in winter of `products.seasons`; October's middle is its first day."""


def series_margin(series: pd.DataFrame) -> float:
    """`late_green_margin` of the monthly series of one pixel; NaN where a season is missing."""
    v = pd.Series(ndvi_layer(*(series[[band]].to_numpy("float32") for band in ("red", "nir")))[:, 0], series.index)
    month = series.month.str[5:].astype(int)
    late, spring, winter = (v[month.isin(months)].dropna() for months in MONTHS.values())
    if late.empty or spring.empty or winter.empty:
        return np.nan
    greenest = series.loc[late.idxmax()]
    found = {
        "late": late.max(),
        "colour": (greenest.green - greenest.red) / (greenest.green + greenest.red),
        "peak": v.quantile(0.9),
        "spring": spring.median(),
        "winter": winter.median(),
        "wet": ((series.green - series.swir1) / (series.green + series.swir1)).quantile(0.9),
    }
    return float(late_green_margin({name: np.array(value) for name, value in found.items()}))


def cordgrass_rows(folder: Path) -> list[Row]:
    """Rows of the table: share of the pixels with a season each that are green like cordgrass, in Europe and everywhere."""
    series = pd.read_parquet(Path(folder) / "real_land" / "s2_s1_series.parquet")
    series = series[~series.suspect & ~series.bright & ~series.no_optical].reset_index(drop=True)
    margin = pd.Series({name: series_margin(group) for name, group in series.groupby("sample_id")})
    source = series.groupby("sample_id").source.first()
    table = Table(WORLD)
    for subset, mine in (("Europe", source.isin(EUROPE)), ("all", source.notna())):
        known = margin[mine].dropna()
        table.add("spartina", "answered_pixels", len(known), subset=subset, unit="count")
        table.add("spartina", "false_alarm_share", float((known >= 0).mean()), subset=subset)
    return table.rows
