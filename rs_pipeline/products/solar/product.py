"""Solar: the map of ground-mounted solar arrays, their area and capacity."""

from __future__ import annotations

from rs_pipeline.products.register import LAND_STEP, Product, RegionMap, shipped
from rs_pipeline.products.solar.maps import BANDS, SOLAR, STYLE

METHODS = (
    (
        "Solar arrays",
        (
            "A network compares the seasons of a pixel and its neighbours with those of simulated arrays; patches of at least 1 ha and 30 m width "
            "count. Bounds are the systematic error on simulated worlds; the capacity is a lower bound, with none above. Roofs, small arrays and "
            "wind turbines are not seen. No real array, greenhouse or salt pan was at hand for a test; of measured surfaces bark and wood are "
            "taken for arrays most often."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "solar", 77,
    maps=(RegionMap(SOLAR, BANDS, STYLE, made_by=LAND_STEP),),
    season_layers="rs_pipeline.products.solar.model:solar_layers", season_tables=shipped("solar.json"),
    county_maps=(SOLAR,), county_sums="rs_pipeline.products.solar.county:county_sums",
    indicators="rs_pipeline.products.solar.indicators:INDICATORS", needs_steps=("zonal",), evidence_maps=(SOLAR,),
    methods=METHODS,
)  # fmt: skip
