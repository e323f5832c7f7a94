"""Passes: what overlaps on one day is one observation, and the finest speaks first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rs_kernels.stack import NODATA_BIT, Stack, one_a_day

from rs_pipeline.catalog import passes
from rs_pipeline.catalog.chips import Chip
from rs_pipeline.catalog.passes import clear_once, passes_of, read_pass, read_radar_pass
from rs_pipeline.config import MaskSection
from rs_pipeline.model import Grid, Scene
from rs_pipeline.radiometry.masks import QAFlag

GRID = Grid("EPSG:32650", 10.0, 0.0, 0.0, 4, 1)
FIRST = datetime(2024, 6, 1, 3, tzinfo=UTC)
S2, LANDSAT, RADAR = "earth-search-sentinel-2-l2a", "planetary-computer-landsat-c2-l2", "planetary-computer-sentinel-1-rtc"


def chip(key, sensor=S2, platform="sentinel-2a", *, days=0.0, minutes=0, **changes):
    when = FIRST + timedelta(days=days, minutes=minutes)
    scene = Scene(
        scene_id=key,
        key=key,
        sensor=sensor,
        collection="c",
        platform=platform,
        datetime=when,
        solar_day=when.date(),
        processing_baseline="",
        cloud_cover=None,
        sun_elevation_deg=60.0,
        sun_azimuth_deg=150.0,
        scale=1e-4,
        offset=0.0,
        offset_decision="",
        offset_confidence="high",
        status="used",
        reason="",
    )
    return Chip(replace(scene, **changes), {"rededge1": (None, 1)} if changes.get("assets") else {})


def keys(found):
    return [[c.scene.key for c in p.chips] for p in found]


def test_tiles_of_one_swath_are_one_pass_and_the_finest_of_a_day_comes_first():
    landsat = chip("l", LANDSAT, "landsat-9", minutes=-12, scale=2.75e-5)
    chips = [chip("b", days=5), landsat, chip("a2"), chip("a1", minutes=1)]
    assert keys(passes_of(chips)) == [["a2", "a1"], ["l"], ["b"]]
    assert keys(passes_of(list(reversed(chips)))) == keys(passes_of(chips))
    assert passes_of([]) == []


def test_what_differs_in_scale_bands_or_platform_is_another_pass():
    others = [chip("c", scale=2e-4), chip("d", assets={"rededge1": "x"}), chip("e", platform="sentinel-2c")]
    assert sorted(keys(passes_of([chip("a"), *others]))) == [["a"], ["c"], ["d"], ["e"]]
    assert passes_of([chip("d", assets={"rededge1": "x"})])[0].has("rededge1") and not passes_of([chip("a")])[0].has("rededge1")


def test_radar_passes_of_morning_and_evening_are_two():
    sar = [chip(k, RADAR, "sentinel-1a", minutes=m, relative_orbit=o) for k, m, o in [("m1", 0, 142), ("m2", 1, 142), ("e", 720, 69)]]
    assert keys(passes_of(sar)) == [["m1", "m2"], ["e"]]
    unknown = [replace(c, scene=replace(c.scene, relative_orbit=None)) for c in sar]
    assert keys(passes_of(unknown)) == [["m1", "m2"], ["e"]]


@pytest.fixture
def told(monkeypatch):
    """What chips hold: key to numbers of every band and QA flags, of the four pixels of GRID."""
    what = {}
    monkeypatch.setattr(passes, "scene_flags", lambda c, grid, masks, dn, native: np.array([what[c.scene.key][1]], "uint16"))
    monkeypatch.setattr(passes, "read_radar", lambda chips, roles, *_: np.array([[[what[chips[0].scene.key][0]]] * len(roles)], "uint16"))
    return what


def read(told):
    return lambda c, grid: np.array([[told[c.scene.key][0]]] * 7, "uint16")


N, C, H = int(QAFlag.NODATA), int(QAFlag.CLOUD), int(QAFlag.HAZE)


def test_a_pixel_is_of_the_first_chip_that_has_it_and_flagged_by_all_that_have(told):
    told |= {"a": ([10, 20, 0, 0], [0, H, N, N]), "b": ([11, 21, 31, 0], [C, 0, H, N])}
    numbers, qa = read_pass(passes_of([chip("a"), chip("b")])[0], GRID, MaskSection(), read(told), [None, None])
    assert (numbers == np.array([10, 20, 31, 0])).all() and numbers.shape == (7, 1, 4)
    assert qa[0].tolist() == [C, H, H, N]


def test_numbers_of_another_offset_mean_the_same(told):
    """0.05 with an offset of -0.1 is 1500, without one 500; what would fall below 1 is held there."""
    told |= {"a": ([0] * 4, [N] * 4), "b": ([500, 0, 65535, 2], [0, N, 0, 0])}
    pending = [chip("a", offset=-0.1), chip("b")]
    assert read_pass(passes_of(pending)[0], GRID, MaskSection(), read(told), [None] * 2)[0][0, 0].tolist() == [1500, 0, 65535, 1002]
    removed = [chip("a"), chip("b", offset=-0.1)]
    assert read_pass(passes_of(removed)[0], GRID, MaskSection(), read(told), [None] * 2)[0][0, 0].tolist() == [1, 0, 64535, 1]


def test_slices_of_a_radar_pass_are_laid_together(told):
    told |= {"a": ([1000, 1000, 0, 0], []), "b": ([0, 3000, 3000, 0], [])}
    seen = passes_of([chip(k, RADAR, "sentinel-1a", relative_orbit=142) for k in "ab"])[0]
    assert read_radar_pass(seen, ("vv", "vh"), GRID, MaskSection()).tolist() == [[[1000, 1000, 3000, 0]]] * 2


def test_a_day_counts_once_where_the_finest_is_clear(told):
    told |= {"a": ([1] * 4, [0, C, 0, N]), "l": ([2] * 4, [0, 0, C, 0]), "b": ([3] * 4, [0] * 4)}
    found = passes_of([chip("a"), chip("l", LANDSAT, "landsat-9"), chip("b", days=1)])
    clear = [c[0].tolist() for _, _, c, _ in clear_once(found, GRID, MaskSection(), N | C, read(told), [[None]] * 3)]
    assert clear == [[True, False, True, False], [False, True, False, True], [True] * 4]


def test_kernels_see_a_day_once():
    bits = np.array([[0, C, 0, N], [0, 0, C, H], [0, 0, 0, 0], [0, 0, 0, 0]], "uint16")[:, None]
    day = np.array([3, 3, 3, 8])
    stack = Stack(np.ones((4, 7, 1, 4), "uint16"), bits.copy(), 0, *(np.ones(4, "float32"),) * 3, day)
    seen = one_a_day(stack, N | C)
    assert (seen.bits & (N | C) == 0)[:, 0].T.tolist() == [
        [True, False, False, True],
        [False, True, False, True],
        [True, False, False, True],
        [False, True, False, True],
    ]
    assert np.array_equal(stack.bits, bits) and seen.bad_bits == N | C and NODATA_BIT == QAFlag.NODATA
    apart = stack._replace(day=np.array([1, 2, 3, 4]))
    assert one_a_day(apart, N).bits is apart.bits
    hazy = one_a_day(stack, N | C | H)  # for a product that haze matters to, the third pass speaks for the last pixel
    assert (hazy.bits & (N | C | H) == 0)[:, 0, 3].tolist() == [False, False, True, True]
