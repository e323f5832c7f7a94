"""Tide table and window."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.products.coastline.tide import StationTide, check_tide, read_tide, tide_records

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
    assert tide.near(0.0, np.array([-0.5, 0.5, 0.51, np.nan]), 0.25).tolist() == [True, True, False, False]


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


# --- unit, datum, zone, fill values -----------------------------------------------------------------------------------


def day_of_tide(tmp_path, *, middle=0.0, factor=1.0, header=HEADER, stamp="%Y-%m-%dT%H:%M:%SZ", last=()):
    """Two days of a semidiurnal tide of 2 m range, every hour, from noon of 1 May 2024 on."""
    when = [datetime(2024, 5, 1, 12, tzinfo=UTC) + timedelta(hours=h) for h in range(50)]
    heights = middle + np.sin(np.arange(50) * 2 * np.pi / 12.42)
    rows = [f"{w.strftime(stamp)},a,118.5,39,{h * factor:.4f}" for w, h in zip(when, heights, strict=True)]
    path = tmp_path / "tide.csv"
    path.write_text(header + "\n".join([*rows, *last]) + "\n")
    return path, heights - middle


def refusal(path, **keywords):
    with pytest.raises(TableError) as fault:
        tide_records(path, **keywords)
    assert fault.value.remedy
    return str(fault.value)


def test_centimetres_are_refused_unless_the_header_says_so(tmp_path):
    path, heights = day_of_tide(tmp_path, factor=100)
    text = refusal(path)
    assert "a tide of " in text and "is none: heights range from -99" in text and "column height_m" in text and "name the column height_cm" in text
    path, heights = day_of_tide(tmp_path, factor=100, header=HEADER.replace("height_m", "height_cm"))
    assert tide_records(path).height_m.to_numpy() == pytest.approx(heights, abs=1e-4)


def test_heights_above_chart_datum_are_refused_until_mean_sea_level_is_stated(tmp_path):
    path, heights = day_of_tide(tmp_path, middle=1.3)
    text = refusal(path)
    assert "heights of station a are +1.3" in text and "state coastline.tide_msl_m" in text
    assert tide_records(path, msl_m=1.3).height_m.to_numpy() == pytest.approx(heights, abs=1e-3)
    assert "above the mean sea level that is stated" in refusal(path, msl_m=-1.3)


@pytest.mark.parametrize(
    ("header", "stamp", "zone", "hour"),
    [
        (HEADER, "%Y-%m-%d %H:%M:%S", None, 12), (HEADER, "%Y-%m-%dT%H:%M:%S+08:00", None, 4), (HEADER.replace("time_utc", "time"), "%Y-%m-%dT%H:%M:%S+0800", None, 4),
        (HEADER.replace("time_utc", "time_local"), "%Y/%m/%d %H:%M", "Asia/Shanghai", 4), (HEADER.replace("time_utc", "time"), "%Y年%m月%d日 %H:%M", "+08:00", 4),
        (HEADER.replace("time_utc", "time"), "%Y-%m-%dT%H:%M:%SZ", "Asia/Shanghai", 12), (HEADER, "%Y/%m/%d %H:%M", None, 12),
    ],
)  # fmt: skip
def test_times_are_of_the_zone_that_they_or_the_configuration_name(tmp_path, header, stamp, zone, hour):
    path, _ = day_of_tide(tmp_path, header=header, stamp=stamp)
    assert tide_records(path, zone=zone).seconds[0] == datetime(2024, 5, 1, hour, tzinfo=UTC).timestamp()


def test_a_zone_that_nothing_names_is_asked_for(tmp_path):
    path, _ = day_of_tide(tmp_path, header=HEADER.replace("time_utc", "time"), stamp="%Y-%m-%d %H:%M")
    assert "the time zone of time is not known" in refusal(path) and "coastline.tide_time_zone, such as Asia/Shanghai" in refusal(path)


@pytest.mark.parametrize("fill", ["9999", "-999", "99.99", "-9999.0", "32767", "", "缺测", "-"])
def test_a_fill_value_is_a_gap_and_keeps_the_range(tmp_path, caplog, fill):
    path, heights = day_of_tide(tmp_path, last=[f"2024-05-03T20:00:00Z,a,118.5,39,{fill}"])
    tide = read_tide(path, 118.5, 39)
    assert tide.range_m == pytest.approx(np.ptp(heights), abs=1e-3) and len(tide.seconds) == 50
    told = f"1 records hold {float(fill):g} and are missing" if fill.lstrip("-").replace(".", "").isdigit() else "1 records have no height"
    assert f"{told}, the first in row 52" in caplog.text


def test_two_heights_of_one_time_are_refused_and_equal_ones_taken_once(tmp_path):
    path, _ = day_of_tide(tmp_path, last=["2024-05-01T12:00:00Z,a,118.5,39,0.0000"])
    assert len(tide_records(path)) == 50
    path, _ = day_of_tide(tmp_path, last=["2024-05-01T12:00:00Z,a,118.5,39,0.7"])
    assert "a second height of one station and time" in refusal(path) and "row 52" in refusal(path)


def test_stations_elsewhere_or_exchanged_are_named(tmp_path, make_settings):
    path, _ = day_of_tide(tmp_path)
    settings = make_settings(coastline={"tide_table": str(path)})
    check_tide(settings, np.array([118.0, 38.5, 119.0, 39.5]))
    with pytest.raises(TableError, match="no station lies near the units"):
        check_tide(settings, np.array([10.0, 50.0, 11.0, 51.0]))
    path.write_text(HEADER + "2024-05-01T02:00:00Z,a,39,118.5,1\n")
    assert "longitude and latitude are exchanged" in refusal(path)


def test_times_of_excel(tmp_path):
    path = tmp_path / "tide.csv"
    path.write_text(HEADER + "45413.0833333333,a,118.5,39,1\n2024/5/1 3:00,a,118.5,39,0\n")
    assert tide_records(path).seconds.tolist() == [at(2).timestamp(), at(3).timestamp()]
