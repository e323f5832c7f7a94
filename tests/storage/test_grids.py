"""A raster of the run lies on the run's grid, or is not used."""

import numpy as np
import pytest

from rs_pipeline.errors import DamagedError
from rs_pipeline.model import Grid, MapBand
from rs_pipeline.products.coastline.mosaic import check_place
from rs_pipeline.storage.raster import open_map, write_map

TILE = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 8, 6)


@pytest.fixture
def water(tmp_path):
    path = tmp_path / "water.tif"
    write_map(path, TILE, {"class": np.ones(TILE.shape, "float32")}, [MapBand("class", "class")], {})
    return path


def test_a_map_on_its_grid_is_opened(water):
    with open_map(water, TILE) as src:
        assert src.read(1).sum() == 48 and src.descriptions == ("class",)


@pytest.mark.parametrize("other", [
    Grid("EPSG:32650", 10.0, 500_040.0, 4_300_000.0, 8, 6), Grid("EPSG:32650", 10.0, 500_000.0, 4_300_010.0, 8, 6), Grid("EPSG:32650", 20.0, 500_000.0, 4_300_000.0, 8, 6),
    Grid("EPSG:32651", 10.0, 500_000.0, 4_300_000.0, 8, 6), Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 9, 6),
], ids=["east", "north", "resolution", "zone", "width"])  # fmt: skip
def test_a_map_of_other_units_is_refused_with_both_places(water, other):
    with pytest.raises(DamagedError, match=r"water.tif lies on another grid than the run's \(BoundingBox\(left=500000.0") as told, open_map(water, other):
        pass
    assert told.value.path == str(water) and "start the same command again" in told.value.remedy


def test_what_is_no_raster_is_damaged(water):
    water.write_bytes(b"")
    with pytest.raises(DamagedError, match="water.tif cannot be read"), open_map(water, TILE):
        pass


@pytest.mark.parametrize("east_m, right", [(0.0, True), (19.9, True), (20.1, False)])
def test_a_shore_composite_may_differ_from_its_tile_by_one_of_its_own_pixels(tmp_path, east_m, right):
    shore = Grid("EPSG:32650", 20.0, TILE.left + east_m, TILE.top, 4, 3)
    path = tmp_path / "shore_sentinel-2.tif"
    write_map(path, shore, {"x": np.ones(shore.shape, "float32")}, [MapBand("x", "x")], {})
    if right:
        check_place(path, TILE)
    else:
        with pytest.raises(DamagedError, match="lies on another grid than its tile"):
            check_place(path, TILE)
    check_place(tmp_path / "none.tif", TILE)
