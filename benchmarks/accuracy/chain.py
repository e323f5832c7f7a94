"""The steps of the chain in one process, in the order of the Snakefile, as far as scores need them.

A world of the accuracy table is small and its jobs last seconds: starting a process for each would take most of the time. The tests run
the small form of the table (`worlds.SMALL`) with Snakemake; its figures must be the same.
"""

from __future__ import annotations

import os

from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import Settings
from rs_pipeline.indicators.table import indicators
from rs_pipeline.indicators.zonal import zonal
from rs_pipeline.products.black_odorous.classify import reaches
from rs_pipeline.products.black_odorous.reaches import reach_lines
from rs_pipeline.products.black_odorous.scoring import score_reaches
from rs_pipeline.products.coastline.assemble import coastline
from rs_pipeline.products.coastline.composite import shore_composite
from rs_pipeline.products.heat.step import heat
from rs_pipeline.products.land.step import land
from rs_pipeline.products.land.zonal import land_zonal
from rs_pipeline.products.observe import observe
from rs_pipeline.products.register import period_maps
from rs_pipeline.products.sea import sea
from rs_pipeline.products.settlements import settlements
from rs_pipeline.products.soil.step import soil_loss
from rs_pipeline.products.water.bodies import bodies
from rs_pipeline.publish.mosaic import mosaic
from rs_pipeline.region import grid
from rs_pipeline.storage.provenance import freeze
from rs_pipeline.tiles import read_tiles


def run_steps(settings: Settings) -> None:
    """All steps from the search to the indicators, on one thread."""
    os.environ.setdefault("GDAL_NUM_THREADS", "1")
    freeze(settings)
    search(settings)
    grid(settings)
    tiles, periods = [t.id for t in read_tiles(settings)], [p.label for p in settings.all_periods]
    for period in periods:
        for tile in tiles:
            fetch(settings, tile, period, threads=1)
            observe(settings, tile, period, threads=1)
            land(settings, tile, period, threads=1)
            soil_loss(settings, tile, period)
            if settings.heat:
                heat(settings, tile, period)
            if settings.coastline:
                shore_composite(settings, tile, period)
        for product in period_maps(settings):
            mosaic(settings, product, period)
        if settings.coastline:
            sea(settings, period)
    settlements(settings)
    reach_lines(settings)
    for period in periods:
        for tile in tiles:
            score_reaches(settings, tile, period)
    reaches(settings)
    bodies(settings)
    coastline(settings)
    for period in periods:
        zonal(settings, period)
        land_zonal(settings, period)
    indicators(settings)
