"""A tide table from an ocean tide model: a model of M2 alone, 1 m high everywhere, in the files of EOT20."""

import sys
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

from rs_pipeline.errors import ConfigError
from rs_pipeline.products.coastline.tide import read_tide
from rs_pipeline.products.coastline.tide_model import model_table, tide_stations

CONSTITUENTS = "2N2 J1 K1 K2 M2 M4 MF MM N2 O1 P1 Q1 S1 S2 SA SSA T2".split()
M2_PERIOD_H = 12.4206012


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Amplitudes in cm, phases 0; the sea ends at 118.5 E."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "EOT20" / "ocean_tides").mkdir(parents=True)
    lon, lat = np.arange(117, 121.01, 0.25), np.arange(37, 41.01, 0.25)
    for name in CONSTITUENTS:
        amplitude = np.full((lat.size, lon.size), 100.0 if name == "M2" else 1e-6)  # readers take 0 for land
        amplitude[:, lon < 118.5] = np.nan
        fields = {"amplitude": (("lat", "lon"), amplitude, {"units": "cm"}), "phase": (("lat", "lon"), np.full(amplitude.shape, 1e-6))}
        path = folder / "EOT20" / "ocean_tides" / f"{name}_ocean_eot20.nc"
        xr.Dataset(fields, {"lat": lat, "lon": lon}).to_netcdf(path, engine="h5netcdf")
    return folder


@pytest.fixture
def settings(tmp_path, make_settings):
    """Units around (118.6 E, 39.1 N) and a reference coast of half a degree, which ends 17 km inland of the model's sea."""

    def settings(lon=118.3, **changes):
        def write(file, shape, **columns):
            gpd.GeoDataFrame(columns, geometry=[shape], crs=4326).to_file(tmp_path / f"{file}.gpkg")
            return str(tmp_path / f"{file}.gpkg")

        units = write("counties", shapely.box(lon, 39.0, lon + 0.6, 39.2), adcode=["130001"], name=["a"], prefecture=["p"])
        reference = write("coast", shapely.LineString([(lon, 39.1), (lon + 0.5, 39.1)]), kind=["coast"])
        return make_settings(**{"units": {"path": units}, "coastline": {"reference": reference}, "periods": [2024], **changes})

    return settings


def test_heights_are_those_of_the_moons_tide(settings, folder, tmp_path):
    out = tmp_path / "tide.csv"
    assert model_table(settings(), "EOT20", folder, out) == 2
    tide = read_tide(out, 118.7, 39.1)
    hours = np.arange(0, 24 * 300, 1.0)
    series = [tide.height_at(datetime.fromtimestamp(1.7050e9 + 3600 * h, UTC)) for h in hours]
    m2, s2, n2 = (2 * abs(np.exp(-2j * np.pi * hours / p) @ series) / hours.size for p in (M2_PERIOD_H, 12.0, 12.6583475))
    # the lunar node takes 3.5 % from M2 in 2024 (f = 1 - 0.037 cos N, N from 22 to 3 degrees, Doodson); lesser tides inferred from it leak in
    assert m2 == pytest.approx(0.965, abs=0.02) and max(s2, n2) < 0.02
    assert np.isfinite(tide.height_at(datetime(2024, 1, 1, tzinfo=UTC))) and np.isfinite(tide.height_at(datetime(2024, 12, 31, 23, 59, tzinfo=UTC)))


def test_stations_lie_on_the_line_a_quarter_of_a_degree_apart(settings):
    assert tide_stations(settings()).tolist() == pytest.approx(np.array([[118.425, 39.1], [118.675, 39.1]]))


def test_of_a_polygon_only_the_coast_gives_stations(settings):
    """Land south of 39.1 N that reaches far beyond the units: where their surroundings end is no coast."""
    made = settings()
    land = gpd.GeoDataFrame({"kind": ["land"]}, geometry=[shapely.box(110, 30, 130, 39.1)], crs=4326)
    land.to_file(made.coastline.reference)
    assert set(tide_stations(made)[:, 1]) == {39.1}


def test_without_a_line_stations_are_those_of_a_lattice_that_the_sea_is_near(settings, folder, tmp_path):
    """The box of the units, 118.3 to 118.9 E and 39.0 to 39.2 N, and 30 km from the model's sea, which begins at 118.5 E."""
    made, out = settings(coastline={}), tmp_path / "tide.csv"
    places = {(round(float(x), 2), round(float(y), 2)) for x, y in tide_stations(made)}
    assert places == {(x, y) for x in (118.25, 118.5, 118.75, 119.0) for y in (39.0, 39.25)}
    assert model_table(made, "EOT20", folder, out) == 8
    assert np.isfinite(read_tide(out, 118.7, 39.1).height_at(datetime(2024, 5, 1, 3, tzinfo=UTC)))


def test_a_gauge_is_not_written_over(settings, folder, tmp_path):
    out = tmp_path / "gauge.csv"
    out.write_text("mine", "utf-8")
    with pytest.raises(ConfigError, match="exists") as fault:
        model_table(settings(), "EOT20", folder, out)
    assert "--out" in fault.value.remedy and out.read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("model", "lon", "words"),
    [("EOT20", 117.2, "no tide within 30 km"), ("NOSUCH", 118.3, "'NOSUCH' cannot be used"), ("FES2014", 118.3, "'FES2014' cannot be used")],
)
def test_what_cannot_be_worked_out_is_said(settings, folder, tmp_path, model, lon, words):
    with pytest.raises(ConfigError, match=words) as fault:
        model_table(settings(lon), model, folder, tmp_path / "tide.csv")
    assert str(folder) in fault.value.where and not (tmp_path / "tide.csv").exists()


def test_without_a_coast_or_without_pytmd(settings, folder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="no coast is given"):
        model_table(settings(coastline=None), "EOT20", folder, tmp_path / "tide.csv")
    monkeypatch.setitem(sys.modules, "pyTMD.compute", None)
    with pytest.raises(ConfigError, match="pyTMD is not installed") as fault:
        model_table(settings(), "EOT20", folder, tmp_path / "tide.csv")
    assert "[tides]" in fault.value.remedy
