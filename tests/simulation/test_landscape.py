"""The drawn and painted world: what it holds, and that maps agree with outlines."""

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize

from rs_pipeline.simulation import materials
from rs_pipeline.simulation.materials import Material
from rs_pipeline.simulation.themes import LANDSCAPE_KINDS
from rs_pipeline.simulation.truth import water_class
from rs_pipeline.simulation.world import PAINT_M, make_world


@pytest.fixture(scope="module")
def world():
    return make_world(1, (2023, 2024, 2025))


def area_m2(ground: np.ndarray, material: Material) -> float:
    return float((ground == material).sum()) * PAINT_M**2


def outline(world, name: str):
    return next(w.polygon for w in world.landscape.waters if w.name == name)


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
    lake = outline(world, "lake")
    assert area_m2(after, Material.LAKE) == pytest.approx(lake.area, rel=0.005)
    treated = world.landscape.black_reaches[0].polygon
    assert area_m2(before, Material.BLACK_FES) == pytest.approx(treated.area, rel=0.02)
    assert area_m2(after, Material.BLACK_FES) == 0
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
    lake = outline(world, "lake")
    core = next(p for m, p in world.landscape.patches if m == Material.WETLAND_CORE)

    def at(point):
        return classes[int((world.grid.top - point.y) / 10), int((point.x - world.grid.left) / 10)]

    assert at(lake.representative_point()) == 1
    assert at(core.representative_point()) == 2
    assert (classes == 3).any(), "no tidal fringe"


def test_vegetation_truth_follows_phenology_and_greening(world):
    (first, season), (last, _) = world.vegetation(2023), world.vegetation(2025)
    assert 0 <= first.min() and first.max() <= 1 and (season <= first + 1e-6).all()
    tussock = world.landscape.grassland[1][1].buffer(-40).representative_point()
    row, column = int((world.grid.top - tussock.y) / 10), int((tussock.x - world.grid.left) / 10)
    gain = 2 * materials.GREENING[Material.TUSSOCK] * world.to_grid(world.vigour)[row, column]
    assert last[row, column] - first[row, column] == pytest.approx(gain, rel=0.10)
    # double season: green in May, bare in late June, green in August
    may, june, august = materials.green_cover(world.palette, Material.WHEAT_MAIZE, np.array([125, 174, 230]), 0)
    assert may > 0.6 and june < 0.25 and august > 0.75


def test_stubble_does_not_turn_the_next_crop_yellow(world):
    # maize comes up while the last 2 % of the wheat stand dead: green cover rises over days, nowhere by more than its logistic can
    daily = materials.green_cover(world.palette, Material.WHEAT_MAIZE, np.arange(175, 215), 0)
    assert (np.diff(daily) > -0.01).all() and np.diff(daily).max() < 0.97 / (4 * 6) * 1.05
    # in the middle of the wheat's ripening the share is that of the wheat alone
    wheat = world.palette.seasons[Material.WHEAT_MAIZE][1]
    assert materials.dead_share(world.palette, Material.WHEAT_MAIZE, np.array([wheat.stop - 12]))[0] == pytest.approx(0.5, abs=0.02)


def test_growing_truth_of_a_mixed_pixel_is_that_of_its_days(world):
    ground, shift, plants = world.landcover(2024), world.season_shift_days(2024), (Material.WHEAT_MAIZE, Material.MAIZE)
    share = {m: world.to_grid(world.fraction(ground, m) * world.vigour) for m in materials.PHENOLOGY}
    others = sum(s for m, s in share.items() if m not in plants)
    row, column = np.argwhere((share[plants[0]] > 0.2) & (share[plants[1]] > 0.2) & (others == 0))[0]
    days = np.arange(121, 274) - shift
    daily = sum(share[m][row, column] * materials.green_cover(world.palette, m, days, 1) for m in plants)
    assert world.vegetation(2024)[1][row, column] == pytest.approx(np.mean(daily), abs=1e-4)


def test_peak_truth_is_the_ninetieth_percentile_of_days(world):
    # a meadow pixel without texture: the 9th largest of 88 days, not the largest
    days = np.arange(166, 254) - world.season_shift_days(2024)
    daily = materials.green_cover(world.palette, Material.MEADOW, days, 1)
    meadow = world.landscape.grassland[0][1].buffer(-60).representative_point()
    row, column = int((world.grid.top - meadow.y) / 10), int((meadow.x - world.grid.left) / 10)
    wanted = np.quantile(daily, 0.9) * world.to_grid(world.vigour)[row, column]
    assert world.vegetation(2024)[0][row, column] == pytest.approx(wanted, rel=0.02)


def test_permanent_fraction_is_the_share_of_the_pixel(world):
    share = world.permanent_fraction(2024)
    river = next(w for w in world.landscape.rivers if w.name == "middle river")
    inside = shapely.box(*world.grid.bounds).intersection(river.polygon)
    mask = rasterize([river.polygon.buffer(15)], out_shape=world.grid.shape, transform=world.grid.transform).astype(bool)
    crossed = sum(w.polygon.intersection(river.polygon.buffer(15)).difference(river.polygon).area for w in world.landscape.waters if w is not river)
    assert share[mask].sum() * 100 == pytest.approx(inside.area, abs=crossed + 0.02 * inside.area)


@pytest.fixture(scope="module")
def themes():
    return {theme: make_world(4, (2024, 2025), (360, 300), theme) for theme in LANDSCAPE_KINDS}


def test_every_material_occurs_somewhere_and_every_theme_has_its_own(themes):
    present = {theme: {Material(v) for y in (2024, 2025) for v in np.unique(w.landcover(y))} for theme, w in themes.items()}
    assert set.union(*present.values()) == set(Material)
    assert Material.MUDFLAT in present["mudflat"] and Material.SALT_PAN in present["mudflat"]
    assert all((Material.SEA in present[theme]) == w.coastal for theme, w in themes.items())
    assert Material.ROCK in present["mountain"] and Material.GREENHOUSE in present["plain"]


@pytest.mark.parametrize("theme", LANDSCAPE_KINDS)
def test_every_theme_has_black_reaches_and_confusers_in_counties_that_tile(themes, theme):
    world = themes[theme]
    counties = [c.polygon for c in world.landscape.counties]
    assert shapely.union_all(counties).area == pytest.approx(sum(p.area for p in counties), rel=1e-6)
    assert {w.confuser for w in world.landscape.waters} - {""}
    for reach in world.landscape.black_reaches:
        assert reach.polygon.within(shapely.box(*world.grid.bounds)) and set(reach.years) <= {2024, 2025} and reach.years
    painted = world.materials(world.landscape.black_reaches[0].years[0])
    assert np.isin(painted, list(materials.BLACK_WATERS)).any()


def test_worlds_of_a_theme_differ_with_the_seed(themes):
    other = make_world(5, (2024, 2025), (360, 300), "city")
    assert (other.landcover(2025) != themes["city"].landcover(2025)).mean() > 0.2
    assert other.palette.water != themes["city"].palette.water


def test_a_change_of_use_happens_in_its_year(themes):
    world = themes["plain"]
    change = world.landscape.changes[0]
    x, y = change.polygon.representative_point().coords[0]
    row, column = int((world.paint_grid.top - y) / PAINT_M), int((x - world.paint_grid.left) / PAINT_M)
    assert [world.materials(year)[row, column] == change.material for year in (2024, 2025)] == [False, True]


def test_seeds_differ_and_repeat():
    a, b, c = (make_world(s, (2025,), (150, 120)).materials(2025) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).mean() > 0.05
