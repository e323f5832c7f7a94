"""Watched places as the page shows them: of each what says most of its kind, how many events lie in it, and the sentences that it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.products.watch import ANSWERS, WATCHED_KINDS
from rs_pipeline.publish.report.quality import MAX_LISTED
from rs_pipeline.publish.report.text import Codes, number, text


def place_list(path: Path, periods: list[str], unit_codes: Codes) -> dict[str, Any] | None:
    """The first MAX_LISTED places of ``places/places.csv`` by kind, and how many there are; None without the file.

    ``seen`` of a place: by period value, lower and upper bound, reason of a missing value, and number of events.
    """
    if not path.exists():
        return None
    texts = dict.fromkeys(("place_id", "kind", "name", "adcode", "target_ids", "period", "reason"), "str")
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=texts)
    events = table[table.indicator == "events"].set_index(["place_id", "period"]).value
    chief = table[table.indicator == table.kind.map({kind: answer.chief for kind, answer in ANSWERS.items()})]
    listed = chief.drop_duplicates("place_id").sort_values("kind", kind="stable")
    by_place = {place: rows.set_index("period") for place, rows in chief.groupby("place_id")}
    return {
        "n": len(listed),
        "rows": [
            {
                "id": text(r.place_id),
                "kind": text(r.kind),
                "name": text(r.name),
                "unit": unit_codes[text(r.adcode)] if text(r.adcode) else None,
                "targets": [t for t in text(r.target_ids).split(";") if t],
                "title": INDICATORS[r.indicator].title,
                "measure": text(r.unit),
                "seen": [_seen(by_place[r.place_id].loc[label], events[r.place_id, label]) for label in periods],
            }
            for _, r in listed.head(MAX_LISTED).iterrows()
        ],
    }


def chinese_kinds() -> dict[str, str]:
    """Kind, as the page writes it, to its Chinese word."""
    return {kind.replace("_", " "): chinese for kind, chinese in WATCHED_KINDS.items()}


def _seen(row: pd.Series, events: float) -> list:
    reason = "" if pd.notna(row.value) else text(row.reason)
    return [number(row.value, 4), number(row.lower, 4), number(row.upper, 4), reason, number(events)]
