"""Dust: its map of ground that is bare in spring, and its area in settlements by month."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.products.dust.maps import BANDS, DUST, STYLE
from rs_pipeline.products.register import LAND_STEP, Product, RegionMap

METHODS = (
    (
        "Bare ground in spring",
        (
            "Ground in settlements that is neither built-up nor water counts as bare in a month of spring where NDVI is low on every clear date of the "
            "month. The range reaches from what is surely bare to what may be, with all that the month did not see. Fields that are not yet sown and "
            "ground under dry litter count too; building sites are not told from them. On simulated worlds the area of May was up to twice the truth "
            "and more."
        ),
    ),
)
"""Headings and paragraphs of the page's methods."""


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    layout = Layout(settings.root)
    return [layout.settlements, *(layout.land_counties(p) for p in periods)]


PRODUCT = Product(
    "dust", 73,
    maps=(RegionMap(DUST, BANDS, STYLE, made_by=LAND_STEP),),
    county_maps=("land", DUST), county_sums="rs_pipeline.products.dust.county:county_sums",
    season_layers="rs_pipeline.products.dust.evidence:spring_layers",
    indicators="rs_pipeline.products.dust.indicators:INDICATORS",
    needs_steps=("zonal", "land_zonal", "settlements"), evidence=_evidence, evidence_maps=("land", DUST), scenes="optical",
    methods=METHODS,
)  # fmt: skip
