"""The whole chain as a user runs it: `snakemake` on a small simulated world, then on real scenes."""

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from rio_cogeo import cog_validate

from rs_pipeline.config import load
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.explain import explain
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.products.register import period_maps

COLUMNS = (
    "adcode name prefecture period indicator value unit lower upper interval observed_fraction n_scenes status target_id "
    "target_operator target_value target_year clause observability reason"
).split()
STATUSES = {
    "met",
    "on_track",
    "undecidable",
    "slipping",
    "off_track",
    "not_met",
    "insufficient_data",
    "not_built",
    "needs_table",
    "not_observable",
    "no_target",
}


def write_config(folder: Path, **changes) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(changes))
    return path


@pytest.fixture
def world(simulated_run):
    return simulated_run


def test_every_file_of_the_contract_is_there(world):
    _, layout, _ = world
    files = [
        layout.scenes,
        layout.shorelines,
        layout.transects,
        layout.transects.with_suffix(".csv"),
        layout.bodies,
        layout.reaches,
        layout.inspection_list,
        layout.inspection_index,
        layout.quality,
        layout.indicators,
        layout.indicators_parquet,
        layout.evidence,
        layout.report,
        layout.stac,
    ]
    files += [layout.map(p, y) for p in period_maps() for y in ("2024", "2025")]
    files += [f(y) for f in (layout.counties, layout.land_counties) for y in ("2024", "2025")]
    assert [f for f in files if not f.is_file() or f.stat().st_size == 0] == []


def test_maps_are_valid_cogs_with_named_bands_and_colours(world):
    _, layout, _ = world
    wanted = {
        "vegetation": ("fvc_peak", "fvc_growing"),
        "water": ("frequency", "class"),
        "black_odorous": ("probability", "class"),
        "land": ("class", "confidence"),
    }
    for product in period_maps():
        path = layout.map(product, "2025")
        valid, errors, _ = cog_validate(path, quiet=True)
        assert valid, (path, errors)
        assert path.with_suffix(".qml").is_file()
        with rasterio.open(path) as src:
            assert src.descriptions[:2] == wanted.get(product, src.descriptions[:2])
            assert np.isnan(src.nodata) and src.tags()["SIMULATED"] == "yes" and (int(src.tags()["N_SCENES"]) > 20 or product in ("soil_loss", "heat"))


def test_indicators_have_a_row_for_every_county_period_and_indicator(world):
    _, layout, _ = world
    table = pd.read_csv(layout.indicators, dtype={"adcode": str})
    assert table.columns[: len(COLUMNS)].tolist() == COLUMNS
    assert set(table.status) <= STATUSES
    counts = table.groupby(["adcode", "period"]).size()
    assert table.drop_duplicates("adcode").level.value_counts().to_dict() == {"county": 3, "prefecture": 1, "region": 1}
    assert len(counts) == 5 * 2 and counts.nunique() == 1
    targets = pd.read_csv(config_folder() / "targets.csv")
    assert set(targets.target_id) <= set(table.target_id.dropna())


def test_no_value_where_nothing_was_observed(world):
    _, layout, _ = world
    table = pd.read_csv(layout.indicators)
    silent = table[table.status.isin(["not_observable", "not_built", "needs_table", "insufficient_data"]) & (table.observed_fraction == 0)]
    assert len(silent) and silent.value.isna().all() and silent.reason.notna().all()
    valued = table[table.value.notna()]
    assert (valued.observed_fraction > 0).all() and (valued.n_scenes > 0).all()
    bounded = valued[valued.lower.notna()]
    assert (bounded.lower <= bounded.value + 1e-9).all() and (bounded.value <= bounded.upper + 1e-9).all()


def test_the_ledger_tells_of_every_scene(world):
    _, layout, world_folder = world
    ledger = pd.read_parquet(layout.scenes)
    assert set(ledger.status) <= {"used", "skipped", "failed"}
    assert ledger.reason[ledger.status != "used"].str.len().gt(0).all()
    import json

    facts = json.loads((world_folder / "world.json").read_text())
    wrong = ledger[ledger.scene_id.isin(facts["wrong_offset_flag"])]
    assert len(wrong) and wrong.offset_decision.str.len().gt(0).all()
    dropped = ledger[ledger.scene_id.isin(set(facts["duplicates"].values()) | set(facts["duplicates"]))]
    assert (dropped.status == "skipped").sum() == len(facts["duplicates"])


def test_every_indicator_row_has_its_evidence(world):
    _, layout, _ = world
    table, evidence = pd.read_parquet(layout.indicators_parquet), pd.read_parquet(layout.evidence)
    assert len(evidence) == len(table)


def test_a_cell_is_explained_down_to_unchanged_files(world, monkeypatch):
    monkeypatch.chdir(world[0].parent)
    settings = load(world[0])
    got = explain(settings, REGION, "water_permanent_area", settings.baseline_label)
    assert got.simulated and got.scenes and all(s["offset_decision"] and s["datetime"] for s in got.scenes)
    assert {f["now"] for f in got.files} == {"same"} and any(f["path"].endswith("water.tif") for f in got.files)
    assert got.code["code_now"] == got.code["configuration_now"] == "same"
    assert "simulated worlds" in got.interval_origin and got.masks


def test_water_and_vegetation_are_near_the_simulated_truth(world):
    _, layout, world_folder = world
    with rasterio.open(layout.map("water", "2025")) as src, rasterio.open(world_folder / "truth" / "water_2025.tif") as truth:
        mapped = sample_like(src, 2, truth)
        true = truth.read(truth.descriptions.index("class") + 1).astype(float)
    seen = np.isfinite(mapped)
    wet, really = np.isin(mapped, (1, 2)) & seen, np.isin(true, (1, 2)) & seen
    f1 = 2 * (wet & really).sum() / (wet.sum() + really.sum())
    assert seen.mean() > 0.95 and f1 > 0.96
    with rasterio.open(layout.map("vegetation", "2025")) as src, rasterio.open(world_folder / "truth" / "vegetation_2025.tif") as truth:
        error = (sample_like(src, 1, truth) - truth.read(1))[seen & ~wet & ~really]
    assert np.sqrt(np.nanmean(error**2)) < 0.14 and abs(np.nanmean(error)) < 0.08


def sample_like(src, band, like) -> np.ndarray:
    """A band at the pixel centres of another raster of the same CRS; NaN outside."""
    rows, cols = np.mgrid[: like.height, : like.width]
    x, y = like.transform * (cols + 0.5, rows + 0.5)
    c, r = ~src.transform * (x, y)
    values = src.read(band)
    r, c = np.floor(r).astype(int), np.floor(c).astype(int)
    inside = (r >= 0) & (r < src.height) & (c >= 0) & (c < src.width)
    return np.where(inside, values[r.clip(0, src.height - 1), c.clip(0, src.width - 1)], np.nan)


def test_shorelines_and_transects_tell_what_they_rest_on(world):
    _, layout, _ = world
    lines, transects = gpd.read_file(layout.shorelines), gpd.read_file(layout.transects)
    assert set(lines.period) == {"2024", "2025"} and (lines.position_error_m > 0).all() and set(lines.reference) == {"msl"}
    assert transects.distance_2025.notna().mean() > 0.9


def test_a_second_run_has_nothing_to_do(world, snakemake):
    done = snakemake(world[0])
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_changed_threshold_reruns_only_what_depends_on_it(world, tmp_path, snakemake):
    config, *_ = world
    values = yaml.safe_load(config.read_text())
    changed = config.with_name("changed.yaml")
    changed.write_text(yaml.safe_dump(values | {"indicators": {"publish_fraction": 0.9}}))
    done = snakemake(changed, "-n")
    jobs = set(re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.M))
    assert "indicators" in jobs and not jobs & {"simulate", "search", "round_1", "mosaic", "zonal", "coastline"}
    snakemake(config, "-n")


def test_an_unreadable_scene_is_named_and_lost_alone(world):
    _, layout, world_folder = world
    import json

    corrupt = json.loads((world_folder / "world.json").read_text())["corrupt"]
    manifests = pd.concat([pd.read_parquet(f) for f in layout.root.glob("chips/*/*/chips.parquet")])
    failed = manifests[manifests.status == "failed"]
    ledger = pd.read_parquet(layout.scenes)
    lost = set(failed.scene_id) | set(ledger.scene_id[ledger.status == "failed"])
    assert lost == set(corrupt) and failed.reason.str.len().gt(10).all()


@pytest.mark.parametrize("name", ["config.yaml", "hebei-quick.yaml"])
def test_a_dry_run_plans_without_network(name, tmp_path, snakemake):
    config = tmp_path / name
    config.write_text((config_folder() / name).read_text())
    done = snakemake(config, "-n")
    assert re.search(r"^search\s+1", done.stdout + done.stderr, re.M)


def test_a_missing_side_table_stops_the_run_with_the_way_to_get_it(tmp_path, snakemake):
    config = tmp_path / "config.yaml"
    config.write_text((config_folder() / "hebei.yaml").read_text().replace("coastline: {}", "coastline: {tide_table: data/hebei_tide.csv}"))
    done = snakemake(config, check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "coastline.tide_table: data/hebei_tide.csv does not exist" in text and "tide model or gauge" in text


def test_a_wrong_key_stops_snakemake_with_its_place(tmp_path, snakemake):
    config = tmp_path / "config.yaml"
    config.write_text((config_folder() / "config.yaml").read_text() + "\nwatr: {}\n")
    done = snakemake(config, "-n", check=False)
    assert done.returncode != 0 and "watr: unknown key" in done.stdout + done.stderr


def test_real_parana_scenes_give_water_where_the_river_is(real_data, tmp_path, snakemake):
    config = write_config(
        tmp_path,
        run="parana",
        units={"path": str(real_data / "regions/parana_zones.geojson")},
        periods=[{"label": "2023-2025", "start": "2023-01-01", "end": "2025-12-31"}],
        sources=[{"sensor": "earth-search-sentinel-2-l2a", "catalog": str(real_data / "catalog"), "allow_unmasked": True}],
        vegetation={"peak_window": ["01-01", "12-31"], "growing_window": ["01-01", "12-31"]},
        black_odorous={"window": ["01-01", "12-31"]},
    )
    snakemake(config)
    layout = Layout(tmp_path / "results" / "parana")
    counties = pd.read_parquet(layout.counties("2023-2025")).query("zone == 'county'").set_index("name")
    # The window holds 218 x 219 pixels, the three zones tile it (their own table: 20278, 18125 and 9339 pixel centres).
    assert counties.area_m2.sum() == pytest.approx(4.7742e6, rel=2e-3)
    share = counties.water_permanent_m2.sum() / counties.water_observed_m2.sum()
    assert 0.70 < share < 0.82
    assert (counties.n_scenes == 8).all() and (counties.water_observed_m2 / counties.area_m2 > 0.97).all()
    assert counties.bow_suspected_m2.sum() == 0
    rows = pd.read_csv(layout.indicators)
    assert rows[rows.indicator == "natural_coast_retention"].value.isna().all()


def test_real_hls_scene_gives_its_quadrants(real_data, tmp_path, snakemake):
    config = write_config(
        tmp_path,
        run="hls",
        units={"path": str(real_data / "regions/hls_quadrants.geojson")},
        periods=[2021],
        sources=[{"sensor": "hls2-s30", "catalog": str(real_data / "catalog")}],
        grid={"resolution_m": 30, "tile_px": 512},
        vegetation={"min_dates": 1, "min_span_days": 0},
        water={"min_months": 1},
        black_odorous={"min_dates": 1, "min_months": 1},
    )
    snakemake(config)
    counties = pd.read_parquet(Layout(tmp_path / "results" / "hls").counties("2021")).query("zone == 'county'")
    # 4 quadrants of 250,000 pixels of 900 m2; Fmask flags 0.3 % of the crop as water.
    assert counties.area_m2.to_numpy() == pytest.approx(225e6, rel=3e-3)
    share = counties.water_permanent_m2.sum() / counties.water_observed_m2.sum()
    assert 0.001 < share < 0.006
    assert (counties.fvc_peak_sum_m2 / counties.fvc_peak_observed_m2).between(0.4, 0.9).all()
