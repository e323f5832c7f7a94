"""The pictures of the report: maps to lay over the counties, and small ones of every county and of reaches to inspect.

They are in ``report/pictures`` beside the page, which loads each when it comes into view.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from PIL import Image, ImageDraw, ImageFilter
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.transform import from_bounds

from rs_pipeline.config import Settings
from rs_pipeline.layout import TRUE_COLOUR, Layout
from rs_pipeline.model import Grid, Style, Tile
from rs_pipeline.products.findings import BLACK, IN_ZONE, NATURAL_COAST, RECLAIMED, VEGETATION
from rs_pipeline.products.preview import coarse, step_px
from rs_pipeline.products.register import region_maps
from rs_pipeline.publish.report.figures import Canvas
from rs_pipeline.storage.qgis import rgba
from rs_pipeline.storage.raster import band_index, open_map, open_own
from rs_pipeline.tiles import read_tiles

OVERLAY_PX, COUNTY_PX = 1600, 200
"""Longest side of a map's picture and of a county's."""

RAMP_STEPS = 60
"""Number of colours to which a ramp is reduced, so that pictures stay small."""

FINDING_PX, FINDINGS_PICTURED = 600, 100
"""Side of a finding's picture, and how many findings, the first of the list, have pictures."""

LEAST_SIDE_M, MOST_SIDE_M = 600.0, 6000.0
"""Ground that a finding's picture shows: three times the place, within these bounds."""

MAX_PREVIEW_M = 20.0
"""Largest pixel of the true-colour preview with which a finding is visible."""

FINDING_MAPS = {BLACK: "black_odorous", **dict.fromkeys(IN_ZONE.values(), "land"), NATURAL_COAST: "water", RECLAIMED: "water", VEGETATION: "vegetation"}
"""Kind of finding to the map that shows it before and after."""

FINDING_RGB, FINDING_LINE_PX = (214, 0, 108), 3

FADED = 0.72
"""How far the surroundings of a county are faded to white, 0-1."""


@dataclass(frozen=True)
class PictureFrame:
    """A rectangle of the run's CRS as a picture."""

    bounds: tuple[float, float, float, float]
    """(left, bottom, right, top)."""
    shape: tuple[int, int]

    @classmethod
    def over(cls, bounds: tuple[float, float, float, float], longest_px: int, pixel_m: float) -> PictureFrame:
        """The rectangle with its longer side at most ``longest_px``, and pixels not smaller than the map's."""
        width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
        scale = min(longest_px / max(width, height), 1 / pixel_m)
        return cls(bounds, (max(1, round(height * scale)), max(1, round(width * scale))))


def indexed(style: Style, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (h, w) as palette indices, uint8, and the palette, uint8 (n, 4); index 0 is transparent (nodata)."""
    if style.kind == "classes":
        stops = np.array([c.value for c in style.colours])
        index = sum((values == s) * np.uint8(i) for i, s in enumerate(stops, start=1)).astype("uint8")
    else:
        stops = np.linspace(style.colours[0].value, style.colours[-1].value, RAMP_STEPS)
        safe = np.where(np.isfinite(values), values, stops[0])
        index = (np.rint(np.interp(safe, stops, np.arange(stops.size))) + 1).astype("uint8")
    return np.where(np.isfinite(values), index, 0).astype("uint8"), np.vstack([np.zeros((1, 4), "uint8"), rgba(style, stops)])


def save_indexed(style: Style, values: np.ndarray, path: Path) -> None:
    """Write a palette PNG with transparency."""
    index, palette = indexed(style, values)
    image = Image.fromarray(index, "P")
    image.putpalette(palette[:, :3].tobytes())
    image.save(path, transparency=palette[:, 3].tobytes(), optimize=True)


def save_colour(values: np.ndarray, path: Path) -> None:
    """Write uint8 (3, h, w) as JPEG; 0, where nothing was seen, is white."""
    shown = np.where((values > 0).all(axis=0), values, 255).astype("uint8")
    Image.fromarray(np.ascontiguousarray(np.moveaxis(shown, 0, -1)), "RGB").save(path, quality=84, optimize=True)


def read_style(path: Path, style: Style, place: PictureFrame) -> np.ndarray:
    """The drawn band of a map over a frame within it, float32, NaN where nothing was observed.

    Classes are taken from the nearest pixel of the overviews, which hold the mode: GDAL 3.10's mode while reading turns
    NaN into 0, which would draw what was not observed as land.
    """
    with open_own(path) as src:
        how = Resampling.nearest if style.kind == "classes" else Resampling.average
        return src.read(band_index(src, style.band), window=src.window(*place.bounds), out_shape=place.shape, resampling=how)


def preview_mosaic(settings: Settings, whole: Grid, tiles: Iterable[Tile], period: str) -> np.ndarray | None:
    """True colour of the region, uint8 (3, h, w) in steps of `step_px`, 0 where nothing clear was seen; None without a preview."""
    step, layout = step_px(whole), Layout(settings.root)
    out = np.zeros((3, *coarse(whole, step).shape), "uint8")
    paths = {tile: path for tile in tiles if (path := layout.preview(period, tile.id)).exists()}
    for tile, path in paths.items():
        with open_map(path, coarse(tile.grid, step)) as src:
            out[:, tile.row // step : tile.row // step + src.height, tile.col // step : tile.col // step + src.width] = src.read()
    return out if paths else None


def crop(mosaic: np.ndarray, grid: Grid, place: PictureFrame) -> np.ndarray:
    """A place of a mosaic (3, h, w) on ``grid``, by nearest pixels; 0 outside."""
    left, bottom, right, top = place.bounds
    rows = np.floor((grid.top - np.linspace(top, bottom, place.shape[0] * 2 + 1)[1::2]) / grid.resolution_m).astype(int)
    cols = np.floor((np.linspace(left, right, place.shape[1] * 2 + 1)[1::2] - grid.left) / grid.resolution_m).astype(int)
    inside = np.ix_((rows >= 0) & (rows < mosaic.shape[1]), (cols >= 0) & (cols < mosaic.shape[2]))
    out = np.zeros((3, *place.shape), "uint8")
    for band, found in zip(out, mosaic, strict=True):
        band[inside] = found[np.ix_(rows[(rows >= 0) & (rows < mosaic.shape[1])], cols[(cols >= 0) & (cols < mosaic.shape[2])])]
    return out


def finding_frame(shape: shapely.Geometry) -> PictureFrame:
    """The square around a place, FINDING_PX wide."""
    left, bottom, right, top = shape.bounds
    half = min(max(3 * max(right - left, top - bottom), LEAST_SIDE_M), MOST_SIDE_M) / 2
    x, y = (left + right) / 2, (bottom + top) / 2
    return PictureFrame((x - half, y - half, x + half, y + half), (FINDING_PX, FINDING_PX))


def before_and_after(first: str, last: str, periods: list[str]) -> list[str]:
    """The last period before a finding was first seen, where there is one, and that in which it was last seen.

    >>> before_and_after("2024", "2025", ["2023", "2024", "2025"]), before_and_after("2024", "2024", ["2024"])
    (['2023', '2025'], ['2024'])
    """
    before = periods[: periods.index(first)][-1:] if first in periods else []
    return [*before, *([last] if last in periods else [])]


def _smooth(piece: np.ndarray) -> np.ndarray:
    """A crop uint8 (3, h, w), in which pixels may be repeated, as uint8 (h, w, 3), smoothed; white where nothing was seen."""
    shown = np.moveaxis(np.where((piece > 0).all(axis=0), piece, 255), 0, -1).astype("uint8")
    return np.asarray(Image.fromarray(np.ascontiguousarray(shown), "RGB").filter(ImageFilter.SMOOTH_MORE))


def coloured(style: Style, path: Path, place: PictureFrame) -> np.ndarray:
    """A map of a place in its colours, uint8 (h, w, 3); white where nothing was observed or the map ends."""
    left, bottom, right, top = place.bounds
    with open_own(path) as src:
        values = src.read(
            band_index(src, style.band),
            window=src.window(left, bottom, right, top),
            out_shape=place.shape,
            boundless=True,
            fill_value=np.nan,
            resampling=Resampling.nearest,
        )
    index, palette = indexed(style, values)
    alpha = palette[index][..., 3:] / 255.0
    return np.rint(palette[index][..., :3] * alpha + 255 * (1 - alpha)).astype("uint8")


class Pictures:
    """Writes the pictures of a run into a folder and tells the page where they are."""

    def __init__(self, settings: Settings, units: gpd.GeoDataFrame, whole: Grid, canvas: Canvas, folder: Path):
        self.settings, self.layout, self.whole, self.canvas, self.folder = settings, Layout(settings.root), whole, canvas, folder
        self.tiles = read_tiles(settings) if self.layout.tiles.exists() else []
        shapes = units.to_crs(whole.crs).geometry
        names = [folder_name(code, i) for i, code in enumerate(units.adcode)]
        self.counties = list(zip(names, shapes, [PictureFrame.over(s.bounds, COUNTY_PX, whole.resolution_m) for s in shapes], strict=True))
        folder.mkdir(parents=True)
        for name in (*names, "reaches", "findings"):
            (folder / name).mkdir()

    def maps(self, paths: dict[tuple[str, str], Path], periods: list[str]) -> list[dict]:
        """Draw true colour and the maps, ``paths`` by (product, period); returns the facts on each layer for the page."""
        found: dict[str, dict[str, str]] = {}
        for period in periods:
            if self._true_colour(period):
                found.setdefault(TRUE_COLOUR, {})[period] = ""
        for (product, period), path in paths.items():
            self._product(product, period, path)
            found.setdefault(product, {})[period] = path.name
        return [_layer(product, files, self._box(product)) for product, files in found.items()]

    def _box(self, product: str) -> list[int]:
        grid = coarse(self.whole, step_px(self.whole)) if product == TRUE_COLOUR else self.whole
        return self.canvas.box(grid.bounds)

    def _true_colour(self, period: str) -> bool:
        mosaic = preview_mosaic(self.settings, self.whole, self.tiles, period)
        if mosaic is None:
            return False
        grid = coarse(self.whole, step_px(self.whole))
        save_colour(crop(mosaic, grid, PictureFrame.over(grid.bounds, OVERLAY_PX, grid.resolution_m)), self.folder / f"{TRUE_COLOUR}_{period}.jpg")
        for name, shape, place in self.counties:
            piece = crop(mosaic, grid, place)
            faded = np.where(piece > 0, piece + FADED * (255.0 - piece), 0).astype("uint8")
            save_colour(np.where(county_mask(shape, place), piece, faded), self.folder / name / f"{TRUE_COLOUR}_{period}.jpg")
        return True

    def _product(self, product: str, period: str, path: Path) -> None:
        style = region_maps()[product].style
        place = PictureFrame.over(self.whole.bounds, OVERLAY_PX, self.whole.resolution_m)
        save_indexed(style, read_style(path, style, place), self.folder / f"{product}_{period}.png")
        for name, shape, county in self.counties:
            values = np.where(county_mask(shape, county), read_style(path, style, county), np.nan)
            save_indexed(style, values, self.folder / name / f"{product}_{period}.png")

    def findings(self, table: gpd.GeoDataFrame | None, periods: list[str]) -> dict[str, list]:
        """Draw the first findings before and after, in true colour where its pixels are small enough, and on the map of their kind: [period, map,
        path] by finding_id. Findings outside previews and maps have no picture."""
        found: dict[str, list] = {}
        if table is None:
            return found
        shown = table.head(FINDINGS_PICTURED).to_crs(self.whole.crs)
        grid = coarse(self.whole, step_px(self.whole))
        of_period = [before_and_after(row.first_seen, row.last_seen, periods) for row in shown.itertuples()]
        for period in sorted({p for both in of_period for p in both}, key=periods.index):
            mosaic = preview_mosaic(self.settings, self.whole, self.tiles, period) if grid.resolution_m <= MAX_PREVIEW_M else None
            for n in (n for n, both in enumerate(of_period) if period in both):
                row, place = shown.iloc[n], finding_frame(shown.geometry.iloc[n])
                drawn = {} if mosaic is None else {TRUE_COLOUR: _smooth(crop(mosaic, grid, place))}
                product = FINDING_MAPS.get(row.kind, "")
                if product and (path := self.layout.map(product, period)).exists():
                    drawn[product] = coloured(region_maps()[product].style, path, place)
                paths = [[period, name, self._finding(f"{n + 1}_{name}_{period}", rgb, row.geometry, place)] for name, rgb in drawn.items()]
                found.setdefault(row.finding_id, []).extend(paths)
        return found

    def _finding(self, name: str, rgb: np.ndarray, shape: shapely.Geometry, place: PictureFrame) -> str:
        """Write a picture, uint8 (h, w, 3), with the outline of the place; its path within the pictures."""
        path = f"findings/{name}.jpg"
        left, _, right, top = place.bounds
        scale = FINDING_PX / (right - left)
        image = Image.fromarray(rgb, "RGB")
        draw = ImageDraw.Draw(image)
        for part in shapely.get_parts(shapely.boundary(shape.buffer(2 * FINDING_LINE_PX / scale))):
            draw.line([((x - left) * scale, (top - y) * scale) for x, y in shapely.get_coordinates(part)], fill=FINDING_RGB, width=FINDING_LINE_PX)
        image.save(self.folder / path, quality=80, optimize=True)
        return path

    def reaches(self, table: pd.DataFrame) -> dict[tuple[str, str], list]:
        """Copy the pictures of the inspection list's dates: [date, positive, path] by (reach_id, period), in order of time."""
        if not self.layout.inspection_index.exists():
            return {}
        positive = {(r.reach_id, r.period): set(str(r.dates_positive).split(";")) for r in table.itertuples()}
        index = pd.read_csv(self.layout.inspection_index, encoding="utf-8-sig", dtype={"period": str, "day": str})
        found: dict[tuple[str, str], list] = {}
        for n, row in enumerate(index.sort_values("day").itertuples(), start=1):
            name, key = f"reaches/{n}.png", (row.reach_id, row.period)
            shutil.copyfile(self.layout.inspection_picture(row.reach_id, row.day), self.folder / name)
            found.setdefault(key, []).append([row.day, row.day in positive.get(key, ()), name])
        return found


def county_mask(shape: shapely.Geometry, place: PictureFrame) -> np.ndarray:
    """Where a picture shows the county, bool (h, w)."""
    transform = from_bounds(*place.bounds, place.shape[1], place.shape[0])
    return geometry_mask([shape], place.shape, transform, all_touched=True, invert=True)


def _layer(product: str, files: dict[str, str], box: list[int]) -> dict:
    """``files`` : period to the name of its map, empty where there is a picture alone."""
    shown = {"product": product, "periods": list(files), "files": list(files.values()), "box": box}
    if product == TRUE_COLOUR:
        return shown | {"title": "True colour", "suffix": "jpg", "kind": "", "legend": []}
    style = region_maps()[product].style
    return shown | {"title": style.title, "suffix": "png", "kind": style.kind, "legend": [[c.rgb, c.label] for c in style.colours]}


def folder_name(code: str, number: int) -> str:
    """A unit's code as the name of a folder; a code that could lead elsewhere is replaced by the unit's number.

    >>> folder_name("130632", 7), folder_name("../x", 8)
    ('130632', '~8')
    """
    return code if re.fullmatch(r"[A-Za-z0-9_-]+", code) else f"~{number}"
