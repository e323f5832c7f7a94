"""The rim of water inside the pixel on rivers whose width is known; shadows; what must stay as it was."""

import geopandas as gpd
import numpy as np
import pytest
from rs_kernels.edges import classify_water, finest_median, plants_on_water
from rs_kernels.stack import Stack
from shapely.geometry import LineString, box

from rs_pipeline.config import WaterSection
from rs_pipeline.model import Grid
from rs_pipeline.products.water.edges import (
    LEAST_HIGH_MONTHS,
    WATER_NIR_REFL,
    Medians,
    low_sun_frequency,
    may_have_flats,
    mixed_water_nir,
    ridges,
    sharpen_edges,
    tidal_flats,
    tidal_reach,
    water_share,
    without_shadow,
)

LAND_NIR, WATER_NIR = 0.30, 0.04
LAND, CLEAR, TURBID = np.array([0.12, 0.30, 0.25]), np.array([0.04, 0.03, 0.01]), np.array([0.16, 0.12, 0.01])
"""Red, NIR and SWIR1."""


def river(width_m: float, start_m: float = 203.0, size: int = 40):
    """Share of water of 10 m pixels of a river that runs north to south, and its NIR."""
    x = np.arange(size * 100) * 0.1
    wet = ((x >= start_m) & (x < start_m + width_m)).reshape(size, 100).mean(axis=1)
    share = np.tile(wet, (size, 1))
    return share, (LAND_NIR + share * (WATER_NIR - LAND_NIR)).astype("float32")


def seen_as(share: np.ndarray) -> np.ndarray:
    """Frequency as single pixels give it: only what is nearly all water is found in most months."""
    return np.select([share > 0.95, share > 0.6], [1.0, 0.4], 0.0).astype("float32")


def mixed(share: np.ndarray, water: np.ndarray = CLEAR, land: np.ndarray = LAND) -> Medians:
    """Pixels of which ``share`` is water."""
    return Medians(*((share * w + (1 - share) * d).astype("float32") for w, d in zip(water, land, strict=True)))


def clear(nir: np.ndarray) -> Medians:
    """Clear water and its banks: red and SWIR1 say of the mixture what NIR says."""
    return mixed((LAND[1] - nir) / (LAND[1] - CLEAR[1]))._replace(nir=nir)


def edges(frequency: np.ndarray, nir: np.ndarray, low: np.ndarray | None = None, apply: bool = True):
    """`sharpen_edges` with the default classes, seen alike in high and low sun where not said otherwise."""
    low = frequency if low is None else low
    return sharpen_edges(frequency, frequency, low, clear(nir), np.full(frequency.shape, apply), 0.75, 0.25, 0.05)


def test_share_of_a_wide_river_is_exact():
    share, nir = river(73.0)
    found = water_share(clear(nir), seen_as(share), 0.75, 0.05)
    np.testing.assert_allclose(found[5:-5], share[5:-5], atol=0.02)


def cores(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that are mostly water, and land without water beside it."""
    return share > 0.55, share == 0


@pytest.mark.parametrize(("water", "nir"), [(CLEAR, 0.03), (TURBID, 0.12), (np.array([0.16, 0.20, 0.01]), 0.16)])
def test_narrow_water_tells_how_turbid_it_is(water, nir):
    """22 m wide: no pixel is pure. Where the water seems brighter in NIR than in red, red is taken."""
    share, _ = river(22.0)
    assert mixed_water_nir(mixed(share, water), *cores(share))[20, 20] == pytest.approx(nir, abs=1e-3)


def test_trees_on_the_banks_make_no_turbid_water():
    """Trees, red 0.03, NIR 0.30, SWIR1 0.10, in front of fields of SWIR1 0.25: by SWIR1 alone the water would have 0.13; its red is 0.04."""
    share, _ = river(22.0)
    trees = mixed(share, CLEAR, np.array([0.03, 0.30, 0.10]))
    medians = Medians(*(np.where(share == 0, field, band).astype("float32") for field, band in zip(LAND, trees, strict=True)))
    assert WATER_NIR_REFL <= mixed_water_nir(medians, *cores(share))[20, 20] <= 0.04


@pytest.mark.parametrize("swir1", [0.01, np.nan, 0.001])
def test_without_a_contrast_or_a_value_in_swir1_the_water_is_clear(swir1):
    share, _ = river(22.0)
    medians = mixed(share, TURBID)._replace(swir1=np.full(share.shape, swir1, "float32"))
    found = mixed_water_nir(medians, *cores(share))
    assert np.isfinite(found).all() and found.min() >= np.float32(WATER_NIR_REFL)
    nothing = np.zeros(share.shape, bool)
    assert (mixed_water_nir(mixed(share, TURBID), nothing, nothing) == np.float32(WATER_NIR_REFL)).all()


@pytest.mark.parametrize("width_m", [22.0, 24.0])
def test_a_narrow_river_in_flood_keeps_its_width(width_m):
    """A single flood: permanent by all its votes. With the NIR of clear water it would come out at half its width."""
    share, _ = river(width_m, 203.0)
    _, fraction = sharpen_edges(*[seen_as(share)] * 3, mixed(share, TURBID), np.full(share.shape, True), 0.75, 0.25, 0.05)
    assert fraction[20].sum() * 10 == pytest.approx(width_m, abs=2)


@pytest.mark.parametrize("width_m", [24.0, 36.0, 57.0, 110.0])
@pytest.mark.parametrize("start_m", [200.0, 203.0, 207.5])
def test_rivers_keep_their_width(width_m, start_m):
    share, nir = river(width_m, start_m)
    frequency = seen_as(share)
    sharp, fraction = edges(frequency, nir)
    width = fraction[20].sum() * 10
    assert width == pytest.approx(width_m, abs=2.0)
    mostly = (share > 0.55) | (share < 0.45)
    np.testing.assert_array_equal((sharp >= 0.75)[5:-5][mostly[5:-5]], (share > 0.5)[5:-5][mostly[5:-5]])


def ponds(dyke_m: float, dyke_nir: float = 0.20):
    """NIR of ponds without end and a dyke down column 20, through a telescope that leaves two thirds of a thin line's contrast."""
    nir = np.full((40, 40), WATER_NIR, "float32")
    nir[:, 20] += 2 / 3 * dyke_m / 10 * (dyke_nir - WATER_NIR)
    return nir


@pytest.mark.parametrize(("dyke_m", "land"), [(7.5, True), (6.0, True), (4.0, False)])
def test_a_dyke_of_half_a_pixel_parts_two_ponds_though_every_vote_is_water(dyke_m, land):
    always = np.ones((40, 40), "float32")
    sharp, fraction = edges(always, ponds(dyke_m))
    inner = slice(12, -12)
    assert (sharp[inner, 20] == (0 if land else 1)).all() and (sharp[inner, 17:19] == 1).all() and (sharp[inner, 22:24] == 1).all()
    assert fraction[20, 20] == pytest.approx(1 - dyke_m / 10, abs=0.01)


def test_a_bank_and_a_flicker_are_no_ridge():
    _, nir = river(200.0)
    core = nir < 0.1
    assert not ridges(nir, core).any()
    assert not ridges(ponds(2.0), np.ones((40, 40), bool)).any()  # 0.021 above the water
    found = ridges(ponds(7.5), np.ones((40, 40), bool))
    assert found[2:-2, 20].all() and found.sum() == found[:, 20].sum()


def test_tidal_flats_are_wide_both_ways():
    frequency = np.ones((30, 40), "float32")
    frequency[:, 5:8] = 0.5  # the mixed rims of a canal
    frequency[10:20, 20:30] = 0.5
    frequency[12, 33] = np.nan
    expected = np.zeros((30, 40), bool)
    expected[8:22, 18:32] = True
    np.testing.assert_array_equal(tidal_flats(frequency, 0.75, 0.05), expected)


def test_unobserved_pixels_stay_missing_and_do_not_disturb():
    share, nir = river(60.0)
    frequency = seen_as(share)
    frequency[10:14, 18:24], nir[10:14, 18:24] = np.nan, np.nan
    sharp, fraction = edges(frequency, nir)
    assert np.isnan(sharp[10:14, 18:24]).all() and np.isnan(fraction[10:14, 18:24]).all()
    assert np.isfinite(sharp).sum() == sharp.size - 24 and fraction[25].sum() * 10 == pytest.approx(60, abs=2)


def test_dark_land_beside_water_is_left_as_it_was():
    share, _ = river(60.0)
    nir = np.full(share.shape, 0.06, "float32")
    frequency = seen_as(share)
    sharp, fraction = edges(frequency, nir)
    np.testing.assert_array_equal(sharp, frequency)
    np.testing.assert_array_equal(fraction, frequency >= 0.75)


def test_where_the_tide_moves_the_edge_nothing_is_changed():
    share, nir = river(36.0)
    frequency = seen_as(share)
    sharp, _ = edges(frequency, nir, apply=False)
    np.testing.assert_array_equal(sharp, frequency)


def test_seasonal_water_stays_seasonal():
    share, nir = river(80.0)
    frequency = np.where(share > 0.5, 0.4, 0.0).astype("float32")
    sharp, fraction = edges(frequency, nir, low=np.zeros(share.shape, "float32"))
    assert sharp.max() == pytest.approx(0.4) and fraction.max() == 0.0


def test_a_narrow_river_whose_votes_fail_at_random_is_permanent():
    """20 m wide: no pixel is pure, so it is found on half of the dates, in summer and winter alike. A ditch that runs in summer is not."""
    share, nir = river(20.0, 205.0)
    frequency = np.where(share > 0.4, 0.5, 0.0).astype("float32")
    sharp, fraction = edges(frequency, nir)
    assert sharp[20].max() == 1.0 and fraction[20].sum() * 10 == pytest.approx(20, abs=4)
    ditch, _ = edges(frequency, nir, low=np.zeros(share.shape, "float32"))
    assert ditch.max() == pytest.approx(0.5)
    shadow, _ = edges(np.where(share > 0.4, 0.4, 0.0).astype("float32"), nir, low=np.ones(share.shape, "float32"))
    assert shadow.max() == pytest.approx(0.4)


@pytest.mark.parametrize(("low_frequency", "is_lasting"), [(0.11, True), (0.09, False), (0.0, False)])
def test_what_has_a_permanent_share_has_the_class_too(low_frequency, is_lasting):
    """A row of a narrow lasting river, wet in half of the months of high sun, is as lasting as the rows beside it, in share and frequency alike, unless the
    low sun shows it in fewer by more than twice DRIER, 0.4: then it is seasonal, in both alike."""
    share, nir = river(20.0, 205.0)
    frequency = np.where(share > 0.4, 0.5, 0.0).astype("float32")
    low = frequency.copy()
    low[20] = np.where(share[20] > 0.4, low_frequency, 0.0)
    sharp, fraction = edges(frequency, nir, low)
    assert (fraction[20].max() >= 0.5) == is_lasting and fraction[19].max() >= 0.5 and (sharp[fraction >= 0.5] == 1.0).all()
    assert sharp[20].max() == (1.0 if is_lasting else 0.5)


@pytest.mark.parametrize(("street_nir", "water"), [(0.08, False), (0.045, True)])
def test_a_dark_street_that_looks_like_water_in_three_months_is_none(street_nir, water):
    """A river as narrow and as seldom seen has a pixel that is dark in NIR."""
    nir, frequency = np.full((40, 40), 0.2, "float32"), np.zeros((40, 40), "float32")
    nir[:, 20], frequency[:, 20] = street_nir, 0.3
    sharp, fraction = edges(frequency, nir)
    assert (sharp[10:-10, 20] == (1 if water else np.float32(0.3))).all()
    assert (fraction[10:-10, 20] >= 0.5).all() == water and not fraction[:, :18].any()


def test_low_sun_frequency_by_hand():
    """Wet in 6 of 12 months, of which 4 of the 8 of high sun: 2 of the 4 others."""
    low = low_sun_frequency(*(np.array([v], "float32") for v in ([0.5, 0.5], [12, 8], [0.5, 0.5], [8, 8])))
    assert low[0, 0] == pytest.approx(0.5) and np.isnan(low[0, 1])


def test_winter_shadow_is_not_water_and_winter_water_without_a_summer_is():
    frequency = np.array([[0.3, 0.3, 0.5, np.nan]], "float32")
    high = np.array([[0.2, 0.0, 0.4, np.nan]], "float32")
    months = np.array([[6, LEAST_HIGH_MONTHS - 1, 6, 0]], "float32")
    np.testing.assert_array_equal(without_shadow(frequency, high, months, 0.25), np.array([[0.2, 0.3, 0.5, np.nan]], "float32"))


def test_tidal_reach_is_a_kilometre_around_the_reference(make_settings, tmp_path):
    line = LineString([(500000, 4300000), (500000, 4301000)])
    gpd.GeoDataFrame(geometry=[line], crs=32650).to_file(tmp_path / "coast.gpkg", driver="GPKG")
    settings = make_settings(coastline={"reference": str(tmp_path / "coast.gpkg")})
    zone = tidal_reach(settings, Grid("EPSG:32650", 10.0, 500000.0, 4301000.0, 300, 100))
    # pixel centres 5, 15 ... m east of the line: 100 of them within 1000 m
    assert zone[50].sum() == 100 and zone[50, :100].all()
    nearer = settings.model_copy(update={"water": WaterSection(tidal_reach_m=200)})
    assert tidal_reach(nearer, Grid("EPSG:32650", 10.0, 500000.0, 4301000.0, 300, 100))[50].sum() == 20
    assert not tidal_reach(make_settings(), Grid("EPSG:32650", 10.0, 0.0, 0.0, 5, 5)).any()


@pytest.mark.parametrize(("coastline", "flats"), [(None, False), ({}, True)])
def test_flats_may_be_anywhere_where_a_coast_has_no_reference(make_settings, coastline, flats):
    assert may_have_flats(make_settings(coastline=coastline)) == flats


def test_the_tide_reaches_no_further_into_a_reference_of_land(make_settings, tmp_path):
    """The land east of the same line, 10 km wide: the tide is near its outline alone."""
    land = box(500000, 4290000, 510000, 4310000)
    gpd.GeoDataFrame(geometry=[land], crs=32650).to_file(tmp_path / "coast.gpkg", driver="GPKG")
    zone = tidal_reach(make_settings(coastline={"reference": str(tmp_path / "coast.gpkg")}), Grid("EPSG:32650", 10.0, 500000.0, 4301000.0, 300, 100))
    assert zone[50].sum() == 100 and zone[50, :100].all()


def test_median_is_of_the_finest_sensor_and_of_clear_dates_only():
    dn = np.full((6, 2, 1, 1), 5000, "uint16")
    dn[:, 1, 0, 0] = [1000, 1400, 1200, 9000, 3000, 0]
    qa = np.array([0, 0, 0, 2, 0, 1], "uint16").reshape(-1, 1, 1)
    native = np.array([10, 10, 10, 10, 30, 10], "float32")
    out = np.empty((1, 1), "float32")
    n = len(native)
    stack = Stack(dn, qa, 3, np.full(n, 1e-4, "f4"), np.zeros(n, "f4"), native)
    finest_median(stack, 1, np.ones(n, bool), out)
    assert out[0, 0] == pytest.approx(0.12)
    finest_median(stack, 1, np.array([False] * 4 + [True] * 2), out)
    assert out[0, 0] == pytest.approx(0.30)
    finest_median(stack, 1, np.zeros(n, bool), out)
    assert np.isnan(out[0, 0])


def test_median_of_a_row_longer_than_a_lane_is_that_of_each_pixel():
    rng, n = np.random.default_rng(3), 9
    dn = rng.integers(0, 4000, (n, 2, 150)) * (rng.random((n, 2, 150)) > 0.2)
    qa = (rng.random(dn.shape) > 0.6).astype("uint16")
    native = np.array([10, 30, 20] * 3, "float32")
    scale, offset = np.linspace(1e-4, 2e-4, n).astype("f4"), np.linspace(-0.1, 0, n).astype("f4")
    out = np.empty(dn.shape[1:], "float32")
    finest_median(Stack(dn[:, None].astype("uint16"), qa, 1, scale, offset, native), 0, np.ones(n, bool), out)
    clear = (dn > 0) & (qa == 0)
    finest = np.where(clear, native[:, None, None], np.inf).min(axis=0)
    refl = dn * scale[:, None, None].astype("f8") + offset[:, None, None]
    for y, x in np.ndindex(out.shape):
        taken = refl[clear[:, y, x] & (native == finest[y, x]), y, x]
        assert out[y, x] == pytest.approx(np.median(taken) if taken.size else np.nan, abs=1e-6, nan_ok=True)


def test_classes_and_bounds_by_hand():
    out = np.empty((3, 1, 5), "float32")
    classify_water(np.array([[0.75, 0.25, 0.05, 0.04, np.nan]], "f4"), np.full((1, 5), 12, "f4"), 0.75, 0.25, 0.05, out)
    assert out[0, 0, :4].tolist() == [1, 2, 3, 0] and np.isnan(out[:, 0, 4]).all()
    # Wilson for 9 of 12: 0.468 to 0.911
    assert out[1:, 0, 0] == pytest.approx([0.468, 0.911], abs=2e-3)


def test_water_with_plants_and_paddies():
    """Open lake, lake of lotus, paddy, wetland flooded after spring, meadow flooded all spring but bare, land, unobserved."""
    kind = np.array([[1, 1, 2, 2, 3, 0, np.nan]], "f4")
    frequency = np.array([[1, 0.8, 0.3, 0.4, 0.2, 0.0, np.nan]], "f4")
    spring, cover = np.array([[2, 2, 2, 0, 2, 0, 0]], "f4"), np.array([[0, 0.3, 0.8, 0.8, 0.2, 0.9, 0.9]], "f4")
    out = np.empty((1, 7), "f4")
    dry = np.zeros(kind.shape, bool)
    plants_on_water(kind, frequency, dry, spring, cover, out)
    assert out[0, :6].tolist() == [0, 1, 2, 0, 0, 0] and np.isnan(out[0, 6])
    plants_on_water(kind, frequency, dry, spring, np.full((1, 7), np.nan, "f4"), out)
    assert not out[0, :6].any()  # cover not known: nothing is claimed
