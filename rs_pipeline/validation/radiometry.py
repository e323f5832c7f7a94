"""Whether the run found and corrected the faults of a simulated catalog: offsets, wrong flags, a damaged file, duplicates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from rs_pipeline.validation.metrics import ratio
from rs_pipeline.validation.truth import Score

OFFSET_REFL = -0.1
"""Offset, reflectance, of Sentinel-2 scenes whose numbers still contain +1000."""
UNDECIDED = "offset cannot be decided"
"""Start of the reason of a scene that was refused because metadata and pixels do not decide its offset."""


def true_offsets(world: Mapping) -> dict[str, float]:
    """Scene id to the offset in reflectance that its numbers truly need, of all Sentinel-2 items in world.json."""
    pending = set(world["offset_in_pixels"])
    newer = {scene: scene for scene in world["scenes"] if scene.startswith("S2")}
    older = {old: new for new, old in world.get("duplicates", {}).items()}
    return {scene: OFFSET_REFL if as_in in pending else 0.0 for scene, as_in in (newer | older).items()}


def score_radiometry(scenes: pd.DataFrame, world: Mapping, offsets: Mapping[str, float], chips: pd.DataFrame | None = None) -> list[Score]:
    """Scores of the ledger, product ``radiometry``, in % of the scenes they are about.

    ``offset_right``: used scenes whose offset is the true one. ``wrong_flag_mended``: the same, of scenes with wrong metadata;
    ``missing_flag_mended``: of scenes whose metadata state no offset. ``refused``: scenes that are not used because their offset was not decided.
    ``corrupt_told``: damaged scenes that the ledger or a manifest of chips calls failed, with a reason. ``duplicate_dropped``: older
    processings that are not used.

    Parameters
    ----------
    scenes : scenes.parquet: scene_id, offset, status, reason.
    world : world.json: wrong_offset_flag, corrupt, duplicates.
    offsets : see `true_offsets`.
    chips : manifests of the run, together: scene_id, status, reason.
    """
    used = scenes[(scenes.status == "used") & scenes.scene_id.isin(offsets)]
    right = pd.Series([math.isclose(o, offsets[i], abs_tol=1e-6) for i, o in zip(used.scene_id, used.offset, strict=True)], used.index, dtype=bool)
    wrong = used.scene_id.isin(world.get("wrong_offset_flag", []))
    silent = used.scene_id.isin(world.get("missing_offset_flag", []))
    every = scenes[scenes.scene_id.isin(offsets)]
    refused = (every.status != "used") & every.reason.fillna("").str.startswith(UNDECIDED)
    told = [scenes] if chips is None else [scenes, chips]
    failed = {i for t in told for i in t.scene_id[(t.status == "failed") & (t.reason.fillna("") != "")]}
    corrupt = set(world.get("corrupt", [])) & set(scenes.scene_id)
    older = scenes[scenes.scene_id.isin(set(world.get("duplicates", {}).values()))]
    return [
        Score("radiometry", "offset_right", "used Sentinel-2 scenes", 100 * ratio(right.sum(), len(used)), "%", len(used)),
        Score("radiometry", "wrong_flag_mended", "scenes with a wrong flag", 100 * ratio((right & wrong).sum(), wrong.sum()), "%", int(wrong.sum())),
        Score("radiometry", "missing_flag_mended", "scenes without a flag", 100 * ratio((right & silent).sum(), silent.sum()), "%", int(silent.sum())),
        Score("radiometry", "refused", "Sentinel-2 scenes", 100 * ratio(refused.sum(), len(every)), "%", len(every)),
        Score("radiometry", "corrupt_told", "damaged scenes", 100 * ratio(len(corrupt & failed), len(corrupt)), "%", len(corrupt)),
        Score("radiometry", "duplicate_dropped", "older processings", 100 * ratio((older.status != "used").sum(), len(older)), "%", len(older)),
    ]
