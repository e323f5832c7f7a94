"""Paths of the pipeline's own tables, and how a table is found by its name or path."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rs_pipeline.errors import ConfigError


def shipped_folder() -> Path:
    """Folder with the shipped files (``Snakefile``, ``config``, ``profiles``): the one packed into a wheel, else the checkout."""
    package = Path(__file__).resolve().parent
    packed = package / "_shipped"
    return packed if packed.is_dir() else package.parent


def config_folder() -> Path:
    """Folder with the shipped configurations, the tables of sensors and provinces, and targets.csv."""
    return shipped_folder() / "config"


def kernels_folder() -> Path:
    """Folder of the sources of ``rs_kernels``, found without importing it: that would import Numba, which half of the jobs do not need."""
    found = find_spec("rs_kernels")
    assert found is not None and found.origin is not None, "rs_kernels is installed with rs_pipeline"
    return Path(found.origin).parent


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known word is close, else empty.

    >>> did_you_mean("permanent_freqency", ["permanent_frequency", "seasonal_frequency"])
    "; did you mean 'permanent_frequency'?"
    """
    spelt = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), spelt, n=1)
    return f"; did you mean {spelt[near[0]]!r}?" if near else ""


def near_names(word: str, known: Iterable[str]) -> list[str]:
    """The names that share the most hyphen-separated parts with a word; all of them where none shares any.

    >>> near_names("sentinel-2", ["earth-search-sentinel-2-l2a", "earth-search-sentinel-1-grd", "hls2-l30"])
    ['earth-search-sentinel-2-l2a']
    """
    known, parts = list(known), set(re.split(r"[-_ ]+", word.lower()))
    shared = {name: len(parts & set(name.split("-"))) for name in known}
    most = max(shared.values(), default=0)
    return [name for name in known if shared[name] == most]


def path_hint(path: Path) -> str:
    """Hint on a path that does not exist, as a clause that follows a sentence: a Windows path, or a file in its folder with a similar name; else empty."""
    text = str(path)
    if drive := re.match(r"([A-Za-z]):[\\/]", text):
        inside = text[3:].replace("\\", "/")
        return f"; a path of Windows: under WSL write /mnt/{drive[1].lower()}/{inside}"
    if "\\" in text and os.sep != "\\":
        return f"; write / in place of \\: {text.replace(chr(92), '/')}"
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1, cutoff=0.8) if path.parent.is_dir() else []
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""


@cache
def shipped_tables(kind: str) -> dict[str, Path]:
    """Name to file of the tables in a folder of the configuration: ``sensors`` or ``provinces``."""
    return {p.stem: p for p in sorted((config_folder() / kind).glob("*.yaml"))}


def table_path(kind: str, name: str) -> Path:
    """File of a table: one that is shipped, by its name, or a user's own, by its path from the start folder (``my/sensor.yaml``).

    Raises
    ------
    ConfigError : there is no such table.
    """
    shipped, noun = shipped_tables(kind), kind.removesuffix("s")
    if name in shipped:
        return shipped[name]
    is_path = "/" in name or name.endswith((".yaml", ".yml"))
    if is_path and Path(name).is_file():
        return Path(name).resolve()
    what = f"no {noun} table {name!r}" + ("" if is_path else f"; choose one of {near_names(name, shipped)}" + did_you_mean(name, shipped))
    remedy = (
        "check the path; it counts from the folder that the pipeline is started in"
        if is_path
        else f"or give the path of your own, or add config/{kind}/{name}.yaml"
    )
    raise ConfigError(what, where=f"config/{kind}", remedy=remedy)
