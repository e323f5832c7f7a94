"""Step ``gis``: what a GIS and a spreadsheet open, and what every column means."""

from __future__ import annotations

from rs_pipeline.config import Settings
from rs_pipeline.publish.dictionary import dictionary
from rs_pipeline.publish.geopackage import counties_latest, write_layer_styles
from rs_pipeline.publish.workbook import workbook


def gis(settings: Settings) -> None:
    """Write ``counties.gpkg`` with verdicts and the latest values, QGIS styles of all layers, ``indicators.xlsx`` and ``data_dictionary.csv``."""
    counties_latest(settings)
    write_layer_styles(settings)
    workbook(settings)
    dictionary(settings)
