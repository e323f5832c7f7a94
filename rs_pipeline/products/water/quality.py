"""Steps ``quality-scores`` and ``quality``: optical proxies of the water quality of lakes, reservoirs and the coastal sea.

Turbidity and chlorophyll are published regressions of other waters on reflectance: they rank waters and dates and are not
measurements. Only pixels away from the bank are used, and what the air scatters in is taken away first.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import rasterize
from rs_kernels.black_odorous import ndci, veto
from rs_kernels.water_quality import NIR_859_PER_833, chlorophyll_ndci, turbidity_dogliotti
from scipy import ndimage
from shapely.geometry import box

from rs_pipeline.catalog.chips import Chip, load_chips
from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.reaches import read_water
from rs_pipeline.products.black_odorous.scoring import (
    GREEN,
    NIR,
    RED,
    REDEDGE,
    SWIR1,
    Core,
    clear_dates,
    scored_passes,
    surrounding_refl,
    without_air,
)
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tile, read_tiles

BANK_PX = 3
"""Pixels from the bank that are left out."""

MIN_QUALITY_PIXELS = 20
"""Fewer clear pixels of a date say nothing about a body."""

CHLOROPHYLL_PLATFORMS = ("sentinel-2a", "sentinel-2b")
"""Sentinel-2C's red edge lies 3 nm further, where the slope is steep: an index fitted on A does not hold there."""

MAX_CHLOROPHYLL_TURBIDITY_FNU = 20.0
"""In more turbid water the red edge follows sediment, and a trophic state means nothing."""

MIN_QUALITY_DATES = 6

TROPHIC_STATES = ((40.0, "oligotrophic"), (50.0, "mesotrophic"), (70.0, "eutrophic"), (np.inf, "hypereutrophic"))
"""Upper bounds of Carlson's (1977) index by state."""

SCORES = {
    "body_id": "str", "period": "str", "day": "str", "platform": "str", "n_pixels": "int64", "turbidity_fnu": "float64",
    "chlorophyll_mg_m3": "float64", "reason": "str",
}  # fmt: skip
"""A row a body and scene; ``reason`` says why a date without values has none."""

QUANTITIES = ("turbidity_fnu", "chlorophyll_mg_m3")


def body_cores(bodies: gpd.GeoDataFrame, wet: np.ndarray, grid: Grid) -> list[Core]:
    """Water of each body (body_id, geometry in the CRS of the grid) at least BANK_PX from its bank; bodies without any are left out."""
    shapes = [(g, i + 1) for i, g in enumerate(bodies.geometry)]
    owner = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="int32") if shapes else np.zeros(grid.shape, "int32")
    owner[~ndimage.binary_erosion(wet, iterations=BANK_PX, border_value=1)] = 0
    places = ((bodies.body_id.iloc[i], np.nonzero(owner == i + 1)) for i in range(len(bodies)))
    return [Core(name, np.inf, rows, cols) for name, (rows, cols) in places if len(rows) >= MIN_QUALITY_PIXELS]


def score_body(
    core: Core, refl: np.ndarray, clear: np.ndarray, around: np.ndarray, platform: str, max_swir1_refl: float
) -> dict | None:  # fmt: skip
    """Proxies of one body on one date, or None where too little of it is clear.

    ``refl`` is float32 (7, h, w) with NaN nodata, ``clear`` bool (h, w), ``around`` float (7,), see `scoring.surrounding_refl`.
    """
    usable = clear[core.rows, core.cols]
    if usable.sum() < MIN_QUALITY_PIXELS:
        return None
    row = {"body_id": core.reach_id, "n_pixels": int(usable.sum()), "turbidity_fnu": np.nan, "chlorophyll_mg_m3": np.nan, "reason": ""}
    middle = np.median(refl[:, core.rows[usable], core.cols[usable]].astype("float64"), axis=1)
    water, _, share = without_air(middle[None], middle[SWIR1:], around)
    green, red, rededge, nir = water[0, [GREEN, RED, REDEDGE, NIR]]
    if middle[SWIR1] - share * np.nan_to_num(around[SWIR1]) > max_swir1_refl:
        return row | {"reason": "glint"}
    if veto(green, red, rededge, nir, False) == 3:
        return row | {"reason": "plants"}
    row["turbidity_fnu"] = turbidity_dogliotti(red, nir * NIR_859_PER_833 if platform.startswith("sentinel-2") else nir)
    if platform in CHLOROPHYLL_PLATFORMS and np.isfinite(rededge):
        row["chlorophyll_mg_m3"] = chlorophyll_ndci(ndci(red, rededge))
    return row | ({"reason": "out of range"} if np.isnan(row["turbidity_fnu"]) else {})


def score_quality(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write the proxies of the tile's counted bodies, a row a body and pass, columns of SCORES; always written, maybe empty.

    ``chips``: default those that were fetched.
    """
    layout, tile, section = Layout(settings.root), read_tile(settings, tile_id), settings.black_odorous
    bodies = gpd.read_file(layout.bodies, layer="bodies", bbox=box(*tile.grid.bounds))
    bodies = bodies[(bodies.period == period_label) & bodies.counted]
    found = load_chips(settings, tile_id, period_label) if chips is None else chips
    passes = scored_passes(settings, found)
    cores = body_cores(bodies, read_water(settings, period_label, tile.grid), tile.grid) if len(bodies) and passes else []
    rows: list[dict] = []
    for seen, refl, clear, _ in clear_dates(settings, passes, tile.grid) if cores else ():
        around = surrounding_refl(refl, clear, tile.grid.resolution_m)
        for core in cores:
            row = score_body(core, refl, clear, around[:, *core.cell], seen.scene.platform, section.max_swir1_refl)
            if row is not None:
                rows.append({"period": period_label, "day": seen.scene.solar_day.isoformat(), "platform": seen.scene.platform} | row)
    write_parquet(pd.DataFrame(rows, columns=list(SCORES)).astype(SCORES), layout.quality_scores(period_label, tile_id))


def carlson_index(chlorophyll_mg_m3: float) -> float:
    """Trophic state index of chlorophyll-a in mg/m3 (Carlson 1977): 9.81 ln(chl) + 30.6."""
    return 9.81 * np.log(chlorophyll_mg_m3) + 30.6


def trophic_state(chlorophyll_mg_m3: float) -> str:
    """State by Carlson's (1977) index of chlorophyll; empty where it is not known.

    >>> trophic_state(2.0), trophic_state(20.0), trophic_state(float("nan"))
    ('oligotrophic', 'eutrophic', '')
    """
    if not chlorophyll_mg_m3 > 0:
        return ""
    return next(name for bound, name in TROPHIC_STATES if carlson_index(chlorophyll_mg_m3) < bound)


def summarise_bodies(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a body and period: of each quantity the median over the dates, its 10 and 90 % and the number of dates.

    Tiles and scenes of a day are averaged by their pixels. ``assessable_share`` is the share of the clear dates that gave a turbidity.
    Below MIN_QUALITY_DATES dates a quantity is NaN and ``reason`` says so; ``trophic_state`` is empty in turbid water.
    """
    rows = []
    for (body, period), seen in scores.groupby(["body_id", "period"]):
        row: dict = {"body_id": body, "period": period, "n_dates": seen.day.nunique()}
        for name in QUANTITIES:
            known = seen[seen[name].notna()]
            daily = (known[name] * known.n_pixels).groupby(known.day).sum() / known.n_pixels.groupby(known.day).sum()
            enough = len(daily) >= MIN_QUALITY_DATES
            low, middle, high = np.percentile(daily, [10, 50, 90]) if enough else (np.nan,) * 3
            row |= {name: middle, f"{name}_p10": low, f"{name}_p90": high, f"{name}_dates": len(daily)}
        row["assessable_share"] = row["turbidity_fnu_dates"] / row["n_dates"]
        valid = row["turbidity_fnu"] <= MAX_CHLOROPHYLL_TURBIDITY_FNU
        row["trophic_state"] = trophic_state(row["chlorophyll_mg_m3"]) if valid else ""
        row["reason"] = "" if np.isfinite(row["turbidity_fnu"]) else f"fewer than {MIN_QUALITY_DATES} dates with a value"
        rows.append(row)
    columns = ["body_id", "period", "n_dates", *(f"{q}{s}" for q in QUANTITIES for s in ("", "_p10", "_p90", "_dates")), "assessable_share", "trophic_state", "reason"]
    return pd.DataFrame(rows, columns=columns)


def quality(settings: Settings) -> None:
    """Write ``water/quality.parquet``, see `summarise_bodies`: proxies of every counted body that has water away from its bank.

    Raises
    ------
    TableError : a tile and period has not been scored.
    """
    layout = Layout(settings.root)
    paths = [layout.quality_scores(p.label, tile.id) for p in settings.all_periods for tile in read_tiles(settings)]
    if missing := [p for p in paths if not p.exists()]:
        raise TableError(f"{len(missing)} of {len(paths)} score tables are not made yet", where=str(missing[0]), remedy="run `quality-scores` for every tile and period")
    write_parquet(summarise_bodies(pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)), layout.quality)
