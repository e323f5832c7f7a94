"""Worlds of one tile and a few dates, and the whole chain on one of them in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.warp import transform_bounds

from rs_pipeline.config import Settings, parse
from rs_pipeline.config import load as load_settings
from rs_pipeline.products.register import resolve
from rs_pipeline.steps import in_order, step_places, steps
from rs_pipeline.storage.provenance import freeze
from rs_pipeline.tiles import read_tiles

LEFT, TOP, CRS, SIZE_PX = 500_010.0, 4_300_020.0, "EPSG:32650", 72
ASSETS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir16": 20, "swir22": 20, "scl": 20}
SOIL = {"blue": 0.09, "green": 0.12, "red": 0.15, "rededge1": 0.18, "nir": 0.22, "swir16": 0.28, "swir22": 0.24}
SEA = {"blue": 0.05, "green": 0.06, "red": 0.04, "rededge1": 0.03, "nir": 0.02, "swir16": 0.01, "swir22": 0.006}
DATES = tuple(f"{year}-{month:02d}-16" for year in (2023, 2024) for month in range(4, 10))
"""A date a month, as many months as water takes."""


COAST_PX = 36
"""Soil lies west of this column of a world with a sea."""


def write_scene(folder: Path, day: str, ground: dict[str, float] = SOIL, cloud_cover: float = 1.0, *, sea: bool = False) -> None:
    """A Sentinel-2 scene and its item: one ground everywhere, with a little noise; or soil in the west and ``sea`` in the east half."""
    here, rng = folder / f"S2A_50SMJ_{day.replace('-', '')}_0_L2A", np.random.default_rng(int(day.replace("-", "")))
    here.mkdir(parents=True)
    for name, step in ASSETS.items():
        n = SIZE_PX * 10 // step
        wet = np.broadcast_to(np.arange(n) >= COAST_PX * 10 // step, (n, n)) if sea else np.full((n, n), ground is SEA)
        refl = np.where(wet & sea, SEA.get(name, 0), ground.get(name, 0)) + rng.normal(0, 0.001, (n, n))
        values = np.where(wet, 6, 5) if name == "scl" else np.rint(refl * 1e4)
        with rasterio.open(
            here / f"{name}.tif",
            "w",
            driver="GTiff",
            width=n,
            height=n,
            count=1,
            dtype="uint8" if name == "scl" else "uint16",
            crs=CRS,
            nodata=0,
            transform=Affine(step, 0, LEFT, 0, -step, TOP),
        ) as out:
            out.write(np.clip(values, 1, 65535).astype(out.dtypes[0]), 1)
    box = shapely.box(*transform_bounds(CRS, 4326, LEFT, TOP - SIZE_PX * 10, LEFT + SIZE_PX * 10, TOP))
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": here.name,
        "collection": "sentinel-2-l2a",
        "links": [],
        "bbox": list(box.bounds),
        "geometry": shapely.geometry.mapping(box),
        "assets": {name: {"href": f"./{name}.tif"} for name in ASSETS},
        "properties": {
            "datetime": f"{day}T03:05:00Z",
            "platform": "sentinel-2a",
            "grid:code": "MGRS-50SMJ",
            "eo:cloud_cover": cloud_cover,
            "s2:processing_baseline": "05.09",
            "earthsearch:boa_offset_applied": True,
            "view:sun_elevation": 50.0,
            "view:sun_azimuth": 150.0,
        },
    }
    (here / "item.json").write_text(json.dumps(item))


def small_settings(folder: Path, size_m: float = SIZE_PX * 10.0, **changes) -> Settings:
    """Two counties, the west and the east half of a square in the middle of the world; a square of one pixel is one county."""
    left, bottom = LEFT + (SIZE_PX // 2) * 10 - (size_m // 20) * 10, TOP - (SIZE_PX // 2) * 10 - (size_m // 20) * 10
    halves = [(left, left + size_m / 2), (left + size_m / 2, left + size_m)] if size_m > 10 else [(left, left + size_m)]
    table = {"adcode": [f"13010{i + 1}" for i in range(len(halves))], "name": ["West", "East"][: len(halves)], "prefecture": ["There"] * len(halves)}
    gpd.GeoDataFrame(table, geometry=[shapely.box(a, bottom, b, bottom + size_m) for a, b in halves], crs=CRS).to_file(folder / "units.gpkg")
    values = {
        "run": "small",
        "output": str(folder / "results"),
        "units": {"path": str(folder / "units.gpkg")},
        "periods": [2023, 2024],
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder / "scenes")}],
        "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 80},
    }
    return parse(values | changes)


def run_chain(settings: Settings, before: dict[str, Callable[[], None]] | None = None) -> Settings:
    """Every step in order, as jobs would do them; ``before`` has what happens to the world before a step."""
    freeze(settings)
    settings, ids, before = load_settings(settings.root / "config.yaml"), [], dict(before or {})
    for name, product in in_order(settings):
        before.pop(name, lambda: None)()
        step = steps()[name]
        for place in [p for p in step_places(step, settings, ids) if p.product == product]:
            names = {"run": (), "period": (place.period,), "tile": (place.tile,), "map": (place.product, place.period)}
            resolve(step.function)(settings, *names.get(step.scope, (place.tile, place.period)))
        if name == "grid":
            ids = [t.id for t in read_tiles(settings)]
    return settings
