"""The trend of vegetation cover: the rule of false discoveries by hand, and the two steps on a run of two tiles."""

import math

import numpy as np
import pandas as pd
import pytest
import rasterio
from rs_kernels.trends import N_EXACT, exact_tails, trend_maps
from scipy.ndimage import gaussian_filter

from rs_pipeline.config import parse
from rs_pipeline.errors import RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.vegetation.maps import TREND_BANDS, TREND_CLASS
from rs_pipeline.products.vegetation.trend import P_MIN, count_tests, discovery_threshold, trend, trend_class, trend_map
from rs_pipeline.storage.raster import MapBand, write_map
from rs_pipeline.storage.tables import write_parquet

BENJAMINI_HOCHBERG = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
"""The example of Benjamini and Hochberg (1995, section 3.2): at 5 % four of the fifteen are discoveries."""


def bands_of(p) -> dict:
    p = np.asarray(p, "float32")
    return {"p_value": p, "slope_lower": np.zeros_like(p), "slope_upper": np.ones_like(p)}


def threshold_of(p, rate=0.05) -> float:
    return discovery_threshold(*count_tests(bands_of(p), rate), rate)


def test_benjamini_and_hochbergs_example():
    threshold = threshold_of(BENJAMINI_HOCHBERG)
    assert sum(p <= threshold for p in BENJAMINI_HOCHBERG) == 4


def test_a_late_p_brings_earlier_ones_with_it():
    # 0.04 <= 2/2 * 0.05 although 0.04 > 1/2 * 0.05: the step-up rule rejects both
    assert threshold_of([0.04, 0.04]) >= 0.04
    assert threshold_of([0.03, 0.9]) == 0.0


def test_counted_classes_agree_with_sorting_the_p_values():
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.uniform(size=20_000), rng.uniform(size=1500) ** 6]).astype("float32")
    ordered = np.sort(p.astype("float64"))
    exact = ordered[np.flatnonzero(ordered <= 0.05 * np.arange(1, p.size + 1) / p.size)[-1]]
    assert 0.99 * exact <= threshold_of(p) <= 1.004 * exact
    assert (p <= threshold_of(p)).sum() <= (p <= exact).sum()


def test_threshold_of_nothing_and_of_no_discovery():
    assert threshold_of([]) == threshold_of([math.nan]) == threshold_of([0.2, 0.6]) == 0.0
    assert threshold_of([0.0]) == pytest.approx(P_MIN)


def test_constant_series_are_no_tests():
    bands = bands_of([0.02, 1.0, 1.0, 1.0])
    bands["slope_upper"][1:] = 0
    assert count_tests(bands, 0.05)[1] == 1
    straight = {"p_value": np.array([0.01]), "slope_lower": np.array([0.02]), "slope_upper": np.array([0.02])}
    assert count_tests(straight, 0.05)[1] == 1  # a straight line has an interval without width, and is one


def test_false_discoveries_stay_at_their_rate():
    rng = np.random.default_rng(5)
    false, found = 0, 0
    for _ in range(40):
        null, real = rng.uniform(size=4000), rng.uniform(size=1000) ** 8
        threshold = threshold_of(np.concatenate([null, real]))
        false += (null <= threshold).sum()
        found += (null <= threshold).sum() + (real <= threshold).sum()
    assert 0.03 < false / found < 0.05


def test_false_discoveries_stay_at_their_rate_where_neighbours_share_their_weather():
    # a fifth of the map greens by the noise of a year; noise of neighbours is alike over some 20 pixels
    rng, shares, found = np.random.default_rng(1), [], []
    for _ in range(12):
        noise = np.stack([gaussian_filter(rng.normal(size=(100, 100)), 10, mode="wrap") for _ in range(10)])
        cover = 0.02 * noise / noise.std()
        cover[:, :, :20] += 0.02 * np.arange(10)[:, None, None]
        out = np.empty((5, 100, 100), "float32")
        trend_maps(np.arange(10.0), cover.astype("float32"), 5, exact_tails(N_EXACT), out)
        bands = {"slope_lower": out[1], "slope_upper": out[2], "p_value": out[3]}
        called = trend_class(out[0], out[3], discovery_threshold(*count_tests(bands, 0.05), 0.05)) != 0
        shares.append(called[:, 20:].sum() / max(called.sum(), 1))
        found.append(called[:, :20].mean())
    assert np.mean(shares) < 0.05 and np.mean(found) > 0.8


def test_classes_by_hand():
    slope, p = np.array([0.02, -0.02, 0.02, 0.0, math.nan], "float32"), np.array([0.01, 0.01, 0.04, 0.001, math.nan], "float32")
    np.testing.assert_array_equal(trend_class(slope, p, 0.02), [1, -1, 0, 0, math.nan])
    np.testing.assert_array_equal(trend_class(slope, p, 0.0)[:4], 0)


WHOLE = Grid("EPSG:32650", 10.0, 500_000.0, 4_400_000.0, 16, 8)
"""Two tiles of 8 x 8."""


def make_run(folder, years=range(2016, 2024), *, landsat_until=0, **sections):
    settings = parse(
        {
            "run": "t",
            "output": str(folder),
            "units": {"path": "u.gpkg"},
            "periods": list(years),
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            **sections,
        }
    )
    layout = Layout(settings.root)
    rows = [
        {
            "tile": f"r000c00{k}",
            "row": 0,
            "col": 8 * k,
            "width": 8,
            "height": 8,
            "crs": WHOLE.crs,
            "resolution_m": 10.0,
            "grid_left": WHOLE.left,
            "grid_top": WHOLE.top,
            "grid_width": 16,
            "grid_height": 8,
        }
        for k in (0, 1)
    ]
    write_parquet(pd.DataFrame(rows), layout.tiles)
    rng = np.random.default_rng(1)
    for k, tile in enumerate(("r000c000", "r000c001")):
        for i, year in enumerate(years):
            cover = 0.5 + 0.004 * rng.normal(size=(8, 8))
            cover[:, :4] += (0.02 if k == 0 else -0.02) * i  # the left half of the first tile greens, of the second it browns
            cover[0, 4:] = 0.0  # never any cover
            if i % 2:
                cover[7] = np.nan  # seen every second year
            layers = {b.name: cover for b in region_maps()["vegetation"].bands}
            tags = {"RUN": "t", "N_SCENES": "3", "PLATFORMS": "sentinel-2a", "PERIOD": str(year), "FINEST_PIXEL_M": "30" if year <= landsat_until else "10"}
            write_map(layout.tile_map(str(year), tile, "vegetation"), WHOLE.window(0, 8 * k, 8, 8), layers, region_maps()["vegetation"].bands, tags)
    return settings


def steps(settings):
    for tile in ("r000c000", "r000c001"):
        trend(settings, tile)
    trend_map(settings)
    with rasterio.open(Layout(settings.root).trend_map) as src:
        return dict(zip(src.descriptions, src.read(), strict=True)), src.tags(), src.units


def test_steps_find_what_was_put_in(tmp_path):
    bands, tags, units = steps(make_run(tmp_path))
    assert list(bands) == [*(b.name for b in TREND_BANDS), TREND_CLASS.name]
    assert units[0] == "1/yr" and units[-1] == "class"
    found = bands["class"]
    assert (found[:7, :4] == 1).mean() > 0.9 and (found[:7, 8:12] == -1).mean() > 0.9
    assert np.abs(bands["slope_per_year"][:7, :4] - 0.02).max() < 0.004
    assert (found[0, 4:8] == 0).all() and (bands["p_value"][0, 4:8] == 1).all()
    assert (np.abs(found[1:7, 4:8]) > 0).mean() <= 0.1
    assert np.isnan(found[7]).all() and (bands["n_years"][7] == 4).all()
    assert tags["PERIOD"] == "2016 to 2023 (8 periods)" and tags["N_SCENES"] == "24"
    assert tags["N_TESTS"] == "104" and float(tags["P_THRESHOLD"]) < 0.05  # 2 tiles of 8 x 8, less a row of 8 and 4 constant pixels each
    assert Layout(make_run(tmp_path).root).trend_map.with_suffix(".qml").exists()


def test_fewer_than_five_years_say_nothing(tmp_path):
    bands, tags, _ = steps(make_run(tmp_path, years=range(2020, 2024)))
    assert np.isnan(bands["class"]).all() and np.isnan(bands["slope_per_year"]).all()
    assert bands["n_years"].max() == 4 and tags["N_TESTS"] == "0" and float(tags["P_THRESHOLD"]) == 0
    bands, *_ = steps(make_run(tmp_path, years=range(2020, 2024), trend={"min_years": 4}))
    assert np.isfinite(bands["slope_per_year"][:7]).all()


def test_years_of_a_coarser_satellite_are_left_out_and_named(tmp_path, caplog):
    """Landsat reads lower than Sentinel-2: the step between them is no greening."""
    settings = make_run(tmp_path, landsat_until=2017)
    bands, tags, _ = steps(settings)
    assert bands["n_years"][:7].max() == 6 and "FINEST_PIXEL_M" in tags
    with rasterio.open(Layout(settings.root).trend_tile("r000c000")) as src:
        assert src.tags()["PERIODS_LEFT_OUT"] == "2016, 2017"
    assert "r000c000: the trend leaves out 2016, 2017, seen with other pixels than 2023" in caplog.text
    bands, *_ = steps(make_run(tmp_path, landsat_until=2023))
    assert bands["n_years"][:7].max() == 8  # Landsat throughout is a series


def test_a_map_without_the_band_is_told(tmp_path):
    settings = make_run(tmp_path)
    path = Layout(settings.root).tile_map("2016", "r000c000", "vegetation")
    write_map(path, WHOLE.window(0, 0, 8, 8), {"other": np.zeros((8, 8))}, [MapBand("other", "")], {})
    with pytest.raises(RasterError, match="no band 'fvc_peak'"):
        trend(settings, "r000c000")
