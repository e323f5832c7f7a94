"""Tide table and window."""

from datetime import UTC, datetime

import numpy as np
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.products.coastline.tide import StationTide, read_tide

HEADER = "time_utc,station,lon,lat,height_m\n"


def at(hour, minute=0):
    return datetime(2024, 5, 1, hour, minute, tzinfo=UTC)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "tide.csv"
    path.write_text(
        HEADER
        + "2024-05-01T03:00:00Z,007,119.0,39.0,1.0\n2024-05-01T02:00:00Z,007,119.0,39.0,0.0\n"
        + "2024-05-01T12:00:00Z,007,119.0,39.0,-1.0\n2024-05-01T02:00:00Z,far,117.8,38.4,9.0\n"
    )
    return path


def test_heights_are_linear_in_time_at_the_nearest_station(table):
    tide = read_tide(table, 119.2, 39.1)
    assert tide.height_at(at(2, 15)) == pytest.approx(0.25)
    assert tide.height_at(at(3)) == pytest.approx(1.0)
    assert read_tide(table, 117.7, 38.4).height_at(at(2)) == 9.0


def test_no_height_in_gaps_or_outside(table):
    tide = read_tide(table, 119.2, 39.1)
    assert np.isnan(tide.height_at(at(7))) and np.isnan(tide.height_at(at(1))) and np.isnan(tide.height_at(at(20)))
    assert tide.height_at(at(12, 9)) == -1.0 and tide.height_at(at(1, 51)) == 0.0
    assert np.isnan(tide.height_at(at(12, 11)))


def test_window_around_mean_sea_level(table):
    tide = read_tide(table, 119.2, 39.1)
    assert tide.range_m == 2.0
    assert tide.near_msl(np.array([-0.5, 0.5, 0.51, np.nan]), 0.25).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_utc,station,lon,lat\n", "columns are missing: height_m"),
        (HEADER, "is empty"),
        (HEADER + "2024-05-01T02:00:00Z,a,119,39,1\nyesterday,a,119,39,1\n", "'yesterday' is not a time\n  where:  .*row 3, column time_utc"),
        (HEADER + "2024-05-01T02:00:00Z,a,119,39,high\n", "'high' is not a number"),
    ],
)
def test_bad_tables_say_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "tide.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_tide(path, 119.0, 39.0)


def test_missing_table(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_tide(tmp_path / "none.csv", 119.0, 39.0)


def test_heights_below_and_above():
    tide = StationTide(np.array([0.0, 3600.0]), np.array([2.0, 4.0]))
    assert tide.height_at(datetime(1970, 1, 1, 0, 30, tzinfo=UTC)) == 3.0
