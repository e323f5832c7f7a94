"""What is truly there in a simulated world, on its 10 m grid; and what a score is.

The files are those of ``rs_pipeline.simulation.truth``. A file that a world does not have (an inland world has no shorelines) is None.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.features import rasterize, shapes
from rasterio.windows import Window
from scipy import ndimage

from rs_pipeline.errors import ConfigError, RasterError
from rs_pipeline.model import Grid
from rs_pipeline.simulation.materials import CONFUSERS, FLOODED_DAYS, WATER
from rs_pipeline.storage.raster import band_index, open_own

PERMANENT_SHARE, SEASONAL_SHARE = 0.75, 0.25
"""Permanent and seasonal water are under water for at least these shares of the year."""

EPHEMERAL_SHARE = 0.05
"""Least share of the year under water of the truth map's class for ephemeral water; what is drier is land there."""

TIDAL_GROUND = ("dry_sand", "wet_sand", "mudflat")
"""Ground that the tide covers and uncovers."""

FINER = 4
"""Shapes are rasterised on cells of a quarter of the pixel size."""

SEA_RIM_PX = 2
"""Width, pixels, of the strip along the sea that is its bank and does not count as inland."""

SEASONAL_WATERS = frozenset(m.name.lower() for m in FLOODED_DAYS)
WATERS = frozenset(m.name.lower() for m in WATER)
CONFUSER_OF = {m.name.lower(): name for m, name in CONFUSERS.items()}


@dataclass(frozen=True)
class Score:
    """One number of merit of one product."""

    product: str
    metric: str
    subset: str
    """What it was measured on; ``all`` where nothing is left out."""
    value: float
    """NaN where there was nothing to measure."""
    unit: str
    n: int
    """Number of pixels, objects, intervals ... that it is computed from."""


def combine(groups: Iterable[Sequence[Score]]) -> list[Score]:
    """Scores of several years or worlds as one: the mean weighted by ``n`` (the root of the mean square for RMSE), ``n`` added up.

    For shares and biases this is the score of all pairs together; for F1, CCC and ranking scores it is an average.
    """
    order: dict[tuple[str, str, str, str], list[Score]] = {}
    for score in (s for group in groups for s in group):
        order.setdefault((score.product, score.metric, score.subset, score.unit), []).append(score)
    combined = []
    for (product, metric, subset, unit), scores in order.items():
        known = [s for s in scores if math.isfinite(s.value) and s.n > 0]
        n, power = sum(s.n for s in known), 2 if metric == "rmse" else 1
        value = (sum(s.n * s.value**power for s in known) / n) ** (1 / power) if n else math.nan
        combined.append(Score(product, metric, subset, value, unit, n))
    return combined


@dataclass(frozen=True)
class WaterTruth:
    """True water of a year. A pixel counts as water where at least half of its area is under water for a quarter of the year or more.

    Water with an edge (rivers, lakes, ponds, the sea at a wall) is judged by area: the share of its 2.5 m cells that are water. A
    pixel with sand or mud in the reach of the tide has no such edge; it is judged by time alone, as water of its whole area where the
    share of the year under water is at least SEASONAL_SHARE. Water is permanent where it lies for PERMANENT_SHARE of the year or more.

    A pixel that is exactly half water counts as water, so even the best map of whole pixels has 1-3 % more area than there is where
    channels are narrow.
    """

    water: np.ndarray
    """bool (h, w), permanent or seasonal."""
    permanent: np.ndarray
    """bool (h, w)."""
    water_share: np.ndarray
    """float32 (h, w), 0-1: true area of water, permanent or seasonal; what areas are compared with."""
    permanent_share: np.ndarray
    """float32 (h, w), 0-1: true area of permanent water."""
    sea: np.ndarray
    """bool (h, w): sea, tidal ground, and SEA_RIM_PX pixels along them."""

    at_sea: np.ndarray
    """bool (h, w): the pixel contains sea, or ground that the tide floods, so its water belongs to the sea."""

    @property
    def seasonal(self) -> np.ndarray:
        return self.water & ~self.permanent

    @property
    def land(self) -> np.ndarray:
        """Where plants may stand, bool (h, w): neither permanent water nor the sea and its flats."""
        return ~(self.permanent | (self.at_sea & self.water))


@dataclass(frozen=True)
class Truth:
    """The truth of a world, read when it is asked for. Vectors come in the CRS of the grid."""

    folder: Path
    """``<world>/truth``."""

    @cached_property
    def years(self) -> tuple[int, ...]:
        """Years of the world.

        Raises
        ------
        ConfigError : the folder holds no truth.
        """
        found = sorted(int(p.stem.rsplit("_", 1)[1]) for p in self.folder.glob("water_*.tif"))
        if not found:
            raise ConfigError(
                "no truth of a simulated world here", where=str(self.folder), remedy="give --truth <world>/truth; `rs-pipeline simulate <folder>` makes a world"
            )
        return tuple(found)

    @cached_property
    def grid(self) -> Grid:
        """The world's 10 m grid."""
        with open_own(self.folder / f"water_{self.years[0]}.tif") as src:
            return Grid(src.crs.to_string(), src.transform.a, src.transform.c, src.transform.f, src.width, src.height)

    @cached_property
    def world(self) -> dict:
        """world.json; empty where there is none."""
        path = self.folder.parent / "world.json"
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}

    @cached_property
    def _kept(self) -> dict:
        """Cache of `once`."""
        return {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Result of ``make``, computed at the first call with this key and then kept."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _bands(self, name: str) -> dict[str, np.ndarray]:
        def read() -> dict[str, np.ndarray]:
            with open_own(self.folder / name) as src:
                return dict(zip(src.descriptions, src.read(), strict=True))

        return self.once(name, read)

    def vegetation(self, year: int) -> dict[str, np.ndarray]:
        """Band to float32 (h, w): ``fvc_peak`` and, in newer worlds, ``fvc_growing``; water is 0."""
        return self._bands(f"vegetation_{year}.tif")

    def water(self, year: int) -> dict[str, np.ndarray]:
        """Band to float32 (h, w): ``frequency``, ``class`` and, in newer worlds, ``permanent_fraction``."""
        return self._bands(f"water_{year}.tif")

    def soil(self, year: int) -> dict[str, np.ndarray]:
        """Band to float32 (h, w): ``loss_t_km2``, ``terrain_factor`` and ``cover_factor``; empty in worlds without."""
        name = f"soil_{year}.tif"
        return self._bands(name) if (self.folder / name).is_file() else {}

    def bare(self, year: int) -> dict[str, np.ndarray]:
        """Month (``march``, ``april``, ``may``) to float32 (h, w): share (0-1) of each pixel that is ground without plants; empty in worlds without."""
        name = f"bare_{year}.tif"
        return self._bands(name) if (self.folder / name).is_file() else {}

    def heat(self, year: int) -> dict[str, np.ndarray]:
        """Band to float32 (h, w): ``warmth_k``, temperature above closed crops, mean from June to August, K; empty in worlds without."""
        name = f"heat_{year}.tif"
        return self._bands(name) if (self.folder / name).is_file() else {}

    def landcover(self, year: int) -> np.ndarray:
        """Material, uint8 on the finer grid of the painted map (2.5 m); numbers as in `legend`."""
        return self._bands(f"landcover_{year}.tif")["landcover"]

    @cached_property
    def legend(self) -> dict[str, int]:
        """Name of each material to its number in the landcover maps."""
        with open_own(self.folder / f"landcover_{self.years[0]}.tif") as src:
            pairs = [item.split("=") for item in src.tags()["legend"].split(";")]
        return {name: int(value) for value, name in pairs}

    @cached_property
    def water_materials(self) -> tuple[str, ...]:
        """Names of the materials that are water, the seasonally flooded ones included."""
        return tuple(n for n in self.legend if n in WATERS or n.startswith("black_"))

    def share(self, year: int, names: Iterable[str]) -> np.ndarray:
        """Share (0-1) of every pixel covered by any of the materials, float32 (h, w)."""
        chosen = np.isin(np.arange(256), [self.legend[n] for n in names if n in self.legend])
        return self.fine_mean(chosen[self.landcover(year)])

    def dominant(self, year: int) -> np.ndarray:
        """Number of the material that covers most of each pixel, uint8 (h, w)."""
        return self.once(("dominant", year), lambda: self._dominant(year))

    def _dominant(self, year: int) -> np.ndarray:
        cells = self._cells(self.landcover(year))
        counts = {value: (cells == value).sum(axis=(1, 3)) for value in np.unique(cells)}
        values = np.array(list(counts), "uint8")
        return values[np.argmax(np.stack(list(counts.values())), axis=0)]

    def _cells(self, fine: np.ndarray) -> np.ndarray:
        """(h, k, w, k) view of a map k times finer than the grid."""
        k = fine.shape[0] // self.grid.height
        return fine.reshape(self.grid.height, k, self.grid.width, k)

    def fine_mean(self, fine: np.ndarray) -> np.ndarray:
        """Mean over the pixels of the grid of a map on the landcover's finer one, float32 (h, w)."""
        return self._cells(fine).mean(axis=(1, 3), dtype="float32")

    def covered(self, geometries: Iterable[shapely.Geometry]) -> np.ndarray:
        """Share (0-1) of every pixel covered by shapes in the grid's CRS, at a quarter of the pixel size, float32 (h, w)."""
        parts = [g for g in geometries if g is not None and not g.is_empty]
        return self.once(("covered", *(g.wkb for g in parts)), lambda: self._covered(parts))

    def _covered(self, parts: list[shapely.Geometry]) -> np.ndarray:
        if not parts:
            return np.zeros(self.grid.shape, "float32")
        g = self.grid
        fine = Grid(g.crs, g.resolution_m / FINER, g.left, g.top, g.width * FINER, g.height * FINER)
        return self.fine_mean(rasterize(parts, out_shape=fine.shape, transform=fine.transform, dtype="uint8"))

    def true_water(self, year: int) -> WaterTruth:
        """Water by the half-area rule of `WaterTruth`."""
        return self.once(("true_water", year), lambda: self._true_water(year))

    def _true_water(self, year: int) -> WaterTruth:
        frequency, area = self.water(year)["frequency"], self.share(year, self.water_materials)
        sea = self.share(year, ["sea"]) > 0
        tidal = (self.share(year, TIDAL_GROUND) > 0) & (frequency > 0)
        wet_time = np.where(tidal, frequency, frequency / np.maximum(area, 0.01))
        share = np.where(tidal, 1.0, area) * (wet_time >= SEASONAL_SHARE - 1e-6)
        lasting = self.share(year, set(self.water_materials) - SEASONAL_WATERS - {"sea"})
        permanent = np.where(sea | tidal, share * (wet_time >= PERMANENT_SHARE - 1e-6), lasting)
        water = share >= 0.5
        zone = ndimage.binary_dilation(sea | tidal, np.ones((3, 3), bool), iterations=SEA_RIM_PX)
        return WaterTruth(water, water & (permanent >= share / 2), share.astype("float32"), permanent.astype("float32"), zone, sea | tidal)

    def flooded_by_sea(self, year: int) -> np.ndarray:
        """Where the sea covers the ground beside inland water for EPHEMERAL_SHARE of the year or more, bool (h, w): about as high as spring tides reach."""
        frequency, water = self.water(year)["frequency"], self.share(year, self.water_materials)
        return (water < 1) & (frequency - water >= EPHEMERAL_SHARE * (1 - water) - 1e-6)

    def _vector(self, path: Path) -> gpd.GeoDataFrame | None:
        return self.once(path.name, lambda: gpd.read_file(path).to_crs(self.grid.crs) if path.is_file() else None)

    @property
    def shorelines(self) -> gpd.GeoDataFrame | None:
        """Lines at mean sea level: year, section, class, type; the sea lies to the right of their direction."""
        lines = self._vector(self.folder / "shorelines.gpkg")
        if lines is None or "type" in lines:
            return lines
        plain = {"natural": "sand", "river mouth": "river mouth"}
        return lines.assign(type=[plain.get(c, s) for c, s in zip(lines["class"], lines.section, strict=True)])

    @property
    def rivers(self) -> gpd.GeoDataFrame | None:
        """Centrelines: name, width_m."""
        return self._vector(self.folder / "rivers.gpkg")

    @property
    def black_reaches(self) -> gpd.GeoDataFrame | None:
        """Black-odorous stretches: polygons with river, years (``2023;2024``) and, in newer worlds, type and months."""
        return self._vector(self.folder / "black_odorous.gpkg")

    @property
    def reclamation(self) -> gpd.GeoDataFrame | None:
        """Land won from the sea: year, polygon."""
        return self._vector(self.folder / "reclamation.gpkg")

    @property
    def units(self) -> gpd.GeoDataFrame | None:
        """Reporting units: adcode, name, prefecture."""
        return self._vector(self.folder.parent / "units.gpkg")

    @property
    def grassland(self) -> gpd.GeoDataFrame | None:
        """Grassland polygons by type."""
        return self._vector(self.folder.parent / "grassland.gpkg")

    @property
    def red_line(self) -> gpd.GeoDataFrame | None:
        """Polygons of the ecological red line."""
        return self._vector(self.folder.parent / "red_line.gpkg")

    @property
    def reserves(self) -> gpd.GeoDataFrame | None:
        """Polygons of nature reserves."""
        return self._vector(self.folder.parent / "reserves.gpkg")

    @property
    def mines(self) -> gpd.GeoDataFrame | None:
        """Polygons of mines."""
        return self._vector(self.folder.parent / "mines.gpkg")

    @property
    def watched(self) -> gpd.GeoDataFrame | None:
        """Watched places: kind, cleared (year or missing), polygons."""
        return self._vector(self.folder.parent / "places.gpkg")

    @property
    def towns(self) -> gpd.GeoDataFrame | None:
        """Polygons of towns with their fringe."""
        return self._vector(self.folder.parent / "urban.gpkg")

    @cached_property
    def waters(self) -> gpd.GeoDataFrame:
        """Inland waters: name, kind, material, confuser (empty for plain waters), width_m (NaN unless river or canal), polygons."""
        drawn = self._vector(self.folder / "waters.gpkg")
        return self._waters_of_maps() if drawn is None else drawn.assign(confuser=drawn.confuser.fillna(""))

    def _waters_of_maps(self) -> gpd.GeoDataFrame:
        """For worlds without waters.gpkg: rivers from centreline and width, ponds and lakes from the landcover of the first year."""
        landcover, rows = self.landcover(self.years[0]), []
        scale = self.grid.resolution_m * self.grid.width / landcover.shape[1]
        fine = Grid(self.grid.crs, scale, self.grid.left, self.grid.top, landcover.shape[1], landcover.shape[0])
        flowing = {n for n in self.water_materials if "river" in n or n.startswith("black_")}
        for name in sorted(set(self.water_materials) - flowing - SEASONAL_WATERS - {"sea"}):
            kind = name if name in ("lake", "reservoir") else "pond"
            found = shapes(landcover, mask=landcover == self.legend[name], connectivity=8, transform=fine.transform)
            rows += [(name, kind, name, CONFUSER_OF.get(name, ""), np.nan, shapely.geometry.shape(g)) for g, _ in found]
        muddy = landcover == self.legend.get("sediment_river", 0)
        for river in self.rivers.itertuples() if self.rivers is not None else ():
            outline = river.geometry.buffer(river.width_m / 2, cap_style="flat")
            middle = river.geometry.interpolate(0.5, normalized=True)
            material = "sediment_river" if muddy[rasterio.transform.rowcol(fine.transform, middle.x, middle.y)] else "river"
            kind = "canal" if "canal" in river.name else "river"
            rows.append((river.name, kind, material, CONFUSER_OF.get(material, ""), river.width_m, outline))
        columns = ["name", "kind", "material", "confuser", "width_m", "geometry"]
        return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=self.grid.crs)


def black_years(reaches: gpd.GeoDataFrame) -> list[set[int]]:
    """Years in which each stretch is black-odorous."""
    return [{int(y) for y in str(text).split(";") if y} for text in reaches.years]


def on_grid(path: Path, band: str, grid: Grid) -> np.ndarray:
    """A band of a map on a grid with the same pixels, float32 (h, w), NaN outside the map.

    Raises
    ------
    RasterError : the file is missing, has no such band, or its pixels are not those of the grid.
    """
    if not Path(path).is_file():
        raise RasterError("the map is not made yet", where=str(path), remedy="finish the run before it is scored")
    with open_own(path) as src:
        row, col = (src.transform.f - grid.top) / grid.resolution_m, (grid.left - src.transform.c) / grid.resolution_m
        aligned = abs(row - round(row)) < 1e-3 and abs(col - round(col)) < 1e-3
        if src.crs != rasterio.crs.CRS.from_user_input(grid.crs) or abs(src.res[0] - grid.resolution_m) > 1e-6 or not aligned:
            raise RasterError(
                "the pixels of the map are not those of the world",
                where=str(path),
                remedy=f"run with grid.crs {grid.crs} and grid.resolution_m {grid.resolution_m:g} to score it",
            )
        window = Window(round(col), round(row), grid.width, grid.height)
        return src.read(band_index(src, band), window=window, boundless=True, fill_value=np.nan).astype("float32")
