"""The observe step: missing is missing, and neither blocks nor tiles change a result."""

from datetime import date

import numpy as np
import rasterio

from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.layout import Layout
from rs_pipeline.model import Period
from rs_pipeline.products import observe as module
from rs_pipeline.products.blocks import Block
from rs_pipeline.products.calendar import Calendar, in_window
from rs_pipeline.products.register import observed_maps


def read(path):
    with rasterio.open(path) as src:
        return dict(zip(src.descriptions, src.read(), strict=True))


def test_a_tile_without_scenes_is_missing_not_zero(make_settings, monkeypatch):
    settings = make_settings()
    region.grid(settings)
    monkeypatch.setattr(module, "load_chips", lambda *_: [])
    module.observe(settings, "r000c000", "2024")
    layout = Layout(settings.root)
    maps = {p: read(layout.tile_map("2024", "r000c000", p)) for p in observed_maps()}
    assert np.isnan(maps["vegetation"]["fvc_peak"]).all() and np.isnan(maps["water"]["class"]).all()
    assert np.isnan(maps["black_odorous"]["class"]).all()
    assert (maps["observations"]["scenes"] == 0).all() and (maps["observations"]["clear_months"] == 0).all()


def parana(real_data, folder, tile_px):
    settings = parse(
        {
            "run": f"t{tile_px}",
            "output": str(folder),
            "units": {"path": str(real_data / "regions/parana_zones.geojson")},
            "periods": [{"label": "all", "start": "2023-01-01", "end": "2025-12-31"}],
            "grid": {"tile_px": tile_px},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(real_data / "catalog"), "allow_unmasked": True}],
            "black_odorous": {"min_dates": 2, "min_months": 1},
        }
    )
    search(settings)
    region.grid(settings)
    for tile in tiling.read_tiles(settings):
        fetch(settings, tile.id, "all")
    return settings


def whole(settings, product):
    """All tiles of a product in one array (band, y, x)."""
    grid, parts = tiling.read_grid(settings), []
    for tile in tiling.read_tiles(settings):
        with rasterio.open(Layout(settings.root).tile_map("all", tile.id, product)) as src:
            parts.append((tile, src.read()))
    out = np.full((parts[0][1].shape[0], *grid.shape), np.nan, "float32")
    for tile, values in parts:
        out[:, tile.row : tile.row + tile.grid.height, tile.col : tile.col + tile.grid.width] = values
    return out


def cut(grid, rows, cols):
    """Blocks of a grid that follow no block of any file."""
    return [Block(y, x, min(rows, grid.height - y), min(cols, grid.width - x)) for y in range(0, grid.height, rows) for x in range(0, grid.width, cols)]


def test_neither_tiles_nor_blocks_change_a_map_of_real_scenes(real_data, tmp_path, monkeypatch):
    one, many = parana(real_data, tmp_path, 256), parana(real_data, tmp_path, 112)
    module.observe(one, "r000c000", "all")
    monkeypatch.setattr(module, "plan_blocks", lambda grid, *_: cut(grid, 37, 61))
    for tile in tiling.read_tiles(many):
        module.observe(many, tile.id, "all", threads=1)
    for product in observed_maps():
        np.testing.assert_array_equal(whole(one, product), whole(many, product), err_msg=product)


def test_calendar_counts_from_the_periods_start():
    got = Calendar.of([date(2023, 3, 31), date(2023, 4, 1), date(2024, 1, 1)], Period("x", date(2023, 3, 1), date(2024, 2, 29)))
    assert got.day.tolist() == [30, 31, 306] and got.month.tolist() == [0, 1, 10] and got.n_months == 12


def test_windows_are_inclusive_and_may_pass_the_new_year():
    days = [date(2024, 5, 31), date(2024, 6, 1), date(2024, 9, 10), date(2024, 12, 31), date(2025, 1, 2)]
    assert in_window(days, ("06-01", "09-10")).tolist() == [False, True, True, False, False]
    assert in_window(days, ("12-01", "02-28")).tolist() == [False, False, False, True, True]
    assert in_window([], ("06-01", "09-10")).tolist() == []
