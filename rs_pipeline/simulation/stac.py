"""STAC of the simulated world: items that look like those of Earth Search v1 and the Planetary Computer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyproj

from rs_pipeline.model import THERMAL_BANDS, Grid
from rs_pipeline.radiometry.thermal import SCALES
from rs_pipeline.simulation import optics
from rs_pipeline.simulation.plan import ScenePlan
from rs_pipeline.simulation.scenes import THERMAL_NODATA, Rendered

MGRS, PATH, ROW = "50SPJ", "122", "033"
COLLECTIONS = {"sentinel-2": "sentinel-2-l2a", "landsat": "landsat-c2-l2", "sentinel-1": "sentinel-1-rtc"}
TITLES = {
    "sentinel-2": "SIMULATED Sentinel-2 Level-2A", "landsat": "SIMULATED Landsat 8-9 Collection 2 Level-2",
    "sentinel-1": "SIMULATED Sentinel-1 radiometrically terrain corrected",
}  # fmt: skip
ASSETS = {
    "sentinel-2": {
        "blue": "blue", "green": "green", "red": "red", "rededge1": "rededge1", "nir": "nir", "swir1": "swir16", "swir2": "swir22",
        "mask": "scl",
    },
    "landsat": {
        "blue": "blue", "green": "green", "red": "red", "nir": "nir08", "swir1": "swir16", "swir2": "swir22", "mask": "qa_pixel",
        "saturation": "qa_radsat", "thermal": "lwir11", "thermal_error": "qa",
    },
    "sentinel-1": {"vv": "vv", "vh": "vh"},
}  # fmt: skip
"""Band role to asset key."""
DESCRIPTION = "SIMULATED data: an invented coast rendered by rs-pipeline for tests and demonstrations. It shows no real place."
_EXTENSION = "https://stac-extensions.github.io/{}/schema.json"
_EXTENSIONS = {
    "sentinel-2": ("eo/v1.1.0", "grid/v1.1.0", "projection/v1.1.0", "raster/v1.1.0", "view/v1.0.0"),
    "landsat": ("eo/v1.1.0", "grid/v1.1.0", "projection/v1.1.0", "raster/v1.1.0", "view/v1.0.0", "landsat/v1.1.1"),
    "sentinel-1": ("projection/v1.1.0", "raster/v1.1.0", "sar/v1.0.0", "sat/v1.0.0"),
}
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


def item_id(plan: ScenePlan, *, older: bool = False) -> str:
    """An id as the catalogs write it. ``older`` names the earlier processing of a duplicated Sentinel-2 scene."""
    day = plan.when.strftime("%Y%m%d")
    if plan.family == "sentinel-2":
        sequence = 1 if plan.duplicate and not older else 0
        return f"S2{plan.platform[-1].upper()}_{MGRS}_{day}_{sequence}_L2A"
    if plan.family == "landsat":
        return f"LC0{plan.platform[-1]}_L2SP_{PATH}{ROW}_{day}_02_T1"
    stop = plan.when + timedelta(seconds=25)
    orbit, take = 46000 + 175 * plan.index, 0x58000 + 977 * plan.index
    return f"S1A_IW_GRDH_1SDV_{plan.when:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{orbit:06d}_{take:06X}_rtc"


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _polygon(grid: Grid) -> tuple[list[float], dict[str, Any]]:
    """bbox and GeoJSON footprint in degrees."""
    left, bottom, right, top = grid.bounds
    to_degrees = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
    places = [to_degrees.transform(x, y) for x, y in ((left, bottom), (right, bottom), (right, top), (left, top), (left, bottom))]
    corners = [[round(lon, 6), round(lat, 6)] for lon, lat in places]
    lons, lats = [c[0] for c in corners], [c[1] for c in corners]
    return [min(lons), min(lats), max(lons), max(lats)], {"type": "Polygon", "coordinates": [corners]}


def _sentinel2(plan: ScenePlan, older: bool) -> dict[str, Any]:
    baseline = "04.00" if older else "05.10"
    letter, take = plan.platform[-1].upper(), plan.when.strftime("%Y%m%dT%H%M%S")
    generated = plan.when + timedelta(hours=5 if older else 24 * 40)
    number = baseline.replace(".", "")
    return {
        "grid:code": f"MGRS-{MGRS}",
        "s2:processing_baseline": baseline,
        "s2:datatake_id": f"GS2{letter}_{take}_{40000 + 143 * plan.index:06d}_N{baseline}",
        "s2:product_uri": f"S2{letter}_MSIL2A_{take}_N{number}_R132_T{MGRS}_{generated:%Y%m%dT%H%M%S}.SAFE",
        "s2:generation_time": _iso(generated),
        "s2:sequence": item_id(plan, older=older).split("_")[3],
    } | ({} if plan.offset_flagged is None else {"earthsearch:boa_offset_applied": not plan.offset_flagged})


def _landsat(plan: ScenePlan) -> dict[str, Any]:
    return {
        "grid:code": f"WRS2-{PATH}{ROW}",
        "landsat:wrs_type": "2",
        "landsat:wrs_path": PATH,
        "landsat:wrs_row": ROW,
        "landsat:collection_category": "T1",
        "landsat:collection_number": "02",
        "landsat:correction": "L2SP",
        "landsat:product_generated": _iso(plan.when + timedelta(days=9)),
        "landsat:scene_id": f"LC{plan.platform[-1]}{PATH}{ROW}{plan.when:%Y%j}LGN00",
    }


def _sentinel1(plan: ScenePlan) -> dict[str, Any]:
    return {
        "start_datetime": _iso(plan.when),
        "end_datetime": _iso(plan.when + timedelta(seconds=25)),
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:polarizations": ["VV", "VH"],
        "sar:product_type": "GRD",
        "sar:looks_equivalent_number": 4.4,
        "sat:orbit_state": "descending",
        "sat:absolute_orbit": 46000 + 175 * plan.index,
        "sat:relative_orbit": 76,
    }


def _raster_band(plan: ScenePlan, role: str, grid: Grid) -> dict[str, Any]:
    if plan.family == "sentinel-1":
        return {"nodata": -32768, "data_type": "float32", "spatial_resolution": grid.resolution_m}
    if role in ("mask", "saturation"):
        kind = "uint8" if plan.family == "sentinel-2" else "uint16"
        fill = 1 if plan.family == "landsat" and role == "mask" else 0
        return {"nodata": fill, "data_type": kind, "spatial_resolution": grid.resolution_m}
    if role in THERMAL_BANDS:
        scale, offset = SCALES[role]
        kind = "int16" if role == "thermal_error" else "uint16"
        band = {"nodata": THERMAL_NODATA[role], "data_type": kind, "spatial_resolution": grid.resolution_m, "unit": "kelvin", "scale": scale}
        return band | ({"offset": offset} if offset else {})
    band = {"nodata": 0, "data_type": "uint16", "spatial_resolution": grid.resolution_m}
    if plan.family == "landsat":
        return band | {"scale": 2.75e-05, "offset": -0.2}
    return band if plan.offset_flagged is None else band | {"scale": 0.0001, "offset": -0.1 if plan.offset_flagged else 0}


def _eo_band(plan: ScenePlan, role: str, key: str) -> dict[str, Any]:
    low, high = optics.RESPONSES[plan.platform][role]
    common = {"rededge1": "rededge", "nir": "nir08" if plan.family == "landsat" else "nir"}.get(role, key)
    return {"name": key, "common_name": common, "center_wavelength": (low + high) / 2000, "full_width_half_max": (high - low) / 1000}


def make_item(plan: ScenePlan, scene: Rendered, files: dict[str, str], *, older: bool = False) -> dict[str, Any]:
    """The STAC item of a scene, with links and hrefs relative to its own folder.

    Parameters
    ----------
    files : band role to file name.
    """
    grids = {role: grid for role, (_, grid) in scene.rasters.items()}
    bbox, footprint = _polygon(next(iter(grids.values())))
    properties: dict[str, Any] = {"datetime": _iso(plan.when), "simulated": True, "platform": plan.platform, "proj:epsg": 32650}
    if plan.family == "sentinel-1":
        properties |= _sentinel1(plan)
    else:
        properties |= {"eo:cloud_cover": scene.cloud_percent, "view:sun_elevation": round(scene.sun[0], 3), "view:sun_azimuth": round(scene.sun[1], 3)} | (
            _landsat(plan) if plan.family == "landsat" else _sentinel2(plan, older)
        )
    assets = {}
    for role, name in files.items():
        key, grid = ASSETS[plan.family][role], grids[role]
        assets[key] = {
            "href": f"./{name}",
            "type": COG_TYPE,
            "roles": ["data"],
            "proj:shape": [grid.height, grid.width],
            "proj:transform": [grid.resolution_m, 0, grid.left, 0, -grid.resolution_m, grid.top],
            "raster:bands": [_raster_band(plan, role, grid)],
        }
        if role in optics.RESPONSES.get(plan.platform, {}):
            assets[key]["eo:bands"] = [_eo_band(plan, role, key)]
    collection = COLLECTIONS[plan.family]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [_EXTENSION.format(e) for e in _EXTENSIONS[plan.family]],
        "id": item_id(plan, older=older),
        "collection": collection,
        "geometry": footprint,
        "bbox": bbox,
        "properties": properties,
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
        "assets": assets,
    }


def make_collection(family: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The STAC collection of a family's items, which lie in folders of their names below it."""
    times = sorted(item["properties"]["datetime"] for item in items)
    boxes = [item["bbox"] for item in items]
    bbox = [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": COLLECTIONS[family],
        "title": TITLES[family],
        "description": DESCRIPTION,
        "license": "CC0-1.0",
        "keywords": ["simulated"],
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[times[0], times[-1]]]}},
        "links": [
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
            *({"rel": "item", "href": f"./{i['id']}/{i['id']}.json", "type": "application/geo+json"} for i in items),
        ],
    }


def make_catalog(families: list[str]) -> dict[str, Any]:
    """The root of the simulated world's catalog."""
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "rs-pipeline-sample",
        "title": "SIMULATED world",
        "description": DESCRIPTION,
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            *({"rel": "child", "href": f"./{COLLECTIONS[f]}/collection.json", "type": "application/json"} for f in families),
        ],
    }
