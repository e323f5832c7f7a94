"""Soil loss by water: its map, and the rate of land that keeps its soil."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.products.register import Product, RegionMap, Step, heights_given, heights_read
from rs_pipeline.products.soil.maps import BANDS, SOIL_LOSS, STYLE, has_heights

MAP_KEYS = tuple(
    f"soil.{name}"
    for name in (
        "dem", "bring_dem", "erosivity", "erosivity_constant", "erodibility", "erodibility_constant", "flat_deg", "longest_slope_m", "peak_erosivity_share", "cover_curve",
        "ground_cover_under_trees", "cropland_rotation_factor", "cropland_practice_factor", "built_factor", "bare_factor",
    )
)  # fmt: skip
"""Keys that change the map; the others are read where counties are judged."""


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    return [settings.heights[1], settings.soil.erosivity, settings.soil.erodibility]


METHODS = (
    (
        "Soil loss",
        (
            "The Chinese soil loss equation multiplies rain, soil, slope and cover: slope from heights, cover from the run's own vegetation and land "
            "maps, rain and soil from rasters or one coarse value each. Bounds are the stated doubt of these factors, common to a whole unit; they "
            "were never compared with measured soil loss. Terraces, gullies and wind erosion are not seen."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "soil", 75,
    maps=(RegionMap(SOIL_LOSS, BANDS, STYLE, made_by=SOIL_LOSS),),
    steps=(
        Step(
            SOIL_LOSS, "Make the map of soil loss of a tile and period.", "rs_pipeline.products.soil.step:soil_loss", scope="tile_period", when=has_heights,
            keys=(*MAP_KEYS, "masks.dem"), side_files=lambda p: [*heights_given(p), p.settings.soil.erosivity, p.settings.soil.erodibility],
            reads=lambda p: [p.layout.tiles, *heights_read(p), *(p.layout.tile_map(p.period, p.tile, name) for name in ("land", "vegetation"))],
            writes=lambda p: [p.layout.tile_map(p.period, p.tile, SOIL_LOSS)],
        ),
    ),
    county_maps=(SOIL_LOSS,), county_sums="rs_pipeline.products.soil.county:county_sums",
    facts="rs_pipeline.products.soil.facts:facts", indicators="rs_pipeline.products.soil.indicators:INDICATORS",
    needs_steps=("zonal",), evidence=_evidence, evidence_maps=(SOIL_LOSS,), scenes="optical",
    methods=METHODS,
)  # fmt: skip
