"""Reference samples that the user gives (tables.reference_samples), and the correction of a map's sum by them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import InputSection, Settings
from rs_pipeline.errors import TableError
from rs_pipeline.estimation.sampling import Sample, TotalEstimate, estimate_total, stratified_total
from rs_pipeline.estimation.uncertainty import Interval
from rs_pipeline.inputs.tables import NOTHING_STATED, TableRow, check_percent, read_table
from rs_pipeline.layout import Layout
from rs_pipeline.model import SampledProduct
from rs_pipeline.region import families, load_units, own_ground
from rs_pipeline.storage.raster import band_index, open_map
from rs_pipeline.tiles import read_grid

log = logging.getLogger(__name__)

SAMPLE_COLUMNS = ("lon", "lat", "period", "product", "value")


def read_samples(path: Path, products: Mapping[str, SampledProduct], stated: InputSection = NOTHING_STATED) -> pd.DataFrame:
    """Reference samples with SAMPLE_COLUMNS; a cover in percent becomes 0-1, coordinates are converted to WGS 84.

    Raises
    ------
    TableError : a column is missing, a cell cannot be used or a place is given twice; file, row, column and remedy are named.
    """
    seen = set()

    def parse(row: TableRow) -> tuple:
        for name in SAMPLE_COLUMNS:
            row.needed(name)
        lon, lat = row.place(stated.crs)
        value = _sampled(row, products[row.one_of("product", products)])
        key = (lon, lat, row.code("period"), row.text("product"))
        if key in seen:
            raise row.fault("the place is given twice for this period and product", "lon", "keep one of the rows")
        seen.add(key)
        return *key, value

    samples = pd.DataFrame(read_table(path, SAMPLE_COLUMNS, stated).parsed(parse), columns=list(SAMPLE_COLUMNS))
    if samples.empty:
        raise TableError("the table has no samples", where=str(path), remedy="set tables.reference_samples to null to go without")
    for name, group in samples.groupby("product"):
        if products[name].unit == "percent":
            check_percent(group.value * 100, path, f"value of {name}")
    return samples


def _sampled(row: TableRow, product: SampledProduct) -> float:
    """The value of a sample: a cover 0-1, or 1 for the class and 0 for any other."""
    if product.unit == "percent":
        value = row.needed_number("value", "%")
        if not 0 <= value <= 100:
            raise row.fault(f"{value} is no cover", "value", "give percent, 0 to 100")
        return value / 100
    remedy = "give 1 where the pixel is of that class in the reference, else 0"
    try:
        return float(row.truth("value"))
    except TableError:
        raise row.fault(f"{row.text('value')} is neither 0 nor 1", "value", remedy) from None


def _on_maps(settings: Settings, samples: pd.DataFrame, period: str, name: str, product: SampledProduct) -> pd.DataFrame:
    """Samples of one product and period with ``mapped``, ``stratum`` and ``adcode``; samples outside the units, not observed, or at sea for an inland product
    are dropped."""
    places = gpd.points_from_xy(samples.lon, samples.lat, crs=4326)
    units = own_ground(load_units(settings))
    points = gpd.GeoDataFrame(samples, geometry=places).sjoin(units[["adcode", "geometry"]], predicate="within")
    points = points[~points.index.duplicated()]  # a place that two units share counts once
    layout, grid = Layout(settings.root), read_grid(settings)
    with open_map(layout.map(product.map, period), grid) as src, open_map(layout.map(product.class_map, period), grid) as classes:
        xy = points.to_crs(src.crs).get_coordinates().to_numpy()
        mapped = np.array([v[0] for v in src.sample(xy, indexes=band_index(src, product.band))], "float64")
        kind = np.array([v[0] for v in classes.sample(xy, indexes=band_index(classes, "class"))], "float64")
    if product.map_class is None:
        mapped, stratum = np.where(kind == 1, np.nan, mapped), np.zeros(len(points), "int64")
    else:
        stratum = (kind == product.map_class).astype("int64")
        mapped = np.where(np.isfinite(mapped), stratum if product.band == "class" else mapped, np.nan)
    if product.inland and settings.coastline is not None:
        with open_map(layout.sea(period), grid) as sea:
            mapped = np.where([v[0] == 1 for v in sea.sample(xy)], np.nan, mapped)
    points = points.assign(mapped=mapped, stratum=stratum)
    kept = points[np.isfinite(points.mapped)]
    if len(kept) < len(samples):
        log.warning(
            "%d of %d reference samples of %s %s lie outside the units, where the map saw nothing, or at sea",
            len(samples) - len(kept),
            len(samples),
            name,
            period,
        )
    return pd.DataFrame(kept[["adcode", "stratum", "mapped", "value"]])


@dataclass(frozen=True)
class References:
    """Samples of a unit and period by product, and those of the region."""

    own: Mapping[str, Sample]
    region: Mapping[str, Sample]
    is_region: bool
    of_class: frozenset[str] = frozenset()
    """Products whose samples are stratified by the class of a map."""

    def total(self, product: str, mapped_total: float, stratum_area: np.ndarray) -> TotalEstimate | None:
        """Amount of the unit, in the measure of the areas; None without enough samples."""
        region = self.region.get(product)
        if region is None:
            return None
        own = self.own.get(product, region.of(np.zeros(region.true.size, bool)))
        if self.is_region and product in self.of_class and (region.counts(2) >= 2).all() and (stratum_area > 0).all():
            return stratified_total(stratum_area, region)
        return estimate_total(mapped_total, stratum_area, own, region)


def _sample(table: pd.DataFrame) -> Sample:
    return Sample(table.stratum.to_numpy("int64"), table.mapped.to_numpy("float64"), table.value.to_numpy("float64"))


class ReferenceTable:
    """All samples of a run, by period, product and unit."""

    def __init__(self, settings: Settings, products: Mapping[str, SampledProduct]):
        self.tables: dict[str, dict[str, pd.DataFrame]] = {}
        self.of_class = frozenset(name for name, p in products.items() if p.map_class is not None)
        path = settings.tables.reference_samples
        if path is None:
            return
        self.families = families(load_units(settings))
        labels = {p.label for p in settings.all_periods}
        samples = read_samples(path, products, settings.stated("tables.reference_samples"))
        for (period, product), group in samples.groupby(["period", "product"]):
            if period in labels:
                self.tables.setdefault(period, {})[product] = _on_maps(settings, group, period, product, products[product])

    def of(self, adcode: str, period: str, *, is_region: bool) -> References:
        tables = self.tables.get(period, {})
        region = {name: _sample(t) for name, t in tables.items()}
        own = region if is_region else {name: _sample(t[t.adcode.isin(self.families[adcode])]) for name, t in tables.items()}
        return References(own, region, is_region, self.of_class)


NO_REFERENCES = References({}, {}, False)


def corrected_mean(
    references: References, product: str, mapped_total: float, stratum_area: Sequence[float] | np.ndarray, observed: float
) -> tuple[Interval | None, str] | None:
    """Mean over the observed part of a unit, 0-1, by the reference samples, and the name of the estimator. None without enough samples; (None, reason) where
    the samples do not fit the unit."""
    found = references.total(product, mapped_total, np.asarray(stratum_area, "float64"))
    if found is None:
        return None
    return found.interval and found.interval.times(1 / observed), found.estimator
