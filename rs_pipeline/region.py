"""The region of a run: units (counties), and the pixel grid over them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.cells import code_text
from rs_pipeline.inputs.vectors import NEIGHBOURS, has_neighbours, read_vector
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.paths import did_you_mean
from rs_pipeline.storage.tables import write_parquet
from rs_pipeline.tiles import make_tiles, tile_counts

log = logging.getLogger(__name__)

REGION = "000000"
"""Code of the row for all units together."""
REGION_NAME = "All units"

EQUAL_AREA = 6933
"""EPSG code of the CRS in which areas of units are compared."""

BORDER_M = 100.0
"""Places this near to a unit count as its own, metres: outlines of units are no more accurate, and many follow rivers."""
SLIVER_SHARE = 0.01
"""Units that share up to this share of the smaller one's area do not overlap: outlines of neighbours that were drawn separately share slivers."""
NESTED_SHARE = 0.95
"""A unit is a part of another where at least this share of its area lies in it."""

OUTSIDE_CRS_DEG = 12.0
"""Units farther than this outside the area of use of the grid's CRS, degrees (two UTM zones), mean that the CRS is wrong."""


def load_units(settings: Settings) -> gpd.GeoDataFrame:
    """The reporting units, those of ``units.only`` where it names some, sorted by code: text columns ``adcode``, ``name`` (the code where there is
    none), ``prefecture`` (empty where there is none), bool ``in_region`` and ``geometry`` in EPSG:4326.

    ``in_region`` is False where a unit overlaps another, such as its prefecture: for the region such units count as one, see `with_unions`.

    Raises
    ------
    ConfigError : the file, a column or a code is unusable, or no unit has a code of units.only.
    """
    frame = _only(_every_unit(settings), settings.units.only, f"units.path: {settings.units.path}")
    frame["name"] = frame.name.where(frame.name != "", frame.adcode)
    frame = frame.sort_values("adcode", ignore_index=True)
    pairs = overlaps(frame)
    frame.insert(3, "in_region", ~frame.adcode.isin([*pairs.small, *pairs.large]))
    return frame


def _every_unit(settings: Settings) -> gpd.GeoDataFrame:
    """Every unit of the file, whether the run uses it or not: adcode, name, prefecture, geometry in EPSG:4326.

    Raises
    ------
    ConfigError : the file, a column or a code is unusable.
    """
    section, where = settings.units, f"units.path: {settings.units.path}"
    columns = {section.code: "adcode", section.name: "name"} | ({section.prefecture: "prefecture"} if section.prefecture else {})
    remedy = "set units.code, units.name, units.prefecture to columns of the file, units.prefecture to null where it has none"
    try:
        frame = read_vector(section.path, key="units.path", stated=settings.stated("units.path"), columns=columns, label=section.code)
    except ConfigError as fault:
        raise ConfigError(fault.what, where=fault.where, remedy=f"{remedy}: {fault.remedy}") if fault.what.startswith("columns") else fault from None
    numeric = pd.api.types.is_numeric_dtype(frame[section.code])
    frame = frame[[*columns, frame.geometry.name]].rename(columns={**columns, frame.geometry.name: "geometry"}).set_geometry("geometry")
    if not section.prefecture:
        frame.insert(2, "prefecture", "")
    for column, read in (("adcode", code_text), ("name", _stripped), ("prefecture", _stripped)):
        frame[column] = frame[column].astype("object").where(frame[column].notna(), "").map(read)
    _check_codes(frame, where, section.code)
    _check_zeros(frame.adcode, numeric, where, section.code)
    return frame


def surroundings(settings: Settings) -> gpd.GeoDataFrame:
    """The areas around the units of a run, for which no values are computed: the units that ``units.only`` leaves out, under the name of their
    prefecture where they have one, and the file's layer NEIGHBOURS. Columns ``name`` and ``geometry``, EPSG:4326; empty where the file has neither."""
    section, stated = settings.units, settings.stated("units.path")
    parts = []
    if section.only:
        others = _every_unit(settings)
        others = others[~others.adcode.isin(section.only)]
        parts.append(others.assign(name=others.prefecture.where(others.prefecture != "", others.name)))
    if has_neighbours(section.path, key="units.path", stated=stated):
        try:
            parts.append(read_vector(section.path, key="units.path", stated=stated.model_copy(update={"layer": NEIGHBOURS}), columns=["name"]))
        except ConfigError as fault:
            log.warning("the map is drawn without the layer %s: %s", NEIGHBOURS, fault)
    found = pd.concat([part[["name", "geometry"]] for part in parts], ignore_index=True) if parts else gpd.GeoDataFrame({"name": []}, geometry=[], crs=4326)
    return found.assign(name=found.name.fillna("").map(_stripped))


def _only(units: gpd.GeoDataFrame, wanted: Sequence[str], where: str) -> gpd.GeoDataFrame:
    """The units with the ``wanted`` codes; all units where ``wanted`` is empty.

    Raises
    ------
    ConfigError : no unit has one of the codes.
    """
    if unknown := [code for code in wanted if code not in set(units.adcode)]:
        near = did_you_mean(unknown[0], units.adcode)
        raise ConfigError(
            f"units.only: no unit has the code {', '.join(unknown[:5])}{near}", where=where, remedy=f"use codes of the file, such as {units.adcode.iloc[0]}"
        )
    return units[units.adcode.isin(wanted)] if wanted else units


def tell_gaps(units: gpd.GeoDataFrame, where: str) -> None:
    """Log which units have no name, and which have no prefecture while others have one."""
    nameless, homeless = units.adcode[units.name == units.adcode], units.adcode[units.prefecture == ""]
    if len(nameless):
        log.warning("%s: %d units have no name and are called by their code: %s", where, len(nameless), ", ".join(nameless[:5]))
    if 0 < len(homeless) < len(units):
        log.warning("%s: %d units have no prefecture and count in none: %s", where, len(homeless), ", ".join(homeless[:5]))


def _stripped(text: object) -> str:
    return str(text).strip()


def _check_codes(units: gpd.GeoDataFrame, where: str, column: str) -> None:
    """Refuse units without a code, with the code of another unit, or with that of the region."""
    without = units.adcode == ""
    if without.any():
        raise ConfigError(f"units without a code: {list(units.name[without][:5])}", where=where, remedy=f"fill in the column {column}")
    repeated = sorted(units.adcode[units.adcode.duplicated()].unique())
    if repeated:
        raise ConfigError(f"codes occur more than once: {repeated[:5]}", where=where, remedy="dissolve the polygons by code")
    if (units.adcode == REGION).any():
        raise ConfigError(f"the code {REGION} stands for the region", where=where, remedy="give the unit another code")


def _check_zeros(codes: pd.Series, numeric: bool, where: str, column: str) -> None:
    """Find codes that may have lost leading zeros: an error in a column of numbers, which cannot hold them, else a warning."""
    lengths = codes.str.len()
    short = codes[(lengths == lengths.max() - 1) & codes.str.isdigit()]
    if numeric and len(short):
        raise ConfigError(
            f"codes have one digit less than the others, leading zeros may be lost: {list(short[:5])}",
            where=where,
            remedy=f"make {column} a column of text with all digits",
        )
    if len(short):
        log.warning("%s: codes have one digit less than the others: %s", where, ", ".join(short[:5]))


def overlaps(units: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pairs of units that share more than SLIVER_SHARE of the smaller: ``small``, ``large`` (codes), ``area_km2`` of the overlap and its ``share`` of the
    smaller, 0-1; sorted by the area of the larger. Of two units of equal area the one with the lower code is the larger."""
    shapes = units.to_crs(EQUAL_AREA).geometry.to_numpy()
    areas, codes = shapely.area(shapes), units.adcode.to_numpy()
    order = np.lexsort((np.arange(len(shapes))[::-1], areas))
    rank = np.empty(len(shapes), int)
    rank[order] = np.arange(len(shapes))
    i, j = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    small, large = i[rank[i] < rank[j]], j[rank[i] < rank[j]]
    shapely.prepare(shapes)
    common = shapely.area(shapely.intersection(shapes[small], shapes[large]))
    share = np.divide(common, areas[small], out=np.zeros(len(small)), where=areas[small] > 0)
    table = pd.DataFrame({"small": codes[small], "large": codes[large], "area_km2": common / 1e6, "share": share, "rank": rank[large]})
    return table[table.share > SLIVER_SHARE].sort_values(["rank", "small"], ignore_index=True).drop(columns="rank")


def _overlap_words(pairs: pd.DataFrame) -> str:
    words = [f"{p.small} and {p.large} share {p.area_km2:.4g} km2, {100 * p.share:.3g} % of {p.small}" for p in pairs.head(5).itertuples()]
    return "; ".join(words) + (f"; and {len(pairs) - 5} more" if len(pairs) > 5 else "")


def tell_overlaps(units: gpd.GeoDataFrame) -> None:
    """Log in one line which units overlap, and by how much."""
    if not units.in_region.all():
        log.warning(
            "units overlap: %s. Each is reported as it is; the totals of the region and its prefectures count their ground once, for the smaller unit's prefecture",
            _overlap_words(overlaps(units)),
        )


def with_unions(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The units and, for the totals of the region and its prefectures, the unions of those that overlap: rows with an empty code that are ``in_region``.

    A sum over the rows that are ``in_region`` counts no ground twice. Where units of several prefectures overlap there is one union per prefecture, and
    the ground that they share belongs to the smaller unit; a unit without a prefecture leaves it to the others.
    """
    doubled = units[~units.in_region]
    if doubled.empty:
        return units
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes, pairs = list(doubled.adcode), overlaps(doubled)
    links = [[codes.index(c) for c in pairs[name]] for name in ("small", "large")]
    _, group = connected_components(coo_array((np.ones(len(pairs), bool), links), shape=(len(codes),) * 2), directed=False)
    unions = doubled.assign(adcode="", name="", in_region=True, group=group)
    unions = pd.concat([_shared_out(found) for _, found in unions.groupby("group")]).dissolve(["group", "prefecture"], as_index=False)
    return pd.concat([units, unions[~unions.is_empty][units.columns]], ignore_index=True)


def _shared_out(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Units of several prefectures, cut so that none overlap: the smaller unit keeps the shared ground, a unit without a prefecture never does. Units of
    one prefecture stay as they are."""
    if units.prefecture.nunique() == 1:
        return units
    order = np.lexsort((units.to_crs(EQUAL_AREA).area, units.prefecture == ""))
    units, taken = units.iloc[order], shapely.Polygon()
    shapes = units.geometry.to_numpy().copy()
    for i, shape in enumerate(shapes):
        shapes[i] = shapely.difference(shape, taken)
        taken = shapely.union(taken, shape)
    return units.set_geometry(gpd.GeoSeries(shapes, units.index, crs=units.crs))


def prefecture_codes(units: pd.DataFrame) -> dict[str, str]:
    """Name of each prefecture of the units (adcode, prefecture) to its code: that of the six-digit division (130200 of 130203 and 130281), or the name
    itself where the units' codes give none, or where a unit or another prefecture has that code.

    >>> prefecture_codes(pd.DataFrame({"adcode": ["130203", "130281", "x"], "prefecture": ["Tangshan", "Tangshan", "Moni"]}))
    {'Moni': 'Moni', 'Tangshan': '130200'}
    """
    known = units[(units.adcode != "") & (units.prefecture != "")]
    codes = {}
    for name, group in known.groupby("prefecture"):
        divisions = {code[:4] + "00" for code in group.adcode}
        division = divisions.pop() if len(divisions) == 1 and group.adcode.str.fullmatch(r"\d{6}").all() else name
        codes[name] = name if division in set(units.adcode) else division
    shared = {code for code in codes.values() if list(codes.values()).count(code) > 1}
    return {name: name if code in shared else code for name, code in codes.items()}


def counted_groups(table: pd.DataFrame, codes: Mapping[str, str]) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """(code, name, prefecture, rows) of each prefecture and, last, of the region: the rows of the table that are ``in_region``."""
    counted = table[table.in_region.astype(bool)]
    for name, code in codes.items():
        yield code, name, name, counted[counted.prefecture == name]
    yield REGION, REGION_NAME, "", counted


def with_totals(table: pd.DataFrame, sums: list[str], codes: Mapping[str, str], by: Sequence[str] = ()) -> pd.DataFrame:
    """The units' rows, then one row per prefecture, and one for the region, in each group of ``by``: sums over the rows that are ``in_region``.

    ``table`` : adcode, name, prefecture, in_region, ``by`` and ``sums``; one row per unit or union of overlapping units (`with_unions`), and group.
    ``codes`` : `prefecture_codes`.
    """
    rows = [table[table.adcode != ""].drop(columns="in_region")]
    for code, name, prefecture, group in counted_groups(table, codes):
        summed = group.groupby(list(by), sort=False)[sums].sum().reset_index() if by else group[sums].sum().to_frame().T
        rows.append(summed.assign(adcode=code, name=name, prefecture=prefecture))
    return pd.concat(rows, ignore_index=True)


def own_ground(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The units without the ground of smaller units within them, so that a place lies in one unit only; units with no ground left are dropped."""
    shapes = units.geometry.to_numpy().copy()
    for small, large in zip(*_nested(units), strict=True):
        shapes[large] = shapely.difference(shapes[large], units.geometry.iloc[small])
    left = shapely.area(shapes) > SLIVER_SHARE * shapely.area(units.geometry.to_numpy())
    return units.set_geometry(gpd.GeoSeries(shapes, units.index, crs=units.crs))[left]


def owner_codes(places: gpd.GeoSeries, units: gpd.GeoDataFrame, within_m: float) -> np.ndarray:
    """Code of the unit in whose `own_ground` each place lies, or of the nearest unit, object (n,); empty where none is within ``within_m``.

    ``places`` : in a CRS in metres. They may lie outside all units, because tiles are rectangles that reach beyond them.
    """
    ground, codes = own_ground(units).to_crs(places.crs), np.full(len(places), "", object)
    place, unit = shapely.STRtree(ground.geometry.to_numpy()).query_nearest(places.to_numpy(), max_distance=within_m, all_matches=False)
    codes[place] = ground.adcode.to_numpy()[unit]
    return codes


def _nested(units: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the units that lie in another, and of that other."""
    pairs = overlaps(units[~units.in_region])
    pairs, at = pairs[pairs.share >= NESTED_SHARE], {code: i for i, code in enumerate(units.adcode)}
    return np.array([at[c] for c in pairs.small], int), np.array([at[c] for c in pairs.large], int)


def families(units: gpd.GeoDataFrame) -> dict[str, list[str]]:
    """Code of each unit to its own code and those of the units within it; code of each prefecture to those of its units."""
    found = {code: [code] for code in units.adcode}
    for small, large in zip(*_nested(units), strict=True):
        found[units.adcode.iloc[large]].append(units.adcode.iloc[small])
    return found | {code: list(units.adcode[units.prefecture == name]) for name, code in prefecture_codes(units).items()}


def utm_crs(lon: float, lat: float) -> str:
    """EPSG code of the UTM zone of a longitude and latitude, degrees.

    >>> utm_crs(118.9, 39.1), utm_crs(-58.8, -27.5)
    ('EPSG:32650', 'EPSG:32721')
    """
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def run_grid(settings: Settings, units: gpd.GeoDataFrame | None = None) -> Grid:
    """The pixel grid of the run: it covers all units (read from the file if None), and its origin is a multiple of the pixel size."""
    units = load_units(settings) if units is None else units
    west, south, east, north = units.total_bounds
    crs = settings.grid.crs
    if crs == "auto":
        crs = utm_crs((west + east) / 2, (south + north) / 2)
    r = settings.grid.resolution_m
    left, bottom, right, top = units.to_crs(crs).total_bounds
    x0, y1 = math.floor(left / r) * r, math.ceil(top / r) * r
    return Grid(crs, r, x0, y1, math.ceil((right - x0) / r), math.ceil((y1 - bottom) / r))


def check_grid(settings: Settings, units: gpd.GeoDataFrame) -> None:
    """Check the grid against the units and the sensors; warn of pixels finer than those of any sensor.

    Raises
    ------
    ConfigError : the units lie far outside the area of its CRS, or it has more than MAX_TILES tiles.
    """
    section, (west, south, east, north) = settings.grid, units.total_bounds
    area = None if section.crs == "auto" else pyproj.CRS.from_user_input(section.crs).area_of_use
    if (
        area
        and area.west < area.east
        and (
            west > area.east + OUTSIDE_CRS_DEG
            or east < area.west - OUTSIDE_CRS_DEG
            or south > area.north + OUTSIDE_CRS_DEG
            or north < area.south - OUTSIDE_CRS_DEG
        )
    ):
        raise ConfigError(
            f"{section.crs} is meant for {area.west:g} to {area.east:g} E, {area.south:g} to {area.north:g} N, the units lie at {(west + east) / 2:.4g} E, "
            f"{(south + north) / 2:.4g} N",
            where="grid.crs",
            remedy=f"write auto, or {utm_crs((west + east) / 2, (south + north) / 2)}",
        )
    tile_counts(run_grid(settings, units), section.tile_px)
    if section.resolution_m < settings.finest_m:
        times = (settings.finest_m / section.resolution_m) ** 2
        log.warning(
            "grid.resolution_m: %g m, and no sensor is finer than %g m: %.3g times the pixels for nothing; leave it out, or write %g",
            section.resolution_m,
            settings.finest_m,
            times,
            settings.finest_m,
        )


def grid(settings: Settings) -> None:
    """Write ``tiles.parquet``: the run's grid, cut into the tiles that meet the units."""
    units = load_units(settings)
    tell_overlaps(units)
    whole = run_grid(settings, units)
    footprint = units.to_crs(whole.crs).union_all()
    tiles = make_tiles(whole, settings.grid.tile_px, footprint)
    table = pd.DataFrame(
        [
            {
                "tile": t.id,
                "row": t.row,
                "col": t.col,
                "width": t.grid.width,
                "height": t.grid.height,
                "crs": whole.crs,
                "resolution_m": whole.resolution_m,
                "grid_left": whole.left,
                "grid_top": whole.top,
                "grid_width": whole.width,
                "grid_height": whole.height,
            }
            for t in tiles
        ]
    )
    write_parquet(table, Layout(settings.root).tiles)
