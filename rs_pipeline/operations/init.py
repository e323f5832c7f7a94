"""Verb ``init``: writes a first configuration into the working folder."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rs_pipeline.catalog.archive import ARCHIVE_SENSORS
from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.items import Dropped
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import Sensor
from rs_pipeline.paths import config_folder
from rs_pipeline.sensors import load_sensor, sensor_names
from rs_pipeline.storage.atomic import atomic_path

OWN = "own"
"""Name of the shipped configuration for the user's own polygons."""

PUBLIC, ON_DISK = "public scenes", "scenes of this disk"
"""Words for the scenes in the head of that configuration: as shipped, and where the scenes are in a folder."""

SOURCES = "sources:"
"""Line of it that its sources follow; the sources found in a folder replace them."""


@dataclass
class FoundScenes:
    """Content of a folder of scenes."""

    scenes: Counter[str] = field(default_factory=Counter)
    """Name of the sensor table to number of scenes."""
    years: set[int] = field(default_factory=set)
    unknown: Counter[str] = field(default_factory=Counter)
    """Number of items of collections that no shipped table reads, by collection."""
    lacking: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    """Number of items that no shipped table reads because bands are missing: by collection, the table that fits best, and its missing bands."""
    alike: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Name of a table to the tables of other providers that read the same scenes."""
    dropped: list[str] = field(default_factory=list)
    """Items and files that cannot be used, with the reason."""


def write_configuration(path: Path, *, like: str | None = None, scenes: Path | None = None) -> list[str]:
    """Write a commented configuration; returns lines on scenes that were left out.

    Parameters
    ----------
    like : name of a shipped configuration to copy; default the one for the user's own polygons.
    scenes : a catalog or a folder of items on this disk, whose collections and years are filled in.

    Raises
    ------
    ConfigError : the file exists already, there is no such configuration, or no shipped table reads a scene of the folder.
    """
    if path.exists():
        raise ConfigError("the file exists already and is left as it is", where=str(path), remedy="name another: rs-pipeline init my.yaml")
    template = config_folder() / f"{like or OWN}.yaml"
    if not template.is_file():
        raise ConfigError(
            "this configuration is not part of this installation", where=str(template), remedy="leave the option out and name your own polygons and sources"
        )
    text, told = template.read_text("utf-8").replace(f"config/{template.name}", str(path)), []  # comments name the file by its path in the checkout
    if scenes:
        found = scenes_in(scenes)
        text, told = _with_scenes(text, scenes, found), _left_out(found)
    with atomic_path(path) as part:
        part.write_text(text, "utf-8")
    return told


def scenes_in(folder: Path) -> FoundScenes:
    """Count the scenes of a catalog on this disk by the sensor table that reads them. Where tables of several
    providers read a scene, that of verb ``catalog`` is used, else the first by name.

    Raises
    ------
    CatalogError : nothing exists at the path, or it is not STAC.
    ConfigError : no shipped table reads a scene.
    """
    found, by_collection = FoundScenes(), defaultdict[str, dict[str, _Misses]](dict)
    for name in sorted(sensor_names(), key=lambda name: name not in ARCHIVE_SENSORS.values()):
        sensor = load_sensor(name)
        others = Counter[str]()
        items = list(folder_items(str(folder), sensor, others))
        found.unknown |= others
        found.dropped += [f"{item.name}: {item.reason}" for item in items if isinstance(item, Dropped) and item.status == "failed"]
        if mine := [item for item in items if not isinstance(item, Dropped)]:
            by_collection[sensor.collection][name] = {item["id"]: _missed(item, sensor) for item in mine}
            found.years |= {int(day[:4]) for item in mine if not _missed(item, sensor) and (day := item["properties"].get("datetime"))}
    found.dropped = list(dict.fromkeys(found.dropped))
    for collection, tables in by_collection.items():
        del found.unknown[collection]
        _share_out(found, collection, tables)
    if not found.scenes:
        seen = "; ".join(_left_out(found)[:5])
        raise ConfigError(
            "no scene that a table in config/sensors reads" + (f"; left out: {seen}" if seen else ""),
            where=str(folder),
            remedy="a table of your own reads another collection, see config/sensors/README.md"
            if seen
            else f"scenes as their producers give them out get a catalog by `rs-pipeline catalog {folder}`",
        )
    return found


_Misses = dict[str, tuple[str, ...]]
"""Id of an item to the bands of a table that it lacks."""


def _missed(item: dict[str, Any], sensor: Sensor) -> tuple[str, ...]:
    """Required bands of the sensor that an item lacks."""
    return tuple(band.role for band in sensor.bands if band.required and not any(name in item["assets"] for name in band.assets))


def _share_out(found: FoundScenes, collection: str, tables: dict[str, _Misses]) -> None:
    """Count each scene of a collection for the first table that reads it; for the others note the table that fits best and the bands that it misses."""
    reader: dict[str, str] = {}
    for name, misses in tables.items():
        whole = [scene for scene, missed in misses.items() if not missed]
        if new := [scene for scene in whole if scene not in reader]:
            found.scenes[name] = len(new)
        elif whole:
            found.alike[reader[whole[0]]].append(name)
        reader |= dict.fromkeys(new, name)
    for scene in {scene: None for misses in tables.values() for scene in misses if scene not in reader}:
        nearest = min((name for name in tables if scene in tables[name]), key=lambda name: len(tables[name][scene]))
        found.lacking[collection, nearest, tables[nearest][scene]] += 1


def _with_scenes(text: str, folder: Path, found: FoundScenes) -> str:
    """The template with the sources and periods of the scenes in a folder."""
    head, _, rest = text.partition(f"\n{SOURCES}")
    after = rest[rest.index("\n\n") :]
    lines = [
        f"  - {yaml.safe_dump({'sensor': name, 'catalog': str(folder)}, default_flow_style=True, allow_unicode=True, width=1000).strip()}   # {count} scenes{_or(found.alike[name])}"
        for name, count in found.scenes.items()
    ]
    periods = f"periods: {sorted(found.years)}" if found.years else ""
    head = head.replace(PUBLIC, ON_DISK, 1)
    head = "\n".join(periods if line.startswith("periods:") and periods else line for line in head.split("\n"))
    return "\n".join([head, SOURCES, *lines]) + after


def _or(names: list[str]) -> str:
    return f"; as another provider names them: {' or '.join(names)}" if names else ""


def _left_out(found: FoundScenes) -> list[str]:
    return [
        *(f"{count} of {name}: no table in config/sensors reads the collection" for name, count in sorted(found.unknown.items())),
        *(f"{count} of {collection}: {_lack(table, bands)}" for (collection, table, bands), count in sorted(found.lacking.items())),
        *found.dropped,
    ]


def _lack(table: str, bands: tuple[str, ...]) -> str:
    if bands == ("mask",):
        return f"lacks the mask; `allow_unmasked: true` in a source of {table} takes them"
    return f"lacks {', '.join(bands)}, which {table} needs; fetch it again, or read it by a table of your own"
