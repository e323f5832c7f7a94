"""What a run gives out: mosaics, GeoPackage and dictionary, report, STAC."""
