"""The sensor tables say what the rest of the chain relies on."""

import pytest

from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS, RADAR_BANDS, SIDE_BANDS
from rs_pipeline.radiometry.masks import QAFlag
from rs_pipeline.radiometry.scaling import shift
from rs_pipeline.sensors import load_sensor, sensor_names


def test_all_wanted_collections_have_a_table():
    wanted = {
        "earth-search-sentinel-2-l2a",
        "earth-search-sentinel-2-c1-l2a",
        "earth-search-sentinel-2-pre-c1-l2a",
        "earth-search-landsat-c2-l2",
        "planetary-computer-sentinel-2-l2a",
        "planetary-computer-landsat-c2-l2",
        "planetary-computer-sentinel-1-rtc",
        "planetary-computer-sentinel-1-grd",
        "earth-search-sentinel-1-grd",
        "hls2-s30",
        "hls2-l30",
    }
    assert wanted <= set(sensor_names())


@pytest.mark.parametrize("name", sensor_names())
def test_a_table_is_whole(name):
    sensor = load_sensor(name)
    roles = {b.role for b in sensor.bands}
    known = set(OPTICAL_BANDS) if sensor.family == "optical" else set(RADAR_BANDS)
    assert roles <= known | set(SIDE_BANDS) and sensor.platforms and sensor.source and sensor.deduplicate_by
    assert sensor.offset_rule in ("fixed", "raster_bands", "earth_search", "baseline")
    for reason in sensor.mask.flags.values():
        assert reason.upper() in QAFlag.__members__
    if sensor.family == "optical":
        assert known - {"rededge1"} <= roles and "mask" in roles and sensor.band("mask").required
        assert sensor.valid_min + shift(sensor) >= 1 and sensor.valid_max + shift(sensor) <= 65535
        assert 1 <= len(sensor.mask.flags)


@pytest.mark.parametrize("name", [n for n in sensor_names() if load_sensor(n).georeference == "gcps"])
def test_what_lies_in_flight_geometry_names_its_tables(name):
    assert all(b.calibration and b.noise for b in load_sensor(name).bands)


def test_an_unknown_sensor_is_told_the_tables():
    with pytest.raises(ConfigError, match=r"no sensor table 'modis'; choose one of .*hls2-l30"):
        load_sensor("modis")
