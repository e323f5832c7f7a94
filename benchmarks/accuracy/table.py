"""The committed table: one row a figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.accuracy.measure import Scored
from benchmarks.accuracy.worlds import Recipe
from rs_pipeline.validation.truth import combine

COLUMNS = ("product", "metric", "subset", "method", "value", "unit", "world", "seeds", "kind")
PATH = Path(__file__).resolve().parents[2] / "tests" / "accuracy" / "table.csv"
EVERYWHERE = "all"
"""``world`` of the rows over all landscapes; held-out worlds, variants and worlds of development seeds are left out."""


SIMULATED_SETS = ("snap_fcover_cases",)
"""Data sets of others whose pixels are simulated: SNAP's test canopies are made with PROSAIL."""


def simulated_rows(measured: dict[Recipe, Scored]) -> list[dict]:
    """Rows of every landscape with its seeds together, and of all landscapes that are not held out."""
    groups: dict[str, list[Recipe]] = {}
    for recipe in measured:
        groups.setdefault(recipe.group, []).append(recipe)
        if recipe.sums_up:
            groups.setdefault(EVERYWHERE, []).append(recipe)
    rows = []
    for world, recipes in groups.items():
        seeds = ";".join(str(s) for s in sorted({r.seed for r in recipes}))
        for method in dict.fromkeys(m for r in recipes for m, _ in measured[r]):
            scores = combine([[s for m, s in measured[r] if m == method] for r in recipes])
            rows += [
                dict(zip(COLUMNS, (s.product, s.metric, s.subset, method, s.value, s.unit, world, seeds, "simulated"), strict=True)) for s in scores if s.n
            ]
    return rows


def brought_up_to_date(table: pd.DataFrame, rows: list[dict]) -> list[dict]:
    """``table`` with those of its rows replaced that ``rows``, measured on some worlds with some methods, can replace: a method and landscape
    measured with all seeds of the table, new ones, and rows of EVERYWHERE that need no landscape outside ``rows``. The rest is unchanged."""
    old, key = table.to_dict("records"), ("product", "metric", "subset", "method")
    seeds = {r["world"]: r["seeds"] for r in old}
    whole = {(r["world"], r["method"]) for r in rows if r["world"] != EVERYWHERE and r["seeds"] == seeds.get(r["world"], r["seeds"])}
    summed = {w for w in seeds if "(" not in w and w != EVERYWHERE}
    elsewhere = {tuple(r[k] for k in key) for r in old if r["world"] in summed and (r["world"], r["method"]) not in whole}

    def stands(row: dict) -> bool:
        if row["world"] == EVERYWHERE:
            return any(m == row["method"] for _, m in whole) and tuple(row[k] for k in key) not in elsewhere
        return (row["world"], row["method"]) in whole

    return [r for r in old if not stands(r)] + [r | {"seeds": seeds.get(r["world"], r["seeds"])} for r in rows if stands(r)]


def write_table(rows: list[dict], path: Path = PATH) -> None:
    """Write rows in a fixed order, figures to four digits, so that a change of the table reads as a change of accuracy."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["value"] = [float(f"{v:.4g}") for v in table.value]
    order = ["kind", "product", "world", "metric", "subset", "method"]
    table.sort_values(order, kind="stable").to_csv(path, index=False, lineterminator="\n")


def read_table(path: Path = PATH) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"seeds": str}, keep_default_na=False, na_values={"value": [""]})
