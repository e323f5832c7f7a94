"""The weights of dates and of reaches, frozen, read from ``config/black_odorous.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rs_kernels.black_odorous import COLOUR_FEATURES, SPECTRUM_FEATURES, Detector
from scipy.special import expit, logit

from rs_pipeline.errors import ConfigError
from rs_pipeline.paths import config_folder
from rs_pipeline.products.black_odorous.season import SEASON_FEATURES

if TYPE_CHECKING:
    import pandas as pd

KNOWN_BANDS = ("blue", "green", "red", "nir")
KNOWN_MIN_REFL = 0.002
"""Darker water has no colour that can be told from noise."""

DARK_GREEN_REFL = 0.02
"""Green reflectance below which water may be taken for black-odorous by darkness alone."""

LEFT_OUT = 0.02
"""Share of known seasons that count as unknown."""

REACH_FEATURES = (*SEASON_FEATURES, "narrow", "wetland", "aquaculture", "new_water", "unknown_water")
"""Features of `ReachModel`: those of the season, then ``narrow``, see `classify.narrowness`, and what is known of the place: 0 or 1 each."""

FEATURE_LIMIT = 4.0
"""Standard deviations at which a feature of a reach is clipped, so that one alone does not decide. A design value."""

Packed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


def _standardised(values: dict[str, Any], weights: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
    """The features of a model, and of each its centre, spread and weight, float64 (n,). KeyError or ValueError where something is missing or of the
    wrong length."""
    features = tuple(values["features"])
    centre, spread, weight = (np.asarray(values[k], dtype="float64").reshape(len(features)) for k in ("centre", "spread", weights))
    if not (spread > 0).all():
        raise ValueError("spread must be positive")
    return features, centre, spread, weight


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
            "features": list(self.features),
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "linear": self.linear.tolist(),
            "quadratic_upper": self.quadratic[np.triu_indices(len(self.features))].tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> WeightSet:
        """KeyError or ValueError where something is missing or of the wrong length."""
        features, centre, spread, linear = _standardised(values, "linear")
        n = len(features)
        quadratic = np.zeros((n, n))
        quadratic[np.triu_indices(n)] = np.asarray(values["quadratic_upper"], dtype="float64").reshape(n * (n + 1) // 2)
        return cls(features, centre, spread, linear, quadratic, float(values["intercept"]))


@dataclass(frozen=True)
class ProbabilityCalibration:
    """Probability from log-odds by slope and intercept (Platt 1999), fitted on field visits where there are enough."""

    slope: float
    intercept: float
    prevalence: float
    """Share of black-odorous reaches among those it was fitted on."""
    fitted_on: str

    def probability(self, log_odds: np.ndarray) -> np.ndarray:
        """Probability (0-1) of log-odds.

        >>> ProbabilityCalibration(2.0, -2.0, 0.5, "").probability(np.array([1.0])).tolist()
        [0.5]
        """
        return expit(self.slope * np.asarray(log_odds, "float64") + self.intercept)


@dataclass(frozen=True, eq=False)
class ReachModel:
    """Logistic model of a reach and period: all evidence, for and against, with weights fitted on simulated worlds with known truth."""

    features: tuple[str, ...]
    centre: np.ndarray
    """Mean of each feature where it was fitted, float64 (n,)."""
    spread: np.ndarray
    """Standard deviation, float64 (n,)."""
    weight: np.ndarray
    """float64 (n,), per standard deviation of the feature."""
    intercept: float
    prevalence: float
    """Share of black-odorous reaches among those it was fitted on."""
    fitted_on: str
    report: dict[str, Any]
    """Its accuracy on worlds that it was not fitted on."""

    def log_odds(self, features: pd.DataFrame) -> np.ndarray:
        """Log-odds (m,) of rows with its features; NaN where one is NaN."""
        z = np.clip((features[list(self.features)].to_numpy("float64") - self.centre) / self.spread, -FEATURE_LIMIT, FEATURE_LIMIT)
        return z @ self.weight + self.intercept

    def probability(self, log_odds: np.ndarray, prevalence: float | None = None) -> np.ndarray:
        """Probability (0-1) where a share ``prevalence`` of all reaches is black-odorous (None: as where it was fitted)."""
        shift = 0.0 if prevalence is None else float(logit(prevalence) - logit(self.prevalence))
        return expit(np.asarray(log_odds, "float64") + shift)

    def to_json(self) -> dict[str, Any]:
        return {
            "features": list(self.features),
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "weight": self.weight.tolist(),
            "intercept": self.intercept,
            "prevalence": self.prevalence,
            "fitted_on": self.fitted_on,
            "report": self.report,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ReachModel:
        """KeyError or ValueError where something is missing or of the wrong length."""
        features, centre, spread, weight = _standardised(values, "weight")
        intercept, prevalence = (float(values[k]) for k in ("intercept", "prevalence"))
        return cls(features, centre, spread, weight, intercept, prevalence, str(values["fitted_on"]), dict(values["report"]))


@dataclass(frozen=True, eq=False)
class KnownWaters:
    """The kinds of water of the training, each a normal distribution of the logarithm of its reflectance in a season."""

    names: tuple[str, ...]
    mean: np.ndarray
    """float64 (k, 4): ln of KNOWN_BANDS."""
    precision: np.ndarray
    """Inverse covariance, float64 (k, 4, 4)."""
    limit: float
    """Squared distance (Mahalanobis 1936) to the nearest of them that LEFT_OUT of the training's own seasons exceed."""

    def distance(self, refl: np.ndarray) -> np.ndarray:
        """Squared distance to the nearest known water, (n,), of reflectance (n, 4) in KNOWN_BANDS; NaN in, NaN out."""
        off = np.log(np.maximum(refl, KNOWN_MIN_REFL))[:, None] - self.mean
        return np.einsum("nki,kij,nkj->nk", off, self.precision, off).min(axis=1)

    def unknown(self, refl: np.ndarray) -> np.ndarray:
        """bool (n,): dark water unlike any of the training. Bright water does not count, because it is never taken for black-odorous."""
        with np.errstate(invalid="ignore"):
            return (self.distance(refl) > self.limit) & (refl[:, 1] < DARK_GREEN_REFL)

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "mean": self.mean.tolist(), "precision": self.precision.tolist(), "limit": self.limit}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> KnownWaters:
        n = len(values["names"])
        mean, precision = np.array(values["mean"]).reshape(n, 4), np.array(values["precision"]).reshape(n, 4, 4)
        return cls(tuple(values["names"]), mean, precision, float(values["limit"]))


@dataclass(frozen=True, eq=False)
class DetectorModel:
    """Two weight sets for single dates, with the red edge and with the colours every sensor has; the model of a reach; and the known waters."""

    rededge: WeightSet
    colour: WeightSet
    reach: ReachModel
    known: KnownWaters
    report: dict[str, Any]
    """Its training and its accuracy; all figures are from simulations."""

    @property
    def packed(self) -> Detector:
        """The form the kernels take."""
        return Detector(self.rededge.packed, self.colour.packed)


@cache
def load_detector(path: Path | None = None) -> DetectorModel:
    """Read the detector; by default the one shipped in ``config/``.

    Raises
    ------
    ConfigError : the file is missing, damaged, or made for other features.
    """
    path = path or config_folder() / "black_odorous.json"
    remedy = "restore the file, or train again: `python -m rs_pipeline.training.black_odorous`"
    try:
        values = json.loads(path.read_text("utf-8"))
        rededge, colour = (WeightSet.from_json(values[name]) for name in ("rededge", "colour"))
        model = DetectorModel(rededge, colour, ReachModel.from_json(values["reach"]), KnownWaters.from_json(values["known_waters"]), dict(values["report"]))
    except OSError as fault:
        raise ConfigError(f"cannot read the detector: {fault.strerror}", where=str(path), remedy=remedy) from None
    except (KeyError, ValueError, TypeError) as fault:
        raise ConfigError(f"not a detector: {type(fault).__name__}: {fault}", where=str(path), remedy=remedy) from None
    made_for = rededge.features, colour.features, model.reach.features
    for features, expected in zip(made_for, (SPECTRUM_FEATURES, COLOUR_FEATURES, REACH_FEATURES), strict=True):
        if features != expected:
            raise ConfigError(f"made for the features {features}, not {expected}", where=str(path), remedy=remedy)
    return model
