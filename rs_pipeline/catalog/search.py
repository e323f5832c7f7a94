"""Step ``search``: query the catalogs once, make all decisions per scene, and store them in the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rich.console import Console

from rs_pipeline.catalog.address import allowed_schemes, is_api
from rs_pipeline.catalog.api import DateRange, api_items
from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.identity import change, decided_before, identified, remembered
from rs_pipeline.catalog.items import Candidate, read_item, served_item
from rs_pipeline.catalog.ledger import read_ledger, write_ledger
from rs_pipeline.catalog.orbits import tracks, write_tracks
from rs_pipeline.catalog.registration import REFUSED, register
from rs_pipeline.catalog.self_test import decide_offsets
from rs_pipeline.catalog.shrinking import NOT_FOUND_AGAIN, asked_before, check_loss, not_found_again, some
from rs_pipeline.catalog.sign import signed
from rs_pipeline.config import FetchSection, Settings, SourceSection
from rs_pipeline.errors import CatalogError, EmptySearchError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.radiometry.offsets import baseline_number
from rs_pipeline.region import load_units
from rs_pipeline.remote import breaker
from rs_pipeline.sensors import load_sensor
from rs_pipeline.wording import clean_text

_COVERED = 0.8
"""Least share of a duplicate's area that its replacement must cover: two halves of a split granule are not duplicates."""

_WHOLE, _ALIKE = 105.0, 1.0
"""Percent of a granule: two products whose coverages sum to more than the first overlap; two whose coverages differ by at most the second may show the same
ground."""

_SAME_STRIP = timedelta(seconds=5)
"""Datastrips whose starts differ by at most this are the same: reprocessing may change the first line."""

_SAME_RUN = timedelta(days=1)
"""Products of one baseline made within this time are the two parts of a granule, not a part that was processed again."""

_ONE_PASS = timedelta(hours=1)
"""A datatake lasts up to 40 minutes and may run past midnight; after 100 minutes the satellite is somewhere else."""

_MOST_PRODUCTS = 100
"""Most products of one acquisition that are compared over one place: a granule has about ten, from parts, baselines and archives."""

_DAY = timedelta(days=1)

_NOT_ASKED = "the catalog was not asked for "


def intervals(settings: Settings) -> list[DateRange]:
    """The periods as disjoint intervals of days, in order; adjacent periods are merged."""
    merged: list[DateRange] = []
    for period in settings.all_periods:
        if merged and period.start <= merged[-1][1] + timedelta(days=1):
            merged[-1] = (merged[-1][0], max(merged[-1][1], period.end))
        else:
            merged.append((period.start, period.end))
    return merged


def _collect(source: SourceSection, region: shapely.Geometry, settings: Settings, others: Counter[str]) -> list[Candidate]:
    """Candidates of one source that meet the region on a day of a period; items that cannot be read are kept with the reason.

    Items with the same id are one candidate where their content is the same; else all are kept. ``others`` counts the items of other collections.
    """
    sensor, schemes, spans = load_sensor(source.sensor), allowed_schemes(source), intervals(settings)
    remote, box = is_api(source.catalog), shapely.box(*region.bounds)
    thermal = settings.heat.window if settings.heat else None
    items: Iterator[Any]
    if remote:
        items = map(served_item, api_items(source, sensor.collection, region.bounds, spans, settings.fetch, settings.search.max_scenes))
    else:
        items = folder_items(source.catalog, sensor, others, tuple(source.folders))
    found: dict[bytes, Candidate] = {}
    for item in items:
        candidate = read_item(item, source, sensor, schemes, thermal)
        scene = candidate.scene
        if unasked := remote and _unasked(item, candidate, sensor.collection, box, spans):
            candidate = replace(candidate, scene=replace(scene, status="skipped", reason=unasked, assets={}))
        elif scene.footprint_wkt:
            on_day = any(first <= scene.solar_day <= last for first, last in spans)
            if not on_day or not region.intersects(shapely.from_wkt(scene.footprint_wkt)):
                continue
        found.setdefault(sha256(repr(candidate).encode()).digest(), candidate)
        if len(found) > settings.search.max_scenes:
            raise CatalogError(
                f"more than {settings.search.max_scenes} scenes found",
                where=source.catalog,
                remedy="narrow the region or the periods, or raise search.max_scenes",
            )
    return list(found.values())


def _unasked(item: Any, candidate: Candidate, collection: str, box: shapely.Geometry, spans: list[DateRange]) -> str:
    """Why an item of an API does not match the query; empty where it does."""
    scene = candidate.scene
    if isinstance(item, dict) and (item.get("collection") or collection) != collection:
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


def _replaces(better: Candidate, other: Candidate) -> bool:
    """Whether a product shows the same ground as another product of its acquisition.

    Both halves of a split granule may publish the footprint of the whole. So besides footprints the datastrips and the share of the granule with data are
    compared and, where items lack these, baselines and the times in the products' names. Scenes on different days and more than an hour apart are different
    passes, whatever datatake an item states.
    """
    if better.scene.solar_day != other.scene.solar_day and abs(better.scene.datetime - other.scene.datetime) > _ONE_PASS:
        return False
    shown = shapely.from_wkt(other.scene.footprint_wkt)
    if shapely.from_wkt(better.scene.footprint_wkt).intersection(shown).area < _COVERED * shown.area:
        return False
    one, two = better.part, other.part
    apart = None if one.strip is None or two.strip is None else abs(one.strip - two.strip) > _SAME_STRIP
    if apart is False:
        return True
    if one.coverage is not None and two.coverage is not None:
        if one.coverage + two.coverage > _WHOLE:
            return one.coverage >= _COVERED * two.coverage
        apart = apart or abs(one.coverage - two.coverage) > _ALIKE
    return not apart and _made_again(better, other)


def _made_again(better: Candidate, other: Candidate) -> bool:
    """Whether one product is a reprocessing of the other, by their baselines and the times in their names; True where these are missing."""
    one, two = better.part.made, other.part.made
    if better.scene.processing_baseline != other.scene.processing_baseline or one is None or two is None:
        return True
    return one == two or abs(one - two) > _SAME_RUN


def deduplicate(candidates: list[Candidate]) -> list[Candidate]:
    """Of candidates of one acquisition only one stays used: that of the higher source priority, then the one corrected for terrain,
    then of the newer baseline, then the newer product.

    The others become skipped. A candidate that the better one does not cover (another part of the granule) stays used.
    """
    groups: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.scene.status == "used" and candidate.acquisition:
            groups[(load_sensor(candidate.scene.sensor).family, *candidate.acquisition)].append(candidate)
    reasons: dict[int, str] = {}
    for group in groups.values():
        kept: list[Candidate] = []
        boxes = np.empty((len(group), 4))
        for candidate in sorted(sorted(group, key=lambda c: c.scene.scene_id), key=_rank, reverse=True):
            west, south, east, north = candidate.scene.bbox
            others = boxes[: len(kept)]
            over = np.flatnonzero((others[:, 0] <= east) & (others[:, 2] >= west) & (others[:, 1] <= north) & (others[:, 3] >= south))
            better = next((kept[i] for i in over[:_MOST_PRODUCTS] if _replaces(kept[i], candidate)), None)
            if better is not None:
                reasons[id(candidate)] = _duplicate_reason(better.scene, candidate.scene)
            elif over.size >= _MOST_PRODUCTS:
                reasons[id(candidate)] = f"more than {_MOST_PRODUCTS} products claim this acquisition, {kept[over[0]].scene.key} first"
            else:
                boxes[len(kept)] = candidate.scene.bbox
                kept.append(candidate)
    return [replace(c, scene=replace(c.scene, status="skipped", reason=reasons[id(c)])) if id(c) in reasons else c for c in candidates]


def _duplicate_reason(better: Scene, other: Scene) -> str:
    baseline = f", baseline {better.processing_baseline}" if better.processing_baseline else ""
    name = better.key if better.scene_id == other.scene_id else better.scene_id
    return f"same acquisition as {name} ({better.sensor}{baseline}), which is used"


def choose(candidates: list[Candidate], limits: FetchSection, looks: Path | None = None, before: Mapping[str, Scene] | None = None) -> list[Candidate]:
    """The candidates with duplicates skipped and offsets decided. Where a scene is refused for its offset, its duplicate is used instead.

    ``looks`` : folder with coarse readings of earlier searches, see `catalog.looks`. ``before`` : scenes that the last search used, by key: its decision is
    kept where their pixels cannot be read in this search.
    """

    def decided(some: list[Candidate]) -> list[Candidate]:
        return [decided_before(c, (before or {}).get(c.scene.key)) for c in decide_offsets(some, limits, looks)]

    first = identified(deduplicate(candidates), limits)
    chosen = decided(first)
    lost = {i for i, (a, b) in enumerate(zip(first, chosen, strict=True)) if a.scene.status == "used" != b.scene.status}
    again = deduplicate([chosen[i] if i in lost else c for i, c in enumerate(candidates)])
    revived = {i for i, (a, b) in enumerate(zip(first, again, strict=True)) if a.scene.status != "used" == b.scene.status}
    if not revived:
        return chosen
    again = [first[i] if first[i].scene.status == "used" == c.scene.status else c for i, c in enumerate(again)]
    for i, candidate in zip(revived, identified([again[i] for i in revived], limits), strict=True):
        again[i] = candidate
    cells = {again[i].acquisition[-1] for i in revived}
    near = [i for i, c in enumerate(again) if c.scene.status == "used" and c.acquisition and c.acquisition[-1] in cells]
    beside = dict(zip(near, decided([again[i] for i in near]), strict=True))
    return [beside[i] if i in revived else again[i] if first[i].scene.status != "used" else c for i, c in enumerate(chosen)]


def unique_keys(candidates: list[Candidate]) -> list[Candidate]:
    """Candidates sorted by id, keys made unique (file systems that ignore case included) with -2, -3 …"""
    taken: set[str] = set()
    last: Counter[str] = Counter()
    out = []
    for candidate in sorted(candidates, key=lambda c: (c.scene.scene_id, -c.priority, c.scene.sensor, c.scene.generated)):
        key = wanted = candidate.scene.key
        while key.lower() in taken:
            last[wanted.lower()] = max(last[wanted.lower()], 1) + 1
            key = f"{wanted}-{last[wanted.lower()]}"
        taken.add(key.lower())
        out.append(replace(candidate, scene=replace(candidate.scene, key=key)))
    return out


def collect(settings: Settings, region: shapely.Geometry, others: Counter[str]) -> list[Candidate]:
    """Candidates of all sources over a region (EPSG:4326), with unique keys, from the catalogs alone: no file of a scene is opened.

    Parameters
    ----------
    others : counts the items of other collections.

    Raises
    ------
    CatalogError : a catalog cannot be read, or holds more than search.max_scenes. RemoteError : the signing service of a source refuses.
    """
    breaker.share(settings.hosts_folder)
    shapely.prepare(region)
    return unique_keys([c for source in settings.sources for c in _see_signed(_collect(source, region, settings, others))])


def _see_signed(candidates: list[Candidate]) -> list[Candidate]:
    """The candidates of a source, unchanged, after signing one of their hrefs, so that a refusal is raised before scenes are read. A signing service that
    does not answer is ignored here: reading the scenes reports it."""
    first = next((c.scene for c in candidates if c.scene.status == "used"), None)
    if first is not None:
        with suppress(OSError):
            signed(next(iter(first.assets.values())), first.sign)
    return candidates


def search(settings: Settings) -> None:
    """Find the scenes of the region and periods in all sources and store them in ``scenes.parquet``.

    Raises
    ------
    CatalogError : a catalog cannot be read, holds more than search.max_scenes, or has lost too much of earlier searches (`shrinking.check_loss`).
    EmptySearchError : no scene can be used; it says what was searched and why scenes were skipped.
    """
    region = shapely.union_all(load_units(settings).geometry.values)
    others: Counter[str] = Counter()
    candidates = collect(settings, region, others)
    before = last_search(Layout(settings.root))
    if settings.search.self_test:
        candidates = choose(candidates, settings.fetch, settings.looks_folder, before)
    else:
        candidates = identified(deduplicate(candidates), settings.fetch)
    candidates = [replace(c, scene=remembered(c.scene, before.get(c.scene.key))) if c.scene.status == "used" else c for c in candidates]
    if settings.search.register_scenes:
        candidates = register(candidates, region, settings.fetch, before | last_search(Layout(settings.root), refused=True))
    scenes = [c.scene for c in candidates]
    counts = Counter(s.status for s in scenes)
    if not counts["used"]:
        raise _empty(settings, region, scenes, others)
    unread = {c.scene.key for c in candidates if _is_unread(c)}
    asked = asked_before(before.values(), settings, region)
    lost = not_found_again(asked, [s for s in scenes if s.key not in unread])
    gone = [s for s in lost if s.key not in unread]
    check_loss(gone, [s for s in lost if s.key in unread], asked, settings)
    scenes += [replace(s, status="skipped", reason=NOT_FOUND_AGAIN) for s in gone]
    found = tracks([s for s in scenes if not s.reason.startswith(_NOT_ASKED)], intervals(settings))
    write_tracks(found, Layout(settings.root).orbits)
    changed = [s.key for s in scenes if s.status == "used" and s.key in before and change(before[s.key], s)]
    write_ledger(scenes, Layout(settings.root).scenes)
    line = f"search: {counts.total()} scenes found, {counts['used']} used, {counts['skipped']} skipped, {counts['failed']} failed"
    expected, missing = sum(len(t.expected) for t in found), sum(len(t.missing) for t in found)
    line += f"\norbits: {expected - missing} of {expected} passes of {len(found)} tracks found"
    if moved := sum(s.status == "used" and (s.moved_x_m, s.moved_y_m) != (0.0, 0.0) for s in scenes):
        line += f"\nregistration: {moved} scenes were displaced from the others and are moved back, see `registration` in {Layout(settings.root).scenes}"
    if changed:
        line += f"\n{len(changed)} scenes changed at the source since they were fetched: {some(changed)}; they are fetched again"
    Console(stderr=True).print(line, markup=False, highlight=False)


def _is_unread(candidate: Candidate) -> bool:
    """Whether a scene is not used because its item or pixels cannot be read, and not because it does not match the configuration."""
    return candidate.scene.status == "failed" or (candidate.unread is not None and candidate.scene.status != "used")


def last_search(layout: Layout, *, refused: bool = False) -> dict[str, Scene]:
    """The scenes that the last search used, by key, or those that it refused for their displacement; empty where there is no ledger, or one with other
    columns."""
    try:
        return {s.key: s for s in read_ledger(layout.scenes, **({"registration": [REFUSED]} if refused else {"status": ["used"]}))}
    except TableError:
        return {}


def _empty(settings: Settings, region: shapely.Geometry, scenes: list[Scene], others: Counter[str]) -> EmptySearchError:
    places = "; ".join(f"{s.catalog} ({load_sensor(s.sensor).collection})" for s in settings.sources)
    box = ", ".join(f"{v:.4f}" for v in region.bounds)
    days = "; ".join(f"{first} to {last}" for first, last in intervals(settings))
    lines = [f"no usable scene: {len(scenes)} found in {places}, box {box} (west, south, east, north), {days}"]
    lines += [f"  {s.status} {s.scene_id}: {s.reason}" for s in scenes[:20]]
    if len(scenes) > 20:
        lines.append(f"  … and {len(scenes) - 20} more")
    lines += [f"  not looked at: {n} items of collection {name}" for name, n in others.most_common(5)]
    remedy = "see the reasons above" if scenes else "check that units, periods and catalog are about the same place and time"
    return EmptySearchError("\n".join(lines), where="sources", remedy=remedy)
