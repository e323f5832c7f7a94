"""Settlements on maps whose answers can be seen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rasterio.windows import Window
from scipy import ndimage

from rs_pipeline.config import SettlementsSection, parse
from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products import settlements as module
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.settlements import Rule, Settlement, envelope, kinds_of, patch_pixels, read_settlements, settlements
from rs_pipeline.storage.raster import write_cog
from tests.made_up_run import write_grid

GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 120, 80)
NAN = np.float32(np.nan)
VILLAGE, TOWN = Settlement


def drawn(*blocks, shape=(40, 60)):
    """A mask that is true in blocks of (rows, columns)."""
    mask = np.zeros(shape, bool)
    for rows, cols in blocks:
        mask[slice(*rows), slice(*cols)] = True
    return mask


RULE = Rule(window=5, strip=6)
"""A square of 25 pixels is dense from 2.5 built-up pixels on."""


def test_the_squares_of_a_run():
    assert Rule.of(SettlementsSection(), 10.0) == Rule(11, 12) and Rule.of(SettlementsSection(), 30.0) == Rule(5, 5)


def test_ground_is_dense_to_the_pixel():
    """A block of 10 by 10: above its edge a row of 5, then 2 pixels further out no more than 5 of 25 are built-up."""
    found = envelope(drawn(((10, 20), (10, 20))).astype(float), RULE)
    assert found[8:22, 10:20].all() and not found[7].any() and not found[22].any()


@pytest.mark.parametrize(("share", "inside"), [(0.095, False), (0.1, True), (1.0, True)])
def test_the_least_share_of_built_up_ground(share, inside):
    assert envelope(np.full((40, 60), share), RULE)[20, 30] == inside


@pytest.mark.parametrize(("width_px", "stays"), [(1, False), (3, True)])
def test_a_road_joins_no_settlements(width_px, stays):
    """A road of 1 pixel makes a strip of 5, one of 3 pixels a strip of 7."""
    built = drawn(((10, 20), (5, 15)), ((10, 20), (40, 50)), ((14, 14 + width_px), (15, 40))).astype(float)
    found = envelope(built, RULE)
    assert ndimage.label(found)[1] == (1 if stays else 2) and found[14, 27] == stays


def test_what_was_not_seen_is_judged_by_what_lies_around_it():
    built = np.ones((40, 60))
    built[10:12, 10:12] = np.nan
    built[:, 30:] = np.nan
    found = envelope(built, RULE)
    assert found[10:12, 10:12].all() and not found[:, 31:].any()


def test_a_settlement_at_the_edge_of_the_region_keeps_its_ground():
    found = envelope(drawn(((0, 20), (0, 20))).astype(float), RULE)
    assert found[0, 5:20].all() and found[5:20, 0].all() and not found[0, 0], "of a corner most lies beyond"


def pieces_of(mask, core, size):
    for row, col in itertools.product(range(0, mask.shape[0], size), range(0, mask.shape[1], size)):
        at = slice(row, min(row + size, mask.shape[0])), slice(col, min(col + size, mask.shape[1]))
        yield at, mask[at], core[at]


@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_the_size_of_a_patch_does_not_depend_on_the_pieces(size):
    """A ring, a U that meets only outside most pieces, and noise."""
    chance = np.random.default_rng(1)
    mask, core = chance.random((40, 60)) < 0.45, chance.random((40, 60)) < 0.3
    mask[5:35, 5:35] = drawn(((0, 30), (0, 3)), ((0, 30), (27, 30)), ((27, 30), (0, 30)), shape=(30, 30))
    labels, _ = ndimage.label(mask)
    expected = np.column_stack([np.bincount(labels[part], minlength=labels.max() + 1) for part in (mask, mask & core)])
    got = np.zeros((*mask.shape, 2), int)
    for pixels, (at, part, _) in zip(patch_pixels(pieces_of(mask, core, size), 60), pieces_of(mask, core, size), strict=True):
        got[at] = pixels[ndimage.label(part)[0]]
    np.testing.assert_array_equal(got, expected[labels])


def test_without_built_up_ground_there_is_no_patch():
    nothing = np.zeros((4, 4), bool)
    assert [p.tolist() for p in patch_pixels(pieces_of(nothing, nothing, 4), 4)] == [[[0, 0]]]


@pytest.mark.parametrize(("pixels", "kind"), [(0, 0), (99, 0), (100, VILLAGE), (9999, VILLAGE), (10_000, TOWN)])
def test_a_hectare_is_a_village_and_a_square_kilometre_a_town(pixels, kind):
    assert kinds_of(np.array([[pixels, pixels]]), SettlementsSection(), 10.0).tolist() == [kind]


@pytest.mark.parametrize(("core", "kind"), [(0, 0), (19, 0), (20, VILLAGE)])
def test_a_settlement_has_pixels_that_are_mostly_built_up(core, kind):
    assert kinds_of(np.array([[200, core]]), SettlementsSection(), 10.0).tolist() == [kind]


def test_a_town_is_not_smaller_than_a_settlement():
    assert SettlementsSection(min_ha=100, town_km2=1).town_km2 == 1
    with pytest.raises(ValueError, match="a town is a settlement too"):
        SettlementsSection(min_ha=101, town_km2=1)


@pytest.fixture
def settings(tmp_path):
    """A town of 30 ha, a village of 4 ha and 4 ha of steppe on the map of 2023; the east was not seen."""
    found = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": str(tmp_path / "u.gpkg")},
            "periods": [2023, 2024],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "settlements": {"window_m": 50, "town_km2": 0.2},
        }
    )
    write_grid(found, GRID)
    return found


def write_land(settings, built, period="2023"):
    bands = region_maps()["land"].bands
    layers = {b.name: np.where(np.isnan(built), NAN, 0) for b in bands} | {"share_built": built}
    stack = np.stack([np.asarray(layers[b.name], "float32") for b in bands])
    write_cog(Layout(settings.root).map("land", period), GRID, iter([(Window(0, 0, GRID.width, GRID.height), stack)]), bands, {})


def built_map():
    built = np.zeros(GRID.shape, "float32")
    built[10:40, 10:110] = built[60:80, 100:120] = 0.5
    built[20:22, 30:32] = NAN
    built[:, 112:] = NAN
    built[10:40, 60] = 0.49
    built[55:75, 10:30] = 0.2
    return built


def test_the_map_of_settlements(settings):
    write_land(settings, built_map())
    settlements(settings)
    got = read_settlements(settings, GRID)
    assert (got[10:40, 10:110] == TOWN).all(), "a hole that was not seen, and a lane, lie inside"
    assert (got[60:76, 100:110] == VILLAGE).all() and np.isnan(got[:, 112:]).all() and (got[42:58, :112] == 0).all() and (got[58:, :40] == 0).all()
    assert Layout(settings.root).settlements.with_suffix(".qml").exists()
    beyond = read_settlements(settings, GRID.window(-5, -5, 20, 20))
    assert np.isnan(beyond[:5]).all() and np.isnan(beyond[:, :5]).all() and beyond[15, 15] == TOWN


def test_the_map_does_not_depend_on_the_pieces_it_is_made_in(settings, monkeypatch):
    write_land(settings, built_map())
    settlements(settings)
    whole = read_settlements(settings, GRID)
    monkeypatch.setattr(module, "WORK_PX", 48)
    settlements(settings)
    np.testing.assert_array_equal(read_settlements(settings, GRID), whole)


def test_the_envelope_is_that_of_the_baseline_alone(settings):
    write_land(settings, np.zeros(GRID.shape, "float32"), "2024")
    with pytest.raises(RasterError, match="mosaic --product land --period 2023"):
        settlements(settings)
    with pytest.raises(RasterError, match="rs-pipeline settlements"):
        read_settlements(settings, GRID)
    write_land(settings, np.zeros(GRID.shape, "float32"))
    settlements(settings)
    assert (read_settlements(settings, GRID) == 0).all()


def test_a_section_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="min_ha"):
        parse(
            {
                "run": "t",
                "units": {"path": "u"},
                "periods": [2023],
                "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
                "settlements": {"min_ha": 0},
            }
        )
