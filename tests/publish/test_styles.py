"""Colours and QGIS styles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from rs_pipeline.errors import RasterError
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import period_maps, region_maps
from rs_pipeline.storage.qgis import qml, rgba, write_style


def test_every_product_has_a_style_on_a_band_it_has():
    for made in region_maps().values():
        assert made.style.band in [b.name for b in made.bands]


def test_classes_are_exact_and_missing_is_transparent():
    colours = rgba(region_maps()["water"].style, np.array([0, 1, 2, 3, 1.5, np.nan]))
    assert colours[1].tolist() == [0x0B, 0x3C, 0x8C, 255]
    assert colours[0, 3] == 90
    assert colours[4:].tolist() == [[0, 0, 0, 0]] * 2


def test_a_ramp_is_linear_and_held_beyond_its_ends():
    ramp = region_maps()["vegetation"].style
    low, high, below, above, middle, missing = rgba(ramp, np.array([0.0, 1.0, -0.2, 1.4, 0.125, np.nan]))
    assert below.tolist() == low.tolist() == [0xF3, 0xE8, 0xC4, 255]
    assert above.tolist() == high.tolist()
    assert middle[0] == round((0xF3 + 0xDB) / 2)
    assert missing.tolist() == [0, 0, 0, 0]


def test_qml_of_classes():
    root = ET.fromstring(qml(region_maps()["water"].style, 2))
    assert root.tag == "qgis" and root.get("version").startswith("3.")
    renderer = root.find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "2")
    entries = {e.get("value"): (e.get("color"), e.get("label")) for e in renderer.iter("paletteEntry")}
    assert entries["1"] == ("#0b3c8c", "permanent water")
    assert set(entries) == {"0", "1", "2", "3"}


def test_qml_of_a_ramp():
    renderer = ET.fromstring(qml(region_maps()["vegetation"].style, 1)).find("pipe/rasterrenderer")
    assert renderer.get("type") == "singlebandpseudocolor"
    shader = renderer.find("rastershader/colorrampshader")
    assert shader.get("colorRampType") == "INTERPOLATED"
    items = [(float(i.get("value")), i.get("color")) for i in shader.iter("item")]
    assert items == sorted(items) and items[0] == (0.0, "#f3e8c4") and items[-1] == (1.0, "#0f5a2b")


def test_styles_lie_beside_the_maps_and_name_the_band(tmp_path, fake):
    settings = fake.settings_for(tmp_path)
    fake.write_maps(settings)
    for product in period_maps():
        path = Layout(settings.root).map(product, "2023")
        write_style(region_maps()[product].style, path)
        style = path.with_suffix(".qml")
        band = [b.name for b in region_maps()[product].bands].index(region_maps()[product].style.band) + 1
        assert ET.parse(style).find("pipe/rasterrenderer").get("band") == str(band)
    with pytest.raises(RasterError, match="fvc_peak"):
        write_style(region_maps()["vegetation"].style, Layout(settings.root).map("water", "2023"))
