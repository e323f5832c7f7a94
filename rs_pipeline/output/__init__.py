"""Files that users open: rasters, vectors, tables, STAC, the report."""
