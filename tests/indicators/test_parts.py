"""The table of indicators and its evidence are written in parts: the same whatever their size, all or nothing, and in bounded memory."""

import math
from functools import partial

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rs_pipeline.catalog.ledger import write_ledger
from rs_pipeline.indicators import table as module
from rs_pipeline.indicators.evidence import ROWS_OF_LISTS
from rs_pipeline.indicators.explain import explain
from rs_pipeline.indicators.facts import Run
from rs_pipeline.indicators.targets import run_targets
from rs_pipeline.steps import UNITS_OF_A_PROVINCE, n_units, steps, table_memory_mb
from rs_pipeline.storage.tables import csv_in_parts

NAMES = ("Inland", "Coastal", "=1+1", "白洋淀", "Last")


@pytest.fixture
def run(fake_run, make_scene):
    run = fake_run(names=NAMES, years=(2022, 2023, 2024)).counties().coast({}, adcode="130002")
    write_ledger([make_scene(f"S2-{y}-{i}", "earth-search-sentinel-2-l2a", "sentinel-2a") for y in run.years for i in range(3)], run.layout.scenes)
    return run


def written(run, monkeypatch, rows_at_once: int) -> tuple[bytes, pd.DataFrame, pd.DataFrame, int]:
    with monkeypatch.context() as patch:
        patch.setattr(module, "parts", partial(module.parts, rows_at_once=rows_at_once))
        module.indicators(run.settings)
    layout = run.layout
    evidence = pq.ParquetFile(layout.evidence)
    return layout.indicators.read_bytes(), pd.read_parquet(layout.indicators_parquet), evidence.read().to_pandas(), evidence.num_row_groups


def test_the_size_of_parts_changes_nothing(run, monkeypatch):
    whole, one_by_one = written(run, monkeypatch, 10**9), written(run, monkeypatch, 1)
    assert (whole[3], one_by_one[3]) == (math.ceil(len(whole[2]) / ROWS_OF_LISTS), len(NAMES) + 2) and whole[3] > 1
    assert whole[0] == one_by_one[0] and whole[0].startswith(b"\xef\xbb\xbfadcode,") and whole[0].count(b"\xef\xbb\xbf") == 1
    pd.testing.assert_frame_equal(whole[1], one_by_one[1])
    assert [c for c in whole[2] if [str(v) for v in whole[2][c]] != [str(v) for v in one_by_one[2][c]]] == []
    assert list(zip(whole[1].adcode, whole[1].period, whole[1].indicator, strict=True)) == list(
        zip(whole[2].adcode, whole[2].period, whole[2].indicator, strict=True)
    )


def test_parts_hold_whole_units_and_no_more_than_asked_for(run):
    got = list(module.parts(Run.read(run.settings), run_targets(run.settings), {}, rows_at_once=300))
    of_a_unit = len(got[0][got[0].adcode == "130001"])
    assert all(300 <= len(p) < 300 + of_a_unit for p in got[:-1]) and sum(p.adcode.nunique() for p in got) == len(NAMES) + 2


def test_a_cell_is_explained_from_the_rows_of_its_own(run, monkeypatch):
    written(run, monkeypatch, 1)
    told = explain(run.settings, "白洋淀", "fvc_peak_mean", "2024")
    assert told.value["adcode"] == "130004" and [s["scene_id"] for s in told.scenes] == ["S2-2024-0", "S2-2024-1"]


def test_a_fault_between_parts_leaves_what_stood(run, monkeypatch):
    before = written(run, monkeypatch, 1)[0]
    row = module._row

    def fails_at_the_third(unit, *rest):
        if unit.adcode == "130003":
            raise RuntimeError("killed")
        return row(unit, *rest)

    monkeypatch.setattr(module, "_row", fails_at_the_third)
    with pytest.raises(RuntimeError, match="killed"):
        written(run, monkeypatch, 1)
    layout = run.layout
    assert layout.indicators.read_bytes() == before and pq.read_metadata(layout.evidence).num_row_groups == len(NAMES) + 2
    assert not [p for p in layout.root.iterdir() if ".part" in p.name]


def test_a_column_without_a_value_in_a_part_keeps_its_type(run, monkeypatch):
    for year in run.years:
        path = run.layout.counties(str(year))
        table = pd.read_parquet(path)
        pd.DataFrame(table.assign(prefecture=[None, "P", None, "P", "P"])).to_parquet(path)
    assert written(run, monkeypatch, 1)[1].prefecture.isna().sum() > 0


def test_texts_are_inert_in_every_part(tmp_path):
    with csv_in_parts(tmp_path / "a.csv") as append:
        for value in ("=1+1", "plain", "@x"):
            append(pd.DataFrame({"a": [value], "b": [1.5]}))
    assert (tmp_path / "a.csv").read_text("utf-8-sig") == "a,b\n'=1+1,1.5\nplain,1.5\n'@x,1.5\n"


def test_units_beside_their_neighbours_are_counted_without_a_warning(run, tmp_path, recwarn):
    """A file of counties that the chain makes has both layers."""
    units = gpd.read_file(run.settings.units.path)
    for layer, some in (("units", units), ("neighbours", units.head(1))):
        some.to_file(tmp_path / "counties.gpkg", layer=layer)
    assert n_units(tmp_path / "counties.gpkg", None) == len(NAMES) and not recwarn.list


def test_steps_ask_for_memory_by_units_and_periods(run):
    settings = run.settings
    assert n_units(settings.units.path, None) == len(NAMES) and n_units(settings.units.path.parent / "none.gpkg", None) == UNITS_OF_A_PROVINCE
    assert table_memory_mb(settings, 800, 0.1) == 800 + 0.1 * len(NAMES) * 3
    assert all(steps()[name].memory_mb(settings) > 500 for name in ("zonal", "indicators", "gis", "report"))
