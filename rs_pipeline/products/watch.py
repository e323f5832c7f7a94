"""Watched places: polygons of many kinds in one table, ``tables.places``, and the zones that maps are summed over for them.

All places of a kind in a unit are the zone ``place:<kind>``; where polygons overlap, they count once. Each place is also a zone of its own,
``watched:<place_id>``, uncut and in no unit, because it may lie in several units or outside them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.cells import code_text, is_missing, narrow
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.paths import did_you_mean

WATCHED_KINDS = {
    "water_source": "水源保护区", "contaminated_plot": "污染地块", "habitat": "栖息地", "reserve": "自然保护地", "village": "村庄", "beautiful_water": "美丽河湖海湾",
    "construction_site": "施工工地", "red_line": "生态保护红线", "mine": "矿山", "corridor": "生态廊道",
}  # fmt: skip
"""Kind of a watched place to its Chinese word; a table may use either."""


class KindAnswer(NamedTuple):
    """What places of a kind say."""

    targets: tuple[str, ...]
    """Ids of the sentences that they answer, or are evidence for."""
    chief: str
    """Indicator that says most of such a place."""


ANSWERS = {
    "water_source": KindAnswer(("C06-09",), "converted_area"),
    "contaminated_plot": KindAnswer(("C07-02",), "converted_area"),
    "habitat": KindAnswer(("C11-02", "C24-01"), "natural_converted_area"),
    "reserve": KindAnswer(("C09-01", "C09-02", "C11-01"), "converted_area"),
    "village": KindAnswer(("C19-05",), "fvc_growing_mean"),
    "beautiful_water": KindAnswer(("C06-05", "C06-06", "C24-01"), "water_permanent_area"),
    "construction_site": KindAnswer(("C05-04",), "bare_area"),
    "red_line": KindAnswer(("C01-01", "C01-02"), "natural_converted_area"),
    "mine": KindAnswer(("C04-04",), "bare_area"),
    "corridor": KindAnswer(("C09-03",), "fvc_peak_trend"),
}
"""Kind to what its places say."""

KIND_ZONE, PLACE_ZONE = "place:", "watched:"
"""Prefixes of the zones of a kind within a unit, and of single places."""


def load_watched(settings: Settings) -> gpd.GeoDataFrame:
    """The polygons of ``tables.places`` in EPSG:4326: text ``place_id`` (``<kind>-<row>`` where the file has none), ``kind`` (one of WATCHED_KINDS), ``name``, and
    ``cleared``, the year from which a contaminated plot may be built on, NaN where it is not stated.

    Raises
    ------
    ConfigError : the file cannot be used, a kind is unknown, an id is empty or there twice, or ``cleared`` is not a year.
    """
    found, path = load_vector(settings, "tables.places"), settings.tables.places
    where = [f"tables.places: {path}, feature {n}" for n in range(1, len(found) + 1)]
    kinds = [_kind(text, place) for text, place in zip(found["kind"], where, strict=True)]
    ids = [code_text(v) for v in found["place_id"].fillna("")] if "place_id" in found else [f"{kind}-{n}" for n, kind in enumerate(kinds, start=1)]
    years = [_year(v, place) for v, place in zip(found["cleared"], where, strict=True)] if "cleared" in found else np.nan
    _check_ids(ids, f"tables.places: {path}")
    names = found["name"].astype("object").where(found["name"].notna(), "").map(lambda text: str(text).strip())
    return found[["geometry"]].assign(place_id=ids, kind=kinds, name=names, cleared=years)


def _kind(value: object, where: str) -> str:
    word = "" if pd.isna(value) else narrow(str(value))
    english = {chinese: kind for kind, chinese in WATCHED_KINDS.items()}
    kind = english.get(word, word.lower().replace(" ", "_"))
    if kind not in WATCHED_KINDS:
        near = did_you_mean(kind, WATCHED_KINDS)
        raise ConfigError(
            f"column kind: {word!r} is no kind of place{near}", where=where, remedy=f"choose one of {', '.join(f'{k} ({c})' for k, c in WATCHED_KINDS.items())}"
        )
    return kind


def _year(value: object, where: str) -> float:
    text = "" if pd.isna(value) else code_text(value)
    if is_missing(text):
        return float("nan")
    if not (text.isdigit() and 1900 <= int(text) <= 2200):
        raise ConfigError(f"column cleared: {text!r} is not a year", where=where, remedy="write a year such as 2026, or nothing where the plot is not cleared")
    return float(text)


def _check_ids(ids: list[str], where: str) -> None:
    if "" in ids:
        raise ConfigError(
            f"column place_id: empty in feature {ids.index('') + 1}", where=where, remedy="give every place an id of its own, or leave the column out"
        )
    if twice := sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []:
        raise ConfigError(
            f"column place_id: {', '.join(twice[:5])} are there twice", where=where, remedy="give every place an id of its own, or leave the column out"
        )


def targets_of(kind: str, known: Collection[str]) -> str:
    """Ids of the sentences that a kind answers, of those that the run's table of targets has, joined by ``;``.

    >>> targets_of("habitat", {"C11-02", "C06-09"}), targets_of("habitat", ())
    ('C11-02', '')
    """
    return ";".join(target for target in ANSWERS[kind].targets if target in known)


def watched_kinds(settings: Settings) -> frozenset[str]:
    """Kinds that the table has; none without it."""
    return frozenset() if settings.tables.places is None else frozenset(load_watched(settings).kind)


def watched_zones(settings: Settings, units: gpd.GeoDataFrame, period: str) -> Iterator[gpd.GeoDataFrame]:
    """Zones of a period: the part of each unit (rows as of `region.with_unions`) in places of each kind, then every place, as rows in no unit and no total.
    Contaminated plots that are cleared by the end of the period are left out of their kind. Nothing without the table."""
    if settings.tables.places is None:
        return
    places = load_watched(settings)
    held = places[(places.kind != "contaminated_plot") | ~(places.cleared <= settings.period(period).end.year)]
    for kind, group in held.groupby("kind"):
        whole = gpd.GeoDataFrame({"zone": [KIND_ZONE + kind]}, geometry=[group.union_all()], crs=4326)
        yield units.overlay(whole, how="intersection", keep_geom_type=True)
    yield gpd.GeoDataFrame(
        {"adcode": "", "name": places.name, "prefecture": "", "in_region": False, "zone": PLACE_ZONE + places.place_id}, geometry=places.geometry, crs=4326
    )


def of_places(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table of zones are of single places, bool."""
    return table.zone.str.startswith(PLACE_ZONE)
