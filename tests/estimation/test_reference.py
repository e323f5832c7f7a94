"""Reference samples from the user's table to the map's pixels."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from rs_pipeline.errors import TableError
from rs_pipeline.estimation.reference import ReferenceTable, read_samples
from rs_pipeline.estimation.zones import REGION
from rs_pipeline.indicators.sample_design import allocate, design_sample
from rs_pipeline.model import Grid
from rs_pipeline.products.register import sampled_products
from tests.made_up_run import write_grid

HEADER = "lon,lat,period,product,value"
GOOD = "117.5,39.5,2024,fvc_peak,60"


def table(tmp_path, *lines):
    path = tmp_path / "samples.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8-sig")
    return path


def test_samples_are_read_and_covers_become_shares(tmp_path):
    got = read_samples(table(tmp_path, GOOD, "117.5,39.5,2024,permanent_water,1"), sampled_products())
    assert got.value.tolist() == [0.6, 1.0] and got["product"].tolist() == ["fvc_peak", "permanent_water"]


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("217.5,39.5,2024,fvc_peak,60", "lon", "is no place"), ("117.5,39.5,2024,ndvi,60", "product", "unknown product 'ndvi'"),
        ("117.5,39.5,2024,fvc_peak,160", "value", "no cover"), ("117.5,39.5,2024,permanent_water,0.5", "value", "neither 0 nor 1"),
        ("117.5,39.5,,fvc_peak,60", "period", "empty"), (GOOD, "lon", "given twice"),
    ],
)  # fmt: skip
def test_a_bad_sample_is_named(tmp_path, line, column, what):
    with pytest.raises(TableError, match=what) as fault:
        read_samples(table(tmp_path, GOOD, line), sampled_products())
    assert fault.value.where.endswith(f"row 3, column {column}") and fault.value.remedy


@pytest.mark.parametrize(("place", "cover", "good"), [
    ("180,90", "100", True), ("-180,-90", "0", True), ("0,0", "100.1", False), ("0,0", "-0.1", False), ("180.1,0", "60", False), ("0,-90.1", "60", False),
])  # fmt: skip
def test_covers_end_at_0_and_100_and_places_at_the_poles(tmp_path, place, cover, good):
    path = table(tmp_path, f"{place},2024,fvc_peak,{cover}")
    if good:
        assert len(read_samples(path, sampled_products())) == 1
    else:
        with pytest.raises(TableError, match=r"is no (place|cover)"):
            read_samples(path, sampled_products())


def test_a_table_without_samples(tmp_path):
    with pytest.raises(TableError, match="no samples"):
        read_samples(table(tmp_path), sampled_products())


@pytest.fixture
def mapped(fake_run, tmp_path):
    """A run with maps of 2 x 2 pixels of 10 m: permanent water on the left, half seen on the right; a unit over the upper row."""
    x, y = 500_000.0, 4_400_000.0
    corners = gpd.GeoSeries([shapely.box(x, y - 10, x + 20, y)], crs=32650).to_crs(4326)
    run = fake_run(names=("Upper",), tables={"reference_samples": str(tmp_path / "samples.csv")})
    frame = gpd.GeoDataFrame({"adcode": ["130001"], "name": "Upper", "prefecture": "P"}, geometry=corners.values, crs=4326)
    frame.to_file(run.settings.units.path)
    bands = {"water": {"class": [[1, 0], [1, np.nan]], "permanent_fraction": [[0.9, 0.2], [1, np.nan]]}, "vegetation": {"fvc_peak": [[0.1, 0.6], [0.1, 0.7]]}}
    bands["land"] = {"class": [[5, 6], [6, np.nan]], "share_built": [[0.3, 0.8], [0.9, np.nan]]}
    write_grid(run.settings, Grid("EPSG:32650", 10.0, x, y, 2, 2))
    for product, layers in bands.items():
        path = run.layout.map(product, "2024")
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path, "w", driver="GTiff", width=2, height=2, count=len(layers), dtype="float32", crs=32650, transform=from_origin(x, y, 10, 10)
        ) as dst:
            for i, (name, values) in enumerate(layers.items(), start=1):
                dst.write(np.array(values, "float32"), i)
                dst.set_band_description(i, name)
    centres = gpd.points_from_xy([x + 5, x + 15, x + 5, x + 15], [y - 5, y - 5, y - 15, y - 15], crs=32650).to_crs(4326)
    return run, [(p.x, p.y) for p in centres]


def test_samples_meet_their_pixels(mapped, tmp_path):
    run, places = mapped
    lines = [f"{lon:.9f},{lat:.9f},2024,{product},{value}" for product, value in (("permanent_water", 1), ("fvc_peak", 50)) for lon, lat in places]
    table(tmp_path, *lines, f"{places[0][0]},{places[0][1]},1999,fvc_peak,5")
    references = ReferenceTable(run.settings, sampled_products())
    own = references.of("130001", "2024", is_region=False).own
    water = own["permanent_water"]  # the lower row lies outside the unit
    assert (water.stratum.tolist(), water.mapped.tolist(), water.true.tolist()) == ([1, 0], pytest.approx([0.9, 0.2]), [1.0, 1.0])
    assert own["fvc_peak"].mapped.tolist() == pytest.approx([0.6])  # cover is of land: the water pixel is left out
    assert references.of(REGION, "2024", is_region=True).own["permanent_water"].true.size == 2
    assert references.of("130001", "2023", is_region=False).own == {}


def test_samples_of_land_meet_the_land_map(mapped, tmp_path):
    """The strata are the classes of the land map, not of the water map, and what is compared is the expected share."""
    run, places = mapped
    table(tmp_path, *(f"{lon:.9f},{lat:.9f},2024,land_built,1" for lon, lat in places))
    built = ReferenceTable(run.settings, sampled_products()).of("130001", "2024", is_region=False).own["land_built"]
    assert (built.stratum.tolist(), built.mapped.tolist()) == ([0, 1], pytest.approx([0.3, 0.8]))
    assert pd.read_csv(design_sample(run.settings, "land_built", "2024")).shape == (2, 5)


def test_a_sample_is_drawn_from_the_map_and_read_back(mapped, tmp_path):
    """Of the two pixels in the unit one is water, one is not; both are drawn, at their centres."""
    run, places = mapped
    path = design_sample(run.settings, "permanent_water", "2024")
    got = pd.read_csv(path)
    assert list(got.columns) == HEADER.split(",") and got.value.isna().all()
    np.testing.assert_allclose(sorted(got.lon), sorted(p[0] for p in places[:2]), atol=1e-6)
    got.assign(value=1).to_csv(tmp_path / "samples.csv", index=False)
    assert sorted(ReferenceTable(run.settings, sampled_products()).of("130001", "2024", is_region=False).own["permanent_water"].stratum) == [0, 1]


def test_a_rare_class_gets_its_share():
    assert allocate(np.array([9990, 10]), 0.01)[1] == 50
    assert allocate(np.array([100, 0]), 0.02).tolist() == [119, 0]  # 0.95 x 0.05 / 0.02^2 = 118.75


def test_what_cannot_be_drawn(mapped):
    run, _ = mapped
    with pytest.raises(TableError, match="no strata for 'fvc_peak'") as fault:
        design_sample(run.settings, "fvc_peak", "2024")
    assert "permanent_water, seasonal_water" in fault.value.remedy
    with pytest.raises(TableError, match="not made yet"):
        design_sample(run.settings, "permanent_water", "2023")
    with rasterio.open(run.layout.map("land", "2024"), "r+") as dst:
        dst.write(np.full((2, 2), np.nan, "float32"), 1)
    with pytest.raises(TableError, match="no class anywhere inside the units"):
        design_sample(run.settings, "land_built", "2024")
