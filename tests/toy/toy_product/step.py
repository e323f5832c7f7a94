"""Step ``brightness``: the chips of a tile and period become its map."""

import numpy as np

from rs_pipeline.catalog.chips import load_chips, read_stack, scales
from rs_pipeline.layout import Layout
from rs_pipeline.storage.provenance import map_tags
from rs_pipeline.storage.raster import write_map
from rs_pipeline.tiles import read_tile
from toy_product.kernel import mean_refl
from toy_product.product import BANDS


def brightness(settings, tile_id, period_label, chips=None):
    """Write the map of a tile; ``chips``: default those that were fetched."""
    chips = load_chips(settings, tile_id, period_label) if chips is None else chips
    optical = [c for c in chips if c.family == "optical"]
    tile = read_tile(settings, tile_id)
    out = np.full(tile.grid.shape, np.nan, "float32")
    if optical:
        mean_refl(read_stack(optical, ["red"], tile.grid)[:, 0], *scales(optical), out)
        out *= settings.products.get("brightness", {}).get("gain", 1.0)
    tags = map_tags(settings, settings.period(period_label), [c.scene for c in optical])
    write_map(Layout(settings.root).tile_map(period_label, tile_id, "brightness"), tile.grid, {"red_refl": out}, BANDS, tags)
