"""A product, and a sensor, that another package brings: the whole chain has them without an edit of the core."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml

from benchmarks.harness import ROOT, in_root, snakemake_command
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.simulation.write import run_config, write_world

TOY = Path(__file__).parent / "toy"


def with_toy() -> dict[str, str]:
    """The environment of a user who has installed the toy's package."""
    environment = in_root()
    return environment | {"PYTHONPATH": os.pathsep.join([str(TOY), environment["PYTHONPATH"]])}


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory) -> Layout:
    """The chain on a small inland world of one year, Sentinel-2 read by a table of the user's own."""
    folder = tmp_path_factory.mktemp("toy")
    world = folder / "world"
    write_world(world, 5, 1, landscape="plain", size_px=(120, 120), every_days={"sentinel-2": 15, "landsat": 90, "sentinel-1": 90})
    values = yaml.safe_load(run_config(world)) | {"output": str(folder / "results"), "products": {"brightness": {"gain": 0.5}}}
    table = (config_folder() / "sensors" / "earth-search-sentinel-2-l2a.yaml").read_text("utf-8")
    (folder / "my_sensor.yaml").write_text(table)
    for source in values["sources"]:
        if source["sensor"] == "earth-search-sentinel-2-l2a":
            source["sensor"] = str(folder / "my_sensor.yaml")
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    done = subprocess.run(snakemake_command(folder / "config.yaml"), cwd=ROOT, capture_output=True, text=True, timeout=1200, env=with_toy())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return Layout(folder / "results" / "world")


def test_its_map_is_made_and_drawn(toy_run):
    with rasterio.open(toy_run.map("brightness", "2025")) as src:
        assert src.descriptions == ("red_refl",)
        red = src.read(1)
    assert np.isfinite(red).mean() > 0.99 and 0.01 < np.nanmean(red) < 0.15  # half of the mean red of a plain, by the key products.brightness
    assert "Brightness" not in toy_run.map("water", "2025").with_suffix(".qml").read_text() and toy_run.map("brightness", "2025").with_suffix(".qml").is_file()


def test_its_indicator_is_judged_against_its_own_target(toy_run):
    table = pd.read_csv(toy_run.indicators, encoding="utf-8-sig", dtype={"adcode": str})
    rows = table[table.indicator == "brightness_mean"]
    assert set(rows.target_id) == {"TOY-01"} and set(rows.status) == {"met"} and set(rows.unit) == {"%"}
    with rasterio.open(toy_run.map("brightness", "2025")) as src:
        assert rows[rows.adcode == "000000"].value.item() == pytest.approx(100 * np.nanmean(src.read(1)), abs=2)


def test_its_evidence_names_its_maps_and_scenes(toy_run):
    evidence = pd.read_parquet(toy_run.evidence)
    (proof,) = evidence[(evidence.indicator == "brightness_mean") & (evidence.adcode == "000000")].to_dict("records")
    assert any("brightness.tif sha256:" in text for text in proof["inputs"]) and len(proof["scene_ids"]) > 10


def test_page_dictionary_and_stac_know_it(toy_run):
    page = toy_run.report.read_text("utf-8")
    assert "Mean brightness in red" in page and "红波段平均亮度" in page and "地表不得刺眼" in page
    assert (toy_run.report_pictures / "brightness_2025.png").is_file()
    with toy_run.dictionary.open(encoding="utf-8-sig", newline="") as file:
        meanings = {(row["file"], row["column"]): row["meaning"] for row in csv.DictReader(file)}
    assert meanings["counties/<period>.parquet", "brightness_sum_m2"] == "Area times brightness"
    assert meanings["maps/brightness_<period>.tif", "red_refl"] == "Mean reflectance in red"
    assert "brightness" in json.loads((toy_run.stac.parent / "2025" / "2025.json").read_text())["assets"]


def test_its_verb_is_there_and_explain_tells_its_steps(toy_run):
    def ask(*words: str) -> str:
        command = [sys.executable, "-m", "rs_pipeline.cli", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=with_toy() | {"COLUMNS": "200"}).stdout

    assert "Make the map of brightness" in ask("brightness", "--help")
    told = ask("explain", "000000", "brightness_mean", "2025", "--config", str(toy_run.settings))
    assert "search > grid > assign > fetch" in told and "brightness" in told.split("Steps:")[1].split("\n")[0]


def test_scenes_carry_the_name_of_the_users_own_table(toy_run):
    sensors = set(pd.read_parquet(toy_run.scenes).sensor)
    assert any(name.endswith("my_sensor.yaml") for name in sensors) and "earth-search-sentinel-2-l2a" not in sensors


def test_without_its_package_nothing_of_it_is_there():
    done = subprocess.run(
        [sys.executable, "-c", "from rs_pipeline.products.register import products; print(*products())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=in_root(),
    )
    assert "brightness" not in done.stdout and "water" in done.stdout
