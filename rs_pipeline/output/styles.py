"""Colours of the maps: one table for the QGIS styles beside them and for the pictures of the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import rasterio

from rs_pipeline.errors import RasterError
from rs_pipeline.layout import LAND, TREND
from rs_pipeline.output.atomic import atomic_path

QGIS_VERSION = "3.28.0"
"""Version whose structure the style files follow."""


@dataclass(frozen=True)
class Colour:
    """One stop of a ramp, or one class."""

    value: float
    rgb: str
    """``#rrggbb``."""
    label: str
    alpha: int = 255
    """0 transparent, 255 opaque."""

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        return (*bytes.fromhex(self.rgb[1:]), self.alpha)


@dataclass(frozen=True)
class Style:
    """How a product is drawn."""

    title: str
    band: str
    """Name of the band that is drawn."""
    kind: str
    """``ramp`` (linear between stops, held beyond the ends) or ``classes`` (exact values)."""
    colours: tuple[Colour, ...]

    def rgba(self, values: np.ndarray) -> np.ndarray:
        """Colours of an array, uint8 (..., 4). NaN, and values that are no class, are transparent."""
        stops = np.array([c.value for c in self.colours])
        table = np.array([c.rgba for c in self.colours], "uint8")
        if self.kind == "classes":
            out = np.zeros((*values.shape, 4), "uint8")
            for stop, colour in zip(stops, table, strict=True):
                out[values == stop] = colour
            return out
        seen = np.isfinite(values)
        safe = np.where(seen, values, stops[0])
        out = np.stack([np.interp(safe, stops, table[:, k]) for k in range(4)], -1).round().astype("uint8")
        out[~seen] = 0
        return out


STYLES: dict[str, Style] = {
    "vegetation": Style(
        "Vegetation cover at the peak", "fvc_peak", "ramp",
        (
            Colour(0.0, "#f3e8c4", "0 % bare"), Colour(0.25, "#dbd98a", "25 %"), Colour(0.5, "#a3c45a", "50 %"),
            Colour(0.75, "#4f9a3c", "75 %"), Colour(1.0, "#0f5a2b", "100 % covered"),
        ),
    ),
    "water": Style(
        "Water", "class", "classes",
        (
            Colour(0, "#e6e6e2", "land", 90), Colour(1, "#0b3c8c", "permanent water"),
            Colour(2, "#3f8fd2", "seasonal water"), Colour(3, "#a9d6f0", "ephemeral water"),
        ),
    ),
    "black_odorous": Style(
        "Black-odorous water", "class", "classes",
        (
            Colour(0, "#e6e6e2", "not water", 90), Colour(1, "#5aa9d6", "clear"), Colour(2, "#e69f00", "possible"),
            Colour(3, "#1a1a1a", "suspected"), Colour(4, "#b7a6c9", "too few dates"),
        ),
    ),
    LAND: Style(
        "Land cover", "class", "classes",
        (
            Colour(1, "#2b6cb0", "water"), Colour(2, "#5ab4ac", "wetland"), Colour(3, "#1b5e20", "tree"), Colour(4, "#a6c96a", "grass"),
            Colour(5, "#f2d16b", "cropland"), Colour(6, "#c0392b", "built"), Colour(7, "#b8a99a", "bare"),
        ),
    ),
    TREND: Style(
        "Trend of vegetation cover", "class", "classes",
        (Colour(-1, "#a6611a", "browning"), Colour(0, "#e6e6e2", "no trend shown", 90), Colour(1, "#018571", "greening")),
    ),
    "observations": Style(
        "Clear observations", "clear_water", "ramp",
        (
            Colour(0, "#3b0f4f", "0 dates"), Colour(6, "#8a3b6b", "6"), Colour(15, "#d9775f", "15"),
            Colour(30, "#f7c873", "30"), Colour(60, "#fcf7d0", "60 and more"),
        ),
    ),
}  # fmt: skip
"""Product to its colours. Blue to orange to black and light to dark stay apart for colour-blind readers."""


def _renderer(style: Style, band: int) -> ET.Element:
    if style.kind == "classes":
        root = ET.Element("rasterrenderer", type="paletted", band=str(band), opacity="1", alphaBand="-1", nodataColor="")
        palette = ET.SubElement(root, "colorPalette")
        for c in style.colours:
            ET.SubElement(palette, "paletteEntry", value=f"{c.value:g}", color=c.rgb, alpha=str(c.alpha), label=c.label)
        return root
    low, high = style.colours[0].value, style.colours[-1].value
    limits = {"classificationMin": f"{low:g}", "classificationMax": f"{high:g}"}
    root = ET.Element(
        "rasterrenderer", type="singlebandpseudocolor", band=str(band), opacity="1", alphaBand="-1", nodataColor="", **limits
    )
    shader = ET.SubElement(ET.SubElement(root, "rastershader"), "colorrampshader", {
        "colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0",
        "minimumValue": f"{low:g}", "maximumValue": f"{high:g}",
    })  # fmt: skip
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


def band_index(dataset: rasterio.DatasetReader, name: str) -> int:
    """Number (from 1) of the band of that name.

    Raises
    ------
    RasterError : the file has no such band.
    """
    if name not in dataset.descriptions:
        raise RasterError(
            f"no band {name!r} among {list(dataset.descriptions)}", where=dataset.name, remedy="make the map again with `rs-pipeline mosaic`"
        )
    return dataset.descriptions.index(name) + 1


def write_style(product: str, tif_path: Path) -> None:
    """Write ``<map>.qml`` beside a map: QGIS applies it when the map is opened."""
    style = STYLES[product]
    with rasterio.open(tif_path) as src:
        band = band_index(src, style.band)
    with atomic_path(Path(tif_path).with_suffix(".qml")) as part:
        part.write_text(qml(style, band), "utf-8")
