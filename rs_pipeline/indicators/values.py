"""Every indicator by name: the themes' tuples joined. A new theme is a module with INDICATORS and a line here."""

from __future__ import annotations

from rs_pipeline.estimation.estimate import Answer, Facts, Indicator, missing
from rs_pipeline.products.black_odorous import indicators as black_odorous
from rs_pipeline.products.coastline import indicators as coast
from rs_pipeline.products.land import indicators as land
from rs_pipeline.products.red_line import indicators as red_line
from rs_pipeline.products.vegetation import indicators as vegetation
from rs_pipeline.products.water import indicators as water

THEMES = (vegetation, water, black_odorous, coast, red_line, land)

INDICATORS = {i.name: i for theme in THEMES for i in theme.INDICATORS}
"""Every indicator by name, in the order of the answer."""


def estimate(indicator: Indicator, facts: Facts) -> Answer:
    """The answer of one indicator; without a single scene nothing is said that a scene would have to show."""
    answer = indicator.estimate(facts)
    if facts.county["n_scenes"] > 0 or indicator.product == "red_line" or answer.status in ("needs_table", "no_target"):
        return answer
    return missing("insufficient_data", "no scene was used in this period")
