"""Real labelled pixels as inputs of the land classifier: monthly Sentinel-2 and Sentinel-1 data of one year become STATISTICS.

The data are third-party, under the MIT licence (WorldCereal's public extractions, LUCAS, Flanders' declared fields; the spectra are those of
the package earthlib), and are not copied; the network that is trained on them is in ``config/land.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rs_pipeline.errors import TableError
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS
from rs_pipeline.products.calendar import in_window
from rs_pipeline.products.land.classes import Land
from rs_pipeline.products.seasons import HALVES, SEASONS
from rs_pipeline.training.land_library import Spectra, series_features

MONTHS = 12
"""Number of months, the last of a series, that are used as its year."""
MID_MONTH = 15
"""Day of the month assigned to a monthly composite."""
INCIDENCE_DEG = 38.5
"""Mean angle of incidence of Sentinel-1 IW; gamma0 is sigma0 divided by its cosine."""
LABELS = {c.word: c for c in Land}


@dataclass(frozen=True)
class RealPixels:
    """Labelled pixels of the seven classes."""

    values: np.ndarray
    """float32 (F, n) of STATISTICS, NaN where nothing was seen."""
    land: np.ndarray
    """Class (n,), values of Land."""
    source: np.ndarray
    """Data set (n,)."""

    def only(self, which: np.ndarray) -> RealPixels:
        """The pixels that ``which`` (bool mask or indices) selects."""
        return RealPixels(self.values[:, which], self.land[which], self.source[which])


def read_real_land(folder: Path) -> RealPixels:
    """Pixels of ``real_land/s2_s1_series.parquet``; pixels with other labels are left out, and so are bad months (clouds, snow).

    Raises TableError where the files are missing or have another form.
    """
    series_path, samples_path = (Path(folder) / "real_land" / name for name in ("s2_s1_series.parquet", "s2_s1_samples.csv"))
    try:
        series, samples = pd.read_parquet(series_path), pd.read_csv(samples_path)
        samples = samples[samples.label.isin(LABELS)]
        of_sample = dict(tuple(series.groupby("sample_id")))
        values = [monthly_features(of_sample[i]) for i in samples.sample_id]
    except (OSError, KeyError, AttributeError) as fault:
        raise TableError(f"the real land pixels cannot be read: {fault}", where=str(series_path), remedy="give their folder with --real") from None
    return RealPixels(np.stack(values, axis=1), samples.label.map(LABELS).to_numpy("int64"), samples.source.to_numpy(str))


def read_spectra(folder: Path) -> tuple[Spectra, np.ndarray, np.ndarray]:
    """Measured soils, sands, roofs and roads of ``real_spectra/earthlib_measured.parquet``, and the number of the place of each: an array for
    bare ground, then one for built ground.

    Raises TableError where the file is missing or has another form.
    """
    path = Path(folder) / "real_spectra" / "earthlib_measured.parquet"
    try:
        table = pd.read_parquet(path)
        kept = [table[(table.label == label) & ~table.out_of_range & ~table.duplicate] for label in ("bare", "built")]
        places = [pd.factorize(t.lat.round(1).astype(str) + t.lon.round(1).astype(str) + t.material)[0] for t in kept]
        return Spectra(*(t[list(OPTICAL_BANDS)].to_numpy("float64") for t in kept)), *places
    except (OSError, KeyError, AttributeError) as fault:
        raise TableError(f"the measured spectra cannot be read: {fault}", where=str(path), remedy="give their folder with --real") from None


def monthly_features(months: pd.DataFrame) -> np.ndarray:
    """STATISTICS float32 (F,) of the last MONTHS of a pixel: columns ``month`` (YYYY-MM), OPTICAL_BANDS (reflectance), ``vv_db``, ``vh_db``
    (sigma0), and the flags ``suspect``, ``no_optical``, ``bright``."""
    months = months.sort_values("month").tail(MONTHS)
    days = [day.date() for day in pd.to_datetime(months.month) + pd.Timedelta(days=MID_MONTH - 1)]
    bad = months[["suspect", "no_optical", "bright"]].any(axis=1).to_numpy()
    refl = np.where(bad[:, None], np.nan, months[list(OPTICAL_BANDS)].to_numpy("float64"))
    gamma0_db = months[[f"{p}_db" for p in RADAR_BANDS]].to_numpy("float64") - 10 * np.log10(np.cos(np.radians(INCIDENCE_DEG)))
    season, half = (np.array([in_window(days, w) for w in windows.values()]) for windows in (SEASONS, HALVES))
    return series_features(refl[:, :, None], season, gamma0_db[:, :, None], half)[:, 0]
