"""The simulated world: a small coast with known truth, served as a static STAC catalog.

Everything made here is SIMULATED and says so. Accuracy measured on it is conditional on its forward models.
`write.write_sample` makes it; the truth lies beside it in the folder ``truth``.
"""

FILES = ("catalog.json", "world.json", "units.gpkg", "tide.csv", "coastline.gpkg", "grassland.gpkg", "wetlands.gpkg")
"""What a complete world holds at least."""
