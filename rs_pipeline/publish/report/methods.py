"""Texts of the page on methods, caveats and provenance, with the numbers of the run's own configuration."""

from __future__ import annotations

import platform
from importlib import metadata

import rasterio

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.model import Grid
from rs_pipeline.products.register import products
from rs_pipeline.redaction import redacted
from rs_pipeline.storage.provenance import configuration_sha256

LIBRARIES = ("numpy", "numba", "rasterio", "pyproj", "shapely", "geopandas", "pandas", "dask", "xarray", "exactextract")

COVER_METHODS = {
    "network": "Small networks, trained on simulated canopies, read the cover of every clear date.",
    "dimidiate": "Every clear date is a mixture of bare soil and full vegetation in NDVI, with endmembers held fixed over the years.",
}


def methods(settings: Settings) -> list[tuple[str, str]]:
    """(heading, paragraph) of every method: those of the oldest products with the numbers of the configuration, those that products bring, what all share."""
    v, w, b, n = settings.vegetation, settings.water, settings.black_odorous, settings.indicators
    return [
        (
            "Reflectance",
            (
                "Digital numbers become surface reflectance with the scale and offset of each scene; for Sentinel-2 the offset is decided from metadata and checked "
                "on pixels, and the decision is in the ledger. Cloud, shadow, snow and saturation remove a date from a product where they matter to it."
            ),
        ),
        (
            "Vegetation cover",
            (
                f"{COVER_METHODS[v.method]} The peak is percentile {v.peak_percentile:g} from {v.peak_window[0]} to {v.peak_window[1]}, with at least {v.min_dates} clear dates."
            ),
        ),
        (
            "Water",
            (
                f"Every month has one vote. Frequency is the share of wet months; water is permanent from {w.permanent_frequency:g}, seasonal from "
                f"{w.seasonal_frequency:g}. Nothing is published below {w.min_months} months with a vote. Bounds are Wilson 95 %."
            ),
        ),
        (
            "Black-odorous water",
            (
                f"Reaches of {b.reach_length_m:g} m and ponds; suspected from probability {b.suspected_probability:g}, possible from "
                f"{b.possible_probability:g}, with at least {b.min_reach_dates} dates. The probability weighs the season, its most suspicious three months in a row, "
                f"other causes seen, colour and width. Water narrower than {b.marginal_width_m:g} m is not assessed."
            ),
        ),
        (
            "Coastline",
            (
                "Sub-pixel waterlines of dates near mean sea level; rates by least squares with 95 % intervals, Theil–Sen and Mann–Kendall beside them. "
                "Seaward is positive."
            ),
        ),
        *(paragraph for product in products().values() for paragraph in product.methods),
        (
            "Missing is missing",
            (
                "A value stands for the whole, and what was not seen widens its interval. "
                f"Below {100 * n.publish_fraction:.0f} % of the area seen the reason says so; below {100 * n.scale_fraction:.0f} % it is a range; below {100 * n.range_fraction:.0f} % it is withheld, with the reason."
            ),
        ),
        (
            "Status",
            (
                "A target is met, or not, only where the whole interval says so. Where the interval straddles the target the status is undecidable, never met. "
                "Before the target year a level is carried on with the pace of the run's own periods: slipping holds today and will not hold then."
            ),
        ),
        (
            "Intervals",
            (
                "design95: 95 % interval from reference samples. model95: 95 % interval from an error model of the map. range: the extremes that the data allow. "
                "An empty interval means that no error model exists for the number."
            ),
        ),
    ]


def provenance(settings: Settings, grid: Grid) -> list[tuple[str, str]]:
    """Names and values that document how the page was made."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return [
        ("Software", f"rs-pipeline {__version__}, Python {platform.python_version()}, GDAL {rasterio.__gdal_version__}"),
        ("Libraries", ", ".join(versions)),
        ("Configuration (SHA-256, first 16)", configuration_sha256(settings)[:16]),
        ("Sources", "; ".join(f"{s.sensor}: {redacted(s.catalog)}" for s in settings.sources)),
        ("Grid", f"{grid.crs}, {grid.resolution_m:g} m"),
        ("Baseline period", settings.baseline_label),
    ]
