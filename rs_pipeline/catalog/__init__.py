"""Catalogs, scenes and chips: the only room that knows STAC and the network."""
