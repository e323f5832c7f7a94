"""Land cover as simple methods find it, on the same dates, offsets and masks as ours.

``thresholds`` : rules on the year's NDVI, MNDWI and NDBI (Zha et al. 2003), the usual first map of built-up land: water where the median
MNDWI is above 0, built where NDBI exceeds NDVI, the rest by the height and season of its NDVI.
``forest`` : a random forest of the peers' environment on the six bands of one date, the median of the growing season.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.baselines.peers import run_peer
from benchmarks.baselines.scenes import Stack
from benchmarks.baselines.vegetation import quantile_over_time
from rs_pipeline.config import Settings
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.features import SEASONS

METHODS = ("land_thresholds", "land_forest")
