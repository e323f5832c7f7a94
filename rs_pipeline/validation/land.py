"""The land map against the truth, by the area of each class in every pixel."""

from __future__ import annotations

import numpy as np

from rs_pipeline.config import LandZonesSection
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.zonal import conversion_layers
from rs_pipeline.validation.metrics import expected_calibration_error, percent_error, ratio
from rs_pipeline.validation.truth import Score, Truth

MATERIALS: dict[Land, tuple[str, ...]] = {
    Land.WATER: (
        "lake", "river", "sediment_river", "black_fes", "black_grey", "black_slight", "marsh_pond", "pond", "bloom_pond", "dyed_pond",
        "reservoir", "salt_pan", "sea",
    ),
    Land.WETLAND: ("reed", "wetland_core", "wetland_edge", "mudflat", "wet_sand", "cordgrass", "seepweed", "algal_mud"),
    Land.TREE: ("forest", "evergreen"),
    Land.GRASS: ("meadow", "tussock", "garden"),
    Land.CROPLAND: ("wheat_maize", "maize", "greenhouse"),
    Land.BUILT: ("built", "roof", "concrete", "road", "panels"),
    Land.BARE: ("soil", "dry_sand", "rock"),
}  # fmt: skip
"""What each class is made of in the simulated worlds."""


def true_shares(truth: Truth, year: int) -> np.ndarray:
    """Share (0-1) of every pixel that each class has, float32 (7, h, w), in the order of Land."""
    return np.stack([truth.share(year, MATERIALS[c]) for c in Land])


def score_land(found_class: np.ndarray, truth: Truth, year: int, *, shares: np.ndarray | None = None) -> list[Score]:
    """Accuracy of the classes by area, and the bias of their areas; product ``land``.

    A pixel of a class is right to the extent that it truly is that class. ``overall`` is the share of the area that is right, ``users``
    the same of the area mapped as a class, ``producers`` of the area that truly is the class; ``f1`` is the harmonic mean of the last two.
    ``area_bias`` is that of the summed shares where they are given, else of whole pixels.

    Parameters
    ----------
    found_class : float32 (h, w) on the truth's grid, values of Land, NaN where not observed.
    shares : expected shares float32 (7, h, w); adds ``calibration_error`` of the largest share.
    """
    seen, true = np.isfinite(found_class), true_shares(truth, year)
    n, classified = int(seen.sum()), np.where(seen, found_class, 0).astype(int)
    right = np.take_along_axis(true, np.maximum(classified - 1, 0)[None], axis=0)[0]
    scores = [
        Score("land", "overall", "all", ratio(right[seen].sum(), n), "1", n),
        Score("land", "observed_share", "all", 100 * ratio(n, seen.size), "%", seen.size),
    ]
    if shares is not None:
        scores.append(Score("land", "calibration_error", "all", expected_calibration_error(shares.max(axis=0)[seen], right[seen]), "1", n))
    for c in Land:
        mapped, truly = classified == c, float(true[c - 1][seen].sum())
        hit, count = float(right[mapped].sum()), int(mapped.sum())
        area = float(shares[c - 1][seen].sum()) if shares is not None else count
        scores += [
            Score("land", "users", c.word, ratio(hit, count), "1", count),
            Score("land", "producers", c.word, ratio(hit, truly), "1", round(truly)),
            Score("land", "f1", c.word, ratio(2 * hit, count + truly), "1", round(max(count, truly))),
            Score("land", "area_bias", c.word, percent_error(area, truly), "%", round(truly)),
        ]
    return scores


def true_conversion(truth: Truth, year: int, baseline: int, section: LandZonesSection) -> dict[str, np.ndarray]:
    """Layers of `conversion_layers` by the true shares: true events follow the same rule as mapped ones."""
    return conversion_layers(true_shares(truth, year), true_shares(truth, baseline), section)


def score_conversion(now: np.ndarray, base: np.ndarray, truth: Truth, year: int, baseline: int, section: LandZonesSection) -> list[Score]:
    """Land that became built or bare between two years, by area: recall of true events, precision of mapped ones; product ``land``.

    ``now`` and ``base`` are shares float32 (7, h, w).
    """
    found, true = conversion_layers(now, base, section), true_conversion(truth, year, baseline, section)
    seen = np.isfinite(found["converted"])
    mapped, truly = found["converted"][seen] > 0, true["converted"][seen] > 0
    both = float((mapped & truly).sum())
    return [
        Score("land", "recall", "conversion", ratio(both, truly.sum()), "1", int(truly.sum())),
        Score("land", "precision", "conversion", ratio(both, mapped.sum()), "1", int(mapped.sum())),
    ]
