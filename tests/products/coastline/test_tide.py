"""Tide table and window."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from rs_pipeline.config import CoastlineSection, InputSection
from rs_pipeline.errors import TableError
from rs_pipeline.products.coastline.tide import StationTide, check_tide, read_tide, reference_level_m, tide_records

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
    assert "a tide of " in text and "is not possible: heights range from -99" in text and "column height_m" in text and "name the column height_cm" in text
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


# --- mean high water springs ------------------------------------------------------------------------------------------

M2_H, S2_H, K1_H, O1_H = 12.4206, 12.0, 23.9345, 25.8193


def hourly(days, *, m2=1.0, s2=0.4, k1=0.0, o1=0.0, every_h=0.5):
    """A tide of constituents given in m; its spring high waters are m2 + s2 where there is no other."""
    t = np.arange(0, days * 24, every_h)
    height = sum(a * np.cos(2 * np.pi * t / period) for a, period in ((m2, M2_H), (s2, S2_H), (k1, K1_H), (o1, O1_H)))
    return StationTide(t * 3600.0, height)


def test_mean_high_water_springs_are_the_sum_of_the_lunar_and_the_solar_tide():
    """1.0 + 0.4 m once every 14.77 days: 24 of a year; halfway between, at neaps, high water is 0.6 m."""
    springs_m = hourly(366).spring_high_waters()
    assert 23 <= springs_m.size <= 26 and springs_m.mean() == pytest.approx(1.4, abs=0.02)


@pytest.mark.parametrize(("minutes", "step_m", "noise_m", "off_m"), [(10, 0.1, 0.0, 0.05), (5, 0.01, 0.0, 0.02), (1, 0.01, 0.0, 0.02), (10, 0.01, 0.02, 0.06)])
def test_neither_rounding_nor_noise_makes_a_high_water(minutes, step_m, noise_m, off_m):
    """1.4 m as above, from gauges that tell the height every few minutes."""
    exact = hourly(120, every_h=minutes / 60)
    heights = exact.height_m + np.random.default_rng(1).normal(0, noise_m, exact.height_m.size)
    springs_m = StationTide(exact.seconds, np.round(heights / step_m) * step_m).spring_high_waters()
    assert springs_m.mean() == pytest.approx(1.4, abs=off_m + 0.02)


def test_spring_high_waters_of_a_diurnal_tide():
    """K1 0.5 and O1 0.4 m: one high water a day, 0.9 m at its springs, every 13.66 days."""
    springs_m = hourly(366, m2=0.0, s2=0.0, k1=0.5, o1=0.4).spring_high_waters()
    assert springs_m.mean() == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize(
    "tide", [hourly(10), StationTide(np.array([0.0]), np.array([1.0])), hourly(60, every_h=6.0)], ids=["ten days", "one record", "high and low waters only"]
)
def test_a_short_table_has_no_spring_tide(tide):
    assert tide.spring_high_waters().size == 0


def test_a_gap_hides_its_springs_and_no_more():
    whole = hourly(120)
    kept = (whole.seconds < 30 * 86400) | (whole.seconds > 31 * 86400)
    torn = StationTide(whole.seconds[kept], whole.height_m[kept]).spring_high_waters()
    assert 0 < torn.size < whole.spring_high_waters().size and torn.mean() == pytest.approx(1.4, abs=0.03)


def settings_of(level, table):
    return SimpleNamespace(coastline=CoastlineSection(tide_table=table, level=level), stated=lambda key: InputSection())


def test_the_level_of_a_run():
    assert reference_level_m(settings_of("msl", "t.csv"), hourly(10)) == 0.0
    assert reference_level_m(settings_of("mhws", "t.csv"), hourly(60)) == pytest.approx(1.4, abs=0.02)
    with pytest.raises(TableError, match="no spring tide lies in it without gaps\n  where:  t.csv\n  remedy: give hourly heights of a year"):
        reference_level_m(settings_of("mhws", "t.csv"), hourly(10))


@pytest.mark.parametrize(("days", "said"), [(45, "mean high water springs rest on 2 spring tides, fewer than a year has"), (10, "no spring tide lies in it")])
def test_a_table_that_tells_high_water_badly_is_told_at_the_start(tmp_path, caplog, days, said):
    tide, path = hourly(days, every_h=1.0), tmp_path / "tide.csv"
    times = [datetime.fromtimestamp(s, UTC).isoformat() for s in tide.seconds]
    path.write_text(HEADER + "\n".join(f"{t},a,118.5,39,{h:.3f}" for t, h in zip(times, tide.height_m, strict=True)))
    refused = nullcontext() if days > 30 else pytest.raises(TableError, match=said)
    with refused:
        check_tide(settings_of("mhws", path), np.array([118.0, 38.5, 119.0, 39.5]))
    assert days < 30 or said in caplog.text
