"""Step ``findings``: the findings of all products as one list for inspectors, with ids and decisions that are kept from run to run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.inputs.cells import code_text
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Period
from rs_pipeline.products.findings import (
    BLACK,
    CONFIRMED,
    DECIDED_STATES,
    FINDING_KINDS,
    FINDING_STATES,
    FOUND_DTYPES,
    KNOWN,
    NEW,
    REFUTED,
    REMEDIED,
    TO_INSPECT,
    finding_words,
    found_table,
    known_states,
    visited_days,
)
from rs_pipeline.products.register import products, resolve
from rs_pipeline.products.visits import field_results, middles
from rs_pipeline.publish.sheets import TEXT_FORMAT, Sheet, number_cell, save_workbook, text_cell
from rs_pipeline.region import BORDER_M, load_units, owner_codes
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import write_csv
from rs_pipeline.tiles import read_grid

log = logging.getLogger(__name__)

FINDINGS = (
    "rank", "finding_id", "kind", "kind_chinese", "state", "state_chinese", "adcode", "name", "prefecture", "township", "first_seen", "last_seen", "amount", "lower", "upper",
    "unit", "probability", "against", "against_chinese", "visited", "place", "lon", "lat", "amap", "baidu", "geo",
)  # fmt: skip
"""Columns of the list."""

MOST_TOLD = 10
"""Largest number of visits or ids that a message names."""

FORM = {
    "finding_id": "问题编号", "kind": "类型代号", "kind_chinese": "类型", "state_chinese": "状态", "adcode": "行政区代码", "name": "区县", "township": "乡镇", "first_seen": "首次发现",
    "last_seen": "最近发现", "amount": "数量", "unit": "单位", "probability": "概率", "against_chinese": "反证", "lon": "经度", "lat": "纬度", "amap": "高德地图",
    "date": "核查日期", "found": "是否属实", "note": "备注",
}  # fmt: skip
"""Columns of the form to their Chinese names; date, found and note are for the inspector (`products.visits.field_results` reads them)."""

FORM_FORMATS = {"amount": "#,##0", "probability": "0.00", "lon": "0.000000", "lat": "0.000000", "date": "yyyy-mm-dd"}
FORM_WIDTHS = {"kind_chinese": 24, "name": 16, "township": 16, "against_chinese": 30, "amap": 24, "note": 40}

OVERLAP_M, SAME_SHARE = 20.0, 0.5
"""Two findings are the same if, buffered by OVERLAP_M (two pixels, as much as outlines vary), they share at least SAME_SHARE of the area of the smaller
one."""

MOST_GROWTH = 2.0
"""A finding more than this many times as large as a refuted or remedied one does not inherit the decision."""


SHIFTED_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north, degrees, of the area in which maps of China are shifted (published reverse engineering of GCJ-02, 2010)."""


def finding_id(kind: str, place: str, lon: float, lat: float) -> str:
    """Letter of the kind and eight hexadecimal digits of the hash of its place: the name or, without a name, the coordinates in degrees to some ten metres.

    >>> finding_id("new_reclamation", "", 118.9123456, 39.0987)
    'L-5ab998ca'
    """
    named = f"{kind} {place or f'{lon:.4f},{lat:.4f}'}"
    return f"{FINDING_KINDS[kind]}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def links(lon: np.ndarray, lat: np.ndarray, names: list[str]) -> dict[str, list[str]]:
    """Links that open points, degrees on WGS 84 (n,), in Amap, Baidu Maps and any map program of a phone; the first two are empty outside China."""
    gcj02 = wgs84_to_gcj02(np.column_stack([lon, lat]))
    west, south, east, north = SHIFTED_BOX
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    amap = [f"https://uri.amap.com/marker?position={x:.6f},{y:.6f}&name={quote(n)}&coordinate=gaode" for (x, y), n in zip(gcj02, names, strict=True)]
    baidu = [
        f"https://api.map.baidu.com/marker?location={y:.6f},{x:.6f}&title={quote(n)}&content={quote(n)}&coord_type=bd09ll&output=html"
        for (x, y), n in zip(gcj02_to_bd09(gcj02), names, strict=True)
    ]
    geo = [f"geo:{y:.6f},{x:.6f}" for x, y in zip(lon, lat, strict=True)]
    return (
        {"amap": np.where(inside, amap, "").tolist(), "baidu": np.where(inside, baidu, "").tolist(), "geo": geo}
        if len(geo)
        else {"amap": [], "baidu": [], "geo": []}
    )


def same_places(found: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> dict[int, int]:
    """Row of ``found`` to the row of ``known`` (one CRS, numbered from 0) that is the same finding; each row once.

    The same finding has the same kind and the same named place or, where names do not decide, the same ground (SAME_SHARE); pairs with the largest
    common ground are matched first.
    """
    same: dict[int, int] = {}
    taken: set[int] = set()

    def pair(i: int, j: int) -> None:
        if i not in same and j not in taken:
            same[i] = j
            taken.add(j)

    named = {place: j for j, place in reversed(list(enumerate(zip(known.kind, known.place, strict=True)))) if place[1]}
    for i, place in enumerate(zip(found.kind, found.place, strict=True)):
        if place in named:
            pair(i, named[place])
    wide, theirs = (shapely.buffer(table.geometry.to_numpy(), OVERLAP_M) for table in (found, known))
    mine, other = shapely.STRtree(theirs).query(wide, predicate="intersects")
    alike = found.kind.to_numpy()[mine] == known.kind.to_numpy()[other]
    mine, other = mine[alike], other[alike]
    shared = shapely.area(shapely.intersection(wide[mine], theirs[other]))
    enough = shared >= SAME_SHARE * np.minimum(shapely.area(wide)[mine], shapely.area(theirs)[other])
    for _, i, j in sorted(zip(-shared[enough], mine[enough], other[enough], strict=True)):
        pair(int(i), int(j))
    return same


def state_of(decision: str, *, is_new: bool, again: bool = False) -> str:
    """One of FINDING_STATES.

    Parameters
    ----------
    decision : the last one, empty without any. is_new : no earlier list has it. again : black water that was suspected again after the decision.

    >>> state_of("refuted", is_new=False), state_of("refuted", is_new=True, again=True)
    ('refuted', 'to_inspect')
    """
    if decision == CONFIRMED or (decision and not again):
        return decision
    return NEW if is_new and not decision else TO_INSPECT


def _told(settings: Settings, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The findings of all products within the units, in the run's CRS."""
    crs = read_grid(settings).crs
    tables = [resolve(p.findings)(settings) for p in products().values() if p.findings]
    tables = [t.to_crs(crs) for t in tables if t is not None and len(t)]
    if not tables:
        return found_table([], [], crs)
    found = pd.concat(tables, ignore_index=True)
    mine = found.adcode.isin(units.adcode) | (owner_codes(middles(found.geometry), units, BORDER_M) != "")
    if not mine.all():
        log.info("%d of %d findings lie outside all units and are left out", (~mine).sum(), len(found))
    return found[mine].reset_index(drop=True)


def _placed(found: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings with lon, lat and the county: the county that the product states, else the smallest unit that contains the point, else the nearest unit."""
    points = middles(found.geometry).to_crs(4326)
    by_size = units.assign(order=units.geometry.to_crs(6933).area).sort_values("order").reset_index(drop=True)
    inside = gpd.GeoDataFrame(geometry=points).sjoin(by_size[["geometry"]], predicate="within").sort_values("index_right")
    unit_of = inside[~inside.index.duplicated()].index_right
    nearest = by_size.sindex.nearest(points, return_all=False)[1] if len(points) else []
    own = (
        by_size.adcode.iloc[unit_of.reindex(points.index).fillna(pd.Series(nearest, points.index, dtype="float64")).astype(int)].to_numpy()
        if len(points)
        else []
    )
    known = units.drop_duplicates("adcode").set_index("adcode")
    adcode: Sequence[str] | np.ndarray = np.where(found.adcode.isin(known.index), found.adcode, own) if len(points) else []
    return found.assign(
        adcode=adcode,
        name=known.name.reindex(adcode).to_numpy(),
        prefecture=known.prefecture.reindex(adcode).to_numpy(),
        lon=points.x.to_numpy("float64"),
        lat=points.y.to_numpy("float64"),
    )


def township_names(found: pd.DataFrame, townships: gpd.GeoDataFrame | None) -> list[str]:
    """Name of the township that each finding's ``lon`` and ``lat`` lie in; empty beyond all of them, or without them.

    ``townships`` : polygons with ``name`` in EPSG:4326. Where some overlap, the first in the file is named.
    """
    names = [""] * len(found)
    if townships is not None and len(found):
        points = gpd.points_from_xy(found.lon, found.lat)
        for i, k in sorted(zip(*townships.sindex.query(points, predicate="intersects"), strict=True), reverse=True):
            names[i] = "" if pd.isna(townships["name"].iloc[k]) else str(townships["name"].iloc[k]).strip()
    return names


def _with_ids(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    ids = [finding_id(r.kind, r.place, r.lon, r.lat) for r in found.itertuples()]
    again = pd.Series(ids, dtype="object").groupby(ids).cumcount().to_numpy() if ids else []
    return found.assign(finding_id=[f"{name}-{n + 1}" if n else name for name, n in zip(ids, again, strict=True)])


def listed(
    found: gpd.GeoDataFrame, known: gpd.GeoDataFrame | None, units: gpd.GeoDataFrame, every: list[Period], visits: gpd.GeoDataFrame | None = None,
    visit_distance_m: float = 100.0, townships: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """The list, columns FINDINGS and geometry in EPSG:4326.

    Parameters
    ----------
    found : findings of the products (`products.findings.FOUND_DTYPES`), in a CRS in metres. known : an earlier list, or None. units : see `region.load_units`.
    every : the periods in order. visits : see `with_visits`. townships : polygons with ``name``, EPSG:4326, or None.

    A finding of the earlier list keeps its id, its first period and, unless a later visit changes it, its decision. A finding that no product reports in this
    run stays on the list if it is decided, by the earlier list or a visit. Exception: refuted or remedied black water leaves the list unless a visit names
    it, because a new suspicion there is a new finding.

    Raises
    ------
    ConfigError : the earlier list has an unknown state.
    """
    found = _with_ids(_placed(found.reset_index(drop=True), units))
    found = found.assign(is_new=found.first_seen.to_numpy() == every[-1].label, gone=False, decision="", decided_on=pd.NaT, heard=pd.NaT, visited="")
    if known is not None:
        known = _known(known.to_crs(found.crs), every)
        same = same_places(found, known)
        gone = _gone(known.drop(index=list(same.values())), units)
        found = pd.concat([_remembered(found, known, same, every), gone], ignore_index=True)
    found = with_visits(found, visits, visit_distance_m)
    again = (found.kind == BLACK) & ~found.gone & ~(_days(found.last_seen, {p.label: p.start for p in every}) <= found.decided_on)
    states = [state_of(decision, is_new=is_new, again=more) for decision, is_new, more in zip(found.decision, found.is_new, again, strict=True)]
    staying = _staying(found.assign(state=pd.Series(states, found.index, dtype="object")))
    return _ranked(staying.assign(township=township_names(staying, townships)))


def _days(labels: pd.Series, day_of: dict[str, date]) -> pd.Series:
    """Day of each label, datetime64; NaT where it is no period of the run."""
    return pd.to_datetime(labels.map(day_of).astype("object"))


def _known(known: gpd.GeoDataFrame, every: list[Period]) -> gpd.GeoDataFrame:
    """An earlier list, numbered from 0, with its decisions: ``decision`` (empty where nothing was decided), ``decided_on`` (day of the last visit or, without
    one, the end of the last period that shows the finding), ``heard`` (visits before this day are already included), and ``visited``."""
    known = known.assign(state=known_states(known)).reset_index(drop=True)
    if (odd := ~known.kind.isin(FINDING_KINDS)).any():
        log.warning("%s: left out, as they are of no known kind: %s", KNOWN, ", ".join(known.finding_id[odd].astype(str)[:MOST_TOLD]))
        known = known[~odd].reset_index(drop=True)
    for name in ("place", "first_seen", "last_seen"):
        texts = ["" if pd.isna(value) else code_text(value) for value in known.get(name, [""] * len(known))]
        known[name] = pd.Series(texts, known.index, dtype="object")
    days = visited_days(known)
    return known.assign(
        decision=known.state.where(known.state.isin(DECIDED_STATES), ""),
        heard=days,
        visited=days.dt.strftime("%Y-%m-%d").fillna(""),
        decided_on=days.fillna(_days(known.last_seen, {p.label: p.end for p in every})),
    )


def _sizes(table: gpd.GeoDataFrame) -> pd.Series:
    """Area of polygons, m2, and length of lines, m."""
    return table.geometry.area.where(table.geometry.area > 0, table.geometry.length)


def _remembered(found: gpd.GeoDataFrame, known: gpd.GeoDataFrame, same: dict[int, int], every: list[Period]) -> gpd.GeoDataFrame:
    """``found`` with id, first period and decision of the same finding of the earlier list (`same_places`). If that one was refuted or remedied and the new one is
    more than MOST_GROWTH times as large, it is to be inspected again, and visits that the earlier list includes do not count."""
    old = (
        pd.DataFrame(known.drop(columns="geometry"))
        .assign(size_known=_sizes(known))
        .reindex([same.get(i, -1) for i in range(len(found))])
        .set_axis(found.index)
    )
    is_same = pd.Series([i in same for i in range(len(found))], found.index, dtype=bool)
    grown = old.decision.isin((REFUTED, REMEDIED)) & (_sizes(found) > MOST_GROWTH * old.size_known)
    order = {p.label: k for k, p in enumerate(every)}
    return found.assign(
        finding_id=old.finding_id.where(is_same, _free_ids(found, known)),
        is_new=~is_same,
        visited=old.visited.where(is_same, ""),
        first_seen=[
            min(a, b, key=lambda p: order.get(p, -1)) if matched and a else b for a, b, matched in zip(old.first_seen, found.first_seen, is_same, strict=True)
        ],
        decision=old.decision.where(is_same & ~grown, ""),
        decided_on=old.decided_on,
        heard=old.heard + pd.to_timedelta(grown.astype(int), unit="D"),
    )


def _gone(known: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings of an earlier list that no product reports in this run, as rows of the new list."""
    texts = {name for name, kind in FOUND_DTYPES.items() if kind == "str"}
    rows = [
        {name: "" if name in texts and pd.isna(row[name]) else row[name] for name in FOUND_DTYPES if name in row} | {"against": "not_found_again"}
        for row in known.drop(columns="geometry").to_dict("records")
    ]
    table = _placed(found_table(rows, list(known.geometry), known.crs), units)
    return table.assign(is_new=False, gone=True, **{name: known[name].to_numpy() for name in ("finding_id", "decision", "decided_on", "heard", "visited")})


def _staying(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The list without findings of the earlier list that are not found again and were not decided, or are refuted or remedied black water; their number is
    logged."""
    undecided = found.gone & ~found.state.isin(DECIDED_STATES)
    over = found.gone & (found.kind == BLACK) & found.state.isin((REFUTED, REMEDIED)) & ~found.answered
    if undecided.any():
        log.warning("%d findings of the earlier list are not found again and were not decided: they leave the list", undecided.sum())
    if over.any():
        log.info("%d findings of black-odorous water that was refuted or remedied are not found again: they leave the list", over.sum())
    return found[~undecided & ~over]


def with_visits(found: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, distance_m: float) -> gpd.GeoDataFrame:
    """``found`` after the visits: ``decision``, ``decided_on``, ``visited`` (day of the last visit), and ``answered`` (whether there was a visit).

    A visit concerns the finding that it names or, without a name, the nearest one of its kind within the distance. Without a kind it concerns
    black-odorous water. Visits to black-odorous water are matched by place also where the named finding is not on the list. The last visit decides; of
    several on one day, one that found what was suspected. A finding that was confirmed and is found gone is remedied. Visits that the earlier list already
    includes change nothing. Visits that match no finding are logged.

    ``visits`` : see `products.visits.field_results`.
    """
    found = found.assign(answered=False)
    if visits is None or visits.empty:
        return found
    visits = visits.to_crs(found.crs).sort_values(["date", "black"])
    decision, decided_on, answered, strange = found.decision.tolist(), found.decided_on.tolist(), [False] * len(found), []
    number = {name: i for i, name in enumerate(found.finding_id)}
    for visit in visits.itertuples():
        about = [number[visit.finding_id]] if visit.finding_id in number else _nearest(found, _kind_of(visit), visit.geometry, distance_m)
        if not about:
            strange.append(f"{visit.finding_id or visit.kind or BLACK} on {visit.date.date().isoformat()}")
        for i in about:
            if not visit.date < found.heard.iloc[i]:
                decision[i] = CONFIRMED if visit.black else REMEDIED if decision[i] in (CONFIRMED, REMEDIED) else REFUTED
                decided_on[i], answered[i] = visit.date, True
    if strange:
        log.warning("%d of %d visits are about no finding of the list: %s", len(strange), len(visits), ", ".join(strange[:MOST_TOLD]))
    days = [day.date().isoformat() if now else before for day, now, before in zip(decided_on, answered, found.visited, strict=True)]
    return found.assign(
        decision=pd.Series(decision, found.index, dtype="object"),
        decided_on=pd.to_datetime(pd.Series(decided_on, found.index, dtype="object")),
        answered=pd.Series(answered, found.index, dtype=bool),
        visited=pd.Series(days, found.index, dtype="object"),
    )


def _kind_of(visit: Any) -> str:
    """Kind by which the finding of a visit is searched at its place; empty where only the name counts."""
    if visit.finding_id:
        return BLACK if visit.finding_id.startswith(f"{FINDING_KINDS[BLACK]}-") else ""
    return visit.kind or BLACK


def _nearest(found: gpd.GeoDataFrame, kind: str, place: shapely.Point, distance_m: float) -> list[int]:
    """Numbers of the rows of a kind that are nearest to a place (reaches share their ends); empty where none is near enough."""
    distance = found.geometry.distance(place).where(found.kind == kind, np.inf).to_numpy()
    least = distance.min(initial=np.inf)
    return np.flatnonzero(distance == least).tolist() if least <= distance_m else []


def _free_ids(found: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> list[str]:
    """Ids of new findings, none of which is one of the earlier list."""
    taken, ids = set(known.finding_id), []
    for name in found.finding_id:
        n, mine = 1, name
        while mine in taken:
            n += 1
            mine = f"{name}-{n}"
        ids.append(mine)
        taken.add(mine)
    return ids


def _ranked(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The list in its order, with the columns of words and links."""
    keys = pd.DataFrame(
        {
            "decided": found.state.isin(DECIDED_STATES),
            "state": found.state.map({s: k for k, s in enumerate(FINDING_STATES)}).where(found.state.isin(DECIDED_STATES), 0),
            "probability": -found.probability.fillna(0),
            "kind": found.kind.map({k: n for n, k in enumerate(FINDING_KINDS)}),
            "amount": -found.amount,
            "id": found.finding_id,
        },
        index=found.index,
    )
    table = found.loc[keys.sort_values(list(keys)).index].reset_index(drop=True)
    kinds, states = ([[finding_words(word, k) for word in table[column]] for k in (0, 1)] for column in ("kind", "state"))
    names = [f"{number} {kind}" for number, kind in zip(table.finding_id, kinds[1], strict=True)]
    table = table.assign(
        rank=np.arange(1, len(table) + 1),
        kind_chinese=kinds[1],
        state_chinese=states[1],
        against_chinese=[finding_words(t, 1) for t in table.against],
        **links(table.lon.to_numpy("float64"), table.lat.to_numpy("float64"), names),
    )
    return gpd.GeoDataFrame(table[[*FINDINGS, "geometry"]], geometry="geometry", crs=found.crs).to_crs(4326)


def _write_points(table: gpd.GeoDataFrame, path: Path) -> None:
    """The points of the list as KML or GPX, for phones and GPS devices: name, and in the description kind, state, periods, amount, what speaks against it and links."""
    names = [" ".join(filter(None, [str(r.rank), r.kind_chinese, r.name_, r.township])) for r in table.rename(columns={"name": "name_"}).itertuples()]
    about = [
        "; ".join(
            filter(
                None,
                [
                    r.finding_id,
                    f"{r.kind_chinese} {finding_words(r.kind, 0)}",
                    f"{r.state_chinese} {finding_words(r.state, 0)}",
                    f"{r.first_seen} - {r.last_seen}",
                    f"{r.amount:.0f} {r.unit}",
                    r.against_chinese,
                    r.amap,
                    r.geo,
                ],
            )
        )
        for r in table.itertuples()
    ]
    columns = ("name", "desc") if path.suffix == ".gpx" else ("Name", "Description")
    points = gpd.GeoDataFrame(
        {column: pd.Series([text_cell(text) for text in texts], dtype="object") for column, texts in zip(columns, (names, about), strict=True)},
        geometry=gpd.points_from_xy(table.lon, table.lat),
        crs=4326,
    )
    with atomic_path(path) as part:
        pyogrio.write_dataframe(points, part, driver=path.suffix[1:].upper(), layer="waypoints" if path.suffix == ".gpx" else "findings", geometry_type="Point")


def write_form(table: pd.DataFrame, path: Path) -> None:
    """The list as a workbook that an inspector fills in: a row a finding, columns FORM."""
    book = openpyxl.Workbook(write_only=True)
    sheet = Sheet(book, "核查表 Form", FORM, len(table), FORM_WIDTHS)
    for row in table.to_dict("records"):
        cells = [row.get(name) for name in FORM]
        sheet.append(
            [
                (None if value is None else text_cell(value) if isinstance(value, str) else number_cell(value), FORM_FORMATS.get(name, TEXT_FORMAT))
                for name, value in zip(FORM, cells, strict=True)
            ]
        )
    sheet.close()
    save_workbook(book, path)


def findings(settings: Settings) -> None:
    """Write ``findings/findings.gpkg`` (layer ``findings``, EPSG:4326, columns FINDINGS), beside it ``.csv``, ``.kml`` and ``.gpx``, and the form ``form.xlsx``.

    Raises
    ------
    ConfigError : tables.known_findings cannot be used. TableError : tables.field_results cannot be used.
    """
    path, known = Layout(settings.root).findings, load_vector(settings, KNOWN) if settings.tables.known_findings else None
    visits, units = field_results(settings), load_units(settings)
    townships = load_vector(settings, "tables.townships") if settings.tables.townships else None
    table = listed(_told(settings, units), known, units, settings.all_periods, visits, settings.black_odorous.visit_distance_m, townships)
    write_layer(table, path, "findings", "Unknown" if table.empty else None)
    write_csv(pd.DataFrame(table.drop(columns="geometry")), path.with_suffix(".csv"))
    for ending in (".kml", ".gpx"):
        _write_points(table, path.with_suffix(ending))
    write_form(table, Layout(settings.root).findings_form)
