"""Sections of the configuration that belong to one product each."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rs_pipeline.config.fields import Fraction, Part, Reflectance, Section, Window, time_zone
from rs_pipeline.config.sections import Latitude, Longitude


class VegetationSection(Section):
    """Green cover by small networks trained on simulated canopies, or by the K-corrected dimidiate model with endmembers that are held
    fixed over the years."""

    method: Literal["network", "dimidiate"] = Field("network", description="How the cover of a date is found.")
    networks: Path | None = Field(
        None, description="JSON file of the networks, or folder 3_0 of SNAP's auxdata; default: the pipeline's own, config/vegetation.json."
    )
    red_edge: bool = Field(True, description="Network: use Sentinel-2's 20 m bands too; false: only its 10 m bands, for small parcels.")
    bandwidth_days: float = Field(10.0, gt=0, le=60, description="Network: width of the local lines that join the dates of a pixel, days.")
    soil_red_refl: Reflectance = Field(0.16, description="Dimidiate: red reflectance of bare soil, 0 to 1.")
    soil_nir_refl: Reflectance = Field(0.22, description="Dimidiate: near-infrared reflectance of bare soil. Its NDVI must be below that of vegetation.")
    vegetation_red_refl: Reflectance = Field(0.03, description="Dimidiate: red reflectance of full cover.")
    vegetation_nir_refl: Reflectance = Field(0.45, description="Dimidiate: near-infrared reflectance of full cover.")
    sigma_ndvi: Fraction = Field(0.02, description="Dimidiate: standard error of one NDVI.")
    sigma_ndvi_soil: Fraction = Field(0.03, description="Dimidiate: standard error of the NDVI of bare soil.")
    sigma_ndvi_vegetation: Fraction = Field(0.03, description="Dimidiate: standard error of the NDVI of full cover.")
    peak_window: Window = Field(("06-15", "09-10"), description="First and last day (MM-DD) in which the peak of cover is sought; may pass the new year.")
    growing_window: Window = Field(("05-01", "09-30"), description="First and last day (MM-DD) of the growing season.")
    spring_crop_window: Window = Field(("04-10", "05-20"), description="When winter wheat stands full, first and last day (MM-DD).")
    summer_crop_window: Window = Field(("07-20", "08-31"), description="When summer maize stands full, first and last day (MM-DD).")
    peak_percentile: float = Field(90.0, ge=50, le=100, description="Percentile of the cover in the peak's window that is the peak; 100 is the highest date.")
    min_dates: int = Field(
        4,
        ge=1,
        description="Fewer clear dates in the window: no cover. With the networks half as many are enough, or three quarters in the growing season: the usual season then fills the gaps between few dates, and the standard error is larger.",
    )
    min_span_days: int = Field(40, ge=0, le=366, description="Days that these dates, or with the networks half of them, must span.")

    @model_validator(mode="after")
    def _greener_than_soil(self) -> Self:
        soil, green = ((n - r) / (n + r) for r, n in self._endmembers())
        if not soil < green:
            raise ValueError(f"the NDVI of soil ({soil:.2f}) must be below that of vegetation ({green:.2f}); check the four reflectances")
        return self

    def _endmembers(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (self.soil_red_refl, self.soil_nir_refl), (self.vegetation_red_refl, self.vegetation_nir_refl)


class TrendSection(Section):
    """Trends of peak vegetation cover over the periods."""

    min_years: int = Field(5, ge=4, description="Least number of years with a value for a trend; with fewer the map is empty and the indicators say so.")
    false_discovery_rate: Part = Field(
        0.05, description="False discovery rate: share of the pixels mapped as greening or browning that may be so by chance, above 0 and below 1."
    )


class WaterSection(Section):
    """Water by months: each month has one vote, and the share of wet months decides the class."""

    min_probability: Part = Field(0.5, description="A month is wet from this probability of water on; above 0 and below 1.")
    min_months: int = Field(6, ge=1, description="Fewer clear months: no frequency is published.")
    permanent_frequency: Part = Field(0.75, description="Wet in at least this share of the months: permanent water.")
    seasonal_frequency: Part = Field(0.25, description="From this share on: seasonal water. Below permanent_frequency.")
    ephemeral_frequency: Part = Field(0.05, description="From this share on: ephemeral water; below: land. Above 0, below seasonal_frequency.")
    vv_max_db: float = Field(-16.0, ge=-20, le=-13, description="Radar: water is darker in VV than this gamma0, dB.")
    vh_max_db: float = Field(-22.0, ge=-27, le=-19, description="Radar: water is darker in VH than this gamma0, dB.")
    tidal_reach_m: float = Field(
        1000.0, ge=0, le=20_000, description="Within this distance of the coastline, water that comes and goes may be a tidal flat, metres."
    )
    min_body_area_m2: float = Field(400.0, ge=0, description="Smaller bodies are not mapped as polygons.")
    known_bodies: Path | None = Field(None, description="Bodies of an earlier run (its water/bodies.gpkg): a body that still exists keeps its body_id.")
    min_reported_area_m2: float = Field(10_000.0, ge=0, description="Smaller bodies are listed but not counted.")

    @model_validator(mode="after")
    def _in_falling_order(self) -> Self:
        if not self.ephemeral_frequency < self.seasonal_frequency < self.permanent_frequency:
            got = f"{self.ephemeral_frequency:g}, {self.seasonal_frequency:g} and {self.permanent_frequency:g}"
            raise ValueError(f"ephemeral_frequency, seasonal_frequency and permanent_frequency must rise in this order, got {got}")
        return self


class LandSection(Section):
    """Land cover by a small network trained on simulated worlds and real pixels."""

    min_dates: int = Field(8, ge=1, description="Fewer clear dates: no class.")
    min_seasons: int = Field(4, ge=1, le=5, description="Of winter, spring, early summer, summer and autumn, seen at least once.")


class LandZonesSection(Section):
    """Zones in which land cover is summed besides counties, and what counts as converted."""

    min_event_px: int = Field(5, ge=1, description="Fewer connected pixels are no conversion.")
    min_rise: float = Field(0.5, gt=0, le=1, description="A pixel is converted where built and bare ground rise by this share of it, above 0.")
    shore_width_m: float = Field(50.0, gt=0, le=5000, description="Bank of permanent water where tables.shoreline_buffers is not given, metres.")
    min_water_width_m: float = Field(30.0, gt=0, le=5000, description="Narrower water has no bank that can be watched, metres.")
    coastal_width_m: float = Field(2000.0, gt=0, le=100_000, description="Land this near to the shoreline counts for coastal wetland, metres.")


class SettlementsSection(Section):
    """Towns and villages that the run draws from its land map of the baseline period, for indicators whose tables of places are not given."""

    window_m: float = Field(100.0, gt=0, le=1000, description="Ground belongs to a settlement where a tenth of the square of this side is built-up, metres.")
    min_ha: float = Field(1.0, gt=0, le=10_000, description="A smaller patch is no settlement, ha.")
    town_km2: float = Field(1.0, gt=0, le=10_000, description="A settlement of at least this size is a town, a smaller one a village, km2.")

    @model_validator(mode="after")
    def _a_town_is_larger(self) -> Self:
        if self.town_km2 * 100 < self.min_ha:
            raise ValueError(f"town_km2 {self.town_km2:g} is {100 * self.town_km2:g} ha, less than min_ha {self.min_ha:g}: a town is a settlement too")
        return self


class SoilSection(Section):
    """Soil loss by water, by the Chinese soil loss equation on heights, land cover and vegetation; and the rate of conserved land."""

    dem: Path | None = Field(
        None, description="Heights in metres such as Copernicus GLO-30, any CRS; default masks.dem. Without either there is no map of soil loss."
    )
    bring_dem: bool = Field(
        False,
        description="Without dem and masks.dem, the run brings the heights around the units (Copernicus GLO-30) from the catalog of its first source that is a STAC API; where that has none, the run goes on without.",
    )
    erosivity: Path | None = Field(None, description="Raster of rain erosivity R, MJ mm/(ha h a); default erosivity_constant everywhere.")
    erosivity_constant: float = Field(
        1800.0,
        gt=0,
        le=30_000,
        description="R where there is no raster: our guess for all of Hebei, from no publication; Yue et al. (2022, ESSD 14) map it for China. MJ mm/(ha h a).",
    )
    erodibility: Path | None = Field(
        None, description="Raster of soil erodibility K, t ha h/(ha MJ mm): US units times 0.1317; default erodibility_constant everywhere."
    )
    erodibility_constant: float = Field(
        0.035, gt=0, le=0.15, description="K where there is no raster: our guess for all of Hebei, from no publication; t ha h/(ha MJ mm)."
    )
    flat_deg: float = Field(
        2.0, ge=0, lt=45, description="Ground below this slope counts as level, degrees: a metre of noise in 30 m heights makes slopes of 2 degrees on a plain."
    )
    longest_slope_m: float = Field(100.0, ge=10, le=300, description="Longest slope, metres: beyond it the water runs in a rill, a track or a ditch.")
    peak_erosivity_share: Fraction = Field(
        0.6, description="Share of the year's erosivity that falls while vegetation is at its peak; the rest falls on the growing season's cover."
    )
    cover_curve: Literal["guideline", "cai2000"] = Field(
        "guideline",
        description="Soil loss by cover: curves of grass and of trees that the national survey uses; or that of Cai et al. (2000), fitted at the Three Gorges, 0 above 78.3 %.",
    )
    ground_cover_under_trees: Fraction = Field(0.6, description="Cover of grass and litter below trees, which no satellite sees.")
    cropland_rotation_factor: float = Field(0.4, gt=0, le=1, description="T of cropland: soil loss under the usual rotation as a share of that of bare fallow.")
    cropland_practice_factor: float = Field(
        1.0, gt=0, le=1, description="E of cropland: 1 without terraces, which no available map shows; less where many fields are terraced."
    )
    built_factor: float = Field(0.02, ge=0, le=1, description="B E T of built-up land.")
    bare_factor: float = Field(1.0, gt=0, le=1, description="B E T of ground without plants all year: 1 is bare fallow, which the equation is made for.")
    tolerance_t_km2: float = Field(
        200.0, ge=25, le=1600, description="Land that loses more than this is not conserved, t/(km2 a); SL 190 has 200 for the stony mountains of the north."
    )
    erosivity_doubt: Fraction = Field(0.5, description="Relative standard error of R over a unit: that of the guess; a good raster has less, such as 0.2.")
    erodibility_doubt: Fraction = Field(0.4, description="Relative standard error of K over a unit: that of the guess; a good raster has less, such as 0.3.")
    terrain_doubt: Fraction = Field(0.25, description="Relative standard error of L S over a unit.")
    cover_doubt: Fraction = Field(0.4, description="Relative standard error of B E T over a unit.")
    bulletin_period: str | None = Field(
        None, description="Label of the period that bulletin_rate is of; soil loss is then scaled so that all units together have that rate."
    )
    bulletin_rate: float | None = Field(
        None, gt=0, lt=100, description="Official rate of all units together in bulletin_period, percent: 78.84 of Hebei in 2022."
    )

    @field_validator("bulletin_period", mode="before")
    @classmethod
    def _a_year_is_a_label(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.bulletin_period is None) != (self.bulletin_rate is None):
            raise ValueError("bulletin_period and bulletin_rate go together; give both, or neither")
        return self


class EcologySection(Section):
    """The ecological index of HJ 192-2015: weights and coefficients. Habitat weights of classes are those of the standard's types times those of the kinds."""

    richness_weight: Fraction = Field(0.35, description="Weight of biological richness in the index.")
    vegetation_weight: Fraction = Field(0.25, description="Weight of the vegetation cover index.")
    water_weight: Fraction = Field(0.15, description="Weight of the water network index.")
    stress_weight: Fraction = Field(0.15, description="Weight of 100 less the land stress index.")
    habitat_coefficient: float = Field(511.2642131067, gt=0, description="Normalisation coefficient of habitat quality.")
    tree_habitat: Fraction = Field(
        0.21, description="Habitat weight of trees: 0.35 x 0.60, closed forest; shrub land has 0.0875, open and other forest land 0.0525."
    )
    grass_habitat: Fraction = Field(0.126, description="Habitat weight of grass: 0.21 x 0.60, dense grass; middling has 0.063, sparse 0.021.")
    wetland_habitat: Fraction = Field(0.14, description="Habitat weight of wetland: 0.28 x 0.50, flats and marsh.")
    water_habitat: Fraction = Field(0.084, description="Habitat weight of water: 0.28 x 0.30, lakes and reservoirs; rivers have 0.028.")
    cropland_habitat: Fraction = Field(0.044, description="Habitat weight of cropland: 0.11 x 0.40, dry fields; paddies have 0.066.")
    built_habitat: Fraction = Field(0.012, description="Habitat weight of built-up land: 0.04 x 0.30, towns; villages have 0.016.")
    bare_habitat: Fraction = Field(0.002, description="Habitat weight of bare ground: 0.01 x 0.20, bare soil.")
    vegetation_coefficient: float = Field(0.0121165124, gt=0, description="Normalisation coefficient of NDVI times 10 000.")
    bare_ndvi: float = Field(0.16, ge=0, lt=1, description="NDVI of ground without plants, for NDVI from cover; below full_ndvi.")
    full_ndvi: float = Field(0.87, gt=0, le=1, description="NDVI of full cover.")
    water_coefficient: float = Field(591.7908642005, gt=0, description="Normalisation coefficient of the area of water.")
    stress_coefficient: float = Field(236.0435677948, gt=0, description="Normalisation coefficient of land stress.")
    heavy_erosion: Fraction = Field(0.4, description="Weight of heavily eroded land in land stress.")
    moderate_erosion: Fraction = Field(0.2, description="Weight of moderately eroded land; at most heavy_erosion.")
    built_stress: Fraction = Field(0.2, description="Weight of built-up land in land stress.")
    moderate_t_km2: float = Field(
        2500.0, ge=12, le=6400, description="Soil loss from which erosion is moderate, t/(km2 a), as in SL 190-2007; below heavy_t_km2."
    )
    heavy_t_km2: float = Field(5000.0, ge=12, le=6400, description="Soil loss from which erosion is heavy, t/(km2 a).")
    least_change: float = Field(1.0, ge=0, description="A smaller change of the index is no evident one, points; the standard has 1.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for low, high in (("bare_ndvi", "full_ndvi"), ("moderate_t_km2", "heavy_t_km2")):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(f"{low} must be below {high}, got {getattr(self, low):g} and {getattr(self, high):g}")
        if self.moderate_erosion > self.heavy_erosion:
            raise ValueError(f"moderate_erosion must not be above heavy_erosion, got {self.moderate_erosion:g} and {self.heavy_erosion:g}")
        return self


class HeatSection(Section):
    """Surface temperature of summer above that of rural land, and the heat island of built-up land, from Landsat Collection 2 at about 10:30."""

    window: Window = Field(("06-01", "08-31"), description="First and last day (MM-DD) of the season; only its scenes are read for temperature.")
    min_dates: int = Field(2, ge=2, description="Fewer dates with a temperature: no value of the pixel.")
    max_error_k: float = Field(
        4.0, gt=0, le=20, description="Temperatures that the product itself (ST_QA) calls less certain than this are left out, K: most lie near clouds."
    )
    edge_m: float = Field(
        100.0,
        ge=0,
        le=2000,
        description="Width of the sensor's own pixels, metres. Land this near to built-up land is no rural reference; built-up land counts where half of this square is built.",
    )
    max_height_difference_m: float = Field(
        100.0,
        gt=0,
        le=2000,
        description="Rural land higher or lower than the built-up land of the tile by more than this is no reference, where heights are given.",
    )
    min_rural_km2: float = Field(0.25, gt=0, le=1000, description="Less rural land is no reference: for a tile there is then no map, km2.")
    min_built_km2: float = Field(
        0.25, gt=0, le=1000, description="Less built-up land, in pieces as wide as the sensor's pixels: no heat island of the unit, km2."
    )
    hot_k: float = Field(5.0, gt=0, le=30, description="Land warmer than rural land by more than this counts as hot, K.")


class BlackOdorousSection(Section):
    """Black-odorous water by reaches and ponds: suspicions for inspectors, not findings."""

    min_dates: int = Field(6, ge=1, description="Map of pixels: a pixel with fewer assessed dates is not called.")
    min_months: int = Field(2, ge=1, description="Map of pixels: months that the dates of a suspected pixel must come from, at least.")
    min_positive_share: Fraction = Field(0.6, description="Map of pixels: share of its dates on which a suspected pixel must look black-odorous.")
    min_reach_dates: int = Field(3, ge=1, description="A reach with fewer assessed dates is not called. Few dates make its probability less extreme.")
    suspected_probability: Part = Field(
        0.7, description="Reaches are suspected from this probability on: a higher value gives fewer and surer suspicions. Above possible_probability, below 1."
    )
    possible_probability: Part = Field(0.2, description="Reaches are possible from this probability on; above 0.")
    prevalence: Part | None = Field(
        None,
        description="Share of all reaches that are black-odorous, for the probability; default: that of the simulated worlds it was calibrated on (config/black_odorous.json).",
    )
    window: Window = Field(("04-01", "11-30"), description="First and last day (MM-DD) of the season that is assessed: without ice; may pass the new year.")
    min_sun_elevation_deg: float = Field(25.0, ge=0, lt=90, description="Dates with the sun lower than this are left out, degrees.")
    max_swir1_refl: Reflectance = Field(0.025, description="Brighter water is glint or a mixed pixel: the date is dropped.")
    reach_length_m: float = Field(200.0, ge=10, le=10_000, description="Length that rivers are cut into, metres.")
    min_width_m: float = Field(
        30.0, gt=0, description="Narrower reaches are marginal: their purest half is read, and they stay in doubt in the counts, metres."
    )
    marginal_width_m: float = Field(20.0, gt=0, description="Narrower reaches are not assessed, metres. At most min_width_m.")
    max_width_m: float = Field(
        500.0, gt=0, le=10_000, description="Wider water (lakes, reservoirs, the sea) has no reaches, only the map of pixels, metres. Above min_width_m."
    )
    min_pond_m2: float = Field(1000.0, gt=0, description="Smaller ponds are not assessed, m2.")
    min_core_pixels: int = Field(3, ge=1, description="Pixels of pure water that a reach needs on a date.")
    eliminated_probability: Part = Field(0.2, description="A suspicion that is followed by two seasons below this probability counts as eliminated.")
    visit_distance_m: float = Field(
        100.0, gt=0, le=5000, description="A visit of tables.field_results belongs to the nearest reach within this distance, metres."
    )
    pictures: int = Field(20, ge=0, le=200, description="Number of rows, from the top of the inspection list, that get small pictures of their dates.")
    wetland_prior: Path | None = Field(None, description="Polygons of wetlands and reserves, where clean marsh water looks black.")

    @property
    def shortest_reach_m(self) -> float:
        """Shortest piece of a river that counts as a reach, metres; shorter pieces lie between two confluences. A quarter of ``reach_length_m``, or the
        side of the smallest pond if that is less."""
        return min(math.sqrt(self.min_pond_m2), self.reach_length_m / 4)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.possible_probability < self.suspected_probability:
            got = f"{self.possible_probability:g} and {self.suspected_probability:g}"
            raise ValueError(f"possible_probability must be below suspected_probability, got {got}")
        if not self.marginal_width_m <= self.min_width_m < self.max_width_m:
            got = f"{self.marginal_width_m:g}, {self.min_width_m:g} and {self.max_width_m:g}"
            raise ValueError(f"marginal_width_m, min_width_m and max_width_m must rise in this order, got {got}")
        return self


class CoastlineSection(Section):
    """The coast: shorelines near mean sea level or mean high water springs, transects, rates of change."""

    reference: Path | None = Field(None, description="Reference coastline; without it the first period's shoreline is used.")
    sea_points: list[tuple[Longitude, Latitude]] = Field(
        default_factory=list, description="Longitude, latitude (degrees) of points at sea, each on water; with a reference coastline they are not needed."
    )
    tide_table: Path | None = Field(
        None, description="Table: time_utc, station, lon, lat, height_m (or height_cm) above mean sea level; or another datum, see tide_msl_m."
    )
    tide_time_zone: str | None = Field(
        None,
        description="Time zone of the table's times that name none, such as Asia/Shanghai or +08:00; default UTC, which the header must then state (time_utc).",
    )
    tide_msl_m: float | None = Field(
        None, ge=-20, le=20, description="Mean sea level above the zero of the table's heights (chart datum, gauge zero), metres; default 0."
    )
    tide_window: float = Field(
        0.25, gt=0, le=1, description="Dates whose tide is within this share of the tidal range around the level are used; above 0; 1 uses all dates."
    )
    level: Literal["msl", "mhws"] = Field(
        "msl",
        description="Height that shorelines are drawn at: msl, mean sea level; mhws, mean high water springs of the tide table, the legal coastline of China.",
    )
    max_distance_m: float = Field(1500.0, gt=0, le=20_000, description="Shorelines are searched for within this distance of the reference, metres.")
    min_length_m: float = Field(300.0, ge=0, description="Shorter pieces of shoreline are dropped, metres.")
    min_dates: int = Field(5, ge=1, description="Fewer dates near the level: no shoreline.")
    transect_spacing_m: float = Field(100.0, ge=5, le=10_000, description="Spacing of transects along the coast, metres.")
    min_contrast: Reflectance = Field(0.06, description="Least SWIR1 contrast of land and water (reflectance) for the sub-pixel fraction.")
    stable_m_yr: float = Field(1.0, ge=0, le=100, description="A coast that moves by less than this is stable, metres per year.")

    @model_validator(mode="after")
    def _high_water_needs_a_tide(self) -> Self:
        if self.level == "mhws" and self.tide_table is None:
            raise ValueError("level mhws needs a tide table: name it in coastline.tide_table, or set coastline.level: msl")
        return self

    @field_validator("sea_points", mode="before")
    @classmethod
    def _longitude_first(cls, value: Any) -> Any:
        points = (
            [p for p in value if isinstance(p, list | tuple) and len(p) == 2 and all(isinstance(v, int | float) for v in p)] if isinstance(value, list) else []
        )
        if swapped := next((p for p in points if abs(p[1]) > 90 >= abs(p[0])), None):
            raise ValueError(f"{swapped[1]:g} is no latitude; longitude comes first: write [{swapped[1]:g}, {swapped[0]:g}]")
        if isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value):
            raise ValueError(f"[{value[0]:g}, {value[1]:g}] is one point, where a list of points is due; write [[{value[0]:g}, {value[1]:g}]]")
        return value

    @field_validator("tide_time_zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        if value is not None:
            time_zone(value)
        return value
