"""A finished run as a notebook sees it: maps as xarray, tables as (Geo)DataFrames, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import rioxarray
import xarray as xr

from rs_pipeline.config import load
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.products.register import period_maps, region_maps
from rs_pipeline.publish.dictionary import FOLDERS
from rs_pipeline.storage.raster import open_own

CHUNK_PX = 2048
"""Side of the dask chunks of a map, pixels."""

SEA_MAP = "sea"
"""Name of the map that tells sea from other water, in runs with a coast."""

TABLE_ENDINGS = (".parquet", ".gpkg", ".csv")
"""File endings of tables, in order of preference: only the first keeps column types, the first two keep geometries."""

Read = TypeVar("Read")


class OnDemand(Mapping[str, Read], Generic[Read]):
    """Mapping from names to maps or tables. Each access reads the file again, so that nothing of a large run stays in memory."""

    def __init__(self, sources: Mapping[str, Any], read: Callable[[str, Any], Read]):
        self._sources, self._read = dict(sources), read

    def __getitem__(self, name: str) -> Read:
        if name not in self._sources:
            raise KeyError(f"{name!r}; there are {', '.join(self._sources)}")
        return self._read(name, self._sources[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __repr__(self) -> str:
        return f"[{', '.join(self._sources)}]"


@dataclass(frozen=True)
class OpenedRun:
    """Result of `rs_pipeline.open_run`; see there for shapes, types and units."""

    folder: Path
    periods: list[str]
    """Labels in time order."""
    maps: OnDemand[xr.Dataset]
    tables: OnDemand[pd.DataFrame]


def opened_run(folder: str | PathLike[str]) -> OpenedRun:
    """See `rs_pipeline.open_run`."""
    layout = Layout(Path(folder))
    if not layout.settings.is_file():
        raise ConfigError("this is not the folder of a run: it has no config.yaml", where=str(folder), remedy="give results/<run> of a run that has begun")
    settings = load(layout.settings)
    labels = [p.label for p in settings.all_periods]
    by_period = {name: {label: layout.map(name, label) for label in labels} for name in period_maps(settings)} | {
        SEA_MAP: {label: layout.sea(label) for label in labels}
    }
    maps = {name: there for name, paths in by_period.items() if (there := {label: p for label, p in paths.items() if p.exists()})}
    maps |= {name: {"": path} for name in region_maps(settings) if (path := layout.region_map(name)).exists()}
    return OpenedRun(
        layout.root, labels, OnDemand(maps, lambda name, paths: _map(paths)), OnDemand(_tables(layout.root), lambda name, path: _table(layout, path))
    )


def _map(paths: Mapping[str, Path]) -> xr.Dataset:
    layers = [_bands(path) for path in paths.values()]
    if list(paths) == [""]:
        return layers[0]
    return xr.concat(layers, pd.Index(list(paths), name="period"), join="exact", combine_attrs="drop_conflicts")


def _bands(path: Path) -> xr.Dataset:
    """The bands of a map by name, with units and descriptions from the file."""
    pixels: Any = rioxarray.open_rasterio(path, chunks={"x": CHUNK_PX, "y": CHUNK_PX}, driver="GTiff")
    with open_own(path) as src:
        about = {
            name or f"band_{i}": {"units": src.units[i - 1] or "1", "long_name": src.tags(i).get("long_name", name)}
            for i, name in enumerate(src.descriptions, start=1)
        }
    bands = {name: pixels.isel(band=i, drop=True).assign_attrs(attrs) for i, (name, attrs) in enumerate(about.items())}
    for band in bands.values():
        band.attrs = {key: band.attrs[key] for key in ("units", "long_name", "_FillValue") if key in band.attrs}
    return xr.Dataset(bands, attrs={key: value for key, value in pixels.attrs.items() if key.isupper() and not key.startswith("STATISTICS")})


def _tables(root: Path) -> dict[str, Path]:
    """Path in the run's folder, without the ending, to the file."""
    found: dict[str, Path] = {}
    for ending in TABLE_ENDINGS:
        for folder in FOLDERS:
            for path in sorted((root / folder).glob(f"*{ending}")):
                found.setdefault(path.relative_to(root).with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def _table(layout: Layout, path: Path) -> pd.DataFrame:
    """A table with the units of its columns."""
    if path.suffix == ".parquet":
        frame = (gpd.read_parquet if b"geo" in (pq.read_schema(path).metadata or {}) else pd.read_parquet)(path)
    elif path.suffix == ".gpkg":
        frame = gpd.read_file(path, layer=pyogrio.list_layers(path)[0][0])
    else:
        frame = pd.read_csv(path, encoding="utf-8-sig", dtype={"adcode": str, "code": str})
    frame.attrs["units"] = _units(layout, path)
    return frame


def _units(layout: Layout, path: Path) -> dict[str, str]:
    """Column to unit, of the run's data dictionary; empty where the run has none yet."""
    if not layout.dictionary.exists():
        return {}
    rows = pd.read_csv(layout.dictionary, encoding="utf-8-sig", keep_default_na=False)
    mine = rows[(rows.file == path.relative_to(layout.root).as_posix()) & (rows.unit != "")]
    return dict(zip(mine.column, mine.unit, strict=True))
