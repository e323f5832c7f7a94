"""Rasters, tables and atomic writing."""

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.windows import Window
from rio_cogeo import cog_validate

from rs_pipeline.model import Grid
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.raster import MapBand, write_cog, write_map
from rs_pipeline.storage.tables import inert, write_csv

GRID = Grid("EPSG:32650", 10.0, 500000, 4300000, 600, 520)
BANDS = [MapBand("frequency", "Share of months"), MapBand("class", "0 land, 1 water", "class")]


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_cog_is_valid_named_and_keeps_missing_missing(tmp_path):
    values = np.full((2, 520, 600), np.nan, "float32")
    values[0, :260] = 0.25
    values[1, :260] = 1
    pieces = ((Window(0, r, 600, 260), values[:, r : r + 260]) for r in (0, 260))
    path = tmp_path / "m.tif"
    write_cog(path, GRID, pieces, BANDS, {"PERIOD": "2024"}, categorical=True)
    valid, errors, _ = cog_validate(path, quiet=True)
    assert valid, errors
    with rasterio.open(path) as src:
        assert src.descriptions == ("frequency", "class") and src.units == ("1", "class")
        assert np.isnan(src.nodata) and src.tags()["PERIOD"] == "2024" and src.overviews(1)
        assert np.array_equal(src.read(), values, equal_nan=True)
        assert float(src.tags(1)["STATISTICS_MEAN"]) == pytest.approx(0.25)
        coarse = src.read(2, out_shape=(130, 150))
        assert set(np.unique(coarse[np.isfinite(coarse)])) == {1.0}


def test_statistics_for_desktop_programs_lie_in_the_file(tmp_path):
    """Of all pixels, not of a sample: the highest is a single one. A band without data says so."""
    values = np.full((2, 520, 600), np.nan, "float32")
    values[0, :260] = np.tile([1.0, 3.0], 300)
    values[0, 7, 7] = 1000.0
    write_cog(tmp_path / "m.tif", GRID, iter([(Window(0, 0, 600, 520), values)]), BANDS, {})
    with rasterio.open(tmp_path / "m.tif") as src:
        found = {name.removeprefix("STATISTICS_"): float(text) for name, text in src.tags(1).items() if name.startswith("STATISTICS_")}
        assert src.tags(2)["STATISTICS_VALID_PERCENT"] == "0" and "STATISTICS_MEAN" not in src.tags(2)
    seen = values[0, :260].astype("float64")
    assert found == {
        "MINIMUM": 1,
        "MAXIMUM": 1000,
        "VALID_PERCENT": 50,
        "MEAN": pytest.approx(seen.mean(), rel=1e-12),
        "STDDEV": pytest.approx(seen.std(), rel=1e-12),
    }
    assert [p.name for p in tmp_path.iterdir()] == ["m.tif"]


def test_tile_map_round_trip(tmp_path):
    layers = {"frequency": np.full(GRID.shape, np.nan), "class": np.zeros(GRID.shape)}
    write_map(tmp_path / "t.tif", GRID, layers, BANDS, {})
    with rasterio.open(tmp_path / "t.tif") as src:
        assert np.isnan(src.read(1)).all() and (src.read(2) == 0).all() and src.transform == GRID.transform


def test_a_layer_is_made_when_it_is_written(tmp_path):
    """A function is called once, and what it gives is written under its band as an array would be."""
    grid, calls = Grid("EPSG:32650", 10.0, 500_000, 4_300_000, 4, 3), []

    def second():
        calls.append("second")
        return np.full((3, 4), 2.0)

    write_map(tmp_path / "map.tif", grid, {"b": second, "a": np.ones((3, 4), "float32")}, [MapBand("a", "one"), MapBand("b", "two")], {})
    with rasterio.open(tmp_path / "map.tif") as src:
        assert src.descriptions == ("a", "b") and (src.read(1) == 1).all() and (src.read(2) == 2).all() and calls == ["second"]


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+1", "-2+3", " =1"])
def test_names_never_become_formulas(tmp_path, name):
    assert inert(name) == "'" + name
    path = tmp_path / "t.csv"
    write_csv(pd.DataFrame({"name": [name, "Anxin"], "value": [-1.5, np.nan]}), path)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    assert "-1.5" in text and text.splitlines()[-1] == "Anxin,"
    assert pd.read_csv(path).name[0] == "'" + name


def test_every_kind_of_missing_is_empty(tmp_path):
    write_csv(pd.DataFrame({"name": ["a", None, np.nan, pd.NA, "=a"], "n": pd.array([1, None, 3, None, 5], dtype="Int64")}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text("utf-8-sig").splitlines() == ["name,n", "a,1", ",", ",3", ",", "'=a,5"]


def test_a_bare_operator_stays_readable():
    assert [inert(v) for v in ("=", ">=", "-")] == ["=", ">=", "-"]


@pytest.mark.parametrize("name", ["\t=1", "\r=1", "\n@x"])
def test_control_characters_become_blanks(name):
    assert inert(name) == "' " + name[1:]
