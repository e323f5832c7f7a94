"""Tables of sensors: one YAML file per STAC collection, shipped in ``config/sensors`` or a user's own.

`rs_pipeline.model` defines the keys and refuses values that contradict each other; this module refuses unknown keys and wrong types.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rs_pipeline import model, paths
from rs_pipeline.errors import ModelError
from rs_pipeline.model import Band, MaskRule, QualityRule, Sensor
from rs_pipeline.strict import Strict, check, read_mapping, wrong

Name = Annotated[str, Field(min_length=1)]
_WHAT = "sensor table"


class BandTable(Strict):
    assets: list[Name] = Field(min_length=1)
    resolution_m: float = Field(gt=0)
    required: bool = True
    calibration: str = ""
    noise: str = ""


class MaskTable(Strict):
    kind: model.MaskKind
    flags: dict[int, model.FlagName] = {}
    fill: int = 0


class QualityTable(Strict):
    property: Name
    classes: list[Name] = Field(min_length=1)
    accepted: list[Name] = Field(min_length=1)


class SensorTable(Strict):
    """Keys of a table, as `model.Sensor` names them. ``nodata`` and the valid range have no default: a wrong value does not show in the maps."""

    collection: Name
    family: model.Family
    platforms: list[Name] = []
    bands: dict[Literal[model.OpticalBand, model.RadarBand, model.QualityBand, model.ThermalBand], BandTable]
    scale: float = Field(gt=0)
    offset_rule: model.OffsetRule
    offset: float = 0.0
    nodata: float = Field(allow_inf_nan=True)
    dtype: model.Dtype
    valid_min: float
    valid_max: float
    mask: MaskTable
    georeference: model.Georeference = "grid"
    deduplicate_by: list[Name] = Field(min_length=1)
    quality: QualityTable | None = None
    source: str = ""

    def sensor(self, name: str) -> Sensor:
        """The table as a `Sensor`.

        Raises
        ------
        ModelError : values that contradict each other.
        """
        bands = tuple(Band(role, tuple(b.assets), b.resolution_m, b.required, b.calibration, b.noise) for role, b in self.bands.items())
        values = {key: getattr(self, key) for key in type(self).model_fields if key not in ("bands", "mask", "platforms", "deduplicate_by", "quality")}
        return Sensor(
            name=name,
            bands=bands,
            mask=MaskRule(self.mask.kind, dict(self.mask.flags), self.mask.fill),
            platforms=tuple(self.platforms),
            deduplicate_by=tuple(self.deduplicate_by),
            quality=QualityRule(self.quality.property, tuple(self.quality.classes), tuple(self.quality.accepted)) if self.quality else None,
            **values,
        )


def sensor_names() -> list[str]:
    """Names of the shipped tables."""
    return list(paths.shipped_tables("sensors"))


def load_sensor(name: str) -> Sensor:
    """The sensor of a table: a shipped one by its name, a user's own by its path from the start folder.

    Raises
    ------
    ConfigError : there is no such table, or something in it is wrong; the error names the file and line.
    """
    return _read(name, paths.table_path("sensors", name))


@cache
def _read(name: str, path: Path) -> Sensor:
    values, node = read_mapping(path, what=_WHAT)
    remedy = "config/sensors/README.md and rs_pipeline/model.py say what each key means"
    table = check(SensorTable, values, what=_WHAT, where=str(path), remedy=remedy, node=node)
    try:
        return table.sensor(name)
    except ModelError as fault:
        raise wrong(fault.where, fault.what, node=node, what=_WHAT, where=str(path), remedy=fault.remedy) from None
