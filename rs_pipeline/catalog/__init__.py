"""Catalogs, scenes and chips: the only package that reads STAC."""
