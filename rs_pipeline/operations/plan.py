"""Verb ``plan``: estimates the cost of a run in advance. Scenes are those of the ledger, or of the catalogs' items; no scene is opened.

Requests and bytes are those that the pipeline's own reader makes: for each band of a scene the header once, and once each block that a tile's window meets,
with one request per row of blocks that no tile before it needed. Values that cannot be known in advance are in `CONSTANTS`, each with its origin.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from rasterio.warp import transform_bounds

from rs_pipeline.catalog.address import is_api
from rs_pipeline.catalog.api import PAGE_SIZE
from rs_pipeline.catalog.fetch import chip_grid, is_remote, tile_outline
from rs_pipeline.catalog.heights import MARGIN_DEG
from rs_pipeline.catalog.registration import windows
from rs_pipeline.catalog.search import collect, deduplicate, last_search
from rs_pipeline.catalog.self_test import TEST_PX
from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError, EmptySearchError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Band, Grid, Period, Scene, Tile
from rs_pipeline.radiometry.dates import LOOK_BANDS
from rs_pipeline.radiometry.masks import shadow_reach_m
from rs_pipeline.radiometry.shifts import MIN_DATES
from rs_pipeline.region import load_units, run_grid, utm_crs
from rs_pipeline.remote.ranges import HEAD_BYTES, MAX_PART_BYTES
from rs_pipeline.sensors import load_sensor
from rs_pipeline.steps import rounds, steps_of
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import make_tiles

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in metres of a CRS."""

Blocks = set[tuple[int, int]]
"""Rows and columns of a file's blocks, and HEADER."""

HEADER = (-1, -1)
"""Stands for the header of a file in Blocks."""


@dataclass(frozen=True)
class Constants:
    """Assumptions of the estimate, with their origin."""

    block_px: int = 1024
    """Side of a block of the files: COGs of Earth Search, as its `sentinel-2-c1-l2a` writes them; Planetary Computer's have 512."""
    overviews: float = 4 / 3
    """Pixels of a file with its overviews to those at full resolution: each overview has a quarter of the pixels of the one before."""
    bytes_a_pixel: float = 1.7
    """Bytes per pixel of a compressed optical file, overviews included, where the item does not state its size: 1.62 at 10 m and 1.74 to 1.82 at 20 m by
    `file:size` of a recorded item of sentinel-2-c1-l2a. For Landsat no size is recorded; the same value is assumed."""
    bytes_a_mask_pixel: float = 0.06
    """The same for a scene classification, from the same item."""
    bytes_a_radar_pixel: float = 2.8
    """The same for a band of Sentinel-1 RTC, float32: 2.4 to 3.0 in five recorded items of Planetary Computer."""
    bytes_a_height: float = 2.6
    """The same for heights, float32: tiles of one degree of Copernicus GLO-30 have 25 to 45 MB."""
    chip_bytes_a_pixel: float = 1.31
    """Bytes per native pixel of a chip, zstd: 10.5 bits, `benchmarks/latest.json`, chip layout."""
    map_bytes_a_pixel: float = 13.0
    """Bytes per pixel of all maps of a period, `benchmarks/latest.json`, growth; mosaics take the same again."""
    core_ns_a_pixel: float = 16.0
    """Core time of `observe` per native pixel: 80 ns per 10 m pixel and date of seven bands, which are five native pixels, `benchmarks/latest.json`, growth."""
    steps_to_observe: float = 4.0
    """Ratio of the core time of all steps of a tile and period to that of `observe`, without start-up: `benchmarks/` of the sample run, six tile-years."""
    core_s_a_job: float = 6.0
    """Core seconds of a job besides its pixels (start-up, libraries, compiled kernels): the same run took 293 s in 42 jobs of tiles, 24 s of them for
    pixels."""


CONSTANTS = Constants()

HEIGHTS_A_DEGREE = 3600
"""Pixels of a tile of heights, one degree, south of 50 N."""


@dataclass(frozen=True)
class TileCost:
    """Cost of a tile and period, or of the search (``tile`` empty)."""

    period: str
    tile: str
    scenes: int = 0
    granules: int = 0
    """Number of different granules of the scenes: Sentinel-2 tiles, or Landsat paths and rows."""
    requests: float = 0.0
    network_bytes: float = 0.0
    disk_bytes: float = 0.0
    core_s: float = 0.0


AMOUNTS = tuple(f.name for f in fields(TileCost) if f.name not in ("period", "tile", "scenes", "granules"))


@dataclass(frozen=True)
class Plan:
    """Estimated cost of a run."""

    run: str
    origin: str
    """Source of the list of scenes, in words."""
    rows: tuple[TileCost, ...]
    scenes: dict[str, int]
    """Period to its number of scenes, each counted once however many tiles it meets."""
    granules: dict[str, int]
    memory_mb: float
    """Memory of the largest job, MB."""
    tiles: dict[str, shapely.Geometry]
    """Tile to its outline in EPSG:4326."""

    def total(self, name: str, period: str | None = None) -> float:
        return float(sum(getattr(r, name) for r in self.rows if period in (None, r.period)))

    def hours(self, megabits_s: float, latency_ms: float, connections: int) -> float:
        """Hours of reading: the time of the bytes or of the requests, whichever is longer."""
        return max(self.total("network_bytes") * 8 / (megabits_s * 1e6), self.total("requests") * latency_ms / 1e3 / connections) / 3600


def make_plan(settings: Settings, *, only: Sequence[str] = (), years: Sequence[str] = (), tiles: Sequence[str] = (), constants: Constants = CONSTANTS) -> Plan:
    """The plan of a run, or of a part of it.

    Parameters
    ----------
    only : codes of units, in place of units.only. years : labels of periods. tiles : ids of tiles. Empty: all.

    Raises
    ------
    ConfigError : there is no such unit, period or tile. EmptySearchError : no scene would be used. CatalogError : a catalog cannot be read.
    """
    if only:
        settings = settings.model_copy(update={"units": settings.units.model_copy(update={"only": list(only)})})
    periods = [p for p in settings.all_periods if not years or p.label in years]
    _must_be_there(years, [p.label for p in settings.all_periods], "--years")
    units = load_units(settings)
    region, grid = shapely.union_all(units.geometry.values), run_grid(settings, units)
    whole = make_tiles(grid, settings.grid.tile_px, units.to_crs(grid.crs).union_all())
    _must_be_there(tiles, [t.id for t in whole], "--tiles")
    chosen = [t for t in whole if not tiles or t.id in tiles]
    scenes, origin = _scenes(settings, region)
    scenes = [s for s in scenes if any(s.solar_day in p for p in periods)]
    if not scenes:
        raise EmptySearchError("no scene would be used", where="sources", remedy="check that units, periods and catalogs are about the same place and time")
    rows: list[TileCost] = []
    met: dict[str, set[str]] = {p.label: set() for p in periods}
    held: dict[tuple[str, str], Blocks] = defaultdict(set)
    for tile in chosen:
        outline = tile_outline(chip_grid(settings, tile))
        over = [s for s in scenes if outline.intersects(shapely.from_wkt(s.footprint_wkt))]
        for period in periods:
            mine = [s for s in over if s.solar_day in period]
            met[period.label] |= {s.key for s in mine}
            rows.append(_tile_cost(settings, tile, period, mine, constants, held))
    used, first = [s for s in scenes if any(s.key in keys for keys in met.values())], not Layout(settings.root).scenes.exists()
    of_period = {p.label: [s for s in used if s.solar_day in p] for p in periods}
    searched = [_search_cost(settings, region, of_period[p.label], p, constants, first=first) for p in periods]
    heights = _heights_cost(settings, tuple(units.total_bounds), periods[0], constants)
    memory_mb = max(step.memory_mb(settings) if step.memory_mb else 1000.0 for step in steps_of(settings))
    return Plan(
        settings.run,
        origin,
        (*searched, *heights, *rows),
        {k: len(v) for k, v in of_period.items()},
        {k: _granules(v) for k, v in of_period.items()},
        memory_mb,
        {t.id: shapely.box(*transform_bounds(t.grid.crs, 4326, *t.grid.bounds)) for t in chosen},
    )


def _must_be_there(wanted: Collection[str], known: Sequence[str], where: str) -> None:
    if unknown := [w for w in wanted if w not in known]:
        raise ConfigError(f"there is no {', '.join(unknown)}", where=where, remedy=f"choose from {', '.join(known[:12])}{' …' if len(known) > 12 else ''}")


def _scenes(settings: Settings, region: shapely.Geometry) -> tuple[list[Scene], str]:
    """Scenes that would be used, and their source in words; refusals that need pixels, such as of an undecided offset, are not known yet."""
    ledger = Layout(settings.root).scenes
    if found := last_search(Layout(settings.root)).values():
        return [s for s in found if region.intersects(shapely.from_wkt(s.footprint_wkt))], f"the last search, {ledger}"
    candidates = deduplicate(collect(settings, region, Counter()))
    return [c.scene for c in candidates if c.scene.status == "used"], "items of the catalogs, asked for this plan"


def _granules(scenes: Sequence[Scene]) -> int:
    """Number of different granules of scenes: one for each sensor, orbit and centre rounded to a tenth of a degree."""
    return len({(s.sensor, s.relative_orbit, round((s.bbox[0] + s.bbox[2]) / 2, 1), round((s.bbox[1] + s.bbox[3]) / 2, 1)) for s in scenes})


def _tile_cost(
    settings: Settings, tile: Tile, period: Period, scenes: Sequence[Scene], constants: Constants, held: dict[tuple[str, str], Blocks]
) -> TileCost:  # fmt: skip
    """Cost of reading, storing and processing a tile and period. ``held`` : blocks of a scene's band that earlier tiles have read."""
    grid, requests, network, pixels = chip_grid(settings, tile), 0.0, 0.0, 0.0
    for scene in scenes:
        sensor, remote = load_sensor(scene.sensor), is_remote(scene)
        box = transform_bounds(4326, grid.crs, *scene.bbox)
        for band in (b for b in sensor.bands if b.role in scene.assets):
            reach_m = shadow_reach_m(scene.sun_elevation_deg, settings.masks.shadow_height_m) if band.role == "mask" and sensor.mask.kind != "none" else 0.0
            known = held[scene.key, band.role] if settings.fetch.parts_gb else None
            asked, sent = read_cost(scene, band, box, _wider(grid, reach_m), constants, known)
            requests, network = requests + remote * asked, network + remote * sent
            pixels += grid.width * grid.height * grid.pixel_area_m2 / band.resolution_m**2
        requests += remote * len(scene.tables if settings.fetch.parts_gb else scene.assets | scene.tables)  # a request for the identity of each file
    core_s = pixels * constants.core_ns_a_pixel * 1e-9 * constants.steps_to_observe + len(rounds(settings)) * constants.core_s_a_job
    kept = pixels * constants.chip_bytes_a_pixel + 2 * tile.grid.width * tile.grid.height * constants.map_bytes_a_pixel
    return TileCost(period.label, tile.id, len(scenes), _granules(scenes), requests, network, kept, core_s)


def _wider(grid: Grid, reach_m: float) -> Box:
    left, bottom, right, top = grid.bounds
    return left - reach_m, bottom - reach_m, right + reach_m, top + reach_m


def _file_px(scene: Scene, band: Band, box: Box) -> tuple[float, float]:
    """Rows and columns of a band's file: as the item declares them, else from its bounding box."""
    return scene.shapes.get(band.role) or ((box[3] - box[1]) / band.resolution_m, (box[2] - box[0]) / band.resolution_m)


def _bytes_a_pixel(scene: Scene, band: Band, box: Box, constants: Constants) -> float:
    """Bytes per pixel at full resolution, without overviews, from the size that the item declares, else from the constants."""
    rows, cols = _file_px(scene, band, box)
    about = scene.identity.get(band.role, {})
    declared = next((int(about[name]) for name in ("size", "file:size") if str(about.get(name, "")).isdigit()), 0)
    if declared and rows * cols:
        return declared / (rows * cols) / constants.overviews
    family = load_sensor(scene.sensor).family
    whole = constants.bytes_a_mask_pixel if band.role == "mask" else constants.bytes_a_radar_pixel if family == "radar" else constants.bytes_a_pixel
    return whole / constants.overviews


def read_cost(scene: Scene, band: Band, box: Box, window: Box, constants: Constants, held: Blocks | None = None) -> tuple[float, float]:
    """Expected requests and bytes of reading a window of a band: the header, and the blocks that the window meets. Adjacent blocks are read by one
    request, or one per `MAX_PART_BYTES`.

    Parameters
    ----------
    box, window : bounds of the scene and of the window, both in the CRS of the window. The file is assumed in the centre of the box.
    held : blocks of the band that the run has already, extended by this call; None: none, and none is shared.
    """
    (rows, cols), step_m = _file_px(scene, band, box), band.resolution_m
    b, size, held = constants.block_px, _bytes_a_pixel(scene, band, box, constants), set() if held is None else held
    left, top = (box[0] + box[2] - cols * step_m) / 2, (box[1] + box[3] + rows * step_m) / 2
    met = [
        range(max(0, math.floor(first / (b * step_m) + 1e-9)), min(math.ceil(n / b), math.ceil(end / (b * step_m) - 1e-9)))
        for first, end, n in ((top - window[3], top - window[1], rows), (window[0] - left, window[2] - left, cols))
    ]
    header = HEADER not in held
    new = sorted({(row, col) for row in met[0] for col in met[1]} - held)
    held |= {HEADER, *new}
    if rows * cols * size <= HEAD_BYTES:  # the request for the header brings the whole file
        return float(header), header * rows * cols * size
    requests, sent = float(header), float(header * HEAD_BYTES)
    for run in _side_by_side(new, math.ceil(cols / b)):
        n_bytes = sum(min(b, rows - row * b) * min(b, cols - col * b) for row, col in run) * size
        requests, sent = requests + max(1.0, n_bytes / MAX_PART_BYTES), sent + n_bytes
    return requests, sent


def _side_by_side(blocks: Sequence[tuple[int, int]], n_cols: int) -> list[list[tuple[int, int]]]:
    """Ordered blocks grouped into runs that are consecutive in a file with ``n_cols`` columns of blocks."""
    runs: list[list[tuple[int, int]]] = []
    for row, col in blocks:
        if runs and runs[-1][-1][0] * n_cols + runs[-1][-1][1] + 1 == row * n_cols + col:
            runs[-1].append((row, col))
        else:
            runs.append([(row, col)])
    return runs


def _search_cost(settings: Settings, region: shapely.Geometry, scenes: Sequence[Scene], period: Period, constants: Constants, *, first: bool) -> TileCost:
    """Cost of a search in a period: pages of items, one request per scene for its identity, and in a run's first search the reading for offsets and
    registration."""
    pages = sum(
        2 / len(settings.all_periods) + math.ceil(sum(s.sensor == source.sensor for s in scenes) / PAGE_SIZE)
        for source in settings.sources
        if is_api(source.catalog)
    )
    requests, network = float(pages), 0.0
    for scene in filter(is_remote, scenes):
        requests += 1
        for asked, sent in (*_looks(settings, scene, constants), *_registrations(settings, scene, region, scenes, constants)) if first else ():
            requests, network = requests + asked, network + sent
    return TileCost(period.label, "", len(scenes), _granules(scenes), requests, network)


def _heights_cost(settings: Settings, bounds: tuple[float, ...], period: Period, constants: Constants) -> list[TileCost]:
    """Bringing the heights of the run, booked in one period: a search, and of each tile of one degree the header and the blocks that the box meets."""
    if settings.brought_heights is None or settings.brought_heights.exists():
        return []
    rows, cols = (
        [math.ceil(part * HEIGHTS_A_DEGREE / constants.block_px) for part in _parts_of_degrees(low - MARGIN_DEG, high + MARGIN_DEG)]
        for low, high in ((bounds[1], bounds[3]), (bounds[0], bounds[2]))
    )
    network = sum(rows) * sum(cols) * constants.block_px**2 * constants.bytes_a_height
    return [TileCost(period.label, "", requests=1.0 + len(rows) * len(cols) + sum(rows) * len(cols), network_bytes=network)]


def _parts_of_degrees(low: float, high: float) -> list[float]:
    """Length of the part of each whole degree that an interval meets.

    >>> _parts_of_degrees(116.75, 118.5)
    [0.25, 1, 0.5]
    """
    return [min(high, degree + 1) - max(low, degree) for degree in range(math.floor(low), math.ceil(high))]


def _looks(settings: Settings, scene: Scene, constants: Constants) -> Iterator[tuple[float, float]]:
    """Requests and bytes of the self-test of offsets: an overview of each band that it reads."""
    sensor = load_sensor(scene.sensor)
    if not settings.search.self_test or sensor.offset_rule == "fixed":
        return
    box = _metres(scene)
    for band in (b for b in sensor.bands if b.role in (*LOOK_BANDS, "mask") and b.role in scene.assets):
        rows, cols = _file_px(scene, band, box)
        size, pixels = _bytes_a_pixel(scene, band, box, constants), _overview_px(rows, cols, constants.block_px)
        whole = pixels * size <= HEAD_BYTES and rows * cols * size <= HEAD_BYTES
        yield (1.0, rows * cols * size) if whole else (2.0, HEAD_BYTES + pixels * size)


def _overview_px(rows: float, cols: float, block_px: int) -> float:
    """Pixels of the overview that the self-test reads: halved until it fits a block, or its side is near TEST_PX."""
    while max(rows, cols) > block_px / 2 and max(rows, cols) / 2 >= TEST_PX / 1.2:
        rows, cols = rows / 2, cols / 2
    return rows * cols


def _registrations(settings: Settings, scene: Scene, region: shapely.Geometry, scenes: Sequence[Scene], constants: Constants) -> Iterator[tuple[float, float]]:
    """Requests and bytes of the registration of a scene: a window of NIR or VV and the mask, where there are enough dates to compare."""
    sensor = load_sensor(scene.sensor)
    if not settings.search.register_scenes or sensor.georeference != "grid" or sum(load_sensor(s.sensor).family == sensor.family for s in scenes) < MIN_DATES:
        return
    roles = [role for role in ("nir" if sensor.family == "optical" else "vv", "mask") if role in scene.assets]
    if not roles or roles == ["mask"]:
        return
    footprint = shapely.from_wkt(scene.footprint_wkt)
    for window in windows(region, sensor.known_band(roles[0]).resolution_m):
        if footprint.intersects(shapely.box(*transform_bounds(window.crs, 4326, *window.bounds))):
            box = transform_bounds(4326, window.crs, *scene.bbox)
            yield from (read_cost(scene, sensor.known_band(role), box, window.bounds, constants) for role in roles)


def _metres(scene: Scene) -> Box:
    """The scene's box in metres of its own UTM zone."""
    west, south, east, north = scene.bbox
    return transform_bounds(4326, utm_crs((west + east) / 2, (south + north) / 2), *scene.bbox)


def plan_words(plan: Plan, megabits_s: float, latency_ms: float, connections: int) -> str:
    """The plan as text."""
    lines = [
        f"plan of {plan.run}: {len(plan.tiles)} tiles; scenes from {plan.origin}",
        f"{'period':12s}{'scenes':>8s}{'granules':>10s}{'requests':>12s}{'network GB':>12s}{'disk GB':>10s}{'core-hours':>12s}",
    ]
    for period in [*plan.scenes, None]:
        of = [plan.total(name, period) for name in AMOUNTS]
        scenes = plan.scenes[period] if period else sum(plan.scenes.values())
        granules = plan.granules[period] if period else max(plan.granules.values())
        lines.append(f"{period or 'all':12s}{scenes:8d}{granules:10d}{of[0]:12,.0f}{of[1] / 1e9:12.2f}{of[2] / 1e9:10.2f}{of[3] / 3600:12.2f}")
    hours = plan.hours(megabits_s, latency_ms, connections)
    lines.append(
        f"reading takes {hours:.2f} h at {megabits_s:g} Mbit/s, {latency_ms:g} ms a request and {connections} connections; the largest job takes {plan.memory_mb / 1e3:.1f} GB of memory"
    )
    lines.append("an estimate: rs_pipeline/operations/plan.py, CONSTANTS, says what it rests on")
    return "\n".join(lines)


def write_plan(plan: Plan, csv: Path | None, geojson: Path | None) -> None:
    """Write the plan as a table, one row per tile and period and one per period for the search, one for the heights that the run brings, and as GeoJSON, one feature per tile with its sums."""
    table = pd.DataFrame([asdict(r) for r in plan.rows])
    if csv is not None:
        write_csv(table, csv)
    if geojson is not None:
        sums = table[table.tile != ""].groupby("tile")[["scenes", *AMOUNTS]].sum()
        frame = gpd.GeoDataFrame(sums.reset_index(), geometry=[plan.tiles[t] for t in sums.index], crs=4326)
        with atomic_path(geojson) as part:
            part.write_text(json.dumps(json.loads(frame.to_json()), indent=1) + "\n", "utf-8")
