"""Settlements: towns and villages as the run's own land map of the baseline period shows them. Dust, rural water and the green of villages use them
where no table says where towns, villages and building sites are.

Built-up pixels are joined across gaps of up to settlements.gap_m: built-up areas less than 200 m apart are one locality (United Nations, Principles
and Recommendations for Population and Housing Censuses, Revision 3, 2017, on localities; Urban Morphological Zones of the European Environment Agency, 2011). What is
narrower than ROAD_M is a road, which joins no settlements. A patch of at least settlements.min_ha is a settlement, and from settlements.town_km2 on a town:
an urban cluster has at least 5,000 inhabitants (degree of urbanisation, UN Statistical Commission 2020), who have some 200 m2 of built-up
ground each, which is more than the 140 m2 that GB 50188-2007 allows towns, because villages are built wider.

One period gives the settlements for all, so that an amount inside them changes by what happens there and not by where their edge lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import rasterio
from rasterio.windows import Window
from scipy import ndimage, sparse

from rs_pipeline.config import Settings, SettlementsSection
from rs_pipeline.errors import RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.sea import blocks
from rs_pipeline.storage.provenance import merged_tags
from rs_pipeline.storage.qgis import write_style
from rs_pipeline.storage.raster import band_index, open_map, write_cog
from rs_pipeline.tiles import read_grid

SETTLEMENTS = "settlements"
"""Name of the map."""
VILLAGE, TOWN = 1, 2
"""Its values."""
BUILT_SHARE = 0.5
"""Least share of built-up ground in a built-up pixel."""
ROAD_M = 30.0
"""Built-up ground into which no square of this side fits is a road or a lone house."""
WORK_PX = 2048

Piece = tuple[slice, slice]
"""Rows and columns of the grid."""


def envelope(built: np.ndarray, gap_px: int, road_px: int) -> np.ndarray:
    """Built-up ground without roads, with its gaps: first what no square of side ``road_px`` fits into is removed, then gaps of up to ``gap_px`` are filled;
    bool (h, w). ``built`` bool (h, w); a pixel depends on those within `reach_px` of it, and the ground beyond the edge counts as not built."""
    rim = reach_px(gap_px, road_px)
    wide = ndimage.grey_opening(np.pad(built.astype("uint8"), rim), road_px)
    return ndimage.grey_closing(wide, gap_px + 1)[rim:-rim, rim:-rim].astype(bool)


def reach_px(gap_px: int, road_px: int) -> int:
    return gap_px + road_px + 1


def patch_pixels(pieces: Iterable[tuple[Piece, np.ndarray]], width: int) -> list[np.ndarray]:
    """Size in pixels of the whole patch that each label of `ndimage.label` of a piece belongs to, one int (labels + 1,) for each piece; 0 for the background.

    Patches touch by an edge, and may cross pieces. ``pieces`` : parts of a mask ``width`` pixels wide, bool (h, w), row by row from the upper left.
    """
    above, left, first = np.zeros(width, int), np.zeros(0, int), 0
    counts, pairs = [np.zeros(1, int)], [np.zeros((2, 0), int)]
    firsts = []
    for (_, cols), mask in pieces:
        labels, n = ndimage.label(mask)
        counts.append(np.bincount(labels.ravel(), minlength=n + 1)[1:])
        labels = np.where(mask, labels + first, 0)
        seams = [(labels[0], above[cols])] + ([(labels[:, 0], left)] if cols.start else [])
        pairs += [np.stack([a, b])[:, (a > 0) & (b > 0)] for a, b in seams]
        above[cols], left = labels[-1], labels[:, -1]
        firsts.append((first, n))
        first += n
    size = _joined(np.concatenate(counts), np.concatenate(pairs, axis=1))
    return [np.concatenate([[0], size[start + 1 : start + n + 1]]) for start, n in firsts]


def _joined(count: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Pixels of the patch of each label, where ``pairs`` int (2, n) of labels belong together; int like ``count``, the pixels of each label."""
    graph = sparse.coo_matrix((np.ones(pairs.shape[1], bool), pairs), shape=(count.size, count.size))
    _, patch = sparse.csgraph.connected_components(graph, directed=False)
    return np.bincount(patch, weights=count)[patch].astype(int)


def kinds_of(pixels: np.ndarray, section: SettlementsSection, resolution_m: float) -> np.ndarray:
    """0 none, 1 village, 2 town, float32, by the pixels of a patch."""
    m2 = pixels * resolution_m**2
    return np.select([m2 >= section.town_km2 * 1e6, m2 >= max(1.0, section.min_ha * 1e4)], [TOWN, VILLAGE], 0).astype("float32")


def settlements(settings: Settings) -> None:
    """Write ``maps/settlements.tif``, band ``class`` (0 none, 1 village, 2 town; NaN where the land map of the baseline period shows nothing and no
    settlement lies around), and its QGIS style.

    Raises
    ------
    RasterError : the land map is not made yet.
    """
    layout, grid, section, period = Layout(settings.root), read_grid(settings), settings.settlements, settings.baseline_label
    path = layout.map("land", period)
    if not path.exists():
        raise RasterError("the land map is not made yet", where=str(path), remedy=f"run `rs-pipeline mosaic --product land --period {period}` first")
    made = region_maps()[SETTLEMENTS]
    with open_map(path, grid) as src:
        found = patch_pixels(((piece, ground) for piece, ground, _ in _ground(src, grid, section)), grid.width)

        def pieces() -> Iterator[tuple[Window, np.ndarray]]:
            for pixels, ((rows, cols), ground, seen) in zip(found, _ground(src, grid, section), strict=True):
                kind = kinds_of(pixels, section, grid.resolution_m)[ndimage.label(ground)[0]]
                yield Window(cols.start, rows.start, kind.shape[1], kind.shape[0]), np.where(seen | (kind > 0), kind, np.float32(np.nan))[None]

        tags = merged_tags([path]) | {"GAP_M": f"{section.gap_m:g}", "MIN_HA": f"{section.min_ha:g}", "TOWN_KM2": f"{section.town_km2:g}"}
        write_cog(layout.settlements, grid, pieces(), made.bands, tags, categorical=True)
    write_style(made.style, layout.settlements)


def _ground(src: rasterio.DatasetReader, grid: Grid, section: SettlementsSection) -> Iterator[tuple[Piece, np.ndarray, np.ndarray]]:
    """Pieces of the grid, row by row: the `envelope` of built-up ground, and where the land map shows something; bool (h, w) each."""
    gap_px, road_px = round(section.gap_m / grid.resolution_m), max(1, round(ROAD_M / grid.resolution_m))
    rim, band = reach_px(gap_px, road_px), band_index(src, "share_built")
    for _, (rows, cols), _ in blocks(grid.shape, 0, WORK_PX):
        h, w = rows.stop - rows.start, cols.stop - cols.start
        window = Window(cols.start - rim, rows.start - rim, w + 2 * rim, h + 2 * rim)
        share = src.read(band, window=window, boundless=True, fill_value=np.nan)
        inner = slice(rim, rim + h), slice(rim, rim + w)
        yield (rows, cols), envelope(share >= BUILT_SHARE, gap_px, road_px)[inner], np.isfinite(share[inner])


def read_settlements(settings: Settings, window: Grid) -> np.ndarray:
    """Kind of settlement of the pixels of a piece of the run's grid, float32 (h, w): 0 none, 1 village, 2 town, NaN where it is not known and beyond the grid.

    Raises
    ------
    RasterError : the map of settlements is not made yet.
    """
    path = Layout(settings.root).settlements
    if not path.exists():
        raise RasterError("the map of settlements is not made yet", where=str(path), remedy="run `rs-pipeline settlements` first")
    whole = read_grid(settings)
    row, col = round((whole.top - window.top) / whole.resolution_m), round((window.left - whole.left) / whole.resolution_m)
    with open_map(path, whole) as src:
        return src.read(1, window=Window(col, row, window.width, window.height), boundless=True, fill_value=np.nan)
