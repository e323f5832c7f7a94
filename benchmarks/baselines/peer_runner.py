"""Jobs of the peers, run by the Python of the peers' environment: ``peer_runner.py JOB in.npz out.npz``.

``dea``        annual shorelines by the method of DEA Coastlines, contours by dea_tools.spatial.subpixel_contours
``coastsat``   a shoreline an image by CoastSat, classifier included, and its distances on transects
``forest_fit`` / ``forest_predict`` / ``forest_classes``   scikit-learn's random forest

It imports nothing of ours. Input and output are arrays by name. Lines are given as
``xy`` (n, 2), ``part`` (n,) numbering the lines and ``year`` (n,). Every job adds ``seconds``, its own time without that of its imports.
"""

from __future__ import annotations

import sys
import time
from unittest.mock import MagicMock

import numpy as np

DEA_MIN_OBSERVATIONS = 5
DEA_LAND_SHARE = 0.15
DEA_CLOSING_M = 15 * 30.0
DEA_BUFFER_M = 33 * 30.0
DEA_MIN_VERTICES = 10
"""Settings of DEA Coastlines (Bishop-Taylor et al. 2021 and its public code), lengths on Landsat's 30 m pixels."""

COASTSAT_SETTINGS = {"min_beach_area": 1000, "min_length_sl": 500, "max_dist_ref": 100, "dist_clouds": 300, "cloud_thresh": 0.5}
"""CoastSat's example settings (Vos et al. 2019): m2, m, m, m, share of the image."""

TRANSECT_SETTINGS = {
    "along_dist": 25, "min_points": 3, "max_std": 15, "max_range": 30, "min_chainage": -100, "multiple_inter": "auto",
    "auto_prc": 0.1, "prc_multiple": 0.1,
}  # fmt: skip
"""CoastSat's example settings for intersections."""


def _lines_out(lines: list[tuple[int, np.ndarray]]) -> dict[str, np.ndarray]:
    if not lines:
        return {"xy": np.empty((0, 2)), "part": np.empty(0, "int64"), "year": np.empty(0, "int64")}
    return {
        "xy": np.concatenate([xy for _, xy in lines]),
        "part": np.concatenate([np.full(len(xy), i) for i, (_, xy) in enumerate(lines)]),
        "year": np.concatenate([np.full(len(xy), year) for year, xy in lines]),
    }


def dea(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Median MNDWI of each year's dates near mid tide, gap-filled by three years, masked to the coast, contoured at 0.

    Input: mndwi, ndwi float32 (T, h, w), NaN not clear, of the dates near mid tide; year (T,); transform (6,) as GDAL's; epsg;
    sea_px (n, 2) rows and columns of points at sea. Dates of neighbouring years fill a year's gaps as far as they exist.
    """
    xr, subpixel_contours = _import_dea()
    labels = np.unique(data["year"])
    mndwi, ndwi = (_annual(data[name], data["year"], labels) for name in ("mndwi", "ndwi"))
    masked = _coastal(mndwi, ndwi, abs(float(data["transform"][1])), data["sea_px"])
    x0, dx, _, y0, _, dy = data["transform"]
    array = xr.DataArray(
        masked,
        dims=("year", "y", "x"),
        coords={"year": labels, "y": y0 + (np.arange(masked.shape[1]) + 0.5) * dy, "x": x0 + (np.arange(masked.shape[2]) + 0.5) * dx},
    )
    found = subpixel_contours(array, z_values=1e-12, crs=f"EPSG:{int(data['epsg'])}", min_vertices=DEA_MIN_VERTICES, dim="year", verbose=False)
    lines = [(int(row.year), np.asarray(part.coords)) for row in found.itertuples() for part in row.geometry.geoms]
    return _lines_out(lines)


def _annual(stack: np.ndarray, years: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Medians (Y, h, w); years with few observations take the median of three years, and a single observation gives NaN."""
    out = np.full((len(labels), *stack.shape[1:]), np.nan, "float32")
    for i, label in enumerate(labels):
        own, near = stack[years == label], stack[np.abs(years - label) <= 1]
        count, near_count = (np.isfinite(s).sum(axis=0) for s in (own, near))
        median = np.where(count > DEA_MIN_OBSERVATIONS, _median(own), _median(near))
        out[i] = np.where(np.where(count > DEA_MIN_OBSERVATIONS, count, near_count) > 1, median, np.nan)
    return out


def _median(stack: np.ndarray) -> np.ndarray:
    if len(stack) == 0:
        return np.full(stack.shape[1:], np.nan, "float32")
    ordered, n = np.sort(stack, axis=0), np.isfinite(stack).sum(axis=0)
    middle = [np.take_along_axis(ordered, np.clip(k, 0, len(stack) - 1)[None], axis=0)[0] for k in ((n - 1) // 2, n // 2)]
    return np.where(n > 0, (middle[0] + middle[1]) / 2, np.nan)


def _coastal(mndwi: np.ndarray, ndwi: np.ndarray, pixel_m: float, sea_px: np.ndarray) -> np.ndarray:
    """MNDWI of the coastal zone of each year: the sea grown by 3 pixels, near the shore of all years, with noise removed."""
    from scipy import ndimage

    seen = np.isfinite(mndwi)
    not_open_water = np.stack([ndimage.binary_dilation(n < 0, _disk(2)) for n in ndwi]) | ~seen
    land = (mndwi < 0) & seen & not_open_water
    lasting = _lasting(land)
    land &= lasting
    share = np.where(seen.any(axis=0), land.sum(axis=0) / np.maximum(seen.sum(axis=0), 1), 0.0)
    all_time = _closed(share >= DEA_LAND_SHARE, DEA_CLOSING_M / pixel_m)
    ocean = _ocean(~all_time, sea_px)
    far = DEA_BUFFER_M / pixel_m
    coast = (ndimage.distance_transform_edt(~ocean) <= far) & (ndimage.distance_transform_edt(ocean) <= far)
    inland = ~coast & ~ocean
    out = np.full_like(mndwi, np.nan)
    for i in range(len(mndwi)):
        water = ~(land[i] | ~seen[i] | inland)
        zone = ndimage.binary_dilation(_ocean(water, sea_px), _disk(3)) & coast & not_open_water[i] & lasting[i]
        out[i][zone] = mndwi[i][zone]
    return out


def _disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def _closed(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Morphological closing with a disk, by distances; outside the array the edge values are repeated."""
    from scipy import ndimage

    n = int(radius_px) + 2
    grown = ndimage.distance_transform_edt(~np.pad(mask, n, mode="edge")) <= radius_px
    return (ndimage.distance_transform_edt(grown) > radius_px)[n:-n, n:-n]


def _ocean(water: np.ndarray, sea_px: np.ndarray) -> np.ndarray:
    """Water connected to a point at sea."""
    from scipy import ndimage

    labels, _ = ndimage.label(water)
    rows, cols = np.clip(sea_px[:, 0], 0, water.shape[0] - 1), np.clip(sea_px[:, 1], 0, water.shape[1] - 1)
    return np.isin(labels, np.setdiff1d(labels[rows, cols], [0]))


def _lasting(land: np.ndarray) -> np.ndarray:
    """False where a patch of a year's land touches no land of the year before or after, True elsewhere."""
    from scipy import ndimage

    out = np.ones_like(land)
    if len(land) < 2:
        return out
    for i in range(len(land)):
        labels, count = ndimage.label(land[i], np.ones((3, 3)))
        near = np.zeros_like(land[i])
        for j in (i - 1, i + 1):
            if 0 <= j < len(land):
                near |= land[j]
        kept = np.bincount(labels[near], minlength=count + 1) > 0
        kept[0] = True
        out[i] = kept[labels]
    return out


class _SameCrs:
    """Stands in for osr.CoordinateTransformation between equal systems: points (n, 2 or 3) come back with height 0."""

    def __init__(self, *_):
        pass

    def TransformPoints(self, points):
        points = np.asarray(points, "float64")
        return np.column_stack([points[:, :2], np.zeros(len(points))])


def _import_dea():
    import xarray as xr
    from dea_tools.spatial import subpixel_contours

    return xr, subpixel_contours


def _import_coastsat():
    """CoastSat without Earth Engine and Google's login, which it imports for downloads only, and without GDAL's own bindings.

    Of those it needs the change of coordinate systems, and everything here is in one system.
    """
    for name in ("ee", "google", "google.auth", "google.auth.transport", "google.auth.transport.requests", "requests", "osgeo"):
        sys.modules.setdefault(name, MagicMock())
    from coastsat import SDS_shoreline, SDS_tools, SDS_transects

    SDS_tools.osr.CoordinateTransformation = _SameCrs
    return SDS_shoreline, SDS_transects


def coastsat(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shorelines of single images by CoastSat: its classifier, its threshold between sand and water, its filters.

    Input: dn uint16 (T, 5, h, w), blue green red nir swir1, reflectance x 1e4; cloud, nodata bool (T, h, w); transform (6,) as
    GDAL's, but CoastSat is given the centre of the first pixel, since its contours count from there; epsg; satellite (S2 or L8); reference (n, 2) in the CRS with reference_part (n,); transects (m, 2, 2).
    Output: distance_m (T, m) along each transect, NaN none; threshold (T,), NaN where the image was left out.
    """
    from scipy import ndimage

    shoreline, transect = _import_coastsat()
    np.random.seed(0)  # noqa: NPY002 (CoastSat draws from the global generator)
    satellite, georef, epsg = str(data["satellite"]), data["transform"].copy(), int(data["epsg"])
    pixel_m = abs(float(georef[1]))
    georef[[0, 3]] += georef[1] / 2, georef[5] / 2
    reference = data["reference"]
    parts = [reference[data["reference_part"] == p] for p in np.unique(data["reference_part"])]
    settings = COASTSAT_SETTINGS | {"output_epsg": epsg, "reference_shoreline": reference, "reference_shoreline_parts": parts}
    classifier = shoreline.load_classifier(satellite, "default", shoreline.get_model_locations(), shoreline.sklearn.__version__)
    buffer = shoreline.create_shoreline_buffer(data["cloud"].shape[1:], georef, epsg, pixel_m, settings)
    if not buffer.any():
        return {"distance_m": np.full((len(data["dn"]), len(data["transects"])), np.nan), "threshold": np.full(len(data["dn"]), np.nan)}
    zone = ndimage.distance_transform_edt(~buffer) * pixel_m <= settings["dist_clouds"] + 2 * pixel_m
    rows, cols = (slice(i.min(), i.max() + 1) for i in np.nonzero(zone))
    georef[[0, 3]] += cols.start * georef[1], rows.start * georef[5]
    where, lines, thresholds = (buffer[rows, cols], zone[rows, cols]), [], []
    for dn, cloud, nodata in zip(*(data[k][..., rows, cols] for k in ("dn", "cloud", "nodata")), strict=True):
        line, threshold = _coastsat_image(shoreline, classifier, dn, cloud, nodata, where, satellite, georef, epsg, settings)
        lines.append(line)
        thresholds.append(threshold)
    transects = {str(i): xy for i, xy in enumerate(data["transects"])}
    distances = transect.compute_intersection_QC({"shorelines": lines}, transects, TRANSECT_SETTINGS, use_progress_bar=False)
    columns = [distances[k] for k in transects]
    return {"distance_m": np.column_stack(columns) if columns else np.empty((len(lines), 0)), "threshold": np.array(thresholds, "float64")}


def _coastsat_image(shoreline, classifier, dn, cloud, nodata, where, satellite, georef, epsg, settings):
    """(shoreline points (n, 2), MNDWI threshold) of an image; (no points, NaN) where it is too cloudy or CoastSat finds none.

    ``where`` is the buffer around the reference line that CoastSat searches, and the zone whose clouds and gaps can be near it. Pixels
    outside cannot change the result, so they are not classified and the distances to their clouds are not computed.
    """
    empty, (buffer, zone) = (np.empty((0, 2)), float("nan")), where
    cloud = cloud | nodata
    if nodata.all() or cloud[~nodata].mean() > settings["cloud_thresh"]:
        return empty
    image, unused = dn.transpose(1, 2, 0) / 10000.0, cloud | ~zone
    min_patch = int(np.ceil(settings["min_beach_area"] / georef[1] ** 2))
    _, labels = shoreline.classify_image_NN(image, unused, min_patch, classifier)
    try:
        line, threshold = shoreline.find_shoreline_optical(
            image, labels, buffer, unused, cloud & ~nodata & zone, nodata & zone, georef, epsg, satellite, "", settings
        )
    except ValueError:
        return empty
    return (np.asarray(line, "float64").reshape(-1, 2), float(threshold)) if len(line) else empty


def forest_fit(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fit a forest on features (n, k) and labels (n,); the model comes back as bytes."""
    import pickle

    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=int(data["n_trees"]), max_depth=12, min_samples_leaf=5, class_weight="balanced", random_state=0, n_jobs=1)
    forest.fit(data["features"], data["labels"])
    return {"model": np.frombuffer(pickle.dumps(forest), dtype="uint8")}


def forest_predict(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Probability of the positive class, float32 (n,), of features (n, k) and a model of `forest_fit`."""
    import pickle

    forest = pickle.loads(data["model"].tobytes())
    if len(data["features"]) == 0:
        return {"probability": np.empty(0, "float32")}
    positive = list(forest.classes_).index(1) if 1 in forest.classes_ else None
    p = forest.predict_proba(data["features"])
    return {"probability": (p[:, positive] if positive is not None else np.zeros(len(p))).astype("float32")}


def forest_classes(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Most likely class, int64 (n,), of features (n, k) and a model of `forest_fit`."""
    import pickle

    forest = pickle.loads(data["model"].tobytes())
    features = data["features"]
    return {"classes": forest.predict(features) if len(features) else np.empty(0, "int64")}


JOBS = {"forest_classes": forest_classes, "dea": dea, "coastsat": coastsat, "forest_fit": forest_fit, "forest_predict": forest_predict}

IMPORTS = {"dea": _import_dea, "coastsat": _import_coastsat}


def main() -> None:
    job, source, result = sys.argv[1:]
    IMPORTS.get(job, int)()
    with np.load(source, allow_pickle=False) as stored:
        data = {k: stored[k] for k in stored.files}
    start = time.perf_counter()
    out = JOBS[job](data)
    np.savez(result, seconds=time.perf_counter() - start, **out)


if __name__ == "__main__":
    main()
