"""Steps ``quality-scores`` and ``quality``: optical proxies of the water quality of lakes, reservoirs and the coastal sea.

Turbidity, chlorophyll and transparency come from published formulas of reflectance that were fitted on other waters: they rank waters and dates and are not
measurements. Only pixels away from the bank are used, after the light that the air scatters in is subtracted. What floats on the water is found pixel by
pixel; algae and plants are not told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import rasterize
from rs_kernels.black_odorous import ndci, veto
from rs_kernels.water_quality import COASTAL_PER_BLUE, NIR_859_PER_833, chlorophyll_ndci, floating_share, secchi_depth, turbidity_dogliotti
from scipy import ndimage
from shapely.geometry import box

from rs_pipeline.catalog.chips import Chip, load_chips
from rs_pipeline.config import Settings
from rs_pipeline.errors import TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.black_odorous.reaches import WET_CLASSES, mapped_water_class
from rs_pipeline.products.black_odorous.scoring import BLUE, GREEN, NIR, RED, REDEDGE, SWIR1, Core, clear_dates, scored_passes, surrounding_refl, without_air
from rs_pipeline.products.water.facts import TLI_PER_LN
from rs_pipeline.products.water.watched import PLACE, read_water_classes, watched_waters
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tile, read_tiles

BANK_PX = 3
"""Pixels from the bank that are left out."""

MIN_QUALITY_PIXELS = 20
"""Least clear pixels of a body on a date."""

CHLOROPHYLL_PLATFORMS = ("sentinel-2a", "sentinel-2b")
"""Sentinel-2C's red edge lies 3 nm further, where the slope is steep: an index fitted on A does not hold there."""

MAX_CHLOROPHYLL_TURBIDITY_FNU = 20.0
"""In more turbid water the red edge follows sediment, and a trophic state means nothing."""

MIN_QUALITY_DATES = 6

MIN_MONTH_DATES = 2
"""Least dates of a month: a single clear date may be a missed cloud."""

OLIGOTROPHIC_TLI = 30.0
"""Below it water is oligotrophic."""

TROPHIC_STATES = ((50.0, "mesotrophic"), (60.0, "lightly eutrophic"), (70.0, "moderately eutrophic"), (np.inf, "highly eutrophic"))
"""Upper bounds (inclusive) of the comprehensive trophic level index of Chinese lakes (China National Environmental Monitoring Centre 2001)."""

SCORES = {
    "body_id": "str", "period": "str", "day": "str", "platform": "str", "n_pixels": "int64", "n_lasting": "int64", "lasting_m2": "float64", "turbidity_fnu": "float64",
    "chlorophyll_mg_m3": "float64", "transparency_m": "float64", "floating_share": "float64", "reason": "str",
}  # fmt: skip
"""Columns of the scores, one row per body and pass; ``n_pixels`` are clear, ``n_lasting`` of them permanent water;
``lasting_m2`` is the permanent water away from banks in the tile, clear or not; ``reason`` says why a date has no
values but that of what floats."""

QUANTITIES = ("turbidity_fnu", "chlorophyll_mg_m3", "transparency_m", "floating_share")

LASTING_CLASS = 1
"""Class of the water map on which what floats is looked for: seasonal water, such as a paddy, is green when it is dry."""

MIN_CLEAR_SHARE = 0.5
"""Least clear share of a body's permanent water for the share of what floats: a small clear part does not speak for the whole."""

BLOOM_GRADES = ((0.10, "no evident bloom"), (0.30, "light bloom"), (0.60, "moderate bloom"), (np.inf, "severe bloom"))
"""Upper bounds (exclusive) of the share of water under algae, as HJ 1098-2020 is commonly cited; without any there is no bloom."""

LN_SIGMA_PER_WIDTH = 1 / 2.563
"""Standard deviation per distance between the 10 and 90 % quantiles of a normal distribution."""

MEDIAN_PER_MEAN = 1.2533
"""Standard error of a median in units of that of a mean, normal distribution: sqrt(pi / 2)."""


def body_cores(bodies: gpd.GeoDataFrame, wet: np.ndarray, grid: Grid) -> list[Core]:
    """Water of each body (body_id, geometry in the CRS of the grid) at least BANK_PX from its bank; bodies without any are left out."""
    shapes = [(g, i + 1) for i, g in enumerate(bodies.geometry)]
    owner = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="int32") if shapes else np.zeros(grid.shape, "int32")
    owner[~ndimage.binary_erosion(wet, iterations=BANK_PX, border_value=1)] = 0
    places = ((bodies.body_id.iloc[i], np.nonzero(owner == i + 1)) for i in range(len(bodies)))
    return [Core(name, np.inf, rows, cols) for name, (rows, cols) in places if len(rows) >= MIN_QUALITY_PIXELS]


def score_body(
    core: Core, refl: np.ndarray, clear: np.ndarray, lasting: np.ndarray, around: np.ndarray, platform: str, max_swir1_refl: float
) -> dict | None:  # fmt: skip
    """Proxies of one body on one date, or None where too little of it is clear.

    ``refl`` is float32 (7, h, w) with NaN nodata, ``clear`` and ``lasting`` (permanent water) bool (h, w), ``around`` float (7,), see `scoring.surrounding_refl`.
    """
    usable = clear[core.rows, core.cols]
    if usable.sum() < MIN_QUALITY_PIXELS:
        return None
    spectra = refl[:, core.rows[usable], core.cols[usable]].astype("float64")
    permanent = lasting[core.rows, core.cols]
    shown = permanent[usable]
    row: dict[str, Any] = {"body_id": core.reach_id, "n_pixels": int(usable.sum()), "n_lasting": int(shown.sum())}
    row |= {**dict.fromkeys(QUANTITIES, np.nan), "reason": ""}
    if shown.sum() >= max(MIN_QUALITY_PIXELS, MIN_CLEAR_SHARE * permanent.sum()):
        row["floating_share"] = floating_share(spectra[RED, shown], spectra[NIR, shown], spectra[SWIR1, shown])
    middle = np.median(spectra, axis=1)
    water, _, share = without_air(middle[None], middle[SWIR1:], around)
    blue, green, red, rededge, nir = water[0, [BLUE, GREEN, RED, REDEDGE, NIR]]
    if middle[SWIR1] - share * np.nan_to_num(around[SWIR1]) > max_swir1_refl:
        return row | {"reason": "glint"}
    if veto(green, red, rededge, nir, False) == 3:
        return row | {"reason": "plants"}
    row["transparency_m"] = secchi_depth(COASTAL_PER_BLUE * blue, blue, green, red)
    row["turbidity_fnu"] = turbidity_dogliotti(red, nir * NIR_859_PER_833 if platform.startswith("sentinel-2") else nir)
    if platform in CHLOROPHYLL_PLATFORMS and np.isfinite(rededge):
        row["chlorophyll_mg_m3"] = chlorophyll_ndci(ndci(red, rededge))
    return row | ({"reason": "out of range"} if np.isnan(row["turbidity_fnu"]) else {})


def score_quality(settings: Settings, tile_id: str, period_label: str, chips: list[Chip] | None = None) -> None:
    """Write the proxies of the tile's counted bodies and watched waters, one row per body and pass, columns of SCORES; always written, maybe empty.

    ``chips``: default those that were fetched.
    """
    layout, tile, section = Layout(settings.root), read_tile(settings, tile_id), settings.black_odorous
    bodies = gpd.read_file(layout.bodies, layer="bodies", bbox=box(*tile.grid.bounds))
    bodies = bodies[(bodies.period == period_label) & bodies.counted]
    found = load_chips(settings, tile_id, period_label) if chips is None else chips
    passes = scored_passes(settings, found)
    watched = watched_waters(settings).to_crs(tile.grid.crs)
    watched = watched[watched.intersects(box(*tile.grid.bounds))]
    cores: list[Core] = []
    lasting = np.zeros(tile.grid.shape, bool)
    if passes and (len(bodies) or len(watched)):
        classes = mapped_water_class(settings, period_label, tile.grid)
        wet, lasting = np.isin(classes, WET_CLASSES), classes == LASTING_CLASS
        cores = [*body_cores(bodies, wet, tile.grid), *body_cores(watched, wet, tile.grid)]
    rows: list[dict] = []
    for seen, refl, clear, _ in clear_dates(settings, passes, tile.grid) if cores else ():
        around = surrounding_refl(refl, clear, tile.grid.resolution_m)
        for core in cores:
            row = score_body(core, refl, clear, lasting, around[:, *core.cell], seen.scene.platform, section.max_swir1_refl)
            if row is not None:
                lasting_m2 = np.count_nonzero(lasting[core.rows, core.cols]) * tile.grid.resolution_m**2
                date = {"period": period_label, "day": seen.scene.solar_day.isoformat(), "platform": seen.scene.platform}
                rows.append(date | {"lasting_m2": lasting_m2} | row)
    write_parquet(pd.DataFrame(rows, columns=list(SCORES)).astype(SCORES), layout.quality_scores(period_label, tile_id))


def tli_chlorophyll(chlorophyll_mg_m3: float) -> float:
    """Trophic level index of chlorophyll-a in mg/m3: 10 (2.5 + 1.086 ln chl) (China National Environmental Monitoring Centre 2001).

    The official index weighs it with phosphorus, nitrogen, transparency and permanganate, which satellites do not see.

    >>> round(tli_chlorophyll(10.0), 3)
    50.006
    """
    return float(25 + TLI_PER_LN * np.log(chlorophyll_mg_m3))


def trophic_state(chlorophyll_mg_m3: float) -> str:
    """State by `tli_chlorophyll`; empty where it is not known.

    >>> trophic_state(1.0), trophic_state(8.0), trophic_state(20.0), trophic_state(float("nan"))
    ('oligotrophic', 'mesotrophic', 'lightly eutrophic', '')
    """
    if not chlorophyll_mg_m3 > 0:
        return ""
    index = tli_chlorophyll(chlorophyll_mg_m3)
    return "oligotrophic" if index < OLIGOTROPHIC_TLI else next(name for bound, name in TROPHIC_STATES if index <= bound)


def tli_sigma(low_mg_m3: float, high_mg_m3: float, n_dates: int) -> float:
    """Standard error of the index of a season's median chlorophyll from the scatter of its dates: their 10 and 90 % quantiles and their number.

    >>> round(tli_sigma(5.0, 20.0, 9), 3)
    2.454
    """
    return float(TLI_PER_LN * np.log(high_mg_m3 / low_mg_m3) * LN_SIGMA_PER_WIDTH * MEDIAN_PER_MEAN / np.sqrt(n_dates))


def bloom_grade(share: float) -> str:
    """Grade of a bloom that covers a share (0-1) of the water, by BLOOM_GRADES; empty where it is not known. Plants that float count as bloom.

    >>> bloom_grade(0.0), bloom_grade(0.05), bloom_grade(0.3), bloom_grade(float("nan"))
    ('no bloom', 'no evident bloom', 'moderate bloom', '')
    """
    if not share > 0:
        return "no bloom" if share == 0 else ""
    return next(name for bound, name in BLOOM_GRADES if share < bound)


def _daily(seen: pd.DataFrame, name: str) -> pd.Series:
    """A quantity by day: tiles and scenes of a day are averaged by their pixels."""
    known = seen[seen[name].notna()]
    weight = known.n_lasting if name == "floating_share" else known.n_pixels
    return (known[name] * weight).groupby(known.day).sum() / weight.groupby(known.day).sum()


def _trophic(row: dict) -> dict:
    """``tli_chlorophyll`` and ``trophic_state`` of a row with both quantities: NaN and empty in turbid water."""
    valid = row["turbidity_fnu"] <= MAX_CHLOROPHYLL_TURBIDITY_FNU and row["chlorophyll_mg_m3"] > 0
    chlorophyll = row["chlorophyll_mg_m3"] if valid else np.nan
    return {"tli_chlorophyll": tli_chlorophyll(chlorophyll), "trophic_state": trophic_state(chlorophyll)}


def summarise_bodies(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per body and period: of each quantity the median over the dates, its 10 and 90 % quantiles and the number of dates.

    ``assessable_share`` is the share of the clear dates that gave a turbidity.
    Below MIN_QUALITY_DATES dates a quantity is NaN and ``reason`` says so; ``trophic_state`` is empty in turbid water.
    """
    rows = []
    for (body, period), seen in scores.groupby(["body_id", "period"]):
        row: dict = {"body_id": body, "period": period, "n_dates": seen.day.nunique()}
        for name in QUANTITIES:
            daily = _daily(seen, name)
            enough = len(daily) >= MIN_QUALITY_DATES
            low, middle, high = np.percentile(daily, [10, 50, 90]) if enough else (np.nan,) * 3
            row |= {name: middle, f"{name}_p10": low, f"{name}_p90": high, f"{name}_dates": len(daily)}
        row["assessable_share"] = row["turbidity_fnu_dates"] / row["n_dates"]
        row |= _trophic(row)
        known, bounds = np.isfinite(row["tli_chlorophyll"]), (row["chlorophyll_mg_m3_p10"], row["chlorophyll_mg_m3_p90"])
        row["tli_sigma"] = tli_sigma(*bounds, row["chlorophyll_mg_m3_dates"]) if known else np.nan
        row["reason"] = "" if np.isfinite(row["turbidity_fnu"]) else f"fewer than {MIN_QUALITY_DATES} dates with a value"
        rows.append(row)
    columns = [
        "body_id",
        "period",
        "n_dates",
        *(f"{q}{s}" for q in QUANTITIES for s in ("", "_p10", "_p90", "_dates")),
        "assessable_share",
        "tli_chlorophyll",
        "tli_sigma",
        "trophic_state",
        "reason",
    ]
    return pd.DataFrame(rows, columns=columns)


def _largest(seen: pd.DataFrame) -> dict:
    """What floats on the month's date with most of it: ``floating_share_max``, ``floating_max_m2`` and ``bloom_grade``; missing below MIN_MONTH_DATES dates."""
    daily = _daily(seen, "floating_share")
    share = daily.max() if len(daily) >= MIN_MONTH_DATES else np.nan
    lasting_m2 = seen.groupby(["day", "platform"]).lasting_m2.sum().max()
    return {"floating_share_max": share, "floating_max_m2": share * lasting_m2, "bloom_grade": bloom_grade(share)}


def summarise_months(scores: pd.DataFrame, official: Mapping[tuple[str, str], int]) -> pd.DataFrame:
    """One row per water and month: medians over the dates, their number, what floats at most, the trophic level, and the official class of a watched water (NaN where none is given).

    Below MIN_MONTH_DATES dates a quantity is NaN and ``reason`` says so. ``official`` : (name, YYYY-MM) to class.
    """
    rows = []
    for (body, month), seen in scores.assign(month=scores.day.str[:7]).groupby(["body_id", "month"]):
        row: dict = {"body_id": body, "month": month, "n_dates": seen.day.nunique()}
        for name in QUANTITIES:
            daily = _daily(seen, name)
            row |= {name: daily.median() if len(daily) >= MIN_MONTH_DATES else np.nan, f"{name}_dates": len(daily)}
        row |= _largest(seen) | _trophic(row)
        row["official_class"] = official.get((body.removeprefix(PLACE), month), np.nan) if body.startswith(PLACE) else np.nan
        row["reason"] = "" if np.isfinite(row["turbidity_fnu"]) else f"fewer than {MIN_MONTH_DATES} dates with a value"
        rows.append(row)
    columns = [
        "body_id",
        "month",
        "n_dates",
        *(f"{q}{s}" for q in QUANTITIES for s in ("", "_dates")),
        "floating_share_max",
        "floating_max_m2",
        "bloom_grade",
        "tli_chlorophyll",
        "trophic_state",
        "official_class",
        "reason",
    ]
    return pd.DataFrame(rows, columns=columns).astype({"official_class": "float64"})


def quality(settings: Settings) -> None:
    """Write ``water/quality.parquet``, see `summarise_bodies`: proxies of every counted body that has water away from its bank; and
    ``water/quality_monthly.parquet``, see `summarise_months`: the same month by month, of watched waters too.

    Raises
    ------
    TableError : a tile and period has not been scored.
    """
    layout = Layout(settings.root)
    paths = [layout.quality_scores(p.label, tile.id) for p in settings.all_periods for tile in read_tiles(settings)]
    if missing := [p for p in paths if not p.exists()]:
        raise TableError(
            f"{len(missing)} of {len(paths)} score tables are not made yet",
            where=str(missing[0]),
            remedy="`rs-pipeline run` makes them; by hand `rs-pipeline quality-scores --tile <tile> --period <period> --config <configuration>` for each",
        )
    scores = pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)
    write_parquet(summarise_bodies(scores[~scores.body_id.str.startswith(PLACE)]), layout.quality)
    classes = read_water_classes(settings.tables.water_classes, settings.stated("tables.water_classes"))
    write_parquet(summarise_months(scores, classes), layout.quality_monthly)
