"""Cover of a stack of dates by the configured method, as the fused pass needs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from rs_kernels.indices import ndvi
from rs_kernels.observe import VEGETATION_LAYERS, Dimidiate, observe_vegetation
from rs_kernels.stack import Stack, one_a_day
from rs_kernels.vegetation import COVER_LAYERS, CoverDates, Lines, Need, Networks, observe_cover

from rs_pipeline.catalog.passes import Pass
from rs_pipeline.config import Settings, VegetationSection
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import Scene
from rs_pipeline.paths import config_folder
from rs_pipeline.products.calendar import in_window, middle_day
from rs_pipeline.products.vegetation.model import CoverModel, load_cover_model
from rs_pipeline.products.vegetation.snap import read_snap
from rs_pipeline.radiometry.masks import flag_bits
from rs_pipeline.sensors import load_sensor

YEAR_DAYS = 365.25

LINE_STEP_DAYS = 4
"""The season is estimated every so many days, much less than the time between dates."""

GREEN_DAYS, FLATNESS = 70.0, 3
"""The usual season is a bell of this width (days) around the middle of the peak window, with this exponent: its top is flatter than a Gaussian's
(exponent 2)."""

LEVEL, HEIGHT, COURSE_SIGMA, COURSE_DAYS, DATE_SIGMA = (0.08, 0.05), (0.5, 0.4), 0.2, 25.0, 0.05
"""LEVEL and HEIGHT: winter cover and height of the bell, mean and standard deviation over pixels; two dates are enough to estimate those of a pixel.
COURSE_SIGMA: standard deviation of a pixel's course about that season, correlated over COURSE_DAYS. DATE_SIGMA: standard error of the cover of a date.

Chosen from some thirty sets on simulated worlds of development seeds, six with every second scene and one of Landsat alone. With two dates or
more, the RMSE is 0.117 for growing-season cover (local lines: 0.140) and 0.136 for the peak (local lines: 0.138). With one bell for all pixels
(height 0.55) it is 0.107 and 0.131, but then steppe of cover 0.3 seems 0.04 greener with 5 clear dates than with 20; with these values it seems 0.01
greener (`tests/products/vegetation/test_seasons.py`)."""


def endmembers(section: VegetationSection) -> tuple[float, float, float]:
    """(NDVI of soil, NDVI of vegetation, K) from the endmember reflectances; K = (Rv+NIRv)/(Rs+NIRs)."""
    rs, ns, rv, nv = section.soil_red_refl, section.soil_nir_refl, section.vegetation_red_refl, section.vegetation_nir_refl
    return ndvi(rs, ns), ndvi(rv, nv), (rv + nv) / (rs + ns)


def network_of(scene: Scene, *, red_edge: bool = True) -> str:
    """Name of the network for a scene: by platform, or by its collection where no platform is given.

    HLS S30 is adjusted to OLI's bands, so OLI's network applies to it. ``red_edge``: use Sentinel-2's 20 m bands too, where the
    scene has them. They blur the edges of fields, but tell dense from bright cover.
    """
    platform = scene.platform.lower()
    if platform in ("landsat-4", "landsat-5", "landsat-7"):
        return "landsat_tm"
    collection = load_sensor(scene.sensor).collection.lower()
    if "landsat" in platform or "landsat" in collection or collection.startswith("hls"):
        return "landsat_oli"
    return "s2_20m" if red_edge and "rededge1" in scene.assets else "s2_10m"


@cache
def cover_model(networks: Path | None) -> CoverModel:
    """The networks of the configuration: a file of `CoverModel`, a folder of SNAP's, or the pipeline's own (None)."""
    if networks and networks.is_dir():
        return read_snap(networks)
    return load_cover_model(networks or config_folder() / "vegetation.json")


def require_networks(model: CoverModel, names: set[str]) -> None:
    """Raises ConfigError where a scene's sensor has no network."""
    if missing := sorted(names - set(model.networks)):
        raise ConfigError(
            f"there is no cover network for {', '.join(missing)}",
            where="vegetation.networks",
            remedy="leave it out for the pipeline's own networks, or set vegetation.method: dimidiate",
        )


def vegetation_layers(settings: Settings, passes: list[Pass], stack: Stack) -> np.ndarray:
    """COVER_LAYERS, float32 (8, h, w), of the optical passes that the stack holds; ``masks.vegetation`` replaces its ``bad_bits``."""
    section, days = settings.vegetation, [p.scene.solar_day for p in passes]
    stack = one_a_day(stack, flag_bits(settings.masks.vegetation))
    in_windows = window_membership(days, section)
    out = np.zeros((len(COVER_LAYERS), *stack.dn.shape[2:]), "float32")
    if section.method == "dimidiate" or not passes:
        _dimidiate(section, stack, in_windows, out)
        return out
    model = cover_model(section.networks)
    names = [network_of(p.scene, red_edge=section.red_edge) for p in passes]
    require_networks(model, set(names))
    biases = np.stack([model.networks[n].date_bias(p.scene.sun_elevation_deg) for n, p in zip(names, passes, strict=True)])
    which = np.array([list(model.networks).index(n) for n in names], "int64")
    worth, (lines, day_in_windows) = date_worth(stack.pixel_m), line_days(days, stack.day, section)
    middle = int(stack.day[0]) + (peak_day(days, section.peak_window) - days[0]).days
    prior = season_prior(stack.day, lines, worth, middle)
    begins, ends = section.peak_window
    around = (middle, middle) if begins <= ends else (int(stack.day[-1]), int(stack.day[0]))  # a window over the new year has its middle in another year
    need = Need(section.peak_percentile / 100, section.min_dates, section.min_span_days, *around)
    observe_cover(
        stack,
        CoverDates(worth, in_windows, which, biases),
        packed(model),
        largest_errors(model, set(names)),
        Lines(lines, day_in_windows, section.bandwidth_days, prior),
        need,
        out,
    )
    return out


def peak_day(days: Sequence[date], peak_window: tuple[str, str]) -> date:
    """Middle of the peak window of a year: the first that lies between the first and the last of the sorted days, else the nearest to them.

    >>> peak_day([date(2023, 10, 2), date(2024, 9, 28)], ("06-15", "09-10")), peak_day([date(2024, 5, 1), date(2024, 6, 22)], ("06-15", "09-10"))
    (datetime.date(2024, 7, 28), datetime.date(2024, 7, 28))
    """
    middles = [middle_day(peak_window, year) for year in range(days[0].year - 1, days[-1].year + 1)]
    return min(middles, key=lambda day: max((days[0] - day).days, (day - days[-1]).days, 0))


def season_bell(from_peak_days: np.ndarray) -> np.ndarray:
    """Course of a usual season, 0-1, float64 like the days from its peak; a year later it is the same.

    >>> season_bell(np.array([0.0, 70, -180, 365.25])).round(2).tolist()
    [1.0, 0.61, 0.0, 1.0]
    """
    away = (from_peak_days + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2
    return np.exp(-0.5 * np.abs(away / GREEN_DAYS) ** FLATNESS)


def season_prior(day: np.ndarray, lines: np.ndarray, worth: np.ndarray, peak: int) -> tuple:
    """Prior of `rs_kernels.vegetation.expected_seasons`: (mean at dates (T,), mean at lines' days (G,), covariance of dates (T, T),
    of lines' days with dates (G, T), variance at lines' days (G,)). ``worth`` float64 (T,) divides the error variance of a date; ``peak`` is the middle
    of the peak window, counted like ``day``."""
    seen, drawn = season_bell(day - peak), season_bell(lines - peak)

    def alike(a: np.ndarray, bell_a: np.ndarray, b: np.ndarray, bell_b: np.ndarray) -> np.ndarray:
        course = np.exp(-0.5 * ((a[:, None] - b[None, :]) / COURSE_DAYS) ** 2)
        return LEVEL[1] ** 2 + HEIGHT[1] ** 2 * bell_a[:, None] * bell_b[None, :] + COURSE_SIGMA**2 * course

    between = alike(day, seen, day, seen) + np.diag(DATE_SIGMA**2 / worth)
    single = LEVEL[1] ** 2 + HEIGHT[1] ** 2 * drawn**2 + COURSE_SIGMA**2
    return LEVEL[0] + HEIGHT[0] * seen, LEVEL[0] + HEIGHT[0] * drawn, between, alike(lines, drawn, day, seen), single


def date_worth(native_m: np.ndarray) -> np.ndarray:
    """Weight of dates by the area of their pixels, float64 (T,): coarse ones decide only where no fine one is near.

    >>> date_worth(np.array([10.0, 20.0])).tolist()
    [1.0, 0.25]
    """
    return (native_m.min() / native_m.astype("float64")) ** 2


def window_membership(days: Sequence[date], section: VegetationSection) -> np.ndarray:
    """Whether days lie in the windows of the peak, the growing season, the spring and the summer crop: bool (4, n)."""
    windows = (section.peak_window, section.growing_window, section.spring_crop_window, section.summer_crop_window)
    return np.array([in_window(days, w) for w in windows]).reshape(len(windows), len(days))


def _dimidiate(section: VegetationSection, stack: Stack, in_windows: np.ndarray, out: np.ndarray) -> None:
    sigmas = section.sigma_ndvi, section.sigma_ndvi_soil, section.sigma_ndvi_vegetation
    layers, half = np.empty((len(VEGETATION_LAYERS), *out.shape[1:]), "float32"), (-(-section.min_dates // 2), -(-section.min_span_days // 2))
    needs = ((section.min_dates, section.min_span_days), half, half)
    for target, peak, need in zip((0, 6, 7), in_windows[[0, 2, 3]], needs, strict=True):
        observe_vegetation(stack, peak, in_windows[1], Dimidiate(endmembers(section), sigmas, section.peak_percentile / 100, *need), layers)
        if target == 0:
            out[: len(VEGETATION_LAYERS)] = layers
        else:
            out[target] = layers[0]


def line_days(days: Sequence[date], day: np.ndarray, section: VegetationSection) -> tuple[np.ndarray, np.ndarray]:
    """Days int64 (G,), counted like ``day``, every LINE_STEP_DAYS from the first date to the last, that lie in any window; and in which
    windows they lie, bool (4, G)."""
    steps = np.arange(0, (days[-1] - days[0]).days + 1, LINE_STEP_DAYS)
    windows = window_membership([days[0] + timedelta(days=int(s)) for s in steps], section)
    chosen = windows.any(axis=0)
    return (day[0] + steps)[chosen], np.ascontiguousarray(windows[:, chosen])


def packed(model: CoverModel) -> Networks:
    """Networks as the kernel takes them, in the order of the model."""
    networks = list(model.networks.values())
    return Networks(*(np.array([getattr(n, name) for n in networks], "float64") for name in Networks._fields))


def largest_errors(model: CoverModel, names: set[str]) -> np.ndarray:
    """Standard errors float64 (2, knots) of the model and of noise: at each knot the largest of the networks used."""
    used = [model.networks[n] for n in sorted(names)]
    return np.array([np.max([n.sigma_model for n in used], axis=0), np.max([n.sigma_noise for n in used], axis=0)])
