"""A small world on disk: synthetic scenes, their STAC items and a settings maker."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.warp import transform_bounds

from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.config import Settings, parse
from rs_pipeline.layout import Layout

LEFT, TOP, CRS = 500_000.0, 4_400_000.0, "EPSG:32650"
S2_ASSETS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "rededge1": 20, "swir16": 20, "swir22": 20, "scl": 20}


def write_tif(path: Path, values: np.ndarray, step_m: float, *, left=LEFT, top=TOP, crs=CRS, nodata=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=Affine(step_m, 0, left, 0, -step_m, top),
        nodata=nodata,
    ) as out:
        out.write(values, 1)


def footprint(size_m: float = 640.0, left: float = LEFT, top: float = TOP, crs: str = CRS) -> shapely.Polygon:
    return shapely.box(*transform_bounds(crs, "EPSG:4326", left, top - size_m, left + size_m, top))


def item(item_id: str, when: str, assets: dict[str, str], collection: str = "sentinel-2-l2a", outline=None, **properties) -> dict:
    outline = outline if outline is not None else footprint()
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": item_id,
        "collection": collection,
        "links": [],
        "geometry": shapely.geometry.mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {"datetime": when, **properties},
        "assets": {name: {"href": href} for name, href in assets.items()},
    }


class World:
    """Folder of items under ``root``; scenes are 640 m squares at (LEFT, TOP)."""

    def __init__(self, root: Path):
        self.root, self.items = root, root / "items"
        self.items.mkdir(parents=True)
        self.units = root / "units.gpkg"
        table = {"adcode": ["130101"], "name": ["Here"], "prefecture": ["There"]}
        gpd.GeoDataFrame(table, geometry=[footprint()], crs=4326).to_file(self.units)

    def add(self, entry: dict) -> dict:
        name = f"{len(list(self.items.glob('*.json'))):03d}.json"
        (self.items / name).write_text(json.dumps(entry))
        return entry

    def scene(self, item_id: str, when: str, *, dn=None, scl=None, **properties) -> dict:
        """A Sentinel-2 scene as Earth Search serves it: every band holds ``dn`` (64x64 or a number), ``scl`` is 32x32."""
        folder = self.root / "data" / item_id
        for name, step in S2_ASSETS.items():
            n = 640 // step
            if name == "scl":
                values = np.full((n, n), 4, "uint8") if scl is None else scl
            else:
                values = np.full((n, n), 1500 if dn is None else dn, "uint16")
            write_tif(folder / f"{name}.tif", values, step, nodata=0)
        defaults = {"platform": "sentinel-2a", "grid:code": "MGRS-50SMK", "eo:cloud_cover": 5.0, "earthsearch:boa_offset_applied": True}
        return self.add(item(item_id, when, {n: str(folder / f"{n}.tif") for n in S2_ASSETS}, **(defaults | properties)))

    def settings(self, **changes) -> Settings:
        values = {
            "run": "t",
            "output": str(self.root / "out"),
            "units": {"path": str(self.units)},
            "periods": [2023],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(self.items)}],
            "grid": {"crs": CRS, "resolution_m": 10, "tile_px": 64, "margin_m": 40},
        }
        values |= changes
        values["sources"] = [{"folders": [str(self.root / "data")], **source} for source in values["sources"]]
        return parse(values)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def real_settings(real_data: Path, tmp_path: Path):
    """Settings over the real static catalog: real_settings(zones, sensor, periods, resolution_m, **source)."""

    def make(zones: str, sensor: str, periods: list[int], resolution_m: float, *, crs: str = "auto", catalog: str | None = None, **source) -> Settings:
        entry = {"sensor": sensor, "catalog": catalog or str(real_data / "catalog"), "folders": [str(real_data / "catalog")], **source}
        return parse(
            {
                "run": "real",
                "output": str(tmp_path / "out"),
                "units": {"path": str(real_data / "regions" / zones)},
                "periods": periods,
                "sources": [entry],
                "grid": {"crs": crs, "resolution_m": resolution_m},
            }
        )

    return make


def make_grid(settings: Settings) -> str:
    """Run the grid step and give the first tile's id."""
    region.grid(settings)
    assert Layout(settings.root).tiles.is_file()
    return tiling.read_tiles(settings)[0].id
