"""A classifier of a year's statistics as data: read from JSON, statistics in, expected shares of its classes out. The land map and the map of solar
arrays have one each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.seasons import HALVES, SEASONS, STATISTICS

MIN_LAND_REFL = 0.002
"""Smaller reflectances are noise and are replaced by this."""

N_REFL = len(SEASONS) * len(OPTICAL_BANDS)
"""The first so many STATISTICS are reflectances. Their logarithms enter the network: differences of these are band ratios, as spectral indices are."""

GROUPS: dict[str, tuple[int, ...]] = {
    **{season: tuple(i for i, f in enumerate(STATISTICS[:N_REFL]) if f.startswith(f"{season}_") and not f.endswith("rededge1")) for season in SEASONS},
    "rededge1": tuple(i for i, f in enumerate(STATISTICS[:N_REFL]) if f.endswith("rededge1")),
    **{half: tuple(STATISTICS.index(f"{half}_{p}_db") for p in RADAR_BANDS) for half in HALVES},
}  # fmt: skip
"""Features that may be missing together: a season of the year, the red edge (Landsat has none), the radar of half a year."""

CHUNK = 16384
"""Pixels that are computed at a time."""

LAND_CLASSES = tuple(c.word for c in Land)


@dataclass(frozen=True)
class LandModel:
    """One hidden layer of tanh and a softmax; trained on the true shares of pixels, so that its outputs are expected shares."""

    centre: np.ndarray
    """Mean of each feature in the training, float64 (F,), reflectances by their logarithm."""
    spread: np.ndarray
    """Standard deviation, float64 (F,)."""
    weights: np.ndarray
    """float64 (H, F + G): of the features, then of the flags of missing groups."""
    bias: np.ndarray
    """float64 (H,)."""
    out_weights: np.ndarray
    """float64 (K, H)."""
    out_bias: np.ndarray
    """float64 (K,)."""
    temperature: float
    """Divides the logits, so that the network's confidence matches its accuracy on real pixels."""
    report: dict
    """Report of the training: accuracy by class on simulated worlds, and on real pixels of sources that were left out of the training."""
    classes: tuple[str, ...] = LAND_CLASSES
    """Names of the K classes."""

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Expected share of each class, float32 (K, n), of statistics float32 (F, n); each column adds up to 1."""
        out = np.empty((len(self.classes), values.shape[1]), "float32")
        w1, b1, w2, b2 = (a.astype("float32") for a in (self.weights, self.bias, self.out_weights, self.out_bias))
        for first in range(0, values.shape[1], CHUNK):
            part = slice(first, first + CHUNK)
            x = inputs(values[:, part], self.centre, self.spread)
            out[:, part] = softmax((w2 @ np.tanh(w1 @ x + b1[:, None]) + b2[:, None]) / np.float32(self.temperature))
        return out

    def to_json(self) -> str:
        """Text of the file, six significant digits."""

        def plain(a: np.ndarray) -> list:
            return [plain(row) for row in a] if a.ndim > 1 else [float(f"{v:.6g}") for v in a]

        content = {
            "report": self.report,
            "classes": list(self.classes),
            "features": list(STATISTICS),
            "temperature": round(self.temperature, 4),
            **{name: plain(getattr(self, name)) for name in _ARRAYS},
        }
        return json.dumps(content, allow_nan=False, separators=(",", ":")).replace('],"', '],\n"').replace('},"', '},\n"') + "\n"

    @classmethod
    def read(cls, path: Path, classes: tuple[str, ...] = LAND_CLASSES) -> LandModel:
        """Raises ConfigError where the file is no model of these classes and features."""
        name = Path(path).stem
        remedy = f"train it with `python -m rs_pipeline.training.{name} --real FOLDER`"
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            if content["classes"] != list(classes) or content["features"] != list(STATISTICS):
                raise ValueError("it is of other classes or features")
            arrays = {name: np.array(content[name], "float64") for name in _ARRAYS}
            return cls(**arrays, temperature=float(content["temperature"]), report=content["report"], classes=classes)
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise ConfigError(f"the land model cannot be read: {fault}", where=str(path), remedy=remedy) from None


_ARRAYS = ("centre", "spread", "weights", "bias", "out_weights", "out_bias")


@cache
def land_model() -> LandModel:
    """The pipeline's own model, config/land.json."""
    return LandModel.read(config_folder() / "land.json")


def logarithms(values: np.ndarray) -> np.ndarray:
    """Features float32 (F, n) with reflectances by their logarithm."""
    out = values.astype("float32", copy=True)
    out[:N_REFL] = np.log(np.maximum(out[:N_REFL], np.float32(MIN_LAND_REFL)))
    return out


def inputs(values: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Inputs of the network, float32 (F + G, n): features in standard deviations from their mean, 0 where missing, and a flag
    (1) for each group that is missing altogether."""
    missing = np.isnan(values)
    x = (logarithms(values) - centre[:, None].astype("float32")) / spread[:, None].astype("float32")
    x[missing] = 0
    missing_flags = np.stack([missing[list(group)].all(axis=0) for group in GROUPS.values()])
    return np.concatenate([x, missing_flags.astype("float32")])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Columns of numbers to columns of shares that add up to 1."""
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)
