"""The land map against the truth, by the area that each class has of every pixel."""

from __future__ import annotations

import numpy as np

from rs_pipeline.accuracy.truth import Truth
from rs_pipeline.products.land.classes import Land

MATERIALS: dict[Land, tuple[str, ...]] = {
    Land.WATER: (
        "lake", "river", "sediment_river", "black_fes", "black_grey", "black_slight", "marsh_pond", "pond", "bloom_pond", "dyed_pond",
        "reservoir", "salt_pan", "sea",
    ),
    Land.WETLAND: ("reed", "wetland_core", "wetland_edge", "mudflat", "wet_sand"),
    Land.TREE: ("forest",),
    Land.GRASS: ("meadow", "tussock", "garden"),
    Land.CROPLAND: ("wheat_maize", "maize", "greenhouse"),
    Land.BUILT: ("built", "roof", "concrete", "road"),
    Land.BARE: ("soil", "dry_sand", "rock"),
}  # fmt: skip
"""What each class is made of in the simulated worlds."""


def true_shares(truth: Truth, year: int) -> np.ndarray:
    """Share (0-1) of every pixel that each class has, float32 (7, h, w), in the order of Land."""
    return np.stack([truth.share(year, MATERIALS[c]) for c in Land])
