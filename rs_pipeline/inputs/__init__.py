"""Vector files, tables and rasters that users hand in. One loader per kind reads what is unambiguous and refuses the rest, naming file, row and remedy."""
