"""From a cell back to its evidence, and two runs side by side: on what a reader at the terminal is told."""

import itertools
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.cli import app
from rs_pipeline.config import load
from rs_pipeline.errors import ConfigError, TableError
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.compare import changed_keys, compare_runs, write_comparison
from rs_pipeline.indicators.explain import Explanation, _indicator_of, explain, print_explanation
from rs_pipeline.indicators.table import indicators
from rs_pipeline.steps import keys_of, lineage
from rs_pipeline.storage.provenance import freeze


@pytest.fixture
def finished(fake_run, make_scene, tmp_path):
    """A finished run ``name`` with a ledger; ``prepare(run)`` changes it before the indicators are made."""

    def finished(name="a", prepare=lambda run: None, years=(2023, 2024), **sections):
        run = fake_run(run=name, years=years, **sections)
        prepare(run)
        scenes = [make_scene(f"S2-{y}-{i}", "earth-search-sentinel-2-l2a", "sentinel-2a") for y in years for i in range(3)]
        write_ledger(scenes, run.layout.scenes)
        run.counties()
        freeze(run.settings)
        indicators(run.settings)
        return run

    return finished


def told(run, *words):
    result = CliRunner().invoke(app, ["explain", *words, "--config", str(run.layout.settings)], env={"COLUMNS": "220"})
    assert result.exit_code == 0, result.output
    return result.output


def test_explain_tells_a_reader(finished):
    output = told(finished(), "130001", "water_permanent_change", "2024", "--scenes")
    for words in (
        "Inland, 2024",
        "Change of permanent inland water since the baseline",
        "(water_permanent_change): 1 km2 [-4.19234 to 6.19234, model95]",
        "Formula: permanent inland water less that of the baseline period",
        "95 % under a stated error model; errors of the pixels, correlated over 300 m",
        "random part +-0.98; systematic part",
        "Scenes: 4;",
        "S2-2023-0",
        "S2-2024-1",
        "05.10",
        "-0.1",
        "from the item",
        "counties/2024.parquet",
        "tiles/2024/r000c000/water.tif",
        "code_now same",
        "permanent_frequency",
        "search > grid > assign > fetch > observe > mosaic > bodies > quality_scores > zonal > quality > indicators",
    ):
        assert words in output, words
    assert "S2-2024-2" not in output  # in the ledger, not in the county


def test_explain_tells_the_standard_of_each_target(finished):
    run = finished()
    said = told(run, "130001", "construction_land_ratio", "2024")
    assert "Standard: GB/T 21010-2017 (land use classes)" in said and "Method: Per county: total built-up land" in said
    assert "Source of the number: State Council reply Guohan [2023] 141" in said
    got = json.loads(told(run, "130001", "C05-02", "2024", "--json"))
    assert [v["status"] for v in got["verdicts"]] == ["needs_table"] and got["verdicts"][0]["standard"].startswith("HJ 1264-2022 gives PM2.5")
    assert got["verdicts"][0]["source"] == "the document prints no number" and "tables.rasters" in got["verdicts"][0]["reason"]


def test_explain_tells_the_accuracy_of_the_method_and_what_checks_the_number(finished):
    run = finished()
    said = told(run, "130001", "water_permanent_change", "2024")
    for words in (
        "Accuracy of the method: Water", "real: water against Fmask, HLS scene: F1: 0.775; WOfS tree: 0.7574",
        "simulated, held out: rivers of 20-40 m: recall: 0.9524 (0.9433 on other worlds); DSWE: 0.4839",
        "tables.reference_samples: pixels of a random sample", "permanent_water, seasonal_water (this run has none)",
    ):  # fmt: skip
        assert words in said, words
    assert "tables.values" not in said  # no target asks for it
    visited = told(run, "130001", "C10-02", "2024")
    assert "tables.values: the official value of C10-02 is judged in its place (this run has none)" in visited and "tables.grassland_plots" in visited
    without = told(run, "130001", "C00-03", "2024")
    assert "no figure of the accuracy table stands behind this number yet" in without and "tables.values: the official value of C00-03" in without


def test_explain_counts_scenes_and_lists_them_when_asked(finished):
    run = finished()
    short, long = (told(run, "130001", "fvc_peak_mean", "2024", *more) for more in ((), ("--scenes",)))
    assert "Scenes: 2; 2 of earth-search-sentinel-2-l2a; 2024-" in short and "lost in this period (--scenes lists them)" in short
    assert "S2-2024-0" not in short and "S2-2024-0" in long and "--scenes lists" not in long


def test_explain_as_json_is_complete(finished):
    got = json.loads(told(finished(), "130001", "fvc_peak_mean", "2024", "--json"))
    assert got["value"]["value"] == 60.0 and got["verdicts"][0]["status"] == "no_target"
    assert [s["scene_id"] for s in got["scenes"]] == ["S2-2024-0", "S2-2024-1"]
    assert got["scenes"][0]["offset_decision"] == "from the item" and got["scenes"][0]["processing_baseline"] == "05.10"
    assert got["configuration"]["vegetation"]["method"] == "network"
    assert "cloud" in got["configuration"]["masks.vegetation"] and "masks.coastline" not in got["configuration"]
    assert {f["path"]: f["now"] for f in got["files"]}["counties/2024.parquet"] == "same"


def test_explain_sees_that_a_file_changed(finished):
    run = finished()
    path = run.layout.counties("2024")
    pd.read_parquet(path).assign(extra=1).to_parquet(path)
    files = {f["path"]: f["now"] for f in explain(run.settings, "Inland", "fvc_peak_mean", "2024").files}
    assert (files["counties/2024.parquet"], files["tiles/2024/r000c000/water.tif"]) == ("changed since", "absent")


@pytest.mark.parametrize("text", ["[/x]S2A", "[link=https://a.example]S2A[/link]", "[conceal]S2A[/conceal]", ":smile: [red]", "S2A\x1b[8m"])
def test_texts_of_others_are_no_markup_of_the_terminal(capsys, monkeypatch, text):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("FORCE_COLOR", "1")
    value = {"value": 1.0, "unit": text, "lower": 0.0, "upper": 2.0, "interval": text, "adcode": text, "name": text, "period": text, "observed_fraction": 1.0, "n_scenes": 1, "indicator": text}  # fmt: skip
    scene = {"scene_id": text, "datetime": text, "processing_baseline": text, "offset": 1.0, "offset_decision": text}
    files = [{"path": text, "recorded": text, "now": text}]
    print_explanation(Explanation(value, [], text, text, text, [text], [scene], [text], {text: text}, files, {text: text}, False), every_scene=True)
    shown = capsys.readouterr().out
    assert shown.count(text.replace("\x1b", "?")) >= 15 and "\x1b[8m" not in shown and "\x1b]8;" not in shown


def test_explain_of_a_target_without_indicator(finished):
    got = explain(finished().settings, "130001", "C00-03", "2024")
    assert got.scenes == [] and got.value["value"] is None and got.verdicts[0]["status"] == "not_observable"


def test_explain_of_a_target_is_that_of_the_indicator_that_answers_it(finished):
    settings = finished().settings
    table = pd.read_parquet(settings.root / "indicators.parquet")
    held = table[(table.adcode == "130001") & (table.period == "2024") & (table.target_id == "C10-02")]
    got = explain(settings, "Inland", "C10-02", "2024")
    assert not held.empty and got.value["indicator"] == held[held.status != "no_target"].indicator.iloc[0] == "grassland_fvc"
    assert "C10-02" in [verdict["target_id"] for verdict in got.verdicts]


def test_explain_of_the_ecological_index_names_its_standard_and_the_tables_of_both_years(finished):
    got = explain(finished(years=(2024, 2025), prepare=lambda run: run.land({2024: 10, 2025: 60})).settings, "130001", "C00-01", "2025")
    assert got.value["indicator"] == "ecological_index_change" and got.value["value"] < -1
    files = {f["path"] for f in got.files}
    assert {f"counties/{name}{year}.parquet" for name in ("", "land_") for year in (2024, 2025)} <= files, files


def test_explain_of_a_target_is_of_the_indicator_that_it_is_held_to(finished):
    run = finished()
    got = explain(run.settings, "130001", "C01-07", "2024")
    assert got.value["indicator"] == "construction_land_ratio" and "C01-07" in [v["target_id"] for v in got.verdicts]
    said = told(run, "130001", "C01-08", "2024")
    assert "(cropland_area)" in said and "no_decrease by 2035" in said and "None" not in said.partition("Formula:")[0]


@pytest.fixture
def with_an_official_value_of_the_region(finished, tmp_path):
    """A run with two official values of 2024 that are the province's alone: of a target with an indicator (C10-02) and of one without (C00-03)."""
    values = tmp_path / "values.csv"
    values.write_text(f"adcode,period,target_id,value\n{REGION},2024,C10-02,73\n{REGION},2024,C00-03,1\n", "utf-8")
    return finished(tables={"values": str(values)})


def test_a_target_with_an_official_value_of_the_region_alone_is_told_of_a_county_too(with_an_official_value_of_the_region):
    settings = with_an_official_value_of_the_region.settings
    asked = {code: explain(settings, code, "C10-02", "2024").value for code in (REGION, "130001")}
    assert [(v["indicator"], v["value"]) for v in asked.values()] == [("C10-02", 73.0), ("grassland_fvc", None)]


def test_every_row_of_every_unit_is_explained(with_an_official_value_of_the_region):
    run = with_an_official_value_of_the_region
    table = pd.read_parquet(run.layout.indicators_parquet, columns=["adcode", "indicator", "target_id"])
    names = {name for name in (*table.indicator, *table.target_id) if name}
    assert len(names) > 120
    for code, name in itertools.product((REGION, "130001"), sorted(names)):
        value = explain(run.settings, code, name, "2024").value
        assert (value["adcode"], value["period"]) == (code, "2024"), name


def test_a_cell_without_a_row_says_which_cells_have_one():
    keys = pd.DataFrame(
        [(REGION, "Region", "2023", "C1", "C1"), ("130001", "Inland", "2024", "cover", "C2")], columns=["adcode", "name", "period", "indicator", "target_id"]
    )
    with pytest.raises(ConfigError) as fault:
        _indicator_of(keys, Path("indicators.parquet"), "130001", "C1", "2023")
    assert (fault.value.what, fault.value.where) == ("C1 has no row for 130001 in 2023", "indicators.parquet")
    assert fault.value.remedy == "ask for a unit and period that have one: 000000 (Region); 2023"


@pytest.mark.parametrize(
    ("asked", "what", "near"),
    [
        (("130009", "fvc_peak_mean", "2024"), "no unit '130009'", "130001 (Inland)"), (("Inlend", "fvc_peak_mean", "2024"), "no unit 'Inlend'", "Inland (130001)"),
        (("130001", "fvc_peak", "2024"), "no indicator or target 'fvc_peak'", "fvc_peak_mean"), (("130001", "fvc_peak_mean", "2022"), "no period '2022'", "2024"),
    ],
)  # fmt: skip
def test_explain_names_the_nearest(finished, asked, what, near):
    with pytest.raises(TableError, match=what) as fault:
        explain(finished().settings, *asked)
    assert near in fault.value.remedy and fault.value.remedy.startswith("did you mean")


def test_explain_before_the_run_is_finished(fake_run):
    with pytest.raises(TableError, match="no indicators yet") as fault:
        explain(fake_run().settings, "130001", "fvc_peak_mean", "2024")
    assert "finish the run first" in fault.value.remedy


def cell(table, indicator, adcode="130001", period="2024"):
    return table[(table.adcode == adcode) & (table.indicator == indicator) & (table.period == period)].iloc[0]


def test_two_runs_of_the_same_are_the_same(finished):
    a, b = finished("a"), finished("b")
    table, known = compare_runs(a.settings.root, b.settings.root)
    assert set(table.change) == {"same"} and not known.keys and not known.code and (table.causes == "").all()


def more_scenes(run):
    run.changes["130001", 2024] = {"n_scenes": 3, "fvc_peak_sum_m2": 0.7 * 90e6}


def test_a_change_by_data(finished):
    a, b = finished("a"), finished("b", more_scenes)
    table, _ = compare_runs(a.settings.root, b.settings.root)
    got = cell(table, "fvc_peak_mean")
    assert (got.change, got.causes, got.difference) == ("value and interval", "data", pytest.approx(10))
    assert got.data == "scenes: 1 more (S2-2024-2), 0 fewer (-)" and got.configuration == got.code == ""
    assert cell(table, "fvc_peak_mean", period="2023").change == "same"


def test_a_change_by_configuration_names_only_keys_that_could_matter(finished):
    drier = lambda run: run.changes.update({("130001", 2024): {"water_permanent_m2": 9e6}})  # noqa: E731
    a = finished("a")
    b = finished("b", drier, water={"permanent_frequency": 0.8}, trend={"min_years": 6}, black_odorous={"min_dates": 9})
    table, known = compare_runs(a.settings.root, b.settings.root)
    assert set(known.keys) == {"water.permanent_frequency", "trend.min_years", "black_odorous.min_dates"}
    got = cell(table, "water_permanent_area")
    assert got.causes == "configuration"
    assert "water.permanent_frequency: 0.75 -> 0.8" in got.configuration


def test_several_causes_are_all_named(finished, capsys, monkeypatch):
    a = finished("a")
    monkeypatch.setattr("rs_pipeline.indicators.evidence.git_commit", lambda: "f" * 40)
    b = finished("b", more_scenes, vegetation={"min_dates": 5})
    write_comparison(a.settings.root, b.settings.root, b.settings.root / "c.csv")
    text = (b.settings.root / "c.csv").read_text("utf-8-sig")
    line = next(x for x in text.splitlines() if x.startswith("130001,2024,fvc_peak_mean"))
    assert "data or configuration or code" in line and "vegetation.min_dates: 4 -> 5" in line and "f" * 40 in line
    said = capsys.readouterr().out
    assert "several things changed at once" in said and "configuration: vegetation.min_dates: 4 -> 5" in said


def test_a_change_without_a_cause_says_so(finished):
    a, b = finished("a"), finished("b", lambda run: run.changes.update({("130001", 2024): {"fvc_peak_sum_m2": 0.7 * 90e6}}))
    table, _ = compare_runs(a.settings.root, b.settings.root)
    assert cell(table, "fvc_peak_mean").causes == "unexplained: no recorded cause"


def test_cells_of_one_run_only(finished):
    a, b = finished("a"), finished("b", years=(2023, 2024, 2025))
    table, _ = compare_runs(a.settings.root, b.settings.root)
    got = cell(table, "fvc_peak_mean", period="2025")
    assert got.change == "only in b" and math.isnan(got.value_a) and got.value_b == 60
    assert "periods: [2023, 2024] -> [2023, 2024, 2025]" in got.configuration


def test_compare_by_command(finished):
    a, b = finished("a"), finished("b", more_scenes)
    result = CliRunner().invoke(app, ["compare", str(a.settings.root), str(b.settings.root)], env={"COLUMNS": "200"})
    assert result.exit_code == 0 and "cells changed" in result.output and (b.settings.root / "compared_with_a.csv").exists()


def test_names_of_the_run_and_its_folder_are_no_change(fake_run, tmp_path):
    assert changed_keys(fake_run().settings, fake_run(run="other", resources={"memory_gb": 1}, fetch={"retries": 9}, notify={"timeout_s": 5}).settings) == {}
    here, there = (fake_run(simulation={"path": p}).settings for p in ("here", "there"))
    assert changed_keys(here, there) == {}


def test_the_lineage_of_an_indicator_names_the_steps_and_keys_behind_it(finished):
    settings = load(finished().layout.settings)
    names = [s.name for s in lineage(settings, "water")]
    assert names == ["search", "grid", "assign", "fetch", "observe", "mosaic", "bodies", "quality_scores", "zonal", "quality", "indicators"]
    assert {"land", "settlements"} <= {s.name for s in lineage(settings, "places")} and "settlements" in [s.name for s in lineage(settings, "black_odorous")]
    assert [s.name for s in lineage(settings, "red_line")] == [
        s.name for s in lineage(settings, "water") if s.name not in ("zonal", "quality_scores", "quality")
    ]  # the sea is that of the water maps
    sloping = settings.model_copy(update={"soil": settings.soil.model_copy(update={"dem": Path("heights.tif")})})
    assert "soil_loss" in [s.name for s in lineage(sloping, "soil")] and "soil_loss" not in [
        s.name for s in lineage(sloping, "water")
    ]  # both are summed in one step
    assert "masks.water" in keys_of(settings, "red_line") and set(keys_of(settings, "red_line")) <= set(keys_of(settings, "water"))
    assert {"water.seasonal_frequency", "masks.water", "grid.margin_m"} <= set(keys_of(settings, "water"))
