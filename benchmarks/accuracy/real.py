"""Accuracy on real data, beside the simulated worlds: ``real_rows`` gives the table's rows of kind ``real``.

The data are third-party and not part of the repository; the folder's own README describes them. Nothing is fitted to them except
the baseline "red regression, other dates".
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.accuracy import (
    real_cordgrass,
    real_flood,
    real_lakes,
    real_land,
    real_parana,
    real_qa,
    real_shoreline,
    real_solar,
    real_spectra,
    real_vegetation,
    real_water,
)
from benchmarks.accuracy.real_table import Row, committed_rows


def real_rows(real: Path) -> list[Row]:
    """All rows, under a minute: columns of `table.COLUMNS`, ``world`` the data set, no seeds.

    Parameters
    ----------
    real : folder of the real data; runs of the chain go to a temporary folder.
    """
    real = Path(real).resolve()
    ground = real.parent / "real_ground"
    with tempfile.TemporaryDirectory() as folder:
        river = real_parana.observed(real, Path(folder) / "parana")
        scene = real_water.observed(real, Path(folder) / "hls")
        return [
            *real_parana.parana_rows(real, river, Path(folder)),
            *real_water.wofs_rows(real),
            *real_water.hls_rows(real, scene),
            *real_water.sea_rows(real),
            *(real_flood.flood_rows(real) if real_flood.is_here(real) else committed_rows(real_flood.WORLD)),
            *real_shoreline.shoreline_rows(real),
            *real_qa.qa_rows(real),
            *real_spectra.spectra_rows(real),
            *real_vegetation.fcover_rows(real),
            *real_vegetation.ground_rows(real),
            *real_vegetation.parana_rows(real, river),
            *real_vegetation.hls_rows(real, scene),
            *real_land.land_rows(),
            *real_solar.alarm_rows(),
            *real_solar.parana_rows(real),
            *(real_solar.ground_rows(ground) if real_solar.is_here(ground) else committed_rows(real_solar.GROUND)),
            *(real_lakes.lake_rows(ground) if real_lakes.is_here(ground) else committed_rows(real_lakes.WORLD)),
            *real_cordgrass.cordgrass_rows(ground),
        ]
