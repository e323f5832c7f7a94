"""The page compared with its table, and its two languages. On the finished run of a tiny world (simulated)."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pandas as pd

from benchmarks.attack import Attack
from benchmarks.attacks.disk import copied, must_end_well, ran
from rs_pipeline.layout import Layout

PART = re.compile(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', re.S)
NUMBERS = ("observed_fraction", "value", "lower", "upper", "slope_per_year", "slope_lower", "slope_upper")
HALF = re.compile(r"\b[a-z]{3,} [a-z]{2,}\b")
"""Two English words in a row."""


def parts_of(layout: Layout) -> dict:
    """The data that the page holds, by part."""
    return {name: json.loads(value) for name, value in PART.findall(layout.report.read_text("utf-8"))}


def differing_cells(page: dict, table: pd.DataFrame) -> list[tuple]:
    """Cells of the table, (adcode, period, indicator, target_id, column), that the page lacks or holds with a relative difference above 1e-4."""
    found, core, wrong = page["indicators"], page["core"], []
    kinds = {(k["indicator"], k["target_id"]): k for k in found["kinds"]}
    unit, period = {u["code"]: i for i, u in enumerate(core["units"])}, {p: i for i, p in enumerate(core["periods"])}
    for row in table.itertuples():
        kind, slot = kinds[row.indicator, row.target_id], unit[row.adcode] * len(period) + period[row.period]
        for name in NUMBERS:
            told, held = (kind.get("columns", {}).get(name) or {slot: None})[slot], getattr(row, name)
            if "everywhere" in kind and name == "observed_fraction":
                continue  # observed in no unit: one reason stands for all units
            if (told is None) == math.isfinite(held) or (told is not None and not math.isclose(told, held, rel_tol=1e-4, abs_tol=1e-12)):
                wrong.append((row.adcode, row.period, row.indicator, row.target_id, name))
    return wrong


def one_truth(folder: Path) -> str:
    """The page holds all numbers of the table, and reports changed verdicts against an earlier table as saved by a spreadsheet."""
    small = copied(folder)
    table = pd.read_csv(small.layout.indicators, encoding="utf-8-sig", dtype={"adcode": str, "period": str, "target_id": str}).fillna({"target_id": ""})
    held = table[table.target_id != ""].index
    earlier = table.assign(adcode=table.adcode.str.lstrip("0").replace("", "0"))
    earlier.loc[held[0], "status"] = "on_track" if table.status[held[0]] != "on_track" else "met"
    (small.folder / "earlier.csv").write_text(earlier.to_csv(index=False, sep=";"), "gb18030")
    small.configure(report={"title": "某省", "earlier_indicators": "earlier.csv"})
    must_end_well(ran(small))
    page = parts_of(small.layout)
    wrong, told = differing_cells(page, table), page["core"]["earlier"]
    assert not wrong, wrong[:5]
    assert (told["n"], told["added"], told["compared"]) == (1, 0, len(held)), told
    return f"{int(table[list(NUMBERS)].notna().sum().sum())} numbers of {len(table)} rows on the page; 1 of {told['compared']} verdicts differs from the earlier table"


def both_languages(folder: Path) -> str:
    """No reason on the page is half translated."""
    small = copied(folder)
    page = parts_of(small.layout)
    told = {reason: page["chinese"].get(reason, reason) for reason in (*page["indicators"]["reasons"], *page["indicators"]["notes"])}
    half = [said for said in told.values() if HALF.search(said)]
    assert not half, half[:3]
    return f"{len(told)} reasons, none with two English words in a row in Chinese"


ATTACKS = (
    Attack("one truth", "Every number of the page is that of indicators.csv, and what changed since an earlier run is told.", one_truth),
    Attack("both languages", "No reason of the page comes out half translated.", both_languages),
)
