"""Outputs of a run for its users: mosaics, GeoPackage and dictionary, report, STAC."""
