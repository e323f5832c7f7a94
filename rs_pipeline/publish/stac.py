"""Step ``stac``: the outputs of a run as a self-contained STAC 1.1 collection, one item a period."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, time
from pathlib import Path

import pystac
import shapely
from pyproj import Transformer

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.layout import TRUE_COLOUR, Layout
from rs_pipeline.model import Period
from rs_pipeline.products.register import RegionMap, period_maps, region_maps
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.provenance import configuration_sha256
from rs_pipeline.storage.raster import open_own

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOPACKAGE = "application/geopackage+sqlite3"
PARQUET = "application/vnd.apache.parquet"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _tables(layout: Layout) -> dict[str, tuple[Path, str, str, str]]:
    """Key to file, title, media type and role of the files of the whole run, not of one period."""
    return {
        "indicators": (layout.indicators, "Indicators, a row a unit, period and indicator", "text/csv", "data"),
        "indicators-parquet": (layout.indicators_parquet, "Indicators, as Parquet", PARQUET, "data"),
        "indicators-xlsx": (layout.indicators_workbook, "Indicators, as a workbook with Chinese and English names", WORKBOOK, "data"),
        "counties-latest": (layout.counties_latest, "Counties with the values of the last period, QGIS styles inside", GEOPACKAGE, "data"),
        "data-dictionary": (layout.dictionary, "What every column and band means", "text/csv", "metadata"),
        "orbits": (layout.orbits, "Passes expected, found and used, an orbit a row", "text/csv", "metadata"),
        "evidence": (layout.evidence, "What every indicator row rests on", PARQUET, "metadata"),
        "trend-counties": (layout.trend_counties, "Areas of greening and browning by county", PARQUET, "data"),
        "scenes": (layout.scenes, "Ledger of every scene found", PARQUET, "metadata"),
        "bodies": (layout.bodies, "Water bodies, a row a body and period", GEOPACKAGE, "data"),
        "inspection-list": (layout.inspection_list, "Reaches and ponds to be inspected", "text/csv", "data"),
        "findings": (layout.findings, "Suspected findings, a row a place to be inspected", GEOPACKAGE, "data"),
        "findings-csv": (layout.findings.with_suffix(".csv"), "Suspected findings, as CSV", "text/csv", "data"),
        "reaches": (layout.reaches, "River reaches and ponds with black-odorous probability", GEOPACKAGE, "data"),
        "shorelines": (layout.shorelines, "Shorelines, lines by period", GEOPACKAGE, "data"),
        "transects": (layout.transects, "Transects with distances and rates", GEOPACKAGE, "data"),
        "transects-csv": (layout.transects.with_suffix(".csv"), "Transects, as CSV", "text/csv", "data"),
        "report": (layout.report, "Report", "text/html", "overview"),
    }


def _map_asset(path: Path, described: RegionMap, start: Path) -> pystac.Asset:
    """A map as an asset with its projection and its bands, as in STAC 1.1."""
    with open_own(path) as src:
        words = {b.name: b.description for b in described.bands}
        bands = [{"name": name, "description": words.get(name, name), "unit": unit or "1"} for name, unit in zip(src.descriptions, src.units, strict=True)]
        extra = {
            "bands": bands,
            "data_type": src.dtypes[0],
            "nodata": "nan",
            "raster:sampling": "area",
            "raster:spatial_resolution": src.res[0],
            "proj:code": src.crs.to_string(),
            "proj:shape": list(src.shape),
            "proj:transform": list(src.transform),
            "proj:bbox": list(src.bounds),
        }
    return pystac.Asset(_relative(path, start), title=described.style.title, media_type=COG, roles=["data"], extra_fields=extra)


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


def _item(settings: Settings, period: Period, folder: Path) -> pystac.Item | None:
    """The maps and county statistics of one period; None where there is no map."""
    layout = Layout(settings.root)
    paths = {product: layout.map(product, period.label) for product in period_maps(settings)}
    paths = {product: path for product, path in paths.items() if path.exists()}
    if not paths:
        return None
    with open_own(next(iter(paths.values()))) as src:
        west, south, east, north = src.bounds
        bounds = Transformer.from_crs(src.crs, 4326, always_xy=True).transform_bounds(west, south, east, north, densify_pts=21)
    item = pystac.Item(
        id=period.label,
        geometry=shapely.geometry.mapping(shapely.box(*bounds)),
        bbox=list(bounds),
        datetime=None,
        properties={"title": f"{settings.run} {period.label}", "rs_pipeline:simulated": settings.simulation is not None},
        start_datetime=datetime.combine(period.start, time.min, UTC),
        end_datetime=datetime.combine(period.end, time(23, 59, 59), UTC),
        stac_extensions=[PROJECTION, RASTER],
    )
    for product, path in paths.items():
        item.add_asset(product, _map_asset(path, region_maps()[product], folder / period.label))
    picture = layout.report_pictures / f"{TRUE_COLOUR}_{period.label}.jpg"
    if picture.exists():
        href = _relative(picture, folder / period.label)
        item.add_asset("thumbnail", pystac.Asset(href, title="True colour", media_type=pystac.MediaType.JPEG, roles=["thumbnail"]))
    counties = layout.counties(period.label)
    if counties.exists():
        href = _relative(counties, folder / period.label)
        item.add_asset("counties", pystac.Asset(href, title="County statistics before any target", media_type=PARQUET, roles=["data"]))
    return item


def _collection(settings: Settings, folder: Path) -> pystac.Collection:
    periods, layout = settings.all_periods, Layout(settings.root)
    simulated = " SIMULATED scenes: the numbers describe no real place." if settings.simulation else ""
    bbox = [float(v) for v in load_units(settings).total_bounds]
    start = datetime.combine(periods[0].start, time.min, UTC)
    end = datetime.combine(periods[-1].end, time(23, 59, 59), UTC)
    collection = pystac.Collection(
        id=settings.run,
        title=f"rs-pipeline: {settings.run}",
        license="other",
        description=f"Maps, vectors and indicators of the run {settings.run}, made by rs-pipeline {__version__}.{simulated}",
        extent=pystac.Extent(pystac.SpatialExtent([bbox]), pystac.TemporalExtent([[start, end]])),
        extra_fields={"rs_pipeline:version": __version__, "rs_pipeline:configuration_sha256": configuration_sha256(settings)[:16]},
    )
    for name, described in region_maps(settings).items():
        path = layout.region_map(name)
        if not described.every_period and path.exists():
            collection.add_asset(name, _map_asset(path, described, folder))
            collection.stac_extensions = [PROJECTION, RASTER]
    for key, (path, title, media_type, role) in _tables(layout).items():
        if path.exists():
            collection.add_asset(key, pystac.Asset(_relative(path, folder), title=title, media_type=media_type, roles=[role]))
    return collection


def _write(document: dict, path: Path) -> None:
    with atomic_path(path) as part:
        part.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def stac(settings: Settings) -> None:
    """Write ``stac/collection.json`` and ``stac/<period>/<period>.json``; every link and asset is relative.

    What a run does not have (no coastline, a period without maps) is left out. The collection is written last, so
    that it never names an item that is not there.
    """
    target = Layout(settings.root).stac
    collection = _collection(settings, target.parent)
    items = [item for period in settings.all_periods if (item := _item(settings, period, target.parent))]
    collection.add_items(items)
    collection.catalog_type = pystac.CatalogType.SELF_CONTAINED
    collection.normalize_hrefs(str(target.parent), strategy=pystac.layout.TemplateLayoutStrategy(item_template="${id}"))
    for item in items:
        _write(item.to_dict(include_self_link=False), Path(item.self_href))
    _write(collection.to_dict(include_self_link=False), target)
