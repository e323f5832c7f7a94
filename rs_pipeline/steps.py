"""The register of steps: what each reads, writes and depends on. The rules of the Snakefile, the verbs of the command, the lineage of an indicator, the
list of what a run still lacks, and the choice of what runs again after a change all come from it.

Products declare their own steps in their folders (`products.register`); this module has the steps that they share. A test runs the chain, records
which keys and files each step really reads, and fails where this register omits one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.inputs.outside import raster_paths
from rs_pipeline.paths import table_path
from rs_pipeline.products.baselines import with_baselines
from rs_pipeline.products.register import (
    CLEAR_PIXEL_KEYS,
    OBSERVE,
    Pattern,
    Product,
    Step,
    StepContext,
    block_memory_mb,
    chips,
    county_maps,
    heights_given,
    heights_read,
    observed_maps,
    period_maps,
    products,
    region_maps,
    resolve,
    sea_maps,
    sensor_tables,
    shipped,
)  # fmt: skip

OBSERVE_KEYS = (
    *CLEAR_PIXEL_KEYS, *(f"masks.{name}" for name in ("radar_edge_m", "vegetation", "water", "black_odorous")), "vegetation",
    *(f"water.{n}" for n in ("min_probability", "min_months", "permanent_frequency", "seasonal_frequency", "ephemeral_frequency", "tidal_reach_m", "vv_max_db", "vh_max_db")),
    *(f"black_odorous.{n}" for n in ("max_swir1_refl", "min_dates", "min_months", "min_positive_share", "min_sun_elevation_deg", "window")),
)  # fmt: skip
"""Keys that the maps of a tile and period depend on. Reaches and bodies are judged by later steps, from these maps."""

KEYS_OF_MAPS = ("soil.dem", "soil.bring_dem", "masks.dem", "heat.window")
"""Keys that decide which maps a run has: without heights there is no map of soil loss, without the section ``heat`` none of temperature."""

LIMIT_KEYS = (
    "grid.resolution_m", "water.min_reported_area_m2", "black_odorous.reach_length_m", "black_odorous.min_pond_m2", "coastline.transect_spacing_m", "land_zones.min_event_px",
)  # fmt: skip
"""Keys that the smallest amounts that count, or that can be distinguished from zero, depend on."""


def _coast_tables(place: StepContext) -> list[Path | None]:
    coast = place.settings.coastline
    return [coast.reference, coast.tide_table] if coast else []


def _zonal_maps(place: StepContext) -> list[Path]:
    tiles = [place.layout.tile_map(label, tile, name) for label in with_baselines(place) for tile in place.ask_tiles() for name in county_maps(place.settings)]
    return [*tiles, *sea_maps(place, with_baselines(place))]


def _tables_of_indicators(place: StepContext) -> list[Path | None]:
    settings, soil = place.settings, place.settings.soil
    rasters = [*raster_paths(settings), *heights_given(place), soil.erosivity, soil.erodibility]
    return [settings.targets_path, *(path for _, path in settings.tables), *rasters, settings.black_odorous.wetland_prior, *_coast_tables(place)]


def _every_map(place: StepContext) -> list[Path]:
    """Maps of each period, and maps of all periods together."""
    return [
        *(place.layout.map(name, label) for name in period_maps(place.settings) for label in place.periods),
        *(place.layout.region_map(name) for name, m in region_maps(place.settings).items() if not m.every_period),
    ]


def _coast(place: StepContext) -> list[Path]:
    return [place.layout.shorelines, place.layout.transects] if place.settings.coastline else []


def _places(place: StepContext) -> list[Path]:
    """Files that a run writes for watched places, the layer first."""
    if place.settings.tables.places is None:
        return []
    return [
        place.layout.places,
        place.layout.places_table,
        place.layout.place_events,
        *(path(label) for path in (place.layout.place_sums, place.layout.place_land) for label in place.periods),
    ]


def _needed_by_indicators(place: StepContext) -> list[Path]:
    """Files of the steps that products name as inputs of their indicators (``needs_steps``)."""
    wanted = {name for p in products().values() for name in p.needs_steps}
    found: list[Path] = []
    for step in [s for s in steps_of(place.settings) if s.name in wanted]:
        for at in [place.at(period=label) for label in place.periods] if step.scope == "period" else [place]:
            found += step.writes(at)
    return list(dict.fromkeys(found))


@cache
def n_units(path: Path, layer: str | None) -> int:
    """Number of units in a file; UNITS_OF_A_PROVINCE where it cannot be read yet."""
    import pyogrio  # it imports GeoPandas, which would slow every start of the command

    try:
        return int(pyogrio.read_info(path, layer=layer or pyogrio.list_layers(path)[0][0])["features"])
    except Exception:  # GDAL's drivers raise errors of many types; the check at the start reports what is wrong with the file
        return UNITS_OF_A_PROVINCE


def table_memory_mb(settings: Settings, fixed_mb: float, mb_a_unit_and_period: float) -> float:
    """Memory of a step that holds data of every unit and period, MB; the figures are those that `benchmarks.load` measures, plus half."""
    units = n_units(settings.units.path, settings.stated("units.path").layer)
    return fixed_mb + mb_a_unit_and_period * units * len(settings.all_periods)


def _zonal_memory_mb(settings: Settings) -> float:
    """Memory for a tile, MB: its maps in this period and the baseline, the layers that are summed, and their standard errors."""
    return 600 + ZONAL_BYTES_A_PIXEL * settings.grid.tile_px**2 / 1e6


def _finding() -> list[Product]:
    """Products that report places for an inspector to look at."""
    return [p for p in products().values() if p.findings]


def _published_layers(place: StepContext) -> list[Path]:
    layout = place.layout
    return [*_every_map(place), layout.bodies, layout.reaches, layout.inspection_index, layout.quality, layout.quality_monthly, *_coast(place)]


UNITS_OF_A_PROVINCE = 200

ZONAL_BYTES_A_PIXEL = 750

PLAIN_MB = 1500.0
"""Memory of a step that states none, MB; the Slurm profile has the same value."""

BEFORE_TILES = (
    Step(
        "search",
        "Search the catalogs and freeze what was found in scenes.parquet.",
        "rs_pipeline.catalog.search:search",
        scope="run",
        final=True,
        keys=("sources", "periods", "units", "search", "fetch.max_pixels", "heat.window"),
        tables=lambda s: (*sensor_tables(s), *shipped("platforms.yaml")),
        reads=lambda p: [p.settings.units.path],
        writes=lambda p: [p.layout.scenes, p.layout.orbits],
    ),
    Step(
        "grid",
        "Cut the region into tiles (tiles.parquet).",
        "rs_pipeline.region:grid",
        scope="run",
        keys=("units", "grid.crs", "grid.resolution_m", "grid.tile_px"),
        reads=lambda p: [p.settings.units.path],
        writes=lambda p: [p.layout.tiles],
    ),
    Step(
        "assign",
        "List the scenes of every tile and period; only lists that change make a tile run again.",
        "rs_pipeline.catalog.assign:assign",
        scope="run",
        keys=("periods", "grid.margin_m"),
        reads=lambda p: [p.layout.scenes, p.layout.tiles],
        writes=lambda p: [p.layout.tile_scenes],
        also_writes=lambda p: p.tiles(p.layout.scene_list),
    ),
)
"""Steps that run before the tiles and their scenes are known; the graph of the other steps is known after ``assign``."""

COMMON = (
    Step(
        "terrain",
        "Bring the heights around the units from the catalog (soil.bring_dem).",
        "rs_pipeline.catalog.heights:terrain",
        scope="run",
        keys=("sources", "units", "soil.bring_dem", "soil.dem", "masks.dem"),
        when=lambda s: s.brought_heights is not None,
        reads=lambda p: [p.settings.units.path],
        writes=heights_read,
    ),
    Step(
        "fetch",
        "Clip the scenes of a tile and period to verified chips.",
        "rs_pipeline.catalog.fetch:fetch",
        scope="tile_period",
        threads=2,
        memory_mb=lambda s: 1500,
        keys=("grid.margin_m", "masks.shadow_height_m", "fetch.max_pixels"),
        tables=sensor_tables,
        give_up="rs_pipeline.catalog.fetch:write_failed",
        reads=lambda p: [p.layout.tiles, p.layout.scene_list(p.period, p.tile)],
        writes=chips,
    ),
    Step(
        OBSERVE,
        "Make the vegetation, water, black-odorous and observation maps of a tile and period.",
        "rs_pipeline.products.observe:observe",
        scope="tile_period",
        threads=2,
        priority=1,
        memory_mb=block_memory_mb,
        keys=OBSERVE_KEYS,
        tables=lambda s: (*sensor_tables(s), *shipped("black_odorous.json", "vegetation.json")),
        reads=lambda p: [*chips(p), p.layout.tiles],
        side_files=lambda p: [p.settings.masks.dem, p.settings.vegetation.networks, *_coast_tables(p)[:1]],
        writes=lambda p: [p.layout.tile_map(p.period, p.tile, name) for name in observed_maps()],
    ),
    Step(
        "preview",
        "Make the true-colour picture of a tile and period that the report shows.",
        "rs_pipeline.products.preview:preview",
        scope="tile_period",
        priority=1,
        memory_mb=lambda s: 1500,
        tables=sensor_tables,
        reads=lambda p: [*chips(p), p.layout.tiles],
        writes=lambda p: [p.layout.preview(p.period, p.tile)],
    ),
    Step(
        "mosaic",
        "Join the tiles of a product and period into a Cloud-Optimised GeoTIFF.",
        "rs_pipeline.publish.mosaic:mosaic",
        scope="map",
        final=True,
        reads=lambda p: [p.layout.tiles, *(p.layout.tile_map(p.period, tile, p.product) for tile in p.ask_tiles())],
        writes=lambda p: [p.layout.map(p.product, p.period)],
        also_writes=lambda p: [p.layout.map(p.product, p.period).with_suffix(".qml")],
    ),
    Step(
        "zonal",
        "Sum the maps of a period over counties.",
        "rs_pipeline.indicators.zonal:zonal",
        scope="period",
        final=True,
        memory_mb=_zonal_memory_mb,
        keys=("baseline", "province", "units", "water.permanent_frequency", "water.seasonal_frequency", "products", "heat.hot_k", *KEYS_OF_MAPS),
        reads=lambda p: [p.layout.tiles, *_zonal_maps(p), *(p.layout.chips(p.period, t) for t in p.ask_tiles()), p.settings.units.path, p.layout.settlements],
        side_files=lambda p: [p.settings.tables.grassland, p.settings.tables.lakes, p.settings.tables.places, p.settings.targets_path],
        writes=lambda p: [p.layout.counties(p.period), p.layout.changes(p.period), *([p.layout.place_sums(p.period)] if p.settings.tables.places else [])],
    ),
)

AFTER_PRODUCTS = (
    Step(
        "indicators",
        "Judge every county, period and target; write indicators and evidence.",
        "rs_pipeline.indicators.table:indicators",
        scope="run",
        final=True,
        memory_mb=lambda s: table_memory_mb(s, 800, 0.012),
        keys=(
            "indicators",
            "settlements",
            "trend",
            "soil",
            "ecology",
            "heat",
            "baseline",
            "province",
            "units",
            "products",
            "vegetation.peak_window",
            *LIMIT_KEYS,
        ),
        tables=lambda s: (*shipped("errors.csv", "land.json"), str(table_path("provinces", s.province))),
        reads=lambda p: [
            *_needed_by_indicators(p),
            *heights_read(p),
            p.layout.scenes,
            p.layout.tiles,
            p.settings.units.path,
            *(p.layout.map("vegetation", label) for label in p.periods if p.settings.tables.grassland_plots or p.settings.tables.reference_samples),
            *(p.layout.map(name, label) for name in ("water", "land") for label in p.periods if p.settings.tables.reference_samples),
            *(sea_maps(p, p.periods) if p.settings.tables.reference_samples else ()),
        ],
        side_files=_tables_of_indicators,
        writes=lambda p: [p.layout.indicators, p.layout.indicators_parquet, p.layout.evidence],
    ),
    Step(
        "findings",
        "List the places that an inspector should look at; write findings.gpkg, .csv, .kml, .gpx and a form to fill in.",
        "rs_pipeline.publish.findings:findings",
        scope="run",
        final=True,
        keys=("units", "baseline", "land_zones", "products", "black_odorous.visit_distance_m"),
        tables=lambda s: shipped("land.json"),
        reads=lambda p: [p.settings.units.path, p.layout.tiles, *(path for product in _finding() for path in product.findings_read(p))],
        side_files=lambda p: [
            p.settings.tables.known_findings,
            p.settings.tables.field_results,
            p.settings.tables.townships,
            *(path for product in _finding() for path in product.findings_side_files(p)),
        ],
        writes=lambda p: [p.layout.findings, *(p.layout.findings.with_suffix(e) for e in (".csv", ".kml", ".gpx")), p.layout.findings_form],
    ),
    Step(
        "gis",
        "Write counties.gpkg with verdicts and the latest values, QGIS styles of all layers, indicators.xlsx and data_dictionary.csv.",
        "rs_pipeline.publish.gis:gis",
        scope="run",
        final=True,
        memory_mb=lambda s: table_memory_mb(s, 800, 0.012),
        keys=("units", "province"),
        reads=lambda p: [
            p.layout.indicators,
            p.layout.indicators_parquet,
            p.layout.evidence,
            p.settings.units.path,
            p.layout.scenes,
            p.layout.orbits,
            p.layout.tiles,
            p.layout.tile_scenes,
            p.layout.reach_lines,
            p.layout.inspection_list,
            *(path.with_suffix(".csv") for path in _coast(p)[1:]),
            *_needed_by_indicators(p),
            *_published_layers(p),
            *_places(p),
            *sea_maps(p, p.periods),
            p.layout.findings,
            p.layout.findings.with_suffix(".csv"),
            p.layout.findings_form,
        ],
        side_files=lambda p: [p.settings.targets_path],
        writes=lambda p: [
            p.layout.counties_latest,
            p.layout.indicators_workbook,
            p.layout.dictionary,
            *(path.with_suffix(".qml") for path in (p.layout.reaches, p.layout.bodies, *_places(p)[:1], *_coast(p), p.layout.findings)),
        ],
    ),
    Step(
        "report",
        "Write the report that opens in a browser without a network.",
        "rs_pipeline.publish.report:report",
        scope="run",
        final=True,
        memory_mb=lambda s: table_memory_mb(s, 1000, 0.15),
        keys=(
            "units",
            "baseline",
            "province",
            "sources",
            "grid",
            "vegetation",
            "water",
            "black_odorous",
            "indicators",
            "trend.min_years",
            "report",
            *KEYS_OF_MAPS,
        ),
        reads=lambda p: [
            p.layout.indicators,
            p.layout.findings,
            *([p.layout.places_table] if p.settings.tables.places else []),
            *_published_layers(p),
            p.layout.scenes,
            p.layout.orbits,
            p.layout.tiles,
            p.settings.units.path,
            *(p.layout.counties(label) for label in p.periods),
            *p.tiles(p.layout.preview),
            *p.tiles(p.layout.chips),
        ],
        side_files=lambda p: [p.settings.targets_path, p.settings.report.earlier_indicators],
        writes=lambda p: [p.layout.report, p.layout.report_pictures],
    ),
    Step(
        "stac",
        "Describe the outputs as a STAC collection.",
        "rs_pipeline.publish.stac:stac",
        scope="run",
        final=True,
        keys=("units", *KEYS_OF_MAPS),
        reads=lambda p: [
            p.layout.indicators,
            p.layout.evidence,
            p.layout.counties_latest,
            p.layout.dictionary,
            p.layout.indicators_workbook,
            p.layout.findings,
            *_published_layers(p),
            p.layout.report,
            p.settings.units.path,
        ],
        writes=lambda p: [p.layout.stac],
        also_writes=lambda p: [p.layout.stac.parent],
    ),
)


@cache
def steps() -> dict[str, Step]:
    """Every step by name, in the order of processing."""
    return {s.name: s for s in (*BEFORE_TILES, *COMMON, *(s for p in products().values() for s in p.steps), *AFTER_PRODUCTS)}


def steps_of(settings: Settings) -> list[Step]:
    """The steps of a run."""
    return [s for s in steps().values() if s.when(settings)]


def step_places(step: Step, settings: Settings, tile_ids: Iterable[str] = ()) -> list[StepContext]:
    """Every place (period, tile, product) of a run in which a step works."""
    ids = list(tile_ids)
    plain, periods = StepContext(settings, ask_tiles=lambda: ids), [p.label for p in settings.all_periods]
    return {
        "run": lambda: [plain],
        "period": lambda: [plain.at(period=p) for p in periods],
        "tile": lambda: [plain.at(tile=t) for t in ids],
        "tile_period": lambda: [plain.at(period=p, tile=t) for p in periods for t in ids],
        "map": lambda: [plain.at(period=p, product=name) for name in period_maps(settings) for p in periods],
    }[step.scope]()


def step_of(verb: str) -> Step | None:
    """The step of a verb, which may name a product after a colon; None where no step has that verb."""
    return next((s for s in steps().values() if s.verb == verb.partition(":")[0]), None)


def call_step(step: Step, settings: Settings, names: Iterable[str], threads: int = 1) -> None:
    """Do a step; ``names`` are the arguments of its scope (tile, period, product), in the order of `Step.function`."""
    resolve(step.function)(settings, *names, **({"threads": threads} if step.threads > 1 else {}))


def maker(settings: Settings, path: Path, tile_ids: Iterable[str]) -> tuple[Step, StepContext] | None:
    """The step that writes a file or its folder, and the place in which it does; None where no step of the run does."""
    for step in steps_of(settings):
        for place in step_places(step, settings, tile_ids):
            if any(path.is_relative_to(written.absolute()) for written in (*step.writes(place), *step.also_writes(place))):
                return step, place
    return None


def final_outputs(settings: Settings) -> list[Path]:
    """Files that a complete run has."""
    return [path for step in steps_of(settings) if step.final for place in step_places(step, settings) for path in step.writes(place)]


def step_keys(step: Step, settings: Settings) -> tuple[str, ...]:
    """Configuration keys that a step depends on: its own, and the entries of ``inputs`` about the user's files that it reads."""
    place = StepContext(settings)
    files = {*step.reads(place), *step.side_files(place)}
    return (*step.keys, *(f"inputs.{key}" for key in settings.inputs if settings.path_of(key) in files))


def depends_on(step: Step, settings: Settings) -> str:
    """What a step depends on besides files, as one line: values of configuration keys and digests of shipped tables. The step runs again when it changes."""
    return settings.fingerprint(*step_keys(step, settings)) + "".join(f" {Path(t).name}:{_digest(t)}" for t in step.tables(settings))


@cache
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


Node = tuple[str, str]
"""(step, product): a step of scope ``map`` is one node per product, because these maps do not depend on each other."""


def graph(settings: Settings) -> dict[Node, set[Node]]:
    """Each node to the nodes whose files it reads; one pattern stands for all tiles and periods."""
    nodes = {(s.name, p): Pattern(settings, p) for s in steps_of(settings) for p in (period_maps(settings) if s.scope == "map" else ("{product}",))}
    made = {path: node for node, at in nodes.items() for path in [*steps()[node[0]].writes(at), *steps()[node[0]].also_writes(at)]}
    return {node: {made[path] for path in steps()[node[0]].reads(at) if path in made} for node, at in nodes.items()}


def in_order(settings: Settings) -> list[Node]:
    """All nodes in topological order: each after those that it depends on."""
    return list(TopologicalSorter(graph(settings)).static_order())


@dataclass(frozen=True)
class Round:
    """Steps of a tile and period that one job does in one process, because none of them needs a file of the region that another of them leads to."""

    number: int
    """Counts from 1; a later round depends on maps or tables of the region that were made from the round before."""
    steps: tuple[Step, ...]
    """Each after those that it depends on."""
    needs: Mapping[str, frozenset[str]]
    """Name of a step to the names of the steps of the round that it depends on."""

    @property
    def name(self) -> str:
        """Name of the Snakemake rule."""
        return f"round_{self.number}"

    @property
    def threads(self) -> int:
        return max(step.threads for step in self.steps)

    @property
    def priority(self) -> int:
        return max(step.priority for step in self.steps)

    def memory_mb(self, settings: Settings) -> float:
        """Memory of the largest step, MB: the steps are done one after the other."""
        return max(step.memory_mb(settings) if step.memory_mb else PLAIN_MB for step in self.steps)


def rounds(settings: Settings) -> list[Round]:
    """The steps of tiles and periods, grouped into jobs, in order. A step that depends on a file of the whole region begins a new round."""
    rests_on = graph(settings)
    number: dict[Node, int] = {}
    for node in TopologicalSorter(rests_on).static_order():
        before = [(steps()[other[0]].of_tile, number[other]) for other in rests_on[node]]
        goes_back = not steps()[node[0]].of_tile
        number[node] = max((n + (goes_back and of_tile) for of_tile, n in before), default=1)
    members = {n: [node[0] for node in rests_on if steps()[node[0]].of_tile and number[node] == n] for n in set(number.values())}
    return [_round(n, names, rests_on) for n, names in sorted(members.items()) if names]


def _round(number: int, names: list[str], rests_on: Mapping[Node, set[Node]]) -> Round:
    needs = {name: frozenset(other for other, _ in rests_on[name, "{product}"] if other in names) for name in names}

    def depth(name: str) -> int:
        return 1 + max(map(depth, needs[name]), default=0)

    return Round(number, tuple(steps()[name] for name in sorted(names, key=depth)), needs)


def upstream(settings: Settings, names: Iterable[str], not_summed: Collection[str] = ()) -> list[Step]:
    """The named steps and all steps that they depend on, directly or not, in order. ``not_summed``: steps whose maps are left out where step ``zonal`` reads them."""
    before, wanted = graph(settings), set()
    todo = [node for node in before if node[0] in set(names)]
    while todo:
        node = todo.pop()
        wanted.add(node)
        todo += {other for other in before[node] if node[0] != "zonal" or other[0] not in not_summed} - wanted
    return [steps()[name] for name in dict.fromkeys(name for name, product in TopologicalSorter(before).static_order() if (name, product) in wanted)]


def lineage(settings: Settings, product: str) -> list[Step]:
    """The steps that lead to the indicators of a product, in order; all steps of the run for an unknown product."""
    if product not in products():
        return steps_of(settings)
    own = products()[product]
    makers = {name: region_maps()[name].made_by for name in county_maps(settings)}
    not_summed = set(makers.values()) - {makers[name] for name in own.county_maps or makers if name in makers}
    not_asked = {"settlements"} - set(own.needs_steps)  # their sums stand in the files of all other sums
    return [*upstream(settings, own.needs_steps, not_summed | not_asked), steps()["indicators"]]


def keys_of(settings: Settings, product: str) -> tuple[str, ...]:
    """Configuration keys that the indicators of a product depend on."""
    return tuple(dict.fromkeys(key for step in lineage(settings, product) for key in step_keys(step, settings)))
