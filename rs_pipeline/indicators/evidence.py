"""``evidence.parquet``: what every row of the indicators rests on.

One row an indicator row, in the same order and with the same key (adcode, period, indicator, target_id). The scene ids are a list in
the row itself; dictionary encoding keeps a province small, because neighbouring rows repeat the same list. Rows that rest on no scene
(not observable, needs a table, official value) have empty lists.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio

from rs_pipeline.config import Settings, load_sensor
from rs_pipeline.indicators import land
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.layout import Layout
from rs_pipeline.model import Sensor
from rs_pipeline.output.atomic import atomic_path

HASHED_BYTES = 64 * 2**20
"""Larger inputs are named by size and time instead of a hash."""

OPTICAL_PRODUCTS = ("vegetation", "black_odorous")
"""Products that read no radar."""

SCENE_COLUMNS = ("processing_baselines", "platforms", "offsets", "masks")
"""Lists of what differs among the scenes of a row."""

_NO_SCENES: dict[str, list[str]] = {name: [] for name in ("scene_ids", *SCENE_COLUMNS)}


def software() -> str:
    """Versions of what computed the run, as ``name version`` joined by commas."""
    found = []
    for name in ("rs-pipeline", "numpy", "numba", "rasterio", "pyproj", "geopandas"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            from rs_pipeline import __version__

            found.append(f"{name} {__version__ if name == 'rs-pipeline' else 'not installed'}")
    return ", ".join([*found, f"GDAL {rasterio.__gdal_version__}", f"Python {platform.python_version()}"])


def git_commit() -> str:
    """Commit of the checkout this code runs from; empty where it is not a checkout."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def configuration_sha256(settings: Settings) -> str:
    """SHA-256 of the whole resolved configuration."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def fingerprint(path: Path, root: Path) -> str:
    """``<path> sha256:<hex>``, or ``<path> size:<bytes> mtime:<seconds>`` for a large file; ``<path> absent``. Relative below ``root``."""
    name = path.relative_to(root) if path.is_relative_to(root) else path
    if not path.exists():
        return f"{name} absent"
    if not path.is_file() or path.stat().st_size > HASHED_BYTES:
        return f"{name} size:{path.stat().st_size} mtime:{int(path.stat().st_mtime)}"
    return f"{name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def ledger(path: Path) -> dict[str, dict[str, str]]:
    """Scene id to ``family`` and to the texts of SCENE_COLUMNS; empty where there is no ledger."""
    if not path.exists():
        return {}
    names = ["scene_id", "sensor", "processing_baseline", "platform", "offset", "offset_decision", "assets"]
    return {
        r.scene_id: {
            "family": load_sensor(r.sensor).family,
            "processing_baselines": r.processing_baseline,
            "platforms": r.platform,
            "offsets": f"{r.offset:g}: {r.offset_decision}",
            "masks": _mask_words(load_sensor(r.sensor), json.loads(r.assets)),
        }
        for r in pd.read_parquet(path, columns=names).itertuples()
    }


def _mask_words(sensor: Sensor, assets: dict[str, str]) -> str:
    """Which mask a scene was used with: said because a scene may be used without one, by choice."""
    if sensor.mask.kind == "none":
        return "none needed: radar"
    return sensor.band("mask").assets[0] if "mask" in assets else "none: used without a cloud mask by sources.allow_unmasked"


class _Sources:
    """Periods, scenes and files that an indicator of a period rests on."""

    def __init__(self, run: Run):
        self.run, self.settings, self.layout = run, run.settings, Layout(run.settings.root)
        self.ledger = ledger(self.layout.scenes)
        self.fingerprint = cache(lambda path: fingerprint(path, self.settings.root))
        self.scenes = cache(self._scenes)
        self.files = cache(self._files)

    def periods(self, name: str, period: str) -> tuple[str, ...]:
        indicator = INDICATORS[name]
        if indicator.product == "coastline" or indicator.of_all_periods:
            return tuple(p.label for p in self.settings.all_periods)
        return tuple(dict.fromkeys((self.settings.baseline_label, period))) if indicator.is_change else (period,)

    def _scenes(self, adcode: str, periods: tuple[str, ...], optical_only: bool) -> dict[str, list[str]]:
        """Scene ids, and what is different among them, for a unit and periods."""
        ids = sorted({s for p in periods for s in self.run.scenes[adcode, p]})
        if optical_only:
            ids = [i for i in ids if self.ledger.get(i, {}).get("family") != "radar"]
        known = [self.ledger[i] for i in ids if i in self.ledger]
        return {"scene_ids": ids, **{name: sorted({k[name] for k in known} - {""}) for name in SCENE_COLUMNS}}

    def scenes_of(self, row) -> dict[str, list[str]]:
        indicator = INDICATORS.get(row.indicator)
        measured = np.isfinite(row.value) or row.status == "insufficient_data"
        if indicator is None or indicator.product == "red_line" or not measured:
            return _NO_SCENES
        return self.scenes(row.adcode, self.periods(row.indicator, row.period), indicator.product in OPTICAL_PRODUCTS)

    def _files(self, name: str, period: str, has_target: bool, has_value: bool) -> list[str]:
        tables, paths = self.settings.tables, []
        if has_target:
            paths.append(self.settings.targets_path)
        if name not in INDICATORS:
            paths += [tables.values] if has_value else []
        else:
            paths += [self.layout.counties(p) for p in self.periods(name, period)]
            product = INDICATORS[name].product
            paths += {"black_odorous": [self.layout.reaches], "coastline": [self.layout.transects], "red_line": [tables.red_line]}.get(product, [])
            paths += [self.layout.land_counties(p) for p in self.periods(name, period)] if product == "land" else []
            paths += [getattr(tables, key) for key in land.TABLES.get(name, ())]
            paths += [self.layout.bodies] if name == "water_bodies" else []
            paths += [self.layout.trend_counties] if name.endswith("_trend_area") else []
            paths += [tables.grassland] if name.startswith("grassland_") else []
            paths += [tables.grassland_plots] if name == "grassland_cover" else []
        return [self.fingerprint(p) for p in paths if p is not None]


def _lists(values: list[list[str]]) -> pa.Array:
    """list<string> whose strings are stored once. Lists that are the same object are looked up once."""
    known: dict[str, int] = {}
    distinct = {id(v): v for v in values}
    codes = {key: np.array([known.setdefault(t, len(known)) for t in v], "int32") for key, v in distinct.items()}
    offsets = np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype("int32")
    flat = np.concatenate([codes[id(v)] for v in values]) if values else np.zeros(0, "int32")
    strings = pa.DictionaryArray.from_arrays(pa.array(flat, pa.int32()), pa.array(list(known), pa.string()))
    return pa.ListArray.from_arrays(pa.array(offsets), strings)


def write_evidence(run: Run, table: pd.DataFrame) -> None:
    """Write ``evidence.parquet`` for a table of indicators.

    Columns: the key adcode, period, indicator, target_id; scene_ids, processing_baselines, platforms, offsets (``offset: how it was
    decided``) and inputs as lists; software, git_commit, configuration_sha256, simulated.
    """
    sources = _Sources(run)
    rows = list(table.itertuples(index=False))
    scenes = [sources.scenes_of(row) for row in rows]
    inputs = [sources.files(r.indicator, r.period, bool(r.target_id), bool(np.isfinite(r.value))) for r in rows]
    columns = {name: pa.array(table[name].astype(str).tolist()).dictionary_encode() for name in ("adcode", "period", "indicator", "target_id")}
    columns |= {name: _lists([s[name] for s in scenes]) for name in _NO_SCENES}
    columns["inputs"] = _lists(inputs)
    constant = {"software": software(), "git_commit": git_commit(), "configuration_sha256": configuration_sha256(run.settings)}
    columns |= {name: pa.array([text] * len(rows)).dictionary_encode() for name, text in constant.items()}
    columns["simulated"] = pa.array([run.settings.sample is not None] * len(rows))
    with atomic_path(Layout(run.settings.root).evidence) as part:
        pq.write_table(pa.table(columns), part, compression="zstd")
