"""Quality of the data: scenes, orbits, chips and what was observed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.config import Settings
from rs_pipeline.indicators.losses import lost_units
from rs_pipeline.layout import Layout
from rs_pipeline.publish.report.text import Codes, number, text
from rs_pipeline.storage.retry import read_retries

MAX_LISTED = 300
"""Largest number of rows of a list on the page; the page says where the rest is."""

STATES = ("used", "skipped", "failed")

OFFSET_COLUMNS = ("sensor", "offset", "offset_decision", "offset_confidence")


def alike(reason: Any) -> str:
    """A reason without the parts that differ from scene to scene, so that reasons of one kind are counted together.

    >>> alike("cloud cover 93.4 % above 90 %"), alike("same acquisition as S2A_50SPJ_20230101_0_L2A, which is used")
    ('cloud cover … % above 90 %', 'same acquisition as …, which is used')
    """
    return re.sub(r"\w+(_\w+){2,}|\d+\.\d+", "…", text(reason))


def without_figures(decision: Any) -> str:
    """How an offset was decided, without the scene's own figures, which stand in parentheses.

    >>> without_figures("no flag; confirmed: offset removed from the pixels (812 clear pixels, 3.1% of them below 900)")
    'no flag; confirmed: offset removed from the pixels'
    """
    return re.sub(r" \([^()]*\)", "", text(decision))


def scene_quality(path: Path) -> dict[str, Any] | None:
    """Counts by sensor and status, reasons, offsets, a calendar, and the scenes that failed."""
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    month = pd.to_datetime(table["datetime"], utc=True).dt.strftime("%Y-%m")
    used, failed = table.status == "used", table[table.status == "failed"]
    return {
        "found": len(table),
        "by_status": {s: int((table.status == s).sum()) for s in STATES},
        "by_sensor": [[text(k), len(g), *(int((g.status == s).sum()) for s in STATES)] for k, g in table.groupby("sensor")],
        "reasons": _counted(table[~used].assign(reason=table.reason.map(alike)), ("status", "reason")),
        "offsets": _counted(table[used].assign(offset_decision=table.offset_decision.map(without_figures)), OFFSET_COLUMNS),
        "failed": [[text(r.scene_id), text(str(r.datetime)[:10]), text(r.reason)] for r in failed.head(MAX_LISTED).itertuples()],
        "calendar": [[m, text(s), int(n)] for (m, s), n in table[used].groupby([month[used], "sensor"]).size().items()],
    }


def _counted(table: pd.DataFrame, columns: tuple[str, ...]) -> list[list]:
    """Distinct combinations with their number, most frequent first."""
    present = [c for c in columns if c in table.columns]
    seen = Counter(tuple(number(v) if isinstance(v, float) else text(v) for v in row) for row in table[present].itertuples(index=False))
    return [[*key, n] for key, n in seen.most_common(60)]


def orbit_quality(path: Path) -> list[list] | None:
    """[sensor, platform, orbit, expected, found, used, missing days] of every orbit."""
    if not path.exists():
        return None
    table = pd.read_csv(path, dtype={"missing_days": "string"})
    return [
        [text(r.sensor), text(r.platform), number(r.relative_orbit), int(r.expected), int(r.found), int(r.used), text(r.missing_days).replace(";", " ")]
        for r in table.itertuples()
    ]


def chip_quality(settings: Settings) -> dict[str, Any] | None:
    """How many chips were read, were empty or failed, and the failures; a tile that was given up is one failure of all its scenes. ``lost`` are
    [period, units that lost more scenes than allowed, all units]."""
    root = settings.root
    manifests = sorted((root / "chips").glob("*/*/chips.parquet"))
    if not manifests:
        return None
    counts: Counter = Counter()
    failures = []
    for path in manifests:
        table = pd.read_parquet(path, columns=["scene_id", "status", "reason"])
        counts.update(table.status)
        for row in table[table.status == "failed"].itertuples():
            failures.append([path.parent.parent.name, path.parent.name, text(row.scene_id), text(row.reason)])
    for job, retry in read_retries(Layout(root).retries).items():
        verb, *place = job.split(".")
        if retry.given_up and verb != "fetch":  # fetch failures are in the manifest
            period, tile = [*place, "", ""][:2]
            failures.append([period, tile, "all scenes", text(f"{verb} was given up: {retry.given_up}")])
    return {
        "counts": {s: counts.get(s, 0) for s in ("ok", "empty", "failed")},
        "failures": failures[:MAX_LISTED],
        "n_failures": len(failures),
        "lost": [[loss.period, loss.lost, loss.units] for loss in lost_units(settings)],
    }


def _county_rows(layout: Layout, period: str) -> pd.DataFrame | None:
    path = layout.counties(period)
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    return table[table.zone == "county"]


def clear_counts(layout: Layout, periods: list[str], unit_codes: Codes) -> dict[str, list]:
    """Lists over unit * periods + period of the mean number of clear dates and of clear months."""
    n = len(periods)
    out: dict[str, list] = {name: [None] * (len(unit_codes) * n) for name in ("dates", "months")}
    for p, period in enumerate(periods):
        if (table := _county_rows(layout, period)) is None:
            continue
        for code, *row in zip(table.adcode.astype(str), table.clear_dates_mean, table.clear_months_mean, strict=True):
            for name, value in zip(out, row, strict=True) if code in unit_codes else ():
                out[name][unit_codes[code] * n + p] = number(value, 3)
    return out
