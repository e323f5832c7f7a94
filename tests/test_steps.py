"""The register of steps against what the steps do: the chain is run step by step, and every key and file that is read is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from rasterio.transform import from_bounds

from rs_pipeline import steps as module
from rs_pipeline.config import RUNTIME_SECTIONS, parse
from rs_pipeline.config import load as load_settings
from rs_pipeline.products import register
from rs_pipeline.products.register import resolve
from rs_pipeline.simulation.write import run_config, write_world
from rs_pipeline.steps import depends_on, in_order, step_places, steps, steps_of
from rs_pipeline.storage.provenance import code_sha256, freeze
from tests.recording import recorded

EVERYWHERE = ("baseline", "periods", "grid.resolution_m", "grid.crs", "units.path", "simulation.path", "inputs")
"""Read to find out which files are meant, or how; they are in the names or the content of files that the step declares (of ``inputs``: `step_keys`)."""


def side_tables(folder: Path, world: Path) -> dict[str, str]:
    """A table of every kind, so that every key is read."""
    units = gpd.read_file(world / "units.gpkg")
    codes, box = units.adcode.tolist(), units.total_bounds
    zone = gpd.GeoDataFrame({"name": ["z"], "type": ["meadow"]}, geometry=[shapely.box(*box).buffer(-(box[2] - box[0]) / 4)], crs=units.crs)
    zone.to_file(folder / "zone.gpkg", driver="GPKG")
    zone.assign(kind="village").to_file(folder / "places.gpkg", driver="GPKG")
    known = {"finding_id": "C-1", "kind": "natural_coast_lost", "state": "new", "first_seen": "2025", "last_seen": "2025"}
    zone[["geometry"]].assign(**known).to_file(folder / "known_findings.gpkg", driver="GPKG")
    with rasterio.open(
        folder / "pm25.tif", "w", driver="GTiff", width=1, height=1, count=1, dtype="float32", crs=units.crs, transform=from_bounds(*box, 1, 1)
    ) as raster:
        raster.write(np.full((1, 1), 30, "float32"), 1)
    x, y = zone.geometry[0].centroid.coords[0]
    texts = {
        "gdp": "adcode,period,gdp\n" + "".join(f"{c},{p},100\n" for c in codes for p in ("2024", "2025")),
        "lists": f"target_id,adcode,name,since\nC20-01,{codes[0]},a,2024\n",
        "rasters": "target_id,period,path,unit\nC05-02,2025,pm25.tif,ug/m3\n",
        "values": f"adcode,period,target_id,value,lower,upper\n{codes[0]},2025,C05-01,30,29,31\n",
        "field_results": f"lon,lat,date,black,finding_id\n{x},{y},2025-07-01,1,\n{x},{y},2025-07-02,0,C-1\n",
        "reference_samples": f"lon,lat,period,product,value\n{x},{y},2025,permanent_water,0\n",
        "grassland_plots": f"lon,lat,year,type,cover\n{x},{y},2025,meadow,60\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    zones = ("lakes", "urban", "restored_coast", "red_line", "mines", "reserves", "xiongan", "shoreline_buffers")
    return (
        {n: str(folder / f"{n}.csv") for n in texts}
        | {n: str(folder / "zone.gpkg") for n in zones}
        | {"grassland": str(world / "grassland.gpkg"), "places": str(folder / "places.gpkg"), "known_findings": str(folder / "known_findings.gpkg")}
    )


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Every step of a small coastal world, in order: (settings, step, place, recording, files written)."""
    folder = tmp_path_factory.mktemp("steps")
    world = folder / "world"
    write_world(world, 5, 2, size_px=(150, 120), every_days={"sentinel-2": 15, "landsat": 60, "sentinel-1": 60})
    values = yaml.safe_load(run_config(world)) | {"output": str(folder / "results"), "tables": side_tables(folder, world)}
    settings = parse(values | {"grid": {"resolution_m": 10, "tile_px": 128}})
    freeze(settings)
    code_sha256()  # it reads every table that is shipped, once
    settings = load_settings(settings.root / "config.yaml")
    done, ids = [], []
    for name, product in in_order(settings):
        step = steps()[name]
        for place in [p for p in step_places(step, settings, ids) if p.product == product]:
            names = {"run": (), "period": (place.period,), "tile": (place.tile,), "map": (place.product, place.period)}
            before = {p: p.stat().st_mtime_ns for p in settings.root.rglob("*") if p.is_file()}
            with recorded(settings) as recording:
                resolve(step.function)(settings, *names.get(step.scope, (place.tile, place.period)))
            made = {p for p in settings.root.rglob("*") if p.is_file() and before.get(p) != p.stat().st_mtime_ns}
            done.append((settings, step, place, recording, made))
        if step.name == "grid":
            from rs_pipeline.tiles import read_tiles

            ids = [t.id for t in read_tiles(settings)]
    return done


LEDGER = "scenes.parquet"
"""Jobs of a tile read their scenes here; those are listed in the tile's ``scenes.csv``, whose change makes the jobs run again."""


def covers(declared: str, key: str) -> bool:
    return f"{key}.".startswith(f"{declared}.")


def given(settings, key: str):
    for name in key.split("."):
        settings = getattr(settings, name)
        settings = settings[0] if isinstance(settings, list) and settings and not isinstance(settings[0], int | str) else settings
    return settings


def is_side_file(settings, step, place, key: str) -> bool:
    """A path that is not given here is among the step's files where it is."""
    section, name = key.split(".")
    values = settings.model_dump(mode="json")
    other = parse({**values, section: {**values[section], name: "given.gpkg"}})
    return Path("given.gpkg") in step.side_files(replace(place, settings=other))


def test_every_key_that_a_step_reads_is_in_the_register(chain):
    missing = set()
    for settings, step, place, recording, _ in chain:
        files = {str(p) for p in [*step.reads(place), *step.side_files(place)] if p}
        for key in recording.keys:
            declared = any(covers(d, key) for d in (*step.keys, *RUNTIME_SECTIONS, *EVERYWHERE))
            value = given(settings, key)
            if not declared and str(value) not in files and not (value is None and is_side_file(settings, step, place, key)):
                missing.add((step.name, key))
    assert not missing, "\n".join(f"{name}: {what}" for name, what in sorted(missing))


def test_every_file_that_a_step_reads_is_in_the_register(chain):
    missing = set()
    for settings, step, place, recording, _ in chain:
        declared = [
            Path(p).resolve() for p in [*step.reads(place), *step.side_files(place), *step.writes(place), *step.also_writes(place), *step.tables(settings)] if p
        ]
        folders = [p.with_name("native") for p in declared if p.name == "chips.parquet"] + [p for p in declared if p.is_dir()]
        folders += [p.parent for p in declared if p == place.layout.inspection_index.resolve()]  # the index lists the pictures beside it
        own = {settings.root.resolve() / "config.yaml", *(p.with_suffix(".qml") for p in declared)}
        for path in recording.files:
            mine = path.is_relative_to(settings.root.resolve()) or path.is_relative_to(register.config_folder().resolve())
            of_tile = path.name == LEDGER and (step.of_tile or step.name == "pictures")
            lost = step.name == "assign" and path.name == "chips.parquet"  # what an earlier run could not read
            if (
                mine
                and not of_tile
                and not lost
                and not path.is_dir()
                and path not in declared
                and path not in own
                and not any(path.is_relative_to(f) for f in folders)
                and ".part" not in str(path)
                and not path.name.startswith(".")
            ):
                missing.add((step.name, str(path.relative_to(path.anchor))[-60:]))
    assert not missing, "\n".join(f"{name}: {what}" for name, what in sorted(missing))


def test_every_file_that_a_step_writes_is_in_the_register(chain):
    missing = set()
    for settings, step, place, _, made in chain:
        declared = {p.resolve() for p in [*step.writes(place), *step.also_writes(place)]}
        folders = [p.with_name("native") for p in declared if p.name == "chips.parquet"] + [p for p in declared if p.is_dir()]
        missing |= {
            (step.name, str(p.relative_to(settings.root)))
            for p in made
            if p.resolve() not in declared and not any(p.resolve().is_relative_to(f) for f in folders)
        }
        assert all(p.exists() for p in step.writes(place) if p.name != "native"), step.name
    assert not missing, "\n".join(f"{name}: {what}" for name, what in sorted(missing))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("black_odorous.suspected_probability", 0.9, "reaches report"),
        ("masks.shadow_height_m", [100.0, 9000.0], "fetch observe shore land heat quality_scores reach_scores"),
        ("masks.land", ["nodata", "cloud"], "land"),
        ("masks.heat", ["nodata", "cloud"], "heat"),
        ("heat.window", ["05-01", "09-30"], "search heat zonal indicators report stac"),
        ("heat.hot_k", 4.0, "zonal indicators"),
        ("heat.min_dates", 3, "heat indicators"),
        ("coastline.sea_points", [[118.0, 39.0]], "sea coastline"),
        ("units.code", "code", "search grid zonal trend_zonal bodies reach_lines coastline land_zonal places indicators findings gis report stac"),
        ("water.permanent_frequency", 0.8, "observe zonal report"),
        ("vegetation.peak_percentile", 80.0, "observe report"),
        ("grid.margin_m", 500.0, "assign fetch reach_lines reach_scores report"),
        ("indicators.publish_fraction", 0.9, "places indicators report"),
        ("inputs.tables.values", {"encoding": "gbk"}, "indicators"),
        ("inputs.tables.grassland", {"crs": "BD-09"}, "zonal indicators"),
        ("coastline.tide_msl_m", 1.2, "shore coastline"),
        ("coastline.level", "mhws", "shore coastline"),
        ("coastline.min_dates", 3, "shore coastline"),
        ("coastline.min_contrast", 0.08, "shore coastline"),
        ("resources.memory_gb", 4.0, ""),
        ("fetch.timeout_s", 9.0, ""),
    ],
)
def test_what_runs_again_when_a_key_changes(chain, key, value, expected):
    """The steps that depend on the key themselves; what rests on their files follows."""
    settings = chain[0][0]
    values = settings.model_dump(mode="json")
    section, name = key.split(".", 1)
    changed = parse({**values, section: {**values[section], name: value}})
    again = {s.name for s in steps_of(settings) if depends_on(s, settings) != depends_on(s, changed)}
    assert again == set(expected.split())


def test_a_table_that_changes_makes_its_steps_run_again(chain, monkeypatch):
    """Models, sensors and errors are named with the digest of their content."""
    settings = chain[0][0]
    before = {s.name: depends_on(s, settings) for s in steps_of(settings)}
    plain = module._digest

    def after(changed: str) -> set[str]:
        monkeypatch.setattr(module, "_digest", lambda path: "new" if path.endswith(changed) else plain(path))
        return {s.name for s in steps_of(settings) if depends_on(s, settings) != before[s.name]}

    assert after("land.json") == {"land", "places", "indicators", "findings"}
    assert after("vegetation.json") == {"observe"}
    assert after("black_odorous.json") == {"observe", "reach_scores", "reaches"}
    assert {"search", "fetch", "observe", "land", "shore"} <= after("earth-search-sentinel-2-l2a.yaml")


def test_every_key_of_the_register_is_one_of_the_configuration(chain):
    settings = chain[0][0]
    for step in steps_of(settings):
        assert settings.subset(step.keys).keys() == set(step.keys)


OF_PIXELS = {
    *(f"black_odorous.{n}" for n in ("min_dates", "min_months", "min_positive_share", "window", "min_sun_elevation_deg", "max_swir1_refl", "min_width_m", "min_core_pixels")),
    *(f"water.{n}" for n in ("min_probability", "min_months", "permanent_frequency", "seasonal_frequency", "ephemeral_frequency", "vv_max_db", "vh_max_db", "tidal_reach_m")),
    *(f"coastline.{n}" for n in ("tide_time_zone", "tide_msl_m", "tide_window", "level", "min_dates", "min_contrast")),
}  # fmt: skip
"""Keys of sections with decisions that the pixels of a tile are read with: the classes of maps are among them, for they are drawn in the one pass over the dates."""

DECISION_SECTIONS = ("black_odorous", "water", "coastline", "trend", "land_zones", "settlements", "indicators")


@pytest.fixture(scope="module")
def sample():
    return load_settings(register.config_folder() / "config.yaml")


def reruns(settings, key: str) -> set[str]:
    """Steps that name a key, or a section or part of it."""
    return {s.name for s in steps_of(settings) if any(covers(d, key) or covers(key, d) for d in s.keys)}


def follows(settings, names: set[str]) -> set[str]:
    """Steps that rest on the files of some."""
    found, needs = set(names), module.graph(settings)
    while more := {step for (step, _), before in needs.items() if step not in found and {n for n, _ in before} & found}:
        found |= more
    return found - names


@pytest.mark.parametrize("section", DECISION_SECTIONS)
def test_decisions_rerun_decisions_alone(sample, section):
    """Of each key of the section: no step of a tile, which reads pixels, unless the key is one of theirs."""
    of_tiles = {s.name for s in steps_of(sample) if s.of_tile}
    for name in type(getattr(sample, section)).model_fields:
        again = reruns(sample, f"{section}.{name}") & of_tiles
        assert bool(again) == (f"{section}.{name}" in OF_PIXELS), (name, again)


@pytest.mark.parametrize(
    ("key", "first", "never"),
    [
        ("black_odorous.suspected_probability", {"reaches", "report"}, {"search", "fetch", "observe", "mosaic", "land", "reach_scores", "zonal", "coastline"}),
        ("indicators.range_fraction", {"indicators", "places", "report"}, {"search", "fetch", "observe", "mosaic", "zonal", "reaches", "coastline"}),
        ("land_zones.min_rise", {"land_zonal", "findings"}, {"search", "fetch", "land", "mosaic", "observe"}),
        ("settlements.min_ha", {"settlements", "indicators"}, {"search", "fetch", "land", "mosaic", "observe", "reaches"}),
        ("coastline.stable_m_yr", {"coastline"}, {"search", "fetch", "shore", "observe", "mosaic"}),
        ("trend.false_discovery_rate", {"trend_map", "trend_zonal", "indicators", "places"}, {"search", "fetch", "observe", "trend"}),
    ],
)  # fmt: skip
def test_what_follows_a_decision(sample, key, first, never):
    again = reruns(sample, key)
    assert again == first and not never & (again | follows(sample, again)), follows(sample, again)


def test_a_visit_reruns_what_counts_it_and_nothing_that_reads_pixels(chain):
    """The steps whose own files a visit is in; what rests on theirs follows, and no step of a tile, map of the region or search does."""
    settings, ids = chain[0][0], ["r000c000"]

    def again(settings, key: str) -> set[str]:
        path = getattr(settings.tables, key)
        return {s.name for s in steps_of(settings) for place in step_places(s, settings, ids) if path in s.side_files(place)}

    first = again(settings, "field_results")
    assert first == again(settings, "known_findings") == {"reaches", "coastline", "land_zonal", "indicators", "findings"}
    assert follows(settings, first) == {"places", "gis", "report", "stac", "pictures"}
    alone = settings.model_copy(update={"tables": settings.tables.model_copy(update={"known_findings": None})})
    assert again(alone, "field_results") == {"reaches", "indicators", "findings"}, "without a list no visit is about land or coast"
