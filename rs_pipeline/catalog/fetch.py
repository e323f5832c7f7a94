"""Step ``fetch``: clip every used scene of a period to a tile, verify the files written, and report scenes that could not be read."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import Transformer
from rasterio.crs import CRS
from rich.console import Console
from rich.progress import track

from rs_pipeline.catalog.cache import Cache
from rs_pipeline.catalog.chips import MANIFEST_COLUMNS, chip_digest, chip_files, note_digest, noted_digest, read_manifest
from rs_pipeline.catalog.clip import ClippedBand, read_clipped
from rs_pipeline.catalog.ground_range import read_ground_range
from rs_pipeline.catalog.identity import changed_since, file_identity, read_from
from rs_pipeline.catalog.ledger import read_ledger, with_signatures
from rs_pipeline.catalog.read import FAULTS, fault_chain, held_parts, retrying
from rs_pipeline.catalog.renewal import REFUSALS, AccessRefused, Renewal
from rs_pipeline.catalog.settle import settle
from rs_pipeline.config import FetchSection, Settings
from rs_pipeline.errors import MAKE_ROOM, DamagedError, PipelineError, RasterError, SpaceError
from rs_pipeline.layout import Layout
from rs_pipeline.model import SIDE_BANDS, THERMAL_BANDS, Band, Grid, Scene, Tile
from rs_pipeline.radiometry.masks import shadow_reach_m
from rs_pipeline.redaction import redacted, unsigned
from rs_pipeline.remote import breaker, parts
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.atomic import force
from rs_pipeline.storage.disk import blaming_disk, disk_fault
from rs_pipeline.storage.foreign import foreign_raster
from rs_pipeline.storage.raster import BLOCK_PX, open_own
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import read_tile

_FOOTPRINT_SLACK_DEG = 0.005

_MEMORY_BYTES = 2**30
"""Memory of scenes that are read at the same time; at least one is always read."""

_BYTES_A_PIXEL = 16
"""Memory per pixel of a scene while it is read, where all bands of a remote scene are read at once: chip numbers, source values and the parts received."""

_BUSY = 2
"""Scenes in work at once per set of connections: while one is decoded and written, the bands of the next are received."""

_LARGEST_CHIP = 2**29
"""Most numbers in a file of a chip, for the largest tile; a shared cache may contain files that are no chips."""

CHIP_LAYOUT = {
    "tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "compress": "zstd", "zstd_level": 1, "predictor": 2, "interleave": "band",
}  # fmt: skip
"""Chosen by `benchmarks.tile_year.layouts`: zstd 1 reads 1.8 times as fast as deflate and is 2 % larger; higher levels of zstd read slower."""

CHIP_RULES = 3
"""Version of the rules by which chips are made; raise it with every change, so that older chips are made anew."""


def _groups(pieces: list[ClippedBand]) -> Iterator[tuple[str, list[ClippedBand]]]:
    """Pieces that share a pixel grid, with the name of their file; the mask is alone because it reaches further."""
    by_grid: dict[tuple, list[ClippedBand]] = {}
    for piece in pieces:
        by_grid.setdefault((piece.role == "mask", piece.transform, piece.numbers.shape), []).append(piece)
    for i, ((is_mask, transform, _), group) in enumerate(sorted(by_grid.items(), key=lambda entry: entry[1][0].role)):
        yield ("mask.tif" if is_mask else f"{transform.a:g}m-{i}.tif"), group


def _write(path: Path, group: list[ClippedBand], crs: str, tags: dict[str, str]) -> None:
    """Write a chip file to the disk and compare it after reading it back, because GDAL does not report a full disk.

    Raises
    ------
    SpaceError : it cannot be written or differs, which is no fault of the scene.
    """
    with blaming_disk(path):
        try:
            right = _written(path, group, crs, tags)
        except FAULTS as fault:
            raise SpaceError(
                disk_fault(path.parent, fault) or f"the chip cannot be written: {fault_chain(fault)[-1]}", where=str(path), remedy=MAKE_ROOM
            ) from fault
        if not right:
            raise SpaceError(disk_fault(path.parent) or "the chip reads back otherwise than it was written", where=str(path), remedy=MAKE_ROOM)
        force(path)


def _written(path: Path, group: list[ClippedBand], crs: str, tags: dict[str, str]) -> bool:
    height, width = group[0].numbers.shape
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint16", count=len(group), height=height, width=width, crs=crs, transform=group[0].transform, **CHIP_LAYOUT
    ) as out:
        for i, piece in enumerate(group, start=1):
            out.write(piece.numbers, i)
            out.set_band_description(i, piece.role)
        out.update_tags(**tags)
    with open_own(path) as back:
        right = back.shape == (height, width) and back.crs == CRS.from_user_input(crs)
        return right and all(np.array_equal(back.read(i), p.numbers) for i, p in enumerate(group, start=1))


def _tags(scene: Scene, grid: Grid, reach_m: float) -> dict[str, str]:
    """Tags that state what a chip was made from; a chip with other tags is made anew. Signatures are left out: they change while the pixels do not."""
    unread = [role for role in THERMAL_BANDS if role not in scene.assets]  # a chip without them does not depend on how the table describes them
    sensor = load_sensor(scene.sensor).without(unread)
    reading = {k: v for k, v in asdict(sensor).items() if k in ("bands", "family", "nodata", "dtype", "valid_min", "valid_max")}
    files = {href: found for href in (scene.assets | scene.tables).values() if href.startswith("/") and (found := file_identity(href))}
    made_from = {
        "scene": scene.scene_id,
        "generated": scene.generated,
        "baseline": scene.processing_baseline,
        "assets": {role: unsigned(href) for role, href in (scene.assets | scene.tables).items()},
        "identity": scene.identity,
        "files": files,
        "bounds": grid.bounds,
        "crs": grid.crs,
        "reach_m": round(reach_m),
        "moved_m": [scene.moved_x_m, scene.moved_y_m],
        "scaling": [scene.scale, scene.offset],  # chip numbers of a file with reflectances depend on them
        "rules": CHIP_RULES,
        "sensor": scene.sensor,
        "table": sha256(json.dumps([reading, sensor.mask.fill]).encode()).hexdigest()[:16],
    }
    return {"SCENE": scene.scene_id, "MADE_FROM": json.dumps(made_from, sort_keys=True)}


def _verified(folder: Path, scene: Scene, grid: Grid, tags: dict[str, str], digest: str = "") -> bool:
    """Whether the folder holds the complete chip, made from the same sources, with the digest if one is given, and every block can be read."""
    try:
        if digest and chip_digest(folder) != digest:
            return False
        files = chip_files(folder)
        if set(files) != set(scene.assets):
            return False
        for path in {path for path, _ in files.values()}:
            with foreign_raster(path) as dataset:
                if dataset.width * dataset.height * dataset.count > _LARGEST_CHIP:
                    return False
                if dataset.tags().get("MADE_FROM") != tags["MADE_FROM"] or dataset.crs != CRS.from_user_input(grid.crs):
                    return False
                dataset.read()
        return True
    except (*FAULTS, RasterError):
        return False


def fault_text(fault: BaseException, href: str) -> str:
    """One line that names the file and the deepest cause; rasterio's own text often only refers to it."""
    name = urlsplit(href).path.rsplit("/", 1)[-1]
    return " ".join(f"{name}: {fault_chain(fault)[-1]}".split())


def _read_band(scene: Scene, band: Band, grid: Grid, reach_m: float, limits: FetchSection) -> ClippedBand:
    if load_sensor(scene.sensor).georeference == "gcps":
        return read_ground_range(scene, band, grid, limits)
    return read_clipped(scene, band, grid, reach_m, limits)


def _read(scene: Scene, grid: Grid, reach_m: float, settings: Settings) -> list[ClippedBand]:
    """All bands of a scene over the grid, those of a remote one at once; raises a PipelineError that names the file, AccessRefused where a server refuses it."""

    def piece(band: Band) -> ClippedBand:
        href = scene.assets[band.role]
        try:
            return retrying(lambda: _read_band(scene, band, grid, reach_m, settings.fetch), href, settings.fetch, scene.sign)
        except (PipelineError, *FAULTS) as fault:
            kind = AccessRefused if getattr(fault, "status", None) in REFUSALS else RasterError
            raise kind(fault_text(fault, href)) from None

    bands = [b for b in load_sensor(scene.sensor).bands if scene.assets.get(b.role)]
    if not is_remote(scene):
        return [piece(b) for b in bands]
    with ThreadPoolExecutor(max_workers=len(bands)) as pool:
        return list(pool.map(piece, bands))


def _make(scene: Scene, grid: Grid, reach_m: float, folder: Path, settings: Settings, renewal: Renewal) -> tuple[str, str]:
    """`_made`, once more with new signatures where a server refuses those of the scene."""
    scene = renewal.newest(scene)
    try:
        return _made(scene, grid, reach_m, folder, settings)
    except AccessRefused as fault:
        renewed = renewal.renewed(scene)
        try:
            return _made(renewed, grid, reach_m, folder, settings) if renewed else ("failed", fault.what)
        except AccessRefused as again:
            renewal.refused_again()
            return "failed", again.what


def _made(scene: Scene, grid: Grid, reach_m: float, folder: Path, settings: Settings) -> tuple[str, str]:
    """Write the chip's files into a folder: (status, reason). A scene fails only where it cannot be read or changed since the search; other faults raise,
    and AccessRefused."""
    sensor, tags = load_sensor(scene.sensor), _tags(scene, grid, reach_m)
    try:
        pieces = _read(scene, grid, reach_m, settings)
        lost = settle(pieces, scene, sensor, grid.crs)
        if lost and is_remote(scene):
            for role in scene.assets:
                held_parts(scene, role).forget()
            pieces = _read(scene, grid, reach_m, settings)
            lost = settle(pieces, scene, sensor, grid.crs)
        if lost:
            return "failed", f"no data, or one number only, in {', '.join(lost)} where other bands have data"
        source = read_from(scene, settings.fetch)  # asked after the pixels are read, so that a change in between is found
    except (SpaceError, AccessRefused):
        raise
    except (PipelineError, *FAULTS) as fault:
        return "failed", " ".join(str(fault.what if isinstance(fault, PipelineError) else fault).split())
    if changed := changed_since(scene, source):
        return "failed", f"changed since the search ({changed}), its offset may be another: search again"
    if not any(p.numbers.any() for p in pieces if p.role not in SIDE_BANDS):
        return "empty", "no data over the tile"
    tags["READ_FROM"] = json.dumps(source, sort_keys=True)
    for name, group in _groups(pieces):
        _write(folder / name, group, grid.crs, tags)
    return "ok", ""


def _obtain(scene: Scene, grid: Grid, reach_m: float, folder: Path, settings: Settings, renewal: Renewal) -> tuple[str, str]:
    """`_make`, or the chip from the cache. Only remote scenes are cached: a local file is as fast to read as the cache."""
    tags, where = _tags(scene, grid, reach_m), settings.cache_folder
    if where is None or not is_remote(scene):
        return _make(scene, grid, reach_m, folder, settings, renewal)
    cache, key = Cache(where, int(settings.fetch.cache_gb * 1e9)), sha256(tags["MADE_FROM"].encode()).hexdigest()
    if cache.take(key, folder):
        if not any(folder.iterdir()):
            return "empty", "no data over the tile"
        if _verified(folder, scene, grid, tags):
            return "ok", ""
        shutil.rmtree(folder)
        folder.mkdir()
    status, reason = _make(scene, grid, reach_m, folder, settings, renewal)
    if status != "failed":
        cache.keep(key, folder)
    return status, reason


def is_remote(scene: Scene) -> bool:
    """Whether any of a scene's files must be read over the network."""
    return not all(href.startswith("/") for href in scene.assets.values())


def fetch_scene(scene: Scene, grid: Grid, folder: Path, settings: Settings, renewal: Renewal, digest: str = "") -> tuple[str, str, int, str]:
    """Make (or keep) the chip of one scene: (status, reason, bytes, digest). A scene that cannot be read does not raise; a disk that cannot be written does.

    A chip is made in a hidden folder beside its own, which is renamed when it is complete.

    Parameters
    ----------
    renewal : of the scenes of this job.
    digest : of the existing chip, from its manifest; where empty, the digest in the chip's folder is used. A chip with another digest, or with none, is
        made anew: a file with a flipped bit may still decode.
    """
    sensor = load_sensor(scene.sensor)
    reach_m = shadow_reach_m(scene.sun_elevation_deg, settings.masks.shadow_height_m) if sensor.mask.kind != "none" else 0.0
    digest = digest or noted_digest(folder)
    if not digest or not _verified(folder, scene, grid, _tags(scene, grid, reach_m), digest):
        beside = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        try:
            status, reason = _obtain(scene, grid, reach_m, beside, settings, renewal)
            shutil.rmtree(folder, ignore_errors=True)
            if status != "ok":
                return status, reason, 0, ""
            digest = note_digest(beside)
            force(beside)
            os.replace(beside, folder)
            force(folder.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return "ok", "", sum(p.stat().st_size for p in folder.glob("[!.]*.tif")), digest


def _readers(scenes: list[Scene], grid: Grid, threads: int, settings: Settings) -> int:
    """Number of scenes to read at once: one per thread, or for remote scenes enough to keep all connections busy, but no more than fit into memory."""
    wanted = max(1, threads)
    if any(map(is_remote, scenes)):
        wanted = max(wanted, _BUSY * math.ceil(settings.fetch.connections / min(len(s.assets) for s in scenes)))
    area_m2 = grid.width * grid.height * grid.pixel_area_m2
    largest = max((sum(area_m2 / b.resolution_m**2 for b in load_sensor(s.sensor).bands if b.role in s.assets) for s in scenes), default=1.0)
    return max(1, min(wanted, int(_MEMORY_BYTES / (_BYTES_A_PIXEL * largest))))


def tile_outline(grid: Grid) -> shapely.Geometry:
    """The grid's outline in EPSG:4326, slightly widened because footprints are coarse."""
    outline = shapely.segmentize(shapely.box(*grid.bounds), max(grid.width, grid.height) * grid.resolution_m / 8)
    to_degrees = Transformer.from_crs(grid.crs, 4326, always_xy=True).transform
    return shapely.transform(outline, to_degrees, interleaved=False).buffer(_FOOTPRINT_SLACK_DEG)


def scenes_over(scenes: list[Scene], grid: Grid) -> list[Scene]:
    """The scenes whose footprint meets the grid."""
    outline = tile_outline(grid)
    shapely.prepare(outline)
    return [s for s in scenes if outline.intersects(shapely.from_wkt(s.footprint_wkt))]


def chip_grid(settings: Settings, tile: Tile) -> Grid:
    """The grid that the chips of a tile cover: the tile and its margin."""
    return tile.grid.buffered(settings.grid.margin_m)


def wanted_scenes(settings: Settings, tile_id: str, period_label: str) -> list[Scene]:
    """The used scenes of the period (by solar day) that meet the tile."""
    used = read_ledger(Layout(settings.root).scenes, status=["used"])
    period = settings.period(period_label)
    return scenes_over([s for s in used if s.solar_day in period], chip_grid(settings, read_tile(settings, tile_id)))


def fetch(settings: Settings, tile_id: str, period_label: str, threads: int = 2) -> None:
    """Write the chips of a tile and period and their manifest (columns: `chips.MANIFEST_COLUMNS`).

    Every scene of `wanted_scenes` has a row. A scene that cannot be read is ``failed`` with its reason; the others are still fetched.
    Chips of an interrupted run are kept where they verify; the manifest is written when all scenes are done.

    Raises
    ------
    SpaceError : a chip cannot be written.
    """
    layout = Layout(settings.root)
    grid = chip_grid(settings, read_tile(settings, tile_id))
    manifest, folder = layout.chips(period_label, tile_id), layout.chip_folder(period_label, tile_id)
    folder.mkdir(parents=True, exist_ok=True)
    digests = _withdrawn(manifest)
    for left in [*folder.glob(".*.part*"), *manifest.parent.glob(".*.part*")]:  # by a run that was killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    breaker.share(settings.hosts_folder)
    wanted = with_signatures(wanted_scenes(settings, tile_id, period_label), layout.signatures)
    console, renewal = Console(stderr=True), Renewal(settings, wanted)
    kept = parts.kept_in(layout.parts, int(settings.fetch.parts_gb * 1e9), int(settings.resources.free_gb * 1e9))
    with kept, ThreadPoolExecutor(max_workers=_readers(wanted, grid, threads, settings)) as pool:
        results = pool.map(lambda s: fetch_scene(s, grid, folder / s.key, settings, renewal, digests.get(s.key, "")), wanted)
        label = f"fetch {tile_id} {period_label}"
        outcomes = list(track(results, description=label, total=len(wanted), console=console, disable=not console.is_terminal))
    table = _write_manifest(manifest, wanted, outcomes)
    counts = table.status.value_counts()
    lost = int(counts.get("failed", 0))
    console.print(f"{label}: {counts.get('ok', 0)} chips, {counts.get('empty', 0)} empty, {lost} of {len(table)} scenes failed", highlight=False)
    for row in table[table.status == "failed"].itertuples():
        console.print(f"  {row.key}: {row.reason}", markup=False, highlight=False)


def _before(manifest: Path) -> Path:
    """Path of the previous manifest while chips are fetched again; its digests show which of them are undamaged."""
    return manifest.with_name(f".{manifest.stem}.before{manifest.suffix}")


def _withdrawn(manifest: Path) -> dict[str, str]:
    """Rename a manifest to `_before`; key to digest of its chips, or of those of a manifest that an interrupted run renamed."""
    before = _before(manifest)
    if manifest.exists():
        os.replace(manifest, before)
    try:
        return {c.key: c.digest for c in read_manifest(before)}
    except (FileNotFoundError, DamagedError):
        return {}


def write_failed(settings: Settings, tile_id: str, period_label: str, reason: str) -> None:
    """Write the manifest of a tile and period whose fetch is given up: every scene is ``failed`` with the same reason. Digests of existing chips are kept,
    so that the next fetch can reuse these chips."""
    layout, wanted = Layout(settings.root), wanted_scenes(settings, tile_id, period_label)
    layout.chip_folder(period_label, tile_id).mkdir(parents=True, exist_ok=True)
    manifest = layout.chips(period_label, tile_id)
    digests = _withdrawn(manifest)
    _write_manifest(manifest, wanted, [("failed", reason, 0, digests.get(scene.key, "")) for scene in wanted])


def _write_manifest(manifest: Path, scenes: list[Scene], outcomes: list[tuple[str, str, int, str]]) -> pd.DataFrame:
    rows = [(s.scene_id, s.key, s.sensor, s.datetime, status, redacted(reason), *rest) for s, (status, reason, *rest) in zip(scenes, outcomes, strict=True)]
    table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    table["datetime"] = pd.to_datetime(table["datetime"], utc=True).astype("datetime64[us, UTC]")
    table["bytes"] = table["bytes"].astype("int64")
    write_parquet(table.astype({c: "string" for c in ("scene_id", "key", "sensor", "status", "reason", "digest")}), manifest)
    _before(manifest).unlink(missing_ok=True)
    return table
