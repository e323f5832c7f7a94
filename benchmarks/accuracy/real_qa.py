"""Quality bits, scene classes and scaling of real Landsat and Sentinel-2 files, decoded by ours and by the producers' own tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import rasterio

from benchmarks.accuracy.real_table import Row, Table
from rs_pipeline.catalog.folder import folder_items
from rs_pipeline.catalog.items import read_item
from rs_pipeline.config import SourceSection
from rs_pipeline.model import Scene
from rs_pipeline.radiometry.masks import QAFlag, aerosol_flags, label_flags, saturation_flags
from rs_pipeline.radiometry.scaling import chip_numbers, mask_numbers
from rs_pipeline.sensors import load_sensor
from rs_pipeline.validation.metrics import ratio

LANDSAT, SENTINEL = "planetary-computer-landsat-c2-l2", "earth-search-sentinel-2-l2a"

QA_MEANING = {
    "fill": QAFlag.NODATA, "dilated_cloud": QAFlag.BUFFER, "cirrus": QAFlag.CIRRUS, "cloud": QAFlag.CLOUD, "cloud_shadow": QAFlag.SHADOW,
    "snow": QAFlag.SNOW,
}  # fmt: skip
"""Field of the producer's bit table to our mask flag; the other fields (clear, water, confidences) mask nothing."""

SCL_MEANING = {
    0: QAFlag.NODATA, 1: QAFlag.SATURATED, 2: QAFlag.DARK, 3: QAFlag.SHADOW, 4: 0, 5: 0, 6: 0, 7: 0, 8: QAFlag.CLOUD, 9: QAFlag.CLOUD,
    10: QAFlag.CIRRUS, 11: QAFlag.SNOW,
}  # fmt: skip
"""Sen2Cor scene classes (ESA product specification)."""

HIGH_AEROSOL = 3
LANDSAT_USED = ("band2", "band3", "band4", "band5", "band6", "band7")


def qa_rows(real: Path) -> list[Row]:
    """All figures of masks and scaling."""
    landsat, sentinel = Table("landsat_c2_l2_scenes"), Table("sen2r_barbellino")
    fields = json.loads((real / "qa" / "landsat_c2_l2_oli_bitfields.json").read_text("utf-8"))
    scenes = read_scenes(real, LANDSAT)
    add_bits(landsat, scenes, fields)
    add_scaling(landsat, scenes)
    add_classes(sentinel, real)
    return landsat.rows + sentinel.rows


def read_scenes(real: Path, sensor_name: str) -> list[Scene]:
    """Scenes of the real catalog that match a sensor table, as search reads them."""
    sensor = load_sensor(sensor_name)
    source = SourceSection(sensor=sensor_name, catalog=str(real / "catalog"), allow_unmasked=True, max_cloud_cover=100)
    return [read_item(item, source, sensor, ("file",)).scene for item in folder_items(source.catalog, sensor)]


def expected_flags(values: np.ndarray, fields: list[dict], meaning: dict[str, QAFlag], value: int = 1) -> np.ndarray:
    """Mask flags, uint16 of the shape of ``values``: set where a field of the producer's bit table (``length`` bits at ``offset``) equals ``value``."""
    out = np.zeros(values.shape, "uint16")
    for field in fields:
        if field["name"] in meaning:
            number = (values >> field["offset"]) & ((1 << field["length"]) - 1)
            out |= np.where(number == value, np.uint16(meaning[field["name"]]), np.uint16(0))
    return out


def add_bits(table: Table, scenes: list[Scene], fields: dict[str, list[dict]]) -> None:
    """Decodes that differ from the bit table: of all 65,536 QA_PIXEL values, of those in the scenes, of all values of the other quality bands."""
    rule = load_sensor(LANDSAT).mask
    every = np.arange(1 << 16, dtype="uint16")
    found = np.unique(np.concatenate([rasterio.open(s.assets["mask"]).read(1).ravel() for s in scenes]))
    for subset, values in (("all 65,536 values of QA_PIXEL", every), (f"{found.size} values of QA_PIXEL in three scenes", found)):
        wrong = (label_flags(values, rule) != expected_flags(values, fields["qa_pixel"], QA_MEANING)).sum()
        table.add("radiometry", "wrong_decodes", wrong, subset=subset, unit="values")
    meaning = dict.fromkeys(LANDSAT_USED, QAFlag.SATURATED) | {"occlusion": QAFlag.NODATA}
    wrong = (saturation_flags(every, "landsat-8") != expected_flags(every, fields["qa_radsat"], meaning)).sum()
    table.add("radiometry", "wrong_decodes", wrong, subset="all 65,536 values of QA_RADSAT, OLI", unit="values")
    expected = expected_flags(every[:256], fields["qa_aerosol"], {"level": QAFlag.HAZE}, value=HIGH_AEROSOL)
    wrong = (aerosol_flags(every[:256]) != expected).sum()
    table.add("radiometry", "wrong_decodes", wrong, subset="all 256 values of SR_QA_AEROSOL, OLI", unit="values")


def level2_scaling(mtl: str) -> set[tuple[float, float]]:
    """(factor, addend) of every surface reflectance band in an MTL file; its level 1 group is not read."""
    group = mtl.split("GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS")[1]
    numbers = {k: dict(re.findall(rf"REFLECTANCE_{k}_BAND_(\d) = (\S+)", group)) for k in ("MULT", "ADD")}
    return {(float(numbers["MULT"][b]), float(numbers["ADD"][b])) for b in numbers["MULT"]}


def add_scaling(table: Table, scenes: list[Scene]) -> None:
    """Scenes whose scale and offset are those of the MTL file; samples that are removed only when both QA and the numbers are used."""
    sensor, right, lost, samples, seen_in_fill = load_sensor(LANDSAT), 0, 0, 0, 0
    for scene in scenes:
        mtl = next(Path(scene.assets["red"]).parent.glob("*_MTL.txt")).read_text("utf-8").split("GROUP = LEVEL1_")[0]
        right += level2_scaling(mtl) == {(scene.scale, scene.offset)}
        with rasterio.open(scene.assets["mask"]) as src:
            labels = label_flags(mask_numbers(src.read(1), sensor), sensor.mask)
        with rasterio.open(scene.assets["blue"]) as src:
            stored = src.read(1)
            numbers = chip_numbers(stored, sensor, src.nodata)
        samples += (stored > 0).sum()
        lost += ((stored > 0) & (numbers == 0)).sum()
        seen_in_fill += ((labels == QAFlag.NODATA) & (numbers > 0)).sum()
    table.add("radiometry", "scaling_as_mtl", ratio(right, len(scenes)), subset="scenes")
    table.add("radiometry", "blue_out_of_range_share", ratio(lost, samples), subset="samples with a number")
    table.add("radiometry", "numbers_where_qa_says_fill", seen_in_fill, subset="blue", unit="samples")


def add_classes(table: Table, real: Path) -> None:
    """Scene classes decoded differently from the product specification: of the palette, and of the pixels of two scenes."""
    rule = load_sensor(SENTINEL).mask
    lines = (real / "qa" / "scl_palette_sen2r.txt").read_text("utf-8").split("\n")
    palette = np.array([int(line.split()[0]) for line in lines if line.split() and line.split()[0].isdigit()], "uint16")
    pixels = []
    for path in sorted((real / "catalog" / "sentinel-2-l2a").glob("*/SCL.tif")):
        with rasterio.open(path) as src:
            pixels.append(src.read(1).ravel())
    for subset, values in ((f"{palette.size} scene classes", palette), ("pixels of two scenes", np.concatenate(pixels).astype("uint16"))):
        expected = np.array([SCL_MEANING[int(v)] for v in values], "uint16")
        table.add("radiometry", "wrong_decodes", (label_flags(values, rule) != expected).sum(), subset=subset, unit="values")
