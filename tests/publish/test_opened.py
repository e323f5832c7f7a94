"""A run in a notebook: maps and tables as they were written, and the notebook of the documentation executed."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import nbformat
import numpy as np
import pytest
import rasterio

import rs_pipeline
from benchmarks.harness import ROOT, in_root
from rs_pipeline.errors import ConfigError

NOTEBOOK = ROOT / "docs" / "open_a_run.ipynb"


@pytest.fixture(scope="module")
def run(simulated_run):
    return rs_pipeline.open_run(simulated_run[1].root)


def test_a_map_is_what_its_files_hold_and_lazy(run, simulated_run):
    cover = run.maps["vegetation"]
    assert cover.fvc_peak.dims == ("period", "y", "x") and cover.period.values.tolist() == run.periods
    assert cover.fvc_peak.chunks and cover.fvc_peak.dtype == np.float32 and cover.fvc_peak.attrs["units"] == "1"
    for label in run.periods:
        with rasterio.open(simulated_run[1].map("vegetation", label)) as src:
            assert np.array_equal(cover.fvc_peak.sel(period=label).values, src.read(1), equal_nan=True)
            assert cover.rio.crs == src.crs and cover.rio.transform() == src.transform and list(cover.data_vars) == list(src.descriptions)


def test_tables_keep_codes_units_and_shapes(run):
    assert {"indicators", "evidence", "scenes", "counties", "water/bodies", f"counties/{run.periods[0]}"} <= set(run.tables)
    indicators, bodies = run.tables["indicators"], run.tables["water/bodies"]
    assert set(indicators.adcode.map(type)) == {str} and indicators.attrs["units"]["n_scenes"] == "count"
    assert isinstance(bodies, gpd.GeoDataFrame) and bodies.crs is not None and isinstance(run.tables["counties"], gpd.GeoDataFrame)
    assert len(run.tables) == len(list(run.tables)) and "water/bodies" in repr(run.tables)


def test_what_is_not_there_is_said(run, tmp_path):
    with pytest.raises(KeyError, match="'wather'; there are vegetation, water"):
        run.maps["wather"]
    with pytest.raises(ConfigError, match=r"no config.yaml[\s\S]*give results/<run>"):
        rs_pipeline.open_run(tmp_path)


def test_importing_the_package_loads_no_library():
    code = "import sys, rs_pipeline; rs_pipeline.open_run.__doc__; print(sorted({'numpy', 'xarray', 'pydantic', 'geopandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=in_root(), timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_the_notebook_of_the_documentation_runs(simulated_run, tmp_path, monkeypatch):
    """Its code cells in order in one name space, in a folder where the run is called as they call it."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "sample").symlink_to(simulated_run[1].root)
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    names: dict = {}
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        assert not cell.outputs, "outputs are not kept: they would age"
        exec(compile(cell.source, Path(NOTEBOOK).name, "exec"), names)
    assert len(names["run"].periods) > 0 and float(names["permanent_km2"].max()) > 0 and 0 < float(names["part"].mean()) < 1
