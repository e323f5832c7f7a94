"""Paths of the files of a run. Every step and the Snakefile take them from here, so each path is defined once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

TRUE_COLOUR = "true_colour"
"""Name of the true-colour pictures of the report, which it shows beside those of the products."""

SHORE_FAMILIES = ("sentinel-2", "landsat")
"""Sensor families with a SWIR1 composite of their own at the coast; shorelines are drawn from these composites."""

SHORE_RADAR = "sentinel-1"
"""Sensor family of the radar composite that checks these shorelines."""


@dataclass(frozen=True)
class Layout:
    """Paths below ``results/<run>``. Wildcards such as ``{period}`` pass through unchanged."""

    root: Path

    CHIPS: ClassVar[str] = "native"
    """Folder of the chips beside their manifest."""

    @property
    def settings(self) -> Path:
        return self.root / "config.yaml"

    @property
    def lock(self) -> Path:
        """Lock held by the run that works on the folder and by its jobs; its content names the holder."""
        return self.root / ".lock"

    @property
    def parts(self) -> Path:
        """Folder of parts of remote files, see `remote.parts`; removed at the end of a run."""
        return self.root / ".parts"

    @property
    def retries(self) -> Path:
        """Folder of the jobs that are to run again, or were given up."""
        return self.root / "retry"

    @property
    def journal(self) -> Path:
        """JSON lines: start and end of every job, with its time, memory and bytes."""
        return self.root / "logs" / "jobs.jsonl"

    @property
    def record(self) -> Path:
        """JSON lines: size and digest of the files of every job, see `storage.record`."""
        return self.root / "logs" / "checksums.jsonl"

    @property
    def code(self) -> Path:
        """Digests of the code of every step, by the digest of the whole code, since the run began."""
        return self.root / "logs" / "code.json"

    @property
    def summary(self) -> Path:
        """What the last run did and what is missing; ``summary.txt`` says the same in words."""
        return self.root / "summary.json"

    @property
    def scenes(self) -> Path:
        return self.root / "scenes.parquet"

    @property
    def signatures(self) -> Path:
        """Signatures and keys of the URLs in the scene ledger. Readable by this user only, and outside the run's folder, which may be passed on."""
        return self.root.parent / ".signatures" / f"{self.root.name}.json"

    @property
    def orbits(self) -> Path:
        """Scenes found and expected, one row per orbit; written by the search."""
        return self.root / "orbits.csv"

    @property
    def tiles(self) -> Path:
        return self.root / "tiles.parquet"

    def chips(self, period: str, tile: str) -> Path:
        """Manifest of the chips of a tile and period; the chips lie beside it."""
        return self.root / "chips" / period / tile / "chips.parquet"

    def chip_folder(self, period: str, tile: str) -> Path:
        """Folder of the chips of a tile and period, one folder per scene."""
        return self.root / "chips" / period / tile / self.CHIPS

    def scene_list(self, period: str, tile: str) -> Path:
        """The scenes that a tile and period are made from. It is rewritten only where they change, so a newer file makes the tile run again."""
        return self.root / "chips" / period / tile / "scenes.csv"

    @property
    def tile_scenes(self) -> Path:
        """How many scenes fall on each tile and period."""
        return self.root / "tile_scenes.csv"

    def tile_map(self, period: str, tile: str, product: str) -> Path:
        return self.root / "tiles" / period / tile / f"{product}.tif"

    def shore(self, period: str, tile: str, family: str) -> Path:
        return self.root / "tiles" / period / tile / f"shore_{family}.tif"

    def preview(self, period: str, tile: str) -> Path:
        """True colour, for the pictures of the report."""
        return self.root / "tiles" / period / tile / "preview.tif"

    def map(self, product: str, period: str) -> Path:
        return self.root / "maps" / f"{product}_{period}.tif"

    def counties(self, period: str) -> Path:
        return self.root / "counties" / f"{period}.parquet"

    def changes(self, period: str) -> Path:
        """What changed since other baselines than the run's own, by unit, zone and baseline."""
        return self.root / "counties" / f"changes_{period}.parquet"

    def trend_tile(self, tile: str) -> Path:
        """Trend of vegetation cover over all periods, of one tile."""
        return self.root / "tiles" / "all_periods" / tile / "vegetation_trend.tif"

    def region_map(self, product: str) -> Path:
        """A map of all periods together."""
        return self.root / "maps" / f"{product}.tif"

    @property
    def trend_map(self) -> Path:
        return self.region_map("vegetation_trend")

    @property
    def trend_counties(self) -> Path:
        """Areas of greening and browning by county."""
        return self.root / "counties" / "vegetation_trend.parquet"

    @property
    def settlements(self) -> Path:
        """Map of towns and villages, the same for all periods."""
        return self.region_map("settlements")

    def land_counties(self, period: str) -> Path:
        """Areas of land cover and of its conversion, by unit and zone."""
        return self.root / "counties" / f"land_{period}.parquet"

    def land_changes(self, period: str) -> Path:
        """Land cover converted since other baselines than the run's own, by unit, zone and baseline."""
        return self.root / "counties" / f"land_changes_{period}.parquet"

    def place_sums(self, period: str) -> Path:
        """Sums of the maps over each watched place; written with those of counties."""
        return self.root / "places" / f"sums_{period}.parquet"

    def place_land(self, period: str) -> Path:
        """Sums of land cover and its conversion over each watched place."""
        return self.root / "places" / f"land_{period}.parquet"

    @property
    def places(self) -> Path:
        """Watched places with their latest values, for a GIS."""
        return self.root / "places" / "places.gpkg"

    @property
    def places_table(self) -> Path:
        """Observations of the watched places, one row per place, period and indicator."""
        return self.root / "places" / "places.csv"

    @property
    def place_events(self) -> Path:
        """Suspected findings in watched places."""
        return self.root / "places" / "events.csv"

    @property
    def shorelines(self) -> Path:
        return self.root / "coastline" / "shorelines.gpkg"

    @property
    def transects(self) -> Path:
        return self.root / "coastline" / "transects.gpkg"

    def sea(self, period: str) -> Path:
        """Map of the water that is sea, in runs with a coast."""
        return self.root / "water" / f"sea_{period}.tif"

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
        """Optical proxies of water quality, one row per body and period."""
        return self.root / "water" / "quality.parquet"

    @property
    def quality_monthly(self) -> Path:
        """The same, one row per body or watched water and month."""
        return self.root / "water" / "quality_monthly.parquet"

    def inspection_picture(self, reach_id: str, day: str) -> Path:
        """Small picture of a listed reach on a date."""
        return self.root / "water" / "inspection" / f"{reach_id}_{day}.png"

    @property
    def inspection_index(self) -> Path:
        """Index of the pictures: reach_id, period, day, logit, positive, file."""
        return self.root / "water" / "inspection" / "pictures.csv"

    @property
    def reaches(self) -> Path:
        return self.root / "water" / "reaches.gpkg"

    @property
    def inspection_list(self) -> Path:
        """Suspicions of black-odorous water, ranked; written with the reaches."""
        return self.root / "water" / "inspection_list.csv"

    @property
    def indicators(self) -> Path:
        return self.root / "indicators.csv"

    @property
    def indicators_parquet(self) -> Path:
        return self.root / "indicators.parquet"

    @property
    def indicators_workbook(self) -> Path:
        """The same as a workbook, in Chinese and English, one sheet per prefecture."""
        return self.root / "indicators.xlsx"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence.parquet"

    @property
    def accuracy(self) -> Path:
        """Scores against the truth, for runs of a simulated world."""
        return self.root / "accuracy.csv"

    @property
    def report(self) -> Path:
        return self.root / "report" / "index.html"

    @property
    def report_pictures(self) -> Path:
        """Folder of the pictures that the report shows."""
        return self.root / "report" / "pictures"

    @property
    def findings(self) -> Path:
        """Suspected findings, one row per place, for a GIS; beside it the same as CSV, KML and GPX."""
        return self.root / "findings" / "findings.gpkg"

    @property
    def findings_form(self) -> Path:
        """The list for an inspector to fill in; filled in, it is an input as tables.field_results."""
        return self.root / "findings" / "form.xlsx"

    @property
    def counties_latest(self) -> Path:
        """Counties with their latest values, for a GIS."""
        return self.root / "counties.gpkg"

    @property
    def dictionary(self) -> Path:
        """What every column of every file means."""
        return self.root / "data_dictionary.csv"

    @property
    def stac(self) -> Path:
        return self.root / "stac" / "collection.json"
