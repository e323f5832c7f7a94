"""What the register of products is told."""

from rs_pipeline.model import Colour, MapBand, Style
from rs_pipeline.products.register import Product, RegionMap, Step, chips, sensor_tables

BANDS = (MapBand("red_refl", "Mean reflectance in red"),)

STYLE = Style("Brightness in red", "red_refl", "ramp", (Colour(0.0, "#000000", "dark ground"), Colour(0.4, "#ffffff", "bright ground")))

PRODUCT = Product(
    "brightness", 90,
    maps=(RegionMap("brightness", BANDS, STYLE, made_by="brightness"),),
    steps=(
        Step(
            "brightness", "Make the map of brightness of a tile and period.", "toy_product.step:brightness", scope="tile_period",
            keys=("products.brightness",), tables=sensor_tables, reads=lambda p: [*chips(p), p.layout.tiles], writes=lambda p: [p.layout.tile_map(p.period, p.tile, "brightness")],
        ),
    ),
    county_maps=("brightness",), county_sums="toy_product.county:county_sums", indicators="toy_product.indicators:INDICATORS",
    needs_steps=("zonal",), evidence_maps=("brightness",), scenes="optical"
)  # fmt: skip
