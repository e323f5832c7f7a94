"""Colours of maps, from one description for the QGIS style beside a map and the pictures of the report; labels of vector layers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from rs_pipeline.model import Style
from rs_pipeline.storage.atomic import atomic_path
from rs_pipeline.storage.raster import band_index, open_own

QGIS_VERSION = "3.28.0"
"""QGIS version whose format the style files have."""


def rgba(style: Style, values: np.ndarray) -> np.ndarray:
    """RGBA colours of an array, uint8 (..., 4). NaN, and values that are no class, are transparent."""
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


PLACEMENTS = {"inside": "4", "along": "2"}
"""Placement of a label to its number in QGIS: horizontal in a polygon or at a line; or along a line."""


def labeling(expression: str, placement: str = "inside", size_pt: float = 9, from_scale: int = 0) -> ET.Element:
    """Labels of a vector layer with a white outline, in the default font of the user's QGIS, which has the characters of their language.

    Parameters
    ----------
    expression : QGIS expression; a feature for which it is NULL has no label. placement : a key of PLACEMENTS.
    from_scale : labels are shown at 1:from_scale and larger scales; 0: always.
    """
    root = ET.Element("labeling", type="simple")
    settings = ET.SubElement(root, "settings", calloutType="simple")
    text = ET.SubElement(
        settings, "text-style", fieldName=expression, isExpression="1", fontSize=f"{size_pt:g}", fontSizeUnit="Point", textColor="28,43,51,255", textOpacity="1",
        blendMode="0", multilineHeight="1", allowHtml="0", useSubstitutions="0",
    )  # fmt: skip
    ET.SubElement(
        text, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor="255,255,255,255", bufferOpacity="0.85", bufferNoFill="1",
        bufferJoinStyle="128", bufferBlendMode="0",
    )  # fmt: skip
    ET.SubElement(settings, "text-format", wrapChar="", autoWrapLength="0", multilineAlign="1", formatNumbers="0")
    ET.SubElement(settings, "placement", placement=PLACEMENTS[placement], placementFlags="10", dist="0", distUnits="MM", priority="5", fitInPolygonOnly="0")
    ET.SubElement(
        settings, "rendering", drawLabels="1", scaleVisibility=str(int(from_scale > 0)), scaleMin="0", scaleMax=str(from_scale), displayAll="0", labelPerPart="0",
        obstacle="1", limitNumLabels="0",
    )  # fmt: skip
    return root


def document(*contents: ET.Element) -> str:
    """A QGIS style file with the given elements: the pipe of a raster, or renderer and labels of a vector layer. QGIS keeps other properties of the layer."""
    labelled = any(c.tag == "labeling" for c in contents)
    drawn = any(c.tag != "labeling" for c in contents)
    categories = "|".join(["Symbology"] * drawn + ["Labeling"] * labelled)
    root = ET.Element("qgis", version=QGIS_VERSION, styleCategories=categories, hasScaleBasedVisibilityFlag="0")
    if labelled:
        root.set("labelsEnabled", "1")
    root.extend(contents)
    if drawn:
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
    return document(pipe)


def write_style(style: Style, tif_path: Path) -> None:
    """Write ``<map>.qml`` beside a map: QGIS applies it when the map is opened."""
    with open_own(tif_path) as src:
        band = band_index(src, style.band)
    with atomic_path(Path(tif_path).with_suffix(".qml")) as part:
        part.write_text(qml(style, band), "utf-8")
