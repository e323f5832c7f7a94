"""Step ``findings``: the places that products suspect as one list that an inspector can take along, with ids and decisions that last over runs."""

from __future__ import annotations

import csv
import hashlib
import logging
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.inputs.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from rs_pipeline.inputs.vectors import load_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Period
from rs_pipeline.products.black_odorous.field import field_results
from rs_pipeline.products.black_odorous.reaches import middles
from rs_pipeline.products.findings import BLACK, FINDING_KINDS, FOUND_DTYPES, found_table
from rs_pipeline.products.register import products, resolve
from rs_pipeline.publish.sheets import TEXT_FORMAT, Sheet, number_cell, save_workbook, text_cell
from rs_pipeline.region import load_units
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.layers import write_layer
from rs_pipeline.storage.tables import inert, write_csv
from rs_pipeline.tiles import read_grid

log = logging.getLogger(__name__)

NEW, TO_INSPECT, CONFIRMED, REFUTED, REMEDIED = "new", "to_inspect", "confirmed", "refuted", "remedied"
FINDING_STATES = (NEW, TO_INSPECT, CONFIRMED, REMEDIED, REFUTED)
DECIDED_STATES = (CONFIRMED, REFUTED, REMEDIED)

FINDINGS = (
    "rank", "finding_id", "kind", "kind_chinese", "state", "state_chinese", "adcode", "name", "prefecture", "first_seen", "last_seen", "amount", "lower", "upper",
    "unit", "probability", "against", "against_chinese", "visited", "place", "lon", "lat", "amap", "baidu", "geo",
)  # fmt: skip
"""Columns of the list."""

LATER, MOST_TOLD = "later", 10
"""Stands for the time after the last period; so many visits are named in a message."""

FORM = {
    "finding_id": "问题编号", "kind": "类型代号", "kind_chinese": "类型", "state_chinese": "状态", "adcode": "行政区代码", "name": "区县", "first_seen": "首次发现",
    "last_seen": "最近发现", "amount": "数量", "unit": "单位", "probability": "概率", "against_chinese": "反证", "lon": "经度", "lat": "纬度", "amap": "高德地图",
    "date": "核查日期", "found": "是否属实", "note": "备注",
}  # fmt: skip
"""Columns of the form to their Chinese names; date, found and note are for the inspector (`products.black_odorous.field.field_results` reads them)."""

FORM_FORMATS = {"amount": "#,##0", "probability": "0.00", "lon": "0.000000", "lat": "0.000000", "date": "yyyy-mm-dd"}
FORM_WIDTHS = {"kind_chinese": 24, "name": 16, "against_chinese": 30, "amap": 24, "note": 40}

OVERLAP_M = 20.0
"""Findings are widened by so much before they are held against those of an earlier list: two pixels, as much as outlines wander."""

SHIFTED_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north, degrees, of where maps of China are shifted (published reverse engineering of GCJ-02, 2010)."""


@cache
def _words() -> dict[str, tuple[str, str]]:
    """Word of the list to English and Chinese."""
    with (files("rs_pipeline.publish") / "finding_words.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: (row["english"], row["chinese"]) for row in csv.DictReader(file)}


def finding_words(text: str, language: int) -> str:
    """Words of the list, causes with their number of dates or period, in English (0) or Chinese (1); what is not known stays.

    >>> finding_words("sediment:3;not_seen_in:2025", 1)
    '泥沙 3；未观测到于 2025'
    """
    parts = [part.partition(":") for part in text.split(";") if part]
    return ("；" if language else "; ").join(f"{_words().get(word, (word, word))[language]} {number}".strip() for word, _, number in parts)


def finding_id(kind: str, place: str, lon: float, lat: float) -> str:
    """Letter of the kind and eight hexadecimal digits of its place: its name or, where it has none, degrees to some ten metres.

    >>> finding_id("new_reclamation", "", 118.9123456, 39.0987)
    'L-5ab998ca'
    """
    named = f"{kind} {place or f'{lon:.4f},{lat:.4f}'}"
    return f"{FINDING_KINDS[kind]}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def links(lon: np.ndarray, lat: np.ndarray, names: list[str]) -> dict[str, list[str]]:
    """Links that open a point, degrees on WGS 84 (n,), in Amap, Baidu Maps and any program of a phone; the first two are empty outside China."""
    gcj02 = wgs84_to_gcj02(np.column_stack([lon, lat]))
    west, south, east, north = SHIFTED_BOX
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    amap = [f"https://uri.amap.com/marker?position={x:.6f},{y:.6f}&name={quote(n)}&coordinate=gaode" for (x, y), n in zip(gcj02, names, strict=True)]
    baidu = [
        f"https://api.map.baidu.com/marker?location={y:.6f},{x:.6f}&title={quote(n)}&content={quote(n)}&coord_type=bd09ll&output=html"
        for (x, y), n in zip(gcj02_to_bd09(gcj02), names, strict=True)
    ]
    geo = [f"geo:{y:.6f},{x:.6f}" for x, y in zip(lon, lat, strict=True)]
    return {"amap": np.where(inside, amap, "").tolist(), "baidu": np.where(inside, baidu, "").tolist(), "geo": geo} if len(geo) else {"amap": [], "baidu": [], "geo": []}


def same_places(found: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> dict[int, int]:
    """Row of ``found`` to the row of ``known`` (one CRS, numbered from 0) of the same kind that it shares most ground with; each once, the largest first.

    A name of the place, where both have it, decides alone.
    """
    pairs = []
    wide, theirs = found.geometry.buffer(OVERLAP_M), known.geometry.buffer(OVERLAP_M)
    mine, other = theirs.sindex.query(wide, predicate="intersects")
    for i, j in zip(mine, other, strict=True):
        if found.kind.iloc[i] == known.kind.iloc[j]:
            named = bool(found.place.iloc[i]) and found.place.iloc[i] == str(known.get("place", pd.Series("", known.index)).iloc[j])
            pairs.append((named, wide.iloc[i].intersection(theirs.iloc[j]).area, i, j))
    chosen: dict[int, int] = {}
    for _, _, i, j in sorted(pairs, key=lambda p: (not p[0], -p[1], p[2], p[3])):
        if i not in chosen and j not in chosen.values():
            chosen[i] = j
    return chosen


def state_of(kind: str, field: str, field_period: str, last_seen: str, before: str, *, is_new: bool, order: dict[str, int]) -> str:
    """One of FINDING_STATES.

    Parameters
    ----------
    field : what the last visit found, in field_period. before : state in an earlier list, empty where it had none. order : label to its place in time.

    >>> state_of("new_reclamation", "", "", "2025", "refuted", is_new=False, order={"2025": 0})
    'refuted'
    """
    if field == "confirmed":
        return CONFIRMED
    if field in ("refuted", "remedied"):
        if kind == BLACK and order.get(last_seen, -1) > order.get(field_period, -1):
            return TO_INSPECT
        return REMEDIED if field == "remedied" or before in (CONFIRMED, REMEDIED) else REFUTED
    if before in DECIDED_STATES and not (kind == BLACK and before in (REFUTED, REMEDIED)):
        return before
    return NEW if is_new else TO_INSPECT


def _told(settings: Settings) -> gpd.GeoDataFrame:
    """What all products tell, in the run's CRS."""
    crs = read_grid(settings).crs
    tables = [resolve(p.findings)(settings) for p in products().values() if p.findings]
    tables = [t.to_crs(crs) for t in tables if t is not None and len(t)]
    return pd.concat(tables, ignore_index=True) if tables else found_table([], [], crs)


def _placed(found: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """With lon, lat and the county: that which the product says, else the smallest unit that the point lies in, else the nearest."""
    points = middles(found.geometry).to_crs(4326)
    by_size = units.assign(order=units.geometry.to_crs(6933).area).sort_values("order").reset_index(drop=True)
    inside = gpd.GeoDataFrame(geometry=points).sjoin(by_size[["geometry"]], predicate="within").sort_values("index_right")
    unit_of = inside[~inside.index.duplicated()].index_right
    nearest = by_size.sindex.nearest(points, return_all=False)[1] if len(points) else []
    own = by_size.adcode.iloc[unit_of.reindex(points.index).fillna(pd.Series(nearest, points.index, dtype="float64")).astype(int)].to_numpy() if len(points) else []
    known = units.drop_duplicates("adcode").set_index("adcode")
    adcode = np.where(found.adcode.isin(known.index), found.adcode, own) if len(points) else []
    return found.assign(
        adcode=adcode, name=known.name.reindex(adcode).to_numpy(), prefecture=known.prefecture.reindex(adcode).to_numpy(), lon=points.x.to_numpy("float64"), lat=points.y.to_numpy("float64")
    )


def _with_ids(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    ids = [finding_id(r.kind, r.place, r.lon, r.lat) for r in found.itertuples()]
    again = pd.Series(ids, dtype="object").groupby(ids).cumcount().to_numpy() if ids else []
    return found.assign(finding_id=[f"{name}-{n + 1}" if n else name for name, n in zip(ids, again, strict=True)])


def listed(
    found: gpd.GeoDataFrame, known: gpd.GeoDataFrame | None, units: gpd.GeoDataFrame, every: list[Period], visits: gpd.GeoDataFrame | None = None,
    visit_distance_m: float = 100.0,
) -> gpd.GeoDataFrame:  # fmt: skip
    """The list, columns FINDINGS and geometry in EPSG:4326.

    Parameters
    ----------
    found : what products tell (`products.findings.FOUND_DTYPES`), in metres. known : an earlier list, or None. units : see `region.load_units`.
    every : the periods in order. visits : see `with_visits`.

    What an earlier list knows keeps its id, its first period and, where no visit says otherwise, its decision; what it holds as decided and nobody
    tells of any more stays on the list. Refuted and remedied black water does not: its next suspicion is another.
    """
    periods = [p.label for p in every]
    order = {label: k for k, label in enumerate([*periods, LATER])}
    found = _with_ids(_placed(found.reset_index(drop=True), units)).assign(before="", is_new=found.first_seen.to_numpy() == periods[-1])
    if known is not None:
        known = known.to_crs(found.crs).reset_index(drop=True)
        same = same_places(found, known)
        free = _free_ids(found, known, same)
        found = found.assign(
            finding_id=[known.finding_id.iloc[same[i]] if i in same else free[i] for i in range(len(found))],
            before=[known.state.iloc[same[i]] if i in same else "" for i in range(len(found))], is_new=[i not in same for i in range(len(found))],
            first_seen=[min(str(known.first_seen.iloc[same[i]]), first, key=lambda p: order.get(p, -1)) if i in same else first for i, first in enumerate(found.first_seen)],
        )  # fmt: skip
        found = pd.concat([found, _kept(known.drop(index=list(same.values())), found.crs, units)], ignore_index=True)
    found = with_visits(found, visits, every, visit_distance_m)
    return _ranked(found.assign(state=[state_of(r.kind, r.field, r.field_period, r.last_seen, r.before, is_new=r.is_new, order=order) for r in found.itertuples()]))


def with_visits(found: gpd.GeoDataFrame, visits: gpd.GeoDataFrame | None, periods: list[Period], distance_m: float) -> gpd.GeoDataFrame:
    """``found``, with finding_id, and what visits said: ``field``, ``field_period`` and ``visited``, the day of the last visit.

    A visit is about the finding that it names or, where it names a kind alone, about the nearest of that kind within the distance. The last one
    decides, of several on a day one that found what was suspected. What reaches already know of visits in their periods stays unless a later visit says
    otherwise; a visit after the last period counts as later than all. Visits that are about none are told.

    ``visits`` : see `products.black_odorous.field.field_results`.
    """
    found = found.assign(visited=found.field_period)
    if visits is None or visits.empty:
        return found
    own = visits[(visits.finding_id != "") | ~visits.kind.isin(["", BLACK])].sort_values(["date", "black"])
    at, rows = {name: i for i, name in enumerate(found.finding_id)}, found.to_dict("index")
    near, strange = own.to_crs(found.crs).geometry, []
    for n, visit in own.iterrows():
        i = at.get(visit.finding_id) if visit.finding_id else _nearest(found, visit.kind, near[n], distance_m)
        if i is None:
            strange.append(f"{visit.finding_id or visit.kind} on {visit.date.date().isoformat()}")
            continue
        period = visit.period or (LATER if visit.date.date() > periods[-1].end else "")
        row = rows[found.index[i]]
        gone = "remedied" if row["field"] in ("confirmed", "remedied") else "refuted"
        row |= {"field": "confirmed" if visit.black else gone, "field_period": period, "visited": visit.date.date().isoformat()}
    if strange:
        log.warning("%d of %d visits are about no finding of the list: %s", len(strange), len(visits), ", ".join(strange[:MOST_TOLD]))
    told = pd.DataFrame.from_dict(rows, orient="index", columns=["field", "field_period", "visited"])
    return found.assign(**{name: told[name] for name in told}) if len(found) else found


def _nearest(found: gpd.GeoDataFrame, kind: str, place: shapely.Point, distance_m: float) -> int | None:
    """Number of the row of a kind that is nearest to a place, None where none is near enough."""
    distance = found.geometry.distance(place).where(found.kind == kind)
    return int(distance.to_numpy().argmin()) if (distance <= distance_m).any() and not distance.isna().all() else None


def _free_ids(found: gpd.GeoDataFrame, known: gpd.GeoDataFrame, same: dict[int, int]) -> list[str]:
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


def _kept(gone: gpd.GeoDataFrame, crs: object, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings of an earlier list that nobody tells of any more, and that were decided; how many others there are is told."""
    decided = gone[gone.state.isin(DECIDED_STATES) & gone.kind.isin(FINDING_KINDS)]
    if left := len(gone) - len(decided):
        log.warning("%d findings of the earlier list are not found again and were not decided: they leave the list", left)
    decided = decided[(decided.kind != BLACK) | (decided.state == CONFIRMED)]
    rows = [
        {name: "" if kind == "str" and pd.isna(row.get(name)) else row.get(name) for name, kind in FOUND_DTYPES.items() if name in decided} | {"against": "not_found_again"}
        for row in decided.to_dict("records")
    ]  # fmt: skip
    table = _placed(found_table(rows, list(decided.geometry), crs), units) if rows else found_table([], [], crs)
    return table.assign(finding_id=decided.finding_id.to_numpy(), before=decided.state.to_numpy(), is_new=False)


def _ranked(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """In the order of the list, with the columns that words and links make."""
    keys = pd.DataFrame({
        "decided": found.state.isin(DECIDED_STATES), "state": found.state.map({s: k for k, s in enumerate(FINDING_STATES)}).where(found.state.isin(DECIDED_STATES), 0),
        "probability": -found.probability.fillna(0), "kind": found.kind.map({k: n for n, k in enumerate(FINDING_KINDS)}), "amount": -found.amount, "id": found.finding_id,
    }, index=found.index)  # fmt: skip
    table = found.loc[keys.sort_values(list(keys)).index].reset_index(drop=True)
    kinds, states = ([[finding_words(word, k) for word in table[column]] for k in (0, 1)] for column in ("kind", "state"))
    names = [f"{number} {kind}" for number, kind in zip(table.finding_id, kinds[1], strict=True)]
    table = table.assign(
        rank=np.arange(1, len(table) + 1), kind_chinese=kinds[1], state_chinese=states[1], against_chinese=[finding_words(t, 1) for t in table.against],
        **links(table.lon.to_numpy("float64"), table.lat.to_numpy("float64"), names),
    )  # fmt: skip
    return gpd.GeoDataFrame(table[[*FINDINGS, "geometry"]], geometry="geometry", crs=found.crs).to_crs(4326)


def _write_points(table: gpd.GeoDataFrame, path: Path) -> None:
    """The points of the list as KML or GPX, for phones and GPS devices: name, and in its description kind, state, county, amount and what speaks against it."""
    names = [f"{r.rank} {r.kind_chinese} {r.name_}" for r in table.rename(columns={"name": "name_"}).itertuples()]
    about = [
        "; ".join(filter(None, [
            r.finding_id, f"{r.kind_chinese} {finding_words(r.kind, 0)}", f"{r.state_chinese} {finding_words(r.state, 0)}", f"{r.first_seen} - {r.last_seen}",
            f"{r.amount:.0f} {r.unit}", r.against_chinese, r.amap, r.geo,
        ])) for r in table.itertuples()
    ]  # fmt: skip
    columns = ("name", "desc") if path.suffix == ".gpx" else ("Name", "Description")
    points = gpd.GeoDataFrame(
        {column: pd.Series([inert(text) for text in texts], dtype="object") for column, texts in zip(columns, (names, about), strict=True)},
        geometry=gpd.points_from_xy(table.lon, table.lat), crs=4326,
    )  # fmt: skip
    with atomic_path(path) as part:
        pyogrio.write_dataframe(points, part, driver=path.suffix[1:].upper(), layer="waypoints" if path.suffix == ".gpx" else "findings", geometry_type="Point")


def write_form(table: pd.DataFrame, path: Path) -> None:
    """The list as a workbook that an inspector fills in: a row a finding, columns FORM."""
    book = openpyxl.Workbook(write_only=True)
    sheet = Sheet(book, "核查表 Form", FORM, len(table), FORM_WIDTHS)
    for row in table.to_dict("records"):
        cells = [row.get(name) for name in FORM]
        sheet.append([
            (None if value is None else text_cell(value) if isinstance(value, str) else number_cell(value), FORM_FORMATS.get(name, TEXT_FORMAT))
            for name, value in zip(FORM, cells, strict=True)
        ])  # fmt: skip
    sheet.close()
    save_workbook(book, path)


def findings(settings: Settings) -> None:
    """Write ``findings/findings.gpkg`` (layer ``findings``, EPSG:4326, columns FINDINGS), beside it ``.csv``, ``.kml`` and ``.gpx``, and the form ``form.xlsx``.

    Raises
    ------
    ConfigError : tables.known_findings cannot be used. TableError : tables.field_results cannot be used.
    """
    path, known = Layout(settings.root).findings, load_vector(settings, "tables.known_findings") if settings.tables.known_findings else None
    visits = field_results(settings)
    table = listed(_told(settings), known, load_units(settings), settings.all_periods, visits, settings.black_odorous.visit_distance_m)
    write_layer(table, path, "findings", "Unknown" if table.empty else None)
    write_csv(pd.DataFrame(table.drop(columns="geometry")), path.with_suffix(".csv"))
    for ending in (".kml", ".gpx"):
        _write_points(table, path.with_suffix(ending))
    write_form(table, Layout(settings.root).findings_form)
