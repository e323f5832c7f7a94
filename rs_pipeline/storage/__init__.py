"""Files on the disk: atomic writing, maps, tables, QGIS styles, provenance, the record of a run, retries, and safe opening of foreign rasters."""
