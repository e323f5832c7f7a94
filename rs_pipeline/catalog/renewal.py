"""New signatures for files of a catalog that signs its hrefs itself: they are valid for minutes or hours, a run takes days. Where a server refuses one, the
catalog is asked once more for the scenes of the job; what was decided about a scene stays, only its signatures are new."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from rs_pipeline.catalog.address import allowed_schemes, is_api
from rs_pipeline.catalog.api import api_items
from rs_pipeline.catalog.identity import unsigned_hrefs
from rs_pipeline.catalog.items import read_item, served_item
from rs_pipeline.catalog.ledger import keep_renewed
from rs_pipeline.config import Settings
from rs_pipeline.errors import PipelineError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Scene
from rs_pipeline.redaction import unsigned
from rs_pipeline.sensors import load_sensor

log = logging.getLogger(__name__)

REFUSALS = (401, 403)
"""Status codes of a server that does not accept a signature."""


class AccessRefused(RasterError):
    """A server refused a file (REFUSALS)."""


class Renewal:
    """The scenes of a job with their newest signatures; safe for threads."""

    def __init__(self, settings: Settings, scenes: Sequence[Scene]):
        self._settings, self._newest = settings, {s.key: s for s in scenes}
        self._lock, self._helps = Lock(), True

    def newest(self, scene: Scene) -> Scene:
        """The scene with its newest hrefs."""
        with self._lock:
            found = self._newest[scene.key]
        return replace(scene, assets=found.assets, tables=found.tables)

    def renewed(self, refused: Scene) -> Scene | None:
        """The scene with other signatures than those that a server refused; None where its hrefs have none, or the catalog gives no others."""
        if not is_signed(refused):
            return None
        with self._lock:
            if self._helps and _same_hrefs(self._newest[refused.key], refused):
                self._helps = self._ask_again()
            newest = self._newest[refused.key]
            return None if _same_hrefs(newest, refused) else newest

    def refused_again(self) -> None:
        """A server refuses a signature that was made a moment ago: the catalog is not asked again in this job."""
        with self._lock:
            self._helps = False

    def _ask_again(self) -> bool:
        """Whether the catalog gave a new signature for any scene."""
        wanted = {(s.sensor, s.scene_id): s for s in self._newest.values() if is_signed(s)}
        try:
            found = {key: s for key, s in self._signed_anew(wanted) if not _same_hrefs(s, self._newest[key])}
            if found:
                self._newest |= found
                keep_renewed(list(found.values()), Layout(self._settings.root).signatures)
        except PipelineError as fault:
            log.warning("a server refuses the signatures of the search, and the catalog gives no new ones: %s", fault.what)
            return False
        log.info("a server refuses the signatures of the search; the catalog gave new ones for %d of %d scenes", len(found), len(wanted))
        return bool(found)

    def _signed_anew(self, wanted: Mapping[tuple[str, str], Scene]) -> Iterator[tuple[str, Scene]]:
        """Key and scene of those that their catalog finds again with the same files."""
        for source in self._settings.sources:
            mine = [s for s in wanted.values() if s.sensor == source.sensor]
            if not mine or not is_api(source.catalog):
                continue
            sensor, days = load_sensor(source.sensor), [s.solar_day for s in mine]
            bounds = tuple(pick(side) for pick, side in zip((min, min, max, max), zip(*(s.bbox for s in mine), strict=True), strict=True))
            items = api_items(source, sensor.collection, bounds, [(min(days), max(days))], self._settings.fetch, self._settings.search.max_scenes)
            for item in map(served_item, items):
                found = read_item(item, source, sensor, allowed_schemes(source), self._settings.heat.window if self._settings.heat else None).scene
                before = wanted.get((found.sensor, found.scene_id))
                if before is not None and unsigned_hrefs(found) == unsigned_hrefs(before):
                    yield before.key, replace(before, assets=found.assets, tables=found.tables)


def is_signed(scene: Scene) -> bool:
    """Whether any of a scene's hrefs carries a signature or a key."""
    return any(unsigned(href) != href for href in (scene.assets | scene.tables).values())


def _same_hrefs(one: Scene, other: Scene) -> bool:
    return one.assets == other.assets and one.tables == other.tables
