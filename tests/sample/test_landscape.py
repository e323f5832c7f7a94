"""The drawn and painted world: what it holds, and that maps agree with outlines."""

import numpy as np
import pytest
import shapely

from rs_pipeline.sample import materials
from rs_pipeline.sample.materials import Material
from rs_pipeline.sample.truth import water_class
from rs_pipeline.sample.world import PAINT_M, make_world


@pytest.fixture(scope="module")
def world():
    return make_world(1, (2023, 2024, 2025))


def area_m2(ground: np.ndarray, material: Material) -> float:
    return float((ground == material).sum()) * PAINT_M**2


def test_counties_tile_without_overlap_and_one_is_inland(world):
    polygons = [c.polygon for c in world.landscape.counties]
    assert shapely.union_all(polygons).area == pytest.approx(sum(p.area for p in polygons), rel=1e-9)
    shore = shapely.LineString(np.concatenate([xy for _, xy in world.coast.line(2023.0)]))
    assert [bool(p.intersects(shore)) for p in polygons] == [False, True, True]
    inside = shore.intersection(shapely.box(*world.grid.bounds))
    assert shapely.union_all(polygons).buffer(0.01).contains(inside)


def test_black_reaches_lie_in_one_county_and_the_first_is_treated(world):
    treated, lasting = world.landscape.black_reaches
    assert treated.years == (2023, 2024) and lasting.years == (2023, 2024, 2025)
    for reach, width in ((treated, 44), (lasting, 36)):
        assert reach.polygon.area == pytest.approx(700 * width, rel=0.03)
        assert sum(c.polygon.contains(reach.polygon) for c in world.landscape.counties) == 1


def test_painted_areas_match_outlines(world):
    before, after = world.landcover(2023), world.landcover(2025)
    lake = next(p for m, p in world.landscape.patches if m == Material.LAKE)
    assert area_m2(after, Material.LAKE) == pytest.approx(lake.area, rel=0.005)
    treated = world.landscape.black_reaches[0].polygon
    assert area_m2(before, Material.BLACK_RIVER) == pytest.approx(treated.area, rel=0.02)
    assert area_m2(after, Material.BLACK_RIVER) == 0
    fraction = world.fraction(after, Material.LAKE)
    assert float(fraction.sum()) * 25 == pytest.approx(area_m2(after, Material.LAKE), rel=1e-6)


def test_reclamation_takes_sea(world):
    # 150 m x 400 m, less what erosion and accretion give and take at 2.5 years of some metres over 3 km
    along, seaward = world.coast_coordinates
    fill = next(s for s in world.coast.sections if s.name == "reclamation")
    box = (along > fill.start_m) & (along < fill.stop_m) & (seaward > 110) & (seaward < 260)
    factor = 2
    sea = [(world.landcover(y)[::factor, ::factor] == Material.SEA)[box].mean() for y in (2023, 2025)]
    assert sea == [1.0, 0.0]


def test_water_truth_has_permanent_seasonal_and_tidal(world):
    frequency = world.water_frequency(2024)
    classes = water_class(frequency)
    assert 0.0 <= frequency.min() and frequency.max() <= 1.0
    lake = next(p for m, p in world.landscape.patches if m == Material.LAKE)
    core = next(p for m, p in world.landscape.patches if m == Material.WETLAND_CORE)

    def at(point):
        return classes[int((world.grid.top - point.y) / 10), int((point.x - world.grid.left) / 10)]

    assert at(lake.representative_point()) == 1
    assert at(core.representative_point()) == 2
    assert (classes == 3).any(), "no tidal fringe"


def test_vegetation_truth_follows_phenology_and_greening(world):
    first, last = world.peak_vegetation(2023), world.peak_vegetation(2025)
    assert 0 <= first.min() and first.max() <= 1
    tussock = world.landscape.grassland[1][1].buffer(-40).representative_point()
    row, column = int((world.grid.top - tussock.y) / 10), int((tussock.x - world.grid.left) / 10)
    gain = 2 * materials.GREENING[Material.TUSSOCK] * world.to_grid(world.vigour)[row, column]
    assert last[row, column] - first[row, column] == pytest.approx(gain, rel=0.05)
    # double season: green in May, bare in late June, green in August
    may, june, august = materials.green_cover(Material.WHEAT_MAIZE, np.array([125, 174, 230]), 0)
    assert may > 0.7 and june < 0.2 and august > 0.85


def test_every_material_occurs(world):
    present = set(np.unique(world.landcover(2023)).tolist())
    assert {int(m) for m in Material} <= present


def test_seeds_differ_and_repeat():
    a, b, c = (make_world(s, (2025,), (150, 120)).materials(2025) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).mean() > 0.05
