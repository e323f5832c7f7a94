"""Solar: the map of ground-mounted solar arrays, their area and capacity."""

from __future__ import annotations

from rs_pipeline.products.register import LAND_STEP, Product, RegionMap, shipped
from rs_pipeline.products.solar.maps import BANDS, SOLAR, STYLE

PRODUCT = Product(
    "solar", 77,
    maps=(RegionMap(SOLAR, BANDS, STYLE, made_by=LAND_STEP),),
    season_layers="rs_pipeline.products.solar.model:solar_layers", season_tables=shipped("solar.json"),
    county_maps=(SOLAR,), county_sums="rs_pipeline.products.solar.county:county_sums",
    indicators="rs_pipeline.products.solar.indicators:INDICATORS", needs_steps=("zonal",), evidence_maps=(SOLAR,),
)  # fmt: skip
