"""Targets of another coastal province, made by copying rows of the shipped table. The province and all its numbers are INVENTED: they test the mechanism and
stand for nobody's policy."""

import csv

import pandas as pd
import pytest

from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.supplied import supplied_values
from rs_pipeline.indicators.table import build
from rs_pipeline.indicators.targets import run_targets
from rs_pipeline.paths import config_folder

INVENTED = "invented for this test"
COPIED = {"C01-03": ("X-01", 60.0), "C06-01": ("X-02", 0.0), "C01-04": ("X-03", None), "C20-01": ("X-04", 3.0)}
"""Row of the shipped table to its id and number in the other province: natural coast, black-odorous water, length of coast, awards."""

PROVINCE = """\
name: {en: Invented Coast, zh: 虚构省}
adcode: "130000"
area_km2: 200
units: {code_prefix: "13", file: units.gpkg}
targets: targets.csv
"""


@pytest.fixture
def table(fake_run, tmp_path):
    """The table of a run of the invented province: 10 of 16 coast units natural, one suspected reach, two of four awards."""
    with (config_folder() / "targets.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["target_id"] in COPIED]
    for row in rows:
        name, value = COPIED[row["target_id"]]
        row |= {
            "target_id": name,
            "value": "" if value is None else value,
            "source": INVENTED,
            "caveat": f"{INVENTED}; {row['caveat']}",
            "description": f"({INVENTED}) {row['topic']}",
        }
    pd.DataFrame(rows).to_csv(tmp_path / "targets.csv", index=False)
    (tmp_path / "invented.yaml").write_text(PROVINCE, "utf-8")
    (tmp_path / "lists.csv").write_text("target_id,adcode,name,since\n" + "".join(f"X-04,13000{1 + i % 2},a{i},{2022 if i < 2 else ''}\n" for i in range(4)))
    run = fake_run(province=str(tmp_path / "invented.yaml"), tables={"lists": str(tmp_path / "lists.csv")})
    natural = {"unit_class": "natural", "natural_probability": 1.0}
    built = {"unit_class": "artificial", "natural_probability": 0.0}
    run.coast(*[natural] * 10, *[built] * 6)
    settings = run.counties().settings
    return build(Run.read(settings), run_targets(settings), supplied_values(settings)), settings


def verdict(table, target, adcode="000000"):
    rows = table[(table.target_id == target) & (table.adcode == adcode) & (table.period == "2024") & table.value.notna()]
    return rows.iloc[0]


def test_the_targets_are_those_of_the_province_and_say_that_they_are_invented(table):
    targets = run_targets(table[1])
    assert {t.target_id for t in targets} == {name for name, _ in COPIED.values()}
    assert {t.source for t in targets} == {INVENTED} and all(INVENTED in t.caveat for t in targets)


def test_values_are_judged_by_the_other_provinces_numbers(table):
    """10 of 16: 62.5 %, against 60 here. Two awards of at least three."""
    coast, awards = verdict(table[0], "X-01"), verdict(table[0], "X-04")
    assert coast.value == pytest.approx(62.5) and coast.target_value == 60.0 and coast.status in ("met", "undecidable") and INVENTED in coast.reason
    assert (awards.value, awards.target_value) == (2.0, 3.0) and awards.status in ("off_track", "insufficient_data", "undecidable", "not_met")


def test_no_number_of_hebei_is_left(table):
    assert set(table[0].target_id) == {"", *(name for name, _ in COPIED.values())} and not table[0].target_value.isin([23.2, 24.0]).any()
