"""Scene classes, quality bits, buffers and shadows on grids whose answers can be checked by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from rs_pipeline.catalog.chips import Chip, read_stack
from rs_pipeline.catalog.qa_flags import native_flags, radar_flags, read_radar, scene_flags, stack_flags
from rs_pipeline.config import MaskSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS, Grid, Scene
from rs_pipeline.radiometry.masks import (
    QAFlag,
    add_geometry,
    aerosol_flags,
    cast_cloud_shadow,
    dilate,
    flag_bits,
    label_flags,
    lit_pixels,
    number_flags,
    opacity_flags,
    saturation_flags,
    shadow_reach_m,
)
from rs_pipeline.sensors import load_sensor

S2, LANDSAT, HLS = "earth-search-sentinel-2-l2a", "planetary-computer-landsat-c2-l2", "hls2-s30"


def names(value: int) -> set[str]:
    return {r.name.lower() for r in QAFlag if value & r}


@pytest.mark.parametrize(
    "scl, expected",
    [(0, "nodata"), (1, "saturated"), (2, "dark"), (3, "shadow"), (4, ""), (5, ""), (6, ""), (7, ""), (8, "cloud"), (9, "cloud"), (10, "cirrus"), (11, "snow")],
)
def test_scene_classes(scl, expected):
    got = label_flags(np.array([scl]), load_sensor(S2).mask)[0]
    assert names(int(got)) == ({expected} if expected else set())


@pytest.mark.parametrize(
    "qa, expected",
    [
        (21824, set()), (21952, set()), (21890, {"buffer"}), (22080, set()), (22280, {"cloud"}), (23888, {"shadow"}),
        (30048, {"snow"}), (54596, {"cirrus"}), (55052, {"cirrus", "cloud"}), (5440, set()), (5442, {"buffer"}), (13664, {"snow"}),
        (1, {"nodata"}),
    ],
)  # fmt: skip
def test_qa_pixel(qa, expected):
    assert names(int(label_flags(np.array([qa], "uint16"), load_sensor(LANDSAT).mask)[0])) == expected


@pytest.mark.parametrize(
    "fmask, expected", [(0, set()), (64, set()), (32, set()), (2, {"cloud"}), (4, {"buffer"}), (8 + 64, {"shadow"}), (16, {"snow"}), (255, {"nodata"})]
)
def test_fmask(fmask, expected):
    assert names(int(label_flags(np.array([fmask], "uint16"), load_sensor(HLS).mask)[0])) == expected


def test_radsat_looks_only_at_used_bands():
    bits = np.array([0, 1 << 0, 1 << 1, 1 << 5, 1 << 6, 1 << 8, 1 << 9, 1 << 11])
    oli = [names(int(v)) for v in saturation_flags(bits, "landsat-8")]
    tm = [names(int(v)) for v in saturation_flags(bits, "landsat-5")]
    sat, lost = {"saturated"}, {"nodata"}
    assert oli == [set(), set(), sat, sat, sat, set(), set(), lost]
    assert tm == [set(), sat, sat, set(), sat, set(), lost, set()]


def test_flag_bits():
    assert flag_bits(["nodata", "cloud", "shadow_confirmed", "cloud"]) == 1 + 2 + 256
    with pytest.raises(KeyError):
        flag_bits(["fog"])


def test_dilate_is_a_disk_in_metres():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    grown = dilate(mask, 50.0, (20.0, 20.0))
    rows, cols = np.indices(mask.shape)
    assert np.array_equal(grown, (rows - 4) ** 2 + (cols - 4) ** 2 <= 2.5**2)
    assert dilate(mask, 0.0, (20.0, 20.0)).sum() == 1
    assert dilate(mask, 15.0, (20.0, 20.0)).sum() == 1
    wide = dilate(mask, 45.0, (40.0, 20.0))
    assert wide[4].sum() == 5 and wide[:, 4].sum() == 3


def test_dilate_equals_distance():
    from scipy.ndimage import distance_transform_edt

    mask = np.random.default_rng(1).random((60, 70)) > 0.98
    assert np.array_equal(dilate(mask, 150.0, (20.0, 20.0)), distance_transform_edt(~mask) * 20.0 <= 150.0)


def test_shadow_reach():
    assert shadow_reach_m(45.0, (200.0, 10_000.0)) == pytest.approx(10_000.0)
    assert shadow_reach_m(10.0, (200.0, 10_000.0)) == 12_000.0
    assert shadow_reach_m(None, (200.0, 10_000.0)) == 0.0
    assert shadow_reach_m(-5.0, (200.0, 10_000.0)) == 0.0


@pytest.mark.parametrize("azimuth, towards", [(180.0, (-1, 0)), (0.0, (1, 0)), (90.0, (0, -1)), (270.0, (0, 1)), (135.0, (-1, -1))])
def test_shadow_falls_away_from_the_sun(azimuth, towards):
    cloud = np.zeros((101, 101), bool)
    cloud[50, 50] = True
    # Sun 45 degrees high: a cloud at 200-400 m shades 200-400 m away, 10 to 20 pixels of 20 m.
    shade = cast_cloud_shadow(cloud, 45.0, azimuth, (200.0, 400.0), (20.0, 20.0))
    norm = np.hypot(*towards)
    for distance_px, expected in [(6, False), (10, True), (15, True), (20, True), (24, False)]:
        row, col = (50 + round(t * distance_px / norm) for t in towards)
        assert shade[row, col] == expected, distance_px
    assert not shade[50 - 10 * towards[0], 50 - 10 * towards[1]]


def test_shadow_equals_walking_every_height():
    cloud = np.random.default_rng(3).random((120, 130)) > 0.999
    elevation, azimuth, step = 38.0, 152.0, 20.0
    shade = cast_cloud_shadow(cloud, elevation, azimuth, (200.0, 1500.0), (step, step))
    slow = np.zeros_like(cloud)
    rows, cols = np.nonzero(cloud)
    for height in np.arange(200, 1500, 5.0):
        d = height / np.tan(np.radians(elevation)) / step
        r = np.rint(rows - d * np.cos(np.radians(azimuth + 180))).astype(int)
        c = np.rint(cols + d * np.sin(np.radians(azimuth + 180))).astype(int)
        ok = (r >= 0) & (r < 120) & (c >= 0) & (c < 130)
        slow[r[ok], c[ok]] = True
    assert not (slow & ~dilate(shade, 1.5 * step, (step, step))).any()
    assert not (shade & ~dilate(slow, 2.9 * step, (step, step))).any()


GRID = Grid("EPSG:32650", 20.0, 500_000.0, 4_400_000.0, 40, 40)


def scene(sensor: str = S2, **changes) -> Scene:
    base = Scene(
        scene_id="a",
        key="a",
        sensor=sensor,
        collection="c",
        platform="sentinel-2a",
        datetime=datetime(2023, 6, 1, tzinfo=UTC),
        solar_day=date(2023, 6, 1),
        processing_baseline="",
        cloud_cover=None,
        sun_elevation_deg=45.0,
        sun_azimuth_deg=180.0,
        scale=1e-4,
        offset=0.0,
        offset_decision="",
        offset_confidence="high",
        status="used",
        reason="",
    )
    return replace(base, **changes)


def chip(folder, about: Scene, bands: dict[str, np.ndarray], margin_px: int = 0) -> Chip:
    files = {}
    for role, values in bands.items():
        path = folder / f"{role}.tif"
        transform = Affine(20, 0, GRID.left - (margin_px * 20 if role == "mask" else 0), 0, -20, GRID.top + (margin_px * 20 if role == "mask" else 0))
        with rasterio.open(
            path, "w", driver="GTiff", dtype="uint16", count=1, height=values.shape[0], width=values.shape[1], crs=GRID.crs, transform=transform
        ) as out:
            out.write(values.astype("uint16"), 1)
        files[role] = (path, 1)
    return Chip(about, files)


def data(dn: int = 1500) -> dict[str, np.ndarray]:
    return {role: np.full((40, 40), dn) for role in ("blue", "green", "red", "nir", "swir1", "swir2")}


MASKS = MaskSection(cloud_buffer_m=40.0, shadow_height_m=(200.0, 400.0))


def test_dark_water_labelled_shadow_survives_without_a_cloud(tmp_path):
    scl = np.full((40, 40), 6)
    scl[5:8, 5:8] = 3
    got = scene_flags(chip(tmp_path, scene(), data() | {"mask": scl}), GRID, MASKS)
    assert names(int(got[6, 6])) == {"shadow"}
    assert got[6, 6] & flag_bits(MASKS.water) == 0
    assert got[20, 20] == 0


def test_shadow_of_a_cloud_is_confirmed_and_buffer_surrounds_it(tmp_path):
    scl = np.full((40, 40), 6)
    scl[30, 20] = 9  # sun in the south, 45 degrees: shadow 10-20 pixels north
    scl[15, 20], scl[15, 2], scl[35, 20], scl[16, 20] = 3, 3, 3, 2
    got = scene_flags(chip(tmp_path, scene(), data() | {"mask": scl}), GRID, MASKS)
    assert names(int(got[15, 20])) == {"shadow", "shadow_confirmed"}
    assert names(int(got[16, 20])) == {"dark", "shadow_confirmed"}
    assert names(int(got[15, 2])) == {"shadow"}
    assert names(int(got[35, 20])) == {"shadow"}
    assert names(int(got[30, 20])) == {"cloud"}
    assert names(int(got[30, 22])) == {"buffer"} and got[30, 23] == 0 and names(int(got[28, 20])) == {"buffer"}
    assert got[15, 21] == 0


def test_a_cloud_casts_from_a_hundred_metres_around_it():
    """Sun in the south, 45 degrees; a cloud below 390 m reaches 19.5 pixels of 20 m north, taken for 20. Its edge of 100 m and a pixel
    of rounding are 6 more: 26 pixels north the shadow is believed, 27 pixels north it is not."""
    qa = np.zeros((60, 3), "uint16")
    qa[40, 1] = QAFlag.CLOUD
    qa[13:15, 1] = QAFlag.SHADOW
    masks = MaskSection(cloud_buffer_m=0.0, shadow_height_m=(200.0, 390.0))
    got = add_geometry(qa, np.s_[0:60, 0:3], (45.0, 180.0), masks, (20.0, 20.0))
    assert names(int(got[13, 1])) == {"shadow"} and names(int(got[14, 1])) == {"shadow", "shadow_confirmed"}


def test_every_shadow_label_counts_where_the_sun_is_unknown(tmp_path):
    scl = np.full((40, 40), 6)
    scl[5, 5], scl[6, 6] = 3, 2
    got = scene_flags(chip(tmp_path, scene(sun_elevation_deg=None), data() | {"mask": scl}), GRID, MASKS)
    assert names(int(got[5, 5])) == {"shadow", "shadow_confirmed"} and names(int(got[6, 6])) == {"dark"}


def test_cloud_outside_the_tile_casts_into_it(tmp_path):
    scl = np.full((80, 80), 6)
    scl[65, 40] = 9  # 5 pixels south of the grid's last row
    scl[50, 40] = 3
    got = scene_flags(chip(tmp_path, scene(), data() | {"mask": scl}, margin_px=20), GRID, MASKS)
    assert names(int(got[30, 20])) == {"shadow", "shadow_confirmed"}


def test_missing_band_is_nodata_and_finer_grid_repeats_labels(tmp_path):
    bands = data() | {"mask": np.full((40, 40), 4)}
    bands["swir2"][3, 4] = 0
    bands["mask"][0, 0] = 8
    fine = Grid(GRID.crs, 10.0, GRID.left, GRID.top, 80, 80)
    got = scene_flags(chip(tmp_path, scene(), bands), fine, MaskSection(cloud_buffer_m=0.0))
    assert (got[6:8, 8:10] == QAFlag.NODATA).all()
    assert (got[:2, :2] == QAFlag.CLOUD).all() and (got == 0).sum() == 80 * 80 - 8


def test_outside_the_chip_is_nodata(tmp_path):
    beyond = GRID.window(-2, -2, 44, 44)
    got = scene_flags(chip(tmp_path, scene(), data() | {"mask": np.full((40, 40), 4)}), beyond, MASKS)
    assert (got[:2] == QAFlag.NODATA).all() and (got[2:42, 2:42] == 0).all()


def test_without_a_mask_only_bright_pixels_are_cloud(tmp_path):
    bands = data()
    bands["blue"][1, 1], bands["blue"][2, 2], bands["blue"][3, 3] = 2001, 2000, 0
    got = scene_flags(chip(tmp_path, scene(), bands), GRID, MASKS)
    assert names(int(got[1, 1])) == {"cloud"} and got[2, 2] == 0 and names(int(got[3, 3])) == {"nodata"}


def test_radar_has_only_nodata(tmp_path):
    vv = np.full((40, 40), 800)
    vv[0, 0] = 0
    radar = chip(tmp_path, scene("planetary-computer-sentinel-1-rtc"), {"vv": vv})
    assert not radar_flags(radar, GRID, MASKS).any() and np.argwhere(read_radar([radar], ("vv",), GRID, MASKS)[0, 0] == 0).tolist() == [[0, 0]]


def test_radar_within_500_m_of_a_range_edge_is_dropped(tmp_path):
    """A footprint 1 km wide around the 800 m grid: 100 m stand west and east of it, so 400 m from each side are edge."""
    zone = shapely.box(*GRID.bounds).buffer(100.0, join_style="mitre")
    degrees = shapely.transform(zone, pyproj.Transformer.from_crs(GRID.crs, 4326, always_xy=True).transform, interleaved=False)
    about = scene("planetary-computer-sentinel-1-rtc", footprint_wkt=degrees.wkt)
    radar = chip(tmp_path, about, {"vv": np.full((40, 40), 800)})
    got = radar_flags(radar, GRID, MaskSection(radar_edge_m=300.0))
    assert (got[:, :10] == QAFlag.EDGE).all() and (got[:, 30:] == QAFlag.EDGE).all() and (got[:, 11:29] == 0).all()
    assert (radar_flags(radar, GRID, MaskSection(radar_edge_m=0.0)) == 0).all()
    stack = read_radar([radar], ("vv",), GRID, MaskSection(radar_edge_m=300.0))
    assert (stack[0, 0, :, :10] == 0).all() and (stack[0, 0, :, 11:29] == 800).all()


def test_aerosol_and_opacity_become_haze(tmp_path):
    # SR_QA_AEROSOL: level in bits 6-7, valid retrieval bit 1. SR_ATMOS_OPACITY: thousandths, hazy above 0.3.
    assert aerosol_flags(np.array([2, 66, 130, 194, 228], "uint16")).tolist() == [0, 0, 0, 1024, 1024]
    assert opacity_flags(np.array([0, 100, 300, 301], "uint16")).tolist() == [0, 0, 0, 1024]
    bands = data(10_000) | {"mask": np.full((40, 40), 21952), "aerosol": np.full((40, 40), 2)}
    bands["aerosol"][2, 3] = 194
    got = scene_flags(chip(tmp_path, scene(LANDSAT, platform="landsat-8"), bands), GRID, MASKS)
    assert got[2, 3] == QAFlag.HAZE and got.sum() == QAFlag.HAZE
    assert flag_bits(MASKS.black_odorous) & QAFlag.HAZE and not flag_bits(MASKS.vegetation) & QAFlag.HAZE


def test_numbers_at_the_ends_of_the_range_are_flagged():
    """Landsat holds -0.02 to 1.2: 6546 to 50909. The last band is not required."""
    dn = np.array([[6546, 6547, 0, 50909, 50908, 8000], [8000] * 6, [0, 0, 0, 0, 0, 1]], "uint16")[:, None]
    got = number_flags(dn, [0, 1], 6546, 50909)[0]
    assert [names(int(v)) for v in got] == [{"clamped"}, set(), {"nodata"}, {"saturated"}, set(), set()]


def dates(*nir_refl: float, suspect: int = -1, offset=0.0):
    """Dates of an 11 by 11 place of 20 m whose ground has these NIR reflectances, black water (0.01) in the middle row; the suspect
    date is confirmed shadow everywhere by geometry."""
    refl = np.array(nir_refl)[:, None, None] * np.ones((11, 11))
    refl[:, 5] = 0.01
    offsets = np.broadcast_to(np.asarray(offset, "float32"), len(nir_refl)).copy()
    qa = np.zeros(refl.shape, "uint16")
    qa[suspect] = QAFlag.SHADOW | QAFlag.SHADOW_CONFIRMED
    return np.rint((refl - offsets[:, None, None]) * 1e4).astype("uint16"), qa, np.full(len(refl), 1e-4, "float32"), offsets


@pytest.mark.parametrize(
    "suspect_refl, lit",
    [
        (0.20, True),  # as on its clear dates: the water beside it is dark, not shaded
        (0.1801, True),  # just above 0.9 x 0.2
        (0.1799, False),
        (0.09, False),  # a shadow
    ],
)
def test_lit_ground_takes_the_shadow_from_the_water_beside_it(suspect_refl, lit):
    got = lit_pixels(*dates(0.19, 0.20, 0.20, 0.21, suspect_refl), 20.0, 0.9)
    assert (got[-1] == lit).all() and not got[:-1].any()


def beside(n_bright: int, ground_refl: float = 0.2, distance_px: int = 5):
    """Whether the shadow is taken from black water ``distance_px`` rows of 20 m from ``n_bright`` pixels of ground, on four clear dates."""
    refl = np.full((5, 11, 11), 0.01)
    refl[:, 0, :n_bright] = ground_refl
    qa = np.zeros(refl.shape, "uint16")
    qa[-1] = QAFlag.SHADOW_CONFIRMED
    return lit_pixels(np.rint(refl * 1e4).astype("uint16"), qa, np.full(5, 1e-4, "f4"), np.zeros(5, "f4"), 20.0, 0.9)[-1, distance_px, 2]


def test_five_bright_pixels_within_a_hundred_metres_tell():
    assert beside(5) and not beside(4)
    assert not beside(5, distance_px=6)  # 120 m
    assert beside(5, ground_refl=0.06) and not beside(5, ground_refl=0.0599)


def test_lit_counts_reflectance_not_numbers():
    assert lit_pixels(*dates(0.2, 0.2, 0.2, 0.2, offset=[0, -0.1, 0, -0.1]), 20.0, 0.9)[-1].all()


def test_open_water_and_too_few_clear_dates_leave_it_to_geometry():
    assert not lit_pixels(*dates(0.02, 0.02, 0.02, 0.02, 0.02), 20.0, 0.9).any()
    assert not lit_pixels(*dates(0.2, 0.2, 0.2), 20.0, 0.9).any()
    nir, qa, *rest = dates(0.2, 0.2, 0.2, 0.2, 0.2)
    qa[:2] = QAFlag.CLOUD
    assert not lit_pixels(nir, qa, *rest, 20.0, 0.9).any()


def scenes_with_a_shadow(tmp_path, field_dn: int) -> list[Chip]:
    """Five dates of a black channel (NIR 0.01) through fields (0.3). On the last a cloud stands in the south, and the mask calls the
    channel shadow where the cloud's could fall; the fields there have ``field_dn``."""
    chips = []
    for i in range(5):
        bands = data() | {"mask": np.full((40, 40), 6)}
        bands["nir"] = np.full((40, 40), 3000)
        if i == 4:
            bands["mask"][30, 16:24] = 9
            bands["mask"][15, 16:24] = 3
            bands["nir"][6:24, 6:34] = field_dn
        bands["nir"][15] = 100
        folder = tmp_path / f"{field_dn}-{i}"
        folder.mkdir()
        chips.append(chip(folder, scene(key=f"s{i}", datetime=datetime(2023, 6, 1 + i, tzinfo=UTC)), bands))
    return chips


def test_dark_water_near_a_cloud_survives_and_shaded_water_does_not(tmp_path):
    sunlit, shaded = (scenes_with_a_shadow(tmp_path, dn) for dn in (3000, 1500))
    suspects = np.s_[15, 18:22]
    for chips, dropped in ((sunlit, False), (shaded, True)):
        alone, together = scene_flags(chips[4], GRID, MASKS), stack_flags(chips, GRID, MASKS)[4]
        assert (alone[suspects] & QAFlag.SHADOW_CONFIRMED != 0).all()
        assert ((together[suspects] & flag_bits(MASKS.black_odorous) != 0) == dropped).all()
        assert np.array_equal(np.delete(alone, 15, axis=0), np.delete(together, 15, axis=0))
    parts = [stack_flags(sunlit, GRID.window(row, 0, 20, 40), MASKS)[4] for row in (0, 20)]
    assert np.array_equal(np.concatenate(parts), stack_flags(sunlit, GRID, MASKS)[4])


def test_terrain_shades_the_valley_behind_a_ridge(tmp_path):
    """A ridge 100 m high runs north-south at column 30; the sun stands 45 degrees high in the east: 100 m, 5 pixels, west of it lie in shadow."""
    height = np.zeros((40, 40), "float32")
    height[:, 30] = 100.0
    dem = tmp_path / "dem.tif"
    with rasterio.open(dem, "w", driver="GTiff", dtype="float32", count=1, height=40, width=40, crs=GRID.crs, transform=GRID.transform) as out:
        out.write(height, 1)
    masks = MaskSection(cloud_buffer_m=0.0, dem=dem)
    bands = data() | {"mask": np.full((40, 40), 4)}
    got = scene_flags(chip(tmp_path, scene(sun_azimuth_deg=90.0), bands), GRID, masks)
    shaded = got[20] == QAFlag.TERRAIN
    assert shaded[26:30].all() and not shaded[:25].any() and not shaded[30:].any()
    assert (scene_flags(chip(tmp_path, scene(sun_elevation_deg=None), bands), GRID, masks) == 0).all()


def test_a_missing_dem_is_named(tmp_path):
    masks = MaskSection(dem=tmp_path / "none.tif")
    with pytest.raises(ConfigError, match="the DEM cannot be read") as caught:
        scene_flags(chip(tmp_path, scene(), data() | {"mask": np.full((40, 40), 4)}), GRID, masks)
    assert "masks.dem" in caught.value.where


def test_bands_already_read_give_the_same_flags(tmp_path):
    bands = data() | {"mask": np.random.default_rng(1).integers(0, 12, (40, 40))}
    bands["red"][4, 4] = 0
    one = chip(tmp_path, scene(), bands)
    window = GRID.window(3, 5, 30, 20)
    dn = read_stack([one], OPTICAL_BANDS, window)[0]
    given = scene_flags(one, window, MASKS, dn=dn, native=native_flags(one, MASKS))
    assert np.array_equal(given, scene_flags(one, window, MASKS)) and given[1, 0] == scene_flags(one, GRID, MASKS)[4, 5]
    assert np.array_equal(given, scene_flags(one, GRID, MASKS)[3:33, 5:25])
