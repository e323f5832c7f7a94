"""Configuration: what is wrong is named with its place and remedy, before anything runs."""

import copy
import datetime

import numpy as np
import pytest
import yaml

from rs_pipeline.checks import SIDE_FILES, check_files, named_files
from rs_pipeline.config import Settings, load, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, SIDE_BANDS
from rs_pipeline.paths import config_folder
from rs_pipeline.sensors import load_sensor, sensor_names
from rs_pipeline.storage.provenance import freeze

GOOD = {"run": "t", "units": {"path": "u.gpkg"}, "periods": [2023, 2024], "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "folder"}]}


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
    assert "water.permanent_freqency: unknown key; did you mean 'permanent_frequency'?" in text
    assert "rs-pipeline schema" in text


def test_an_unknown_collection_lists_the_known():
    text = bad(sources=[{"sensor": "sentinel-9", "catalog": "x"}])
    assert "sources.0.sensor: no sensor table 'sentinel-9'" in text and "'earth-search-sentinel-2-l2a'" in text and "config/sensors/sentinel-9.yaml" in text
    assert "did you mean 'hls2-s30'?" in bad(sources=[{"sensor": "hls2-s3", "catalog": "x"}])


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


@pytest.mark.parametrize("name", ["石家庄", "Baoding_2", "河北-2024", "Ж1"])
def test_a_run_is_named_in_any_script(name):
    assert parse(GOOD | {"run": name}).root.as_posix() == f"results/{name}"


@pytest.mark.parametrize("name", ["a b", ".hidden", "-x", "a/b", "", "x" * 65, "a\n"])
def test_other_names_are_refused_in_words(name):
    assert "letters of any script, digits, hyphens and underscores, 64 at most" in bad(run=name)


def test_a_name_is_one_however_it_was_typed():
    assert parse(GOOD | {"run": "e\u0301te"}).run == "\u00e9te"


def test_to_today_ends_with_this_year():
    s = parse(GOOD | {"periods": {"first_year": 2019, "last_year": "today"}})
    assert s.all_periods[-1].label == str(datetime.date.today().year)


def test_periods_to_today_stay_what_they_were_at_the_start(monkeypatch):
    """Also in the frozen configuration that the jobs of a run read."""
    year = datetime.date.today().year
    s = parse(GOOD | {"periods": {"first_year": 2019, "last_year": "today"}})

    class NextYear(datetime.date):
        @classmethod
        def today(cls):
            return cls(year + 1, 1, 1)

    monkeypatch.setattr("rs_pipeline.config.settings.date", NextYear)
    frozen = parse(s.model_dump(mode="json"))
    assert s.all_periods[-1].label == frozen.all_periods[-1].label == str(year)


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
    (tmp_path / "gbk.yaml").write_bytes("run: 石家庄".encode("gbk"))
    with pytest.raises(ConfigError, match="the configuration is not UTF-8") as fault:
        load(tmp_path / "gbk.yaml")
    assert fault.value.remedy == "save it as UTF-8"
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="must be a mapping"):
        load(tmp_path / "list.yaml")


@pytest.mark.parametrize("name", ["config.yaml", "hebei.yaml", "hebei-quick.yaml"])
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


def keys_of(schema: dict) -> dict[str, dict]:
    """Dotted name to schema of every key of the configuration, nested ones included; a section's own text stands for its key."""

    def of(about: dict) -> dict:
        return schema["$defs"][about["$ref"].split("/")[-1]] | about if "$ref" in about else about

    parts = {"": schema, **{f"{name}.": part for name, part in schema["$defs"].items()}}
    return {prefix + key: of(about) for prefix, part in parts.items() for key, about in part.get("properties", {}).items()}


def test_every_key_has_a_description():
    keys = keys_of(Settings.model_json_schema())
    assert len(keys) > 150 and {"run", "WaterSection.min_probability", "NamedPeriod.label", "products"} <= set(keys)
    assert [k for k, about in keys.items() if len(about.get("description", "")) < 15] == []


# A configuration is wrong where a value stands for nonsense: (section, values, what the message must hold).
NONSENSE = [
    ("water", {"min_probability": 1}, "water.min_probability: Input should be less than 1"),
    ("water", {"min_probability": 0}, "greater than 0"),
    ("water", {"min_months": True}, "water.min_months: true is neither a number"),
    ("water", {"tidal_reach_m": float("inf")}, "finite"),
    ("water", {"ephemeral_frequency": 0}, "greater than 0"),
    ("water", {"seasonal_frequency": 0.8}, "must rise in this order, got 0.05, 0.8 and 0.75"),
    ("water", {"seasonal_frequency": 0.75}, "must rise in this order"),
    ("black_odorous", {"possible_probability": 0.8}, "possible_probability must be below suspected_probability, got 0.8 and 0.7"),
    ("black_odorous", {"suspected_probability": 1}, "less than 1"),
    ("black_odorous", {"min_width_m": 10}, "must rise in this order, got 20, 10 and 500"),
    ("black_odorous", {"max_width_m": 30}, "must rise in this order"),
    ("black_odorous", {"reach_length_m": 0.2}, "greater than or equal to 10"),
    ("black_odorous", {"min_sun_elevation_deg": 90}, "less than 90"),
    ("black_odorous", {"max_swir1_refl": 25}, "less than 1"),
    ("black_odorous", {"window": ["04-01", "11-31"]}, "there is no day 11-31"),
    ("black_odorous", {"window": ["4-1", "11-30"]}, "pattern"),
    ("vegetation", {"peak_window": ["02-30", "03-31"]}, "vegetation.peak_window.0: there is no day 02-30"),
    ("vegetation", {"vegetation_nir_refl": 0.03}, "the NDVI of soil (0.16) must be below that of vegetation (0.00)"),
    ("vegetation", {"soil_red_refl": 0}, "greater than 0"),
    ("vegetation", {"bandwidth_days": 0}, "greater than 0"),
    ("vegetation", {"peak_percentile": 101}, "less than or equal to 100"),
    ("trend", {"false_discovery_rate": 1}, "less than 1"),
    ("coastline", {"tide_window": 0}, "greater than 0"),
    ("coastline", {"sea_points": [[39.5, 119.9]]}, "coastline.sea_points: 119.9 is no latitude; longitude comes first: write [119.9, 39.5]"),
    ("coastline", {"transect_spacing_m": 0}, "greater than or equal to 5"),
    ("coastline", {"min_contrast": 0}, "greater than 0"),
    ("land_zones", {"min_rise": 0}, "greater than 0"),
    ("masks", {"shadow_height_m": [10_000, 200]}, "clouds from 10000 to 200 m; give the lowest and the highest"),
    ("masks", {"shadow_height_m": [200, 200]}, "clouds from 200 to 200 m"),
    ("masks", {"shadow_darkness": 0}, "greater than 0"),
    ("masks", {"water": ["cloud"]}, "masks.water: the list must hold nodata"),
    ("masks", {"water": ["nodata", "cluod"]}, "did you mean 'cloud'?"),
    ("indicators", {"range_fraction": 0}, "greater than 0"),
    ("indicators", {"scale_fraction": 0.96}, "must rise in this order, got 0.5, 0.96 and 0.95"),
    ("indicators", {"official_coast_km": {"13": 5}}, "pattern"),
    ("indicators", {"official_coast_km": {"130000": 0}}, "greater than 0"),
    ("grid", {"crs": "EPSG:4326"}, "grid.crs: EPSG:4326 is not a projected CRS in metres"),
    ("grid", {"crs": "EPSG:2263"}, "not a projected CRS in metres"),
    ("grid", {"resolution_m": 0}, "greater than or equal to 1"),
    ("grid", {"tile_px": 1000}, "multiple of 16"),
    ("simulation", {"size_px": [600, 480 + 1]}, "simulation.size_px: 600 x 481 pixels; use multiples of 6"),
    ("simulation", {"size_px": [54, 60]}, "at least 60"),
    ("units", {"path": "u.gpkg", "name": "adcode"}, "code, name and prefecture must be three columns"),
    ("fetch", {"timeout_s": 0.5}, "greater than or equal to 1"),
    ("resources", {"memory_gb": 0}, "greater than or equal to 0.1"),
    ("resources", {"dask_hours": 0}, "greater than or equal to 1"),
    ("notify", {"command": []}, "at least 1 item"),
    ("periods", [202], "periods.0: Input should be greater than or equal to 1984"),
    ("periods", {"first_year": 2020, "last_year": 2101}, "less than or equal to 2100"),
    ("periods", {"first_year": 2023, "last_year": 2020}, "last_year lies before first_year"),
    ("periods", [{"lable": "x", "start": "2023-01-01", "end": "2023-02-01"}], "periods.0.lable: unknown key; did you mean 'label'?"),
    ("periods", [{"label": "x/y", "start": "2023-01-01", "end": "2023-02-01"}], "periods.0.label"),
    ("periods", [{"label": "x", "start": "1950-01-01", "end": "2023-02-01"}], "years from 1984 to 2100"),
    ("sources", [{"sensor": "hls2-s30", "catalog": "x", "sign": "planetary_computer"}], "did you mean 'planetary-computer'?"),
    ("sources", [{"sensor": "hls2-s30", "catalog": "x", "schemes": []}], "at least 1 item"),
    ("province", "hebie", "province: no province table 'hebie'; choose one of ['hebei']; did you mean 'hebei'?"),
    ("products", {"soil": 3}, "products.soil"),
    ("inputs", {"tables.value": {}}, "did you mean 'tables.values'?"),
    ("inputs", {"tables.values": {"encoding": "gbkk"}}, "unknown encoding 'gbkk'; write GBK"),
    ("inputs", {"units.path": {"crs": "EPSG:0"}}, "inputs.units.path.crs: unknown CRS 'EPSG:0'; write an EPSG code such as EPSG:4490, or GCJ-02 or BD-09"),
    ("coastline", {"tide_time_zone": "Peking"}, "coastline.tide_time_zone: unknown time zone 'Peking'; write Asia/Shanghai, UTC or +08:00"),
    ("coastline", {"tide_msl_m": 150}, "less than or equal to 20"),
    ("coastline", {"level": "mhws"}, "level mhws needs a tide table: name it in coastline.tide_table"),
    ("coastline", {"level": "highest", "tide_table": "t.csv"}, "Input should be 'msl' or 'mhws'"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "values", "told"), NONSENSE)
def test_nonsense_is_refused_with_its_place(section, values, told):
    assert told in bad(**{section: values})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("water", {"min_probability": 0.001}), ("water", {"min_probability": 0.999}), ("water", {"tidal_reach_m": 0}),
        ("water", {"ephemeral_frequency": 0.2, "seasonal_frequency": 0.21, "permanent_frequency": 0.22}),
        ("black_odorous", {"window": ["11-01", "02-29"]}), ("black_odorous", {"min_width_m": 20}), ("coastline", {"tide_window": 1}),
        ("masks", {"shadow_height_m": [0, 20_000]}), ("masks", {"water": ["nodata"]}), ("vegetation", {"min_span_days": 0, "peak_percentile": 100}),
        ("indicators", {"range_fraction": 0.8, "scale_fraction": 0.8, "publish_fraction": 0.8}), ("simulation", {"size_px": [60, 66]}),
        ("periods", [1984, {"label": "one-day", "start": "2023-05-01", "end": "2023-05-01"}]), ("products", {"soil": {"depth_cm": 10}}),
        ("inputs", {"tables.values": {"encoding": "gbk", "crs": "bd09ll", "layer": "表"}}), ("coastline", {"tide_time_zone": "+08:00", "tide_msl_m": -1.2}),
    ],
)  # fmt: skip
def test_what_lies_on_the_border_is_taken(section, values):
    given = parse(copy.deepcopy(GOOD) | {section: values})
    assert isinstance(values, list) or parse(given.model_dump(mode="json")) == given


def test_the_logit_of_the_least_and_largest_probability_is_finite():
    for p in (5e-324, 1 - 2**-53):
        w = parse(GOOD | {"water": {"min_probability": p}}).water
        assert np.isfinite(np.log(w.min_probability / (1 - w.min_probability)))


def test_a_fault_in_a_file_is_told_with_its_line(tmp_path):
    path = tmp_path / "my.yaml"
    text = yaml.safe_dump(GOOD, sort_keys=False) + "water:\n  min_months: 6\n  min_probabilty: 0.4\n"
    path.write_text(text)
    line = text[: text.index("min_probabilty")].count("\n") + 1
    with pytest.raises(ConfigError) as fault:
        load(path)
    assert f"line {line}, water.min_probabilty: unknown key; did you mean 'min_probability'?" in str(fault.value) and str(path) in str(fault.value)


def test_a_key_that_is_there_twice_is_told(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("run: a\nwater:\n  min_months: 6\n  min_months: 3\n")
    with pytest.raises(ConfigError, match="line 4, min_months: the key is there already"):
        load(path)


def test_the_simulated_world_is_also_read_by_its_older_name():
    old, new = (parse(GOOD | {name: {"seed": 7}}) for name in ("sample", "simulation"))
    assert old == new and old.simulation.seed == 7
    assert "sample" not in old.model_dump() and "simulation" in Settings.model_json_schema()["properties"]
    assert "sample.years: Input should be less than or equal to 10" in bad(sample={"years": 11})


@pytest.mark.parametrize("name", sensor_names())
def test_every_sensor_table_is_whole(name):
    sensor = load_sensor(name)
    wanted = OPTICAL_BANDS if sensor.family == "optical" else RADAR_BANDS
    required = [b for b in wanted if b != "rededge1"]
    assert all(sensor.band(b) for b in required), f"{name} lacks a band of {required}"
    assert sensor.source, "the table must say where its numbers come from"
    raw = yaml.safe_load((config_folder() / "sensors" / f"{name}.yaml").read_text())
    assert set(raw["bands"]) <= {*OPTICAL_BANDS, *RADAR_BANDS, *SIDE_BANDS}


def test_missing_side_files_are_listed_together_with_how_to_obtain_them(tmp_path):
    s = parse(GOOD | {"units": {"path": str(tmp_path / "u.gpkg")}, "tables": {"grassland": str(tmp_path / "g.gpkg")}})
    with pytest.raises(ConfigError) as fault:
        check_files(s)
    text = str(fault.value)
    assert "units.path" in text and "tables.grassland" in text and SIDE_FILES["tables.grassland"].how_to_obtain in text
    check_files(s, made=[tmp_path, *[p for k, p in named_files(s).items() if k.startswith("sources")]])


def test_every_key_is_read_by_something():
    package = config_folder().parent / "rs_pipeline"
    code = "\n".join(p.read_text("utf-8") for p in [*package.rglob("*.py"), package.parent / "Snakefile"] if p.parent.name != "config")
    schema = Settings.model_json_schema()
    keys = {k for part in (schema, *schema["$defs"].values()) for k in part["properties"]} - {"first_year", "last_year"}
    assert [k for k in sorted(keys) if f".{k}" not in code and f'"{k}"' not in code] == []
