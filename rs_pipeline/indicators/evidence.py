"""``evidence.parquet``: the scenes, files and software from which every row of the indicators was computed.

It has one row per row of the indicators, in the same order and with the same key (adcode, period, indicator, target_id). The scene ids are a list in
the row itself; dictionary encoding keeps the file of a province small, because neighbouring rows repeat the same list. Rows that use no scene
(not observable, needs a table, official value) have empty lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.inputs.outside import raster_paths
from rs_pipeline.layout import Layout
from rs_pipeline.model import Sensor
from rs_pipeline.products.register import products
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.provenance import code_sha256, configuration_sha256, fingerprint, git_commit, software
from rs_pipeline.storage.tables import parquet_in_parts

SCENE_LIST_COLUMNS = ("processing_baselines", "platforms", "offsets", "masks")
"""Columns with the different values among the scenes of a row."""

ROWS_OF_LISTS = 2_000
"""Number of rows written at once; a row computed from all periods lists the scenes of all."""

_NO_SCENES: dict[str, list[str]] = {name: [] for name in ("scene_ids", *SCENE_LIST_COLUMNS)}


def ledger(path: Path) -> dict[str, dict[str, str]]:
    """Scene id to ``family`` and to the texts of SCENE_LIST_COLUMNS; empty where there is no ledger."""
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
    """The mask that a scene was used with, in words; by configuration a scene may be used without one."""
    if sensor.mask.kind == "none":
        return "none needed: radar"
    return sensor.known_band("mask").assets[0] if "mask" in assets else "none: used without a cloud mask by sources.allow_unmasked"


class _Sources:
    """Periods, scenes and files from which an indicator of a period is computed."""

    def __init__(self, run: Run):
        self.run, self.settings, self.layout = run, run.settings, Layout(run.settings.root)
        self.ledger = ledger(self.layout.scenes)
        self.fingerprint = cache(lambda path: fingerprint(path, self.settings.root))
        self.scenes = cache(self._scenes)
        self.files = cache(self._files)

    def forget(self) -> None:
        """Clear the caches of the units done, to limit memory."""
        self.scenes.cache_clear()
        self.files.cache_clear()

    def periods(self, name: str, period: str, baseline: str) -> tuple[str, ...]:
        indicator = INDICATORS[name]
        if products()[indicator.product].of_all_periods or indicator.of_all_periods:
            return tuple(p.label for p in self.settings.all_periods)
        return tuple(dict.fromkeys(filter(None, (baseline, period))))

    def _scenes(self, adcode: str, periods: tuple[str, ...], optical_only: bool) -> dict[str, list[str]]:
        """Scene ids of a unit and periods, and the different values of SCENE_LIST_COLUMNS among them."""
        ids = sorted({s for p in periods for s in self.run.scenes[adcode, p]})
        if optical_only:
            ids = [i for i in ids if self.ledger.get(i, {}).get("family") != "radar"]
        known = [self.ledger[i] for i in ids if i in self.ledger]
        return {"scene_ids": ids, **{name: sorted({k[name] for k in known} - {""}) for name in SCENE_LIST_COLUMNS}}

    def scenes_of(self, row: Any) -> dict[str, list[str]]:
        indicator = INDICATORS.get(row.indicator)
        measured = np.isfinite(row.value) or row.status == "insufficient_data"
        if indicator is None or products()[indicator.product].scenes == "none" or not measured:
            return _NO_SCENES
        return self.scenes(row.adcode, self.periods(row.indicator, row.period, row.baseline), products()[indicator.product].scenes == "optical")

    def _files(self, name: str, adcode: str, period: str, baseline: str, has_target: bool, has_value: bool) -> list[str]:
        """Fingerprints of the files that a row is computed from: tables first, then the unit's tile maps as the zonal step read them."""
        settings, layout = self.settings, self.layout
        paths: list[Path | None] = [settings.targets_path] if has_target else []
        maps: list[str] = []
        if name not in INDICATORS:
            paths += [settings.tables.values, settings.tables.lists, settings.tables.rasters, *raster_paths(settings)] if has_value else []
        else:
            product, periods = products()[INDICATORS[name].product], self.periods(name, period, baseline)
            summed_anew = baseline not in ("", settings.baseline_label) and not INDICATORS[name].of_all_periods
            changes = [layout.changes(period)] if summed_anew else []
            paths += [*(layout.counties(p) for p in periods), *changes, settings.units.path, *product.evidence(settings, name, periods)]
            files = tuple(f"{m}.tif" for m in product.evidence_maps)
            maps = [m for p in periods for m in self.run.maps[adcode, p] if m.split(" ")[0].endswith(files)]
        return [*(self.fingerprint(p) for p in paths if p is not None), *dict.fromkeys(maps)]


def _lists(values: list[list[str]]) -> pa.Array:
    """Lists as list<string> in which each string is stored once. Lists that are the same object are encoded once."""
    known: dict[str, int] = {}
    distinct = {id(v): v for v in values}
    codes = {key: np.array([known.setdefault(t, len(known)) for t in v], "int32") for key, v in distinct.items()}
    offsets = np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype("int32")
    flat = np.concatenate([codes[id(v)] for v in values]) if values else np.zeros(0, "int32")
    strings = pa.DictionaryArray.from_arrays(pa.array(flat, pa.int32()), pa.array(list(known), pa.string()))
    return pa.ListArray.from_arrays(pa.array(offsets), strings)


@contextmanager
def evidence_in_parts(run: Run) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Write ``evidence.parquet``: call the yielded function with the parts of the table of indicators, with column ``origin``, unit by unit.

    Columns: the key adcode, period, indicator, target_id; scene_ids, processing_baselines, platforms, offsets (``offset: how it was
    decided``) and inputs as lists; interval_origin, software, git_commit, code_sha256, configuration_sha256, simulated. The git_commit ends in
    ``+changes`` where the checkout was not clean.
    """
    sources = _Sources(run)
    # Arrow's own schema is not stored, so that lists are read back as texts: lists of dictionary codes cannot be read across row groups.
    with parquet_in_parts(Layout(run.settings.root).evidence, compression="zstd", store_schema=False) as append:

        def append_part(table: pd.DataFrame) -> None:
            sources.forget()
            for first in range(0, len(table), ROWS_OF_LISTS):
                append(_evidence(sources, table.iloc[first : first + ROWS_OF_LISTS]))

        yield append_part


def _evidence(sources: _Sources, table: pd.DataFrame) -> pa.Table:
    run = sources.run
    rows = list(table.itertuples(index=False))
    scenes = [sources.scenes_of(row) for row in rows]
    inputs = [sources.files(r.indicator, r.adcode, r.period, r.baseline, bool(r.target_id), bool(np.isfinite(r.value))) for r in rows]
    columns = {name: pa.array(table[name].astype(str).tolist()).dictionary_encode() for name in ("adcode", "period", "indicator", "target_id")}
    columns |= {name: _lists([s[name] for s in scenes]) for name in _NO_SCENES}
    columns["inputs"] = _lists(inputs)
    columns["interval_origin"] = pa.array(table["origin"].tolist()).dictionary_encode()
    constant = {"software": software(), "git_commit": git_commit(), "code_sha256": code_sha256(), "configuration_sha256": configuration_sha256(run.settings)}
    columns |= {name: pa.array([text] * len(rows)).dictionary_encode() for name, text in constant.items()}
    columns["simulated"] = pa.array([run.settings.simulation is not None] * len(rows))
    return pa.table(columns)
