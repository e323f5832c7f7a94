"""Its one indicator."""

from rs_pipeline.estimation.estimate import Indicator, missing, observed_ratio, published
from rs_pipeline.estimation.uncertainty import Interval


def _mean(facts):
    observed = facts.county["brightness_observed_m2"]
    if not observed > 0:
        return missing("insufficient_data", "no pixel was seen")
    mean = facts.county["brightness_sum_m2"] / observed
    return published(Interval(mean, mean - 0.01, mean + 0.01, "range"), observed_ratio(observed, facts.county["area_m2"]), facts, 100.0)


INDICATORS = (Indicator("brightness_mean", "Mean brightness in red", "%", "brightness", "down", _mean, formula="mean red reflectance"),)
