"""A coast with nothing but scenes: no reference line, no tide table, no point at sea, no side table, no prefectures."""

import geopandas as gpd
import pandas as pd
import pytest

from rs_pipeline.config import load
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from tests.small_world import COAST_PX, DATES, LEFT, SIZE_PX, run_chain, small_settings, write_scene


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The chain on a straight coast, twelve dates of Sentinel-2: (layout, its indicators of the region in the last year)."""
    folder = tmp_path_factory.mktemp("bare")
    for day in DATES:
        write_scene(folder / "scenes", day, sea=True)
    units = {"path": str(folder / "units.gpkg"), "prefecture": None, "only": ["130101", "130102"]}
    layout = Layout(run_chain(small_settings(folder, coastline={}, units=units)).root)
    table = pd.read_csv(layout.indicators, encoding="utf-8-sig", dtype={"adcode": str, "period": str})
    return layout, table[(table.adcode == "000000") & (table.period == "2024")].drop_duplicates("indicator").set_index("indicator")


def test_the_line_is_drawn_and_says_that_no_tide_is_known(bare):
    layout, _ = bare
    lines = gpd.read_file(layout.shorelines)
    assert sorted(lines.period) == ["2023", "2024"] and set(lines.reference) == {"instantaneous"} and "high" not in set(lines.certainty)
    assert lines.length.min() > 600 and (lines.get_coordinates().x - (LEFT + COAST_PX * 10)).abs().max() < 10
    assert len(gpd.read_file(layout.transects)) >= 6


def test_without_prefectures_there_are_counties_and_the_region(bare):
    table = pd.read_csv(bare[0].indicators, encoding="utf-8-sig", dtype={"adcode": str})
    assert table.groupby("level").adcode.unique().map(sorted).to_dict() == {"county": ["130101", "130102"], "region": ["000000"]}


def test_the_coast_is_measured_with_its_doubt(bare):
    _, row = bare
    kinds = row.loc[["natural_coast_length_km", "artificial_coast_length_km", "estuary_length_km"]]
    assert kinds.value.sum() == pytest.approx(SIZE_PX / 100, abs=0.15) and row.value["sea_area"] == pytest.approx(
        SIZE_PX * (SIZE_PX - COAST_PX) / 1e4, rel=0.05
    )
    for name in ("natural_coast_length_km", "reclaimed_area"):
        assert (
            "no tide (coastline.tide_table is not given): lines stand for the water level at the passes, 0.5 m in error and so 10 m in position"
            in row.reason[name]
        )


def test_what_needs_a_table_says_which(bare):
    needing = bare[1][bare[1].status == "needs_table"]
    assert len(needing) > 10 and needing.value.isna().all() and needing.reason.str.contains("needs|give the").all()


@pytest.mark.parametrize("name", ["hebei-quick.yaml", "hebei.yaml"])
def test_hebei_needs_nothing_but_the_network(name):
    settings = load(config_folder() / name)
    assert settings.coastline == type(settings.coastline)() and not any(path for _, path in settings.tables) and settings.black_odorous.wetland_prior is None
    assert not [s.sensor for s in settings.sources if "rtc" in s.sensor or s.headers], "a source that wants an account"


def test_the_first_look_is_two_counties_two_years_and_one_catalog():
    settings = load(config_folder() / "hebei-quick.yaml")
    assert (
        len(settings.units.only) == 2
        and len(settings.all_periods) == 2
        and {s.catalog for s in settings.sources} == {"https://earth-search.aws.element84.com/v1"}
    )
