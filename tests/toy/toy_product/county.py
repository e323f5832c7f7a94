"""What counties sum of it."""

from rs_pipeline.estimation.zones import CountySums, marked


def county_sums(settings, now, base):
    """Observed area, and area times brightness."""
    red = now["brightness.red_refl"]
    return CountySums({"brightness_observed_m2": marked(red > -1, red), "brightness_sum_m2": red})
