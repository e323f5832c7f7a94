"""data_dictionary.csv: no column without a meaning."""

from __future__ import annotations

import pandas as pd
import pytest

from rs_pipeline.config import load
from rs_pipeline.indicators.targets import OBSERVABILITY
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import observed_maps
from rs_pipeline.publish.dictionary import describe_column, dictionary, entries


def test_every_column_of_a_run_is_described(simulated_run, monkeypatch):
    """Of a whole run of the chain: a column that somebody adds and does not write into columns.csv is named here."""
    config, _, _ = simulated_run
    monkeypatch.chdir(config.parent)
    settings = load(config)
    found = entries(settings)
    assert {(e.file, e.column) for e in found if not e.meaning} == set()
    written = {e.file for e in found}
    assert {"indicators.csv", "evidence.parquet", "counties/<period>.parquet", "water/reaches.gpkg", "coastline/transects.csv", "counties.gpkg"} <= written


def test_bands_say_what_they_are(fake_run):
    found = {(e.file, e.column): e for e in entries(fake_run)}
    for product, bands in ((m.name, m.bands) for m in observed_maps().values()):
        for band in bands:
            entry = found[f"maps/{product}_<period>.tif", band.name]
            assert (entry.meaning, entry.unit) == (band.description, band.unit)


def test_allowed_values_are_those_of_the_code():
    assert describe_column("indicators.csv", "observability").values == " | ".join(OBSERVABILITY)
    assert "undecidable" in describe_column("indicators.parquet", "status").values
    assert describe_column("water/reaches.gpkg", "class").meaning != describe_column("coastline/transects.gpkg", "class").meaning


def test_columns_of_the_geopackage_follow_from_the_indicators():
    lower = describe_column("counties.gpkg", "grassland_fvc_lower")
    assert lower.meaning == "Satellite vegetation cover of grassland: lower bound" and lower.unit == "%"
    assert "C10-02" in describe_column("counties.gpkg", "grassland_fvc_status_c10_02").meaning
    assert describe_column("counties.gpkg", "adcode").meaning.startswith("Code of the unit")


def test_an_unknown_column_has_no_meaning():
    assert describe_column("orbits.csv", "surprise").meaning == ""


def test_the_file_describes_itself(fake_run):
    dictionary(fake_run)
    table = pd.read_csv(Layout(fake_run.root).dictionary, encoding="utf-8-sig")
    own = table[table.file == "data_dictionary.csv"]
    assert own.column.tolist() == list(table.columns)
    assert not table.duplicated(["file", "column"]).any()


@pytest.mark.parametrize("period", ["2022", "2023"])
def test_periods_are_described_once(fake_run, period):
    assert not [e for e in entries(fake_run) if period in e.file]
