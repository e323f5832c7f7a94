"""Cordgrass (Spartina alterniflora) on tidal flats, by its late green."""
