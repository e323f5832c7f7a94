"""Step ``mosaic``: the tiles of one product and period become the region's COG, one tile in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import rasterio
from rasterio.windows import Window

from rs_pipeline.config import Settings
from rs_pipeline.layout import LAND, Layout
from rs_pipeline.output.maps import FINEST_TAG, PERIOD_BANDS
from rs_pipeline.output.raster import write_cog
from rs_pipeline.output.styles import write_style
from rs_pipeline.region import read_grid, read_tiles


def mosaic(settings: Settings, product: str, period_label: str) -> None:
    """Write ``maps/<product>_<period>.tif`` and its QGIS style; where there is no tile the map is nodata."""
    layout, tiles = Layout(settings.root), read_tiles(settings)
    target = layout.map(product, period_label)

    def pieces() -> Iterator[tuple[Window, np.ndarray]]:
        for tile in tiles:
            with rasterio.open(layout.tile_map(period_label, tile.id, product)) as src:
                yield Window(tile.col, tile.row, tile.grid.width, tile.grid.height), src.read()

    tags = merged_tags([layout.tile_map(period_label, t.id, product) for t in tiles])
    write_cog(target, read_grid(settings), pieces(), PERIOD_BANDS[product], tags, categorical=product in ("water", "black_odorous", LAND))
    write_style(product, target)


def merged_tags(paths) -> dict[str, str]:
    """Tags common to all tiles; lists are united, the number of scenes is the largest of a tile."""
    merged: dict[str, str] = {}
    for path in paths:
        with rasterio.open(path) as src:
            tags = {k: v for k, v in src.tags().items() if k not in ("AREA_OR_POINT",)}
        for key, value in tags.items():
            if key in ("PLATFORMS", "PROCESSING_BASELINES", FINEST_TAG):
                merged[key] = ", ".join(sorted({*filter(None, merged.get(key, "").split(", ")), *filter(None, value.split(", "))}))
            elif key == "N_SCENES":
                merged[key] = str(max(int(value), int(merged.get(key, 0))))
            else:
                merged[key] = value
    return merged
