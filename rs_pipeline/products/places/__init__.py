"""Watched places, a side table of polygons with kinds."""
