"""Names that a shell, Snakemake, a pattern or a command would take for something else: every command of the chain means what is meant, or the
name is refused at the start."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import yaml

from benchmarks.harness import ROOT, in_root, snakemake_command
from rs_pipeline import region
from rs_pipeline import tiles as tiling
from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.operations.run import notify
from rs_pipeline.provinces import Province
from rs_pipeline.steps import step_places, steps_of

NASTY = "o$(touch PWNED) 'q\" `touch PWNED` && touch PWNED || 河北 %s *[a]? #& | > x \\n ~ -rf"


def values(folder: Path, **changes) -> dict:
    return {
        "run": "r",
        "output": NASTY,
        "units": {"path": str(folder / f"{NASTY}.gpkg")},
        "periods": [2023, 2024],
        "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(folder / NASTY)}],
        "grid": {"crs": "EPSG:32650", "tile_px": 512},
    } | changes


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """A run whose tiles are known, in a folder with a name that a shell would run: (settings, its configuration file)."""
    folder = tmp_path / NASTY
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / NASTY).mkdir()
    units = gpd.GeoDataFrame({"adcode": ["1"], "name": ["a"], "prefecture": ["p"]}, geometry=[shapely.box(115, 38, 115.05, 38.05)], crs=4326)
    units.to_file(folder / f"{NASTY}.gpkg", driver="GPKG")
    made = values(folder, simulation={"path": f"sim {NASTY}"}, coastline={})
    settings = parse(made)
    region.grid(settings)
    write_ledger([], Layout(settings.root).scenes)
    Layout(settings.root).orbits.write_text("")
    assign(settings)
    config = folder / f"{NASTY}.yaml"
    config.write_text(yaml.safe_dump(made, allow_unicode=True), "utf-8")
    return settings, config


def test_every_command_of_the_chain_is_what_is_meant(planned):
    settings, config = planned
    done = subprocess.run(snakemake_command(config, "-n", "--printshellcmds"), cwd=ROOT, capture_output=True, text=True, timeout=300, env=in_root())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    commands = [shlex.split(line) for line in (done.stdout + done.stderr).splitlines() if " -m rs_pipeline " in line]
    layout, tiles = Layout(settings.root), [t.id for t in tiling.read_tiles(settings)]
    config_words, seen = ["--config", str(layout.settings)], set()
    for line in commands:
        command = line[line.index(sys.executable) :]
        assert command[:3] == [sys.executable, "-m", "rs_pipeline"] and command[-2] == "2>"
        assert command[-1].startswith(f"{settings.root}/logs/") and command[-1].endswith(".log")
        if command[3] == "simulate":
            assert command[4] == str(settings.simulation.path)
            continue
        at = command.index("--config")
        assert command[at : at + 2] == config_words and command[at + 2] == "--threads" and command[at + 4] == "--attempt" and len(command) == at + 8
        seen.add(tuple(command[3:at]))
    names = {"run": [], "period": ["period"], "tile": ["tile"], "map": ["product", "period"], "tile_period": ["tile", "period"]}
    due = {
        (step.verb, *(word for name in names[step.scope] for word in (f"--{name}", getattr(place, name))), "--due")
        for step in steps_of(settings)
        if step.name not in ("search", "grid", "assign") and not step.of_tile
        for place in step_places(step, settings, tiles)
    } | {("round", "--tile", tile, "--period", period, "--number", number) for tile in tiles for period in ("2023", "2024") for number in ("1", "2")}
    assert due - seen == set() and not list(config.parent.rglob("PWNED"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{period}", "output: '{period}' has braces, which are wildcards in Snakemake; leave them out"),
        ("a}", "has braces"), (";touch PWNED", "has ';', at which readers of vector files split a path; leave it out"), ("a!b", "has '!'"), ("a\nb", r"'a\nb' has control characters"), ("河" * 86, "takes 258 bytes, a file system holds 255; shorten it"),
    ],
)  # fmt: skip
def test_names_that_cannot_work_are_refused_at_the_start(tmp_path, name, said):
    with pytest.raises(ConfigError) as caught:
        parse(values(tmp_path, output=name))
    assert said in str(caught.value)
    with pytest.raises(ConfigError, match=r"simulation(\.|: )"):
        parse(values(tmp_path, simulation={"path": name}))
    with pytest.raises(ValueError, match="units.file"):
        Province.model_validate(
            {"name": {"en": "a", "zh": "b"}, "adcode": "130000", "area_km2": 1, "units": {"code_prefix": "13", "file": name}, "targets": "t.csv"}
        )


@pytest.mark.parametrize("name", ["-rf", "--help", "../x", "a;b", "$(x)", "a/b", "..", ".hidden", "{x}", "a b", "x" * 65, ""])
def test_names_of_runs_are_names_of_folders(tmp_path, name):
    with pytest.raises(ConfigError, match="run: "):
        parse(values(tmp_path, run=name))


def test_who_is_told_is_started_without_a_shell(tmp_path):
    words = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))", str(tmp_path / "told"), NASTY, "; touch PWNED"]
    notify(parse(values(tmp_path, notify={"command": words})), "complete", json.dumps({}))
    assert (tmp_path / "told").read_text() == repr([NASTY, "; touch PWNED"]) and not list(tmp_path.rglob("PWNED"))


def test_braces_in_the_configuration_are_no_wildcards(small_world, snakemake, monkeypatch):
    """Keys are written as ${NAME}; Snakemake reads braces in the parameters of a rule as wildcards."""
    monkeypatch.setenv("W", "a-key-of-a-catalog")
    own = {"sensor": "earth-search-sentinel-2-l2a", "catalog": "https://me:${W}@127.0.0.1:9/stac", "headers": {"X-Key": "Token ${W}"}}
    small_world.configure(sources=[own], report={"title": "Water {2023} {{x}}"})
    planned = snakemake(small_world.config, "-n").stdout
    assert "search" in planned and "a-key-of-a-catalog" not in planned
