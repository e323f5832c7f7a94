"""The FCOVER networks of ESA's SNAP toolbox, for users who have its ``auxdata``, in the form that the kernel takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.products.vegetation.model import KNOTS, CoverModel, Network

SNAP_SENTINEL_BANDS, SNAP_LANDSAT_BANDS = ("green", "red", "nir"), ("green", "red", "nir", "swir1", "swir2")
VIEW_COS, AZIMUTH_COS = np.cos(np.radians(5.0)), 0.0
"""Cosines of the view's zenith angle and of its azimuth to the sun, fixed because catalogs give neither per pixel."""

MEAN_SUN_COS = np.cos(np.radians(35.0))
SIGMA_MODEL, SIGMA_NOISE = 0.10, 0.02
"""Standard errors at any cover: the first is the lower end of published validations on the ground."""


def read_snap(folder: Path) -> CoverModel:
    """Networks of a folder that holds ``S2A_10m/FCOVER`` and ``LANDSAT8/FCOVER`` (S2ToolBox auxdata, 3_0; Weiss & Baret 2016).

    SNAP's network for 20 m needs bands that are not fetched, so its network for 10 m is used for Sentinel-2 at either pixel size.

    Raises
    ------
    ConfigError : a file is missing or is no table of numbers of the right size.
    """
    sentinel = _network(folder / "S2A_10m" / "FCOVER", SNAP_SENTINEL_BANDS)
    networks = {"s2_20m": sentinel, "s2_10m": sentinel, "landsat_oli": _network(folder / "LANDSAT8" / "FCOVER", SNAP_LANDSAT_BANDS)}
    return CoverModel(networks, {"kind": "SNAP FCOVER"})


def _network(folder: Path, bands: tuple[str, ...]) -> Network:
    def numbers(name: str) -> np.ndarray:
        return np.loadtxt(folder / f"FCOVER_{name}", delimiter=",")

    n, angles = len(bands), np.array([VIEW_COS, MEAN_SUN_COS, AZIMUTH_COS])
    try:
        least, most = numbers("Normalisation").reshape(n + len(angles), 2).T
        domain = numbers("DefinitionDomain_MinMax").reshape(2, n)
        hidden, bias = numbers("Weights_Layer1_Neurons").reshape(-1, n + len(angles)), numbers("Weights_Layer1_Bias").ravel()
        out, out_bias = numbers("Weights_Layer2_Neurons").ravel(), float(numbers("Weights_Layer2_Bias"))
        low, high = numbers("Denormalisation").ravel()
        # The scaling of inputs to -1 ... 1, and of the output, becomes part of the weights.
        slope = 2 / (most - least)
        bias = bias - hidden @ (1 + slope * least)
        hidden = hidden * slope
    except (OSError, ValueError) as fault:
        raise ConfigError(
            f"the SNAP network cannot be read: {fault}",
            where=str(folder),
            remedy="point vegetation.networks to the folder 3_0 of SNAP's auxdata, or leave it out for the pipeline's own",
        ) from None
    chosen, limits = [OPTICAL_BANDS.index(b) for b in bands], np.full((2, len(OPTICAL_BANDS)), [[-np.inf], [np.inf]])
    weights = np.zeros((bias.size, len(OPTICAL_BANDS)))
    weights[:, chosen], limits[:, chosen] = hidden[:, :n], domain
    zero = np.zeros(len(OPTICAL_BANDS))
    return Network(
        bands,
        weights,
        hidden[:, n + 1],
        bias + hidden[:, n] * VIEW_COS + hidden[:, n + 2] * AZIMUTH_COS,
        out * (high - low) / 2,
        (out_bias + 1) * (high - low) / 2 + low,
        float(MEAN_SUN_COS),
        limits[0],
        limits[1],
        zero,
        np.zeros((zero.size, zero.size)),
        0.0,
        np.full(KNOTS.size, SIGMA_MODEL),
        np.full(KNOTS.size, SIGMA_NOISE),
    )
