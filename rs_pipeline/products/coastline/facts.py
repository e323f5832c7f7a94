"""What the indicators of the coast are computed from: the transects, and the official length of the coast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.estimation.layers import ByUnit, marked_layer
from rs_pipeline.layout import Layout


def read_transects(settings: Settings) -> pd.DataFrame | None:
    """Transects; with restored coast also ``restored`` (bool): the transect crosses it."""
    return marked_layer(Layout(settings.root).transects, "transects", settings, "restored_coast", "restored", lambda transects, coast: transects.intersects(coast))


def facts(settings: Settings) -> dict[str, Callable[[str, str], Any]]:
    """``transects``: rows of the unit, all periods, None where the run made none; ``official_coast_km``: None where the configuration gives none."""
    official = settings.indicators.official_coast_km
    return {"transects": ByUnit(read_transects(settings), settings).of, "official_coast_km": lambda adcode, period: official.get(adcode)}
