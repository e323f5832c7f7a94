"""The simulated world: land and water of known truth, served as a static STAC catalog.

Everything made here is SIMULATED and says so. Accuracy measured on it is conditional on its forward models.
`write.write_world` makes it; the truth lies beside it in the folder ``truth``.
"""

FILES = (
    "catalog.json", "world.json", "units.gpkg", "grassland.gpkg", "wetlands.gpkg", "red_line.gpkg", "reserves.gpkg", "urban.gpkg", "xiongan.gpkg",
    "shoreline_buffers.gpkg", "places.gpkg", "townships.gpkg", "gdp.csv", "values.csv", "lists.csv", "rasters.csv", "field_results.csv", "grassland_plots.csv", "reference_samples.csv", "heights.tif",
    "erosivity.tif", "erodibility.tif",
)  # fmt: skip
"""What a complete world holds at least."""
COAST_FILES = ("tide.csv", "coastline.gpkg", "restored_coast.gpkg")
"""What a world with a sea holds besides."""


def world_files(theme: str) -> tuple[str, ...]:
    """Names of the files that a complete world of a theme holds."""
    return FILES + (COAST_FILES if theme in ("coast", "mudflat") else ())
