"""Where the pipeline's own tables lie, and how a table is found by its name or path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from rs_pipeline.errors import ConfigError


def shipped_folder() -> Path:
    """Folder with what comes along beside the code (``Snakefile``, ``config``, ``profiles``): the one packed into a wheel, else the checkout."""
    package = Path(__file__).resolve().parent
    packed = package / "_shipped"
    return packed if packed.is_dir() else package.parent


def config_folder() -> Path:
    """Folder with the shipped configurations, the tables of sensors and provinces, and targets.csv."""
    return shipped_folder() / "config"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known word is close, else empty.

    >>> did_you_mean("permanent_freqency", ["permanent_frequency", "seasonal_frequency"])
    "; did you mean 'permanent_frequency'?"
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


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
    what = f"no {noun} table {name!r}" + ("" if is_path else f"; choose one of {list(shipped)}" + did_you_mean(name, shipped))
    remedy = "check the path; it counts from the folder that the pipeline is started in" if is_path else f"or give the path of your own, or add config/{kind}/{name}.yaml"
    raise ConfigError(what, where=kind, remedy=remedy)
