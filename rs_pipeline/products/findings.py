"""Suspected findings: places that an inspector should look at. Each product reports its own; the step ``findings`` joins them into one list."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd

from rs_pipeline.errors import ConfigError
from rs_pipeline.inputs.cells import code_text, narrow

FOUND_DTYPES = {
    "kind": "str", "place": "str", "adcode": "str", "first_seen": "str", "last_seen": "str", "amount": "float64", "lower": "float64", "upper": "float64", "unit": "str",
    "probability": "float64", "against": "str",
}  # fmt: skip
"""Columns of the findings that a product reports, besides ``geometry`` in the run's CRS.

kind : one of FINDING_KINDS. place : the product's own id of the place, such as of a reach; empty where it has none. adcode : empty where the product
does not say. first_seen, last_seen : first and last period that show it. amount, lower, upper : length (m) or area (m2), with its interval; NaN bounds
where there is none. probability : 0-1, NaN where none is calibrated. against : reasons to doubt it, separated by ``;``. The list itself adds the
results of visits (`publish.findings.with_visits`).
"""

BLACK, NATURAL_COAST, RECLAIMED = "black_odorous_water", "natural_coast_lost", "new_reclamation"
IN_ZONE = {"red_line": "converted_in_red_line", "reserve": "converted_in_reserve", "shore": "converted_in_water_zone", "mine": "bared_in_mine"}
"""Zone of land to the kind of a conversion in it; a conversion in several zones gets the kind of the first."""
VEGETATION = "vegetation_lost"

FINDING_KINDS = {
    BLACK: "B", **dict(zip(IN_ZONE.values(), "RNZM", strict=True)), NATURAL_COAST: "C", RECLAIMED: "L", VEGETATION: "V",
}  # fmt: skip
"""Kind to the first letter of its ids. The list sorts equally probable findings in this order of kinds."""

NEW, TO_INSPECT, CONFIRMED, REFUTED, REMEDIED = "new", "to_inspect", "confirmed", "refuted", "remedied"
FINDING_STATES = (NEW, TO_INSPECT, CONFIRMED, REMEDIED, REFUTED)
DECIDED_STATES = (CONFIRMED, REFUTED, REMEDIED)

KNOWN = "tables.known_findings"
"""Key of the list of an earlier run."""


@cache
def _words() -> dict[str, tuple[str, str]]:
    """Word of the list to English and Chinese."""
    with Path(__file__).with_name("finding_words.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: (row["english"], row["chinese"]) for row in csv.DictReader(file)}


def finding_words(text: str, language: int) -> str:
    """Codes of the list as English (0) or Chinese (1) words. A number of dates or a period behind a code stays, and so do unknown codes.

    >>> finding_words("sediment:3;not_seen_in:2025", 1)
    '泥沙 3；未观测到的时期 2025'
    """
    parts = [part.partition(":") for part in text.split(";") if part]
    return ("；" if language else "; ").join(f"{_words().get(word, (word, word))[language]} {number}".strip() for word, _, number in parts)


def known_states(known: gpd.GeoDataFrame, where: str = KNOWN) -> list[str]:
    """States of an earlier list, which may have been written in English or Chinese words.

    Raises
    ------
    ConfigError : a state is none of FINDING_STATES.
    """
    words = {text.casefold(): state for state in FINDING_STATES for text in (state, *_words()[state])}
    states = [words.get(narrow(str(value)).casefold(), "") for value in known.state]
    if "" in states:
        n = states.index("")
        raise ConfigError(
            f"{known.state.iloc[n]!r} is no state of a finding",
            where=f"{where}, row {n + 1} ({known.finding_id.iloc[n]}), column state",
            remedy=f"write one of {', '.join(f'{state} ({_words()[state][1]})' for state in FINDING_STATES)}",
        )
    return states


def visited_days(known: gpd.GeoDataFrame) -> pd.Series:
    """Day of the last visit to each finding of an earlier list, datetime64; NaT where it names none."""
    texts = ["" if pd.isna(value) else code_text(value)[:10] for value in known.get("visited", [""] * len(known))]
    return pd.to_datetime(pd.Series(texts, known.index, dtype="object"), format="%Y-%m-%d", errors="coerce")


def said(words: dict[str, bool]) -> str:
    """The words whose value is True, joined as in column ``against``.

    >>> said({"small": True, "partial_rise": False, "seen_in_one_period": True})
    'small;seen_in_one_period'
    """
    return ";".join(word for word, holds in words.items() if holds)


def found_table(rows: list[dict], geometry: list, crs: object) -> gpd.GeoDataFrame:
    """Rows (FOUND_DTYPES; what a row leaves out is empty or NaN) as a table."""
    columns = {
        name: pd.Series([r.get(name, "" if kind == "str" else float("nan")) for r in rows], dtype="object" if kind == "str" else kind)
        for name, kind in FOUND_DTYPES.items()
    }
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)


def listed_findings(path: Path) -> gpd.GeoDataFrame:
    """The run's list of findings (``findings/findings.gpkg``), EPSG:4326, in its order."""
    return gpd.read_file(path, layer="findings")
