"""Searches that find fewer scenes than earlier ones: archives that are being moved or repaired answer in part.

A scene that is not found again stays in the ledger with the mark NOT_FOUND_AGAIN as long as the configuration asks for it, and counts as lost in each later
search, so that a loss of one scene with every search adds up. Where more scenes are marked than is allowed, because the user allowed more for one search, they
are withdrawn for good and are not counted.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import shapely

from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.config import Settings
from rs_pipeline.errors import CatalogError, TableError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Period, Scene

log = logging.getLogger(__name__)

NOT_FOUND_AGAIN = "an earlier search used it, it is found no more"
"""Mark of such a scene in the ledger: the reason why it is skipped."""

_COVERED = 0.8
"""A scene counts as found again where scenes of its platform and day cover this share of its footprint: archives reprocess under other names."""

_NAMED = 5
"""Number of scenes that a message names."""


def missed_before(settings: Settings) -> list[Scene]:
    """The scenes that the last search marked as not found again; none where there is no readable ledger."""
    try:
        return read_ledger(Layout(settings.root).scenes, reason=[NOT_FOUND_AGAIN])
    except TableError:
        return []


def asked_before(used: Iterable[Scene], settings: Settings, region: shapely.Geometry) -> list[Scene]:
    """The scenes that a search should find: those that the last one used or did not find again, as far as the configuration still asks for them.

    Parameters
    ----------
    region : the units, EPSG:4326.
    """
    sensors = {s.sensor for s in settings.sources}

    def asked(scenes: Iterable[Scene]) -> list[Scene]:
        mine = (s for s in scenes if s.sensor in sensors and any(s.solar_day in p for p in settings.all_periods))
        return [s for s in mine if region.intersects(shapely.from_wkt(s.footprint_wkt))]

    found, missed = asked(used), asked(missed_before(settings))
    for_good = {s.key for is_of, _, _ in _too_many(missed, [*found, *missed], settings) for s in missed if is_of(s)}
    return [*found, *(s for s in missed if s.key not in for_good)]


def not_found_again(before: Iterable[Scene], now: Iterable[Scene]) -> list[Scene]:
    """The scenes of ``before`` for which ``now`` has neither the same item nor scenes of the same platform and day over most of the same ground."""
    now = list(now)
    keys, shown = {s.key for s in now}, defaultdict[tuple, list[shapely.Geometry]](list)
    for scene in now:
        if scene.footprint_wkt and scene.status == "used":
            shown[scene.platform, scene.solar_day].append(shapely.from_wkt(scene.footprint_wkt))
    gone = []
    for scene in before:
        footprint = shapely.from_wkt(scene.footprint_wkt)
        again = shapely.union_all(shown[scene.platform, scene.solar_day])
        if scene.key not in keys and again.intersection(footprint).area < _COVERED * footprint.area:
            gone.append(scene)
    return gone


def check_loss(gone: Sequence[Scene], unread: Sequence[Scene], before: Sequence[Scene], settings: Settings) -> None:
    """Refuse a search that lost too many scenes, in all, of a sensor or of a period; warn of any loss.

    Parameters
    ----------
    gone, unread : scenes of ``before`` that were not found again, and those that were found but cannot be read.
    before : from `asked_before`.

    Raises
    ------
    CatalogError : more than one scene, and more than search.max_lost_share of them, are lost. The last search stays.
    """
    lost = [*gone, *unread]
    how = "are found no more" if not unread else "are found no more, or cannot be read" if gone else "cannot be read"
    for is_of, words, total in _too_many(lost, before, settings):
        mine = [s.key for s in lost if is_of(s)]
        raise CatalogError(
            f"{len(mine)} of the {total} scenes{words} that earlier searches used {how} ({some(mine)}); more than {settings.search.max_lost_share:.0%} is "
            "refused, and the last search stays",
            where=", ".join(s.catalog for s in settings.sources),
            remedy="try again later, or ask the archive; where the scenes are withdrawn for good, set search.max_lost_share higher for one search",
        )
    if lost:
        log.warning("%d of the %d scenes that earlier searches used %s: %s", len(lost), len(before), how, some(s.key for s in lost))


def _too_many(lost: Sequence[Scene], before: Sequence[Scene], settings: Settings) -> Iterator[tuple[Callable[[Scene], bool], str, int]]:
    """The groups (all scenes, of a sensor, of a period) that lost more scenes than allowed: a test for members, the group in words, and its size."""

    def of_sensor(name: str) -> Callable[[Scene], bool]:
        return lambda scene: scene.sensor == name

    def of_period(period: Period) -> Callable[[Scene], bool]:
        return lambda scene: scene.solar_day in period

    groups: list[tuple[Callable[[Scene], bool], str]] = [(lambda scene: True, "")]
    groups += [(of_sensor(s.sensor), f" of {s.sensor}") for s in settings.sources]
    groups += [(of_period(p), f" of {p.label}") for p in settings.all_periods]
    for is_of, words in groups:
        n_lost, total = sum(map(is_of, lost)), sum(map(is_of, before))
        if n_lost > 1 and n_lost > settings.search.max_lost_share * total:
            yield is_of, words, total


def some(names: Iterable[str]) -> str:
    """The first names of a list as text, and how many more there are."""
    names = list(names)
    return ", ".join(names[:_NAMED]) + (f", … ({len(names) - _NAMED} more)" if len(names) > _NAMED else "")
