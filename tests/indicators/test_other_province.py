"""Targets of another coastal province, made by copying rows of the shipped table. The province and all its numbers are INVENTED: they test the mechanism and
stand for nobody's policy."""

import csv

import pandas as pd
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.supplied import run_lists, run_rasters, supplied_values
from rs_pipeline.indicators.table import build
from rs_pipeline.indicators.targets import run_targets, run_values
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
def table(fake_run, make, tmp_path):
    """The table of a run of the invented province: 10 of 16 coast units natural, five suspected reaches, two of four awards."""
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
    reaches = make.reaches(*[("suspected", "assessable", 200.0)] * 5, ("clear", "assessable", 200.0))
    run.layer(run.layout.reaches, "reaches", reaches.assign(adcode="130002", period="2024"))
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


def test_suspected_reaches_are_too_many_and_their_length_stands_beside(table):
    rows = table[0][(table[0].target_id == "X-02") & (table[0].adcode == "130002") & (table[0].period == "2024")].set_index("indicator")
    assert rows.value.to_dict() == {"black_odorous_reaches": 5.0, "black_odorous_length_km": pytest.approx(1.0)}
    assert rows.status.to_dict() == {"black_odorous_length_km": "not_met", "black_odorous_reaches": "no_target"}


@pytest.mark.parametrize(
    ("key", "text", "read"),
    [
        ("lists", "target_id,adcode,name,since\nC20-01,130001,a,2022\n", run_lists),
        ("values", "adcode,period,target_id,value\n130001,2024,C10-02,70\n", run_values),
        ("rasters", "target_id,period,path,unit\nC05-02,2024,a.tif,ug/m3\n", run_rasters),
    ],
)
def test_an_unknown_target_is_told_with_an_id_of_the_provinces_own_table(table, tmp_path, key, text, read):
    (tmp_path / "side.csv").write_text(text, "utf-8")
    settings = table[1]
    settings = settings.model_copy(update={"tables": settings.tables.model_copy(update={key: tmp_path / "side.csv"})})
    with pytest.raises(TableError, match="unknown target") as fault:
        read(settings)
    assert fault.value.remedy == "use an id of the table of targets, such as X-01"


def test_no_number_of_hebei_is_left(table):
    assert set(table[0].target_id) == {"", *(name for name, _ in COPIED.values())} and not table[0].target_value.isin([23.2, 24.0]).any()
