"""County polygons from cnmaps, against known places."""

import geopandas as gpd
import pytest
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.provinces import load_province
from rs_pipeline.units import province_units


def test_hebei_has_167_units_and_its_area(tmp_path):
    path = tmp_path / "hebei.gpkg"
    assert province_units(load_province("hebei"), path) == 167
    frame = gpd.read_file(path, layer="units")
    assert frame.crs.to_epsg() == 4326 and frame.adcode.is_unique
    # The province's land is 188,800 km2 by the statistical yearbook.
    assert frame.to_crs(6933).area.sum() / 1e6 == pytest.approx(188_533, rel=2e-3)
    anxin = frame[frame.name == "安新县"].iloc[0]
    assert (anxin.adcode, anxin.prefecture) == ("130632", "保定市")
    around = gpd.read_file(path, layer="neighbours")
    assert {"北京市", "天津市", "大同市", "济南市", "锡林郭勒盟"} <= set(around.name) and not set(around.name) & set(frame.prefecture)
    # One border for both: the map can simplify them together.
    assert shapely.coverage_is_valid([*frame.geometry, *around.geometry])
    west, _, _, north = around.total_bounds
    assert (west, north) == pytest.approx((113.47 - 0.6 * 6.57, 42.62 + 0.6 * 6.57), abs=0.05)  # Hebei spans 6.57 degrees from south to north


def test_a_prefix_without_counties_is_told(tmp_path):
    hebei = load_province("hebei")
    nowhere = hebei.model_copy(update={"units": hebei.units.model_copy(update={"code_prefix": "99"})})
    with pytest.raises(ConfigError, match="no county whose code begins with 99"):
        province_units(nowhere, tmp_path / "none.gpkg")
    assert not (tmp_path / "none.gpkg").exists()
