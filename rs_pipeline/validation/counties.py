"""Indicators of counties against the truth: areas, shares and lengths that the simulated world knows.

Counts of reaches have no truth (how a river is cut into reaches is a choice) and are left out; their length is scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rs_pipeline.config import EcologySection, HeatSection, LandZonesSection, SoilSection
from rs_pipeline.estimation.zones import REGION, coverage
from rs_pipeline.indicators.foreshore import foreshores
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.products.coastline.rates import steps_along
from rs_pipeline.products.ecology.index import eroded_share, habitat_quality, land_stress, vegetation_cover, water_area
from rs_pipeline.products.land.classes import DISTURBED, NATURAL_COVER, Land
from rs_pipeline.products.land.zonal import bank, forest_layers
from rs_pipeline.products.red_line.areas import geodesic_area_km2
from rs_pipeline.products.vegetation.county import GREENING_STEP
from rs_pipeline.validation.coastline import crossings, length_of, natural_length, shore_points, slopes
from rs_pipeline.validation.heat import by_sensor_pixels, rural_share, true_anomaly, wide_built_share
from rs_pipeline.validation.land import MATERIALS, true_conversion
from rs_pipeline.validation.metrics import interval_coverage, ratio
from rs_pipeline.validation.settlements import true_settlements, with_houses
from rs_pipeline.validation.solar import has_arrays, true_panels
from rs_pipeline.validation.spartina import CORDGRASS
from rs_pipeline.validation.truth import Score, Truth, black_years

NARROW_M = 20.0
"""Channels narrower than this cannot be assessed for black-odorous water."""
SHORE_REACH_M = 1000.0
"""How far a shoreline may move between two years and still be followed."""


@dataclass(frozen=True)
class TrueUnit:
    """A unit, or the region, on the truth's grid."""

    adcode: str
    geometry: shapely.Geometry
    cell: np.ndarray
    """Flat index of its pixels, int (n,)."""
    area_m2: np.ndarray
    """Area of the unit in each of these pixels, on the ellipsoid, float64 (n,)."""

    def total(self, share: np.ndarray) -> float:
        """Area of a map of shares (h, w) in m2."""
        return float((share.ravel()[self.cell].astype("float64") * self.area_m2).sum())

    def mean(self, values: np.ndarray, where: np.ndarray) -> float:
        """Mean of a map over the pixels of a mask."""
        return ratio(self.total(np.where(where, values, 0)), self.total(where))

    def length_m(self, lines: gpd.GeoSeries) -> float:
        return float(lines.intersection(self.geometry).length.sum())


def true_units(truth: Truth) -> list[TrueUnit]:
    """The units of the world and the region of all together."""
    units = truth.units
    assert units is not None, "scored where the world has units"
    whole = gpd.GeoDataFrame({"adcode": [REGION]}, geometry=[units.union_all()], crs=units.crs)
    frame = pd.concat([units[["adcode", "geometry"]], whole], ignore_index=True)
    zone, cell, area = coverage(truth.grid, frame)
    return [TrueUnit(str(u.adcode), u.geometry, cell[zone == i], area[zone == i]) for i, u in enumerate(frame.itertuples())]


@dataclass(frozen=True)
class _Asked:
    """Unit, year and baseline of a true value."""

    truth: Truth
    place: TrueUnit
    year: int
    baseline: int

    @property
    def is_baseline(self) -> bool:
        return self.year == self.baseline


def _cover(band: str) -> Callable[[_Asked], float]:
    def value(a: _Asked) -> float:
        bands = a.truth.vegetation(a.year)
        if band not in bands:
            return math.nan
        return 100 * a.place.mean(bands[band], a.truth.true_water(a.year).land)

    return value


def _grassland(a: _Asked) -> float:
    if a.truth.grassland is None:
        return math.nan
    parts = a.truth.covered(a.truth.grassland.geometry)
    inside = np.where(a.truth.true_water(a.year).land, parts, 0)
    return 100 * ratio(a.place.total(inside * a.truth.vegetation(a.year)["fvc_peak"]), a.place.total(inside))


def _greening(a: _Asked) -> float:
    """Greened minus browned land, ha, with the threshold of the indicator."""
    if a.is_baseline:
        return math.nan
    land = a.truth.true_water(a.year).land & a.truth.true_water(a.baseline).land
    change = np.where(land, a.truth.vegetation(a.year)["fvc_peak"] - a.truth.vegetation(a.baseline)["fvc_peak"], 0)
    return a.place.total((change > GREENING_STEP).astype("float32") - (change < -GREENING_STEP)) / 1e4


def _waters(a: _Asked) -> dict[str, np.ndarray]:
    """Share of each pixel that is permanent and seasonal inland water, and that is sea with its tidal flats, by the indicators' names."""
    true = a.truth.true_water(a.year)
    inland = {"water_permanent": true.permanent_share, "water_seasonal": true.water_share - true.permanent_share}
    return {name: np.where(true.at_sea, 0, share) for name, share in inland.items()} | {"sea": np.where(true.at_sea, true.water_share, 0)}


def _water(name: str) -> Callable[[_Asked], float]:
    return lambda a: a.place.total(_waters(a)[name]) / 1e6


def _water_change(name: str) -> Callable[[_Asked], float]:
    def value(a: _Asked) -> float:
        if a.is_baseline:
            return math.nan
        return a.place.total(_waters(a)[name] - _waters(replace(a, year=a.baseline))[name]) / 1e6

    return value


def _flats(a: _Asked) -> float:
    """Tidal flats of the unit and its foreshore, ha."""
    true = a.truth.true_water(a.year)
    return _to_sea(a, np.where(true.at_sea, true.water_share - true.permanent_share, 0)) / 1e4


def _to_sea(a: _Asked, share: np.ndarray) -> float:
    """Area of a map of shares in the unit and its foreshore, m2."""
    return sum(place.total(share) for place in (a.place, *_foreshore(a)))


def _foreshore(a: _Asked) -> list[TrueUnit]:
    """The ground before the coast of the unit, or of all units for the region."""
    units = a.truth.units
    assert units is not None, "scored where the world has units"

    def made() -> list[TrueUnit]:
        found = foreshores(units.assign(in_region=True), gpd.GeoSeries([], crs=units.crs), a.truth.grid.crs)
        zone, cell, area = coverage(a.truth.grid, found)
        return [TrueUnit(str(u.adcode), u.geometry, cell[zone == i], area[zone == i]) for i, u in enumerate(found.itertuples())]

    return [place for place in a.truth.once("foreshores", made) if a.place.adcode in (place.adcode, REGION)]


def _tidal_flats(a: _Asked) -> float:
    true = a.truth.true_water(a.year)
    return _flats(a) if _to_sea(a, true.at_sea & true.water) > 0 else math.nan


def _open_wetland(a: _Asked) -> float:
    waters = _waters(a)
    return a.place.total(waters["water_permanent"] + waters["water_seasonal"]) / 1e4 + _flats(a)


def _black_length(a: _Asked) -> float:
    """Centreline of rivers within the year's black stretches, km."""
    if a.truth.black_reaches is None or a.truth.rivers is None:
        return math.nan
    lines = a.truth.rivers.set_index("name").geometry
    rows = zip(a.truth.black_reaches.itertuples(), black_years(a.truth.black_reaches), strict=True)
    parts = [lines[r.river].intersection(r.geometry) for r, years in rows if a.year in years and r.river in lines.index]
    return a.place.length_m(gpd.GeoSeries(parts, crs=a.truth.grid.crs)) / 1e3


def _narrow_length(a: _Asked) -> float:
    if a.truth.rivers is None:
        return math.nan
    return a.place.length_m(a.truth.rivers.geometry[a.truth.rivers.width_m < NARROW_M]) / 1e3


def _coast(a: _Asked) -> gpd.GeoDataFrame | None:
    """True lines of the year that belong to the unit; None without a coast."""
    lines = a.truth.shorelines
    if lines is None:
        return None
    mine = lines[lines.year == a.year]
    mine = mine.assign(geometry=mine.geometry.intersection(shapely.box(*a.truth.grid.bounds))).explode(index_parts=False)
    mine = mine[(mine.geom_type == "LineString") & (mine.length > 0)]
    if a.place.adcode != REGION:
        mine = mine.assign(geometry=[_part_of(line, a) for line in mine.geometry]).explode(index_parts=False)
        mine = mine[~mine.geometry.is_empty]
    return None if mine.empty else mine


def _nearest_unit(points: np.ndarray, truth: Truth) -> np.ndarray:
    """Code of the unit that each point lies in or nearest to: new land and its shore lie outside the polygons of the old coast."""
    units = truth.units
    assert units is not None, "scored where the world has units"
    return units.adcode.astype(str).to_numpy()[units.sindex.nearest(points, return_all=False)[1]]


def _part_of(line: shapely.LineString, a: _Asked) -> shapely.MultiLineString:
    """Runs of the line's segments that belong to the unit; their length stays as it is."""
    xy = shapely.get_coordinates(line)
    owner = _nearest_unit(shapely.points((xy[1:] + xy[:-1]) / 2), a.truth) == a.place.adcode
    cuts = np.flatnonzero(np.diff(owner)) + 1
    runs = [run for run in np.split(np.arange(len(owner)), cuts) if owner[run[0]]]
    return shapely.MultiLineString([xy[run[0] : run[-1] + 2] for run in runs])


def _natural_length(a: _Asked) -> float:
    coast = _coast(a)
    return math.nan if coast is None else natural_length(coast)[0] / 1e3


def _artificial_length(a: _Asked) -> float:
    coast = _coast(a)
    if coast is None:
        return math.nan
    natural, both = natural_length(coast)
    return (both - natural) / 1e3


def _estuary_length(a: _Asked) -> float:
    coast = _coast(a)
    return math.nan if coast is None else length_of(coast, "river mouth") / 1e3


def _retention(a: _Asked) -> float:
    coast = _coast(a)
    return math.nan if coast is None else 100 * ratio(*natural_length(coast))


def _coast_rate(a: _Asked) -> float:
    """Mean over stations of the last year's line of the slope through all years; river mouths, and stations with a lasting step, are left out,
    so the rate is that of natural movement."""
    coast = _coast(a)
    if coast is None or a.year != max(a.truth.years) or len(a.truth.years) < 2:
        return math.nan
    points = shore_points(coast.rename(columns={"class": "kind"}))
    points = points[points.type != "river mouth"]
    lines = a.truth.shorelines
    assert lines is not None, "scored where the world has a coast"
    found = [crossings(points, lines.geometry[lines.year == y].to_numpy(), SHORE_REACH_M)[0] for y in a.truth.years]
    years, position = np.array(a.truth.years, "float64"), np.stack(found, axis=1)
    rate = slopes(years, position)
    rate = rate[np.isfinite(rate) & np.array([s.change_m == 0 for s in steps_along(years, position)], bool)]
    return float(rate.mean()) if rate.size else math.nan


def _reclaimed(a: _Asked) -> float:
    """Reclamation finished after the baseline, ha; in worlds without outlines, sea that became built or bare ground."""
    if a.is_baseline or _coast(a) is None:
        return math.nan
    outlines = a.truth.reclamation
    if outlines is not None:
        new = outlines[(outlines.year > a.baseline) & (outlines.year <= a.year)]
        mine = a.place.adcode == REGION or _nearest_unit(shapely.point_on_surface(new.geometry.values), a.truth) == a.place.adcode
        return 100 * sum(geodesic_area_km2(g) for g in new.geometry[mine | np.zeros(len(new), bool)].to_crs(4326))
    legend = a.truth.legend
    fill = np.isin(a.truth.landcover(a.year), [legend[n] for n in ("soil", "concrete", "built", "road") if n in legend])
    return a.place.total(a.truth.fine_mean(fill & (a.truth.landcover(a.baseline) == legend["sea"]))) / 1e4


def _land(*classes: Land) -> Callable[[_Asked], float]:
    """Area of land classes, km2."""
    materials = [m for c in classes for m in MATERIALS[c]]
    return lambda a: a.place.total(a.truth.share(a.year, materials)) / 1e6


def _forest(a: _Asked) -> np.ndarray:
    """Share (0-1) of each pixel under trees in patches of the legal smallest size, by the rule of the indicator on the true map."""
    trees = a.truth.share(a.year, MATERIALS[Land.TREE])
    classes = np.where(trees >= 0.5, np.float32(Land.TREE), np.float32(0))
    return forest_layers(classes, trees, a.truth.grid.resolution_m**2)["forest"]


def _built_change(a: _Asked) -> float:
    if a.is_baseline:
        return math.nan
    now, then = (a.truth.share(y, MATERIALS[Land.BUILT]) for y in (a.year, a.baseline))
    return a.place.total(now - then) / 1e6


def _forest_change(a: _Asked) -> float:
    return math.nan if a.is_baseline else a.place.total(_forest(a) - _forest(replace(a, year=a.baseline))) / 1e6


def _within(polygons: gpd.GeoDataFrame | None, truth: Truth) -> np.ndarray | None:
    """Share of each pixel inside polygons, float32 (h, w)."""
    return None if polygons is None else truth.covered(polygons.geometry)


def _watched(kind: str) -> Callable[[_Asked], np.ndarray | None]:
    """Share of each pixel inside watched places of a kind, plots that are cleared by the end of the year left out; None in worlds without any."""

    def inside(a: _Asked) -> np.ndarray | None:
        places = a.truth.watched
        mine = None if places is None else places[(places.kind == kind) & ~(places.cleared.astype("float64") <= a.year)]
        return None if mine is None or mine.empty else a.truth.covered(mine.geometry)

    return inside


def _of_watched(kind: str, share: Callable[[_Asked], np.ndarray]) -> Callable[[_Asked], float]:
    """Ha of a share of pixels inside watched places of a kind; NaN where the unit has none."""

    def value(a: _Asked) -> float:
        inside = _watched(kind)(a)
        return math.nan if inside is None or not a.place.total(inside) > 0 else a.place.total(inside * share(a)) / 1e4

    return value


def _village_cover(a: _Asked) -> float:
    """Cover of villages that have houses, percent."""
    places, bands = a.truth.watched, a.truth.vegetation(a.year)
    if places is None or "fvc_growing" not in bands:
        return math.nan
    villages = a.truth.once("villages", lambda: with_houses(places.geometry[places.kind == "village"], a.truth))
    inside = np.where(a.truth.true_water(a.year).land, a.truth.covered(villages), 0)
    return 100 * ratio(a.place.total(inside * np.nan_to_num(bands["fvc_growing"])), a.place.total(inside))


def _settled_bare(a: _Asked) -> float:
    """Bare ground in towns and villages with houses, ha; NaN in worlds that outline none."""

    def inside() -> np.ndarray | None:
        outlines = true_settlements(a.truth)
        return None if outlines is None else a.truth.covered(outlines)

    settled = a.truth.once("settlements", inside)
    return math.nan if settled is None else a.place.total(settled * a.truth.share(a.year, MATERIALS[Land.BARE])) / 1e4


def _everywhere(a: _Asked) -> np.ndarray:
    return np.ones(a.truth.grid.shape, "float32")


def _built_rise(a: _Asked) -> np.ndarray:
    return (
        np.full(a.truth.grid.shape, np.nan)
        if a.is_baseline
        else a.truth.share(a.year, MATERIALS[Land.BUILT]) - a.truth.share(a.baseline, MATERIALS[Land.BUILT])
    )


def _banks(a: _Asked) -> np.ndarray:
    """Shores of rivers and lakes by the rule of the indicator, bool (h, w)."""
    water = a.truth.true_water(a.baseline)
    return a.truth.once(("bank", a.baseline), lambda: bank(water.permanent, water.at_sea, LandZonesSection(), a.truth.grid.resolution_m))


def _converted(layer: str, zone: Callable[[_Asked], np.ndarray | None], m2: float) -> Callable[[_Asked], float]:
    """Area of a zone in a layer of `conversion_layers` since the baseline, by the rule of the indicator on the true shares, divided by ``m2``; NaN where the zone
    has no area in the unit."""

    def value(a: _Asked) -> float:
        inside = zone(a)
        if a.is_baseline or inside is None or not a.place.total(inside) > 0:
            return math.nan
        found = a.truth.once(("conversion", a.year, a.baseline), lambda: true_conversion(a.truth, a.year, a.baseline, LandZonesSection()))
        return a.place.total(inside * found[layer]) / m2

    return value


def _soil(*, lost: bool) -> Callable[[_Asked], float]:
    """Percentage of the land whose true soil loss is within the default tolerance or, if ``lost``, the area above it, km2."""

    def value(a: _Asked) -> float:
        loss, water = a.truth.soil(a.year).get("loss_t_km2"), a.truth.true_water(a.year)
        if loss is None:
            return math.nan
        land = ~(water.at_sea & water.water)
        beyond = a.place.total(land & (loss > SoilSection().tolerance_t_km2))
        return beyond / 1e6 if lost else 100 * (1 - ratio(beyond, a.place.total(land)))

    return value


def _share_of_unit(a: _Asked, share: np.ndarray) -> float:
    return ratio(a.place.total(share), float(a.place.area_m2.sum()))


def _true_habitat(a: _Asked) -> float:
    """Habitat quality by the true classes, those of plants told apart."""
    return habitat_quality(EcologySection(), {c.word: _share_of_unit(a, a.truth.share(a.year, MATERIALS[c])) for c in Land})


def _true_vegetation(a: _Asked) -> float:
    return vegetation_cover(EcologySection(), _cover("fvc_growing")(a) / 100)


def _true_water_area(a: _Asked) -> float:
    return water_area(EcologySection(), _share_of_unit(a, _waters(a)["water_permanent"]))


def _true_stress(a: _Asked) -> float:
    """Land stress by the true soil loss; NaN in worlds without heights."""
    loss, water, section = a.truth.soil(a.year).get("loss_t_km2"), a.truth.true_water(a.year), EcologySection()
    if loss is None:
        return math.nan
    land = ~(water.at_sea & water.water)
    up_to = [ratio(a.place.total(land & (loss <= limit)), a.place.total(land)) for limit in (section.moderate_t_km2, section.heavy_t_km2)]
    built = _share_of_unit(a, a.truth.share(a.year, MATERIALS[Land.BUILT]))
    return land_stress(section, _share_of_unit(a, land) * eroded_share(section, *up_to), built)


def _true_ecology(a: _Asked) -> float:
    """Change of the ecological index by its true parts: unlike that of the maps, it counts also changes between the classes of plants."""
    if a.is_baseline:
        return math.nan
    s, then = EcologySection(), replace(a, year=a.baseline)
    parts = (s.richness_weight, _true_habitat), (s.vegetation_weight, _true_vegetation), (s.water_weight, _true_water_area), (-s.stress_weight, _true_stress)
    return sum(weight * (part(a) - part(then)) for weight, part in parts)


def _solar_km2(a: _Asked) -> float:
    """Solar arrays, km2; NaN in worlds without any."""
    return a.place.total(true_panels(a.truth, a.year)) / 1e6 if has_arrays(a.truth) else math.nan


def _heat_island(a: _Asked) -> float:
    """Built-up land in pieces as wide as the sensor's pixels less rural land, K; NaN where there is less of it than the indicator asks for. Where the unit has less rural land than the indicator asks for, the rural land is the world's."""
    true, rural = true_anomaly(a.truth, a.year), rural_share(a.truth, a.year)
    built = wide_built_share(a.truth, a.year, HeatSection().edge_m)
    if true is None or a.place.total(built) < HeatSection().min_built_km2 * 1e6:
        return math.nan
    own = a.place.total(rural) >= HeatSection().min_rural_km2 * 1e6
    reference = ratio(a.place.total(rural * true), a.place.total(rural)) if own else 0.0
    return ratio(a.place.total(built * true), a.place.total(built)) - reference


def _hot_area(a: _Asked) -> float:
    """Hot land, km2, by the true temperature of pixels as wide as the sensor's."""
    true, land = true_anomaly(a.truth, a.year), ~a.truth.true_water(a.year).water
    return math.nan if true is None else a.place.total(land & (by_sensor_pixels(true, a.truth, HeatSection().edge_m) > HeatSection().hot_k)) / 1e6


def _cordgrass(a: _Asked) -> float:
    """Cordgrass of the unit and its foreshore, ha; NaN in a unit without a coast."""
    return math.nan if _coast(a) is None else _to_sea(a, a.truth.share(a.year, CORDGRASS)) / 1e4


TRUE_VALUES: dict[str, Callable[[_Asked], float]] = {
    "fvc_peak_mean": _cover("fvc_peak"), "fvc_growing_mean": _cover("fvc_growing"), "grassland_fvc": _grassland,
    "greening_net": _greening,
    **{f"{name}_area": _water(name) for name in ("water_permanent", "water_seasonal", "sea")},
    **{f"{name}_change": _water_change(name) for name in ("water_permanent", "water_seasonal", "sea")}, "tidal_flat_area": _tidal_flats,
    "open_wetland_area": _open_wetland, "black_odorous_length_km": _black_length,
    "black_odorous_unassessable_length_km": _narrow_length, "natural_coast_length_km": _natural_length,
    "artificial_coast_length_km": _artificial_length, "estuary_length_km": _estuary_length,
    "natural_coast_retention": _retention, "coast_mean_rate": _coast_rate, "reclaimed_area": _reclaimed,
    "construction_land_area": _land(Land.BUILT), "construction_land_change": _built_change, "cropland_area": _land(Land.CROPLAND),
    "tree_area": _land(Land.TREE), "grass_area": _land(Land.GRASS), "wetland_area": _land(Land.WETLAND), "bare_area": _land(Land.BARE),
    "red_line_converted_area": _converted("natural_converted", lambda a: _within(a.truth.red_line, a.truth), 1e6),
    "reserve_converted_area": _converted("converted", lambda a: _within(a.truth.reserves, a.truth), 1e4),
    "shore_encroached_area": _converted("converted", _banks, 1e4),
    "converted_area": _converted("converted", _everywhere, 1e4), "natural_converted_area": _converted("natural_converted", _everywhere, 1e4),
    "water_source_converted_area": _converted("converted", _watched("water_source"), 1e4),
    "water_source_water_area": _of_watched("water_source", lambda a: _waters(a)["water_permanent"]),
    "plot_converted_area": _converted("converted", _watched("contaminated_plot"), 1e4), "plot_built_change": _of_watched("contaminated_plot", _built_rise),
    "heat_island_summer": _heat_island, "hot_land_area_summer": _hot_area,
    "habitat_converted_area": _converted("natural_converted", _watched("habitat"), 1e4), "village_green_cover": _village_cover,
    "settlement_bare_area": _settled_bare,
    "site_bare_area": _of_watched("construction_site", lambda a: a.truth.share(a.year, MATERIALS[Land.BARE])),
    "soil_conservation_rate": _soil(lost=False), "soil_loss_area": _soil(lost=True),
    "spartina_area": _cordgrass,
    "forest_area": lambda a: a.place.total(_forest(a)) / 1e6, "forest_cover": lambda a: 100 * _share_of_unit(a, _forest(a)),
    "forest_change": _forest_change, "regreened_mine_area": _converted("regreened", lambda a: _within(a.truth.mines, a.truth), 1e4),
    "habitat_quality_index": _true_habitat, "vegetation_cover_index": _true_vegetation, "water_area_index": _true_water_area,
    "land_stress_index": _true_stress, "ecological_index_change": _true_ecology,
    "solar_panel_area": _solar_km2, "disturbed_land_area": _land(*DISTURBED), "natural_land_area": _land(*NATURAL_COVER),
}  # fmt: skip
"""True value of each indicator, in the indicator's unit, and of the groups of land classes whose shares are given; NaN where the unit has none."""


def true_indicators(truth: Truth, baseline: int | None = None) -> pd.DataFrame:
    """True values, a row a unit (and the region), year and indicator that has one: adcode, period, indicator, true.

    Parameters
    ----------
    baseline : year changes are measured from; the first if None.
    """
    baseline = truth.years[0] if baseline is None else baseline
    rows = [
        (place.adcode, str(year), name, value(_Asked(truth, place, year, baseline)))
        for place in true_units(truth)
        for year in truth.years
        for name, value in TRUE_VALUES.items()
    ]
    table = pd.DataFrame(rows, columns=["adcode", "period", "indicator", "true"])
    return table[np.isfinite(table.true)].reset_index(drop=True)


def against_truth(indicators: pd.DataFrame, truth: Truth, *, baseline: int | None = None) -> pd.DataFrame:
    """The rows of ``indicators.csv`` that have a true value, one a unit, period, indicator and baseline of a change, with the column ``true``.

    ``baseline`` : year of the run's baseline, used for changes that name none.
    """
    keys, first = ["adcode", "period", "indicator"], str(truth.years[0] if baseline is None else baseline)
    table = indicators.astype({"adcode": str, "period": str})
    table = table.assign(interval=table.interval.fillna("").astype(str))
    measured = table.baseline.fillna("").astype(str) if "baseline" in table else pd.Series("", table.index)
    is_change = table.indicator.isin([i.name for i in INDICATORS.values() if i.is_change])
    table = table.assign(since=measured.where(is_change & (measured != ""), first)).drop_duplicates([*keys, "since"])
    return pd.concat([group.merge(true_indicators(truth, int(since)), on=keys) for since, group in table.groupby("since")]).drop(columns="since")


def score_counties(indicators: pd.DataFrame, truth: Truth, *, baseline: int | None = None) -> list[Score]:
    """Errors and interval coverage by indicator, product ``counties``. Empty where the world has no units.

    ``absolute_error`` and ``bias`` are means over units, the region and periods, in the indicator's unit; ``relative_error`` is the sum
    of absolute errors in % of the sum of absolute true values, so that units with small amounts do not dominate; ``coverage`` the share of intervals that hold the true value, by
    indicator and kind of interval, and of ``all``; ``width`` the mean width of these intervals; ``withheld_share`` the percentage of values with a truth that are empty.
    """
    if truth.units is None:
        return []
    table = against_truth(indicators, truth, baseline=baseline)
    scores = []
    for name, group in table.groupby("indicator", sort=False):
        unit, known = str(group.unit.iloc[0]), group[np.isfinite(group.value)]
        error, n = (known.value - known.true).to_numpy(), len(known)
        amount = float(known.true.abs().sum())
        scores += [
            Score("counties", "absolute_error", name, float(np.abs(error).mean()) if n else math.nan, unit, n),
            Score("counties", "bias", name, float(error.mean()) if n else math.nan, unit, n),
            Score("counties", "relative_error", name, 100 * ratio(np.abs(error).sum(), amount), "%", n if amount else 0),
            Score("counties", "withheld_share", name, 100 * ratio(len(group) - n, len(group)), "%", len(group)),
            *_coverages(name, known),
        ]
    return scores + _coverages("all", table)


def _coverages(name: str, table: pd.DataFrame) -> list[Score]:
    with_interval = table[(table.interval != "") & np.isfinite(table.lower) & np.isfinite(table.upper)]
    scores = []
    for kind, g in with_interval.groupby("interval"):
        scores.append(Score("counties", "coverage", f"{name}, {kind}", 100 * interval_coverage(g.lower, g.upper, g.true), "%", len(g)))
        if name != "all":
            scores.append(Score("counties", "width", f"{name}, {kind}", float((g.upper - g.lower).mean()), str(g.unit.iloc[0]), len(g)))
    return scores
