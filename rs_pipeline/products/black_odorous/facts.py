"""What the indicators of black-odorous water need besides county sums: the reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, marked_layer
from rs_pipeline.layout import Layout


def read_reaches(settings: Settings) -> pd.DataFrame | None:
    """Reaches of all periods; with polygons of towns also ``urban`` (bool): the middle of the reach lies in one."""
    return marked_layer(Layout(settings.root).reaches, "reaches", settings, "urban", "urban", lambda reaches, towns: reaches.centroid.within(towns))


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``reaches``: rows of the unit and period; None where the run made no such layer."""
    return {"reaches": ByUnit(read_reaches(settings), settings).of}
