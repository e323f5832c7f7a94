"""Search: ask the catalogs once, decide everything that is decided per scene, and freeze it in the ledger."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import shapely
from rich.console import Console

from rs_pipeline.catalog.address import is_api
from rs_pipeline.catalog.api import DateRange, api_items
from rs_pipeline.catalog.items import Candidate, clean_text, read_item
from rs_pipeline.catalog.ledger import read_ledger, write_ledger
from rs_pipeline.catalog.orbits import tracks, write_tracks
from rs_pipeline.catalog.registration import keep_places, register
from rs_pipeline.catalog.self_test import decide_offsets
from rs_pipeline.config import FetchSection, Settings, SourceSection
from rs_pipeline.errors import CatalogError, EmptySearchError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.radiometry.offsets import baseline_number
from rs_pipeline.region import load_units
from rs_pipeline.sensors import load_sensor

_COVERED = 0.8
"""A duplicate must be covered by what replaces it at least this much: two halves of a split granule are not duplicates."""

_DAY = timedelta(days=1)

_NOT_ASKED = "the catalog was not asked for "


def allowed_schemes(source: SourceSection) -> tuple[str, ...]:
    """Href schemes the source may use."""
    return tuple(source.schemes) if source.schemes else ("https",) if is_api(source.catalog) else ("file", "https")


def intervals(settings: Settings) -> list[DateRange]:
    """The periods as days that do not overlap, in order; neighbouring periods are one interval."""
    merged: list[DateRange] = []
    for period in settings.all_periods:
        if merged and period.start <= merged[-1][1] + timedelta(days=1):
            merged[-1] = (merged[-1][0], max(merged[-1][1], period.end))
        else:
            merged.append((period.start, period.end))
    return merged


def folder_items(catalog: str, collection: str) -> Iterator[dict[str, Any]]:
    """Items of one collection in a static catalog (catalog.json, collection.json or their folder) or a plain folder of items.

    Hrefs of assets become absolute. Items are not filtered by place or time.

    Raises
    ------
    CatalogError : there is nothing at the path, or it is not STAC.
    """
    path = Path(catalog).expanduser().resolve()
    root = next((p for p in (path, path / "catalog.json", path / "collection.json") if p.is_file()), None)
    if root is None and not path.is_dir():
        raise CatalogError("there is no such catalog", where=catalog, remedy="give the path of a catalog.json, of its folder, or an https:// URL")
    try:
        found = _walk(root) if root is not None else _listed(path)
        for file, item in found:
            if item.get("collection") == collection:
                yield _absolute(item, file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise CatalogError(f"the catalog cannot be read: {clean_text(fault)}", where=catalog, remedy="check that it is valid STAC") from None


def _listed(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(folder.rglob("*.json")):
        entry = json.loads(file.read_text("utf-8"))
        if isinstance(entry, dict) and entry.get("type") == "Feature":
            yield file, entry


def _walk(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Items below a catalog by its local child and item links, each file once. Read by hand: one bad item must not end the walk."""
    queue, seen = [root], {root}
    while queue:
        file = queue.pop(0)
        entry = json.loads(file.read_text("utf-8"))
        if entry["type"] == "Feature":
            yield file, entry
            continue
        if entry["type"] not in ("Catalog", "Collection"):
            raise ValueError(f"{file} is neither a catalog nor an item")
        for link in entry["links"]:
            target = (file.parent / unquote(link["href"].removeprefix("file://"))).resolve()
            if link["rel"] in ("child", "item") and target not in seen:
                seen.add(target)
                queue.append(target)


def _absolute(item: dict[str, Any], file: Path) -> dict[str, Any]:
    """The item with relative hrefs of assets resolved against its file."""
    assets = item.get("assets")
    for asset in assets.values() if isinstance(assets, dict) else ():
        href = asset.get("href") if isinstance(asset, dict) else None
        if isinstance(href, str) and not urlsplit(href).scheme and not href.startswith("/"):
            asset["href"] = os.path.normpath(file.parent / href)
    return item


def _collect(source: SourceSection, region: shapely.Geometry, settings: Settings) -> list[Candidate]:
    """Candidates of one source that touch the region on a day of a period; unreadable items are kept with their reason."""
    sensor, schemes, spans = load_sensor(source.sensor), allowed_schemes(source), intervals(settings)
    if is_api(source.catalog):
        items = api_items(source, sensor.collection, region.bounds, spans, settings.fetch, settings.search.max_scenes)
    else:
        items = folder_items(source.catalog, sensor.collection)
    found: dict[str, Candidate] = {}
    for item in items:
        candidate = read_item(item, source, sensor, schemes)
        scene = candidate.scene
        if unasked := is_api(source.catalog) and _unasked(item, candidate, sensor.collection, shapely.box(*region.bounds), spans):
            candidate = replace(candidate, scene=replace(scene, status="skipped", reason=unasked, assets={}))
        elif scene.footprint_wkt:
            on_day = any(first <= scene.solar_day <= last for first, last in spans)
            if not on_day or not region.intersects(shapely.from_wkt(scene.footprint_wkt)):
                continue
        found.setdefault(scene.scene_id, candidate)
        if len(found) > settings.search.max_scenes:
            raise CatalogError(
                f"more than {settings.search.max_scenes} scenes found", where=source.catalog,
                remedy="narrow the region or the periods, or raise search.max_scenes",
            )  # fmt: skip
    return list(found.values())


def _unasked(item: Any, candidate: Candidate, collection: str, box: shapely.Geometry, spans: list[DateRange]) -> str:
    """How an item of an API fails to be what was asked for; empty where it does not."""
    scene = candidate.scene
    if isinstance(item, dict) and item.get("collection", collection) != collection:
        return f"{_NOT_ASKED}collection {clean_text(item['collection'], 60)!r}"
    if not scene.footprint_wkt:
        return ""
    if not box.intersects(shapely.from_wkt(scene.footprint_wkt)):
        return f"{_NOT_ASKED}places outside the search box"
    if not any(first - _DAY <= scene.datetime.date() <= last + _DAY for first, last in spans):
        return f"{_NOT_ASKED}days outside the periods"
    return ""


def _rank(candidate: Candidate) -> tuple:
    baseline = baseline_number(candidate.scene.processing_baseline)
    on_ground = load_sensor(candidate.scene.sensor).georeference == "grid"
    return (candidate.priority, on_ground, baseline if baseline is not None else -1.0, candidate.scene.processing_baseline, candidate.scene.generated)


def deduplicate(candidates: list[Candidate]) -> list[Candidate]:
    """Of candidates that show one acquisition one stays used: higher source priority, then what is corrected for terrain,
    then newer baseline, then newer product.

    The others are kept as skipped. A candidate that the better one does not cover (another part of the granule) stays.
    """
    groups: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.scene.status == "used" and candidate.acquisition:
            groups[(load_sensor(candidate.scene.sensor).family, *candidate.acquisition)].append(candidate)
    losers: dict[int, Scene] = {}
    for group in groups.values():
        kept: list[Candidate] = []
        for candidate in sorted(sorted(group, key=lambda c: c.scene.scene_id), key=_rank, reverse=True):
            shown = shapely.from_wkt(candidate.scene.footprint_wkt)
            better = next((k for k in kept if shapely.from_wkt(k.scene.footprint_wkt).intersection(shown).area >= _COVERED * shown.area), None)
            if better is None:
                kept.append(candidate)
            else:
                losers[id(candidate)] = better.scene
    return [
        replace(c, scene=replace(c.scene, status="skipped", reason=_duplicate_reason(losers[id(c)]))) if id(c) in losers else c for c in candidates
    ]


def _duplicate_reason(better: Scene) -> str:
    baseline = f", baseline {better.processing_baseline}" if better.processing_baseline else ""
    return f"same acquisition as {better.scene_id} ({better.sensor}{baseline}), which is used"


def choose(candidates: list[Candidate], limits: FetchSection) -> list[Candidate]:
    """The candidates with duplicates skipped and offsets decided. Where a scene is refused for its offset, its duplicate takes its place."""
    first = deduplicate(candidates)
    chosen = decide_offsets(first, limits)
    lost = {i for i, (a, b) in enumerate(zip(first, chosen, strict=True)) if a.scene.status == "used" != b.scene.status}
    again = deduplicate([chosen[i] if i in lost else c for i, c in enumerate(candidates)])
    revived = {i for i, (a, b) in enumerate(zip(first, again, strict=True)) if a.scene.status != "used" == b.scene.status}
    if not revived:
        return chosen
    cells = {again[i].acquisition[-1] for i in revived}
    near = [i for i, c in enumerate(again) if c.scene.status == "used" and c.acquisition and c.acquisition[-1] in cells]
    decided = dict(zip(near, decide_offsets([again[i] for i in near], limits), strict=True))
    return [decided[i] if i in revived else again[i] if first[i].scene.status != "used" else c for i, c in enumerate(chosen)]


def unique_keys(candidates: list[Candidate]) -> list[Candidate]:
    """Candidates sorted by id, keys made unique (file systems that ignore case included) with -2, -3 …"""
    taken: set[str] = set()
    out = []
    for candidate in sorted(candidates, key=lambda c: (c.scene.scene_id, -c.priority, c.scene.sensor, c.scene.generated)):
        key, n = candidate.scene.key, 1
        while key.lower() in taken:
            n += 1
            key = f"{candidate.scene.key}-{n}"
        taken.add(key.lower())
        out.append(replace(candidate, scene=replace(candidate.scene, key=key)))
    return out


def search(settings: Settings) -> None:
    """Find the scenes of the region and periods in all sources and freeze them in ``scenes.parquet``.

    Raises
    ------
    CatalogError : a catalog cannot be read, or holds more than search.max_scenes.
    EmptySearchError : no scene can be used; says what was searched and why each scene was skipped.
    """
    region = shapely.union_all(load_units(settings).geometry.values)
    shapely.prepare(region)
    candidates = [c for source in settings.sources for c in _collect(source, region, settings)]
    candidates = unique_keys(candidates)
    candidates = choose(candidates, settings.fetch) if settings.search.self_test else deduplicate(candidates)
    if settings.search.register_scenes:
        candidates = keep_places(register(candidates, region, settings.fetch), _earlier(settings))
    scenes = [c.scene for c in candidates]
    counts = Counter(s.status for s in scenes)
    if not counts["used"]:
        raise _empty(settings, region, scenes)
    found = tracks([s for s in scenes if not s.reason.startswith(_NOT_ASKED)], intervals(settings))
    write_tracks(found, Layout(settings.root).orbits)
    write_ledger(scenes, Layout(settings.root).scenes)
    line = f"search: {len(scenes)} scenes found, {counts['used']} used, {counts['skipped']} skipped, {counts['failed']} failed"
    expected, missing = sum(len(t.expected) for t in found), sum(len(t.missing) for t in found)
    line += f"\norbits: {expected - missing} of {expected} passes of {len(found)} tracks found"
    if moved := sum(s.status == "used" and (s.moved_x_m, s.moved_y_m) != (0.0, 0.0) for s in scenes):
        line += f"\nplaces: {moved} scenes lay beside the others and are moved back, see `registration` in {Layout(settings.root).scenes}"
    Console(stderr=True).print(line, highlight=False)


def _earlier(settings: Settings) -> dict[str, Scene]:
    """Scenes of the ledger of the last search by their key; none where there was no search, or one whose ledger has other columns."""
    try:
        return {s.key: s for s in read_ledger(Layout(settings.root).scenes)}
    except TableError:
        return {}


def _empty(settings: Settings, region: shapely.Geometry, scenes: list[Scene]) -> EmptySearchError:
    places = "; ".join(f"{s.catalog} ({load_sensor(s.sensor).collection})" for s in settings.sources)
    box = ", ".join(f"{v:.4f}" for v in region.bounds)
    days = "; ".join(f"{first} to {last}" for first, last in intervals(settings))
    lines = [f"no usable scene: {len(scenes)} found in {places}, box {box} (west, south, east, north), {days}"]
    lines += [f"  {s.status} {s.scene_id}: {s.reason}" for s in scenes[:20]]
    if len(scenes) > 20:
        lines.append(f"  … and {len(scenes) - 20} more")
    remedy = "see the reasons above" if scenes else "check that units, periods and catalog are about the same place and time"
    return EmptySearchError("\n".join(lines), where="sources", remedy=remedy)
