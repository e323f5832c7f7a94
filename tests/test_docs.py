"""What the pages say is where they say it."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOUSE = (ROOT / "docs" / "house.md").read_text("utf-8")


def found(name: str) -> list[Path]:
    """Files of the checkout that a page means by a path or the end of one, ``*`` for any name."""
    folders = ("", "rs_pipeline/", "kernels/", "tests/radiometry/", "tests/toy/toy_product/")
    return [p for folder in folders for p in ROOT.glob(folder + name.rstrip("/"))]


def test_every_file_and_folder_of_the_house_is_there():
    names = set(re.findall(r"`([\w*./-]+(?:\.py|\.yaml|\.md|\.toml|/[\w*]+))`", HOUSE))
    assert len(names) > 25
    assert sorted(n for n in names if not found(n) and not (ROOT / "rs_pipeline" / "products" / "land" / n).exists()) == []


def test_every_function_of_the_table_is_in_its_file():
    pairs = re.findall(r"`(\w+)`(?: \(`(\w+)`, `(\w+)`\))? in `([\w/.]+\.py)`", HOUSE)
    assert len(pairs) >= 4
    for *names, path in pairs:
        text = found(path)[0].read_text("utf-8")
        assert all(f"def {name}(" in text for name in names if name), (names, path)


def test_every_field_report_names_a_thread_and_a_test_that_is_there():
    with open(ROOT / "docs" / "field_reports_bureaus.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({r["link"] for r in rows}) == len(rows) >= 15 and all(all(r.values()) for r in rows)
    for row in rows:
        path, _, name = row["test"].partition("::")
        assert row["link"].startswith("https://github.com/") and f"def {name}(" in (ROOT / path).read_text("utf-8"), row["link"]


def test_every_promise_names_tests_and_attacks_that_are_there():
    from benchmarks.attack import attacks_of, kinds

    rows = [line.split(" | ") for line in (ROOT / "docs" / "promises.md").read_text("utf-8").splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    there = [f"{kind}: {attack.name}" for kind in kinds() for attack in attacks_of(kind)]
    assert len(rows) >= 20
    for promise, _, tests, attacks in rows:
        named, tried = re.findall(r"`([^`]+)`", tests), re.findall(r"`([^`]+)`", attacks)
        assert named and tried, promise
        assert [path for path in named if not (ROOT / path).exists()] == [], promise
        assert [name for name in tried if not any(attack.startswith(name) for attack in there)] == [], promise


def test_the_page_of_standards_is_that_of_the_table():
    from benchmarks.standards import PAGE, standards_page
    from rs_pipeline.indicators.targets import load_targets
    from rs_pipeline.indicators.values import INDICATORS

    assert PAGE.read_text("utf-8") == standards_page(load_targets(ROOT / "config" / "targets.csv", INDICATORS))
