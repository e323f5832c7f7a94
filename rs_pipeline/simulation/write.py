"""Write the simulated world: a static STAC catalog with COGs, side tables, and the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import Progress

from rs_pipeline.errors import ConfigError
from rs_pipeline.simulation import stac, world_files
from rs_pipeline.simulation.plan import EVERY_DAYS, SCENE_FAMILIES, ScenePlan, plan_scenes
from rs_pipeline.simulation.scenes import RENDER, THERMAL_NODATA, Rendered, make_views
from rs_pipeline.simulation.side_tables import official_coast_km, supplied_tables, write_supplied_tables
from rs_pipeline.simulation.soil import write_soil
from rs_pipeline.simulation.themes import LANDSCAPE_KINDS
from rs_pipeline.simulation.truth import write_raster, write_side_tables, write_truth
from rs_pipeline.simulation.world import World, make_world, sea_lonlat
from rs_pipeline.storage.atomic import atomic_folder

FORMAT = 6
"""Version of the world's format; it is increased when the world changes, so that old worlds are made again."""
LAST_YEAR = 2025
MARKER = ".simulated-world"
"""A folder with this file may be replaced, even if a workflow has removed other files of the world."""
SENSORS = ("earth-search-sentinel-2-l2a", "planetary-computer-landsat-c2-l2", "planetary-computer-sentinel-1-rtc")
"""Sensor tables for a world's catalog."""
NODATA = {"sentinel-2": 0, "landsat": 0, "sentinel-1": -32768}


def write_world(
    path: Path, seed: int, years: int, *, landscape: str = "coast", size_px: tuple[int, int] = (600, 480),
    every_days: dict[str, int] = EVERY_DAYS,
) -> None:  # fmt: skip
    """Write a simulated world into a folder. The same arguments give the same bytes; an existing complete world with these arguments is kept.

    Parameters
    ----------
    path : folder to make. It is written completely or not at all.
    seed : another seed gives another landscape.
    years : number of calendar years, the last of which is LAST_YEAR.
    landscape : one of `themes.LANDSCAPE_KINDS`.
    size_px : width and height in 10 m pixels, multiples of 6. Lakes and towns grow and shrink with the world, rivers keep their width.
    every_days : days between scenes of ``sentinel-2``, ``landsat`` and ``sentinel-1``.

    Raises
    ------
    ConfigError : the folder exists and is not a simulated world, there is no such landscape, or the size cannot be divided into the
        sensors' pixels.
    """
    path = Path(path)
    if landscape not in LANDSCAPE_KINDS:
        raise ConfigError(f"no landscape {landscape!r}", where="simulation.landscape", remedy=f"one of {', '.join(LANDSCAPE_KINDS)}")
    if size_px[0] % 6 or size_px[1] % 6 or min(size_px) < 60:
        raise ConfigError(f"a world of {size_px[0]} x {size_px[1]} pixels", where="simulation.size_px", remedy="use multiples of 6, at least 60")
    recipe = {"format": FORMAT, "landscape": landscape, "seed": seed, "years": years, "size_px": list(size_px), "every_days": dict(every_days)}
    if _made_before(path) == recipe:
        return
    with atomic_folder(path, lasting=False) as part:
        part.mkdir()
        _write_all(part, recipe)


def run_config(path: Path, *, every_table: bool = False) -> str:
    """YAML of a configuration that runs the chain on a written world; the run is named after its folder.

    With ``every_table`` it names all tables of the world, so that every indicator has a value; without it results come from the satellites alone.
    """
    world = json.loads((Path(path) / "world.json").read_text("utf-8"))
    recipe, here = world["recipe"], Path(path).as_posix()
    config: dict[str, Any] = {
        "run": Path(path).name,
        "simulation": {"path": here} | {key: recipe[key] for key in ("seed", "years", "landscape", "size_px")},
        "units": {"path": f"{here}/units.gpkg"},
        "periods": world["calendar_years"],
        "grid": {"resolution_m": 10, "tile_px": 512},
        "sources": [{"sensor": sensor, "catalog": here} for sensor in SENSORS],
        "masks": {"radar_edge_m": 0},
        "black_odorous": {"wetland_prior": f"{here}/wetlands.gpkg"},
        "heat": {},
        "soil": {"dem": f"{here}/heights.tif", "erosivity": f"{here}/erosivity.tif", "erodibility": f"{here}/erodibility.tif"},
        "tables": supplied_tables(path) if every_table else {"grassland": f"{here}/grassland.gpkg"},
    }
    if every_table and world["official_coast_km"]:
        config["indicators"] = {"official_coast_km": {"000000": world["official_coast_km"]}}
    if world["sea_point"]:
        config["coastline"] = {"reference": f"{here}/coastline.gpkg", "tide_table": f"{here}/tide.csv", "sea_points": [world["sea_point"]], "tide_window": 0.25}
    return f"# A SIMULATED world ({recipe['landscape']}, seed {recipe['seed']}).\n{yaml.safe_dump(config, sort_keys=False)}"


def _made_before(path: Path) -> dict[str, Any] | None:
    """The recipe of the complete world in a folder; None where there is none and the folder may be created or
    replaced. Raises ConfigError where the folder has other content."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    if not (path / MARKER).is_file():
        raise ConfigError(
            "the folder for the simulated world holds something else",
            where=f"simulation.path: {path}",
            remedy="name an empty or new folder, or remove this one yourself",
        )
    try:
        recipe = json.loads((path / "world.json").read_text("utf-8"))["recipe"]
        return recipe if all((path / name).is_file() for name in world_files(recipe["landscape"])) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_all(folder: Path, recipe: dict[str, Any]) -> None:
    years = tuple(range(LAST_YEAR - recipe["years"] + 1, LAST_YEAR + 1))
    world = make_world(recipe["seed"], years, tuple(recipe["size_px"]), recipe["landscape"])
    plans = plan_scenes(recipe["seed"], years, recipe["every_days"])
    write_side_tables(world, folder)
    write_truth(world, folder / "truth")
    write_soil(world, folder)
    write_supplied_tables(world, folder)
    items: dict[str, list[dict[str, Any]]] = {family: [] for family in SCENE_FAMILIES}
    displaced: dict[str, list[float]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("simulated world", total=len(plans))
        for year in years:
            views = make_views(world, year)
            for plan in (p for p in plans if p.when.year == year):
                scene = RENDER[plan.family](world, views, plan)
                displaced[stac.item_id(plan)] = [round(scene.shift_m[1], 3), round(-scene.shift_m[0], 3)]
                items[plan.family] += _write_scene(world, plan, scene, folder)
                progress.advance(task)
    for family, members in items.items():
        _write_json(folder / stac.COLLECTIONS[family] / "collection.json", stac.make_collection(family, members))
    (folder / MARKER).write_text("Made by rs-pipeline; replaced when the configuration of the simulation changes.\n", "utf-8")
    _write_json(folder / "catalog.json", stac.make_catalog(list(items)))
    _write_json(folder / "world.json", _summary(world, plans, items, recipe) | {"displaced_m": displaced})


def _write_scene(world: World, plan: ScenePlan, scene: Rendered, folder: Path) -> list[dict[str, Any]]:
    """Write rasters and items of a scene; two items where it is duplicated."""
    name = stac.item_id(plan)
    here = folder / stac.COLLECTIONS[plan.family] / name
    here.mkdir(parents=True)
    files = {role: f"{key}.tif" for role, key in stac.ASSETS[plan.family].items()}
    for role, file in files.items():
        array, grid = scene.rasters[role]
        nodata = 1 if plan.family == "landsat" and role == "mask" else THERMAL_NODATA.get(role, NODATA[plan.family])
        write_raster(here / file, grid, [array], [role], nodata)
    if plan.corrupt:
        truncate(here / files["nir"])
    item = stac.make_item(plan, scene, files)
    _write_json(here / f"{name}.json", item)
    if not plan.duplicate:
        return [item]
    older = stac.make_item(plan, scene, files, older=True)
    there = here.with_name(older["id"])
    shutil.copytree(here, there, ignore=shutil.ignore_patterns("*.json"))
    _write_json(there / f"{older['id']}.json", older)
    return [older, item]


def truncate(path: Path, share: float = 0.4) -> None:
    """Truncate a file, as an interrupted download does."""
    with open(path, "r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def _summary(world: World, plans: list[ScenePlan], items: dict[str, list], recipe: dict[str, Any]) -> dict[str, Any]:
    def named(wanted: Callable[[ScenePlan], object]) -> list[str]:
        return [stac.item_id(p) for p in plans if wanted(p)]

    return {
        "simulated": True,
        "recipe": recipe,
        "calendar_years": list(world.years),
        "crs": world.grid.crs,
        "bounds": list(world.grid.bounds),
        "sea_point": list(sea_lonlat(world)) if world.coastal else None,
        "official_coast_km": official_coast_km(world) if world.coastal else None,
        "items": {stac.COLLECTIONS[f]: len(members) for f, members in items.items()},
        "wrong_offset_flag": named(lambda p: p.wrong_flag),
        "missing_offset_flag": named(lambda p: p.offset_flagged is None),
        "offset_in_pixels": named(lambda p: p.offset_in_pixels and p.family == "sentinel-2"),
        "corrupt": named(lambda p: p.corrupt),
        "duplicates": {stac.item_id(p): stac.item_id(p, older=True) for p in plans if p.duplicate},
        "dark_water_masked_as_shadow": named(lambda p: p.dark_as_shadow and p.family == "sentinel-2"),
        "scenes": {stac.item_id(p): {"tide_m": round(world.tide.height(p.when), 3), "cloud_cover": round(p.cloud_cover, 3)} for p in plans},
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
