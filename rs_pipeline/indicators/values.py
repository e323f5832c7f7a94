"""All indicators, as the products declare them."""

from __future__ import annotations

from rs_pipeline.estimation.estimate import Estimate, Facts, Indicator, missing
from rs_pipeline.products.register import products, resolve

INDICATORS: dict[str, Indicator] = {i.name: i for p in products().values() if p.indicators for i in resolve(p.indicators)}
"""Every indicator by name, in the order of the products."""


def estimate_indicator(indicator: Indicator, facts: Facts) -> Estimate:
    """The estimate of one indicator. An indicator that needs scenes has no value without any; lost scenes are noted in the reason."""
    estimate = indicator.estimator(facts)
    if products()[indicator.product].scenes == "none" or estimate.status in ("needs_table", "no_target"):
        return estimate
    if facts.county["n_scenes"] > 0:
        return estimate.noting(facts.lost)
    return missing("insufficient_data", facts.lost or "no scene was used in this period")
