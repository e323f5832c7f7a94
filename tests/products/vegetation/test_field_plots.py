"""Plot calibration of grassland cover."""

import math
import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from rasterio.windows import Window
from scipy import stats

from rs_pipeline.config import parse
from rs_pipeline.config.sections import NamedPeriod
from rs_pipeline.errors import TableError
from rs_pipeline.indicators.values import INDICATORS, estimate_indicator
from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import region_maps
from rs_pipeline.products.vegetation.field_plots import MIN_PLOTS, PlotCalibration, fit_plots, plot_calibrations, read_plots, satellite_cover, shortage
from rs_pipeline.storage.raster import write_cog
from tests.made_up_run import write_grid

KM2 = 1e6
GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 40, 2)


pytestmark = pytest.mark.usefixtures("plain_errors")


def exact(alpha, beta, n=MIN_PLOTS):
    fvc = np.linspace(0.3, 0.9, n)
    return fit_plots(fvc, alpha + beta * fvc)


def test_fit_agrees_with_scipy():
    rng = np.random.default_rng(2)
    fvc = rng.uniform(0.3, 0.9, 40)
    cover = 0.1 + 0.95 * fvc + 0.05 * rng.normal(size=40)
    line, theirs = fit_plots(fvc, cover), stats.linregress(fvc, cover)
    assert (line.alpha, line.beta) == pytest.approx((theirs.intercept, theirs.slope))
    assert line.half95(0.0) == pytest.approx(stats.t.ppf(0.975, 38) * theirs.intercept_stderr)


def test_fit_takes_thirty_plots_at_different_covers():
    assert fit_plots(np.linspace(0, 1, 29), np.linspace(0, 1, 29)) is None
    assert fit_plots(np.full(40, 0.5), np.linspace(0, 1, 40)) is None
    assert fit_plots(np.empty(0), np.empty(0)) is None


def test_interval_of_the_line_holds_it():
    rng, hits = np.random.default_rng(4), 0
    for _ in range(1000):
        fvc = rng.uniform(0.3, 0.9, 30)
        line = fit_plots(fvc, 0.1 + 0.9 * fvc + 0.06 * rng.normal(size=30))
        hits += abs(line.cover(0.8) - 0.82) <= line.half95(0.8)
    assert 930 < hits < 970


def write(path, *rows, header="lon,lat,year,type,cover"):
    path.write_text("\n".join([header, *rows]), "utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("117,39,2023,meadow,120", "120.0 is no cover"),
        ("117,390,2023,meadow,50", "is no place"),
        ("117,39,2023,meadow,half", "'half' is not a number"),
        ("117,39,last,meadow,50", "'last' is not a number"),
        ("117,39,2023,,50", "the cell is empty"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path, row, told):
    with pytest.raises(TableError, match=told) as fault:
        read_plots(write(tmp_path / "p.csv", "117,39,2023,meadow,50", row))
    assert "row 3" in str(fault.value)


@pytest.mark.parametrize("row", ["180,90,2023,meadow,0", "-180,-90,2023,meadow,100"])
def test_the_ends_of_the_scales_are_places_and_covers(tmp_path, row):
    assert len(read_plots(write(tmp_path / "p.csv", row))) == 1


@pytest.mark.parametrize(
    "row",
    ["180.1,0,2023,meadow,50", "-180.1,0,2023,meadow,50", "0,90.1,2023,meadow,50", "0,-90.1,2023,meadow,50", "0,0,2023,meadow,-0.1", "0,0,2023,meadow,100.1"],
)
def test_beyond_them_are_none(tmp_path, row):
    with pytest.raises(TableError, match=r"is no (place|cover)"):
        read_plots(write(tmp_path / "p.csv", row))


@pytest.mark.parametrize(("n", "calibrated"), [(30, True), (29, False)])
def test_thirty_plots_calibrate(n, calibrated):
    assert (fit_plots(np.linspace(0.2, 0.8, n), np.linspace(0.3, 0.9, n)) is not None) == calibrated


def test_a_table_without_plots_or_columns(tmp_path):
    with pytest.raises(TableError, match="the table has no plots"):
        read_plots(write(tmp_path / "p.csv"))
    with pytest.raises(TableError, match="columns are missing: cover"):
        read_plots(write(tmp_path / "p.csv", header="lon,lat,year,type"))


def plot_rows(columns, year, kind, cover):
    lonlat = Transformer.from_crs(32650, 4326, always_xy=True).transform(GRID.left + 10 * np.asarray(columns) + 5, [GRID.top - 5] * len(columns))
    return [f"{x:.7f},{y:.7f},{year},{kind},{c}" for x, y, c in zip(*lonlat, cover, strict=True)]


@pytest.fixture
def run(tmp_path):
    """Two years; cover rises with the column from 0.20 by 0.01, a column is not seen in 2024."""
    settings = parse(
        {
            "run": "t",
            "output": str(tmp_path),
            "units": {"path": "u.gpkg"},
            "periods": [2023, 2024],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "tables": {"grassland_plots": str(tmp_path / "plots.csv")},
        }
    )
    write_grid(settings, GRID)
    for year in ("2023", "2024"):
        stack = np.broadcast_to(0.2 + 0.01 * np.arange(40), (len(region_maps()["vegetation"].bands), 2, 40)).astype("float32")
        stack[:, :, 5] = np.nan if year == "2024" else 0.25
        write_cog(Layout(settings.root).map("vegetation", year), GRID, iter([(Window(0, 0, 40, 2), stack)]), region_maps()["vegetation"].bands, {})
    return settings


def test_plots_read_their_own_pixel_and_year(run):
    rows = [
        *plot_rows([0, 5], 2023, "meadow", [50, 50]),
        *plot_rows([5, 39], 2024, "meadow", [50, 50]),
        "100,20,2024,meadow,50",
        *plot_rows([1], 2001, "meadow", [50]),
    ]
    plots = read_plots(write(run.tables.grassland_plots, *rows))
    np.testing.assert_allclose(satellite_cover(run, plots), [0.20, 0.25, math.nan, 0.59, math.nan, math.nan], rtol=1e-5)


def test_plots_meet_the_season_of_the_peak(run):
    """Spring, summer and whole years: a plot of 2023 belongs to the summer, one of 2024 to its year."""
    layout = Layout(run.root)
    spring, summer = (NamedPeriod(label=f"2023-{name}", start=date(2023, a, 1), end=date(2023, b, 28)) for name, a, b in (("spring", 3, 5), ("summer", 6, 9)))
    for label in (spring.label, summer.label):
        shutil.copy(layout.map("vegetation", "2023" if label == summer.label else "2024"), layout.map("vegetation", label))
    seasons = run.model_copy(update={"periods": [spring, summer, 2023, 2024]})
    plots = read_plots(write(run.tables.grassland_plots, *plot_rows([5], 2023, "meadow", [50]), *plot_rows([39], 2024, "meadow", [50])))
    layout.map("vegetation", "2023").unlink()
    np.testing.assert_allclose(satellite_cover(seasons, plots), [0.25, 0.59], rtol=1e-5)


def test_a_type_with_enough_plots_is_calibrated(run):
    columns = np.arange(30)
    cover = 100 * (0.1 + 0.9 * (0.2 + 0.01 * columns))
    write(run.tables.grassland_plots, *plot_rows(columns, 2023, "meadow", cover), *plot_rows([1, 5], 2024, "steppe", [40, 40]))
    found = plot_calibrations(run)
    assert (found["meadow"].alpha, found["meadow"].beta) == pytest.approx((0.1, 0.9), abs=1e-4)
    assert found["steppe"] == 1
    assert "steppe has 1" in shortage(["meadow", "steppe"], found) and "meadow" not in shortage(["meadow", "steppe"], found)
    assert shortage(["meadow"], found) == ""


def grassland(make, plots, **changes):
    zones = {
        f"grassland:{kind}": make.sums(area_m2=area * KM2, fvc_peak_observed_m2=area * KM2, fvc_peak_sum_m2=cover * area * KM2, fvc_peak_sigma=0.03)
        for kind, area, cover in (("meadow", 1200, 0.78), ("steppe", 800, 0.70), ("bush", 400, 0.62))
    }
    return estimate_indicator(INDICATORS["grassland_cover"], make.facts(zones=zones, has_grassland=True, plots=plots, **changes))


def test_comprehensive_cover_golden(make):
    # a calibration that changes nothing leaves 0.72667 (SPEC 2.5), its interval the satellite's
    same = {kind: exact(0.0, 1.0) for kind in ("meadow", "steppe", "bush")}
    got = grassland(make, same)
    assert got.interval.value == pytest.approx(72.667, abs=1e-3)
    assert got.interval.upper - got.interval.value == pytest.approx(1.96 * 3, abs=0.01)
    assert got.reason == "calibrated to plots: meadow 30, steppe 30, bush 30"


def test_each_type_has_its_own_line_and_the_interval_its_error(make):
    noisy = PlotCalibration(30, 0.1, 0.9, 0.1, 0.78, 1.0)
    got = grassland(make, {"meadow": noisy, "steppe": exact(0.05, 1.0), "bush": exact(0.0, 1.0)})
    # covers 0.802, 0.75, 0.62; weights 1/2, 1/3, 1/6
    assert got.interval.value == pytest.approx(100 * (0.802 / 2 + 0.75 / 3 + 0.62 / 6), abs=1e-6)
    seen = 1.96 * 0.03 * (0.9 / 2 + 1 / 3 + 1 / 6)
    fitted = stats.t.ppf(0.975, 28) * 0.1 * math.sqrt(1 / 30) / 2
    assert got.interval.upper - got.interval.value == pytest.approx(100 * math.hypot(seen, fitted), abs=1e-2)


def test_without_plots_nothing_is_called_comprehensive_cover(make):
    assert "needs plots (tables.grassland_plots)" in grassland(make, None).reason
    got = grassland(make, {"meadow": exact(0.0, 1.0), "steppe": 12})
    assert got.status == "needs_table" and got.interval is None
    assert "a type takes 30 plots seen at different covers to be calibrated: steppe has 12, bush has 0" in got.reason


def test_calibration_frame_is_read_with_types_as_text(tmp_path):
    plots = read_plots(write(tmp_path / "p.csv", "117,39,2023,301,50"))
    assert plots["type"].tolist() == ["301"] and plots.cover.tolist() == [0.5] and isinstance(plots, pd.DataFrame)
