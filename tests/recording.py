"""What a step really reads: configuration keys, and files opened or written under some folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio

from rs_pipeline.config import Section, Settings

_now: list[Recording] = []


@dataclass
class Recording:
    """One step at one place."""

    keys: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)

    def opened(self, path) -> None:
        if isinstance(path, str | os.PathLike):
            self.files.add(Path(path).resolve())


def _audit(event: str, args: tuple) -> None:
    if event == "open" and _now and isinstance(args[1], str | None) and set(args[1] or "r") <= set("rbtU"):
        _now[-1].opened(args[0])


sys.addaudithook(_audit)

READERS = (
    (rasterio, "open"), (pyogrio, "read_dataframe"), (pyogrio, "read_info"), (pyogrio, "list_layers"), (gpd, "read_file"), (gpd, "read_parquet"),
    (pd, "read_parquet"), (pq, "read_table"), (pq, "read_schema"),
)  # fmt: skip
"""Readers that open files outside Python."""


def _spied(reader):
    def read(path, *args, **keywords):
        writes = (args[:1] or (keywords.get("mode"),))[0] in ("w", "w+")
        if _now and not writes:
            _now[-1].opened(path)
        return reader(path, *args, **keywords)

    return read


def _names(settings: Settings) -> dict[int, str]:
    """Section to its dotted name with a final dot."""
    found: dict[int, str] = {}

    def walk(section: Section, prefix: str) -> None:
        found[id(section)] = prefix
        for name in type(section).model_fields:
            value = section.__dict__[name]
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Section):
                    walk(part, f"{prefix}{name}.")

    walk(settings, "")
    return found


@contextmanager
def recorded(settings: Settings) -> Iterator[Recording]:
    """Records, while it lasts, the leaves of the configuration that are read and the files that are opened for reading."""
    names, recording, plain = _names(settings), Recording(), Section.__getattribute__

    def read(section: Section, name: str):
        value = plain(section, name)
        inner = value[0] if isinstance(value, list) and value else value
        if name in type(section).model_fields and id(section) in names and not isinstance(inner, Section):
            recording.keys.add(names[id(section)] + name)
        return value

    def walk(section: Section):
        recording.keys.update(names.get(id(section), "") + name for name in type(section).model_fields)
        yield from section.__dict__.items()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section, "__getattribute__", read)
        patch.setattr(Section, "__iter__", walk)
        for module, name in READERS:
            patch.setattr(module, name, _spied(getattr(module, name)))
        _now.append(recording)
        try:
            yield recording
        finally:
            _now.pop()
