"""Cordgrass (Spartina alterniflora), an invasive alien plant of tidal flats: its map and its area."""

from __future__ import annotations

from rs_pipeline.products.register import LAND_STEP, Product, RegionMap
from rs_pipeline.products.spartina.maps import BANDS, SPARTINA, STYLE

PRODUCT = Product(
    "spartina", 72,
    maps=(RegionMap(SPARTINA, BANDS, STYLE, made_by=LAND_STEP),),
    county_maps=("water", SPARTINA), county_sums="rs_pipeline.products.spartina.county:county_sums",
    season_layers="rs_pipeline.products.spartina.evidence:season_layers",
    indicators="rs_pipeline.products.spartina.indicators:INDICATORS",
    needs_steps=("zonal",), evidence_maps=("water", SPARTINA), scenes="optical",
)  # fmt: skip
