"""Found against expected, on orbits a reader can count."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from rs_pipeline.catalog.items import relative_orbit
from rs_pipeline.catalog.orbits import ORBIT_COLUMNS, platforms, tracks, write_tracks
from rs_pipeline.model import Scene
from rs_pipeline.sensors import load_sensor, sensor_names

SPANS = [(date(2024, 1, 1), date(2024, 3, 31))]
TODAY = date(2026, 1, 1)


def scene(day: date, orbit: int | None = 132, platform: str = "sentinel-2a", status: str = "used") -> Scene:
    when = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    return Scene(
        f"{platform}-{day}",
        f"{platform}-{day}",
        "earth-search-sentinel-2-l2a",
        "sentinel-2-l2a",
        platform,
        when,
        day,
        "05.10",
        5.0,
        50.0,
        150.0,
        1e-4,
        0.0,
        "",
        "high",
        status,
        "",
        footprint_wkt="POLYGON ((0 0, 1 0, 1 1, 0 0))",
        relative_orbit=orbit,
    )


def every(step: int, first: date, n: int) -> list[date]:
    return [first + timedelta(days=step * i) for i in range(n)]


def test_a_whole_track_lacks_nothing():
    """91 days from 1 January: passes on 4 January, 14 January … 24 March are nine."""
    (track,) = tracks([scene(d) for d in every(10, date(2024, 1, 4), 9)], SPANS, TODAY)
    assert (len(track.expected), len(track.found), len(track.used), track.missing) == (9, 9, 9, [])
    assert (track.platform, track.relative_orbit, track.cycle_days) == ("sentinel-2a", 132, 10)


def test_gaps_and_a_catalog_that_ends_early_are_named():
    days = every(10, date(2024, 1, 4), 9)
    (track,) = tracks([scene(d) for d in days if d not in (days[3], days[8])], SPANS, TODAY)
    assert track.missing == [days[3], days[8]]


def test_a_skipped_scene_is_found_but_not_used():
    (track,) = tracks([scene(d, status="skipped") for d in every(10, date(2024, 1, 4), 9)], SPANS, TODAY)
    assert (len(track.found), len(track.used), track.missing) == (9, 0, [])


def test_two_granules_of_a_day_are_one_pass():
    (track,) = tracks([scene(d) for d in every(10, date(2024, 1, 4), 9)] * 2, SPANS, TODAY)
    assert len(track.found) == 9


def test_orbits_and_platforms_are_apart_and_unknown_orbits_are_told_by_their_day():
    days = every(10, date(2024, 1, 4), 9)
    found = tracks(
        [scene(d) for d in days] + [scene(d + timedelta(days=3), 89) for d in days[:8]] + [scene(d, None, "sentinel-2b") for d in days], SPANS, TODAY
    )
    assert [(t.platform, t.relative_orbit, len(t.expected)) for t in found] == [("sentinel-2a", 89, 9), ("sentinel-2a", 132, 9), ("sentinel-2b", None, 9)]
    assert [len(t.missing) for t in found] == [1, 0, 0]
    two = [scene(d, None) for d in days] + [scene(d + timedelta(days=3), None) for d in days[:8]]
    assert [len(t.found) for t in tracks(two, SPANS, TODAY)] == [8, 9] or [len(t.found) for t in tracks(two, SPANS, TODAY)] == [9, 8]


def test_nothing_is_expected_before_service_after_its_end_or_in_the_future():
    (track,) = tracks([scene(date(2021, 12, 13), 69, "sentinel-1b")], [(date(2021, 12, 1), date(2022, 2, 28))], TODAY)
    assert track.expected == (date(2021, 12, 1), date(2021, 12, 13))
    scenes, year = [scene(date(2024, 1, 4)), scene(date(2024, 1, 20), platform="unknown")], [(date(2024, 1, 1), date(2024, 12, 31))]
    for today in (date(2024, 1, 22), date(2024, 6, 1), date(2024, 12, 31)):  # up to the newest scene, on whatever day the catalog is asked
        (track,) = tracks(scenes, year, today)
        assert track.expected == (date(2024, 1, 4), date(2024, 1, 14))
    (track,) = tracks(scenes, year, date(2025, 1, 1))
    assert len(track.expected) == 37  # days 4, 14 ... 364 of the year


def test_a_day_beside_the_orbit_is_not_missing():
    days = every(10, date(2024, 1, 4), 9)
    days[4] += timedelta(days=1)
    (track,) = tracks([scene(d) for d in days], SPANS, TODAY)
    assert track.missing == []


def test_the_table_says_what_is_missing(tmp_path):
    days = every(10, date(2024, 1, 4), 9)
    write_tracks(tracks([scene(d) for d in days[:7]] + [scene(days[0], None, "sentinel-2b")], SPANS, TODAY), tmp_path / "orbits.csv")
    table = pd.read_csv(tmp_path / "orbits.csv")
    assert tuple(table.columns) == ORBIT_COLUMNS
    assert table.missing_days[0] == "2024-03-14;2024-03-24" and table.expected[0] == 9 and table.found[0] == 7
    assert pd.isna(table.relative_orbit[1])


def test_unknown_platforms_expect_nothing(tmp_path):
    assert tracks([scene(date(2024, 1, 4), platform="ikonos")], SPANS, TODAY) == []
    write_tracks([], tmp_path / "orbits.csv")
    assert pd.read_csv(tmp_path / "orbits.csv").empty


@pytest.mark.parametrize(
    "properties, item_id, orbit",
    [
        ({"sat:relative_orbit": 27}, "x", 27),
        ({"s2:product_uri": "S2A_MSIL2A_20231008T175231_N0509_R141_T13TDE_20231008T233154.SAFE"}, "x", 141),
        ({}, "S2B_MSIL2A_20220612T182919_R027_T24XWR_20220613T123251", 27),
        ({"landsat:wrs_path": "033"}, "x", 33),
        ({"sat:relative_orbit": "../7"}, "x", None),
        ({}, "S2A_13TDE_20231008_0_L2A", None),
    ],
)
def test_the_orbit_is_read_from_where_catalogs_write_it(properties, item_id, orbit):
    assert relative_orbit(properties, item_id) == orbit


def test_every_platform_of_a_sensor_is_in_the_table():
    assert {p for name in sensor_names() for p in load_sensor(name).platforms} - {"sentinel-1d"} <= set(platforms())
