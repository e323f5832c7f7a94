"""Attacks on the land map: crops with other calendars than wheat and maize, the median of real pixels, measured ground, and a class that
real pixels do not separate.

Crops are drawn from `rs_pipeline.training.land_library` with a seed that no training uses. The attacks test the shipped network and its report.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.real_land import RANGES
from benchmarks.attack import Attack
from rs_pipeline.estimation.estimate import LEAST_F1
from rs_pipeline.products.land.accuracy import tested
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.land.model import land_model
from rs_pipeline.products.seasons import STATISTICS
from rs_pipeline.training.land_library import PLANTS, measured_ground, plant_pixels, shipped_spectra

FIELDS, UNSEEN_SEED = 200, 71_001
HEBEI_CROPS = (
    "winter wheat", "spring maize", "summer maize", "cotton", "rice", "alfalfa", "vegetables", "peanut or soya", "sorghum or millet",
)  # fmt: skip
LEAST_RIGHT = 0.7


def called(values: np.ndarray) -> np.ndarray:
    """Class (n,) of statistics (F, n)."""
    return land_model().shares(values).argmax(axis=0) + 1


def calendars(_: Path) -> str:
    right = {name: float((called(plant_pixels(PLANTS[name], FIELDS, UNSEEN_SEED, shipped_spectra())) == Land.CROPLAND).mean()) for name in HEBEI_CROPS}
    seen = ", ".join(f"{name} {share:.2f}" for name, share in right.items())
    assert min(right.values()) >= LEAST_RIGHT, seen
    orchards = (called(plant_pixels(PLANTS["orchard or vineyard"], FIELDS, UNSEEN_SEED, shipped_spectra())) == Land.CROPLAND).mean()
    return f"called cropland: {seen}; orchards, which are not told from meadows and open wood, {orchards:.2f}"


def real_middles(_: Path) -> str:
    ranges = pd.read_csv(RANGES, comment="#").pivot(index="feature", columns="class", values="p50").reindex(STATISTICS)
    names = ["cropland", "grass", "bare", "built"]
    found = called(ranges[names].to_numpy("float32"))
    seen = ", ".join(f"{name}: {Land(int(c)).word}" for name, c in zip(names, found, strict=True))
    assert [Land(int(c)).word for c in found] == names, seen
    return seen


def ground(_: Path) -> str:
    values, land = measured_ground(shipped_spectra(), UNSEEN_SEED)
    found = called(values)
    covered = int(np.isin(found, [Land.BUILT, Land.BARE]).sum())
    assert covered >= LEAST_RIGHT * land.size, f"{covered} of {land.size} built or bare"
    return f"{covered} of {land.size} soils and roofs without radar are built or bare"


def gate(_: Path) -> str:
    accuracy = land_model().report["classes"]
    given = {name: row["real"]["f1"] for name, row in accuracy.items() if tested(row) and row["real"]["f1"] >= LEAST_F1}
    withheld = {name: row["real"]["f1"] for name, row in accuracy.items() if tested(row) and row["real"]["f1"] < LEAST_F1}
    assert "cropland" in given, f"given {given}, withheld {withheld}"
    return f"F1 on real pixels by source left out: given {given}, withheld {withheld}"


ATTACKS = (
    Attack("nine crops of Hebei that are not wheat and maize", f"at least {LEAST_RIGHT:.0%} of the fields of each are cropland", calendars),
    Attack("the middle of real pixels of each class", "each is called what it is", real_middles),
    Attack("soils and roofs without radar", "they are built or bare, not fields", ground),
    Attack("classes that real pixels do not tell apart", "they are withheld, and cropland is given", gate),
)
