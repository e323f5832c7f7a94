"""Configuration: what is wrong is named with its place and remedy, before anything runs."""

import copy
import datetime

import pytest
import yaml

from rs_pipeline.checks import HOW_TO_OBTAIN, check_files, named_files
from rs_pipeline.config import Settings, load, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS, QUALITY_BANDS, RADAR_BANDS
from rs_pipeline.paths import config_folder
from rs_pipeline.sensors import load_sensor, sensor_names
from rs_pipeline.storage.provenance import freeze

GOOD = {
    "run": "t",
    "units": {"path": "u.gpkg"},
    "periods": [2023, 2024],
    "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "folder"}],
}


def bad(**changes):
    with pytest.raises(ConfigError) as fault:
        parse(copy.deepcopy(GOOD) | changes)
    return str(fault.value)


def test_a_small_configuration_is_enough():
    s = parse(GOOD)
    assert [p.label for p in s.all_periods] == ["2023", "2024"]
    assert s.baseline_label == "2023"
    assert s.root.as_posix() == "results/t"


def test_a_wrong_key_is_named_with_its_place():
    text = bad(water={"permanent_freqency": 0.8})
    assert "water.permanent_freqency: unknown key" in text
    assert "rs-pipeline schema" in text


def test_an_unknown_collection_lists_the_known():
    text = bad(sources=[{"sensor": "sentinel-9", "catalog": "x"}])
    assert "sentinel-9" in text and "earth-search-sentinel-2-l2a" in text and "config/sensors/sentinel-9.yaml" in text


def test_a_period_in_the_future_is_refused():
    year = datetime.date.today().year + 1
    assert f"periods: {year} lies in the future" in bad(periods=[2023, year])


def test_periods_must_differ_and_run_forward():
    assert "labels must differ" in bad(periods=[2023, 2023])
    assert "ends before it starts" in bad(periods=[{"label": "x", "start": "2023-05-01", "end": "2023-04-01"}])
    assert "at least one period" in bad(periods=[])


def test_a_baseline_must_be_a_period():
    assert "'2019' is not one of the periods" in bad(baseline="2019")


def test_a_run_name_cannot_leave_the_results_folder():
    assert "run:" in bad(run="../../etc")


def test_to_today_ends_with_this_year():
    s = parse(GOOD | {"periods": {"first_year": 2019, "last_year": "today"}})
    assert s.all_periods[-1].label == str(datetime.date.today().year)


def test_a_fingerprint_changes_with_its_sections_only():
    a, b = parse(GOOD), parse(GOOD | {"water": {"permanent_frequency": 0.8}})
    assert a.fingerprint("water") != b.fingerprint("water")
    assert a.fingerprint("vegetation", "masks") == b.fingerprint("vegetation", "masks")


def test_unreadable_files_are_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1,")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(tmp_path / "broken.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="must be a mapping"):
        load(tmp_path / "list.yaml")


@pytest.mark.parametrize("name", ["config.yaml", "hebei.yaml"])
def test_the_shipped_configurations_are_valid(name):
    s = load(config_folder() / name)
    assert s.all_periods and s.sources


def test_the_frozen_configuration_reads_back_the_same(tmp_path):
    s = parse(GOOD | {"output": str(tmp_path)})
    freeze(s)
    path = tmp_path / "t" / "config.yaml"
    assert load(path) == s
    before = path.stat().st_mtime_ns
    freeze(s)
    assert path.stat().st_mtime_ns == before


def test_every_key_is_documented_or_plain():
    schema = Settings.model_json_schema()
    assert {"run", "units", "periods", "sources", "coastline"} <= set(schema["properties"])


@pytest.mark.parametrize("name", sensor_names())
def test_every_sensor_table_is_whole(name):
    sensor = load_sensor(name)
    wanted = OPTICAL_BANDS if sensor.family == "optical" else RADAR_BANDS
    required = [b for b in wanted if b != "rededge1"]
    assert all(sensor.band(b) for b in required), f"{name} lacks a band of {required}"
    assert sensor.source, "the table must say where its numbers come from"
    raw = yaml.safe_load((config_folder() / "sensors" / f"{name}.yaml").read_text())
    assert set(raw["bands"]) <= {*OPTICAL_BANDS, *RADAR_BANDS, *QUALITY_BANDS}


def test_missing_side_files_are_listed_together_with_how_to_obtain_them(tmp_path):
    s = parse(GOOD | {"units": {"path": str(tmp_path / "u.gpkg")}, "tables": {"grassland": str(tmp_path / "g.gpkg")}})
    with pytest.raises(ConfigError) as fault:
        check_files(s)
    text = str(fault.value)
    assert "units.path" in text and "tables.grassland" in text and HOW_TO_OBTAIN["tables.grassland"] in text
    check_files(s, made=[tmp_path, *[p for k, p in named_files(s).items() if k.startswith("sources")]])


def test_every_key_is_read_by_something():
    package = config_folder().parent / "rs_pipeline"
    code = "\n".join(p.read_text("utf-8") for p in [*package.rglob("*.py"), package.parent / "Snakefile"] if p.name != "config.py")
    schema = Settings.model_json_schema()
    keys = {k for part in (schema, *schema["$defs"].values()) for k in part["properties"]} - {"first_year", "last_year"}
    assert [k for k in sorted(keys) if f".{k}" not in code and f'"{k}"' not in code] == []
