"""What offices hand in of the simulated world: there for every key, labelled, read by the pipeline's own check, and true to the truth."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml

from rs_pipeline.checks import check_files
from rs_pipeline.config import parse
from rs_pipeline.config.sections import TablesSection
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.products.red_line.areas import red_line_areas
from rs_pipeline.region import load_units
from rs_pipeline.simulation.side_tables import OFFICIAL, PLOT_NOISE, PLOTS_PER_TYPE, TABLE_FILES
from rs_pipeline.simulation.write import run_config


@pytest.fixture(scope="module")
def settings(tiny):
    return parse(yaml.safe_load(run_config(tiny, every_table=True)), where="test")


def table(tiny, key):
    return pd.read_csv(tiny / TABLE_FILES[key], dtype={"adcode": str, "period": str})


def at(tiny, name, band, lon, lat):
    with rasterio.open(tiny / "truth" / name) as src:
        places = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=4326).to_crs(src.crs)
        return np.array([v[0] for v in src.sample([(p.x, p.y) for p in places], indexes=band)])


def test_every_key_of_the_section_is_supplied_and_passes_the_check_at_the_start(tiny, settings):
    """But for the findings of an earlier run, which no simulation makes."""
    assert set(TABLE_FILES) == set(TablesSection.model_fields) - {"known_findings"}
    assert [key for key in TABLE_FILES if getattr(settings.tables, key) is None] == []
    check_files(settings)


def test_all_say_that_they_are_simulated(tiny):
    for key, name in TABLE_FILES.items():
        rows = gpd.read_file(tiny / name) if name.endswith(".gpkg") else pd.read_csv(tiny / name)
        assert len(rows) and (key == "grassland" or (rows.note == "simulated").all()), key


def test_without_every_table_the_answers_are_the_satellites_own(tiny):
    assert list(yaml.safe_load(run_config(tiny))["tables"]) == ["grassland"]


def test_visits_found_what_is_true(tiny):
    black, visits = gpd.read_file(tiny / "truth" / "black_odorous.gpkg"), table(tiny, "field_results")
    assert len(visits) == len(black) == 2
    for visit in visits.itertuples():
        here = black[black.contains(gpd.points_from_xy([visit.lon], [visit.lat])[0])]
        assert visit.black == any(visit.date[:4] in years.split(";") for years in here.years)


def test_plots_lie_about_the_truth(tiny):
    plots = table(tiny, "grassland_plots")
    assert plots.type.value_counts().to_dict() == {"temperate meadow": PLOTS_PER_TYPE, "warm tussock": PLOTS_PER_TYPE}
    off = plots.cover / 100 - at(tiny, "vegetation_2025.tif", 1, plots.lon, plots.lat)
    assert abs(off.mean()) < 3 * PLOT_NOISE / np.sqrt(len(plots)) and off.std() == pytest.approx(PLOT_NOISE, rel=0.3)


def test_reference_pixels_are_the_truth_and_too_few_to_take_over(tiny):
    pixels = table(tiny, "reference_samples")
    assert (pixels.value == (at(tiny, "water_2025.tif", 3, pixels.lon, pixels.lat) >= 0.5)).all() and len(pixels) == 12


def test_part_of_the_red_line_lies_at_sea(settings):
    """Beyond all units, and counted for one of the coastal counties."""
    found = red_line_areas(settings)
    region = found.pop(REGION)
    assert region.sea_km2 > 0.01 and region.elsewhere_km2 == pytest.approx(0, abs=1e-5)
    units = set(load_units(settings).adcode)
    assert sum(a.sea_km2 for code, a in found.items() if code in units) == pytest.approx(region.sea_km2) and found["990101"].sea_km2 == 0


def test_one_half_of_the_ground_that_changes_is_a_plot_that_was_cleared_and_the_other_is_not(tiny):
    plots = gpd.read_file(tiny / "places.gpkg").query("kind == 'contaminated_plot'").to_crs(32650)
    first, second = plots.itertuples()
    assert first.cleared == 2025 and pd.isna(second.cleared) and first.place_id != second.place_id
    assert first.geometry.area == pytest.approx(second.geometry.area, rel=0.2) and first.geometry.intersection(second.geometry).area < 1
    assert gpd.read_file(tiny / "truth" / "changes.gpkg").to_crs(32650).area.sum() >= plots.area.sum() - 1


def test_official_values_are_of_the_region_in_every_year(tiny):
    values = table(tiny, "values")
    assert set(values.adcode) == {REGION} and set(values.target_id) == set(OFFICIAL) and set(values.period) == {"2025"}
