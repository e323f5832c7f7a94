"""Fill, darkness and loss, through a fetch of scenes whose pixels are written by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.catalog.chips import load_chips, read_stack
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.qa_flags import scene_flags
from rs_pipeline.catalog.search import search
from rs_pipeline.layout import Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid
from rs_pipeline.radiometry.masks import QAFlag, has_flag
from tests.catalog.conftest import CRS, LEFT, S2_ASSETS, TOP, footprint, item, make_grid, write_tif

CROP = {"blue": 300, "green": 700, "red": 400, "rededge1": 1100, "nir": 3500, "swir16": 1800, "swir22": 900}
LAKE = {"blue": 450, "green": 500, "red": 300, "rededge1": 200, "nir": 100, "swir16": 60, "swir22": 40}
LAKE_PX = slice(20, 44)
GRID = Grid(CRS, 10.0, LEFT, TOP, 64, 64)
NAMES = dict(zip(S2_ASSETS, ("blue", "green", "red", "nir", "rededge1", "swir1", "swir2"), strict=False))


def draw(world, key="s", lake=LAKE, edit=lambda name, dn: dn, dtype="uint16", **properties):
    """Crops with a lake of 240 m; ``edit`` changes a band's numbers."""
    world.scene(key, "2023-05-01T03:00:00Z", **properties)
    for name, step in S2_ASSETS.items():
        if name != "scl":
            k, dn = step // 10, np.full((640 // step,) * 2, CROP[name])
            dn[LAKE_PX.start // k : LAKE_PX.stop // k, LAKE_PX.start // k : LAKE_PX.stop // k] = lake[name]
            write_tif(world.root / f"data/{key}/{name}.tif", edit(name, dn).astype(dtype), step, nodata=0)


def seen(world, **changes):
    settings = world.settings(search={"self_test": False}, **changes)
    search(settings)
    tile = make_grid(settings)
    fetch(settings, tile, "2023")
    row = pd.read_parquet(Layout(settings.root).chips("2023", tile)).iloc[0]
    if row.status != "ok":
        return row.status, row.reason
    (chip,) = load_chips(settings, tile, "2023")
    return dict(zip(OPTICAL_BANDS, read_stack([chip], OPTICAL_BANDS, GRID)[0], strict=True)), scene_flags(chip, GRID, settings.masks)


@pytest.mark.parametrize("black", [["swir22"], ["swir16", "swir22"], ["nir", "swir16", "swir22"], ["blue"]])
def test_a_lake_without_a_number_in_a_band_is_seen(world, black):
    draw(world, lake=LAKE | dict.fromkeys(black, 0))
    bands, qa = seen(world)
    lake = np.s_[LAKE_PX, LAKE_PX]
    assert not has_flag(qa, QAFlag.NODATA).any() and has_flag(qa, QAFlag.CLAMPED)[lake].all() and has_flag(qa, QAFlag.CLAMPED).sum() == 24**2
    assert all((bands[NAMES[name]][lake] == 1).all() for name in black) and (bands["green"][lake] == 500).all()


def test_a_tile_all_of_water_is_no_lost_band(world):
    draw(world, edit=lambda name, dn: np.full(dn.shape, 0 if name == "swir22" else LAKE[name]))
    bands, _ = seen(world)
    # bands are compared away from the border of the raster, where they may end at different places
    assert (bands["swir2"][:, :] <= 1).all() and (bands["green"] == 500).all()


def test_a_block_that_did_not_arrive_stays_missing(world):
    def lose(name, dn):
        dn = dn.copy()
        if name == "nir":
            dn[0:16, 24:40] = 0
        return dn

    draw(world, edit=lose)
    bands, qa = seen(world)
    assert (bands["nir"][:16, 24:40] == 0).all() and has_flag(qa, QAFlag.NODATA)[:16, 24:40].all() and has_flag(qa, QAFlag.NODATA).sum() == 256


def test_a_band_of_nothing_over_fields_is_named(world):
    draw(world, edit=lambda name, dn: dn * 0 if name == "swir22" else dn)
    assert seen(world) == ("failed", "no data, or one number only, in swir2 where other bands have data")


@pytest.mark.parametrize("number", [0, 1])
def test_a_strip_of_zeros_or_ones_is_fill(world, number):
    def strip(name, dn):
        dn = dn.copy()
        dn[:, : dn.shape[1] // 8] = number
        return dn

    draw(world, edit=strip)
    bands, qa = seen(world)
    assert has_flag(qa, QAFlag.NODATA)[:, :8].all() and not has_flag(qa, QAFlag.NODATA)[:, 8:].any()
    assert all((v[:, :8] == 0).all() for v in bands.values())


@pytest.mark.parametrize(("number", "is_fill"), [(1, True), (800, True), (801, False)])
def test_bands_that_are_all_darker_than_ground_are_fill(world, number, is_fill):
    """The offset of -0.1 is in the numbers: 800 is -0.02. One band alone may be as dark."""

    def strip(name, dn):
        dn = dn + 1000
        dn[:, : dn.shape[1] // 8] = number
        return dn

    draw(world, edit=strip, **{"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "05.09"})
    _, qa = seen(world)
    assert has_flag(qa, QAFlag.NODATA)[:, :8].all() == is_fill and not has_flag(qa, QAFlag.NODATA)[:, 8:].any()


def test_beyond_the_footprint_a_band_without_numbers_is_fill(world):
    """The footprint ends in the middle of the lake; SWIR2 has no number on it."""
    draw(world, lake=LAKE | {"swir22": 0})
    (path,) = world.items.glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"geometry": shapely.geometry.mapping(footprint(size_m=320.0))}))
    _, qa = seen(world)
    unseen = has_flag(qa, QAFlag.NODATA)
    assert unseen[20:44, 34:44].all() and not unseen[:20].any() and not unseen[:, :20].any()


def test_a_mask_of_fill_makes_a_missing_number_fill(world):
    scl = np.full((32, 32), 4, "uint8")
    scl[10:22, 10:22] = 0
    draw(world, lake=LAKE | {"swir22": 0}, scl=scl)
    bands, qa = seen(world)
    assert has_flag(qa, QAFlag.NODATA)[20:44, 20:44].all() and (bands["swir2"][20:44, 20:44] == 0).all()


def test_landsat_below_its_range_is_seen(world):
    """Blue of -0.03 on a lake is number 6182; the lowest that is taken, -0.02, is 6546."""
    folder, names = world.root / "data/l", {"blue": "blue", "green": "green", "red": "red", "nir08": "nir", "swir16": "swir16", "swir22": "swir22"}
    for asset, like in names.items():
        dn = np.full((22, 22), (CROP[like] / 1e4 + 0.2) / 2.75e-5)
        dn[7:15, 7:15] = 6182 if asset == "blue" else (LAKE[like] / 1e4 + 0.2) / 2.75e-5
        write_tif(folder / f"{asset}.tif", np.rint(dn).astype("uint16"), 30, nodata=0)
    write_tif(folder / "qa_pixel.tif", np.full((22, 22), 21824, "uint16"), 30, nodata=1)
    hrefs = {n: str(folder / f"{n}.tif") for n in (*names, "qa_pixel")}
    world.add(item("l", "2023-05-01T03:00:00Z", hrefs, "landsat-c2-l2", platform="landsat-8", **{"landsat:collection_category": "T1"}))
    bands, qa = seen(world, sources=[{"sensor": "planetary-computer-landsat-c2-l2", "catalog": str(world.items)}])
    assert not has_flag(qa, QAFlag.NODATA).any() and (bands["blue"][25:40, 25:40] == 6546).all()
    assert has_flag(qa, QAFlag.CLAMPED).sum() == (bands["blue"] == 6546).sum() > 500
