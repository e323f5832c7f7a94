"""Train the land classifier on simulated worlds: ``python -m rs_pipeline.products.land.training``.

Makes worlds of development seeds, reads them as the chain does, and fits the true share of each class in each pixel. What it can do is
measured on worlds that took no part: each world once, by a network trained on the others. Everything measured here is simulated: it
holds for the spectra, seasons and mixtures of ``sample``, not for Hebei's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import minimize

from rs_pipeline.accuracy.land import true_shares
from rs_pipeline.accuracy.metrics import Counts
from rs_pipeline.accuracy.truth import Truth
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.search import search
from rs_pipeline.config import config_folder, freeze, parse
from rs_pipeline.indicators.land_areas import SIMULATED_PIXEL_M, standard_error
from rs_pipeline.output.atomic import atomic_path
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.features import FEATURES, land_features
from rs_pipeline.products.land.model import GROUPS, LandModel, inputs, logarithms, softmax
from rs_pipeline.region import grid, read_tiles
from rs_pipeline.sample.write import run_config, write_sample

LANDSCAPES = ("coast", "mudflat", "plain", "city", "mountain")
SEEDS = (31, 32, 33, 34, 35, 36, 37)
"""Development seeds; each is one fold of the cross-validation, in all landscapes."""
SIZE_PX = (300, 240)

HIDDEN = 32
RIDGE = 1e-4
"""Penalty on the mean squared weight of each layer."""
PIXELS = 4000
"""Taken of a world for training."""
DROPPED = 0.15
"""Share of the training pixels for which a group of features is taken away, so that the network can do without."""
ZONES_PX = (4, 16, 60, 120)
"""Sides of the squares, in pixels, on which the error of areas is measured, beside the whole world."""
COVERED = 0.95


@dataclass(frozen=True)
class World:
    """One world as training sees it."""

    name: str
    seed: int
    values: np.ndarray
    """float32 (F, h, w) of FEATURES."""
    shares: np.ndarray
    """True shares float32 (7, h, w)."""


def read_world(landscape: str, seed: int, work: Path) -> World:
    """Make a world of one year and read its statistics."""
    folder = work / f"{landscape}-{seed}"
    write_sample(folder / "world", seed, 1, landscape=landscape, size_px=SIZE_PX)
    settings = parse(yaml.safe_load(run_config(folder / "world")) | {"output": str(folder / "results")}, where=folder.name)
    freeze(settings)
    search(settings)
    grid(settings)
    truth, label = Truth(folder / "world" / "truth"), settings.all_periods[0].label
    values = np.full((len(FEATURES), *truth.grid.shape), np.nan, "float32")
    for tile in read_tiles(settings):
        fetch(settings, tile.id, label, threads=1)
        found = land_features(settings, tile.id, label, tile.grid).values
        place(found, tile.grid, values, truth.grid)
    return World(folder.name, seed, values, true_shares(truth, int(label)))
