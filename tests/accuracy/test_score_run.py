"""The step and the verb, on the truth of a real small world: a run whose outputs are the truth, and runs that fall short of it."""

from __future__ import annotations

import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import yaml
from shapely.ops import substring
from typer.testing import CliRunner

from rs_pipeline.cli import app
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import region_maps
from rs_pipeline.storage.raster import write_map
from rs_pipeline.validation import coastline, counties, vegetation, water
from rs_pipeline.validation.run import score_run, write_accuracy
from rs_pipeline.validation.truth import Truth, black_years, on_grid

YEARS = (2023, 2024, 2025)


@pytest.fixture(scope="module")
def truth(small_world):
    return Truth(small_world / "truth")


@pytest.fixture
def settings(small_world, tmp_path):
    """Of a run of the small world."""
    return parse(
        {
            "run": "perfect",
            "output": str(tmp_path / "results"),
            "units": {"path": str(small_world / "units.gpkg")},
            "periods": list(YEARS),
            "simulation": {"path": str(small_world), "seed": 5},
            "grid": {"crs": "EPSG:32650"},
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(small_world)}],
        }
    )


def true_maps(truth: Truth, year: int) -> dict[str, dict[str, np.ndarray]]:
    """What a run without any error would map, as product, band and array."""
    true, cover, shape = truth.true_water(year), truth.vegetation(year), truth.grid.shape
    black = [g for g, y in zip(truth.black_reaches.geometry, black_years(truth.black_reaches), strict=True) if year in y]
    called = np.select([~true.water, truth.covered(black) >= 0.5], [0, 3], 1)
    many = np.full(shape, 99.0)
    return {
        "vegetation": {"fvc_peak": cover["fvc_peak"], "fvc_growing": cover["fvc_growing"], "fvc_peak_sigma": np.full(shape, 0.05)},
        "water": {"frequency": truth.water(year)["frequency"], "class": np.select([true.permanent, true.seasonal], [1, 2], 0)},
        "black_odorous": {"class": called, "probability": np.where(called == 3, 1.0, 0.0)},
        "observations": dict.fromkeys(("clear_peak", "clear_growing", "clear_months", "clear_water"), many),
    }


def true_reaches(truth: Truth, length_m: float = 200.0) -> gpd.GeoDataFrame:
    """Rivers cut into reaches that are called what they are."""
    rows = []
    for river in truth.rivers.itertuples():
        for start in np.arange(0, river.geometry.length, length_m):
            line = substring(river.geometry, start, start + length_m)
            for year in truth.years:
                black = [g for g, y in zip(truth.black_reaches.geometry, black_years(truth.black_reaches), strict=True) if year in y]
                share = sum(line.intersection(g).length for g in black) / line.length
                call = "suspected" if share >= 0.5 else "clear"
                rows.append(
                    {
                        "period": str(year),
                        "class": call,
                        "satellite_class": call,
                        "probability": float(call == "suspected"),
                        "width_class": "assessable",
                        "geometry": line,
                    }
                )
    return gpd.GeoDataFrame(rows, crs=truth.grid.crs)


def write_perfect_run(truth: Truth, layout: Layout) -> None:
    """Files as a run writes them, on a grid that begins three pixels before that of the world."""
    for year in truth.years:
        for product, layers in true_maps(truth, year).items():
            bands = [b for b in region_maps()[product].bands if b.name in layers]
            padded = {name: np.pad(values.astype("float32"), 3, constant_values=np.nan) for name, values in layers.items()}
            write_map(layout.map(product, str(year)), truth.grid.window(-3, -3, *(n + 6 for n in truth.grid.shape)), padded, bands, {})
    for path in (layout.reaches, layout.shorelines):
        path.parent.mkdir(parents=True)
    true_reaches(truth).to_file(layout.reaches, driver="GPKG", layer="reaches")
    lines = truth.shorelines.assign(period=truth.shorelines.year.astype(str), sensor="sentinel-2", position_error_m=5.0)
    lines[["period", "sensor", "position_error_m", "geometry"]].to_file(layout.shorelines, driver="GPKG", layer="shorelines")
    table = counties.true_indicators(truth).rename(columns={"true": "value"})
    table = table.assign(
        lower=table.value,
        upper=table.value,
        interval="model95",
        unit="1",
        observed_fraction=1.0,
        status="met",
        reason="",
        baseline="",
        target_id="",
        level="county",
    )
    table.to_parquet(layout.indicators_parquet)


@pytest.fixture
def perfect(truth, settings):
    layout = Layout(settings.root)
    write_perfect_run(truth, layout)
    return layout


def test_a_perfect_run_gets_perfect_scores(perfect, truth, settings, read):
    scores = score_run(perfect, truth, settings)
    for metric, subset, product in (
        ("f1", "all", "water"),
        ("f1", "inland", "water"),
        ("f1", "bodies above 0.01 km2", "water"),
        ("f1", "permanent class", "water"),
        ("f1", "seasonal class", "water"),
        ("concordance", "all", "fvc_peak"),
        ("concordance", "all", "fvc_growing"),
        ("recall", "all", "black_odorous"),
        ("precision", "all", "black_odorous"),
        ("roc_auc", "all", "black_odorous"),
        ("stretches_found", "all", "black_odorous"),
        ("recall", "pixels", "black_odorous"),
    ):
        assert read(scores, metric, subset, product) == pytest.approx(1), (metric, subset, product)
    for metric, subset, product in (
        ("rmse", "all", "fvc_peak"),
        ("bias", "all", "fvc_growing"),
        ("rmse", "frequency", "water"),
        ("false_alarm_rate", "all", "black_odorous"),
        ("calibration_error", "all", "black_odorous"),
        ("bias", "all", "shoreline"),
        ("untrue_share", "all", "shoreline"),
        ("without_observation", "water", "missing"),
        ("without_observation", "fvc_peak", "missing"),
    ):
        assert read(scores, metric, subset, product) == pytest.approx(0, abs=1e-6), (metric, subset, product)
    for subset, product in (("all", "shoreline"), ("pixel sigma", "fvc_peak"), ("all, model95", "counties")):
        assert read(scores, "coverage", subset, product) == 100
    assert read(scores, "rmse", "all", "shoreline") < 0.5 and read(scores, "found_share", "all", "shoreline") == 100
    assert all(s.value == pytest.approx(0, abs=1e-9) for s in scores if s.product == "counties" and s.metric == "absolute_error")
    assert not [s for s in scores if s.metric == "false_share" and s.value > 0]
    assert {s.product for s in scores} >= {"water", "fvc_peak", "fvc_growing", "black_odorous", "shoreline", "counties", "missing"}


def test_the_sea_lies_to_the_right_of_the_true_lines(truth):
    """What the sign of every error rests on: 30 m seaward of the line it is wetter than 30 m landward."""
    points = coastline.shore_points(coastline._true_lines(truth).query("year == 2024"))
    frequency, grid = truth.water(2024)["frequency"], truth.grid
    wet = {}
    for side in (-30, 30):
        x, y = points.x + side * points.sea_x, points.y + side * points.sea_y
        row, col = ((grid.top - y) // 10).astype(int), ((x - grid.left) // 10).astype(int)
        inside = (row >= 0) & (row < grid.height) & (col >= 0) & (col < grid.width) & (points.type != "river mouth")
        wet[side] = frequency[row[inside], col[inside]].mean()
    assert wet[30] > 0.9 and wet[-30] < 0.3


def test_a_run_shifted_by_a_pixel_loses_marks_everywhere(truth, read):
    maps = true_maps(truth, 2024)
    moved = {b: np.roll(v.astype("float32"), 1, axis=1) for b, v in (maps["water"] | maps["vegetation"]).items()}
    scores = water.score_water(moved["frequency"], moved["class"], truth, 2024)
    scores += vegetation.score_vegetation(moved["fvc_peak"], None, truth, 2024)
    assert 0.9 < read(scores, "f1") < 1 and read(scores, "f1", "inland") < read(scores, "f1") and read(scores, "rmse", "all", "fvc_peak") > 0.05
    narrow, wide = (read(scores, "recall", s) for s in ("rivers under 20 m", "rivers above 80 m"))
    assert narrow < 0.7 < 0.8 < wide < 1  # a pixel is most of a creek and little of a great river


def test_a_run_that_claims_to_have_seen_nothing_wet(truth, read):
    scores = water.score_water(None, np.zeros(truth.grid.shape, "float32"), truth, 2024)
    assert read(scores, "recall") == read(scores, "f1") == read(scores, "recall", "lake") == 0 and read(scores, "area_bias") == -100


def test_parts_that_are_not_made_are_left_out(perfect, truth, settings):
    shutil.rmtree(perfect.shorelines.parent)
    perfect.reaches.unlink()
    for year in YEARS[1:]:
        perfect.map("water", str(year)).unlink()
    products = {(s.product, s.metric) for s in score_run(perfect, truth, settings)}
    assert ("water", "f1") in products and ("shoreline", "rmse") not in products and ("black_odorous", "stretches_found") not in products


def test_scores_are_written_whole_and_called_simulated(perfect, settings):
    scores = write_accuracy(settings)
    table = pd.read_csv(perfect.accuracy, encoding="utf-8-sig")
    assert list(table) == ["product", "metric", "subset", "value", "unit", "n", "kind"] and len(table) == len(scores)
    assert set(table.kind) == {"simulated"} and not table.duplicated(["product", "metric", "subset"]).any()
    empty = table[table.value.isna()]
    assert (empty.n == 0).all()


def test_the_verb_writes_and_prints(perfect, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    done = CliRunner().invoke(app, ["score", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "water (simulated)" in done.output and "bodies above 0.01 km2" in done.output and perfect.accuracy.is_file()


def test_nothing_to_score_is_an_error_with_a_remedy(settings, truth, tmp_path):
    with pytest.raises(ConfigError, match="made nothing that can be scored") as fault:
        score_run(Layout(settings.root), truth, settings)
    assert "finish the run first" in fault.value.remedy
    with pytest.raises(ConfigError, match="no truth of a simulated world") as fault:
        write_accuracy(settings, tmp_path)
    assert "--truth" in fault.value.remedy
    with pytest.raises(ConfigError, match="no simulated world") as fault:
        write_accuracy(settings.model_copy(update={"simulation": None}))
    assert "--truth" in fault.value.remedy


def test_periods_that_are_no_year_of_the_world_have_no_truth(settings, truth):
    other = settings.model_copy(update={"periods": [2019]})
    with pytest.raises(ConfigError, match="2023-2025"):
        score_run(Layout(other.root), truth, other)


def test_a_map_that_lost_a_third_is_scored_on_the_rest(perfect, truth, settings, read):
    path = perfect.map("water", "2024")
    values = {b: on_grid(path, b, truth.grid) for b in ("frequency", "class")}
    for layer in values.values():
        layer[:, :100] = np.nan
    write_map(path, truth.grid, values, [b for b in region_maps()["water"].bands if b.name in values], {})
    scores = score_run(perfect, truth, settings)
    assert read(scores, "f1", "all", "water") == pytest.approx(1)
    assert read(scores, "observed_share", "all", "water") == pytest.approx(100 * (1 + 1 + 2 / 3) / 3)
