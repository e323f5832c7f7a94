"""Chinese coordinate systems against published values, and what plain numbers look like."""

import numpy as np
import pytest

from rs_pipeline.inputs.coordinates import bd09_to_wgs84, gcj02_to_bd09, gcj02_to_wgs84, is_swapped, looks_like, to_wgs84, wgs84_to_gcj02

TIANANMEN = np.array([[116.404, 39.915]])


def test_the_shifts_are_those_that_are_published():
    # The example of the coordtransform packages (README): the same place read as WGS 84, and as GCJ-02.
    assert wgs84_to_gcj02(TIANANMEN)[0] == pytest.approx([116.41024449916938, 39.91640428150164], abs=1e-9)
    assert gcj02_to_bd09(TIANANMEN)[0] == pytest.approx([116.41036949371029, 39.92133699351021], abs=1e-9)


def test_the_ways_back_are_exact():
    places = np.array([[114.5, 38.0], [119.9, 39.9], [113.6, 36.2]])
    gcj = wgs84_to_gcj02(places)
    assert gcj02_to_wgs84(gcj) == pytest.approx(places, abs=1e-9)
    assert bd09_to_wgs84(gcj02_to_bd09(gcj)) == pytest.approx(places, abs=1e-9)
    metres = np.hypot(*((gcj - places) * [87_700, 111_000]).T)
    assert (300 < metres).all() and (metres < 900).all()


def test_a_crs_as_it_is_stated():
    assert to_wgs84(TIANANMEN, None) is TIANANMEN
    assert to_wgs84(np.array([[39_500_000.0, 4_300_000.0]]), "EPSG:4527")[0] == pytest.approx([117.0, 38.833], abs=1e-3)
    assert to_wgs84(wgs84_to_gcj02(TIANANMEN), "GCJ-02") == pytest.approx(TIANANMEN, abs=1e-9)


@pytest.mark.parametrize(
    ("bounds", "swapped", "words"),
    [
        ([115, 37, 116, 38], False, "degrees"), ([37, 115, 38, 116], True, "exchanged"), ([4.1e6, 3.93e7, 4.2e6, 3.94e7], True, "exchanged"),
        ([3.93e7, 4.1e6, 3.94e7, 4.2e6], False, "zone 39"), ([2.05e7, 4.1e6, 2.06e7, 4.2e6], False, "zone 20"), ([3.9e5, 4.1e6, 4e5, 4.2e6], False, "without its number"),
        ([1.28e7, 4.5e6, 1.29e7, 4.6e6], False, "Web Mercator"), ([1e9, 1e9, 2e9, 2e9], False, "no coordinates on Earth"),
    ],
)  # fmt: skip
def test_what_numbers_look_like(bounds, swapped, words):
    assert is_swapped(np.array(bounds, float)) == swapped and words in looks_like(np.array(bounds, float))[0]
