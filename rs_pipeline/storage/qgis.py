"""Colours of a map: one description for the QGIS style beside it and for the pictures of the report."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from rs_pipeline.model import Style
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.raster import band_index, open_own

QGIS_VERSION = "3.28.0"
"""Version whose structure the style files follow."""


def rgba(style: Style, values: np.ndarray) -> np.ndarray:
    """Colours of an array, uint8 (..., 4). NaN, and values that are no class, are transparent."""
    stops = np.array([c.value for c in style.colours])
    table = np.array([c.rgba for c in style.colours], "uint8")
    if style.kind == "classes":
        out = np.zeros((*values.shape, 4), "uint8")
        for stop, colour in zip(stops, table, strict=True):
            out[values == stop] = colour
        return out
    seen = np.isfinite(values)
    safe = np.where(seen, values, stops[0])
    out = np.stack([np.interp(safe, stops, table[:, k]) for k in range(4)], -1).round().astype("uint8")
    out[~seen] = 0
    return out


def _renderer(style: Style, band: int) -> ET.Element:
    if style.kind == "classes":
        root = ET.Element("rasterrenderer", type="paletted", band=str(band), opacity="1", alphaBand="-1", nodataColor="")
        palette = ET.SubElement(root, "colorPalette")
        for c in style.colours:
            ET.SubElement(palette, "paletteEntry", value=f"{c.value:g}", color=c.rgb, alpha=str(c.alpha), label=c.label)
        return root
    low, high = style.colours[0].value, style.colours[-1].value
    root = ET.Element(
        "rasterrenderer", type="singlebandpseudocolor", band=str(band), opacity="1", alphaBand="-1", nodataColor="",
        classificationMin=f"{low:g}", classificationMax=f"{high:g}",
    )  # fmt: skip
    shader = ET.SubElement(
        ET.SubElement(root, "rastershader"),
        "colorrampshader",
        {"colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0", "minimumValue": f"{low:g}", "maximumValue": f"{high:g}"},
    )
    for c in style.colours:
        ET.SubElement(shader, "item", value=f"{c.value:g}", color=c.rgb, alpha=str(c.alpha), label=c.label)
    return root


def document(content: ET.Element, categories: str) -> str:
    """A QGIS style file that holds one element: the pipe of a raster or the renderer of a vector layer."""
    root = ET.Element("qgis", version=QGIS_VERSION, styleCategories=categories, hasScaleBasedVisibilityFlag="0")
    root.append(content)
    ET.SubElement(root, "blendMode").text = "0"
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"


def qml(style: Style, band: int) -> str:
    """The style as a QGIS 3 layer definition; ``band`` counts from 1."""
    pipe = ET.Element("pipe")
    pipe.append(_renderer(style, band))
    ET.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    ET.SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    ET.SubElement(pipe, "rasterresampler", maxOversampling="2")
    return document(pipe, "Symbology")


def write_style(style: Style, tif_path: Path) -> None:
    """Write ``<map>.qml`` beside a map: QGIS applies it when the map is opened."""
    with open_own(tif_path) as src:
        band = band_index(src, style.band)
    with atomic_path(Path(tif_path).with_suffix(".qml")) as part:
        part.write_text(qml(style, band), "utf-8")
