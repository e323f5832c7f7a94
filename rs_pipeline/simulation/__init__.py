"""The simulated world: land and water of known truth, served as a static STAC catalog.

Everything made here is SIMULATED and says so. Accuracy measured on it is conditional on its forward models.
`write.write_world` makes it; its truth is in the folder ``truth``.
"""

FILES = (
    "catalog.json", "world.json", "units.gpkg", "grassland.gpkg", "wetlands.gpkg", "red_line.gpkg", "reserves.gpkg", "urban.gpkg", "xiongan.gpkg",
    "shoreline_buffers.gpkg", "places.gpkg", "townships.gpkg", "gdp.csv", "values.csv", "lists.csv", "rasters.csv", "field_results.csv", "grassland_plots.csv", "reference_samples.csv", "heights.tif",
    "erosivity.tif", "erodibility.tif",
)  # fmt: skip
"""Files that every complete world has."""
COAST_FILES = ("tide.csv", "coastline.gpkg", "restored_coast.gpkg")
"""Further files of a world with a sea."""


def world_files(theme: str) -> tuple[str, ...]:
    """Names of the files of a complete world of a theme."""
    return FILES + (COAST_FILES if theme in ("coast", "mudflat", "cordgrass") else ())
