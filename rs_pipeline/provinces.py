"""Tables of provinces: the province whose totals and targets are judged, and its counties. Shipped in ``config/provinces`` or a user's own."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rs_pipeline import paths
from rs_pipeline.strict import MadePath, Strict, check, read_mapping, wrong

_WHAT = "province table"


class ProvinceName(Strict):
    en: str = Field(min_length=1, description="English name.")
    zh: str = Field(min_length=1, description="Chinese name, as official tables write it.")


class ProvinceUnits(Strict):
    """How the polygons of the counties are made: `rs_pipeline.units`."""

    code_prefix: Annotated[str, Field(pattern=r"^\d{2,6}$", coerce_numbers_to_str=True)] = Field(description="First digits of the counties' codes.")
    file: MadePath = Field(description="GeoPackage that the chain writes them to, from the folder it is started in.")


class Province(Strict):
    name: ProvinceName
    adcode: Annotated[str, Field(pattern=r"^\d{6}$", coerce_numbers_to_str=True)] = Field(description="Administrative code, six digits.")
    area_km2: float = Field(gt=0, description="Land, km2; a run of nearly all of it is held to totals of the province.")
    units: ProvinceUnits
    stand_ins: dict[Literal["xiongan"], list[Annotated[str, Field(pattern=r"^\d{6}$")]]] = Field(
        default_factory=dict, description="Codes of units that together stand for a zone of the section tables whose outline is not given."
    )
    targets: Path = Field(description="Table of targets, from the folder of the province's table.")


def load_province(name: str) -> Province:
    """The province of a table: a shipped one by its name, a user's own by its path from the start folder.

    Raises
    ------
    ConfigError : there is no such table, or something in it is wrong; the error names the file and line.
    """
    return _read(paths.table_path("provinces", name))


@cache
def _read(path: Path) -> Province:
    values, node = read_mapping(path, what=_WHAT)
    table = check(Province, values, what=_WHAT, where=str(path), remedy="config/provinces/hebei.yaml is an example", node=node)
    targets = Path(os.path.normpath(path.parent / table.targets))
    if not targets.is_file():
        remedy = "give the path from the folder of this table"
        raise wrong("targets", f"{targets} does not exist", node=node, what=_WHAT, where=str(path), remedy=remedy)
    if not table.adcode.startswith(table.units.code_prefix):
        fault, remedy = f"{table.adcode} does not begin with {table.units.code_prefix}", "give the first digits that the codes of all counties share"
        raise wrong("units.code_prefix", fault, node=node, what=_WHAT, where=str(path), remedy=remedy)
    return table.model_copy(update={"targets": targets})
