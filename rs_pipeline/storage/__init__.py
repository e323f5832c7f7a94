"""Where files are written whole and said what they come from: atomic files, maps, tables, QGIS styles, provenance, jobs to try again."""
