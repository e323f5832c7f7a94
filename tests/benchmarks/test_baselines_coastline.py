"""Shoreline baselines: what is ours around the peers, and the peers themselves where they are installed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from benchmarks.baselines import coastline, peer_runner, peers
from benchmarks.baselines.peers import PeerError, available, peers_folder, run_peer
from rs_pipeline.model import Grid
from rs_pipeline.storage.raster import MapBand, write_map

needs_peers = pytest.mark.skipif(
    not available(), reason=f"no peers at {peers_folder()}: run `python -m benchmarks.baselines.peers`, or set {peers.FOLDER_VARIABLE}"
)


def shore(n_years=1, n_dates=6, water_cols=20.5, size=40):
    """MNDWI and NDWI (T, h, w) of sea in the west and land in the east; the shore lies at column ``water_cols``."""
    profile = np.clip((water_cols - 0.5 - np.arange(size)) / 4, -0.5, 0.5).astype("float32")
    image = np.repeat(profile[None, :], size, axis=0)
    return np.repeat(image[None], n_years * n_dates, axis=0), np.repeat(np.arange(2023, 2023 + n_years), n_dates)


def test_yearly_median_needs_two_scenes():
    distance = np.array([[1.0, 5.0, np.nan], [3.0, np.nan, np.nan], [8.0, np.nan, np.nan]])
    assert np.array_equal(coastline.yearly_median(distance), [3, np.nan, np.nan], equal_nan=True)


def test_points_are_joined_over_a_missing_transect_but_not_over_a_gap():
    x = np.array([0.0, 100, 200, 1000, 1100])
    transects = np.stack([np.column_stack([x, np.zeros(5)]), np.column_stack([x, np.full(5, 600.0)])], axis=1)
    lines = coastline.joined(transects, np.array([300.0, 310, 320, 300, 300]), 250)
    assert [list(g.coords) for g in lines] == [[(0, 300), (100, 310), (200, 320)], [(1000, 300), (1100, 300)]]
    assert coastline.joined(transects, np.full(5, np.nan), 250) == []


class FakeChip:
    """SWIR1 in a file, which is all that a lattice asks of a chip."""

    def __init__(self, path, left, top, resolution_m):
        write_map(path, Grid("EPSG:32650", resolution_m, left, top, 4, 4), {"swir1": np.ones((4, 4))}, [MapBand("swir1", "swir1")], {})
        self.files = {"swir1": (path, 1)}


def test_the_strip_lies_on_the_sensors_own_pixels(tmp_path, monkeypatch):
    # Landsat's corners are odd multiples of 15 m; a strip on multiples of 30 m would move every pixel by half a pixel.
    chips = [FakeChip(tmp_path / f"{k}.tif", left, 4300005, 30.0) for k, left in enumerate((500025, 500055, 500010))]
    monkeypatch.setattr(coastline, "in_family", lambda chip, family: family == "landsat")
    assert coastline.lattice([(None, chips)], "landsat") == (500025 % 30, 4300005 % 30) == (15, 15)
    assert coastline.lattice([(None, chips)], "sentinel-2") is None
    monkeypatch.setattr(coastline, "read_grid", lambda settings: Grid("EPSG:32650", 10.0, 490000.0, 4310000.0, 2000, 2000))
    line = gpd.GeoSeries([shapely.LineString([(500000, 4300000), (501000, 4300100)])], crs=32650)
    for resolution_m, n in ((30.0, 1), (15.0, 2)):
        grid = coastline.strip_grid(None, line, [(None, chips)], "landsat", resolution_m)
        assert (grid.left % 30, grid.top % 30, grid.width % n, grid.height % n) == (15, 15, 0, 0)
        left, bottom, right, top = grid.bounds
        assert left <= 498500 and bottom <= 4298500 and right >= 502500 and top >= 4301600


def test_a_piece_of_the_strip_begins_with_a_whole_cell():
    strip, tile = Grid("EPSG:32650", 10.0, 0.0, 200.0, 20, 20), Grid("EPSG:32650", 10.0, 50.0, 150.0, 10, 10)
    # 50-150 m east and 50-150 m north hold the 20 m cells from 60 to 140 m: columns 6-14, rows (200 - 140) / 10 = 6 to 14
    assert coastline._within(strip, tile, 20.0) == (slice(6, 14), slice(6, 14))
    rows, cols = coastline._within(strip, Grid("EPSG:32650", 10.0, 500.0, 150.0, 10, 10), 20.0)
    assert rows == slice(6, 14) and cols.start == cols.stop


def test_bilinear_swir_keeps_a_gradient_and_says_where_there_is_nothing(monkeypatch):
    grid = Grid("EPSG:32650", 10.0, 0.0, 40.0, 4, 4)

    def stack(chips, roles, g):
        # 20 m pixels, number rises by 100 a pixel eastward; there is nothing around, and the north-eastern one is missing
        assert (g.left, g.top, g.shape, g.resolution_m) == (-20.0, 60.0, (4, 4), 20.0)
        dn = np.zeros((4, 4), "uint16")
        dn[1:3, 1:3] = [[1000, 0], [1000, 1100]]
        return dn[None, None]

    monkeypatch.setattr(coastline, "read_stack", stack)
    refl, seen = coastline._resampled(None, "swir1", grid, 20.0, np.float32(1e-4), np.float32(0))
    assert seen.tolist() == [[True, True, False, False]] * 2 + [[True] * 4] * 2
    # southern row: there is nothing further south, so its own row counts: centres at 10 m (0.10) and 30 m (0.11)
    assert refl[3, 0] == pytest.approx(0.10) and refl[3, 3] == pytest.approx(0.11)
    assert refl[3, 1] == pytest.approx(0.1025) and refl[3, 2] == pytest.approx(0.1075)


def test_a_year_takes_three_years_where_it_has_few_dates():
    stack = np.array([1, 1, 1, 1, 1, 1, 5, 7], "float32")[:, None, None]
    years = np.array([2023] * 6 + [2024] * 2)
    found = peer_runner._annual(stack, years, np.array([2023, 2024]))[:, 0, 0]
    assert found.tolist() == [1, 1]  # 2023 has 6 dates of its own; 2024's two are joined with those of 2023
    assert np.isnan(peer_runner._annual(stack[6:7], years[6:7], np.array([2024]))).all()  # one observation is none


def test_median_of_an_even_number_and_of_nothing():
    assert peer_runner._median(np.array([1.0, np.nan, 2, 4, 8])[:, None, None])[0, 0] == 3
    assert np.isnan(peer_runner._median(np.full((3, 1, 1), np.nan))[0, 0])


def test_a_patch_of_land_that_comes_and_goes_in_a_year_is_noise():
    land = np.zeros((3, 5, 9), bool)
    land[:, :, 6:] = True
    land[1, 2, 1] = True
    kept = peer_runner._lasting(land)
    assert not kept[1, 2, 1] and kept.sum() == kept.size - 1


def test_only_water_that_joins_a_point_at_sea_is_sea():
    water = np.zeros((5, 9), bool)
    water[:, :3] = water[2, 6] = True
    sea = peer_runner._ocean(water, np.array([[0, 0]]))
    assert sea[:, :3].all() and not sea[2, 6]
    assert not peer_runner._ocean(water, np.empty((0, 2), int)).any()


def test_without_the_environment_the_error_says_how_to_make_it(tmp_path):
    with pytest.raises(PeerError, match="the peers are not installed") as fault:
        run_peer("dea", {}, tmp_path, tmp_path / "nowhere")
    assert "python -m benchmarks.baselines.peers" in str(fault.value) and not list(tmp_path.iterdir())


@needs_peers
def test_dea_contours_the_shore_where_the_index_is_zero(tmp_path):
    mndwi, years = shore(n_years=2)
    mndwi[:, 30:, :] = np.nan  # never seen: no line there
    out = run_peer(
        "dea",
        {
            "mndwi": mndwi,
            "ndwi": mndwi,
            "year": years,
            "transform": np.array([500000, 30, 0, 4300000, 0, -30.0]),
            "epsg": np.array(32650),
            "sea_px": np.array([[5, 2]]),
        },
        tmp_path,
    )
    # MNDWI is 0 at the centre of column 20, x = 500000 + 20.5 * 30
    assert set(out["year"]) == {2023, 2024} and np.allclose(out["xy"][:, 0], 500615, atol=0.01)
    assert out["xy"][:, 1].min() >= 4300000 - 30 * 30


@needs_peers
def test_dea_finds_no_shore_under_cloud(tmp_path):
    mndwi, years = shore()
    out = run_peer(
        "dea",
        {
            "mndwi": mndwi * np.nan,
            "ndwi": mndwi * np.nan,
            "year": years,
            "transform": np.array([500000, 30, 0, 4300000, 0, -30.0]),
            "epsg": np.array(32650),
            "sea_px": np.array([[5, 2]]),
        },
        tmp_path,
    )
    assert out["xy"].shape == (0, 2)


def coastsat_inputs(cloud):
    """Sea (dark) west of x = 500500, dry sand east of it, 10 m pixels, a shore of 1 km."""
    rng = np.random.default_rng(3)
    h = w = 100
    sea, sand = np.array([0.06, 0.05, 0.03, 0.01, 0.005]), np.array([0.20, 0.26, 0.30, 0.34, 0.38])
    share = np.clip(50.5 - np.arange(w) - 0.5, 0, 1)[None, :, None]
    image = (share * sea + (1 - share) * sand) * np.ones((h, 1, 1)) + rng.normal(0, 0.002, (h, w, 5))
    dn = np.clip(np.rint(image * 1e4), 1, 65535).astype("uint16").transpose(2, 0, 1)
    ends = np.array([[[500700, y], [500300, y]] for y in (4299300.0, 4299500, 4299700)])
    return {
        "dn": np.repeat(dn[None], 2, axis=0),
        "cloud": np.stack([np.zeros((h, w), bool), np.full((h, w), cloud)]),
        "nodata": np.zeros((2, h, w), bool),
        "transform": np.array([500000, 10, 0, 4300000, 0, -10.0]),
        "epsg": np.array(32650),
        "satellite": np.array("S2"),
        "reference": np.array([[500500.0, 4299000], [500500, 4300000]]),
        "reference_part": np.zeros(2, int),
        "transects": ends,
    }


@needs_peers
def test_coastsat_maps_a_straight_shore_and_leaves_out_a_cloudy_scene(tmp_path):
    out = run_peer("coastsat", coastsat_inputs(cloud=True), tmp_path)
    assert np.isfinite(out["threshold"]).tolist() == [True, False] and np.isnan(out["distance_m"][1]).all()
    # the shore crosses the transects 200 m from their landward end
    assert np.allclose(out["distance_m"][0], 200, atol=10)


@needs_peers
def test_the_forest_learns_a_threshold_and_is_the_same_every_time(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.random((400, 6)).astype("float32")
    inputs = {"features": features, "labels": (features[:, 1] < 0.3).astype(int), "n_trees": np.array(10)}
    model = run_peer("forest_fit", inputs, tmp_path)["model"]
    probe = np.array([[0.5, 0.05, 0.5, 0.5, 0.5, 0.5], [0.5, 0.95, 0.5, 0.5, 0.5, 0.5]], "float32")
    again = run_peer("forest_fit", inputs, tmp_path)["model"]
    answers = [run_peer("forest_predict", {"features": probe, "model": m}, tmp_path)["probability"] for m in (model, again)]
    assert answers[0][0] > 0.9 and answers[0][1] < 0.1 and np.array_equal(*answers)
    assert run_peer("forest_predict", {"features": probe[:0], "model": model}, tmp_path)["probability"].size == 0


@needs_peers
def test_a_failing_peer_says_what_it_said(tmp_path):
    with pytest.raises(PeerError, match="KeyError"):
        run_peer("dea", {"year": np.array([2023])}, tmp_path)


def test_lines_travel_as_arrays():
    out = peer_runner._lines_out([(2023, np.zeros((2, 2))), (2024, np.ones((3, 2)))])
    assert out["part"].tolist() == [0, 0, 1, 1, 1] and out["year"].tolist() == [2023, 2023, 2024, 2024, 2024]
    assert peer_runner._lines_out([])["xy"].shape == (0, 2)
