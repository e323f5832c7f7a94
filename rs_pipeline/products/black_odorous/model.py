"""The detector's weights, frozen, read from ``config/black_odorous.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kernels.black_odorous import COLOUR_FEATURES, FEATURES
from rs_pipeline.config import config_folder
from rs_pipeline.errors import ConfigError

Packed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


@dataclass(frozen=True, eq=False)
class WeightSet:
    """A quadratic logistic model of n robustly standardised features."""

    features: tuple[str, ...]
    centre: np.ndarray
    """Median of each feature in training, float64 (n,)."""
    spread: np.ndarray
    """Interquartile range / 1.349, float64 (n,)."""
    linear: np.ndarray
    """float64 (n,)."""
    quadratic: np.ndarray
    """Squares and products, upper triangle, float64 (n, n)."""
    intercept: float

    @property
    def packed(self) -> Packed:
        """The form the kernels take."""
        return (self.centre, self.spread, self.linear, self.quadratic, self.intercept)

    def to_json(self) -> dict[str, Any]:
        return {
            "features": list(self.features), "centre": self.centre.tolist(), "spread": self.spread.tolist(),
            "linear": self.linear.tolist(), "quadratic_upper": self.quadratic[np.triu_indices(len(self.features))].tolist(),
            "intercept": self.intercept,
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> WeightSet:
        """KeyError or ValueError where something is missing or of the wrong length."""
        features = tuple(values["features"])
        n = len(features)
        centre, spread, linear = (np.asarray(values[k], dtype="float64").reshape(n) for k in ("centre", "spread", "linear"))
        quadratic = np.zeros((n, n))
        quadratic[np.triu_indices(n)] = np.asarray(values["quadratic_upper"], dtype="float64").reshape(n * (n + 1) // 2)
        if not (spread > 0).all():
            raise ValueError("spread must be positive")
        return cls(features, centre, spread, linear, quadratic, float(values["intercept"]))


@dataclass(frozen=True, eq=False)
class DetectorModel:
    """Two weight sets: with the red edge, and with the colours every sensor has."""

    rededge: WeightSet
    colour: WeightSet
    report: dict[str, Any]
    """How it was trained and how well it does; every figure is simulated."""


@cache
def load_model(path: Path | None = None) -> DetectorModel:
    """Read the detector; by default the one shipped in ``config/``.

    Raises
    ------
    ConfigError : the file is missing, damaged, or made for other features.
    """
    path = path or config_folder() / "black_odorous.json"
    remedy = "restore the file, or train again: `python -m rs_pipeline.products.black_odorous.training`"
    try:
        values = json.loads(path.read_text("utf-8"))
        sets = [WeightSet.from_json(values[name]) for name in ("rededge", "colour")]
        report = dict(values["report"])
    except OSError as fault:
        raise ConfigError(f"cannot read the detector: {fault.strerror}", where=str(path), remedy=remedy) from None
    except (KeyError, ValueError, TypeError) as fault:
        raise ConfigError(f"not a detector: {type(fault).__name__}: {fault}", where=str(path), remedy=remedy) from None
    for weights, expected in zip(sets, (FEATURES, COLOUR_FEATURES), strict=True):
        if weights.features != expected:
            raise ConfigError(f"made for the features {weights.features}, not {expected}", where=str(path), remedy=remedy)
    return DetectorModel(*sets, report)
