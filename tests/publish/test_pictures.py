"""Pictures of the report: true to the maps, blank where nothing was seen, in folders that lead nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image

from rs_pipeline.layout import Layout
from rs_pipeline.model import Grid
from rs_pipeline.products.register import period_maps, region_maps
from rs_pipeline.publish.report.pictures import PictureFrame, Pictures, crop, folder_name, indexed, read_style, save_colour, save_indexed

WEST, SOUTH, EAST, NORTH = 500_000.0, 4_300_000.0, 501_800.0, 4_300_600.0


def test_what_was_not_observed_is_nothing(fake_run, tmp_path):
    """Also when shrunk: 600 m of 1800 m were seen nowhere, so a third of the picture's first row is transparent."""
    with rasterio.open(Layout(fake_run.root).map("water", "2023")) as src:
        profile, values, names, bounds = src.profile, src.read(), src.descriptions, tuple(src.bounds)
    values[:, :, :60] = np.nan
    with rasterio.open(
        tmp_path / "water.tif", "w", **{k: profile[k] for k in ("width", "height", "count", "dtype", "crs", "transform", "nodata")}, driver="GTiff"
    ) as dst:
        dst.write(values)
        dst.descriptions = names
    place = PictureFrame.over(bounds, 45, 10.0)
    save_indexed(region_maps()["water"].style, read_style(tmp_path / "water.tif", region_maps()["water"].style, place), tmp_path / "water.png")
    shown = np.array(Image.open(tmp_path / "water.png").convert("RGBA"))
    assert shown.shape[:2] == place.shape and place.shape[1] == 45
    assert (shown[:, :14, 3] == 0).all() and (shown[:, 16:, 3] > 0).all()


def test_classes_keep_their_exact_colours(tmp_path):
    index, palette = indexed(region_maps()["water"].style, np.array([[0.0, 1.0], [np.nan, 3.0]]))
    assert index.tolist() == [[1, 2], [0, 4]] and palette[2].tolist() == [0x0B, 0x3C, 0x8C, 255] and palette[0, 3] == 0
    save_indexed(region_maps()["water"].style, np.array([[0.0, 1.0], [np.nan, 3.0]]), tmp_path / "p.png")
    shown = np.array(Image.open(tmp_path / "p.png").convert("RGBA"))
    assert shown[0, 1].tolist() == [0x0B, 0x3C, 0x8C, 255] and shown[1, 0, 3] == 0


def test_a_picture_has_no_more_pixels_than_the_map():
    assert PictureFrame.over((0, 0, 300, 100), 200, 10.0).shape == (10, 30)
    assert PictureFrame.over((0, 0, 30_000, 10_000), 200, 10.0).shape == (67, 200)


def test_a_crop_takes_the_pixels_that_contain_its_own():
    grid = Grid("EPSG:32650", 20.0, 0, 60, 3, 3)
    mosaic = np.arange(1, 10, dtype="uint8").reshape(1, 3, 3).repeat(3, axis=0)
    assert crop(mosaic, grid, PictureFrame((20, 0, 60, 40), (2, 2)))[0].tolist() == [[5, 6], [8, 9]]
    assert crop(mosaic, grid, PictureFrame((40, 40, 80, 80), (2, 2)))[0].tolist() == [[0, 0], [3, 0]]  # outside is nothing


def test_true_colour_without_data_is_white(tmp_path):
    values = np.full((3, 16, 16), 60, "uint8")
    values[:, :, 8:] = 0
    save_colour(values, tmp_path / "c.jpg")
    shown = np.array(Image.open(tmp_path / "c.jpg"))
    assert shown[:, :6].max() < 75 and shown[:, 10:].min() > 240


def test_every_county_has_a_picture_of_every_map_and_period(fake_report, fake, tmp_path):
    folder = fake_report.parent / "pictures"
    wanted = {f"{product}_{period}.png" for product in period_maps(fake.settings_for(tmp_path)) for period in fake.periods}
    for code, _ in fake.units:
        assert {p.name for p in (folder / code).iterdir()} == wanted
    assert wanted <= {p.name for p in folder.iterdir()}


def test_a_county_picture_shows_the_county_only(fake_report):
    """The picture of the second county is 60 x 60 pixels and holds the lake's colour at its middle."""
    shown = np.array(Image.open(fake_report.parent / "pictures" / "130202" / "water_2022.png").convert("RGBA"))
    assert max(shown.shape[:2]) <= 62
    assert shown[36, 30].tolist() == [0x0B, 0x3C, 0x8C, 255]


@pytest.mark.parametrize(("code", "name"), [("130632", "130632"), ("a-b_c", "a-b_c"), ("../x", "~7"), ("", "~7"), ("a/b", "~7"), ("安新", "~7")])
def test_codes_become_safe_folders(code, name):
    assert folder_name(code, 7) == name


def test_the_dates_of_the_inspection_list_are_taken_over_in_order_of_time(tmp_path):
    layout = Layout(tmp_path / "run")
    layout.inspection_index.parent.mkdir(parents=True, exist_ok=True)
    rows = [("R-1", "2023", "2023-07-02"), ("R-1", "2023", "2023-05-01"), ("R-2", "2023", "2023-06-01")]
    layout.inspection_index.write_text("reach_id,period,day\n" + "".join(",".join(r) + "\n" for r in rows), "utf-8-sig")
    for reach_id, _, day in rows:
        layout.inspection_picture(reach_id, day).write_bytes(day.encode())
    painter = object.__new__(Pictures)
    painter.layout, painter.folder = layout, tmp_path
    (tmp_path / "reaches").mkdir()
    table = pd.DataFrame({"reach_id": ["R-1", "R-2"], "period": ["2023", "2023"], "dates_positive": ["2023-07-02", ""]})
    found = painter.reaches(table)
    assert found[("R-1", "2023")] == [["2023-05-01", False, "reaches/1.png"], ["2023-07-02", True, "reaches/3.png"]]
    assert found[("R-2", "2023")] == [["2023-06-01", False, "reaches/2.png"]]
    assert (tmp_path / "reaches/3.png").read_bytes() == b"2023-07-02"
