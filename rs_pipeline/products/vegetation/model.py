"""The cover networks as data: read from JSON, packed for the kernel."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rs_kernels.vegetation import domain_distances, limited_cover, network_cover

from rs_pipeline.errors import ConfigError

KNOTS = np.linspace(0.0, 1.0, 11)
"""Covers at which the errors of a network are tabulated."""


@dataclass(frozen=True)
class Network:
    """One hidden layer of tanh; reflectances of OPTICAL_BANDS and the cosine of the sun's zenith in, green cover out."""

    bands: tuple[str, ...]
    """Bands it uses."""
    weights: np.ndarray
    """(H, 7); 0 for a band it does not use."""
    sun_weights: np.ndarray
    """(H,) of the cosine of the sun's zenith angle."""
    bias: np.ndarray
    """(H,)."""
    out_weights: np.ndarray
    """(H,)."""
    out_bias: float
    sun_cos: float
    """Used where a catalog gives no sun elevation: the mean of the training."""
    low: np.ndarray
    """Smallest known reflectance, (7,); -inf for a band it does not use."""
    high: np.ndarray
    """Largest known reflectance, (7,)."""
    centre: np.ndarray
    """Mean reflectance of the training, (7,)."""
    whiten: np.ndarray
    """(7, 7): the squared length of ``whiten @ (refl - centre)`` is the Mahalanobis distance to the training."""
    max_distance: float
    """Spectra further than this are unknown."""
    sigma_model: np.ndarray
    """Standard error at KNOTS of predicted cover that all dates share, from canopies, soils and suns that the network cannot distinguish."""
    sigma_noise: np.ndarray
    """Standard error at KNOTS that is independent between dates, from noise and haze."""

    def date_bias(self, sun_elevation_deg: float | np.ndarray | None) -> np.ndarray:
        """Bias (H,) of a date, with the term of the sun."""
        sun_cos = self.sun_cos if sun_elevation_deg is None else np.sin(np.radians(sun_elevation_deg))
        return self.bias + self.sun_weights * sun_cos

    def estimate_cover(self, refl: np.ndarray, sun_elevation_deg: float | np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Cover 0-1 (m,), NaN where the network's output lies too far outside 0-1, and whether the spectrum is known, bool (m,), of reflectance (m, 7).

        ``sun_elevation_deg`` is one number for all, or (m,).
        """
        columns = np.where(self.weights.any(axis=0), refl, 0.0).T.astype("float64")
        n = columns.shape[1]
        raw, distance = np.empty(n), np.empty(n)
        if sun_elevation_deg is not None and np.ndim(sun_elevation_deg):
            for i, elevation in enumerate(np.asarray(sun_elevation_deg)):
                one = np.ascontiguousarray(columns[:, i : i + 1])
                network_cover(one, 1, self.weights, self.date_bias(elevation), self.out_weights, self.out_bias, raw[i : i + 1])
        else:
            columns = np.ascontiguousarray(columns)
            network_cover(columns, n, self.weights, self.date_bias(sun_elevation_deg), self.out_weights, self.out_bias, raw)
        domain_distances(np.ascontiguousarray(columns), n, self.low, self.high, self.centre, self.whiten, distance)
        cover = np.array([limited_cover(a) for a in raw])
        return cover, (distance <= self.max_distance) & np.isfinite(cover)


_ARRAYS = ("weights", "sun_weights", "bias", "out_weights", "low", "high", "centre", "whiten", "sigma_model", "sigma_noise")


@dataclass(frozen=True)
class CoverModel:
    """All networks, by name, with the report of their training."""

    networks: dict[str, Network]
    report: dict

    def to_json(self) -> str:
        """Text of the file: seven significant digits, null for no limit."""
        content = {"report": self.report, "networks": {name: _plain(asdict(network)) for name, network in self.networks.items()}}
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> CoverModel:
        """Raises ConfigError where the file is no model."""
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            networks = {}
            for name, values in content["networks"].items():
                arrays = {key: np.array(values[key], "float64") for key in _ARRAYS}
                arrays["low"] = np.where(np.isnan(arrays["low"]), -np.inf, arrays["low"])
                arrays["high"] = np.where(np.isnan(arrays["high"]), np.inf, arrays["high"])
                networks[name] = Network(**(values | arrays | {"bands": tuple(values["bands"])}))
            return cls(networks, content["report"])
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise ConfigError(
                f"the cover networks cannot be read: {fault}", where=str(path), remedy="train them with `python -m rs_pipeline.training.vegetation`"
            ) from None


def load_cover_model(path: Path) -> CoverModel:
    """The model of a file."""
    return CoverModel.read(path)


def _plain(values: dict) -> dict:
    def number(v: float) -> float | None:
        return float(f"{v:.7g}") if np.isfinite(v) else None

    def of(v: Any) -> Any:
        if isinstance(v, np.ndarray):
            return [of(row) for row in v] if v.ndim > 1 else [number(x) for x in v]
        return number(v) if isinstance(v, float) else v

    return {key: of(v) for key, v in values.items()}
