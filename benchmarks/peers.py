"""Single parts of the chain against the libraries that do the same: geomedian, zone sums, shorelines, indices."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr
from numba import njit
from rs_kernels.geomedian import refl_geomedian
from rs_kernels.indices import awei_sh, mndwi, ndvi, ndwi, wi2015
from rs_kernels.zonal import zone_sums
from skimage.measure import find_contours

from benchmarks.harness import Result, Run, absent, in_turn, require_equal, times
from rs_pipeline.estimation.zones import coverage
from rs_pipeline.model import Grid


def library(name: str) -> ModuleType | None:
    """The library, or None where it is not installed or cannot be imported beside the others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(name)
    except ImportError:
        return None


def geomedian(run: Run) -> Iterator[Result]:
    """Geometric medians of 40 dates of 7 bands, one thread; a third of the dates is missing at a pixel."""
    rng, side, n_dates = np.random.default_rng(0), run.size(160, 48), 40
    level = rng.uniform(0.05, 0.4, (1, 7, side, side)) * rng.uniform(0.7, 1.3, (n_dates, 1, side, side))
    dn = np.clip(np.round((level + rng.normal(0, 0.01, (n_dates, 7, side, side))) * 1e4), 1, 65535).astype("uint16")
    dn[np.broadcast_to((rng.random((n_dates, side, side)) < 0.33)[:, None], dn.shape)] = 0
    common = np.full(n_dates, 1e-4, "float32"), np.zeros(n_dates, "float32"), np.ones(n_dates, bool), 1e-5, 1000
    refl = np.where(dn > 0, dn * np.float32(1e-4), np.float32(np.nan)).transpose(2, 3, 1, 0).copy()
    name = f"geomedian, {n_dates} dates x 7 bands x {side}², one thread"

    def ours() -> np.ndarray:
        return refl_geomedian(dn, *common)[0]

    for peer, module, call in (
        ("geomad", "geomad", lambda m: m.nangeomedian_pcm(refl, eps=1e-5, maxiters=1000, num_threads=1)),
        ("hdstats", "hdstats", lambda m: m.nangeomedian_pcm(refl, eps=1e-5, maxiters=1000, num_threads=1)),
        ("odc-algo", "odc.algo", lambda m: _odc_geomedian(m, refl)),
    ):
        found = library(module)
        if found is None:
            yield absent(f"{name}: {peer}", peer)
            continue
        require_equal(ours(), np.asarray(call(found)).transpose(2, 0, 1), peer, 2e-3)
        seconds = in_turn({"ours": ours, "peer": lambda c=call, m=found: c(m)}, run.repeats)
        rate = {k: side * side * n_dates / 1e6 / t for k, t in seconds.items()}
        yield Result(f"{name}: {peer}", rate["ours"], rate["peer"], "million pixel-dates/s", rate["ours"] / rate["peer"])


def _odc_geomedian(odc_algo: ModuleType, refl: np.ndarray) -> np.ndarray:
    """odc-algo's wrapper on an array (y, x, band, time), in the layout that it needs."""
    data = xr.DataArray(refl, dims=("y", "x", "band", "time"))
    return odc_algo.xr_geomedian(data, num_threads=1, eps=1e-5, maxiters=1000).values


def _counties(side: int, n: int) -> tuple[Grid, gpd.GeoDataFrame]:
    """Simulated counties: a mosaic of Voronoi cells over a grid."""
    grid = Grid("EPSG:32650", 10.0, 600_000.0, 4_300_000.0, side, side)
    left, bottom, right, top = grid.bounds
    rng = np.random.default_rng(5)
    points = shapely.MultiPoint(np.column_stack([rng.uniform(left, right, n), rng.uniform(bottom, top, n)]))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=shapely.box(*grid.bounds))), shapely.box(*grid.bounds))
    return grid, gpd.GeoDataFrame({"zone": range(len(cells))}, geometry=cells, crs=grid.crs)


def zonal(run: Run) -> Iterator[Result]:
    """Sums of eight maps over 167 polygons with exact pixel fractions."""
    side, n_maps = run.size(1500, 300), 8
    grid, counties = _counties(side, 167)
    values = np.random.default_rng(1).random((n_maps, side, side)).astype("float32")
    zone, cell, area_m2 = coverage(grid, counties)
    share = area_m2 / 1.0

    def ours() -> np.ndarray:
        out = np.zeros((len(counties), n_maps))
        zone_sums(zone, cell, share, values.reshape(n_maps, -1), out)
        return out

    def with_coverage() -> np.ndarray:
        coverage(grid, counties)
        return ours()

    name = f"sums of {n_maps} maps of {side}² over {len(counties)} polygons"
    yield from _against_exactextract(run, name, grid, counties, values, ours, with_coverage)
    yield from _against_flox(run, name, grid, counties, values)
    yield from _against_rasterstats(run, name, grid, counties, values)


def _against_exactextract(run, name, grid, counties, values, ours, with_coverage) -> Iterator[Result]:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    left, bottom, right, top = grid.bounds
    areas = np.asarray(_pixel_areas(grid), "float64")

    def peer() -> np.ndarray:
        weights = NumPyRasterSource(areas, left, bottom, right, top, srs_wkt=counties.crs.to_wkt())
        sources = [NumPyRasterSource(v, left, bottom, right, top, name=f"m{i}", srs_wkt=counties.crs.to_wkt()) for i, v in enumerate(values)]
        found = exact_extract(sources, counties, "weighted_sum", weights=weights, output="pandas")
        return found.filter(regex="weighted_sum$").to_numpy()

    expected = peer()
    require_equal(ours() / expected, np.ones_like(expected), "exactextract", 1e-5)
    seconds = in_turn({"ours": ours, "whole": with_coverage, "peer": peer}, run.repeats)
    yield times(f"{name}: exactextract", seconds["ours"], seconds["peer"], "coverage of pixels built once and kept")
    yield times(f"{name}, coverage built anew: exactextract", seconds["whole"], seconds["peer"])


def _pixel_areas(grid: Grid) -> np.ndarray:
    from rs_pipeline.tiles import pixel_areas

    return pixel_areas(grid)


def _labels(grid: Grid, counties: gpd.GeoDataFrame) -> np.ndarray:
    """The polygon that holds each pixel's centre, int32 (h, w)."""
    shapes = zip(counties.geometry, counties.zone, strict=True)
    return rasterio.features.rasterize(shapes, grid.shape, fill=-1, transform=grid.transform, dtype="int32")


def _by_label(labels: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    inside = np.flatnonzero(labels.ravel() >= 0)
    out = np.zeros((n, len(values)))
    zone_sums(labels.ravel()[inside].astype("int64"), inside, np.ones(inside.size), values.reshape(len(values), -1), out)
    return out


def _against_flox(run, name, grid, counties, values) -> Iterator[Result]:
    flox = library("flox")
    if flox is None:
        yield absent(f"{name}, whole pixels: flox", "flox")
        return
    labels = _labels(grid, counties)

    def peer() -> np.ndarray:
        return flox.groupby_reduce(values.astype("float64"), labels, func="sum", expected_groups=np.arange(len(counties)))[0].T

    require_equal(_by_label(labels, values, len(counties)), peer(), "flox", 1e-3)
    seconds = in_turn({"ours": lambda: _by_label(labels, values, len(counties)), "peer": peer}, run.repeats)
    yield times(f"{name}, whole pixels: flox", seconds["ours"], seconds["peer"], "labels rasterised once, float64 sums")


def _against_rasterstats(run, name, grid, counties, values) -> Iterator[Result]:
    rasterstats = library("rasterstats")
    if rasterstats is None:
        yield absent(f"{name}, whole pixels: rasterstats", "rasterstats")
        return

    def peer() -> np.ndarray:
        sums = [rasterstats.zonal_stats(counties, v, affine=grid.transform, stats="sum", nodata=-9999) for v in values]
        return np.array([[row["sum"] for row in one] for one in sums]).T

    def ours() -> np.ndarray:
        return _by_label(_labels(grid, counties), values, len(counties))

    require_equal(ours() / peer(), np.ones((len(counties), len(values))), "rasterstats", 1e-3)
    seconds = in_turn({"ours": ours, "peer": peer}, 1)
    yield times(f"{name}, whole pixels, labels made anew: rasterstats", seconds["ours"], seconds["peer"])


def shoreline(run: Run) -> Iterator[Result]:
    """Lines of zero MNDWI: scikit-image, which our shoreline step calls, against dea-tools on the same map."""
    side = run.size(1500, 300)
    y, x = np.mgrid[:side, :side].astype("float32")
    index = np.tanh((x - side / 2 - 60 * np.sin(y / 40) - 8 * np.sin(y / 7)) / 30).astype("float32")
    name = f"zero line of an index map of {side}²"
    dea = library("dea_tools.spatial")
    if dea is None:
        yield absent(f"{name}: dea-tools", "dea-tools")
        return
    coords = {"y": 4_300_000.0 - 10 * (np.arange(side) + 0.5), "x": 600_000.0 + 10 * (np.arange(side) + 0.5)}
    data = xr.DataArray(index[None], dims=("time", "y", "x"), coords={"time": np.array(["2024-07-01"], "datetime64[ns]"), **coords})

    def ours() -> np.ndarray:
        lines = find_contours(index, 0.0)
        points = np.concatenate(lines)[:, ::-1] * [10, -10] + [coords["x"][0], coords["y"][0]]
        return shapely.multilinestrings(shapely.linestrings(points, indices=np.repeat(np.arange(len(lines)), [len(n) for n in lines])))

    def peer() -> gpd.GeoDataFrame:
        return dea.subpixel_contours(data, z_values=[0.0], crs="EPSG:32650", verbose=False)

    require_equal(np.array([ours().length]), np.array([peer().length.sum()]), "dea-tools", ours().length * 1e-3)
    seconds = in_turn({"ours": ours, "peer": peer}, run.repeats)
    yield times(f"{name}: dea-tools subpixel_contours", seconds["ours"], seconds["peer"], "both call scikit-image's marching squares")


@njit(cache=True, nogil=True, error_model="numpy")
def _index_set(blue, green, red, nir, swir1, swir2, out):
    for i in range(blue.size):
        out[0, i] = ndvi(red[i], nir[i])
        out[1, i] = ndwi(green[i], nir[i])
        out[2, i] = mndwi(green[i], swir1[i])
        out[3, i] = wi2015(green[i], red[i], nir[i], swir1[i], swir2[i])
        out[4, i] = awei_sh(blue[i], green[i], nir[i], swir1[i], swir2[i])


def indices(run: Run) -> Iterator[Result]:
    """NDVI, NDWI, MNDWI, WI2015 and AWEIsh of one scene, float32, one thread. (spyndex's AWEInsh has another sign, so it is left out.)"""
    side = run.size(1500, 300)
    bands = dict(zip("BGRNST", np.random.default_rng(0).uniform(0.01, 0.5, (6, side * side)).astype("float32"), strict=True))
    name = f"five indices of a scene of {side}², one thread"
    spyndex = library("spyndex")
    if spyndex is None:
        yield absent(f"{name}: spyndex", "spyndex")
        return
    out = np.empty((5, side * side), "float32")
    parameters = {"B": bands["B"], "G": bands["G"], "R": bands["R"], "N": bands["N"], "S1": bands["S"], "S2": bands["T"]}

    def ours() -> np.ndarray:
        _index_set(*(bands[b] for b in "BGRNST"), out)
        return out

    def peer() -> np.ndarray:
        return np.stack(spyndex.computeIndex(["NDVI", "NDWI", "MNDWI", "WI2015", "AWEIsh"], parameters))

    require_equal(ours(), peer(), "spyndex", 1e-4)
    seconds = in_turn({"ours": ours, "peer": peer}, run.repeats)
    yield times(f"{name}: spyndex", seconds["ours"], seconds["peer"])
