"""Mistakes of a new user are told in one line each: where, what, and what to do; what is plain is taken."""

import geopandas as gpd
import pytest
import yaml

from benchmarks.attacks.mistakes import GOOD, MISTAKES, TAKEN, checked, counties, line_told
from rs_pipeline.config import load, parse
from rs_pipeline.region import load_units, tell_gaps
from rs_pipeline.wording import yaml_fault


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_mistake_is_told_in_one_line(mistake, tmp_path):
    assert "Traceback" not in line_told(tmp_path, mistake)


@pytest.mark.parametrize(("name", "text"), TAKEN, ids=[name for name, _ in TAKEN])
def test_what_is_plain_is_taken(name, text, tmp_path):
    code, words = checked(tmp_path, text)
    assert (code, words.strip()) == (0, "the configuration and the files it names are usable")


def test_several_mistakes_are_a_line_each(tmp_path):
    code, words = checked(tmp_path, GOOD.replace("[2023, 2024]", "[20240]") + "water: {min_months: six, permanent_freqency: 1}\n")
    lines = [line.strip() for line in words.splitlines() if line.strip().startswith("line ")]
    assert code == 2 and [line.split(":")[0] for line in lines] == ["line 3, periods.0", "line 7, water.min_months", "line 7, water.permanent_freqency"]


@pytest.mark.parametrize(
    ("sensors", "given", "wanted"),
    [
        (["hls2-l30"], {}, 30), (["planetary-computer-landsat-c2-l2"], {"tile_px": 512}, 30), (["earth-search-sentinel-2-l2a"], {}, 10),
        (["hls2-l30", "earth-search-sentinel-2-l2a"], {}, 10), (["hls2-l30"], {"resolution_m": 10}, 10), (["earth-search-sentinel-2-l2a"], {"resolution_m": 60}, 60),
    ],
)  # fmt: skip
def test_pixels_are_those_of_the_finest_sensor_where_none_are_given(sensors, given, wanted):
    values = {"run": "t", "units": {"path": "u.gpkg"}, "periods": [2023], "grid": given, "sources": [{"sensor": s, "catalog": "x"} for s in sensors]}
    settings = parse(values)
    assert settings.grid.resolution_m == wanted and parse(settings.model_dump(mode="json")).grid.resolution_m == wanted


def test_pixels_finer_than_every_sensor_are_said(tmp_path, caplog):
    text = GOOD.replace("earth-search-sentinel-2-l2a", "hls2-l30")
    assert checked(tmp_path, text)[0] == 0 and "for nothing" not in caplog.text
    assert checked(tmp_path, text.replace("crs: auto", "resolution_m: 10"))[0] == 0
    assert "grid.resolution_m: 10 m, and no sensor is finer than 30 m: 9 times the pixels for nothing; leave it out, or write 30" in caplog.text


def test_units_are_those_that_are_asked_for_and_gaps_are_said(tmp_path, caplog):
    checked(tmp_path, GOOD.replace("units.gpkg}", "units.gpkg, only: ['130225']}"))
    assert load_units(load(tmp_path / "my.yaml")).adcode.tolist() == ["130225"]
    counties(name=["West", None], prefecture=["Tangshan", None]).to_file(tmp_path / "units.gpkg")
    (tmp_path / "my.yaml").write_text((tmp_path / "my.yaml").read_text().replace(", only: ['130225']", ""))
    units = load_units(load(tmp_path / "my.yaml"))
    tell_gaps(units, "units.path")
    assert units.name.tolist() == ["West", "130225"] and units.prefecture.tolist() == ["Tangshan", ""]
    assert "1 units have no name and are called by their code: 130225" in caplog.text and "1 units have no prefecture and count in none: 130225" in caplog.text


def test_units_without_prefectures_have_none(tmp_path):
    checked(tmp_path, GOOD.replace("units.gpkg}", "units.gpkg, prefecture: null}"))
    units = load_units(load(tmp_path / "my.yaml"))
    assert units.prefecture.tolist() == ["", ""] and isinstance(units, gpd.GeoDataFrame)


def test_a_fault_of_yaml_without_a_place_is_one_line():
    assert yaml_fault(yaml.YAMLError("a\n  b"), "") == "a b"


def test_a_variable_inside_a_bracket_asks_for_quotes():
    text = "sources:\n  - {sensor: a, catalog: https://me:${WORD}@host/stac}\n"
    with pytest.raises(yaml.YAMLError) as fault:
        yaml.safe_load(text)
    assert "line 2" in (told := yaml_fault(fault.value, text)) and "put the whole value in double quotes" in told
