"""Cordgrass (Spartina alterniflora), an invasive alien plant of tidal flats: its map and its area."""

from __future__ import annotations

from rs_pipeline.products.register import LAND_STEP, Product, RegionMap
from rs_pipeline.products.spartina.maps import BANDS, SPARTINA, STYLE

METHODS = (
    (
        "Cordgrass",
        (
            "On ground that the tide reaches, a pixel counts as cordgrass where it is still green in late autumn, and not in spring or winter, when "
            "wheat and evergreen trees are. The bounds are what lies inside these limits for sure and what may lie inside. The limits were chosen on "
            "simulated worlds; no real stand was at hand. Young plants, narrow fringes and stands that were mown before autumn are not seen."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""

PRODUCT = Product(
    "spartina", 72,
    maps=(RegionMap(SPARTINA, BANDS, STYLE, made_by=LAND_STEP),),
    county_maps=("water", SPARTINA), county_sums="rs_pipeline.products.spartina.county:county_sums",
    season_layers="rs_pipeline.products.spartina.evidence:season_layers",
    indicators="rs_pipeline.products.spartina.indicators:INDICATORS",
    needs_steps=("zonal",), evidence_maps=("water", SPARTINA), scenes="optical",
    methods=METHODS,
)  # fmt: skip
