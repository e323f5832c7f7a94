"""The nouns refuse what cannot be right, and say which field, what, and what to do."""

from dataclasses import replace
from datetime import date
from typing import get_args

import numpy as np
import pytest

from rs_pipeline.config import QAFlagName
from rs_pipeline.errors import ModelError
from rs_pipeline.model import QA_FLAGS, Band, Grid, MaskRule, Period, Tile
from rs_pipeline.radiometry.masks import QAFlag
from rs_pipeline.sensors import load_sensor

S2, RADAR, IN_FLIGHT = (load_sensor(n) for n in ("earth-search-sentinel-2-l2a", "planetary-computer-sentinel-1-rtc", "planetary-computer-sentinel-1-grd"))
HLS = load_sensor("hls2-s30")
GRID = Grid("EPSG:32650", 10.0, 500_000.0, 4_300_000.0, 3, 2)


def test_flags_have_one_list_of_names():
    assert QA_FLAGS == tuple(r.name.lower() for r in QAFlag)
    assert set(get_args(QAFlagName)) == set(QA_FLAGS) - {"edge"}


def refused_at(what, make):
    """The place that a refusal names."""
    with pytest.raises(ModelError, match=what) as fault:
        make()
    assert fault.value.remedy
    return fault.value.where


@pytest.mark.parametrize(
    ("field", "what", "values"),
    [
        ("role", "'rde' is not known", {"role": "rde"}),
        ("bands.red.assets", "names no asset", {"assets": ()}),
        ("bands.red.assets", "names no asset", {"assets": ("",)}),
        ("bands.red.resolution_m", "a pixel of 0 m", {"resolution_m": 0.0}),
        ("bands.red.resolution_m", "a pixel of nan m", {"resolution_m": float("nan")}),
        ("bands.red.noise", "noise without one of calibration", {"noise": "n"}),
    ],
)  # fmt: skip
def test_a_band_that_cannot_be(field, what, values):
    assert refused_at(what, lambda: Band(**{"role": "red", "assets": ("red",), "resolution_m": 10.0} | values)) == field


@pytest.mark.parametrize(
    ("field", "what", "rule"),
    [
        ("mask.kind", "'class' is not known", {"kind": "class", "flags": {1: "cloud"}}),
        ("mask.flags.3", "'clouds' is not known", {"kind": "bits", "flags": {3: "clouds"}}),
        ("mask.flags.16", "16 cannot be of bits", {"kind": "bits", "flags": {16: "cloud"}}),
        ("mask.flags.-1", "-1 cannot be of classes", {"kind": "classes", "flags": {-1: "cloud"}}),
        ("mask.flags", "kind classes with 0 flags", {"kind": "classes"}),
        ("mask.flags", "kind none with 1 flags", {"kind": "none", "flags": {1: "cloud"}}),
        ("mask.fill", "cannot hold 65536", {"kind": "bits", "flags": {15: "cloud"}, "fill": 65536}),
    ],
)  # fmt: skip
def test_a_mask_that_cannot_be(field, what, rule):
    assert refused_at(what, lambda: MaskRule(**rule)) == field


def without(sensor, role):
    return tuple(b for b in sensor.bands if b.role != role)


@pytest.mark.parametrize(
    ("field", "what", "sensor", "values"),
    [
        ("collection", "no STAC collection", S2, {"collection": ""}),
        ("family", "'lidar' is not known", S2, {"family": "lidar"}),
        ("platforms", "Sentinel-2A", S2, {"platforms": ("Sentinel-2A",)}),
        ("bands", "roles occur more than once", S2, {"bands": (*S2.bands, S2.band("red"))}),
        ("bands", "bands vv in a sensor of family optical", S2, {"bands": (*S2.bands, RADAR.band("vv"))}),
        ("bands", "bands red in a sensor of family radar", RADAR, {"bands": (*RADAR.bands, S2.band("red"))}),
        ("bands", "an optical sensor needs the bands swir1", S2, {"bands": without(S2, "swir1")}),
        ("bands", "a radar sensor needs the bands vv", RADAR, {"bands": without(RADAR, "vv")}),
        ("mask", "the band mask is not there", S2, {"bands": without(S2, "mask")}),
        ("mask", "mask.kind is none, and the band mask is there", S2, {"mask": MaskRule("none")}),
        ("georeference", "'gcp' is not known", RADAR, {"georeference": "gcp"}),
        ("georeference", "optical pixels in flight", S2, {"georeference": "gcps"}),
        ("bands", "vv, vh in flight geometry without tables", RADAR, {"georeference": "gcps"}),
        ("offset_rule", "'base_line' is not known", S2, {"offset_rule": "base_line"}),
        ("offset", "an offset of -1000", S2, {"offset": -1000.0}),
        ("offset", "an offset of radar", RADAR, {"offset": -0.1}),
        ("dtype", "'uint61' is not known", S2, {"dtype": "uint61"}),
        ("scale", "a scale of 0", S2, {"scale": 0.0}),
        ("scale", "a reflectance of 65.534", S2, {"scale": 0.001}),
        ("scale", "a reflectance of 0.065534", S2, {"scale": 1e-6}),
        ("scale", "chips hold whole numbers, which would be that far apart", S2, {"scale": 1.0, "valid_max": 1.5, "dtype": "float32"}),
        ("valid_min", "valid_min 65534 is above valid_max 1", S2, {"valid_min": 65534.0, "valid_max": 1.0}),
        ("nodata", "uint16 cannot hold -9999", S2, {"nodata": -9999.0}),
        ("nodata", "uint16 cannot hold nan", S2, {"nodata": float("nan")}),
        ("nodata", "uint16 cannot hold 0.5", S2, {"nodata": 0.5}),
        ("valid_max", "int16 cannot hold -9998 to 32768", HLS, {"valid_max": 32768.0}),
        ("valid_min", "int16 cannot hold -40000", HLS, {"valid_min": -40000.0}),
        ("valid_max", "do not fit into the 65535 numbers of a chip", HLS, {"dtype": "int32", "valid_min": -40000.0}),
        ("valid_min", "a power of 0", RADAR, {"valid_min": 0.0}),
        ("deduplicate_by", "'datatke' is not known", S2, {"deduplicate_by": ("platform", "datatke")}),
        ("deduplicate_by", "nothing tells two dates apart", S2, {"deduplicate_by": ()}),
        ("deduplicate_by", "nothing tells two dates apart", S2, {"deduplicate_by": ("platform", "cell")}),
    ],
)  # fmt: skip
def test_a_sensor_that_cannot_be(field, what, sensor, values):
    assert refused_at(what, lambda: replace(sensor, **values)) == field


def test_a_sensor_on_the_border_is_taken():
    assert replace(HLS, valid_min=-32767.0).valid_max == 32767  # 65535 numbers
    assert replace(RADAR, nodata=float("nan")).dtype == "float32"
    assert replace(RADAR, bands=without(RADAR, "vh")).band("vh") is None
    assert replace(S2, deduplicate_by=("sat:absolute_orbit",)).offset == 0
    assert IN_FLIGHT.valid_max == 1000  # a power, although its source stores integers


@pytest.mark.parametrize(
    ("field", "what", "values"),
    [
        ("crs", "EPSG:4326 is not a projected CRS in metres", {"crs": "EPSG:4326"}),
        ("crs", "unknown CRS 'EPSG:0'", {"crs": "EPSG:0"}),
        ("resolution_m", "pixels of -10 m", {"resolution_m": -10.0}),
        ("left, top", "an origin at", {"left": np.inf}),
        ("width, height", "3 x 0 pixels", {"height": 0}),
    ],
)  # fmt: skip
def test_a_grid_that_cannot_be(field, what, values):
    assert refused_at(what, lambda: replace(GRID, **values)) == field


def test_a_tile_and_a_period_that_cannot_be():
    assert refused_at("a tile called 'r1_c2'", lambda: Tile("r1_c2", 0, 0, GRID)) == "id"
    assert refused_at("a tile called", lambda: Tile("r000c001\n", 0, 0, GRID)) == "id"
    assert refused_at(r"\(-1, 0\)", lambda: Tile("r000c000", -1, 0, GRID)) == "row, col"
    assert refused_at("'../x'", lambda: Period("../x", date(2024, 1, 1), date(2024, 1, 1))) == "label"
    assert refused_at("x ends before it starts", lambda: Period("x", date(2024, 1, 2), date(2024, 1, 1))) == "end"
    assert date(2024, 1, 1) in Period("x", date(2024, 1, 1), date(2024, 1, 1))
