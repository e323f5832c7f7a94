"""Step ``mosaic``: the tiles of one product and period become the region's COG, one tile in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rasterio.windows import Window

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import period_maps
from rs_pipeline.storage.provenance import merged_tags
from rs_pipeline.storage.qgis import write_style
from rs_pipeline.storage.raster import open_map, write_cog
from rs_pipeline.tiles import read_grid, read_tiles


def mosaic(settings: Settings, product: str, period_label: str) -> None:
    """Write ``maps/<product>_<period>.tif`` and its QGIS style; the map is nodata where there is no tile.

    Raises
    ------
    ConfigError : the run makes no such map.
    """
    if product not in (made := period_maps()):
        raise ConfigError(f"there is no map {product}", where="--product", remedy=f"give one of {', '.join(made)}")
    layout, tiles, described = Layout(settings.root), read_tiles(settings), made[product]
    target = layout.map(product, period_label)

    def pieces() -> Iterator[tuple[Window, np.ndarray]]:
        for tile in tiles:
            with open_map(layout.tile_map(period_label, tile.id, product), tile.grid) as src:
                yield Window(tile.col, tile.row, tile.grid.width, tile.grid.height), src.read()

    tags = merged_tags([layout.tile_map(period_label, t.id, product) for t in tiles])
    write_cog(target, read_grid(settings), pieces(), described.bands, tags, categorical=described.categorical)
    write_style(described.style, target)
