"""Reports of users of other tools, in docs/field_reports*.csv: each names the test that tries its input."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = sorted((ROOT / "docs").glob("field_reports*.csv"))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_every_report_has_a_link_and_a_test_that_is_there(table):
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 15 and len({row["link"] for row in rows}) == len(rows)
    for row in rows:
        assert list(row) == ["link", "symptom", "input", "what_we_do", "test"] and all(row.values()) and row["link"].startswith("https://")
        path, *names = row["test"].split("::")
        text = (ROOT / path).read_text("utf-8")
        assert all(f"def {name}(" in text or f"class {name}:" in text for name in names), row["test"]
