"""Where the files of a run lie. Every step and the Snakefile ask here, so a path is written once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PRODUCTS = ("vegetation", "water", "black_odorous", "observations")
"""Products that have one map a period."""

TREND = "vegetation_trend"
"""The product that has one map of all periods."""

SHORE_FAMILIES = ("sentinel-2", "landsat")
"""Sensor families with a SWIR1 composite of their own at the coast."""


@dataclass(frozen=True)
class Layout:
    """Paths below ``results/<run>``. Wildcards such as ``{period}`` pass through unchanged."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "config.yaml"

    @property
    def scenes(self) -> Path:
        return self.root / "scenes.parquet"

    @property
    def orbits(self) -> Path:
        """Found against expected, an orbit a row; written by the search."""
        return self.root / "orbits.csv"

    @property
    def tiles(self) -> Path:
        return self.root / "tiles.parquet"

    def chips(self, period: str, tile: str) -> Path:
        """Manifest of the chips of a tile and period; the chips lie beside it."""
        return self.root / "chips" / period / tile / "chips.parquet"

    def tile_map(self, period: str, tile: str, product: str) -> Path:
        return self.root / "tiles" / period / tile / f"{product}.tif"

    def shore(self, period: str, tile: str, family: str) -> Path:
        return self.root / "tiles" / period / tile / f"shore_{family}.tif"

    def map(self, product: str, period: str) -> Path:
        return self.root / "maps" / f"{product}_{period}.tif"

    def counties(self, period: str) -> Path:
        return self.root / "counties" / f"{period}.parquet"

    def trend_tile(self, tile: str) -> Path:
        """Trend of vegetation cover over all periods, of one tile."""
        return self.root / "tiles" / "all_periods" / tile / f"{TREND}.tif"

    @property
    def trend_map(self) -> Path:
        return self.root / "maps" / f"{TREND}.tif"

    @property
    def trend_counties(self) -> Path:
        """Areas of greening and browning by county."""
        return self.root / "counties" / f"{TREND}.parquet"

    @property
    def shorelines(self) -> Path:
        return self.root / "coastline" / "shorelines.gpkg"

    @property
    def transects(self) -> Path:
        return self.root / "coastline" / "transects.gpkg"

    @property
    def bodies(self) -> Path:
        return self.root / "water" / "bodies.gpkg"

    @property
    def reach_lines(self) -> Path:
        """Geometry of reaches and ponds, the same for all periods."""
        return self.root / "water" / "reach_lines.parquet"

    def reach_scores(self, period: str, tile: str) -> Path:
        return self.root / "tiles" / period / tile / "reach_scores.parquet"

    def quality_scores(self, period: str, tile: str) -> Path:
        return self.root / "tiles" / period / tile / "quality_scores.parquet"

    @property
    def quality(self) -> Path:
        """Optical proxies of water quality, a row a body and period."""
        return self.root / "water" / "quality.parquet"

    def inspection_picture(self, reach_id: str, day: str) -> Path:
        """Small picture of a listed reach on a date."""
        return self.root / "water" / "inspection" / f"{reach_id}_{day}.png"

    @property
    def inspection_index(self) -> Path:
        """What the pictures show: reach_id, period, day, logit, positive, file."""
        return self.root / "water" / "inspection" / "pictures.csv"

    @property
    def reaches(self) -> Path:
        return self.root / "water" / "reaches.gpkg"

    @property
    def inspection_list(self) -> Path:
        return self.root / "water" / "inspection_list.csv"

    @property
    def indicators(self) -> Path:
        return self.root / "indicators.csv"

    @property
    def indicators_parquet(self) -> Path:
        return self.root / "indicators.parquet"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence.parquet"

    @property
    def accuracy(self) -> Path:
        """Scores against the truth, of runs of a simulated world."""
        return self.root / "accuracy.csv"

    @property
    def report(self) -> Path:
        return self.root / "report" / "index.html"

    @property
    def stac(self) -> Path:
        return self.root / "stac" / "collection.json"
