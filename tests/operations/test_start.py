"""`rs-pipeline run` and `init`: which configuration, which arguments, and what is written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.harness import ROOT, in_root
from rs_pipeline.catalog.archive import write_catalog
from rs_pipeline.cli import app
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.operations import init
from rs_pipeline.operations.start import override, own_config, run_chain, snakemake_arguments
from rs_pipeline.paths import config_folder
from tests.catalog.test_archive import landsat, safe
from tests.small_world import write_scene

CONFIG = Path("my.yaml")


def test_a_run_has_the_shipped_snakefile_and_profile_all_cores_and_the_memory_that_is_free():
    arguments = snakemake_arguments(CONFIG)
    assert [arguments[arguments.index(o) + 1] for o in ("--configfile", "--cores", "--logger")] == ["my.yaml", "all", "rs-pipeline"]
    assert (
        Path(arguments[arguments.index("--snakefile") + 1]) == ROOT / "Snakefile"
        and Path(arguments[arguments.index("--workflow-profile") + 1]) == ROOT / "profiles" / "default"
    )
    assert int(arguments[arguments.index("--resources") + 1].removeprefix("mem_mb=")) > 100


@pytest.mark.parametrize(
    "given, has, has_not",
    [
        ({"dry_run": True}, ["--dry-run", "--quiet", "rules"], ["--logger"]),
        ({"details": True}, [], ["--logger", "--quiet"]),
        ({"profile": "slurm"}, ["--profile", str(ROOT / "profiles" / "slurm")], ["--cores", "--resources"]),
        ({"profile": "/my/profile", "cores": "4"}, ["--profile", "/my/profile", "--cores", "4"], ["--resources"]),
        ({"values": ["run=trial", "periods=[2024]"]}, ["--config", "run=trial", "periods=[2024]", "--dry-run"], []),
        ({"more": ["--resources=mem_mb=1", "--workflow-profile", "none"]}, ["--resources=mem_mb=1", "--workflow-profile", "none"], ["--resources"]),
    ],
)
def test_options_become_those_of_snakemake(given, has, has_not):
    arguments = snakemake_arguments(CONFIG, **({"dry_run": True} if "values" in given else {}), **given)
    assert " ".join(has) in " ".join(arguments) and not set(has_not) & set(arguments)


@pytest.mark.parametrize(
    "given, taken",
    [
        ("run=trial", {"run": "trial"}),
        ("periods=[2024]", {"periods": ["2024"]}),
        ("water.min_probability=0.6", {"water": {"min_probability": "0.6"}}),
        ("report.title=河北, north: 2024", {"report": {"title": "河北, north: 2024"}}),
        ("coastline.sea_points=[[118.9, 39]]", {"coastline": {"sea_points": [["118.9", "39"]]}}),
        ("coastline=null", {"coastline": None}),
    ],
)
def test_a_value_in_place_of_the_configuration_may_be_of_a_section(given, taken):
    from snakemake.cli import parse_config

    assert parse_config([override(given)]) == taken


@pytest.mark.parametrize("given", ["trial", "=1", "water min=1", "tables.gdp=null", "tables.gdp=", "tables={gdp: null}"])
def test_a_value_that_snakemake_would_misread_is_refused(given):
    with pytest.raises(ConfigError, match="--set"):
        override(given)


def test_what_is_passed_on_comes_after_an_option_of_one_value():
    """`--forcerun search results/x/tiles.parquet` must not become a configuration file or a resource."""
    arguments = snakemake_arguments(CONFIG, values=["run=a"], more=["results/x/tiles.parquet"])
    assert arguments[-3] == "--snakefile" and arguments[-1] == "results/x/tiles.parquet"


@pytest.mark.parametrize("more", [["--forcrun"], ["--retries", "many"], ["--cores", "many"]])
def test_an_option_that_nobody_knows_is_one_error_and_no_page_of_options(more):
    with pytest.raises(ConfigError, match=rf"{more[0]}[\s\S]*rs-pipeline run --help"):
        run_chain(snakemake_arguments(CONFIG, more=more))


def test_the_configuration_is_the_named_one_or_that_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"there is no rs-pipeline.yaml here[\s\S]*rs-pipeline init[\s\S]*run --sample"):
        own_config(None, sample=False)
    assert own_config(CONFIG, sample=False) == CONFIG and own_config(None, sample=True) == config_folder() / "config.yaml"
    with pytest.raises(ConfigError, match="give one of them"):
        own_config(CONFIG, sample=True)
    (tmp_path / "rs-pipeline.yaml").write_text("run: a\n")
    assert own_config(None, sample=False) == Path("rs-pipeline.yaml")


@pytest.mark.parametrize("like", [path.stem for path in sorted((ROOT / "config").glob("*.yaml")) if path.stem != "platforms"])
def test_every_shipped_configuration_can_be_written_and_read(like, tmp_path):
    path = tmp_path / "rs-pipeline.yaml"
    assert init.write_configuration(path, like=like) == []
    text = path.read_text("utf-8")
    assert text.startswith("# ") and f"config/{like}.yaml" not in text and parse(yaml.safe_load(text)).run


def test_a_file_that_is_there_stays_and_one_that_does_not_come_along_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"exists already[\s\S]*rs-pipeline init my.yaml"):
        init.write_configuration(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="is not part of this installation"):
        init.write_configuration(tmp_path / "b.yaml", like="atlantis")
    assert (tmp_path / "a.yaml").read_text() == "mine" and not (tmp_path / "b.yaml").exists()


def test_a_folder_of_scenes_fills_in_collections_and_years_and_says_what_it_leaves_out(tmp_path):
    for day in ("2022-05-01", "2024-05-01"):
        write_scene(tmp_path / "场景 scenes", day)
    item = json.loads(next((tmp_path / "场景 scenes").glob("*/item.json")).read_text())
    (tmp_path / "场景 scenes" / "other.json").write_text(json.dumps(item | {"id": "x", "collection": "modis-09a1"}))
    (tmp_path / "场景 scenes" / "broken.json").write_text('{"type": "Feature", "assets"')
    told = init.write_configuration(tmp_path / "my.yaml", scenes=tmp_path / "场景 scenes")
    text = (tmp_path / "my.yaml").read_text("utf-8")
    settings = parse(yaml.safe_load(text))
    assert [(s.sensor, s.catalog) for s in settings.sources] == [("earth-search-sentinel-2-l2a", str(tmp_path / "场景 scenes"))]
    assert [p.label for p in settings.all_periods] == ["2022", "2024"] and "# 2 scenes" in text
    assert told[0] == "1 of modis-09a1: no table in config/sensors reads the collection" and told[1].startswith("broken.json: the file cannot be read")
    assert text.startswith("# Your own polygons on scenes of this disk.") and "public scenes" not in text


def without_assets(item: Path, name: str, *assets: str) -> None:
    """The item under another name, in the same folder, without some of its assets."""
    found = json.loads(item.read_text())
    less = {key: asset for key, asset in found["assets"].items() if key not in assets}
    (item.parent / f"{name}.json").write_text(json.dumps(found | {"id": name, "assets": less}))


def test_scenes_that_lack_a_band_are_told_and_not_only_left_out(tmp_path):
    write_scene(tmp_path / "scenes", "2024-05-01")
    item = next((tmp_path / "scenes").glob("*/item.json"))
    without_assets(item, "a", "scl")
    without_assets(item, "b", "scl")
    without_assets(item, "c", "red")
    told = init.write_configuration(tmp_path / "my.yaml", scenes=tmp_path / "scenes")
    assert told == [
        "2 of sentinel-2-l2a: lacks the mask; `allow_unmasked: true` in a source of earth-search-sentinel-2-l2a takes them",
        "1 of sentinel-2-l2a: lacks red, which earth-search-sentinel-2-l2a needs; fetch it again, or read it by a table of your own",
    ]
    assert "# 1 scenes" in (tmp_path / "my.yaml").read_text("utf-8")
    item.unlink()
    with pytest.raises(ConfigError, match=r"no scene that a table in config/sensors reads; left out: 2 of sentinel-2-l2a: lacks the mask"):
        init.write_configuration(tmp_path / "other.yaml", scenes=tmp_path / "scenes")
    told = CliRunner().invoke(app, ["init", "--folder", str(tmp_path / "scenes"), str(tmp_path / "other.yaml")])
    assert told.exit_code != 0 and not (tmp_path / "other.yaml").exists()


def test_what_catalog_wrote_is_read_by_the_table_that_catalog_named_with_its_own_pixel(tmp_path):
    (tmp_path / "archive").mkdir()
    landsat(tmp_path / "archive")
    assert write_catalog(tmp_path / "archive").scenes == {"planetary-computer-landsat-c2-l2": 1}
    assert init.write_configuration(tmp_path / "my.yaml", scenes=tmp_path / "archive") == []
    text = (tmp_path / "my.yaml").read_text("utf-8")
    settings = parse(yaml.safe_load(text))
    assert [s.sensor for s in settings.sources] == ["planetary-computer-landsat-c2-l2"] and settings.grid.resolution_m == 30
    assert "# 1 scenes; as another provider names them: earth-search-landsat-c2-l2" in text


def test_scenes_of_two_providers_are_all_read(tmp_path):
    """One collection, other names of assets: each table takes those that it reads."""
    write_scene(tmp_path / "scenes", "2024-05-01")
    safe(tmp_path / "scenes" / "safe")
    write_catalog(tmp_path / "scenes" / "safe")
    assert init.scenes_in(tmp_path / "scenes").scenes == {"copernicus-sentinel-2-l2a": 1, "earth-search-sentinel-2-l2a": 1}


def test_a_folder_without_a_catalog_is_refused_with_the_command_that_makes_one(tmp_path):
    safe(tmp_path / "scenes")
    with pytest.raises(ConfigError, match=r"no scene that a table in config/sensors reads[\s\S]*rs-pipeline catalog .*scenes"):
        init.write_configuration(tmp_path / "my.yaml", scenes=tmp_path / "scenes")
    assert not (tmp_path / "my.yaml").exists()


def test_a_missing_file_is_told_by_its_key_before_snakemake_names_a_rule(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["init"]).exit_code == 0
    for verb in (["run"], ["run", "-n"], ["plan", "--config", "rs-pipeline.yaml"]):
        told = runner.invoke(app, verb)
        assert isinstance(told.exception, ConfigError) and "units.path: units.gpkg does not exist; polygons of your counties, or `rs-pipeline units" in str(
            told.exception
        ), verb
    assert runner.invoke(app, ["init", "--quick", "--hebei"]).exit_code == 2


def test_the_version_and_the_groups_of_verbs():
    told = subprocess.run(
        [sys.executable, "-m", "rs_pipeline.cli", "--help"], capture_output=True, text=True, timeout=120, env=in_root() | {"COLUMNS": "100"}
    ).stdout
    groups = [
        told.index(f" {name} ")
        for name in ("First", "Understand the results", "Keep a run whole", "Simulated worlds and tables", "Steps of the chain, by hand")
    ]
    assert groups == sorted(groups)
    first = told[groups[0] : groups[1]]
    verbs = [line.split()[1] for line in first.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert [verb for verb in verbs if verb in ("init", "plan", "check", "run")] == ["init", "plan", "check", "run"]
    assert CliRunner().invoke(app, ["--version"]).output == CliRunner().invoke(app, ["version"]).output == "0.1.0\n"
